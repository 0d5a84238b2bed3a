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
from typing import IO

from executors.accounts import NOT_ALLOWED_PREFIXES, Account, account_named, own_account, own_login, sudo_error
from executors.output import BoundedOutput
from executors.programs import find_program
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
    by_sudo: bool = False


class LocalTransport:
    """Runs argument vectors on this machine. May be used by several threads at once."""

    def __init__(self, *, directory: str | None = None) -> None:
        """Take the directory where relative paths start: the caller's current one unless given."""
        self._directory = directory or str(Path.cwd())

    @property
    def host(self) -> str:
        """`local`."""
        return "local"

    def login(self) -> Login:
        """Return the account with our effective uid."""
        return own_login(self._directory)

    def close(self) -> None:
        """Give back nothing: nothing is held between commands."""

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | None = None,
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
        run = _Run(self._spawn(start, words, stdin), stdin, on_output, time.monotonic() + timeout_s)
        try:
            ending = run.follow(None if uninterruptible else cancel)
        finally:
            run.end()
        completed = run.completed(words, ending)
        refused = completed.exit_code == 1 and not completed.stdout
        if start.by_sudo and refused and completed.stderr.startswith(NOT_ALLOWED_PREFIXES):
            raise sudo_error(completed.stderr, as_user=start.account.name, host=self.host, argv=words)
        return completed

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
        sudo = find_program("sudo", host=self.host)
        return _Start((sudo, "-n", "-H", "-u", wanted.name, "--", *vector), wanted, by_sudo=True)

    def _spawn(self, start: _Start, argv: tuple[str, ...], stdin: bytes | None) -> "subprocess.Popen[bytes]":
        becomes = start.becomes
        try:
            return subprocess.Popen(
                start.argv,
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env={**ENVIRONMENT, **start.account.environment},
                bufsize=0,
                # sudo finds the person's `sudo -v` by the session's terminal, so there a group
                # of its own must do; everything else loses the terminal.
                start_new_session=not start.by_sudo,
                process_group=0 if start.by_sudo else None,
                user=None if becomes is None else becomes.uid,
                group=None if becomes is None else becomes.gid,
                extra_groups=None if becomes is None else becomes.group_ids,
            )
        except (OSError, subprocess.SubprocessError) as error:
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
    to_write: bytes | None
    on_output: Callable[[bytes], None] | None
    deadline: float
    started: float = field(default_factory=time.monotonic)
    stdout: BoundedOutput = field(default_factory=BoundedOutput)
    stderr: BoundedOutput = field(default_factory=BoundedOutput)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    written: int = 0
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
        with contextlib.suppress(OSError):
            # Readable once the process has ended; kernels before 5.3 have none, and TICK_S does.
            self.ending_file = os.pidfd_open(self.process.pid)
            self.selector.register(self.ending_file, selectors.EVENT_READ)

    def follow(self, cancel: Cancel | None) -> Ending:
        """Feed and drain the process until it has ended or must end; return which."""
        while not self._has_ended():
            if time.monotonic() >= self.deadline:
                return "timeout"
            if cancel is not None and cancel.is_set:
                return "cancelled"
            self._pump(min(TICK_S, max(0.0, self.deadline - time.monotonic())), cancel)
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
        self._signal_group(signal.SIGTERM)
        limit = time.monotonic() + TERMINATE_GRACE_S
        while time.monotonic() < limit and not (self._has_ended() and not self._is_read()):
            self._pump(TICK_S, None)
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return
        except PermissionError:
            # A command under sudo is root's; sudo passes on a signal that another group sends.
            with contextlib.suppress(StepError, OSError, subprocess.SubprocessError):
                subprocess.run(
                    [
                        find_program("sudo"),
                        "-n",
                        "--",
                        find_program("kill"),
                        f"-{number}",
                        "--",
                        f"-{self.process.pid}",
                    ],
                    check=False,
                    env=ENVIRONMENT,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=TERMINATE_GRACE_S,
                )

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
        if pipe is None or self.to_write is None:
            return False
        part = memoryview(self.to_write)[self.written : self.written + CHUNK_BYTES]
        try:
            self.written += os.write(pipe.fileno(), part) if part else 0
        except BlockingIOError:
            return False
        except BrokenPipeError:
            self.written = len(self.to_write)  # it reads no more; that is its own affair
        if self.written >= len(self.to_write):
            self.selector.unregister(pipe)
            pipe.close()
        return True
