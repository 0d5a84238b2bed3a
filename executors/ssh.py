"""Commands on a host over SSH: one connection per host, one channel per command.

A channel carries one string that the account's login shell reads. It holds a fixed starter (a
constant program for `/bin/sh`) and the vector's words, each quoted by `executors.ssh_quoting`.
The starter never reads the words: it writes a start line to both streams and then replaces
itself by the program through `env -i`. The start line tells

- that sudo and the login shell let the command through (its absence: nothing has run),
- where the command's own output begins (a talkative `.bashrc` is not output),
- the process group, so that a timeout or a cancel can end it over a second channel: closing a
  channel leaves the command running (measured with OpenSSH 9.2).
"""

import contextlib
import re
import secrets
import select
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from executors.accounts import sudo_error
from executors.become import Become, Dialogue, clear
from executors.feed import Feed
from executors.missing_programs import MissingProgramError
from executors.ssh_config import HostAddress
from executors.ssh_connection import SshConnection
from executors.ssh_errors import shown, target_error
from executors.ssh_quoting import quote_for_posix_shell
from executors.transport import ENVIRONMENT, OUTPUT_LIMIT_BYTES, TRUSTED_PATH, Cancel, Completed, Ending, Login
from intents.errors import SaysoError, StepError, UnreachableError

if TYPE_CHECKING:
    from paramiko import Channel

__all__ = ["HostAddress", "SshTransport"]

BACKSLASHES = "\\\\"
"""Two backslashes: a login shell that isn't POSIX (fish) makes one of them, and the starter then refuses to start."""

STARTER = (
    'token=$1 probe=$2; shift 2; [ "${#probe}" = 2 ] || exit 126; '
    # proc_pid_stat(5): pid (comm) state ppid pgrp ...
    "read -r pid name state parent group rest </proc/$$/stat; "
    'printf "%s:%s\\n" "$token" "${group:-$$}" && printf "%s:%s\\n" "$token" "${group:-$$}" >&2 && '
    'exec /usr/bin/env -i "HOME=${HOME:-/}" "USER=${USER-}" "$@"'
)
"""Run by `/bin/sh -c` on the host. Arguments: token, probe, environment and vector. A closed stdout stops it."""

ENDER = (
    'kill -s TERM -- "-$1" || exit 0; tries=0; '
    'while [ "$tries" -lt 20 ] && kill -s 0 -- "-$1" && sleep 0.1; do tries=$((tries + 1)); done; '
    'kill -s KILL -- "-$1"'
)
"""Ends a process group: asks, waits up to 2 s, then makes it. Argument: the group's number."""

WHO = 'printf "%s\\0" "$(id -u)" "$(id -un)" "${HOME:-/}"; pwd -P'
"""Asks who commands run as, where their home is and where they begin; run by `sh -c`."""

ENDER_LIMIT_S = 5.0
LINGER_S = 2.0
"""How long output is waited for after the command itself has ended: a child left behind may hold the streams."""
TICK_S = 0.1
TICK_WITH_INPUT_S = 0.005
"""A window that opens for more input wakes nobody (paramiko 5.1), so it is looked for often."""
CHUNK_BYTES = 32 * 1024
CHUNKS_BETWEEN_READS = 8
NOISE_LIMIT_BYTES = 64 * 1024
SAID_LIMIT_BYTES = 400
"""How much of what the login said is looked at for an error's sentence."""
COMMAND_LIMIT_BYTES = 128 * 1024 - 1
"""The login shell gets the command as one argument, which Linux limits (execve(2), MAX_ARG_STRLEN)."""


class SshTransport:
    """`Transport` over SSH. Connects at the first command, and again if the connection went away between two."""

    def __init__(self, address: HostAddress, *, become: Become | None = None) -> None:
        """Take where to connect; nothing is done yet.

        `become` is the session's knowledge of sudo and its passwords; without it nobody is asked for one.
        """
        self._become = become or Become()
        self._address = address
        self._connection: SshConnection | None = None
        self._further: list[SshConnection] = []
        """Opened where the server gives too few sessions on one connection."""
        self._connecting = threading.Lock()
        self._login: Login | None = None

    @property
    def host(self) -> str:
        """The name under which the host stands in plans and records."""
        return self._address.name

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
        """Run `argv` on the host, as `Transport.run` says.

        `timeout_s` counts from the moment when the command is sent; connecting has its own limit
        (`HostAddress.connect_timeout_s`). Raises `TargetError` for a host key that isn't trusted,
        `UnreachableError` when there is no connection, `StepError` when the command wasn't started.
        A cancel that is already set starts nothing.
        """
        vector = tuple(argv)
        self._check_program(vector)
        if cancel is not None and cancel.is_set:
            return Completed(vector, "cancelled", None, None, b"", b"", 0, 0, 0.0)
        feed = Feed(stdin, host=self.host)
        other = None if as_user is None or as_user == self.login().user else as_user
        limits = (timeout_s, cancel, uninterruptible)
        running, completed = self._once(vector, other, feed, on_output, limits)
        if other is not None and running.group is None and _has_no_sudo(running.noise, completed):
            # Nothing has run and no input was sent.
            self._become.remember(self.host, other, "doas")
            running, completed = self._once(vector, other, feed, on_output, limits)
        self._raise_if_not_started(running, completed, other)
        return completed

    def _once(
        self,
        vector: tuple[str, ...],
        other: str | None,
        feed: Feed,
        on_output: Callable[[bytes], None] | None,
        limits: tuple[float, Cancel | None, bool],
    ) -> "tuple[_Running, Completed]":
        """Send the command and follow it to its end; `other` is the account when it isn't the login's."""
        timeout_s, cancel, uninterruptible = limits
        dialogue = self._dialogue(other, vector)
        token = secrets.token_hex(16)
        sent = self._command(
            (
                *self._prefix(other, dialogue),
                *("/bin/sh", "-c", STARTER, "sayso", token, BACKSLASHES),
                *_words(ENVIRONMENT),
                *vector,
            )
        )
        connection, channel = self._open()
        running = _Running(
            channel, token, feed=feed, on_output=on_output, dialogue=dialogue, is_other=other is not None
        )
        started = time.monotonic()
        try:
            ending = self._start(connection, channel, sent, vector, timeout_s)
            if ending is None:
                try:
                    ending = running.wait(_Limits(started + timeout_s, None if uninterruptible else cancel, dialogue))
                except BaseException:
                    # `on_output` failed, or we are being ended: the command isn't left running alone.
                    self._end(connection, running, other)
                    raise
            if ending in {"timeout", "cancelled"}:
                self._end(connection, running, other)
            number = connection.take_signal(channel.chanid)
        finally:
            channel.close()
        return running, running.completed(vector, ending, number, time.monotonic() - started)

    def login(self) -> Login:
        """Return who commands run as; asked once.

        Raises `StepError` when the host gives no usable answer, and what `run` raises.
        """
        if self._login is None:
            uid, user, home, directory, *_ = *self._ask("sh", "-c", WHO).split(b"\0"), b"", b"", b"", b""
            if not uid.isdigit():
                raise StepError(
                    f"{self.host} answers {shown(uid)} for the account's number.",
                    remedy="Check the account's login shell and start-up files.",
                    host=self.host,
                    argv=("id", "-u"),
                )
            self._login = Login(
                uid=int(uid), user=_text(user), home=_text(home), directory=_text(directory).removesuffix("\n")
            )
        return self._login

    def close(self) -> None:
        """End the connection. A later `run` opens a new one."""
        with self._connecting:
            for connection in (self._connection, *self._further):
                if connection is not None:
                    connection.close()
            self._connection = None
            self._further.clear()

    def _ask(self, *vector: str) -> bytes:
        completed = self.run(vector, timeout_s=max(self._address.connect_timeout_s, 10.0))
        if completed.exit_code != 0:
            raise UnreachableError(
                f"{self.host} doesn't say who commands run as ({completed.ending}): {shown(completed.stderr)}",
                remedy="Check the account's login on the host.",
                host=self.host,
            )
        return completed.stdout

    def _open(self) -> "tuple[SshConnection, Channel]":
        """Return a fresh channel. A connection that turns out to be gone is replaced once; nothing has run by then."""
        from paramiko import ChannelException, SSHException

        with self._connecting:
            known = self._connection
            if known is not None and known.is_active:
                try:
                    return known, known.open_channel()
                except ChannelException:
                    # The server gives no more sessions on one connection (MaxSessions 1): a lock holds the one.
                    return self._open_further()
                except (SSHException, OSError, EOFError):
                    # Gone, or frozen; the new connection's error, if any, says more.
                    known.close()
            self._connection = None
            connection = self._connection = SshConnection(self._address)
            try:
                return connection, connection.open_channel()
            except (SSHException, OSError, EOFError) as error:
                raise target_error(error, self._address) from error

    def _open_further(self) -> "tuple[SshConnection, Channel]":
        """Return a channel of another connection than the first; one that is idle is used again."""
        from paramiko import ChannelException, SSHException

        for connection in self._further:
            if connection.is_active:
                with contextlib.suppress(ChannelException, SSHException, OSError, EOFError):
                    return connection, connection.open_channel()
        connection = SshConnection(self._address)
        self._further.append(connection)
        try:
            return connection, connection.open_channel()
        except (SSHException, OSError, EOFError) as error:
            raise target_error(error, self._address) from error

    def _start(
        self, connection: SshConnection, channel: "Channel", sent: bytes, vector: tuple[str, ...], timeout_s: float
    ) -> Ending | None:
        """Send the command. Returns how it ended if it already has: `lost` when there was no answer to the request."""
        from paramiko import SSHException

        limit_s = min(timeout_s, self._address.connect_timeout_s)
        sent_at = time.monotonic()
        try:
            _execute(channel, sent, limit_s)
        except (SSHException, OSError, EOFError) as error:
            if connection.is_active and time.monotonic() - sent_at < limit_s:
                raise StepError(
                    f"{self.host} refuses to run commands for {self._address.user}.",
                    remedy="Look at ForceCommand and the key's options on the host.",
                    host=self.host,
                    argv=vector,
                ) from error
            return "lost"
        return None

    def _end(self, connection: SshConnection, running: "_Running", other: str | None) -> None:
        """End the command's process group over a second channel, or a second connection (MaxSessions may be 1).

        Before its start line there is nothing to end: the starter stops when it can't write it.
        """
        from paramiko import SSHException

        group = running.group
        if group is None:
            return
        faults = (SSHException, OSError, EOFError, SaysoError)
        try:
            self._end_over(connection, running, group, other)
        except faults:
            with contextlib.suppress(*faults), contextlib.closing(SshConnection(self._address)) as second:
                # When this fails too, the ending still says that the command was given up.
                self._end_over(second, running, group, other)

    def _end_over(self, connection: SshConnection, running: "_Running", group: str, other: str | None) -> None:
        """Send the ender, take what the command still says, and wait for both."""
        # A password that is known is given, but nobody is asked for one now.
        dialogue = self._dialogue(other, ("kill",), may_ask=False)
        sent = self._command((*self._prefix(other, dialogue), "/bin/sh", "-c", ENDER, "sayso", group))
        channel = connection.open_channel()
        try:
            _execute(channel, sent, ENDER_LIMIT_S)
            if dialogue is not None:
                _answer(channel, dialogue, ENDER_LIMIT_S)
            channel.shutdown_write()
            running.wait(_Limits(time.monotonic() + ENDER_LIMIT_S, None))
            channel.status_event.wait(ENDER_LIMIT_S)
        finally:
            channel.close()

    def _dialogue(self, other: str | None, vector: tuple[str, ...], *, may_ask: bool = True) -> Dialogue | None:
        """Return the conversation with sudo where there may be one: somebody can be asked, and sudo is what there is."""
        if other is None or not self._become.can_ask or self._become.way(self.host, other) == "doas":
            return None
        return self._become.dialogue(self.host, other, vector, may_ask=may_ask)

    def _prefix(self, other: str | None, dialogue: Dialogue | None) -> tuple[str, ...]:
        """Return the words before the starter. Without a dialogue sudo asks nothing (`-n`); its own environment is the trusted one."""
        if other is None:
            return ()
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*\$?", other):
            raise StepError(f"{shown(other)} is not an account's name.", remedy="Name an account.", host=self.host)
        environment = ("/usr/bin/env", f"PATH={TRUSTED_PATH}", "LC_ALL=C.UTF-8")
        if self._become.way(self.host, other) == "doas":
            return (*environment, "doas", "-n", "-u", other, "--")
        asks = ("-n",) if dialogue is None else ("-S", "-p", dialogue.prompt)
        return (*environment, "sudo", *asks, "-H", "-u", other, "--")

    def _command(self, words: Sequence[str]) -> bytes:
        try:
            # surrogateescape: names of files needn't be UTF-8, and their bytes arrive as they are.
            sent = quote_for_posix_shell(words).encode("utf-8", "surrogateescape")
        except ValueError as error:
            raise StepError(
                f"The command can't be sent: {error}.", remedy="Use other values.", host=self.host
            ) from error
        if len(sent) > COMMAND_LIMIT_BYTES:
            raise StepError(
                f"The command is {len(sent)} bytes long; a login shell takes {COMMAND_LIMIT_BYTES}.",
                remedy="Give fewer or shorter values.",
                host=self.host,
            )
        return sent

    def _check_program(self, vector: tuple[str, ...]) -> None:
        """Only what the trusted PATH finds is run; `env` would take a word with `=` for a variable."""
        program = vector[0] if vector else ""
        folder, _, name = program.rpartition("/")
        is_elsewhere = "/" in program and folder not in TRUSTED_PATH.split(":")
        if not name or "=" in program or name.startswith("-") or is_elsewhere:
            raise StepError(
                f"{shown(program)!r} is not a program of the trusted folders.",
                remedy=f"Use a program of {TRUSTED_PATH}.",
                host=self.host,
                argv=vector,
            )

    def _raise_if_not_started(self, running: "_Running", completed: Completed, as_user: str | None) -> None:
        """Raise `StepError` when it is certain that the program never ran."""
        if completed.ending != "exited":
            return
        if running.group is None:
            running.failed()
            raise self._not_let_through(running.noise, completed, as_user)
        running.succeeded()
        # env(1): 127 not found, 126 found but not to be run, each with a line of its own on stderr.
        said = completed.stderr.removeprefix(b"env: ").removeprefix(b"/usr/bin/env: ")
        if completed.exit_code in {126, 127} and said != completed.stderr and completed.argv[0].encode() in said:
            if completed.exit_code == 127:  # noqa: PLR2004 - see above
                raise MissingProgramError(completed.argv[0], host=self.host, exit_code=completed.exit_code)
            raise StepError(
                f"{completed.argv[0]} may not be run on {self.host}: {shown(completed.stderr)}",
                remedy=f"Look at its permissions; it is looked for in {TRUSTED_PATH}.",
                host=self.host,
                argv=completed.argv,
                exit_code=completed.exit_code,
            )

    def _not_let_through(self, noise: bytes, completed: Completed, as_user: str | None) -> SaysoError:
        said = shown(noise[-SAID_LIMIT_BYTES:]) or f"exit code {completed.exit_code}, without a word"
        if as_user is None:
            message = f"The login shell of {self._address.user} on {self.host} didn't start the command: {said}"
            remedy = "The account needs a POSIX shell (sh, bash, dash, zsh) and must be allowed to run commands."
        elif completed.exit_code == 1:
            return sudo_error(noise, as_user=as_user, host=self.host, argv=completed.argv)
        else:
            message = f"{self._address.user} can't act as {as_user} on {self.host}: {said}"
            remedy = f"Install sudo (or doas) and allow it for {self._address.user}, or log in as {as_user}."
        return StepError(message, remedy=remedy, host=self.host, argv=completed.argv, exit_code=completed.exit_code)


@dataclass(frozen=True, slots=True)
class _Limits:
    """When waiting ends: at a time of `time.monotonic`, or when asked to."""

    deadline: float
    cancel: Cancel | None
    dialogue: Dialogue | None = None
    """With a person who may be waited for: that is no part of the command's time."""

    @property
    def reached(self) -> Ending | None:
        if self.cancel is not None and self.cancel.is_set:
            return "cancelled"
        waited_s = 0.0 if self.dialogue is None else self.dialogue.waited_s
        return "timeout" if time.monotonic() >= self.deadline + waited_s else None


class _Stream:
    """One output stream: what comes before the start line is noise, what comes after is kept up to the limit."""

    def __init__(self, token: str) -> None:
        self._start_line = re.compile(re.escape(token.encode()) + rb":(\d+)\n")
        self.group: str | None = None
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
        self.size_bytes += len(data)
        self.kept += data[: OUTPUT_LIMIT_BYTES - len(self.kept)]
        return data


class _Running:
    """A command on its channel: feeds its stdin and drains both streams, in one thread and without blocking."""

    def __init__(
        self,
        channel: "Channel",
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
        self._stderr = _Stream(token)

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

    def wait(self, limits: _Limits) -> Ending:
        """Move bytes until the command has ended or a limit is reached."""
        self.channel.settimeout(0.0)
        poll = select.poll()
        poll.register(self.channel.fileno(), select.POLLIN)
        last_output = time.monotonic()
        while True:
            # Looked at before reading: what came before the end of the stream is then read below.
            is_at_end = bool(self.channel.eof_received) or self.channel.closed
            self._write()
            if self._read():
                last_output = time.monotonic()
            elif self.channel.status_event.is_set() and (is_at_end or time.monotonic() - last_output > LINGER_S):
                return "exited"
            reached = limits.reached
            if reached is not None:
                return reached
            self._pause(poll, is_at_end=is_at_end)

    def completed(
        self, argv: tuple[str, ...], ending: Ending, signal_number: int | None, duration_s: float
    ) -> Completed:
        """Return what happened. An end without exit code and signal means that the connection or its server went away."""
        code = self.channel.exit_status
        if ending == "exited" and code < 0:
            ending = "lost" if signal_number is None else "signalled"
        return Completed(
            argv=argv,
            ending=ending,
            exit_code=code if ending == "exited" else None,
            signal=signal_number if ending == "signalled" else None,
            stdout=bytes(self._stdout.kept),
            stderr=bytes(self._stderr.kept),
            stdout_size_bytes=self._stdout.size_bytes,
            stderr_size_bytes=self._stderr.size_bytes,
            duration_s=duration_s,
        )

    def _pause(self, poll: select.poll, *, is_at_end: bool) -> None:
        """Wait for something to do. At the end of the stream the file descriptor is always ready, so the status is waited for."""
        tick_s = TICK_WITH_INPUT_S if self._is_input_open else TICK_S
        if is_at_end:
            self.channel.status_event.wait(tick_s)
        else:
            poll.poll(tick_s * 1000)

    def _read(self) -> bool:
        """Take what has come on both streams, at most one chunk of each."""
        has_read = False
        if self.channel.recv_ready():
            data = self._stdout.feed(self.channel.recv(CHUNK_BYTES))
            has_read = True
            if data and self._on_output is not None:
                self._on_output(data)
        if self.channel.recv_stderr_ready():
            data = self.channel.recv_stderr(CHUNK_BYTES)
            self._stderr.feed(data)
            has_read = True
            if self._dialogue is not None and self.group is None:
                _reply(self.channel, self._dialogue.hear(data))
        return has_read

    def _write(self) -> None:
        """Send as much input as the window takes, then close it. A command that no longer reads is no fault."""
        if not self._is_input_open or (self._waits_for_start and self.group is None):
            return
        try:
            for _ in range(CHUNKS_BETWEEN_READS):
                piece = self._feed.piece()
                if piece and self.channel.send_ready():
                    self._feed.take(self.channel.send(piece[:CHUNK_BYTES].tobytes()))
            if not self._feed.piece():
                self.channel.shutdown_write()
                self._is_input_open = False
        except TimeoutError:
            return
        except (OSError, EOFError):
            self._is_input_open = False


def _answer(channel: "Channel", dialogue: Dialogue, limit_s: float) -> None:
    """Answer the one question that sudo may ask on a channel of which nothing else is read."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end and not channel.status_event.wait(TICK_WITH_INPUT_S):
        if channel.recv_stderr_ready():
            line = dialogue.hear(channel.recv_stderr(CHUNK_BYTES))
            if line is not None:
                _reply(channel, line)
                return


def _reply(channel: "Channel", line: bytearray | None) -> None:
    """Write a password's line and clear it; a sudo that has gone meanwhile gets none."""
    if line is None:
        return
    try:
        with contextlib.suppress(OSError, EOFError):
            channel.sendall(line)
    finally:
        clear(line)


def _has_no_sudo(noise: bytes, completed: Completed) -> bool:
    """Whether env(1) says that there is no sudo (exit code 127), or none that may be run (126)."""
    return (
        completed.exit_code in {126, 127}
        and noise.lstrip().startswith((b"env: ", b"/usr/bin/env: "))
        and b"sudo" in noise
    )


def _execute(channel: "Channel", sent: bytes, limit_s: float) -> None:
    """Ask for a command to be run. paramiko waits for the server's answer without a limit, so the channel is closed then."""
    watch = threading.Timer(limit_s, channel.close)
    watch.daemon = True
    watch.start()
    try:
        channel.exec_command(sent)
    finally:
        watch.cancel()


def _words(environment: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in environment.items())


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
