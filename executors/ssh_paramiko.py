"""A channel of paramiko's as `SessionChannel`."""

import select
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from executors.ssh_channel import ChannelFault

if TYPE_CHECKING:
    from paramiko import Channel

CHUNK_BYTES = 32 * 1024


class ParamikoChannel:
    """One command on a connection of our own. paramiko's faults leave as `ChannelFault`."""

    reports_end = True

    def __init__(self, channel: "Channel", take_signal: Callable[[], int | None]) -> None:
        self._channel = channel
        self._take_signal = take_signal
        self._signal: int | None = None
        self._poll = select.poll()

    def execute(self, command: bytes, limit_s: float) -> None:
        """See `SessionChannel`. paramiko waits for the server's answer without a limit, so the channel is closed then."""
        from paramiko import SSHException

        watch = threading.Timer(limit_s, self._channel.close)
        watch.daemon = True
        watch.start()
        try:
            self._channel.exec_command(command)
        except (SSHException, OSError, EOFError) as error:
            raise ChannelFault from error
        finally:
            watch.cancel()
        self._channel.settimeout(0.0)
        self._poll.register(self._channel.fileno(), select.POLLIN)

    def read_stdout(self) -> bytes:
        """See `SessionChannel`."""
        return self._channel.recv(CHUNK_BYTES) if self._channel.recv_ready() else b""

    def read_stderr(self) -> bytes:
        """See `SessionChannel`."""
        return self._channel.recv_stderr(CHUNK_BYTES) if self._channel.recv_stderr_ready() else b""

    def write(self, data: bytes | bytearray) -> int:
        """See `SessionChannel`."""
        try:
            return self._channel.send(data[:CHUNK_BYTES]) if self._channel.send_ready() else 0
        except TimeoutError:
            return 0
        except (OSError, EOFError) as error:
            raise BrokenPipeError from error

    def close_input(self) -> None:
        """See `SessionChannel`."""
        try:
            self._channel.shutdown_write()
        except (OSError, EOFError) as error:
            raise BrokenPipeError from error

    @property
    def is_at_end(self) -> bool:
        """See `SessionChannel`."""
        return bool(self._channel.eof_received) or self._channel.closed

    @property
    def has_ended(self) -> bool:
        """See `SessionChannel`."""
        return self._channel.status_event.is_set()

    @property
    def exit_code(self) -> int | None:
        """See `SessionChannel`. paramiko has -1 for a command without exit code: killed, or the connection is gone."""
        return self._channel.exit_status if self._channel.exit_status >= 0 else None

    @property
    def signal(self) -> int | None:
        """See `SessionChannel`."""
        if self._signal is None:
            self._signal = self._take_signal()
        return self._signal

    def wait(self, limit_s: float) -> None:
        """See `SessionChannel`. At the end of the stream the descriptor is always ready, so the status is waited for."""
        if self.is_at_end:
            self._channel.status_event.wait(limit_s)
        else:
            self._poll.poll(limit_s * 1000)

    def close(self) -> None:
        """See `SessionChannel`."""
        self._take_signal()
        self._channel.close()
