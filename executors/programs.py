"""Where a program on this machine is: on the trusted path alone, and only if nobody but root could have put it there."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from executors.missing_programs import MissingProgramError
from executors.transport import TRUSTED_PATH
from intents.errors import StepError

TRUSTED_DIRECTORIES = tuple(TRUSTED_PATH.split(":"))

_LINKS_FOLLOWED = 40
"""As the kernel has it (path_resolution(7))."""


def find_program(name: str, *, host: str = "local", directories: Sequence[str] = TRUSTED_DIRECTORIES) -> str:
    """Return the absolute path of the program `name` in the first directory where it can be trusted.

    An absolute `name` must lie in one of `directories`. Trusted is a regular, executable file of
    root that only root can write, when the same holds for each directory and link on the way to
    it. The path that is returned may be a link (`/usr/bin/vi`): a program may go by the name under
    which it is called.

    Raises `StepError` when there is none, or only one that isn't trusted.
    """
    path = PurePosixPath(name)
    if name in {"", ".", ".."} or "\0" in name or ("/" in name and str(path.parent) not in directories):
        raise StepError(
            f"The program {name!a} is not in a directory for the system's programs.",
            remedy=f"Programs are taken from {TRUSTED_PATH} only.",
            host=host,
            argv=(name,),
        )
    faults: list[str] = []
    for directory in [str(path.parent)] if path.is_absolute() else directories:
        candidate = f"{directory}/{path.name}"
        fault = _fault(candidate)
        if fault is None:
            return candidate
        faults += [fault] if fault else []
    if faults:
        raise StepError(
            f"The program `{path.name}` can't be trusted: {faults[0]}.",
            remedy="It and the directories that it lies in must be root's, and writable by root alone.",
            host=host,
            argv=(name,),
        )
    raise MissingProgramError(path.name, host=host)


def _fault(candidate: str) -> str | None:
    """Return why `candidate` can't be trusted, "" when it doesn't exist, None when it can be.

    The way is walked name by name, so that a link in the middle of it is looked at as well.
    """
    pending = [part for part in candidate.split("/") if part][::-1]
    here = "/"
    followed = 0
    while pending:
        directory_fault = _directory_fault(here, is_last=len(pending) == 1)
        if directory_fault:
            return directory_fault
        part = pending.pop()
        path = os.path.normpath(f"{here}/{part}").replace("//", "/")
        try:
            status = os.lstat(path)
        except OSError as error:
            return "" if isinstance(error, (FileNotFoundError, NotADirectoryError)) else f"{path}: {error.strerror}"
        if status.st_uid != 0:
            return f"{path} belongs to the account with the number {status.st_uid}"
        if not stat.S_ISLNK(status.st_mode):
            here = path
            continue
        followed += 1
        if followed > _LINKS_FOLLOWED:
            return f"{path} is a link that leads in a circle"
        target = str(Path(path).readlink())
        here = "/" if target.startswith("/") else here
        pending += [part for part in target.split("/") if part][::-1]
    return _file_fault(here)


def _directory_fault(path: str, *, is_last: bool) -> str | None:
    """A sticky directory (/tmp) is fine on the way: nobody can replace root's entries in it."""
    status = os.lstat(path)
    is_writable = bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    if is_writable and (is_last or not status.st_mode & stat.S_ISVTX):
        return f"{path} is writable by others"
    return None


def _file_fault(path: str) -> str | None:
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode):
        return f"{path} is not a regular file"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"{path} is writable by others"
    if not status.st_mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH):
        return f"{path} is not executable"
    return None
