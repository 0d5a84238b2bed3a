"""How a host is reached: one Protocol for local, SSH and every later transport."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol, TypeAlias
from weakref import WeakSet

Ending: TypeAlias = Literal["exited", "signalled", "timeout", "cancelled", "lost"]
"""How a command ended. `lost`: the connection went away, so what happened is unknown."""

TRUSTED_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for, on every host. Nothing else is ever searched."""

ENVIRONMENT = {
    "PATH": TRUSTED_PATH,
    "LC_ALL": "C.UTF-8",
    "LANG": "C.UTF-8",
    "TZ": "UTC0",
    "PAGER": "cat",
    "SYSTEMD_PAGER": "",
    "SYSTEMD_COLORS": "0",
    "TERM": "dumb",
    "NO_COLOR": "1",
    "DEBIAN_FRONTEND": "noninteractive",
    "NEEDRESTART_MODE": "l",
}
"""The environment of every command; nothing of the caller's own environment but HOME and USER is added."""

OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024
"""What is kept of each of stdout and stderr; the rest is read, counted and dropped."""


class Cancel:
    """One token that ends work: set once (Ctrl-C, SIGTERM), looked at by everyone who waits."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._children: WeakSet[Cancel] = WeakSet()
        self._lock = threading.Lock()

    def set(self) -> None:
        """Ask all work to end."""
        self._event.set()
        with self._lock:
            children = list(self._children)
        for child in children:
            child.set()

    def child(self) -> "Cancel":
        """Return a token for a part of the work: it is set with this one, or by itself."""
        child = Cancel()
        with self._lock:
            self._children.add(child)
        if self.is_set:
            child.set()
        return child

    @property
    def is_set(self) -> bool:
        """Whether work has been asked to end."""
        return self._event.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Wait until set or the time is over; return whether it is set."""
        return self._event.wait(timeout_s)


@dataclass(frozen=True, slots=True)
class Completed:
    """What one command did: how it ended, its output (cut at the limit), how long it took."""

    argv: tuple[str, ...]
    ending: Ending
    exit_code: int | None
    """The exit code when it exited; None otherwise."""
    signal: int | None
    stdout: bytes
    stderr: bytes
    stdout_size_bytes: int
    """How many bytes the command wrote, kept or not."""
    stderr_size_bytes: int
    duration_s: float

    @property
    def is_truncated(self) -> bool:
        """Whether output was dropped."""
        return self.stdout_size_bytes > len(self.stdout) or self.stderr_size_bytes > len(self.stderr)


class Transport(Protocol):
    """A way to run argument vectors on one host.

    Every implementation: no shell reads the vector's words (SSH quotes them by one function),
    stdin is closed when None, the environment is `ENVIRONMENT`, programs come from
    `TRUSTED_PATH`, both streams are drained, and after `timeout_s` or a set `cancel` the whole
    process group is ended.
    """

    @property
    def host(self) -> str:
        """The name under which the host stands in plans and records (`local` for this machine)."""
        ...

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
        """Run `argv` and wait for it.

        `stdin` as an open binary file is read from where it stands to its end, in pieces. `as_user` runs it as another account (through sudo where needed). `on_output` gets stdout
        as it comes. `uninterruptible` lets a running command end by itself after a cancel
        (`interrupt: wait`); the timeout still holds.

        Raises `StepError` when the program is missing, not trusted or may not be run (also when
        sudo would ask), `UnreachableError` when the host can't be reached at all. A connection
        that goes away midway is not an error but the ending `lost`.
        """
        ...

    def login(self) -> "Login":
        """Return who commands run as, without `as_user`."""
        ...

    def close(self) -> None:
        """Give back what the transport holds."""
        ...


@dataclass(frozen=True, slots=True)
class Login:
    """The account on the host: numeric uid, name, home directory, and where relative paths start."""

    uid: int
    user: str
    home: str
    directory: str
