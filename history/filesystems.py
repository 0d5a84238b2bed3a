"""Where a history may lie: not on a network filesystem, whose locks and shared memory SQLite's WAL can't trust.

SQLite, "Write-Ahead Logging": "All processes using a database must be on the same host computer; WAL does not
work over a network filesystem." statvfs(3) doesn't tell the type, so the mount table is read (proc(5)).
"""

import re
from pathlib import Path

from history.errors import HistoryUnavailable

MOUNT_TABLE = Path("/proc/self/mountinfo")

NETWORK_TYPES = frozenset(
    "nfs nfs4 cifs smb3 smbfs ncpfs afs coda ceph glusterfs lustre gpfs beegfs orangefs pvfs2 ocfs2 gfs2 9p davfs "
    "vboxsf vmhgfs fuse.sshfs fuse.glusterfs fuse.ceph fuse.ceph-fuse fuse.rclone fuse.s3fs fuse.davfs fuse.davfs2 "
    "fuse.gcsfuse fuse.curlftpfs fuse.smbnetfs fuse.vmhgfs-fuse fuse.juicefs fuse.moosefs fuse.mfs fuse.lizardfs "
    "fuse.blobfuse fuse.blobfuse2 fuse.goofys fuse.afpfs".split()
)
"""Filesystem types (as the mount table names them) whose files other machines can write too."""

_OCTAL = re.compile(r"\\([0-7]{3})")


def filesystem_type(path: Path, mount_table: str) -> str | None:
    """Return the type of the filesystem that holds the absolute `path`; None when the table doesn't say.

    The longest mount point above the path counts, and of several mounts on it the last, which hides the others.

    >>> filesystem_type(Path("/home/al/x"), "36 35 98:0 / /home rw,noatime shared:1 - nfs4 srv:/home rw")
    'nfs4'
    """
    best: tuple[int, str] | None = None
    for line in mount_table.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if not separator or len(fields) < 5:  # noqa: PLR2004 - proc(5): the mount point is the fifth field
            continue
        mount_point = Path(_OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        depth = len(mount_point.parts)
        if (path == mount_point or mount_point in path.parents) and (best is None or depth >= best[0]):
            best = (depth, after.split(" ")[0])
    return best[1] if best else None


def refuse_network_filesystem(path: Path) -> None:
    """Raise `HistoryUnavailable` when the absolute, resolved `path` lies on a network filesystem."""
    try:
        table = MOUNT_TABLE.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return  # no /proc here (a bare chroot): nothing is known against the path
    kind = filesystem_type(path, table)
    if kind in NETWORK_TYPES:
        raise HistoryUnavailable(
            f"The history {path} lies on a network filesystem ({kind}), where SQLite can lose or damage it.",
            remedy="Set the history's path to a local disk, for example below /var/lib.",
        )
