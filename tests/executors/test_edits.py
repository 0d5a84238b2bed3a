"""Edits of file content: what they change, and that they change nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executors.edit_lines import split_lines
from executors.edit_values import set_value
from executors.edits import append_line, apply_edit, put, remove_lines, replace_text
from intents.errors import ValueRejected

LINES = st.one_of(
    st.sampled_from(
        [
            b"Port 22",
            b"#Port 22",
            b"# Port is explained here",
            b"port = 1 # one",
            b"Port=5",
            b"key: value",
            b"[main]",
            b"[other]",
            b"Match User x",
            b"  Port 9",
            b"",
            b"\xff\xfe latin",
            b"a = 'q'",
        ]
    ),
    st.binary(max_size=12).filter(lambda line: b"\n" not in line and b"\r" not in line),
)
CONTENTS = st.tuples(st.lists(LINES, max_size=8), st.sampled_from([b"\n", b"\r\n"]), st.booleans()).map(
    lambda parts: parts[1].join(parts[0]) + (parts[1] if parts[2] and parts[0] else b"")
)
WORDS = st.from_regex(rb"\A[A-Za-z0-9_./:-]{1,8}\Z").filter(lambda word: word[:1] not in b":=")


def test_put_ends_the_last_line() -> None:
    assert (put(b"old", b"new"), put(b"old", b"new\n"), put(b"old", b"")) == (b"new\n", b"new\n", b"")


def test_append_line_to_nothing() -> None:
    assert append_line(b"", b"a") == b"a\n"


def test_append_line_ends_the_last_line_first() -> None:
    assert append_line(b"a\nb", b"c") == b"a\nb\nc\n"
    assert append_line(b"a\r\nb", b"c") == b"a\r\nb\r\nc\r\n"


def test_append_line_is_about_the_exact_line() -> None:
    assert append_line(b"abc\n", b"ab") == b"abc\nab\n"
    assert append_line(b"ab\r\nx\r\n", b"ab") == b"ab\r\nx\r\n"
    assert append_line(b"x\nab", b"ab") == b"x\nab"


def test_remove_lines_takes_its_text_literally() -> None:
    assert remove_lines(b"1.2\n102\nno 1.2 x\n", b"1.2") == b"102\n"
    assert remove_lines(b"a\nb", b"b") == b"a\n"


def test_replace_text_crosses_no_meaning() -> None:
    assert replace_text(b"a.b axb", b"a.b", rb"\1$&") == rb"\1$& axb"


def test_replace_text_leaves_what_already_reads_new() -> None:
    assert replace_text(b"foo foobar", b"foo", b"foobar") == b"foobar foobar"


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("append_line", {"line": "a\nb"}),
        ("remove_lines", {"match": ""}),
        ("replace_text", {"old": "", "new": "x"}),
        ("set_value", {"key": "a", "value": "b\nroot = yes"}),
        ("set_value", {"key": "a=b", "value": "c"}),
        ("set_value", {"key": "", "value": "c"}),
        ("set_value", {"key": "a", "value": "c", "section": "x\ny"}),
    ],
)
def test_arguments_that_cannot_be_are_refused(operation: str, arguments: dict[str, str]) -> None:
    with pytest.raises(ValueRejected):
        apply_edit(operation, b"a = 1\n", arguments)  # type: ignore[arg-type]


def test_apply_edit_keeps_bytes_that_are_not_utf8() -> None:
    assert apply_edit("append_line", b"caf\xe9\n", {"line": "th\udce9"}) == b"caf\xe9\nth\xe9\n"


SET_VALUE = {
    "spaced equals keep their comment": (b"a = 1  # one\nb = 2\n", "a", "9", None, b"a = 9  # one\nb = 2\n"),
    "tight equals": (b"A=1\n", "A", "2", None, b"A=2\n"),
    "colon": (b"a: 1\n", "a", "2", None, b"a: 2\n"),
    "blanks in any case": (b"port 22\n", "Port", "2222", None, b"port 2222\n"),
    "tab": (b"Port\t22\n", "Port", "2222", None, b"Port\t2222\n"),
    "equals mind the case": (b"path=1\n", "PATH", "2", None, b"path=1\nPATH=2\n"),
    "indent": (b"  a = 1\n", "a", "2", None, b"  a = 2\n"),
    "crlf": (b"a=1\r\nb=2\r\n", "a", "3", None, b"a=3\r\nb=2\r\n"),
    "the first one": (b"a=1\na=2\n", "a", "3", None, b"a=3\na=2\n"),
    "commented default": (b"#Port 22\nX y\n", "Port", "2222", None, b"#Port 22\nPort 2222\nX y\n"),
    "prose is no default": (
        b"# Port is a number\nX y\n#Port 22\n",
        "Port",
        "1",
        None,
        b"# Port is a number\nX y\n#Port 22\nPort 1\n",
    ),
    "commented default with a blank": (b"# a = 1\nb = 2\n", "a", "3", None, b"# a = 1\na = 3\nb = 2\n"),
    "appended in the file's style": (b"b: 1\nc: 2\n", "a", "3", None, b"b: 1\nc: 2\na: 3\n"),
    "appended after a line without end": (b"b c", "a", "d", None, b"b c\na d\n"),
    "empty file": (b"", "a", "1", None, b"a=1\n"),
    "quotes stay": (b'GRUB="quiet splash"\n', "GRUB", "quiet", None, b'GRUB="quiet"\n'),
    "comment mark in quotes": (b'a = "x # y" # z\n', "a", "w", None, b'a = "w" # z\n'),
    "own quotes": (b'a = "x"\n', "a", "'y'", None, b"a = 'y'\n"),
    "nginx semicolon": (b"worker_processes auto;\n", "worker_processes", "4", None, b"worker_processes 4;\n"),
    "semicolons of a list": (b"Categories=A;B;\n", "Categories", "C;", None, b"Categories=C;\n"),
    "colour": (b"a = #fff\n", "a", "#000", None, b"a = #000\n"),
    "no value but a comment": (b"a = # one\n", "a", "1", None, b"a = 1 # one\n"),
    "comment after a semicolon": (b"a b; # one\n", "a", "c", None, b"a c; # one\n"),
    "ini comment": (b"a = 1 ; one\n", "a", "2", None, b"a = 2 ; one\n"),
    "no value yet": (b"a =\nb = 1\n", "a", "1", None, b"a =1\nb = 1\n"),
    "longer keys": (b"ab = 1\na = 2\n", "a", "3", None, b"ab = 1\na = 3\n"),
    "latin-1": (b"x = \xe9\na = 1 # \xe9\n", "a", "2", None, b"x = \xe9\na = 2 # \xe9\n"),
    "section": (b"[x]\na=1\n[y]\na=2\n", "a", "3", "y", b"[x]\na=1\n[y]\na=3\n"),
    "added in its section": (b"[x]\nb=1\n\n[y]\na=2\n", "a", "3", "x", b"[x]\nb=1\na=3\n\n[y]\na=2\n"),
    "default in its section": (b"[x]\n#a=0\nb=1\n[y]\n", "a", "3", "x", b"[x]\n#a=0\na=3\nb=1\n[y]\n"),
    "missing section": (b"[x]\nb = 1\n", "a", "3", "y", b"[x]\nb = 1\n\n[y]\na = 3\n"),
    "empty last section": (b"[x]\n", "a", "3", "x", b"[x]\na=3\n"),
    "empty last section without end": (b"[x]", "a", "3", "x", b"[x]\na=3\n"),
    "in its only section": (b"[x]\nb = 1\n[y]\na = 2\n", "a", "3", None, b"[x]\nb = 1\n[y]\na = 3\n"),
    "before the first section": (b"b = 1\n[x]\nc = 1\n", "a", "3", None, b"b = 1\na = 3\n[x]\nc = 1\n"),
    "before Match": (
        b"Port 22\n\nMatch User git\n  X11Forwarding no\n",
        "X11Forwarding",
        "yes",
        None,
        b"Port 22\nX11Forwarding yes\n\nMatch User git\n  X11Forwarding no\n",
    ),
    "Host is a block only before indented lines": (b"Host db\nPort 1\n", "Port", "2", None, b"Host db\nPort 2\n"),
    "ssh_config": (b"Host db\n  Port 1\n", "Port", "2", None, b"Port 2\nHost db\n  Port 1\n"),
}


@pytest.mark.parametrize("name", SET_VALUE)
def test_set_value(name: str) -> None:
    before, key, value, section, expected = SET_VALUE[name]
    arguments = {"key": key, "value": value} | ({} if section is None else {"section": section})
    assert apply_edit("set_value", before, arguments) == expected
    assert apply_edit("set_value", expected, arguments) == expected


def test_a_key_in_several_sections_needs_one_named() -> None:
    with pytest.raises(ValueRejected, match="several sections") as caught:
        set_value(b"[x]\na=1\n[y]\na=2\n", b"a", b"3")
    assert "x, y" in caught.value.remedy


@given(before=CONTENTS, line=WORDS)
def test_append_line_adds_that_line_alone_and_once(before: bytes, line: bytes) -> None:
    after = append_line(before, line)
    assert append_line(after, line) == after
    assert after.startswith(before)
    assert len(split_lines(after)) - len(split_lines(before)) in {0, 1}


@given(before=CONTENTS, match=WORDS)
def test_remove_lines_keeps_all_others(before: bytes, match: bytes) -> None:
    after = remove_lines(before, match)
    assert remove_lines(after, match) == after
    assert split_lines(after) == [line for line in split_lines(before) if match not in line]


@given(before=CONTENTS, old=WORDS, new=st.one_of(WORDS, WORDS.map(lambda word: word + b"Port")))
def test_replace_text_touches_only_lines_with_the_text(before: bytes, old: bytes, new: bytes) -> None:
    after = replace_text(before, old, new)
    for line, changed in zip(split_lines(before), split_lines(after), strict=True):
        assert old in line or line == changed


@given(before=CONTENTS, value=WORDS, section=st.sampled_from([None, b"main", b"new"]))
def test_set_value_is_done_once_and_touches_one_line(before: bytes, value: bytes, section: bytes | None) -> None:
    try:
        after = set_value(before, b"Port", value, section=section)
    except ValueRejected:
        return
    assert set_value(after, b"Port", value, section=section) == after
    old, new = split_lines(before), split_lines(after)
    if len(new) == len(old):
        assert sum(was != now for was, now in zip(old, new, strict=True)) <= 1
    else:
        kept = iter(line.rstrip(b"\r\n") for line in new)
        assert all(line.rstrip(b"\r\n") in kept for line in old), "the old lines are there, in order"
        assert len(new) - len(old) <= 3
    assert value in after
