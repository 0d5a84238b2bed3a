"""Files that decide what runs must not be somebody else's to write."""

import os
from pathlib import Path

from intents.errors import SaysoError

_ROOT = 0
_WRITABLE_BY_OTHERS = 0o022


class ForeignFileError(SaysoError):
    """A file that decides what runs may be written by another account. Its owner corrects that."""

    code = "integrity"


def require_own(status: os.stat_result, path: Path, uid: int) -> None:
    """Raise `ForeignFileError` unless only `uid` itself (or root) may write the file.

    Root trusts root's files only.
    """
    owners = {_ROOT} if uid == _ROOT else {_ROOT, uid}
    if status.st_uid not in owners or status.st_mode & _WRITABLE_BY_OTHERS:
        raise ForeignFileError(
            f"{path} may be written by others, so it is not used.",
            remedy=f"Make it your own: chown it to {'root' if uid == _ROOT else 'yourself'}, and chmod go-w.",
        )


def require_own_file(path: Path, uid: int) -> None:
    """The same for a path; one that isn't there is left to whoever reads it."""
    try:
        status = path.stat()
    except OSError:
        return
    require_own(status, path, uid)
