from pathlib import Path

import pytest

from history import filesystems
from history.errors import HistoryUnavailable
from history.filesystems import filesystem_type
from history.store import History

TABLE = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw,relatime shared:5 master:2 - nfs4 srv:/home rw,vers=4.2
31 30 8:2 / /home/al rw - xfs /dev/sdb rw
32 22 0:41 / /mnt/my\040disk rw - cifs //srv/x rw
33 22 0:42 / /srv rw - ext4 /dev/sdc rw
34 22 0:43 / /srv rw - fuse.sshfs al@web1: rw
a line that says nothing
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/x", "ext4"),
        ("/home/bo/h.db", "nfs4"),
        ("/home/al/h.db", "xfs"),
        ("/home/alice/h.db", "nfs4"),
        ("/homework/h.db", "ext4"),
        ("/mnt/my disk/h.db", "cifs"),
        ("/srv/h.db", "fuse.sshfs"),
    ],
)
def test_the_nearest_and_uppermost_mount_counts(path: str, kind: str) -> None:
    assert filesystem_type(Path(path), TABLE) == kind


def test_an_empty_table_says_nothing() -> None:
    assert filesystem_type(Path("/x"), "") is None


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p"])
def test_a_history_on_a_network_filesystem_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, *, read_only: bool
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 22 0:4 / {tmp_path} rw - {kind} srv:/x rw\n")
    monkeypatch.setattr(filesystems, "MOUNT_TABLE", table)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(HistoryUnavailable, match=kind) as caught:
        History.open(tmp_path / "link" / "new" / "history.db", read_only=read_only)
    assert "local disk" in caught.value.remedy
    assert not (tmp_path / "new").exists()
