"""Which device is free, which volume is in use, and what LVM would do."""

import pytest

from intents.parsers import ParseError, parse_output
from intents.values import Column

VOLUMES = b"""{"report": [{"lv": [
  {"lv_name":"www", "vg_name":"data", "lv_path":"/dev/data/www", "lv_dm_path":"/dev/mapper/data-www", "lv_size":"8192",
   "origin":"", "lv_attr":"owi-aos---", "vg_free":"4096"},
  {"lv_name":"before", "vg_name":"data", "lv_path":"/dev/data/before", "lv_dm_path":"/dev/mapper/data-before",
   "lv_size":"1024", "origin":"www", "lv_attr":"swi-a-s---", "vg_free":"4096"},
  {"lv_name":"before", "vg_name":"other", "lv_path":"/dev/other/before", "lv_dm_path":"/dev/mapper/other-before",
   "lv_size":"1024", "origin":"", "lv_attr":"-wi-a-----", "vg_free":"0"}]}]}"""


@pytest.mark.parametrize(
    ("volume", "is_open", "snapshots"),
    [
        ("/dev/data/www", "true", "before"),
        ("/dev/mapper/data-www", "true", "before"),
        ("/dev/data/before", "false", "none"),
        ("/dev/other/before", "false", "none"),
    ],
)
def test_a_volume_is_told_by_its_path_from_one_of_the_same_name(volume: str, is_open: str, snapshots: str) -> None:
    columns = (Column("volume", "path"), Column("is_open", "boolean"), Column("snapshots"))
    (row,) = parse_output("F:lvm_volume", VOLUMES, columns, {"volume": volume})
    assert row["volume"] == volume.replace("mapper/data-", "data/")
    assert (str(row["is_open"]).lower(), row["snapshots"]) == (is_open, snapshots)


@pytest.mark.parametrize(("name", "there_is"), [("before", True), ("later", False)])
def test_a_snapshot_is_looked_for_in_the_group_of_its_volume(name: str, there_is: bool) -> None:  # noqa: FBT001 - a case
    options = {"volume": "/dev/data/www", "snapshot": name}
    (row,) = parse_output("F:lvm_volume", VOLUMES, (Column("snapshot"), Column("there_is", "boolean")), options)
    assert row == {"snapshot": f"/dev/data/{name}", "there_is": there_is}


def test_a_swap_partition_below_a_disk_is_a_use_of_the_disk() -> None:
    output = b"""{"blockdevices": [{"path":"/dev/sdb", "size":9, "mountpoints":[null],
        "children": [{"path":"/dev/sdb1", "size":8, "mountpoints":["[SWAP]"]}]}]}"""
    (row,) = parse_output("F:block_device", output, (Column("mounted_on"), Column("parts", "list")))
    assert row == {"mounted_on": "[SWAP]", "parts": ["/dev/sdb1"]}


def test_a_check_that_broke_off_is_no_answer() -> None:
    with pytest.raises(ParseError):
        parse_output("F:e2fsck", b"Pass 1: Checking inodes, blocks, and sizes\n", (Column("is_clean", "boolean"),))


def test_what_lvm_would_do_is_read_from_its_words() -> None:
    # lvextend(8), LVM 2.03; lib/metadata/lv_manip.c has the sentences.
    output = (
        b"  Size of logical volume data/www changed from 20.00 GiB (5120 extents) to 25.00 GiB (6400 extents).\n"
        b"  Logical volume data/www successfully resized.\n"
    )
    columns = (Column("volume"), Column("before"), Column("after"))
    assert parse_output("F:lvextend", output, columns) == [
        {"volume": "data/www", "before": "20.00 GiB", "after": "25.00 GiB"}
    ]
