"""Questions about the lines of a text: what grep, diff, wc and sed write, and columns and frequencies of a fetched file.

Lines are bytes until they are shown: only a newline ends one, a carriage return belongs to its line, and
bytes that aren't UTF-8 are told apart. So the answers equal those of awk, sort and uniq on the same file.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from intents.parsers.conversion import ParseError, decode, lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

_BLANKS = re.compile(rb"[ \t]+")


def split_lines(output: bytes) -> list[bytes]:
    r"""Return the lines without their newline; a last line without one counts.

    >>> split_lines(b"a\r\n\nb")
    [b'a\r', b'', b'b']
    """
    return output.removesuffix(b"\n").split(b"\n") if output else []


def parse_fields(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    r"""Read `columns` ("2" or "1,3") of each line to `number` of the line and `text`, joined by a blank as awk does.

    Without a `separator` fields are what stands between blanks and tabs. A field that a line lacks is empty.

    >>> parse_fields(b"a:b:c\n", (Column("text"),), {"columns": "3,1", "separator": ":"})
    [{'text': 'c a'}]
    """
    wanted = [int(number) for number in options["columns"].split(",")]
    records: list[dict[str, Json]] = []
    for number, line in enumerate(split_lines(output), start=1):
        chosen = [field_of(line, column, options.get("separator")) for column in wanted]
        records.append({"number": number, "text": decode(b" ".join(chosen))})
    return rows_of(records, columns)


def field_of(line: bytes, number: int, separator: str | None) -> bytes:
    r"""Return the field `number` (from 1) of a line, as `awk '{print $number}'` does (POSIX 2018, awk).

    >>> field_of(b"  root \t x", 2, None), field_of(b"a,,c", 2, ","), field_of(b"a", 9, ",")
    (b'x', b'', b'')
    """
    fields = _BLANKS.split(line.strip(b" \t")) if separator in {None, " "} else line.split((separator or "").encode())
    return fields[number - 1] if number <= len(fields) else b""


def parse_frequency(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    r"""Read how often each line occurs, or each value of a `column`, to `count` and `text`; most frequent first.

    >>> parse_frequency(b"b\na\nb\n", (Column("count", "integer"), Column("text")), {})
    [{'count': 2, 'text': 'b'}, {'count': 1, 'text': 'a'}]
    """
    lines = split_lines(output)
    if "column" in options:
        lines = [field_of(line, int(options["column"]), options.get("separator")) for line in lines]
    counted = sorted(Counter(lines).items(), key=lambda one: (-one[1], one[0]))
    return rows_of([{"count": count, "text": decode(text)} for text, count in counted], columns)


def parse_lines_from(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    """Read lines of which the first has the number `first` to `number` and `text`."""
    first = int(options["first"])
    return rows_of(
        [{"number": number, "text": line} for number, line in enumerate(lines_of(output), start=first)], columns
    )


_GREP_LINE = re.compile(r"(?P<number>[0-9]+)(?P<sign>[:-])(?P<text>.*)\Z", re.DOTALL)


def parse_grep_numbered(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `grep -n`, also with context (`-C`), to `number`, `matches` and `text`.

    A line that matches has `:` behind its number, one around it has `-`; `--` parts the groups.

    >>> parse_grep_numbered(b"1-a\n2:b\n", (Column("number", "integer"), Column("matches", "boolean")))
    [{'number': 1, 'matches': False}, {'number': 2, 'matches': True}]
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        if line == "--":
            continue
        match = _GREP_LINE.match(line)
        if match is None:
            raise unexpected("F:grep_numbered", "a line number, : or - and the line", line)
        records.append({"number": match["number"], "matches": match["sign"] == ":", "text": match["text"]})
    return rows_of(records, columns)


_WC_LINE = re.compile(r" *(?P<lines>[0-9]+) +(?P<words>[0-9]+) +(?P<size>[0-9]+) (?P<path>.*)\Z")


def parse_wc(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `wc -l -w -c` to `lines`, `words`, `size` in bytes and `path`; the sum of several files is left out.

    >>> parse_wc(b" 2 4 10 /etc/motd\n", (Column("lines", "integer"), Column("path", "path")))
    [{'lines': 2, 'path': '/etc/motd'}]
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = _WC_LINE.match(line)
        if match is None:
            raise unexpected("F:wc", "three numbers and a path", line)
        records.append(dict(match.groupdict()))
    if len(records) > 1 and records[-1]["path"] == "total":
        records.pop()
    return rows_of(records, columns)


_HUNK = re.compile(
    r"@@ -(?P<left>[0-9]+)(?:,(?P<left_size>[0-9]+))? \+(?P<right>[0-9]+)(?:,(?P<right_size>[0-9]+))? @@"
)


def parse_unified_diff(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `diff -u -s` to `change` (removed, added, same), `left_line`, `right_line` and `text`.

    Files without a difference, and binary ones, are one row with what diff says about them
    (`identical`, `differs`). How many lines follow is told by each hunk's head, so that a line of
    the file may look like anything (diffutils 3.8, "Detailed Description of Unified Format").
    """
    lines = lines_of(output)
    if not lines:
        return []
    if not lines[0].startswith("--- "):
        change = "identical" if lines[-1].endswith("identical") else "differs"
        return rows_of([{"change": change, "text": lines[-1]}], columns)
    return rows_of(_changes_of(lines[2:]), columns)


def _changes_of(lines: Sequence[str]) -> Iterator[dict[str, Json]]:
    left = right = left_end = right_end = 0
    for line in lines:
        if line.startswith("\\"):
            yield {"change": "no newline at the end", "text": ""}
        elif left == left_end and right == right_end:
            head = _HUNK.match(line)
            if head is None:
                raise unexpected("F:unified_diff", "the head of a hunk", line)
            left, right = int(head["left"]), int(head["right"])
            left_end, right_end = left + int(head["left_size"] or 1), right + int(head["right_size"] or 1)
        else:
            # An empty line of context may have lost its blank.
            sign, text = (line[0], line[1:]) if line else (" ", "")
            if sign not in "-+ ":
                raise unexpected("F:unified_diff", "a line with -, + or a blank", line)
            change = {"-": "removed", "+": "added"}.get(sign, "same")
            yield {
                "change": change,
                "left_line": left if sign != "+" else None,
                "right_line": right if sign != "-" else None,
                "text": text,
            }
            left, right = left + (sign != "+"), right + (sign != "-")


def parse_diff_brief(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    """Read `diff -r -q` of the directories `left` and `right` to `state` and `path` below both.

    `state`: only left, only right, differs, or other kind.
    """
    left, right = options["left"], options["right"]
    return rows_of([_difference(line, left, right) for line in lines_of(output)], columns)


def _difference(line: str, left: str, right: str) -> dict[str, Json]:
    for side, root in (("left", left), ("right", right)):
        # Below a root that begins like the other one the longer one decides.
        rest = line.removeprefix(f"Only in {root}")
        if rest != line and rest.startswith((":", "/")):
            folder, _, name = rest.partition(": ")
            return {"state": f"only {side}", "path": f"{folder.strip('/')}/{name}".lstrip("/")}
    for start, end in (("Files ", " differ"), ("Symbolic links ", " differ")):
        length = len(line) - len(f"{start}{left} and {right}{end}")
        below = line[len(start) + len(left) :][: length // 2]
        if line == f"{start}{left}{below} and {right}{below}{end}":
            return {"state": "differs", "path": below.lstrip("/")}
    kinds = re.match(r"File (?P<path>.*) is an? .* while file ", line)
    if kinds is None:
        raise unexpected("F:diff_brief", "what differs between two directories", line)
    return {"state": "other kind", "path": kinds["path"].removeprefix(left).lstrip("/")}


def parse_count_of_x(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read one `x` for each thing found to their `count`; no name is printed, so none can be miscounted.

    >>> parse_count_of_x(b"xx", (Column("count", "integer"),))
    [{'count': 2}]
    """
    if output.strip(b"x\n"):
        raise unexpected("F:count_of_x", "an x for each entry", decode(output))
    return rows_of([{"count": output.count(b"x")}], columns)


def refuse_cut(output: bytes, limit_bytes: int = 16 * 1024 * 1024) -> None:
    """Raise `ParseError` for what was cut at the limit of a fetch: half a document isn't one."""
    if len(output) >= limit_bytes:
        raise ParseError(f"The file is larger than {limit_bytes // 2**20} MiB, so it can't be read as a whole.")
