"""Edits of a file's content as pure functions from bytes to bytes.

Lines that an edit doesn't concern stay as they are, byte for byte: encoding, line ends, comments,
order. An edit that finds its result already there returns the content unchanged.
"""

from collections.abc import Mapping

from executors.edit_lines import line_end, refuse_line_break, split_lines, with_line_end
from executors.edit_values import set_value
from intents.errors import ValueRejected
from intents.intent import EditOperation

_ARGUMENTS: Mapping[EditOperation, tuple[str, ...]] = {
    "put": ("content",),
    "append_line": ("line",),
    "remove_lines": ("match",),
    "replace_text": ("old", "new"),
    "set_value": ("key", "value"),
}


def apply_edit(operation: EditOperation, before: bytes, arguments: Mapping[str, str]) -> bytes:
    r"""Return the content after an edit with these arguments (`section` of set_value may be missing).

    >>> apply_edit("append_line", b"a\n", {"line": "b"})
    b'a\nb\n'

    Raises `ValueRejected` when an argument can't be used, `KeyError` when one is missing.
    """
    given = [arguments[name].encode("utf-8", "surrogateescape") for name in _ARGUMENTS[operation]]
    if operation == "put":
        return put(before, *given)
    if operation == "append_line":
        return append_line(before, *given)
    if operation == "remove_lines":
        return remove_lines(before, *given)
    if operation == "replace_text":
        return replace_text(before, *given)
    section = arguments.get("section")
    return set_value(before, *given, section=None if section is None else section.encode("utf-8", "surrogateescape"))


def put(_before: bytes, content: bytes) -> bytes:
    r"""Return `content`, with the newline at its end that makes it lines (POSIX 2018, 3.206).

    cron and many others pass over a last line without it.

    >>> put(b"old", b"new")
    b'new\n'
    """
    return content if content.endswith(b"\n") or not content else content + b"\n"


def append_line(before: bytes, line: bytes) -> bytes:
    r"""Return the content with `line` as its last line, unless exactly this line is in it already.

    >>> append_line(b"a\r\nb", b"c")
    b'a\r\nb\r\nc\r\n'
    """
    refuse_line_break(line, "line")
    if line in {existing.removesuffix(b"\n").removesuffix(b"\r") for existing in split_lines(before)}:
        return before
    return with_line_end(before) + line + line_end(before)


def remove_lines(before: bytes, match: bytes) -> bytes:
    r"""Return the content without the lines that contain `match`, taken literally.

    >>> remove_lines(b"a\nb.c\nbxc\n", b"b.c")
    b'a\nbxc\n'
    """
    refuse_line_break(match, "text to look for")
    if not match:
        raise ValueRejected("An empty text is in every line.", remedy="Say what the lines to remove contain.")
    return b"".join(line for line in split_lines(before) if match not in line)


def replace_text(before: bytes, old: bytes, new: bytes) -> bytes:
    r"""Return the content with every `old` replaced by `new`, both taken literally.

    Where `new` contains `old` (80 -> 8080), what already reads `new` is left alone, so that the edit can be
    asked for again.

    >>> replace_text(b"port 80, port 8080\n", b"port 80", b"port 8080")
    b'port 8080, port 8080\n'
    """
    if not old:
        raise ValueRejected("An empty text can't be replaced.", remedy="Say which text is to be replaced.")
    if old not in new:
        return before.replace(old, new)
    return new.join(piece.replace(old, new) for piece in before.split(new))
