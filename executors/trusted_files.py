"""Reads the files that decide what may run, where nobody but their owner can have written them.

A file that can't be trusted or read stops everything: a policy must never be half in force.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from intents.errors import PolicyError

LARGEST_BYTES = 1024 * 1024
_ROOT = 0
_WRITABLE_BY_OTHERS = 0o022


def list_files(folder: Path, suffixes: Sequence[str], *, must_be_root: bool | None) -> tuple[Path, ...]:
    """Return the files of `folder` with one of `suffixes`, by name; none when the folder isn't there.

    `must_be_root`: True, folder and files have to be root's; False, root's or our own; None, anybody's.
    Raises `PolicyError` for a folder (or one above it) that others may write, and for one that can't be read.
    """
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - Path.glob hides a folder that can't be read
    except FileNotFoundError:
        return ()
    except OSError as error:
        if isinstance(error, NotADirectoryError) and not os.path.lexists(folder):
            return ()  # something above it is no folder
        raise bad_file(folder, f"can't be read ({error.strerror})") from None
    if must_be_root is not None:
        for place in _places_above(folder):
            fault = _fault(place.stat(), must_be_root=must_be_root, may_be_sticky=place != folder)
            if fault is not None:
                raise bad_file(place, fault, what="folder")
    return tuple(folder / name for name in names if name.endswith(tuple(suffixes)) and not name.startswith("."))


def read_trusted(path: Path, *, must_be_root: bool | None) -> str:
    """Return the text of a file of at most 1 MiB; who may write it is looked at on the open file.

    Raises `PolicyError`, as `list_files` does.
    """
    try:
        # Without O_NONBLOCK a named pipe would hold up everything.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise bad_file(path, "is not a regular file")
            fault = None if must_be_root is None else _fault(status, must_be_root=must_be_root)
            if fault is not None:
                raise bad_file(path, fault)
            content = stream.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise bad_file(path, f"can't be read ({error.strerror})") from None
    if len(content) > LARGEST_BYTES:
        raise bad_file(path, "is larger than 1 MiB")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise bad_file(path, f"is not valid UTF-8 (byte {error.start})") from None


def bad_file(path: Path, problem: str, *, what: str = "file") -> PolicyError:
    """Return the error for a file or folder of the policy that can't be used."""
    return PolicyError(
        f"The policy {what} {path} {problem}.", remedy="Correct it; until then nothing is run.", rule=str(path)
    )


def _fault(status: os.stat_result, *, must_be_root: bool, may_be_sticky: bool = False) -> str | None:
    """Return why it can't be trusted. A sticky folder (/tmp) may lie on the way: nobody replaces others' entries in it."""
    owners = {_ROOT} if must_be_root else {_ROOT, os.geteuid()}
    is_writable = bool(status.st_mode & _WRITABLE_BY_OTHERS)
    if status.st_uid not in owners or (is_writable and not (may_be_sticky and status.st_mode & stat.S_ISVTX)):
        whose = "root" if must_be_root else "you or root"
        return f"is not owned by {whose}, or others may write it"
    return None


def _places_above(folder: Path) -> Iterator[Path]:
    """Yield the folder and those that it lies in, as it is named and as it is without links."""
    yield from dict.fromkeys((folder, *folder.absolute().parents, folder.resolve(), *folder.resolve().parents))
