"""What a file on a host is and holds, read by argument vectors over any transport."""

import hashlib
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Literal, TypeAlias

from executors.transport import OUTPUT_LIMIT_BYTES, Cancel, Completed, Transport
from intents.errors import StepError, UnreachableError
from intents.types.visible import visible

FileKind: TypeAlias = Literal["absent", "file", "directory", "link", "other"]

CONTENT_LIMIT_BYTES = OUTPUT_LIMIT_BYTES
"""Larger files are never held: their content goes by in pieces."""

_SLOWEST_BYTES_S = 4 * 1024 * 1024
"""What a command is given time for: a slow disk, or a slow line."""

_STAT_FORMAT = "%f %a %s %h %u %g %U %G"
"""Raw mode in hexadecimal, permission bits in octal, size, links, owner and group: GNU and busybox alike."""
_STAT_WORDS = 8
_SHOWN_CHARACTERS = 300


class EditCutOffError(UnreachableError):
    """Nobody knows how a command of an edit ended. `may_have_changed`: the file may be old or new, never half."""

    def __init__(self, doing: str, ending: str, *, host: str, may_have_changed: bool) -> None:
        said = "may or may not have been changed" if may_have_changed else "was not changed"
        super().__init__(
            f"{doing} on {host} was cut off ({ending}); the file {said}.",
            remedy="Look at the file once the host answers again, and ask again.",
            host=host,
        )
        self.may_have_changed = may_have_changed


@dataclass(frozen=True, slots=True)
class FileStatus:
    """What a path is, without its content: as lstat(2) has it."""

    path: str
    kind: FileKind
    owner: str = ""
    group: str = ""
    uid: int = -1
    gid: int = -1
    mode: int = 0
    """Permission bits with setuid, setgid and sticky."""
    size_bytes: int = 0
    links: int = 0


@dataclass(frozen=True, slots=True)
class FileState:
    """A file with its content. For a path that isn't there: `exists` False, `content` empty, `sha256` None."""

    path: str
    """The absolute path that was read; the link's target when links were followed."""
    exists: bool
    content: bytes = b""
    sha256: str | None = None
    kind: FileKind = "absent"
    owner: str = ""
    group: str = ""
    mode: int = 0
    size_bytes: int = 0
    links: int = 0
    target: str | None = None
    """Where a link leads, when one was followed."""
    is_large: bool = False
    """Whether the file is larger than 16 MiB, so that `content` is empty."""


@dataclass(frozen=True, slots=True)
class FileHost:
    """A transport with the account that acts on files, and the answers turned into errors."""

    transport: Transport
    as_user: str | None = None
    cancel: Cancel | None = None
    passing_s: float = 0.0
    """How much longer than usual each command may take, because of the size of what it reads or writes."""

    def for_size(self, size_bytes: int) -> "FileHost":
        """Return the same with the time that commands need for so many bytes."""
        return replace(self, passing_s=size_bytes / _SLOWEST_BYTES_S)

    def run(
        self,
        argv: Sequence[str],
        *,
        doing: str,
        stdin: bytes | BinaryIO | None = None,
        on_output: Callable[[bytes], None] | None = None,
        ok: tuple[int, ...] = (0,),
        timeout_s: float = 60.0,
        is_final: bool = False,
    ) -> Completed:
        """Run `argv`; `is_final` for what must not be cut off by a cancel.

        Raises `StepError` naming what was being done when it fails, `EditCutOffError` when the connection is lost.
        """
        completed = self.transport.run(
            argv,
            stdin=stdin,
            as_user=self.as_user,
            timeout_s=timeout_s + self.passing_s,
            cancel=None if is_final else self.cancel,
            on_output=on_output,
            uninterruptible=is_final,
        )
        if completed.ending == "exited" and completed.exit_code in ok:
            return completed
        if completed.ending == "lost" or (is_final and completed.ending != "exited"):
            raise EditCutOffError(doing, completed.ending, host=self.transport.host, may_have_changed=is_final)
        raise self.error(doing, completed)

    def error(self, doing: str, completed: Completed) -> StepError:
        """Return the error for a command that failed."""
        said = last_line(completed.stderr) or last_line(completed.stdout)
        if completed.ending == "exited":
            what = f"exit code {completed.exit_code}" + (f", {said}" if said else "")
        else:
            what = {"timeout": "it took too long", "cancelled": "it was cancelled"}.get(
                completed.ending, completed.ending
            )
        return StepError(
            f"{doing} on {self.transport.host} failed: {what}.",
            remedy=_remedy(completed.stderr),
            host=self.transport.host,
            argv=completed.argv,
            exit_code=completed.exit_code,
        )


def shown_path(path: str) -> str:
    r"""Return a path for a sentence: whole, for its end is what matters, and safe to print.

    >>> print(shown_path("/srv/a\nb"))
    "/srv/a\nb"
    """
    return f'"{visible(path)}"'


def last_line(output: bytes) -> str:
    """Return the last line that isn't blank, safe to show."""
    lines = [line for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    return visible(lines[-1].strip())[:_SHOWN_CHARACTERS] if lines else ""


def read_file(
    transport: Transport,
    path: str,
    *,
    as_user: str | None = None,
    follow: bool = False,
    cancel: Cancel | None = None,
    allow_large: bool = False,
    hash_large: bool = True,
) -> FileState:
    """Return the file at the absolute `path` with its content; one larger than 16 MiB without it, if `allow_large`.

    `hash_large` False leaves a large one's `sha256` out too, for who will see all of its content.

    Raises `StepError` for a relative path, a directory, a device, a link (unless `follow`), a file
    larger than 16 MiB (unless `allow_large`), and whatever may not be read.
    """
    host = FileHost(transport, as_user, cancel)
    check_path(host, path)
    target: str | None = None
    status = file_status(host, path)
    if status.kind == "link" and follow:
        target = real_path(host, path)
        status = file_status(host, target)
    if status.kind == "absent":
        return FileState(path=target or path, exists=False, target=target)
    refuse_unusual(host, status)
    if status.size_bytes > CONTENT_LIMIT_BYTES:
        if not allow_large:
            raise _too_large(host, status)
        sha256 = sha256_of(host.for_size(status.size_bytes), status.path) if hash_large else None
        return replace(_state(status, target), sha256=sha256, is_large=True)
    completed = host.run(("cat", "--", status.path), doing=f"Reading {shown_path(path)}")
    if completed.is_truncated:
        raise _too_large(host, status)
    return replace(
        _state(status, target),
        content=completed.stdout,
        sha256=hashlib.sha256(completed.stdout).hexdigest(),
        size_bytes=len(completed.stdout),
    )


def _state(status: FileStatus, target: str | None) -> FileState:
    return FileState(
        path=status.path,
        exists=True,
        kind=status.kind,
        owner=status.owner,
        group=status.group,
        mode=status.mode,
        size_bytes=status.size_bytes,
        links=status.links,
        target=target,
    )


def check_path(host: FileHost, path: str) -> None:
    """Raise `StepError` unless `path` is absolute and names something in a directory."""
    if path.startswith("/") and "\0" not in path and path.rsplit("/", 1)[1] not in {"", ".", ".."}:
        return
    raise StepError(
        f"{shown_path(path)} is not the absolute path of a file.",
        remedy="Give the path from / on, with the file's name at its end.",
        host=host.transport.host,
    )


def file_status(host: FileHost, path: str) -> FileStatus:
    """Return what `path` is; links are not followed. Raises `StepError` when it can't be told."""
    doing = f"Looking at {shown_path(path)}"
    completed = host.run(("stat", "-c", _STAT_FORMAT, "--", path), doing=doing, ok=(0, 1))
    if completed.exit_code == 1:
        # LC_ALL is C.UTF-8 on every host, so that the words are strerror(3)'s.
        if b"No such file or directory" in completed.stderr:
            return FileStatus(path, "absent")
        raise host.error(doing, completed)
    return _status(host, path, completed, completed.stdout)


def file_statuses(host: FileHost, paths: Sequence[str]) -> list[FileStatus]:
    """Return what each of `paths` is. Raises `StepError` when one of them isn't there, or can't be told."""
    doing = f"Looking at the directories of {shown_path(paths[-1])}"
    completed = host.run(("stat", "-c", _STAT_FORMAT, "--", *paths), doing=doing)
    lines = completed.stdout.splitlines()
    if len(lines) != len(paths):
        raise host.error(f"{doing} (an answer that can't be read)", completed)
    return [_status(host, path, completed, line) for path, line in zip(paths, lines, strict=True)]


def _status(host: FileHost, path: str, completed: Completed, line: bytes) -> FileStatus:
    words = line.decode("utf-8", "replace").split()
    if len(words) != _STAT_WORDS or not re.fullmatch(r"[0-9a-fA-F]+ [0-7]+( \d+){4}", " ".join(words[:6])):
        raise host.error(f"Looking at {shown_path(path)} (an answer that can't be read)", completed)
    return FileStatus(
        path=path,
        kind=_kind(int(words[0], 16)),
        mode=int(words[1], 8),
        size_bytes=int(words[2]),
        links=int(words[3]),
        uid=int(words[4]),
        gid=int(words[5]),
        owner=words[6],
        group=words[7],
    )


def real_path(host: FileHost, path: str) -> str:
    """Return the absolute path without any link in it. Raises `StepError` when a link leads nowhere."""
    completed = host.run(("readlink", "-f", "-n", "--", path), doing=f"Following {shown_path(path)}")
    return completed.stdout.decode("utf-8", "surrogateescape")


def refuse_unusual(host: FileHost, status: FileStatus) -> None:
    """Raise `StepError` for whatever isn't one ordinary file."""
    shown = shown_path(status.path)
    name = host.transport.host
    if status.kind == "link":
        target = real_path(host, status.path)
        raise StepError(
            f"{shown} is a symbolic link.", remedy=f"If its target is meant, name it: {shown_path(target)}.", host=name
        )
    if status.kind in {"directory", "other"}:
        what = "a directory" if status.kind == "directory" else "a device, socket or pipe"
        raise StepError(f"{shown} is {what}, not a file.", remedy="Name an ordinary file.", host=name)


def sha256_of(host: FileHost, path: str, *, is_final: bool = False) -> str:
    """Return the SHA-256 (hex) of a file, computed on its host."""
    doing = f"Computing the checksum of {shown_path(path)}"
    completed = host.run(("sha256sum", "--", path), doing=doing, is_final=is_final)
    # sha256sum(1): a line begins with a backslash where the name had to be escaped.
    match = re.match(rb"\\?([0-9a-f]{64}) ", completed.stdout)
    if match is None:
        raise host.error(f"{doing} (an answer that can't be read)", completed)
    return match[1].decode("ascii")


def _kind(raw_mode: int) -> FileKind:
    if stat.S_ISREG(raw_mode):
        return "file"
    if stat.S_ISDIR(raw_mode):
        return "directory"
    return "link" if stat.S_ISLNK(raw_mode) else "other"


def _too_large(host: FileHost, status: FileStatus) -> StepError:
    return StepError(
        f"{shown_path(status.path)} is larger than {CONTENT_LIMIT_BYTES // 2**20} MiB.",
        remedy="A file of that size is not read whole here.",
        host=host.transport.host,
    )


def _remedy(stderr: bytes) -> str:
    remedies = {
        b"Permission denied": "Check the permissions, or act as the file's owner or root.",
        b"Operation not permitted": "Check the owner, and attributes (`lsattr`) that forbid changes.",
        b"Read-only file system": "The file system is mounted read-only; remount it, or choose another place.",
        b"No space left": "Free some space on that file system first.",
        b"quota": "Free some of the account's quota first.",
        b"Device or resource busy": "The file is a mount point of its own (as in a container); change it at its source.",
        b"No such file": "Create its directory first.",
    }
    return next((remedy for mark, remedy in remedies.items() if mark in stderr), "Look at the message, then ask again.")
