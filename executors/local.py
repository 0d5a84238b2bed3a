"""This machine as a transport: argument vectors to processes, with nothing in between.

The only place that starts processes. What programs are trusted is left to `executors.programs`,
accounts to `executors.accounts`.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

from executors.accounts import (
    LOCAL,
    Account,
    account_named,
    is_refusal,
    own_account,
    own_login,
    sudo_error,
    wants_password,
)
from executors.become import Become, Way
from executors.feed import Feed
from executors.output import BoundedOutput
from executors.programs import find_program
from executors.sudo_terminal import SudoTerminal, groups_below, has_children
from executors.transport import ENVIRONMENT, Cancel, Completed, Ending, Login
from intents.errors import StepError

TERMINATE_GRACE_S = 2.0
"""How long a process group has between SIGTERM and SIGKILL, and then to be gone."""
TICK_S = 0.05
"""How often a cancel and the end of the process are looked for while nothing is written."""
CHUNK_BYTES = 64 * 1024
LEFT_OVER_S = 0.5
"""How long output of background children is still read after the command itself has ended."""


@dataclass(frozen=True, slots=True)
class _Start:
    """How a command is started: the vector for the kernel, and the account."""

    argv: tuple[str, ...]
    account: Account
    becomes: Account | None = None
    """The account that the child takes on by itself (from root)."""
    way: Way | None = None
    """How sudo or doas starts it; None when neither does."""


class LocalTransport:
    """Runs argument vectors on this machine. May be used by several threads at once."""

    def __init__(self, *, directory: str | None = None, become: Become | None = None) -> None:
        """Take the directory where relative paths start: the caller's current one unless given.

        `become` is the session's knowledge of sudo and its password; without it nobody is asked for one.
        """
        self._directory = directory or str(Path.cwd())
        self._become = become or Become()

    @property
    def host(self) -> str:
        """`local`."""
        return LOCAL

    def login(self) -> Login:
        """Return the account with our effective uid."""
        return own_login(self._directory)

    def close(self) -> None:
        """Give back nothing: nothing is held between commands."""

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
        """Run `argv` as `Transport.run` says; a cancel that is already set starts nothing.

        Children that the command leaves behind go on (a daemon it started); their output is not
        waited for.
        """
        words = tuple(argv)
        start = self._start(words, as_user)
        if cancel is not None and cancel.is_set:
            return Completed(words, "cancelled", None, None, b"", b"", 0, 0, 0.0)
        feed = None if stdin is None else Feed(stdin, host=self.host)
        stop = None if uninterruptible else cancel
        if start.way is None:
            return self._once(start, words, feed, on_output, timeout_s, stop)
        return self._as_other(start, words, feed, on_output, timeout_s, stop)

    def _once(
        self,
        start: _Start,
        words: tuple[str, ...],
        feed: Feed | None,
        on_output: Callable[[bytes], None] | None,
        timeout_s: float,
        cancel: Cancel | None,
        terminal: SudoTerminal | None = None,
        *,
        is_for_ending: bool = False,
    ) -> Completed:
        """Run a start to its end. `is_for_ending`: it is itself what ends another one."""
        process = self._spawn(start, words, feed, terminal)

        def signal_as(number: int) -> None:
            self._signal_as(start, process.pid, number)

        ask = None if start.way is None or is_for_ending else signal_as
        run = _Run(process, feed, on_output, time.monotonic() + timeout_s, terminal=terminal, signal_as=ask)
        try:
            ending = run.follow(cancel)
        finally:
            run.end()
        return run.completed(words, ending)

    def _as_other(
        self,
        start: _Start,
        words: tuple[str, ...],
        feed: Feed | None,
        on_output: Callable[[bytes], None] | None,
        timeout_s: float,
        cancel: Cancel | None,
    ) -> Completed:
        """Run through sudo or doas. sudo asks nothing at first; where it wants a password and there is somebody to ask, it may."""
        name = start.account.name
        if start.way != "password":
            completed = self._once(start, words, feed, on_output, timeout_s, cancel)
            if not _is_refused(completed):
                return completed
            if start.way == "doas" or not (wants_password(completed.stderr) and self._become.can_ask):
                raise sudo_error(completed.stderr, as_user=name, host=self.host, argv=words)
            # Nothing has run: sudo refuses before it starts anything.
            self._become.remember(self.host, name, "password")
            start = self._start(words, name)
            if feed is not None:
                feed.restart()
        dialogue = self._become.dialogue(self.host, name, words)
        terminal = SudoTerminal(dialogue, host=self.host)
        completed = self._once(start, words, feed, on_output, timeout_s, cancel, terminal)
        if _is_refused(completed):
            dialogue.failed_if_wrong(completed.stderr)
            raise dialogue.error(completed.stderr)
        dialogue.succeeded()
        return completed

    def _signal_as(self, start: _Start, process_id: int, number: int) -> None:
        """Signal a command of another account as that account; a password for it is given if known, never asked for."""
        groups = groups_below(process_id)
        words = ("kill", f"-{number}", "--", *(f"-{group}" for group in groups))
        with contextlib.suppress(StepError, OSError):
            kill = self._start(words, start.account.name)
            terminal = None
            if kill.way == "password":
                dialogue = self._become.dialogue(self.host, start.account.name, words, may_ask=False)
                terminal = SudoTerminal(dialogue, host=self.host)
            self._once(kill, words, None, None, TERMINATE_GRACE_S, None, terminal, is_for_ending=True)

    def _start(self, argv: tuple[str, ...], as_user: str | None) -> _Start:
        if not argv or any("\0" in word for word in argv):
            raise StepError(
                "A command without a program, or with the character NUL in it, can't run.",
                remedy="Leave the character out.",
                host=self.host,
                argv=argv,
            )
        program = find_program(argv[0], host=self.host)
        own = own_account()
        wanted = own if as_user is None or as_user == own.name else account_named(as_user, host=self.host)
        vector = (program, *argv[1:])
        if wanted.uid == own.uid:
            return _Start(vector, wanted)
        if own.uid == 0:
            # setgroups, setgid and setuid in the child itself: unlike runuser it needs no program
            # (Alpine has none), opens no PAM session and leaves signals and exit codes as they are.
            return _Start(vector, wanted, becomes=wanted)
        way = self._become.way(self.host, wanted.name) or self._way()
        if way == "doas":
            doas = find_program("doas", host=self.host)
            return _Start((doas, "-n", "-u", wanted.name, "--", *vector), wanted, way=way)
        sudo = find_program("sudo", host=self.host)
        silent = () if way == "password" else ("-n",)
        return _Start((sudo, *silent, "-H", "-u", wanted.name, "--", *vector), wanted, way=way)

    def _way(self) -> Way:
        """Return sudo where there is one, else doas. Raises `StepError` for neither."""
        try:
            find_program("sudo", host=self.host)
        except StepError as error:
            with contextlib.suppress(StepError):
                find_program("doas", host=self.host)
                return "doas"
            raise error from None
        return "sudo"

    def _spawn(
        self, start: _Start, argv: tuple[str, ...], feed: Feed | None, terminal: SudoTerminal | None
    ) -> "subprocess.Popen[bytes]":
        becomes = start.becomes
        vector, environment = start.argv, {**ENVIRONMENT, **start.account.environment}
        if terminal is not None:
            # In the environment, for arguments are seen by everybody: the command must not know what is answered.
            environment["SUDO_PROMPT"] = terminal.dialogue.prompt
            vector = terminal.command(find_program("sh", host=self.host), vector)
        # sudo finds the person's `sudo -v` by the session's terminal, so there a group of its own
        # must do; everything else loses the terminal.
        keeps_session = start.way is not None and terminal is None
        try:
            return subprocess.Popen(
                vector,
                stdin=subprocess.DEVNULL if feed is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env=environment,
                bufsize=0,
                start_new_session=not keeps_session,
                process_group=0 if keeps_session else None,
                user=None if becomes is None else becomes.uid,
                group=None if becomes is None else becomes.gid,
                extra_groups=None if becomes is None else becomes.group_ids,
            )
        except (OSError, subprocess.SubprocessError) as error:
            if terminal is not None:
                terminal.hang_up()
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise StepError(
                f"`{argv[0]}` can't be started: {reason}.",
                remedy="Check the program, and the limits on processes and memory.",
                host=self.host,
                argv=argv,
            ) from error


@dataclass(slots=True)
class _Run:
    """One process while it runs: its pipes, and what came out of them."""

    process: "subprocess.Popen[bytes]"
    feed: Feed | None
    on_output: Callable[[bytes], None] | None
    deadline: float
    terminal: SudoTerminal | None = None
    signal_as: Callable[[int], None] | None = None
    """Signals the process as the account that it runs as, where ours may not."""
    started: float = field(default_factory=time.monotonic)
    stdout: BoundedOutput = field(default_factory=BoundedOutput)
    stderr: BoundedOutput = field(default_factory=BoundedOutput)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    ending_file: int | None = None

    def __post_init__(self) -> None:
        for pipe, events in (
            (self.process.stdout, selectors.EVENT_READ),
            (self.process.stderr, selectors.EVENT_READ),
            (self.process.stdin, selectors.EVENT_WRITE),
        ):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self.selector.register(pipe, events)
        if self.terminal is not None:
            self.selector.register(self.terminal, selectors.EVENT_READ)
        with contextlib.suppress(OSError):
            # Readable once the process has ended; kernels before 5.3 have none, and TICK_S does.
            self.ending_file = os.pidfd_open(self.process.pid)
            self.selector.register(self.ending_file, selectors.EVENT_READ)

    def follow(self, cancel: Cancel | None) -> Ending:
        """Feed and drain the process until it has ended or must end; return which."""
        while not self._has_ended():
            if time.monotonic() >= self.deadline + self._waited_s:
                return "timeout"
            if cancel is not None and cancel.is_set:
                return "cancelled"
            self._pump(min(TICK_S, max(0.0, self.deadline + self._waited_s - time.monotonic())), cancel)
        # What the command wrote is in the pipes by now. A background child may hold them open.
        left_over = time.monotonic() + LEFT_OVER_S
        while time.monotonic() < left_over and self._pump(0.0, None):
            continue
        return "exited"

    def end(self) -> None:
        """End the group if the process still runs; reap it; close the pipes."""
        try:
            if self.process.returncode is None and not self._has_ended():
                self._end_group()
            with contextlib.suppress(subprocess.TimeoutExpired):
                # A process in uninterruptible sleep (a dead NFS server) outlives even SIGKILL.
                self.process.wait(TERMINATE_GRACE_S)
        finally:
            self.selector.close()
            if self.terminal is not None:
                self.terminal.hang_up()
            if self.ending_file is not None:
                os.close(self.ending_file)
            for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def completed(self, argv: tuple[str, ...], ending: Ending) -> Completed:
        """Return what is known of the process after its end."""
        code = self.process.returncode
        by_signal = -code if code is not None and code < 0 else None
        if ending == "exited" and by_signal is not None:
            ending = "signalled"
        return Completed(
            argv=argv,
            ending=ending,
            exit_code=code if ending == "exited" else None,
            signal=by_signal,
            stdout=self.stdout.kept,
            stderr=self.stderr.kept,
            stdout_size_bytes=self.stdout.size_bytes,
            stderr_size_bytes=self.stderr.size_bytes,
            duration_s=time.monotonic() - self.started,
        )

    def _end_group(self) -> None:
        """SIGTERM, some time, SIGKILL. The leader is not reaped before, so that its number can't be another's."""
        self.on_output = None
        if self.terminal is not None and not has_children(self.process.pid):
            self._hang_up()  # it still asks
        self._signal_group(signal.SIGTERM)
        limit = time.monotonic() + TERMINATE_GRACE_S
        while time.monotonic() < limit and not (self._has_ended() and not self._is_read()):
            self._pump(TICK_S, None)
        self._signal_group(signal.SIGKILL)
        if self.terminal is not None and not self._has_ended():
            self._hang_up()

    def _hang_up(self) -> None:
        """End the terminal, which is a signal that needs no permission, and give it a moment."""
        if self.terminal is not None and not self.terminal.has_hung_up:
            with contextlib.suppress(KeyError):
                self.selector.unregister(self.terminal)
            self.terminal.hang_up()
        limit = time.monotonic() + LEFT_OVER_S
        while time.monotonic() < limit and not self._has_ended():
            self._pump(TICK_S, None)

    def _signal_group(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return
        except PermissionError:
            # A command under sudo is another account's.
            if self.signal_as is not None:
                self.signal_as(number)

    @property
    def _waited_s(self) -> float:
        """How long a person was waited for: no part of the command's time."""
        return 0.0 if self.terminal is None else self.terminal.dialogue.waited_s

    def _has_ended(self) -> bool:
        """Whether the process has ended, without reaping it."""
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return self.process.returncode is not None or os.waitid(os.P_PID, self.process.pid, options) is not None

    def _is_read(self) -> bool:
        return any(
            key.fileobj in {self.process.stdout, self.process.stderr} for key in self.selector.get_map().values()
        )

    def _pump(self, wait_s: float, cancel: Cancel | None) -> bool:
        """Move what can be moved within `wait_s`; return whether something was."""
        if not self.selector.get_map():
            # It has closed its streams and lives on.
            if cancel is None:
                time.sleep(wait_s)
            else:
                cancel.wait(wait_s)
            return False
        ready = self.selector.select(wait_s)
        moved = [self._move(key.fileobj) for key, _ in ready]
        return any(moved)

    def _move(self, pipe: object) -> bool:
        if self.ending_file is not None and pipe == self.ending_file:
            self.selector.unregister(self.ending_file)  # it stays readable; the loop asks the kernel itself
            return False
        if self.terminal is not None and pipe is self.terminal:
            if not self.terminal.converse(self.process.pid):
                self.selector.unregister(self.terminal)
            return False
        if pipe is self.process.stdin:
            return self._feed(self.process.stdin)
        if pipe is self.process.stdout:
            return self._drain(self.process.stdout, self.stdout, self.on_output)
        return self._drain(self.process.stderr, self.stderr, None)

    def _drain(self, pipe: IO[bytes] | None, output: BoundedOutput, on_output: Callable[[bytes], None] | None) -> bool:
        if pipe is None:
            return False
        try:
            chunk = os.read(pipe.fileno(), CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            self.selector.unregister(pipe)
            return False
        output.add(chunk)
        if on_output is not None:
            on_output(chunk)
        return True

    def _feed(self, pipe: IO[bytes] | None) -> bool:
        if pipe is None or self.feed is None:
            return False
        piece = self.feed.piece()
        is_done = not piece
        try:
            if piece:
                self.feed.take(os.write(pipe.fileno(), piece))
        except BlockingIOError:
            return False
        except BrokenPipeError:
            is_done = True  # it reads no more; that is its own affair
        if is_done:
            self.selector.unregister(pipe)
            pipe.close()
        return True


def _is_refused(completed: Completed) -> bool:
    """Whether sudo or doas has started nothing: it exits with 1 and a complaint of its own."""
    return completed.exit_code == 1 and not completed.stdout and is_refusal(completed.stderr)
