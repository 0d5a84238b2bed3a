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
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO

from executors.accounts import sudo_error
from executors.become import Become, Dialogue
from executors.feed import Feed
from executors.missing_programs import MissingProgramError
from executors.ssh_address import HostAddress
from executors.ssh_channel import ChannelFault, Connection, NoMoreSessionsFault, SessionChannel
from executors.ssh_connection import SshConnection
from executors.ssh_errors import shown, target_error
from executors.ssh_openssh import OpenSshConnection
from executors.ssh_quoting import quote_for_posix_shell
from executors.ssh_running import Limits, Running, answer
from executors.ssh_shared import SshShared
from executors.transport import ENVIRONMENT, TRUSTED_PATH, Cancel, Completed, Ending, Login
from intents.errors import SaysoError, StepError, UnreachableError

__all__ = ["HostAddress", "SshTransport"]

BACKSLASHES = "\\\\"
"""Two backslashes: a login shell that isn't POSIX (fish) makes one of them, and the starter then refuses to start."""

_BEGIN = (
    'token=$1 probe=$2; shift 2; [ "${#probe}" = 2 ] || exit 126; '
    # proc_pid_stat(5): pid (comm) state ppid pgrp ...
    "read -r pid name state parent group rest </proc/$$/stat; "
    'printf "%s:%s\\n" "$token" "${group:-$$}" && printf "%s:%s\\n" "$token" "${group:-$$}" >&2 && '
)
_PROGRAM = '/usr/bin/env -i "HOME=${HOME:-/}" "USER=${USER-}" "$@"'

STARTER = f"{_BEGIN}exec {_PROGRAM}"
"""Run by `/bin/sh -c` on the host. Arguments: token, probe, environment and vector. A closed stdout stops it."""

WATCHING_STARTER = (
    f"{_BEGIN}{{ exec 3>&2 2>/dev/null; {_PROGRAM} 2>&3 3>&-; code=$?; "
    'printf "%s:end:%s\\n" "$token" "$code" >&3; exit "$code"; }'
)
"""The same, and it writes how the command ended: `ssh` exits with 255 for the code 255, for a signal and for a lost connection.

Of a code of 129 to 192 it can't be told from a signal (POSIX 2018, 2.8.2): it counts as one.
"""

ENDER = (
    'kill -s TERM -- "-$1" || exit 0; tries=0; '
    'while [ "$tries" -lt 20 ] && kill -s 0 -- "-$1" && sleep 0.1; do tries=$((tries + 1)); done; '
    'kill -s KILL -- "-$1"'
)
"""Ends a process group: asks, waits up to 2 s, then makes it. Argument: the group's number."""

WHO = 'printf "%s\\0" "$(id -u)" "$(id -un)" "${HOME:-/}"; pwd -P'
"""Asks who commands run as, where their home is and where they begin; run by `sh -c`."""

ENDER_LIMIT_S = 5.0
SAID_LIMIT_BYTES = 400
"""How much of what the login said is looked at for an error's sentence."""
COMMAND_LIMIT_BYTES = 128 * 1024 - 1
"""The login shell gets the command as one argument, which Linux limits (execve(2), MAX_ARG_STRLEN)."""


class SshTransport:
    """`Transport` over SSH. Connects at the first command, and again if the connection went away between two."""

    def __init__(self, address: HostAddress, *, become: Become | None = None, shared: SshShared | None = None) -> None:
        """Take where to connect; nothing is done yet.

        `become` is the session's knowledge of sudo and its passwords; without it nobody is asked for one.
        `shared` are the session's jump hosts and keys, which outlive this; without it they are this transport's own.
        """
        self._become = become or Become()
        self._address = address
        self._shared = shared or SshShared()
        self._owns_shared = shared is None
        self._connection: Connection | None = None
        self._further: list[Connection] = []
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
    ) -> tuple[Running, Completed]:
        """Send the command and follow it to its end; `other` is the account when it isn't the login's."""
        timeout_s, cancel, uninterruptible = limits
        dialogue = self._dialogue(other, vector)
        token = secrets.token_hex(16)
        starter = WATCHING_STARTER if self._address.transport == "openssh" else STARTER
        sent = self._command(
            (
                *self._prefix(other, dialogue),
                *("/bin/sh", "-c", starter, "sayso", token, BACKSLASHES),
                *_words(ENVIRONMENT),
                *vector,
            )
        )
        connection, channel = self._open()
        running = Running(channel, token, feed=feed, on_output=on_output, dialogue=dialogue, is_other=other is not None)
        started = time.monotonic()
        try:
            ending = self._start(connection, channel, sent, vector, timeout_s)
            if ending is None:
                try:
                    ending = running.wait(Limits(started + timeout_s, None if uninterruptible else cancel, dialogue))
                except BaseException:
                    # `on_output` failed, or we are being ended: the command isn't left running alone.
                    self._end(connection, running, other)
                    raise
            if ending in {"timeout", "cancelled"}:
                self._end(connection, running, other)
            completed = running.completed(vector, ending, time.monotonic() - started)
        finally:
            channel.close()
        return running, completed

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
        if self._owns_shared:
            self._shared.close()

    def _ask(self, *vector: str) -> bytes:
        completed = self.run(vector, timeout_s=max(self._address.connect_timeout_s, 10.0))
        if completed.exit_code != 0:
            raise UnreachableError(
                f"{self.host} doesn't say who commands run as ({completed.ending}): {shown(completed.stderr)}",
                remedy="Check the account's login on the host.",
                host=self.host,
            )
        return completed.stdout

    def _connect(self) -> Connection:
        if self._address.transport == "openssh":
            return OpenSshConnection(self._address, self._shared.control_folder())
        return SshConnection(self._address, self._shared)

    def _open(self) -> tuple[Connection, SessionChannel]:
        """Return a fresh channel. A connection that turns out to be gone is replaced once; nothing has run by then."""
        with self._connecting:
            known = self._connection
            if known is not None and known.is_active:
                try:
                    return known, known.open_channel()
                except NoMoreSessionsFault:
                    # The server gives no more sessions on one connection (MaxSessions 1): a lock holds the one.
                    return self._open_further()
                except ChannelFault:
                    # Gone, or frozen; the new connection's error, if any, says more.
                    known.close()
            self._connection = None
            connection = self._connection = self._connect()
            return connection, self._first_channel(connection)

    def _open_further(self) -> tuple[Connection, SessionChannel]:
        """Return a channel of another connection than the first; one that is idle is used again."""
        for connection in self._further:
            if connection.is_active:
                with contextlib.suppress(ChannelFault):
                    return connection, connection.open_channel()
        connection = self._connect()
        self._further.append(connection)
        return connection, self._first_channel(connection)

    def _first_channel(self, connection: Connection) -> SessionChannel:
        try:
            return connection.open_channel()
        except ChannelFault as error:
            raise target_error(error.__cause__ or error, self._address) from error

    def _start(
        self, connection: Connection, channel: SessionChannel, sent: bytes, vector: tuple[str, ...], timeout_s: float
    ) -> Ending | None:
        """Send the command. Returns how it ended if it already has: `lost` when there was no answer to the request."""
        limit_s = min(timeout_s, self._address.connect_timeout_s)
        sent_at = time.monotonic()
        try:
            channel.execute(sent, limit_s)
        except ChannelFault as error:
            if connection.is_active and time.monotonic() - sent_at < limit_s:
                raise StepError(
                    f"{self.host} refuses to run commands for {self._address.user}.",
                    remedy="Look at ForceCommand and the key's options on the host.",
                    host=self.host,
                    argv=vector,
                ) from error
            return "lost"
        return None

    def _end(self, connection: Connection, running: Running, other: str | None) -> None:
        """End the command's process group over a second channel, or a second connection (MaxSessions may be 1).

        Before its start line there is nothing to end: the starter stops when it can't write it.
        """
        group = running.group
        if group is None:
            return
        faults = (ChannelFault, OSError, SaysoError)
        try:
            self._end_over(connection, running, group, other)
        except faults:
            with contextlib.suppress(*faults), contextlib.closing(self._connect()) as second:
                # When this fails too, the ending still says that the command was given up.
                self._end_over(second, running, group, other)

    def _end_over(self, connection: Connection, running: Running, group: str, other: str | None) -> None:
        """Send the ender, take what the command still says, and wait for both."""
        # A password that is known is given, but nobody is asked for one now.
        dialogue = self._dialogue(other, ("kill",), may_ask=False)
        sent = self._command((*self._prefix(other, dialogue), "/bin/sh", "-c", ENDER, "sayso", group))
        channel = connection.open_channel()
        try:
            channel.execute(sent, ENDER_LIMIT_S)
            if dialogue is not None:
                answer(channel, dialogue, ENDER_LIMIT_S)
            channel.close_input()
            running.wait(Limits(time.monotonic() + ENDER_LIMIT_S, None))
            end = time.monotonic() + ENDER_LIMIT_S
            while not channel.has_ended and time.monotonic() < end:
                channel.wait(0.1)
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

    def _raise_if_not_started(self, running: Running, completed: Completed, as_user: str | None) -> None:
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


def _has_no_sudo(noise: bytes, completed: Completed) -> bool:
    """Whether env(1) says that there is no sudo (exit code 127), or none that may be run (126)."""
    return (
        completed.exit_code in {126, 127}
        and noise.lstrip().startswith((b"env: ", b"/usr/bin/env: "))
        and b"sudo" in noise
    )


def _words(environment: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in environment.items())


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
