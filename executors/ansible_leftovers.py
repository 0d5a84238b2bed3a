"""The private folders of runs of Ansible whose sayso was killed: found and removed by a later run.

A folder that is in use is locked (flock(2) on the folder itself, which ends with the process however that ended).
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDER_PREFIX = "sayso-run-"
ABANDONED_AFTER_S = 3600.0
"""An Ansible that outlived its sayso may still use the folder, so that one younger than this is left alone."""


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Keep others from taking the folder for abandoned."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def remove_abandoned(parent: Path) -> None:
    """Remove the folders of our own that nobody uses and that are old; what can't be removed is left."""
    for folder in parent.glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError):
            if _is_abandoned(folder):
                shutil.rmtree(folder)


def _is_abandoned(folder: Path) -> bool:
    """Raises `OSError` for what is no folder, is a link, or is in use (`BlockingIOError`)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        state = os.fstat(descriptor)
        if state.st_uid != os.geteuid() or time.time() - state.st_mtime < ABANDONED_AFTER_S:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    finally:
        os.close(descriptor)
