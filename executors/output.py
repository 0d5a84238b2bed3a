"""What is kept of a stream that may be longer than memory."""

from executors.transport import OUTPUT_LIMIT_BYTES


class BoundedOutput:
    """The first bytes of a stream, up to a limit, and the count of all of them.

    >>> output = BoundedOutput(limit_bytes=4)
    >>> output.add(b"abc")
    >>> output.add(b"def")
    >>> output.kept, output.size_bytes
    (b'abcd', 6)
    """

    def __init__(self, limit_bytes: int = OUTPUT_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._kept = bytearray()
        self._size_bytes = 0

    def add(self, chunk: bytes) -> None:
        """Count `chunk`, and keep what still fits of it."""
        room = self._limit_bytes - len(self._kept)
        self._size_bytes += len(chunk)
        if room > 0:
            self._kept += chunk[:room]

    @property
    def kept(self) -> bytes:
        """What was kept."""
        return bytes(self._kept)

    @property
    def size_bytes(self) -> int:
        """How many bytes came, kept or not."""
        return self._size_bytes
