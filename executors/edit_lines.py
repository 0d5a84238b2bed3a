"""A file's content as lines: how they end, and what a line can't hold."""

from intents.errors import ValueRejected


def split_lines(content: bytes) -> list[bytes]:
    r"""Return the lines with their ends; only a newline ends one (`bytes.splitlines` also ends at CR).

    >>> split_lines(b"a\r\nb\rc")
    [b'a\r\n', b'b\rc']
    """
    *whole, last = content.split(b"\n")
    return [line + b"\n" for line in whole] + ([last] if last else [])


def line_end(content: bytes) -> bytes:
    r"""Return the line end that most lines have, CRLF or LF; LF when there are none.

    >>> line_end(b"a\r\nb\r\nc\n")
    b'\r\n'
    """
    crlf = content.count(b"\r\n")
    return b"\r\n" if crlf > content.count(b"\n") - crlf else b"\n"


def with_line_end(content: bytes) -> bytes:
    r"""Return the content with its last line ended, so that another one can follow.

    >>> with_line_end(b"a\nb")
    b'a\nb\n'
    """
    return content if content.endswith(b"\n") or not content else content + line_end(content)


def refuse_line_break(text: bytes, what: str) -> None:
    """Raise `ValueRejected` when `text` would be more than one line."""
    if any(mark in text for mark in (b"\n", b"\r", b"\0")):
        raise ValueRejected(f"The {what} has a line break or a NUL in it.", remedy="Give one line of text.")
