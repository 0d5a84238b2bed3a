"""Writes files of the cache."""

import tempfile
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a private file whole or not at all; a folder that can't be written costs only time."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
            fresh = Path(stream.name)
            try:
                stream.write(content)
                stream.flush()
                fresh.replace(path)
            except OSError:
                fresh.unlink(missing_ok=True)
    except OSError:
        return
