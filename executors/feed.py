"""A command's stdin, handed over in pieces: bytes, or an open file that is never loaded whole."""

from typing import BinaryIO

from intents.errors import StepError

PIECE_BYTES = 64 * 1024
KEPT_BYTES = 256 * 1024
"""What is kept of a source that can't be read twice: more than a pipe holds (64 KiB, pipe(7)), so than can be lost unread."""


class Feed:
    """What is still to be written to a command.

    >>> feed = Feed(b"abc", host="local")
    >>> feed.take(1)
    >>> bytes(feed.piece())
    b'bc'
    >>> feed.restart()
    >>> bytes(feed.piece())
    b'abc'
    """

    def __init__(self, source: bytes | BinaryIO | None, *, host: str) -> None:
        self._host = host
        self._file = None if source is None or isinstance(source, bytes) else source
        self._whole = source if isinstance(source, bytes) else b""
        self._start = self._file.tell() if self._file is not None and self._file.seekable() else None
        self._first = bytearray()
        self._size_bytes = 0
        self._piece = memoryview(self._whole)
        self._is_at_end = self._file is None

    def piece(self) -> memoryview:
        """Return the next piece, the same one until it is taken; empty at the end.

        Raises `StepError` when the file can't be read.
        """
        if not self._piece and not self._is_at_end and self._file is not None:
            try:
                read = self._file.read(PIECE_BYTES)
            except OSError as error:
                raise StepError(
                    f"The input can't be read: {error.strerror or error}.",
                    remedy="Check the file that is given as input.",
                    host=self._host,
                ) from error
            self._is_at_end = not read
            self._size_bytes += len(read)
            if self._start is None and self._size_bytes <= KEPT_BYTES:
                self._first += read
            self._piece = memoryview(read)
        return self._piece[:PIECE_BYTES]

    def take(self, size_bytes: int) -> None:
        """Count `size_bytes` of the piece as written."""
        self._piece = self._piece[size_bytes:]

    def restart(self) -> None:
        """Begin again: what was handed over before reached nobody.

        Raises `StepError` for a source that can be read only once and of which too much is gone.
        """
        if self._file is None:
            self._piece = memoryview(self._whole)
        elif self._start is not None:
            self._file.seek(self._start)
            self._piece, self._is_at_end = memoryview(b""), False
        elif self._size_bytes <= KEPT_BYTES:
            self._piece = memoryview(bytes(self._first))
        else:
            raise StepError(
                "The input can't be read a second time, which the password for sudo makes necessary.",
                remedy="Put it into a file, or run `sudo -v` first.",
                host=self._host,
            )
