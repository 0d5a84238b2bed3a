"""Edits of content too large to hold: the same results as `executors.edits`, made while the content goes by.

A content comes in pieces, is cut at line ends, and goes on with its lines changed; hashes and the
hunks of the diff are made on the way.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from executors.diff_hunks import Hunks
from executors.edit_lines import refuse_line_break, split_lines
from executors.edit_values import set_value
from executors.edits import as_bytes, replace_text
from intents.errors import ValueRejected
from intents.intent import EditOperation

LINE_LIMIT_BYTES = 16 * 1024 * 1024
"""A longer line is not edited: it would have to be held whole."""

KEPT_LIMIT_BYTES = 1024 * 1024
"""How much of a content is kept for finding the place of a setting."""

STYLE_BYTES = 64 * 1024
"""The beginning of a content, from which a new setting takes its style."""

SHOWN_DIFF_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines of a block, from `start` to `stop`, and what takes their place."""

    start: int
    stop: int
    new: bytes


class StreamEdit(Protocol):
    """An edit of blocks of whole lines. The last call has `is_last`; its block may be empty or lack its line end."""

    needs_scan: bool
    """Whether the whole content must go by once before."""

    def scan(self, block: bytes, *, is_last: bool) -> None:
        """Look at a block of the first pass."""
        ...

    def change(self, block: bytes, *, is_last: bool) -> Sequence[Piece]:
        """Return what changes in a block, in order."""
        ...


def stream_edit(operation: EditOperation, arguments: Mapping[str, str]) -> StreamEdit:
    """Return the edit. Raises `ValueRejected` for arguments that can't be used, and for edits that must hold the file."""
    given = {name: as_bytes(value) for name, value in arguments.items()}
    if operation == "append_line":
        return _AppendLine(given["line"])
    if operation == "remove_lines":
        return _remove_lines(given["match"])
    if operation == "replace_text":
        return _replace_text(given["old"], given["new"])
    if operation == "set_value":
        return _SetValue(given["key"], given["value"], given.get("section"))
    raise ValueRejected(
        "The file is larger than 16 MiB, which this edit would have to hold whole.",
        remedy="Lines can be added, removed and replaced in files of any size.",
    )


class LineBlocks:
    """Cuts a content that comes in pieces into blocks of whole lines."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._rest_bytes = 0

    def add(self, chunk: bytes) -> bytes:
        """Return the whole lines that there are now. Raises `ValueRejected` for a line that is too long."""
        end = chunk.rfind(b"\n") + 1
        if not end:
            self._rest.append(chunk)
            self._rest_bytes += len(chunk)
            if self._rest_bytes > LINE_LIMIT_BYTES:
                raise ValueRejected("A line of the file is longer than 16 MiB.", remedy="It is no file of lines.")
            return b""
        block = b"".join([*self._rest, chunk[:end]])
        self._rest, self._rest_bytes = [chunk[end:]], len(chunk) - end
        return block

    def last(self) -> bytes:
        """Return what is left at the end: a line without its end, or nothing."""
        return b"".join(self._rest)


@dataclass(slots=True)
class Scanning:
    """The first pass of an edit that needs one."""

    edit: StreamEdit
    blocks: LineBlocks = field(default_factory=LineBlocks)

    def feed(self, chunk: bytes) -> None:
        """Take the next piece of the content."""
        if block := self.blocks.add(chunk):
            self.edit.scan(block, is_last=False)

    def close(self) -> None:
        """Take the end of the content."""
        self.edit.scan(self.blocks.last(), is_last=True)


class Editing:
    """The pass that changes: the content comes in, the new one goes to `sink` (nowhere when None)."""

    def __init__(self, edit: StreamEdit, sink: BinaryIO | None = None) -> None:
        self._edit = edit
        self._sink = sink
        self._blocks = LineBlocks()
        self._before, self._after = hashlib.sha256(), hashlib.sha256()
        self.hunks = Hunks(limit_bytes=SHOWN_DIFF_BYTES)
        self.before_bytes = self.after_bytes = 0

    @property
    def before_sha256(self) -> str:
        """SHA-256 (hex) of what has come in."""
        return self._before.hexdigest()

    @property
    def after_sha256(self) -> str:
        """SHA-256 (hex) of what has gone out."""
        return self._after.hexdigest()

    def feed(self, chunk: bytes) -> None:
        """Take the next piece of the content."""
        self._before.update(chunk)
        self.before_bytes += len(chunk)
        if block := self._blocks.add(chunk):
            self._go_on(block, is_last=False)

    def close(self) -> None:
        """Take the end of the content."""
        self._go_on(self._blocks.last(), is_last=True)

    def _go_on(self, block: bytes, *, is_last: bool) -> None:
        place = 0
        for piece in self._edit.change(block, is_last=is_last):
            self._stay(block[place : piece.start])
            self.hunks.change(block[piece.start : piece.stop], piece.new)
            self._out(piece.new)
            place = piece.stop
        self._stay(block[place:] if place else block)

    def _stay(self, text: bytes) -> None:
        if text:
            self.hunks.stay(text)
            self._out(text)

    def _out(self, text: bytes) -> None:
        self._after.update(text)
        self.after_bytes += len(text)
        if self._sink is not None:
            self._sink.write(text)


class _AppendLine:
    needs_scan = False

    def __init__(self, line: bytes) -> None:
        refuse_line_break(line, "line")
        self._line = line
        self._exact = re.compile(rb"(?<![^\n])" + re.escape(line) + rb"(?=\r?(?:\n|\Z))")
        self._is_there = False
        self._crlf = self._ends = 0

    def scan(self, block: bytes, *, is_last: bool) -> None:
        """Nothing has to be known before."""

    def change(self, block: bytes, *, is_last: bool) -> Sequence[Piece]:
        self._is_there = self._is_there or (self._line in block and self._exact.search(block) is not None)
        self._crlf += block.count(b"\r\n")
        self._ends += block.count(b"\n")
        if not is_last or self._is_there:
            return ()
        end = b"\r\n" if self._crlf > self._ends - self._crlf else b"\n"
        before = block + end if block else b""
        return (Piece(0, len(block), before + self._line + end),)


class _OfLines:
    """An edit of the lines that contain a text, each by itself; `new_line` gives what takes a line's place."""

    needs_scan = False

    def __init__(self, text: bytes, new_line: Callable[[bytes], bytes]) -> None:
        self._text = text
        self._new_line = new_line

    def scan(self, block: bytes, *, is_last: bool) -> None:
        """Nothing has to be known before."""

    def change(self, block: bytes, *, is_last: bool) -> Sequence[Piece]:  # noqa: ARG002 - the last block is like others
        found: list[Piece] = []
        place = block.find(self._text)
        while place >= 0:
            start, stop = block.rfind(b"\n", 0, place) + 1, block.find(b"\n", place) + 1 or len(block)
            line = block[start:stop]
            new = self._new_line(line)
            if new != line:
                found.append(Piece(start, stop, new))
            place = block.find(self._text, stop)
        return found


def _remove_lines(match: bytes) -> _OfLines:
    refuse_line_break(match, "text to look for")
    if not match:
        raise ValueRejected("An empty text is in every line.", remedy="Say what the lines to remove contain.")
    return _OfLines(match, lambda _line: b"")


def _replace_text(old: bytes, new: bytes) -> _OfLines:
    if not old:
        raise ValueRejected("An empty text can't be replaced.", remedy="Say which text is to be replaced.")
    for text, what in ((old, "text"), (new, "new text")):
        refuse_line_break(text, what)  # in a file this large, lines are changed one by one
    return _OfLines(old, lambda line: replace_text(line, old, new))


class _SetValue:
    """Keeps the lines that decide where a setting goes, lets `set_value` edit those alone, and takes its edit over.

    Those are the lines that set the key or have it as a commented default, the heads of sections and conditions
    with the last text before each, and the first lines, which show the file's style.
    """

    needs_scan = True

    def __init__(self, key: bytes, value: bytes, section: bytes | None) -> None:
        set_value(b"", key, value, section=section)  # refuses what can't be a setting
        self._key, self._value, self._section = key, value, section
        self._deciding = re.compile(
            rb"^[ \t]*(?:\[|(?:match|host)[ \t]|(?:[#;]+[ \t]*)?" + re.escape(key) + rb"(?=[ \t=:]|\r?$))[^\n]*\n?",
            re.IGNORECASE | re.MULTILINE,
        )
        self._kept: dict[int, bytes] = {}
        """Where a line begins in the content -> the line, in ascending order."""
        self._kept_bytes = 0
        self._offset = 0
        self._last: tuple[int, bytes] = (0, b"")
        """The last line with text so far."""
        self._wants_text = False
        self._piece: Piece | None = None
        self._changing = 0

    def scan(self, block: bytes, *, is_last: bool) -> None:
        place = 0
        room = max(0, STYLE_BYTES - self._offset)
        for line in split_lines(block[: block.rfind(b"\n", 0, room) + 1]):
            self._keep(self._offset + place, line)
            place += len(line)
        for match in self._deciding.finditer(block, place) if place < len(block) else ():
            self._keep_text_between(block, place, match.start(), is_before_head=True)
            self._keep(self._offset + match.start(), match[0])
            self._wants_text = match[0].lstrip()[:1] != b"["
            place = match.end()
        self._keep_text_between(block, place, len(block), is_before_head=False)
        self._offset += len(block)
        if is_last:
            self._keep(*self._last)
            if block:
                self._keep(self._offset - len(block), block)
            self._decide()

    def change(self, block: bytes, *, is_last: bool) -> Sequence[Piece]:
        start = self._changing
        self._changing += len(block)
        piece = self._piece
        if piece is None:
            return ()
        is_here = start <= piece.start < self._changing or (is_last and piece.start >= start)
        if not is_here:
            return ()
        self._piece = None
        return (Piece(piece.start - start, piece.stop - start, piece.new),)

    def _keep(self, offset: int, line: bytes) -> None:
        if not line or offset in self._kept:
            return
        self._kept[offset] = line
        self._kept_bytes += len(line)
        if self._kept_bytes > KEPT_LIMIT_BYTES:
            raise ValueRejected(
                "The setting's name begins too many lines of this large file.",
                remedy="Replace the line's text instead.",
            )

    def _keep_text_between(self, block: bytes, start: int, stop: int, *, is_before_head: bool) -> None:
        """Keep the first text after a condition and the last one before a head; remember the last one."""
        between = block[start:stop]
        if self._wants_text:
            for match in re.finditer(rb"^(?!#)[ \t]*[^\s][^\n]*\n?", between, re.MULTILINE):
                self._keep(self._offset + start + match.start(), match[0])
                self._wants_text = False
                break
        text = between.rstrip()
        if text:
            begin = text.rfind(b"\n") + 1
            end = between.find(b"\n", begin) + 1 or len(between)
            self._last = (self._offset + start + begin, between[begin:end])
        if is_before_head:
            self._keep(*self._last)

    def _decide(self) -> None:
        """Edit the kept lines, and say by offsets of the content what that does."""
        places = sorted(self._kept)
        lines = [self._kept[place] for place in places]
        reduced = b"".join(lines)
        after = split_lines(set_value(reduced, self._key, self._value, section=self._section))
        if after == lines:
            return
        same = next((index for index, (was, now) in enumerate(zip(lines, after, strict=False)) if was != now), None)
        index = min(len(lines), len(after)) if same is None else same
        end = 0
        while end < min(len(lines), len(after)) - index and lines[-1 - end] == after[-1 - end]:
            end += 1
        new = b"".join(after[index : len(after) - end])
        if index == len(lines):
            is_new_section = new.lstrip().startswith(b"[")
            at = self._offset if is_new_section or not lines else places[-1] + len(lines[-1])
            self._piece = Piece(at, at, new)
        elif index == len(lines) - end:
            at = places[index - 1] + len(lines[index - 1]) if index else 0
            self._piece = Piece(at, at, new)
        else:
            last = len(lines) - end - 1
            self._piece = Piece(places[index], places[last] + len(lines[last]), new)
