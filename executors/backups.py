"""The store of old contents that edits keep for undo: what is in it, and making room.

One store for each account that edits, on the edited file's own host, readable by that account
alone. A content lies there once, under its SHA-256, whichever file it was of.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from executors.file_replace import SYSTEM_BACKUPS, USER_BACKUPS
from executors.file_state import FileHost
from executors.state import Target

LIMIT_BYTES = 1024 * 1024 * 1024
"""How much a store may hold before cleaning takes away its oldest."""
KEPT_S = 24 * 3600.0
"""Nothing younger is taken away to make room: somebody may still want it back."""
_FIELDS = 3
_AT_ONCE = 100
"""How many files one vector removes."""


@dataclass(frozen=True, slots=True)
class Backup:
    """One kept content: its path, size, and when it was put there (seconds since 1970, UTC)."""

    path: str
    size_bytes: int
    kept_at: float


def store_of(target: Target) -> str:
    """Return the folder of the account that we are on the target."""
    login = target.login
    return SYSTEM_BACKUPS if login.uid == 0 else f"{login.home}/{USER_BACKUPS}"


def list_backups(target: Target) -> tuple[Backup, ...]:
    """Return what the store holds, oldest first; empty where there is none. Raises `StepError`."""
    host = FileHost(target.transport)
    found = host.run(
        ("find", "-P", store_of(target), "-mindepth", "1", "-maxdepth", "1", "-type", "f", "-printf", r"%s\0%T@\0%p\0"),
        doing="Looking into the backup store",
        ok=(0, 1),  # 1: there is no store yet
    )
    texts = found.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
    rows = [texts[place : place + _FIELDS] for place in range(0, len(texts), _FIELDS)]
    return tuple(sorted((Backup(path, int(size), float(at)) for size, at, path in rows), key=lambda one: one.kept_at))


def to_remove(backups: Sequence[Backup], *, now: float, older_than_s: float | None) -> tuple[Backup, ...]:
    """Return what cleaning takes away: what is older, or without an age the oldest beyond the limit.

    >>> kept = [Backup("/a", 900 * 2**20, 0.0), Backup("/b", 200 * 2**20, 10.0)]
    >>> [one.path for one in to_remove(kept, now=1e6, older_than_s=None)]
    ['/a']
    """
    if older_than_s is not None:
        return tuple(one for one in backups if now - one.kept_at > older_than_s)
    left = sum(one.size_bytes for one in backups)
    gone: list[Backup] = []
    for one in backups:
        if left <= LIMIT_BYTES or now - one.kept_at <= KEPT_S:
            break
        gone.append(one)
        left -= one.size_bytes
    return tuple(gone)


def remove_backups(target: Target, backups: Sequence[Backup]) -> None:
    """Remove them; what they were kept for can't be undone any more. Raises `StepError`."""
    host = FileHost(target.transport)
    for begin in range(0, len(backups), _AT_ONCE):
        paths = [one.path for one in backups[begin : begin + _AT_ONCE]]
        host.run(("rm", "-f", "--", *paths), doing="Removing backups")
