"""The store of old contents that edits keep for undo: what is in it, how large it may be, and making room.

One store for each account that edits, on the edited file's own host, readable by that account
alone. A content lies there once, under its SHA-256, whichever file it was of.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from executors.file_state import FileHost, last_line, shown_path
from executors.state import BACKUP_LIMIT_BYTES, Target
from intents.errors import StepError

SYSTEM_BACKUPS = "/var/lib/sayso/backups"
"""Where backups of root's edits lie, on the file's own host."""
USER_BACKUPS = ".local/state/sayso/backups"
"""The same of everybody else, below the home directory (XDG base directories 0.8, state)."""
CLEANING = "backups.clean"
"""What rules call the removal of backups: it is no intent, and has to be allowed like one that destroys."""
LIMIT_BYTES = BACKUP_LIMIT_BYTES
"""How much a store may hold unless the settings say otherwise: the oldest go, or an edit is refused."""
KEPT_S = 24 * 3600.0
"""Nothing younger is taken away to make room: somebody may still want it back."""
_FIELDS = 3
_MEBIBYTE = 1024 * 1024
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
    return _listed(FileHost(target.transport), store_of(target))


def _listed(host: FileHost, store: str) -> tuple[Backup, ...]:
    """`%Z` is when a content was put there; its time of modification is still that of the edited file."""
    words = ("-mindepth", "1", "-maxdepth", "1", "-type", "f", "-exec", "stat", "-c", "%s %Z %n", "--", "{}", "+")
    doing = "Looking into the backup store"
    found = host.run(("find", store, *words), doing=doing, ok=(0, 1))  # 1: there is no store yet
    lines = found.stdout.decode("utf-8", "surrogateescape").splitlines()
    rows = [line.split(" ", _FIELDS - 1) for line in lines]
    if any(len(row) != _FIELDS for row in rows):
        raise host.error(f"{doing} (an answer that can't be read)", found)
    return tuple(sorted((Backup(path, int(size), float(at)) for size, at, path in rows), key=lambda one: one.kept_at))


def make_room(
    host: FileHost, store: str, path: str, sha256: str, size_bytes: int, *, limit_bytes: int
) -> tuple[Backup, ...]:
    """Remove the oldest backups until one more of `size_bytes` fits below the limit; return those that went.

    Nothing from the last day goes. Raises `StepError`, with nothing removed, where that isn't enough.
    """
    kept = _listed(host, store)
    if any(one.path == f"{store}/{sha256}" for one in kept):
        return ()
    if size_bytes > limit_bytes:
        raise StepError(
            f"The backup of {shown_path(path)} would be larger ({_shown(size_bytes)}) than the store of backups may be "
            f"({_shown(limit_bytes)}). Nothing was changed.",
            remedy="Raise `backup_limit_bytes` in the settings.",
            host=host.transport.host,
        )
    if sum(one.size_bytes for one in kept) + size_bytes <= limit_bytes:
        return ()
    gone = to_remove(kept, now=_now(host), older_than_s=None, limit_bytes=limit_bytes - size_bytes)
    left = sum(one.size_bytes for one in kept) - sum(one.size_bytes for one in gone)
    if left + size_bytes > limit_bytes:
        raise StepError(
            f"The store of backups is full: {_shown(left)} of {_shown(limit_bytes)} are from the last day. "
            "Nothing was changed.",
            remedy="Make room with `sayso backups clean --older-than 1h`, or raise `backup_limit_bytes` in the settings.",
            host=host.transport.host,
        )
    _remove(host, gone)
    return gone


def _now(host: FileHost) -> float:
    """The host's own clock is what its files' times are from."""
    said = host.run(("date", "+%s"), doing="Asking for the time")
    try:
        return float(last_line(said.stdout))
    except ValueError:
        raise host.error("Asking for the time (an answer that can't be read)", said) from None


def _shown(size_bytes: int) -> str:
    return f"{size_bytes / _MEBIBYTE:.0f} MiB" if size_bytes >= 10 * _MEBIBYTE else f"{size_bytes} bytes"


def to_remove(
    backups: Sequence[Backup], *, now: float, older_than_s: float | None, limit_bytes: int = LIMIT_BYTES
) -> tuple[Backup, ...]:
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
        if left <= limit_bytes or now - one.kept_at <= KEPT_S:
            break
        gone.append(one)
        left -= one.size_bytes
    return tuple(gone)


def remove_backups(target: Target, backups: Sequence[Backup]) -> None:
    """Remove them; what they were kept for can't be undone any more. Raises `StepError`."""
    _remove(FileHost(target.transport), backups)


def _remove(host: FileHost, backups: Sequence[Backup]) -> None:
    for begin in range(0, len(backups), _AT_ONCE):
        paths = [one.path for one in backups[begin : begin + _AT_ONCE]]
        host.run(("rm", "-f", "--", *paths), doing="Removing backups")
