"""The answers about texts equal those of grep, awk, sort, uniq, cut, sed and wc on the same odd files."""

import os
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from executors.local import LocalTransport
from executors.state import run_step
from executors.transport import OUTPUT_LIMIT_BYTES
from intents.parsers.conversion import decode
from intents.values import Json, Row
from tests.support.reads import CATALOGUE, read_for_real

CONTENTS = {
    "plain": b"beta 2 x\nalpha 10 y\nbeta 2 x\n\n  gamma\t3  z\n",
    "CRLF": b"one,1\r\nERROR two,2\r\none,1\r\n",
    "not UTF-8": b"caf\xe9,1\nERROR \xff,2\ncaf\xe9,1\nplain,3\n",
    "no final newline": b"b:2\na:1\nERROR:3\nb:2",
    "tabs": b"a\tb c\td\n\tERROR\t\nlone\n",
    "NUL inside": b"a\0b 1\nERROR\0 2\n",
    "escapes": b"\\xff 1\n\xff 1\nERROR \\n 3\n",
    "looks like grep's output": b"12:x\n--\n7-ERROR\n--\n",
    "numbers": b"10\n9\n-3\n2.5\n 7\nERROR\n10\n",
    "empty": b"",
    "one newline": b"\n",
}
NAMES = ("-dash", "two words", "new\nline", "*.glob", "plain.txt")
EVERY_CONTENT = pytest.mark.parametrize("content", list(CONTENTS.values()), ids=list(CONTENTS))


@pytest.fixture(params=NAMES, ids=["dash", "blank", "newline", "glob", "plain"])
def folder_and_name(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def tool(*argv: str | Path, stdin: bytes | None = None) -> bytes:
    """Return what a tool writes; grep's 1 means that nothing was found."""
    done = subprocess.run(
        [str(word) for word in argv],
        input=stdin,
        capture_output=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        check=False,
    )
    assert done.returncode in {0, 1}, done
    assert not done.stderr, done
    return done.stdout


def lines(output: bytes) -> list[str]:
    return [decode(line) for line in output.removesuffix(b"\n").split(b"\n")] if output else []


def texts(rows: Sequence[Row]) -> list[Json]:
    return [row["text"] for row in rows]


def numbered(rows: Sequence[Row]) -> list[str]:
    return [f"{row['number']}{':' if row['matches'] else '-'}{row['text']}" for row in rows]


@EVERY_CONTENT
@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({}, ["-F"]),
        ({"invert": True}, ["-F", "-v"]),
        ({"ignore_case": True, "context": 1}, ["-F", "-i", "-C", "1"]),
        ({"regex": True}, ["-E"]),
        ({"whole_word": True}, ["-F", "-w"]),
    ],
    ids=["plain", "inverted", "context", "regex", "word"],
)
def test_matching_lines_are_those_of_grep(
    tmp_path: Path, content: bytes, arguments: dict[str, Json], options: list[str]
) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)
    expected = [line for line in lines(tool("grep", "-a", "-n", *options, "-e", "ERROR", "--", path)) if line != "--"]
    assert numbered(read_for_real("text.match", path=str(path), text="ERROR", **arguments)) == expected


@EVERY_CONTENT
def test_counts_are_those_of_grep_and_wc(folder_and_name: Path, content: bytes) -> None:
    path = folder_and_name
    path.write_bytes(content)
    assert [read_for_real("text.count", path=str(path), text="ERROR")] == [
        [{"count": int(tool("grep", "-a", "-c", "-e", "ERROR", "--", path))}]
    ]
    (row,) = read_for_real("file.count_lines", paths=[str(path)])
    assert [row["lines"], row["words"], row["size"]] == [int(n) for n in tool("wc", "-lwc", stdin=content).split()]


@EVERY_CONTENT
def test_extracted_parts_are_those_of_grep(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)
    assert texts(read_for_real("text.extract", path=str(path), pattern="[0-9]+")) == lines(
        tool("grep", "-a", "-o", "-E", "-e", "[0-9]+", path)
    )


@EVERY_CONTENT
@pytest.mark.parametrize(("first", "last"), [(1, 2), (2, 2), (2, 9), (3, 1), (9, 10)])
def test_a_range_of_lines_is_that_of_sed(tmp_path: Path, content: bytes, first: int, last: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)
    rows = read_for_real("text.lines", path=str(path), first=first, last=last)
    # sed prints the first line of an address range that ends before it; a range that holds nothing has no lines.
    expected = lines(tool("sed", "-n", f"{first},{last}p", path)) if first <= last else []
    assert [(row["number"], row["text"]) for row in rows] == list(enumerate(expected, start=first))


@EVERY_CONTENT
@pytest.mark.parametrize("numbers", [[1], [2], [3, 1], [9]])
def test_columns_between_blanks_are_those_of_awk(folder_and_name: Path, content: bytes, numbers: list[int]) -> None:
    if b"\0" in content:
        content = content.replace(b"\0", b"0")  # mawk ends a line at NUL; a file of text has none
    path = folder_and_name
    path.write_bytes(content)
    program = "{print " + ",".join(f"${number}" for number in numbers) + "}"
    assert texts(read_for_real("text.columns", path=str(path), columns=numbers)) == lines(
        tool("awk", program, stdin=content)
    )


@EVERY_CONTENT
@pytest.mark.parametrize(("word", "separator"), [("comma", ","), ("colon", ":"), ("tab", "\t")])
def test_columns_with_a_separator_are_those_of_awk_and_cut(
    tmp_path: Path, content: bytes, word: str, separator: str
) -> None:
    content = content.replace(b"\0", b"0")
    path = tmp_path / "f"
    path.write_bytes(content)
    rows = texts(read_for_real("text.columns", path=str(path), columns=[2], separator=word))
    assert rows == lines(tool("awk", "-F", separator, "{print $2}", path))
    # cut prints a line without the separator whole, awk's second column of it is empty.
    only_separated = [text for text, line in zip(rows, lines(content), strict=True) if separator in line]
    assert only_separated == lines(tool("cut", "-d", separator, "-f", "2", "-s", path))


@EVERY_CONTENT
def test_frequencies_are_those_of_sort_and_uniq(folder_and_name: Path, content: bytes) -> None:
    path = folder_and_name
    path.write_bytes(content)
    rows = read_for_real("text.frequency", path=str(path))
    counted = [line.lstrip(" ").partition(" ") for line in lines(tool("uniq", "-c", stdin=tool("sort", stdin=content)))]
    assert Counter({str(row["text"]): row["count"] for row in rows}) == Counter(
        {text: int(n) for n, _, text in counted}
    )
    assert len(rows) == len(counted)
    counts = [row["count"] for row in rows]
    assert counts == sorted((int(n) for n, _, _ in counted), reverse=True)


def test_frequencies_of_a_column_are_those_of_cut_sort_and_uniq(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(CONTENTS["not UTF-8"])
    rows = read_for_real("text.frequency", path=str(path), column=1, separator="comma")
    values = tool("uniq", "-c", stdin=tool("sort", stdin=tool("cut", "-d,", "-f1", path)))
    assert {f"{row['count']} {row['text']}" for row in rows} == {line.strip() for line in lines(values)}


@EVERY_CONTENT
def test_sorted_lines_are_those_of_sort(folder_and_name: Path, content: bytes) -> None:
    path = folder_and_name
    path.write_bytes(content)
    assert texts(read_for_real("text.unique", path=str(path))) == lines(tool("sort", "-u", stdin=content))
    for arguments, options in (({}, []), ({"numeric": True, "reverse": True}, ["-n", "-r"])):
        assert texts(read_for_real("text.sort", path=str(path), **arguments)) == lines(
            tool("sort", *options, stdin=content)
        )


def test_sorting_by_a_column_is_that_of_sort(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a:10:x\nb:9:y\nc:100:z\n")
    rows = read_for_real("text.sort", path=str(path), column=2, separator="colon", numeric=True)
    assert texts(rows) == lines(tool("sort", "-t:", "-k2,2n", path)) == ["b:9:y", "a:10:x", "c:100:z"]


@EVERY_CONTENT
def test_first_lines_are_those_of_head(folder_and_name: Path, content: bytes) -> None:
    path = folder_and_name
    path.write_bytes(content)
    assert texts(read_for_real("file.head", path=str(path), lines=2)) == lines(tool("head", "-n", "2", stdin=content))


@EVERY_CONTENT
@pytest.mark.parametrize("context", [0, 3])
def test_a_comparison_holds_both_files_of_diff(tmp_path: Path, content: bytes, context: int) -> None:
    content = content.replace(b"\0", b"0")
    left, right = tmp_path / "left", tmp_path / "right\nfile"
    left.write_bytes(content)
    right.write_bytes(b"--- new\n" + content.replace(b"ERROR", b"++ fine") + b"-- last\n")
    rows = read_for_real("file.compare", left=str(left), right=str(right), context=context)
    signs = {"removed": "-", "added": "+", "same": " ", "no newline at the end": "\\"}
    made = [signs[str(row["change"])] + str(row["text"]) for row in rows]
    diffed = lines(tool("diff", f"-U{context}", "--label", "a", "--label", "b", left, right))[2:]
    assert made == ["\\" if line.startswith("\\ ") else line for line in diffed if not line.startswith("@@ ")]
    whole = [decode(line) for line in right.read_bytes().split(b"\n")]
    for row in rows:
        if isinstance(row["right_line"], int):
            assert whole[row["right_line"] - 1] == row["text"]


def test_equal_files_are_said_to_be_identical(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"x\n")
    (row,) = read_for_real("file.compare", left=str(tmp_path / "a"), right=str(tmp_path / "b"))
    assert row["change"] == "identical"


@pytest.mark.parametrize(("more_bytes", "is_cut"), [(0, False), (1, True), (1000, True)])
def test_a_file_that_is_too_large_to_be_fetched_is_said_to_be_cut(
    tmp_path: Path, more_bytes: int, *, is_cut: bool
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * (OUTPUT_LIMIT_BYTES + more_bytes))
    read = CATALOGUE["text.frequency"].operation.read
    assert read is not None
    step = run_step(CATALOGUE["text.frequency"], read.command, {"path": str(path)}, interrupt="kill")
    assert LocalTransport().run(step.argv).is_truncated is is_cut
