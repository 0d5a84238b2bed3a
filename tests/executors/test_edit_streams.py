"""Edits on the way give what edits of the whole give, whatever the pieces in which a content comes."""

import hashlib
import io
import shutil
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executors.diffs import unified_diff
from executors.edit_streams import LINE_LIMIT_BYTES, Editing, Scanning, stream_edit
from executors.edits import apply_edit
from intents.errors import ValueRejected
from intents.intent import EditOperation

LINES = st.sampled_from(
    [
        b"Port 22",
        b"#Port 22",
        b"[main]",
        b"[b]",
        b"a = 1",
        b"a=2",
        b"",
        b"match x",
        b"  Port 9",
        b"# note",
        b"ab",
        b"aab",
    ]
)
CONTENTS = st.tuples(st.lists(LINES, max_size=14), st.booleans()).map(
    lambda parts: b"\n".join(parts[0]) + (b"\n" if parts[1] and parts[0] else b"")
)
EDITS: list[tuple[EditOperation, dict[str, str]]] = [
    ("append_line", {"line": "a=2"}),
    ("append_line", {"line": "zz"}),
    ("remove_lines", {"match": "a"}),
    ("remove_lines", {"match": "Port"}),
    ("replace_text", {"old": "a", "new": "aa"}),
    ("replace_text", {"old": "a", "new": ""}),
    ("set_value", {"key": "Port", "value": "80"}),
    ("set_value", {"key": "a", "value": "3", "section": "main"}),
    ("set_value", {"key": "a", "value": "3", "section": "new"}),
]


def on_the_way(
    operation: EditOperation, arguments: dict[str, str], before: bytes, cuts: Sequence[int]
) -> tuple[bytes, Editing]:
    places = sorted({0, len(before), *(cut for cut in cuts if cut < len(before))})
    chunks = [before[start:stop] for start, stop in pairwise(places)]
    edit = stream_edit(operation, arguments)
    if edit.needs_scan:
        scanning = Scanning(edit)
        for chunk in chunks:
            scanning.feed(chunk)
        scanning.close()
    sink = io.BytesIO()
    editing = Editing(edit, sink)
    for chunk in chunks:
        editing.feed(chunk)
    editing.close()
    return sink.getvalue(), editing


@pytest.mark.parametrize(("operation", "arguments"), EDITS, ids=[f"{name} {given}" for name, given in EDITS])
@given(before=CONTENTS, cuts=st.lists(st.integers(1, 80), max_size=5))
@settings(max_examples=60, deadline=None)
def test_the_pieces_make_no_difference(
    operation: EditOperation, arguments: dict[str, str], before: bytes, cuts: list[int]
) -> None:
    try:
        expected = apply_edit(operation, before, arguments)
    except ValueRejected:
        with pytest.raises(ValueRejected):
            on_the_way(operation, arguments, before, cuts)
        return
    after, editing = on_the_way(operation, arguments, before, cuts)
    assert after == expected
    assert editing.before_sha256 == hashlib.sha256(before).hexdigest()
    assert editing.after_sha256 == hashlib.sha256(expected).hexdigest()
    assert (editing.before_bytes, editing.after_bytes) == (len(before), len(expected))


@pytest.mark.skipif(shutil.which("patch") is None, reason="patch(1) isn't installed")
@pytest.mark.parametrize(("operation", "arguments"), EDITS[1:6:2])
@given(before=CONTENTS.map(lambda content: content * 3))
@settings(max_examples=15, deadline=None)
def test_patch_makes_the_new_content_of_the_hunks(
    operation: EditOperation, arguments: dict[str, str], before: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    after, editing = on_the_way(operation, arguments, before, [40])
    path = tmp_path_factory.mktemp("patch") / "file"
    path.write_bytes(before)
    if hunks := editing.hunks.text():
        text = f"--- file\n+++ file\n{hunks}"
        subprocess.run(["patch", "-s", "--binary", str(path)], input=text.encode(), check=True, capture_output=True)
    assert (path.read_bytes() if path.exists() else b"") == after


def test_more_changes_than_can_be_shown_are_counted() -> None:
    _, editing = on_the_way("replace_text", {"old": "a", "new": "b"}, b"a line of text\n" * 50_000, [])
    assert editing.hunks.left_out_lines > 0
    assert editing.hunks.added_lines == 50_000
    assert len(editing.hunks.text()) < 600_000


def test_a_line_that_cannot_be_held_is_refused() -> None:
    editing = Editing(stream_edit("append_line", {"line": "x"}))
    with pytest.raises(ValueRejected, match="longer than 16 MiB"):
        editing.feed(b"x" * (LINE_LIMIT_BYTES + 1))


def test_edits_that_must_hold_the_file_are_refused() -> None:
    with pytest.raises(ValueRejected, match="larger than 16 MiB"):
        stream_edit("add_host", {"address": "10.0.0.1", "name": "a"})


def test_a_long_diff_with_one_change_is_shown_and_applies(tmp_path: Path) -> None:
    before = b"".join(b"line %d\n" % number for number in range(400_000))
    after = before.replace(b"line 200000\n", b"line two\nhundred thousand\n")
    text = unified_diff(before, after, "/x")
    assert text == (
        "--- /x\n+++ /x\n@@ -199998,7 +199998,8 @@\n line 199997\n line 199998\n line 199999\n-line 200000\n"
        "+line two\n+hundred thousand\n line 200001\n line 200002\n line 200003\n"
    )
