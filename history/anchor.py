"""The head that is kept beside a history: how many events there were, and the hash of the last, when a record ended.

It proves nothing against who may write both files. It tells a history that was emptied, cut, removed or put back
in an older state from one that was always so.
"""

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path

from history.event import Head

SUFFIX = ".head"
_LONGEST_BYTES = 1024
_HASH_DIGITS = 64


def anchor_of(path: Path) -> Path:
    """Return where the head of the history at `path` is kept."""
    real = path.expanduser().absolute().resolve()
    return real.with_name(real.name + SUFFIX)


def read_anchor(path: Path) -> Head | None:
    """Return the head that is kept for the history at `path`; None where there is none, or none that can be read."""
    try:
        with anchor_of(path).open("rb") as stream:
            kept = json.loads(stream.read(_LONGEST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    number, digest = (kept.get("number"), kept.get("hash")) if isinstance(kept, dict) else (None, None)
    if isinstance(number, bool) or not isinstance(number, int) or not isinstance(digest, str):
        return None
    return Head(number, digest) if number > 0 and len(digest) == _HASH_DIGITS else None


def keep_anchor(path: Path, head: Head) -> None:
    """Keep a head, whole or not at all. What can't be kept isn't: the events themselves are on disk.

    It isn't synced: after a power cut an older one, or none, says less and nothing that is wrong.
    """
    place = anchor_of(path)
    fresh = place.with_name(f"{place.name}.{secrets.token_hex(8)}")
    with suppress(OSError):
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                stream.write(json.dumps({"number": head.number, "hash": head.hash}) + "\n")
            fresh.replace(place)
        finally:
            fresh.unlink(missing_ok=True)
