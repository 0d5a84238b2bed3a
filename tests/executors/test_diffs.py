"""Differences as text, checked by applying them with the real patch where it is installed."""

import hashlib
import shutil
import subprocess
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executors.diffs import DIFF_LIMIT_BYTES, state_diff, unified_diff
from intents.values import Json

CONTENTS = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\r\n", b"\n", b"x\x0cy\n", b"caf\xc3\xa9\n"]), max_size=12).map(
    b"".join
)


def test_equal_contents_have_no_diff() -> None:
    assert unified_diff(b"a\n", b"a\n", "/etc/x") == ""
    assert unified_diff(None, None, "/etc/x") == ""


def test_a_change_has_context_of_three_lines() -> None:
    before = b"".join(b"%d\n" % number for number in range(10))
    assert unified_diff(before, before.replace(b"5\n", b"five\n"), "/etc/x") == (
        "--- /etc/x\n+++ /etc/x\n@@ -3,7 +3,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
    )


def test_creation_and_deletion_name_dev_null() -> None:
    assert unified_diff(None, b"a\n", "/x") == "--- /dev/null\n+++ /x\n@@ -0,0 +1 @@\n+a\n"
    assert unified_diff(b"a\n", None, "/x") == "--- /x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"


def test_creation_of_an_empty_file_is_visible() -> None:
    text = unified_diff(None, b"", "/x")
    assert "absent" in text
    assert "0 bytes" in text


def test_bytes_that_are_not_utf8_are_written_out() -> None:
    assert "+caf\\xe9\n" in unified_diff(b"a\n", b"caf\xe9\n", "/x")


def test_a_missing_last_newline_is_said() -> None:
    assert unified_diff(b"a", b"a\n", "/x").endswith("-a\n\\ No newline at end of file\n+a\n")


@pytest.mark.parametrize("content", [b"a\0b", b"line\n" * (DIFF_LIMIT_BYTES // 5 + 1)])
def test_binary_and_long_content_is_summarised_honestly(content: bytes) -> None:
    text = unified_diff(b"old\n", content, "/x")
    assert "Summary: " in text
    assert f"+{len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}" in text
    assert f"-4 bytes, SHA-256 {hashlib.sha256(b'old' + bytes([10])).hexdigest()}" in text


def test_the_largest_diffs_are_made_in_seconds() -> None:
    before = b"".join(b"%05d same words\n" % number for number in range(DIFF_LIMIT_BYTES // 17))
    started = time.monotonic()
    assert unified_diff(before, before.replace(b"00 same", b"00 other"), "/x")
    assert time.monotonic() - started < 20


@pytest.mark.skipif(shutil.which("patch") is None, reason="patch(1) isn't installed")
@given(before=CONTENTS, after=CONTENTS)
@settings(max_examples=25, deadline=None)
def test_patch_makes_after_from_before(before: bytes, after: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("patch") / "file"
    path.write_bytes(before)
    text = unified_diff(before, after, "file")
    if text:
        subprocess.run(
            ["patch", "-s", "--binary", "-E", str(path)], input=text.encode(), check=True, capture_output=True
        )
    assert (path.read_bytes() if path.exists() else b"") == after


def test_state_lines_are_only_those_that_differ() -> None:
    before: dict[str, Json] = {"ActiveState": "active", "MainPID": 10, "Gone": True, "Same": 1}
    after: dict[str, Json] = {"ActiveState": "active", "MainPID": 11, "Same": 1, "New": ["a", "b"]}
    assert state_diff(before, after, "nginx.service") == (
        '--- nginx.service\n+++ nginx.service\n-MainPID: 10\n+MainPID: 11\n-Gone: true\n+New: ["a", "b"]\n'
    )
    assert state_diff(before, dict(before), "nginx.service") == ""


def test_a_state_value_stays_on_its_line() -> None:
    assert state_diff({"a": "x"}, {"a": "x\n+b: forged"}, "s").endswith('+a: "x\\n+b: forged"\n')


def test_true_and_one_are_different_states() -> None:
    assert state_diff({"a": True}, {"a": 1}, "s") != ""
