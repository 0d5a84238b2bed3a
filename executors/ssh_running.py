"""A command on its channel while it runs: feeds its stdin, drains both streams, talks with sudo, finds its end."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from executors.become import Dialogue, clear
from executors.feed import Feed
from executors.ssh_channel import SessionChannel
from executors.transport import OUTPUT_LIMIT_BYTES, Cancel, Completed, Ending

LINGER_S = 2.0
"""How long output is waited for after the command itself has ended: a child left behind may hold the streams."""
TICK_S = 0.1
TICK_WITH_INPUT_S = 0.005
"""A window that opens for more input wakes nobody (paramiko 5.1), so it is looked for often."""
CHUNK_BYTES = 32 * 1024
CHUNKS_BETWEEN_READS = 8
NOISE_LIMIT_BYTES = 64 * 1024
LAST_SIGNAL = 64
"""Linux has signals 1 to 64 (signal(7))."""
SIGNALLED = 128
"""A shell says that a child was ended by signal N as 128 + N (POSIX 2018, 2.8.2)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When waiting ends: at a time of `time.monotonic`, or when asked to."""

    deadline: float
    cancel: Cancel | None
    dialogue: Dialogue | None = None
    """With a person who may be waited for: that is no part of the command's time."""

    @property
    def reached(self) -> Ending | None:
        """Which limit is reached, if any."""
        if self.cancel is not None and self.cancel.is_set:
            return "cancelled"
        waited_s = 0.0 if self.dialogue is None else self.dialogue.waited_s
        return "timeout" if time.monotonic() >= self.deadline + waited_s else None


class _Stream:
    """One output stream: what comes before the start line is noise, what comes after is kept up to the limit.

    The end line, `TOKEN:end:CODE`, is the starter's as well, where it writes one.
    """

    def __init__(self, token: str, *, has_end_line: bool = False) -> None:
        self._has_end_line = has_end_line
        self._start_line = re.compile(re.escape(token.encode()) + rb":(\d+)\n")
        self._end_line = re.compile(re.escape(token.encode()) + rb":end:(\d+)\n")
        self._token = token.encode()
        self._held = b""
        self.group: str | None = None
        self.end_code: int | None = None
        self.noise = b""
        self.kept = bytearray()
        self.size_bytes = 0

    def feed(self, data: bytes) -> bytes:
        """Take what came; return the part of it that is the command's own output."""
        if self.group is None:
            self.noise += data
            found = self._start_line.search(self.noise)
            if found is None:
                self.noise = self.noise[-NOISE_LIMIT_BYTES:]
                return b""
            self.group = found[1].decode()
            self.noise, data = self.noise[: found.start()], self.noise[found.end() :]
        return self._keep(self._without_end_line(data))

    def flush(self) -> None:
        """Take what was held back, as nothing more comes."""
        held, self._held = self._held, b""
        self._keep(held)

    def _keep(self, data: bytes) -> bytes:
        self.size_bytes += len(data)
        self.kept += data[: OUTPUT_LIMIT_BYTES - len(self.kept)]
        return data

    def _without_end_line(self, data: bytes) -> bytes:
        if not self._has_end_line:
            return data
        data = self._held + data
        self._held = b""
        found = self._end_line.search(data)
        if found is not None:
            self.end_code = int(found[1])
            return data[: found.start()] + data[found.end() :]
        # The line may come in two pieces: what could be its beginning waits for the rest.
        start = data.find(self._token)
        if start < 0:
            start = next((len(data) - size for size in range(len(self._token) - 1, 0, -1) if data.endswith(self._token[:size])), len(data))  # fmt: skip
        self._held = data[start:]
        return data[:start]


class Running:
    """A command on its channel, moved by one thread and without blocking."""

    def __init__(
        self,
        channel: SessionChannel,
        token: str,
        *,
        feed: Feed,
        on_output: Callable[[bytes], None] | None,
        dialogue: Dialogue | None = None,
        is_other: bool = False,
    ) -> None:
        self.channel = channel
        self._feed = feed
        self._dialogue = dialogue
        self._waits_for_start = is_other
        """sudo must not read what is meant for the command, so that it is sent after the start line only."""
        self._is_input_open = True
        self._on_output = on_output
        self._stdout = _Stream(token)
        self._stderr = _Stream(token, has_end_line=not channel.reports_end)

    @property
    def group(self) -> str | None:
        """The command's process group, once it has started."""
        return self._stdout.group or self._stderr.group

    @property
    def noise(self) -> bytes:
        """What sudo and the login shell said before the start."""
        said = self._stderr.noise if self._dialogue is None else self._dialogue.without_prompts(self._stderr.noise)
        return said or self._stdout.noise

    def succeeded(self) -> None:
        """Note that sudo let the command through."""
        if self._dialogue is not None:
            self._dialogue.succeeded()

    def failed(self) -> None:
        """Note that sudo let nothing through."""
        if self._dialogue is not None:
            self._dialogue.failed_if_wrong(self.noise)

    def wait(self, limits: Limits) -> Ending:
        """Move bytes until the command has ended or a limit is reached."""
        last_output = time.monotonic()
        while True:
            # Looked at before reading: what came before the end of the stream is then read below.
            is_at_end = self.channel.is_at_end
            self._write()
            if self._read():
                last_output = time.monotonic()
            elif self._has_ended and (is_at_end or time.monotonic() - last_output > LINGER_S):
                return "exited"
            reached = limits.reached
            if reached is not None:
                return reached
            self.channel.wait(TICK_WITH_INPUT_S if self._is_input_open else TICK_S)

    def completed(self, argv: tuple[str, ...], ending: Ending, duration_s: float) -> Completed:
        """Return what happened. An end without exit code and signal means that the connection or its server went away."""
        self._stderr.flush()
        code, by_signal = self._code_and_signal()
        if ending == "exited" and code is None:
            ending = "lost" if by_signal is None else "signalled"
        return Completed(
            argv=argv,
            ending=ending,
            exit_code=code if ending == "exited" else None,
            signal=by_signal if ending == "signalled" else None,
            stdout=bytes(self._stdout.kept),
            stderr=bytes(self._stderr.kept),
            stdout_size_bytes=self._stdout.size_bytes,
            stderr_size_bytes=self._stderr.size_bytes,
            duration_s=duration_s,
        )

    @property
    def _has_ended(self) -> bool:
        return self.channel.has_ended or self._stderr.end_code is not None

    def _code_and_signal(self) -> tuple[int | None, int | None]:
        """Return exit code and signal; neither where nobody knows."""
        if self.channel.reports_end or self.group is None:
            return self.channel.exit_code, self.channel.signal
        code = self._stderr.end_code
        if code is None:
            return None, None
        return (None, code - SIGNALLED) if SIGNALLED < code <= SIGNALLED + LAST_SIGNAL else (code, None)

    def _read(self) -> bool:
        """Take what has come on both streams, at most one chunk of each."""
        said = self.channel.read_stdout()
        if said:
            data = self._stdout.feed(said)
            if data and self._on_output is not None:
                self._on_output(data)
        complained = self.channel.read_stderr()
        if complained:
            self._stderr.feed(complained)
            if self._dialogue is not None and self.group is None:
                reply(self.channel, self._dialogue.hear(complained))
        return bool(said or complained)

    def _write(self) -> None:
        """Send as much input as the window takes, then close it. A command that no longer reads is no fault."""
        if not self._is_input_open or (self._waits_for_start and self.group is None):
            return
        try:
            for _ in range(CHUNKS_BETWEEN_READS):
                piece = self._feed.piece()
                if piece:
                    self._feed.take(self.channel.write(piece[:CHUNK_BYTES].tobytes()))
            if not self._feed.piece():
                self.channel.close_input()
                self._is_input_open = False
        except BrokenPipeError:
            self._is_input_open = False


def answer(channel: SessionChannel, dialogue: Dialogue, limit_s: float) -> None:
    """Answer the one question that sudo may ask on a channel of which nothing else is read."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end and not channel.has_ended:
        channel.wait(TICK_WITH_INPUT_S)
        said = channel.read_stderr()
        line = dialogue.hear(said) if said else None
        if line is not None:
            reply(channel, line)
            return


def reply(channel: SessionChannel, line: bytearray | None) -> None:
    """Write a password's line and clear it; a sudo that has gone meanwhile gets none. It is short: a fresh window takes it."""
    if line is None:
        return
    try:
        channel.write(line)
    except BrokenPipeError:
        return
    finally:
        clear(line)
