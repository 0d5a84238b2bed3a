"""The hunks of a unified diff, made on the way while a content of any size goes by."""

from collections import deque

CONTEXT_LINES = 3


class Hunks:
    r"""Takes what stays and what changes, in order, and keeps the hunks up to a limit.

    >>> hunks = Hunks(limit_bytes=1000)
    >>> hunks.stay(b"a\nb\n")
    >>> hunks.change(b"c\n", b"d\n")
    >>> print(hunks.text(), end="")
    @@ -1,3 +1,3 @@
     a
     b
    -c
    +d
    """

    def __init__(self, *, limit_bytes: int) -> None:
        self._room_bytes = limit_bytes
        self._finished: list[str] = []
        self._tail: deque[bytes] = deque(maxlen=CONTEXT_LINES)
        self._hunk: list[bytes] = []
        self._since: list[bytes] = []
        """The lines that stayed since the open hunk's last change."""
        self._old_line = self._new_line = 1
        self._starts = (1, 1)
        self.removed_lines = self.added_lines = 0
        self.left_out_lines = 0
        """How many changed lines there was no room for: the text is a summary when it is not 0."""

    def skip(self, lines: int) -> None:
        """Take the number of lines that are in both before the first `stay`, too far away to be context."""
        self._old_line += lines
        self._new_line += lines

    def stay(self, text: bytes) -> None:
        """Take whole lines that are in both; at the content's end the last may have no newline."""
        place = 0
        while self._hunk and place < len(text):
            stop = text.find(b"\n", place) + 1 or len(text)
            self._since.append(text[place:stop])
            self._old_line += 1
            self._new_line += 1
            place = stop
            if len(self._since) > 2 * CONTEXT_LINES:
                self._close()
        if place == len(text):
            return
        count = text.count(b"\n", place) + (not text.endswith(b"\n"))
        self._old_line += count
        self._new_line += count
        start = len(text) - text.endswith(b"\n")
        for _ in range(CONTEXT_LINES):
            start = text.rfind(b"\n", place, start)
            if start < 0:
                break
        self._tail.extend(_lines(text[max(place, start + 1) :]))

    def change(self, old: bytes, new: bytes) -> None:
        """Take whole lines that are replaced by others, or by none."""
        was, now = _lines(old), _lines(new)
        self.removed_lines += len(was)
        self.added_lines += len(now)
        size = len(old) + len(new)
        if self.left_out_lines or size > self._room_bytes:
            self.left_out_lines += len(was) + len(now)
        else:
            self._room_bytes -= size
            if not self._hunk:
                self._starts = (self._old_line - len(self._tail), self._new_line - len(self._tail))
                self._hunk = [b" " + line for line in self._tail]
                self._tail.clear()
            self._hunk += [b" " + line for line in self._since]
            self._since = []
            self._hunk += [b"-" + line for line in was] + [b"+" + line for line in now]
        self._old_line += len(was)
        self._new_line += len(now)
        if self.left_out_lines and self._hunk:
            self._close()

    def text(self) -> str:
        """Return the hunks; nothing may be taken afterwards."""
        if self._hunk:
            self._close()
        return "".join(self._finished)

    def _close(self) -> None:
        lines = self._hunk + [b" " + line for line in self._since[:CONTEXT_LINES]]
        self._tail.extend(self._since[-CONTEXT_LINES:])
        self._hunk, self._since = [], []
        old = sum(line[:1] != b"+" for line in lines)
        new = sum(line[:1] != b"-" for line in lines)
        head = f"@@ -{_range(self._starts[0], old)} +{_range(self._starts[1], new)} @@\n"
        self._finished.append(head + "".join(map(_shown, lines)))


def _range(start: int, count: int) -> str:
    """An empty range names the line before it (POSIX 2018, diff -u)."""
    if count == 1:
        return str(start)
    return f"{start - (count == 0)},{count}"


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "backslashreplace")
    return text if text.endswith("\n") else f"{text}\n\\ No newline at end of file\n"


def _lines(text: bytes) -> list[bytes]:
    *whole, last = text.split(b"\n")
    return [line + b"\n" for line in whole] + ([last] if last else [])
