"""Where paths really lead on a host: through symbolic links, `/proc/*/root` and bind mounts, and what they are.

Everything is read anew by each `HostPaths`: what holds for one moment is never taken for another.
"""

import posixpath
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field

from executors.file_state import last_line
from executors.transport import Cancel, Completed, Transport
from intents.errors import StepError, UnreachableError

MOUNTS_ARGV = ("cat", "--", "/proc/self/mountinfo")
_TIMEOUT_S = 20.0
_STAT_FORMAT = "%d:%i %f %n"
_STAT_WORDS = 3
_MOUNT_FIELDS = 10
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class MountPoint:
    """One line of mountinfo (proc(5)): the part `root` of the file system `device` stands at `point`."""

    device: str
    """Major and minor number: `8:1`."""
    root: str
    point: str
    source: str
    """What was mounted (`/dev/sda1`), as far as the kernel tells."""
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """What stat(2) says of a path, without following its last link: the identity and whether it is a directory."""

    identity: str
    """`device:inode`."""
    is_directory: bool


@dataclass(slots=True)
class HostPaths:
    """The paths of one host, each asked for once. For one check; make a new one for the next."""

    transport: Transport
    cancel: Cancel | None = None
    _resolved: dict[str, str] = field(default_factory=dict)
    _real: dict[str, str] = field(default_factory=dict)
    _mounts: tuple[MountPoint, ...] | None = None

    def mounts(self) -> tuple[MountPoint, ...]:
        """Return the host's mounts. Raises `StepError` where they can't be read."""
        if self._mounts is None:
            completed = self._run(MOUNTS_ARGV, doing="Reading the mounts")
            self._mounts = parse_mounts(completed.stdout)
        return self._mounts

    def resolve(self, path: str) -> str:
        """Return where the path leads: links followed, and named through the widest mount of its file system.

        A part that isn't there (or may not be seen) is taken as it is written. Raises `StepError`.
        """
        return self.resolve_all([path])[path]

    def resolve_all(self, paths: Sequence[str]) -> dict[str, str]:
        """Return path -> where it leads, in one command."""
        missing = [path for path in dict.fromkeys(paths) if path not in self._resolved]
        if missing:
            mounts = self.mounts()
            for path, real in zip(missing, self._real_paths(missing), strict=True):
                self._real[path] = real
                self._resolved[path] = widest_name(real, mounts)
        return {path: self._resolved[path] for path in paths}

    def leads_of(self, paths: Sequence[str]) -> dict[str, str]:
        """Return path -> where it leads, of those that lead elsewhere than they say."""
        return {path: real for path, real in self.resolve_all(paths).items() if real != path} if paths else {}

    def mount_of(self, path: str) -> MountPoint | None:
        """Return the mount that a path lies on, links followed; of several at one place the last. Raises `StepError`."""
        self.resolve(path)
        real = self._real[path]
        within = [one for one in self.mounts() if is_within(real, one.point)]
        return max(reversed(within), key=lambda one: len(one.point), default=None)

    def entries(self, paths: Sequence[str]) -> dict[str, Entry]:
        """Return path -> what it is, of those that are there, in one command. The paths have to be plain text."""
        if not paths:
            return {}
        argv = ("stat", "-c", _STAT_FORMAT, "--", *dict.fromkeys(paths))
        completed = self._run(argv, doing="Looking at paths", ok=(0, 1))  # 1: some aren't there
        found: dict[str, Entry] = {}
        for line in completed.stdout.decode("utf-8", "surrogateescape").split("\n"):
            words = line.split(" ", 2)
            if len(words) == _STAT_WORDS and ":" in words[0]:
                found[words[2]] = Entry(words[0], stat.S_ISDIR(int(words[1], 16)))
        return found

    def _real_paths(self, paths: Sequence[str]) -> list[str]:
        """GNU's realpath takes what isn't there and ends with NUL; busybox's has neither."""
        completed = self.transport.run(("realpath", "-m", "-z", "--", *paths), timeout_s=_TIMEOUT_S, cancel=self.cancel)
        self._refuse_lost(completed)
        found = completed.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
        if completed.exit_code == 0 and len(found) == len(paths):
            return found
        return [self._real_path(path) for path in paths]

    def _real_path(self, path: str) -> str:
        """Follow the longest part of the path that can be followed."""
        known, rest = path, ""
        while known != "/":
            completed = self._run(("readlink", "-f", known), doing="Following links", ok=(0, 1))
            text = completed.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")
            if completed.exit_code == 0 and text.startswith("/"):
                return posixpath.normpath(posixpath.join(text, rest)) if rest else text
            known, rest = posixpath.dirname(known), posixpath.join(posixpath.basename(known), rest)
        return posixpath.normpath(path)

    def _run(self, argv: tuple[str, ...], *, doing: str, ok: tuple[int, ...] = (0,)) -> Completed:
        completed = self.transport.run(argv, timeout_s=_TIMEOUT_S, cancel=self.cancel)
        self._refuse_lost(completed)
        if completed.ending == "exited" and completed.exit_code in ok and not completed.is_truncated:
            return completed
        said = last_line(completed.stderr) or completed.ending
        raise StepError(
            f"{doing} on {self.transport.host} failed: {said.rstrip('.')}.",
            remedy="Without it nobody knows what the change would reach; look at the message, then ask again.",
            host=self.transport.host,
            argv=argv,
            exit_code=completed.exit_code,
        )

    def _refuse_lost(self, completed: Completed) -> None:
        if completed.ending == "lost":
            host = self.transport.host
            raise UnreachableError(f"The connection to {host} went away.", remedy="Ask again.", host=host)


def parse_mounts(text: bytes) -> tuple[MountPoint, ...]:
    r"""Return the mounts of `/proc/self/mountinfo`, in the kernel's order; octal escapes are undone.

    >>> parse_mounts(b"36 35 98:0 /etc /mnt/a\\040b rw,noatime master:1 - ext3 /dev/root rw\n")
    (MountPoint(device='98:0', root='/etc', point='/mnt/a b', source='/dev/root', is_read_only=False),)
    """
    mounts = []
    for line in text.decode("utf-8", "surrogateescape").split("\n"):
        words = line.split(" ")
        if len(words) >= _MOUNT_FIELDS and "-" in words:
            behind = words[words.index("-") + 1 :]
            source = _unescaped(behind[1]) if len(behind) > 1 else ""
            is_read_only = any("ro" in options.split(",") for options in (words[5], *behind[2:3]))
            mounts.append(MountPoint(words[2], _unescaped(words[3]), _unescaped(words[4]), source, is_read_only))
    return tuple(mounts)


def widest_name(path: str, mounts: Sequence[MountPoint]) -> str:
    """Return the path by the mount that shows most of its file system, and of those the shortest.

    >>> mounts = (MountPoint("8:1", "/", "/", "/dev/sda1"), MountPoint("8:1", "/etc", "/mnt/x", "/dev/sda1"))
    >>> widest_name("/mnt/x/passwd", mounts), widest_name("/srv/a", mounts)
    ('/etc/passwd', '/srv/a')
    """
    here = max(
        (one for one in reversed(mounts) if is_within(path, one.point)), key=lambda one: len(one.point), default=None
    )
    if here is None:
        return path
    inside = posixpath.normpath(posixpath.join(here.root, posixpath.relpath(path, here.point)))
    others = [one for one in mounts if one.device == here.device and is_within(inside, one.root)]
    best = min(others, key=lambda one: (len(one.root), len(one.point)), default=here)
    return posixpath.normpath(posixpath.join(best.point, posixpath.relpath(inside, best.root)))


def is_within(path: str, folder: str) -> bool:
    """Whether an absolute normal path is the folder or lies below it.

    >>> is_within("/etc/ssh", "/etc"), is_within("/etcetera", "/etc"), is_within("/x", "/")
    (True, False, True)
    """
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _unescaped(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
