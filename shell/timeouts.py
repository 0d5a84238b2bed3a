"""`--timeout`: a transport whose commands may take no longer than the caller said."""

from collections.abc import Callable, Sequence
from typing import BinaryIO

from executors.transport import Cancel, Completed, Login, Transport


class LimitedTransport:
    """A transport with an upper limit on each command's time."""

    def __init__(self, inner: Transport, limit_s: float) -> None:
        self._inner = inner
        self._limit_s = limit_s

    @property
    def host(self) -> str:
        """The host's name."""
        return self._inner.host

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | BinaryIO | None = None,
        as_user: str | None = None,
        timeout_s: float = 60.0,
        cancel: Cancel | None = None,
        on_output: Callable[[bytes], None] | None = None,
        uninterruptible: bool = False,
    ) -> Completed:
        """Run as the inner transport does, within the smaller of both limits."""
        return self._inner.run(
            argv,
            stdin=stdin,
            as_user=as_user,
            timeout_s=min(timeout_s, self._limit_s),
            cancel=cancel,
            on_output=on_output,
            uninterruptible=uninterruptible,
        )

    def login(self) -> Login:
        """Return the inner transport's login."""
        return self._inner.login()

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()
