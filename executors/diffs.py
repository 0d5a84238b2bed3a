"""Differences as text: of a file's content, and of a state."""

import difflib
import hashlib
import json
from collections.abc import Mapping

from intents.values import Json

DIFF_LIMIT_BYTES = 1024 * 1024
"""Longer content is summarised: nobody reads it line by line."""


def unified_diff(before: bytes | None, after: bytes | None, path: str) -> str:
    r"""Return the unified diff of a file, empty when nothing differs; None stands for "absent".

    Bytes that aren't UTF-8 stand as `\xNN`. Binary or long content gives its sizes and hashes instead, in
    lines that begin with `Summary:`.

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
    header = f"--- {path if before is not None else '/dev/null'}\n+++ {path if after is not None else '/dev/null'}\n"
    kind = _unreadable_kind(before, after)
    if kind is not None:
        return header + (f"Summary: {kind}, not shown line by line\n-{_summary(before)}\n+{_summary(after)}\n")
    body = difflib.unified_diff(_lines(before), _lines(after), lineterm="")
    lines = list(body)[2:]
    return header + "".join(line if line.endswith("\n") else f"{line}\n{_no_newline(line)}" for line in lines)


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
        lines += [f"-{key}: {_value(before[key])}\n"] if key in before else []
        lines += [f"+{key}: {_value(after[key])}\n"] if key in after else []
    return f"--- {subject}\n+++ {subject}\n" + "".join(lines) if lines else ""


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
