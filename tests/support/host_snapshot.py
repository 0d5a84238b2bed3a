"""What a host is at one moment, to be compared with what it is at another: files, units, accounts' locks, packet rules.

A host's file system is an overlay, so only what differs from the tree below is looked at: a file
that was changed and put back again equals the one that never was.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

NOISE = (
    *("proc", "sys", "dev", "run", "tmp", "var/tmp", "var/log", "var/cache", "var/lib/systemd", "var/lib/sudo"),
    *(
        "var/lib/sayso",
        "var/lib/private",
        "var/lib/apt/periodic",
        "var/lib/fail2ban/fail2ban.sqlite3",
        "var/lib/chrony",
    ),
    *("etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "etc/subuid-", "etc/subgid-", "etc/.pwd.lock"),
    *("etc/mtab", "etc/resolv.conf", "var/lib/dpkg/status-old", "var/lib/dpkg/lock", "var/lib/dpkg/lock-frontend"),
    *(
        "var/lib/dpkg/triggers/Lock",
        "var/lib/apt/lists/lock",
        "var/lib/dbus",
        "var/spool/cron/atjobs/.SEQ",
        "root/.local",
        "home/ops/.local",
    ),
)
"""Paths below / that change by themselves, or hold what a program keeps for itself; with all below them."""
BLOCK_BYTES = 1 << 20
OVERLAY_ATTRIBUTES = "trusted.overlay."


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `content` is the SHA-256 of a regular file, the target of a link, else empty."""

    kind: str
    mode: int
    uid: int
    gid: int
    content: str
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Files by path where they may differ from the tree below (None: hidden from it), and named further states."""

    base: Path = field(repr=False)
    files: Mapping[str, Entry | None]
    states: Mapping[str, str]

    def difference(self, other: "Snapshot") -> list[str]:
        """Return one line for each thing that differs, this one's value first; empty when they are the same."""
        lines = []
        for path in sorted(self.files.keys() | other.files.keys()):
            mine, theirs = self._entry(path), other._entry(path)
            if mine != theirs:
                lines.append(f"/{path}: {_shown(mine)} -> {_shown(theirs)}")
        for name in sorted(self.states.keys() | other.states.keys()):
            before, after = self.states.get(name, "absent"), other.states.get(name, "absent")
            if before != after:
                lines.append(f"{name}: {before} -> {after}")
        return lines

    def _entry(self, path: str) -> Entry | None:
        return self.files[path] if path in self.files else _entry_of(self.base / path)


def take_snapshot(base: Path, upper: Path, states: Mapping[str, str]) -> Snapshot:
    """Return the snapshot of an overlay's upper folder above `base`."""
    return Snapshot(base, dict(_files(base, upper, "")), dict(states))


def _files(base: Path, upper: Path, inside: str) -> Iterator[tuple[str, Entry | None]]:
    for item in sorted(os.scandir(upper / inside), key=lambda one: one.name):
        path = f"{inside}/{item.name}".lstrip("/")
        if path in NOISE:
            continue
        entry = _entry_of(upper / path)
        yield path, entry
        if entry is None or entry.kind != "directory":
            yield from _hidden(base, path)
            continue
        above = dict(_files(base, upper, path))
        if _is_opaque(upper / path):
            yield from ((below, hidden) for below, hidden in _hidden(base, path) if below not in above)
        yield from above.items()


def _hidden(base: Path, path: str) -> Iterator[tuple[str, None]]:
    """Return all below a folder of the tree that the upper one doesn't show."""
    for folder, folders, names in os.walk(base / path):
        for name in (*folders, *names):
            yield str((Path(folder) / name).relative_to(base)), None


def _is_opaque(path: Path) -> bool:
    """overlayfs.rst of the kernel: a folder that was removed and made again hides the one below."""
    return "trusted.overlay.opaque" in os.listxattr(path)


def _entry_of(path: Path) -> Entry | None:
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    kind, content = _content(path, status)
    if kind == "whiteout":
        return None
    attributes = tuple(
        (name, os.getxattr(path, name, follow_symlinks=False).hex())
        for name in sorted(os.listxattr(path, follow_symlinks=False))
        if not name.startswith(OVERLAY_ATTRIBUTES)
    )
    return Entry(kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, content, attributes)


def _content(path: Path, status: os.stat_result) -> tuple[str, str]:
    if stat.S_ISDIR(status.st_mode):
        return "directory", ""
    if stat.S_ISLNK(status.st_mode):
        return "link", str(path.readlink())
    if stat.S_ISREG(status.st_mode):
        return "file", _sha256(path)
    if stat.S_ISCHR(status.st_mode):
        # overlayfs.rst: a character device 0/0 stands for a file that was deleted.
        return ("whiteout" if status.st_rdev == 0 else "device"), str(status.st_rdev)
    return "other", str(stat.S_IFMT(status.st_mode))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _shown(entry: Entry | None) -> str:
    if entry is None:
        return "absent"
    return f"{entry.kind} {entry.mode:04o} {entry.uid}:{entry.gid} {entry.content[:16]} {dict(entry.attributes) or ''}".strip()
