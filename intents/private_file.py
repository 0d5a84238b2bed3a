"""Writes private files, whole or not at all."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def replace_privately(path: Path, content: bytes, *, is_synced: bool = True) -> None:
    """Write a file (0600) in a folder that is made where there is none (0700). Raises `OSError`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, fresh = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            if is_synced:
                os.fsync(stream.fileno())
        Path(fresh).replace(path)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file of the cache; a folder that can't be written, or a power cut, costs only time."""
    with suppress(OSError):
        replace_privately(path, content, is_synced=False)
