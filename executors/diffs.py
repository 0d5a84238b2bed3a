"""Differences as text: of a file's content, and of a state."""

import difflib
import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from executors.diff_hunks import Hunks
from intents.types.visible import visible
from intents.values import Json

DIFF_LIMIT_BYTES = 1024 * 1024
"""Of longer content only the part between the first and the last difference is compared line by line, if that
is no longer; else it is summarised: nobody reads it line by line."""

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class FileDiff:
    """A unified diff, empty when nothing differs. `is_summary`: it leaves something out."""

    text: str
    is_summary: bool = False


def file_diff(before: bytes | None, after: bytes | None, path: str) -> FileDiff:
    """Return the diff of a file's contents; None stands for "absent"."""
    text = unified_diff(before, after, path)
    header_lines = 2
    third = text.split("\n", header_lines + 1)[header_lines : header_lines + 1]
    return FileDiff(text, is_summary=bool(text) and third[0].startswith(SUMMARY) and "empty content" not in third[0])


SUMMARY = "Summary: "
"""How the line begins that says why a diff is not shown line by line."""


def unified_diff(before: bytes | None, after: bytes | None, path: str) -> str:
    r"""Return the unified diff of a file, empty when nothing differs; None stands for "absent".

    Bytes that aren't UTF-8 stand as `\xNN`. Binary content, and long content that differs in many places, gives
    its sizes and hashes instead, after a line that begins with `Summary:`.

    >>> print(unified_diff(b"a\nb\n", b"a\nc", "/etc/x"), end="")
    --- /etc/x
    +++ /etc/x
    @@ -1,2 +1,2 @@
     a
    -b
    +c
    \ No newline at end of file
    """
    if before == after:
        return ""
    header = diff_header(path if before is not None else None, path if after is not None else None)
    kind = _unreadable_kind(before, after)
    if kind == "long content" and before is not None and after is not None:
        hunks = _hunks_between(io.BytesIO(before), io.BytesIO(after))
        if hunks is not None:
            return header + hunks
    if kind is not None:
        return header + (f"{SUMMARY}{kind}, not shown line by line\n-{_summary(before)}\n+{_summary(after)}\n")
    body = difflib.unified_diff(_lines(before), _lines(after), lineterm="")
    lines = list(body)[2:]
    return header + "".join(line if line.endswith("\n") else f"{line}\n{_no_newline(line)}" for line in lines)


def diff_header(before: str | None, after: str | None) -> str:
    r"""Return the two lines that begin a diff: the names before and after, None for "absent".

    A name with what can't be printed is escaped and stands in quotes, as git has it: no name can forge a line.

    >>> diff_header(None, "/srv/a\n+++ /etc/passwd")
    '--- /dev/null\n+++ "/srv/a\\n+++ /etc/passwd"\n'
    """
    return "".join(f"{sign} {_header_name(name)}\n" for sign, name in (("---", before), ("+++", after)))


def _header_name(name: str | None) -> str:
    if name is None:
        return "/dev/null"
    return name if name.isprintable() else f'"{visible(name)}"'


def diff_of_files(before: BinaryIO, after: BinaryIO, path: str) -> FileDiff:
    """Return the diff of two open files of any size, a part of which is held in memory at a time."""
    hunks = _hunks_between(before, after)
    if hunks == "":
        return FileDiff("")
    header = diff_header(path, path)
    if hunks is not None:
        return FileDiff(header + hunks)
    said = f"{SUMMARY}long content, not shown line by line\n"
    return FileDiff(f"{header}{said}-{_file_summary(before)}\n+{_file_summary(after)}\n", is_summary=True)


def _hunks_between(before: BinaryIO, after: BinaryIO) -> str | None:
    """Return the hunks where first and last difference lie close together, else None."""
    old_size, new_size = before.seek(0, os.SEEK_END), after.seek(0, os.SEEK_END)
    start = _same_from_start(before, after, min(old_size, new_size))
    if start == old_size == new_size:
        return ""
    same_end = _same_from_end(before, after, (old_size, new_size), min(old_size, new_size) - start)
    start = _line_start(before, start)
    same_end = _line_end_before(before, old_size, same_end)
    sizes = (old_size - same_end - start, new_size - same_end - start)
    if max(sizes) > DIFF_LIMIT_BYTES:
        return None
    lead_start = max(0, start - DIFF_LIMIT_BYTES)
    lead = _part(before, lead_start, start)
    old, new = _part(before, start, start + sizes[0]), _part(after, start, start + sizes[1])
    if b"\0" in old + new:
        return None
    hunks = Hunks(limit_bytes=4 * DIFF_LIMIT_BYTES)
    hunks.skip(_count_lines(before, lead_start))
    hunks.stay(lead)
    was, now = _byte_lines(old), _byte_lines(new)
    for tag, old_from, old_to, new_from, new_to in difflib.SequenceMatcher(None, was, now).get_opcodes():
        if tag == "equal":
            hunks.stay(b"".join(was[old_from:old_to]))
        else:
            hunks.change(b"".join(was[old_from:old_to]), b"".join(now[new_from:new_to]))
    hunks.stay(_part(before, old_size - same_end, min(old_size, old_size - same_end + _CHUNK_BYTES)))
    return hunks.text()


def _same_from_start(before: BinaryIO, after: BinaryIO, limit: int) -> int:
    place = 0
    while place < limit:
        size = min(_CHUNK_BYTES, limit - place)
        left, right = _part(before, place, place + size), _part(after, place, place + size)
        if left != right:
            return place + _first_difference(left, right)
        place += size
    return place


def _same_from_end(before: BinaryIO, after: BinaryIO, sizes: tuple[int, int], limit: int) -> int:
    same = 0
    while same < limit:
        size = min(_CHUNK_BYTES, limit - same)
        left = _part(before, sizes[0] - same - size, sizes[0] - same)
        right = _part(after, sizes[1] - same - size, sizes[1] - same)
        if left != right:
            return same + _first_difference(left[::-1], right[::-1])
        same += size
    return same


def _first_difference(left: bytes, right: bytes) -> int:
    """Halve the stretch until one byte is left: comparing slices is much faster than comparing bytes."""
    low, high = 0, len(left)
    while high - low > 1:
        middle = (low + high) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _line_start(file: BinaryIO, place: int) -> int:
    """Return where the line begins in which `place` is."""
    while place > 0:
        chunk = _part(file, max(0, place - _CHUNK_BYTES), place)
        found = chunk.rfind(b"\n")
        if found >= 0:
            return place - len(chunk) + found + 1
        place -= len(chunk)
    return 0


def _line_end_before(file: BinaryIO, size: int, same_end: int) -> int:
    """Return how much of the common end is whole lines.

    The line in which it begins is left out, also where it is whole here: the other file's may be longer.
    """
    place = size - same_end
    while place < size:
        chunk = _part(file, place, min(size, place + _CHUNK_BYTES))
        found = chunk.find(b"\n")
        if found >= 0:
            return size - (place + found + 1)
        place += len(chunk)
    return 0


def _count_lines(file: BinaryIO, stop: int) -> int:
    count = 0
    for place in range(0, stop, _CHUNK_BYTES):
        count += _part(file, place, min(stop, place + _CHUNK_BYTES)).count(b"\n")
    return count


def _part(file: BinaryIO, start: int, stop: int) -> bytes:
    file.seek(start)
    return file.read(stop - start)


def _byte_lines(content: bytes) -> list[bytes]:
    *whole, last = content.split(b"\n")
    return [line + b"\n" for line in whole] + ([last] if last else [])


def _file_summary(file: BinaryIO) -> str:
    size = file.seek(0, os.SEEK_END)
    digest = hashlib.sha256()
    for place in range(0, size, _CHUNK_BYTES):
        digest.update(_part(file, place, place + _CHUNK_BYTES))
    return f"{size} bytes, SHA-256 {digest.hexdigest()}"


def state_diff(before: Mapping[str, Json], after: Mapping[str, Json], subject: str) -> str:
    r"""Return how a state differs, as a unified diff of `key: value` lines; empty when it doesn't.

    >>> print(state_diff({"ActiveState": "failed"}, {"ActiveState": "active"}, "nginx.service"), end="")
    --- nginx.service
    +++ nginx.service
    -ActiveState: failed
    +ActiveState: active
    """
    lines: list[str] = []
    for key in [*before, *(key for key in after if key not in before)]:
        if key in before and key in after and _is_same(before[key], after[key]):
            continue
        name = visible(key)
        lines += [f"-{name}: {_value(before[key])}\n"] if key in before else []
        lines += [f"+{name}: {_value(after[key])}\n"] if key in after else []
    return diff_header(subject, subject) + "".join(lines) if lines else ""


def _unreadable_kind(before: bytes | None, after: bytes | None) -> str | None:
    contents = (before or b"", after or b"")
    if any(b"\0" in content for content in contents):
        return "binary content"
    if any(len(content) > DIFF_LIMIT_BYTES for content in contents):
        return "long content"
    if before in {None, b""} and after in {None, b""}:
        return "empty content"
    return None


def _summary(content: bytes | None) -> str:
    if content is None:
        return "absent"
    return f"{len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}"


def _lines(content: bytes | None) -> list[str]:
    """Lines end with a newline and nothing else: `str.splitlines` would also end them at form feeds."""
    *whole, last = (content or b"").decode("utf-8", "backslashreplace").split("\n")
    return [f"{line}\n" for line in whole] + ([last] if last else [])


def _no_newline(line: str) -> str:
    return "" if line.startswith("@@") else "\\ No newline at end of file\n"


def _is_same(left: Json, right: Json) -> bool:
    """`True == 1` in Python, and not here."""
    return _value(left) == _value(right) and type(left) is type(right)


def _value(value: Json) -> str:
    r"""Text as it is if it fits a line; everything else as JSON."""
    if isinstance(value, str) and value.isprintable():
        return value
    return json.dumps(value, ensure_ascii=False, default=list)
