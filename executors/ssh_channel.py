"""What commands over SSH need of whatever carries them: a connection that opens channels, one for each command."""

from typing import Protocol


class ChannelFault(Exception):  # noqa: N818 - it never leaves the transport
    """A channel that could not be opened or used; its cause says why. Nothing has run."""


class NoMoreSessionsFault(ChannelFault):
    """The server gives no further session on this connection (MaxSessions)."""


class SessionChannel(Protocol):
    """One command: its streams, and how it ended. Used by one thread."""

    @property
    def reports_end(self) -> bool:
        """Whether the channel itself tells exit code and signal; else the starter has to write them."""
        ...

    def execute(self, command: bytes, limit_s: float) -> None:
        """Ask for `command` to be run. Raises `ChannelFault` where the server says no, or nothing for `limit_s`."""
        ...

    def read_stdout(self) -> bytes:
        """Return what has come, at most one chunk; empty when nothing has."""
        ...

    def read_stderr(self) -> bytes:
        """Return what has come, at most one chunk; empty when nothing has."""
        ...

    def write(self, data: bytes | bytearray) -> int:
        """Send what is taken at once, and return how much that was. Raises `BrokenPipeError` when nobody reads any more."""
        ...

    def close_input(self) -> None:
        """End the command's stdin."""
        ...

    @property
    def is_at_end(self) -> bool:
        """Whether no more output can come."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether the end of the command is known, or the connection gone."""
        ...

    @property
    def exit_code(self) -> int | None:
        """The exit code, once it has ended by itself."""
        ...

    @property
    def signal(self) -> int | None:
        """The number of the signal that ended it, 0 for one without a number here; None without any."""
        ...

    def wait(self, limit_s: float) -> None:
        """Wait for output or the end."""
        ...

    def close(self) -> None:
        """Give the channel back; a command that still runs goes on."""
        ...


class Connection(Protocol):
    """A login on a host."""

    @property
    def is_active(self) -> bool:
        """Whether it isn't known to be gone."""
        ...

    def open_channel(self) -> SessionChannel:
        """Open a channel for one command. Raises `ChannelFault`: nothing has run then."""
        ...

    def close(self) -> None:
        """End the connection and every channel of it."""
        ...
