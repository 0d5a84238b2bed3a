"""The vectors of file systems, run on images: each with the image's path in the place of the device's."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from executors.state import parser_options, run_step, unmet
from intents.catalogue import Catalogue
from intents.intent import Command, Read
from intents.parsers import parse_output
from intents.values import Json, Row

CATALOGUE = Catalogue.load()
DEVICE = "/dev/sdz9"
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
SIZE_BYTES = 32 << 20
MAKERS = {"ext4": "mkfs.ext4", "xfs": "mkfs.xfs", "btrfs": "mkfs.btrfs", "vfat": "mkfs.vfat"}
LEAST_BYTES = {"xfs": 320 << 20, "btrfs": 128 << 20}
"""The smallest that these make."""
pytestmark = pytest.mark.skipif(shutil.which("e2fsck", path=PATH) is None, reason="needs e2fsprogs")


class Image:
    """A file that stands for the device of an intent."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self.path = path
        self.resize(size_bytes)

    def resize(self, size_bytes: int) -> None:
        with self.path.open("ab") as file:
            file.truncate(size_bytes)

    def run(self, name: str, command: Command, values: dict[str, Json], *, with_stderr: bool = False) -> bytes:
        step = run_step(CATALOGUE[name], command, values, interrupt="kill")
        argv = [str(self.path) if word == DEVICE else word for word in step.argv]
        assert argv != list(step.argv)
        done = subprocess.run(
            argv, capture_output=True, env={"PATH": PATH, "LC_ALL": "C.UTF-8"}, stdin=subprocess.DEVNULL, check=False
        )
        assert done.returncode in step.ok_exit_codes, (argv, done.stdout[-500:], done.stderr)
        return done.stdout + (done.stderr if with_stderr else b"")

    def rows(self, name: str, read: Read | None, **given: Json) -> list[Row]:
        assert read is not None
        values: dict[str, Json] = {"device": DEVICE, **given}
        output = self.run(name, read.command, values, with_stderr=read.with_stderr)
        return parse_output(read.parser, output, read.columns, parser_options(CATALOGUE[name], read, values))

    def read(self, name: str) -> list[Row]:
        return self.rows(name, CATALOGUE[name].operation.read)

    def state(self, name: str, **given: Json) -> Row:
        (row,) = self.rows(name, CATALOGUE[name].operation.state, **given)
        return row

    def would(self, name: str, **given: Json) -> list[Row]:
        return self.rows(name, CATALOGUE[name].operation.simulate, **given)

    def change(self, name: str, **given: Json) -> None:
        operation = CATALOGUE[name].operation
        assert operation.change is not None
        self.run(name, operation.change, {"device": DEVICE, **given})


@pytest.fixture
def image(tmp_path: Path) -> Callable[[int], Image]:
    def made(size_bytes: int) -> Image:
        return Image(tmp_path / "disk.img", size_bytes)

    return made


@pytest.mark.parametrize("kind", MAKERS)
def test_an_empty_device_is_formatted_and_then_holds_what_was_said(image: Callable[[int], Image], kind: str) -> None:
    if shutil.which(MAKERS[kind], path=PATH) is None:
        pytest.skip(f"needs {MAKERS[kind]}")
    disk, name = image(LEAST_BYTES.get(kind, SIZE_BYTES)), "disk.filesystem_create"
    values: dict[str, Json] = {"device": DEVICE, "kind": kind, "label": "DATA"}
    intent = CATALOGUE[name]
    assert unmet(intent, intent.operation.needs, values, before=None, now=disk.state(name, kind=kind)) == []
    disk.change(name, kind=kind, label="DATA")
    held = disk.state(name, kind=kind)
    assert unmet(intent, intent.operation.expect, values, before=None, now=held) == []
    assert unmet(intent, intent.operation.needs, values, before=None, now=held) != []
    assert {row["label"] for row in disk.read("disk.signatures")} >= {"DATA"}


def test_a_device_with_a_partition_table_is_not_free(image: Callable[[int], Image]) -> None:
    disk, name = image(SIZE_BYTES), "disk.filesystem_create"
    with disk.path.open("r+b") as file:
        # A master boot record: one partition of Linux (0x83), from sector 2048 on.
        file.seek(446)
        file.write(bytes.fromhex("00000000830000000008000000080000"))
        file.seek(510)
        file.write(b"\x55\xaa")
    intent, held = CATALOGUE[name], disk.state(name, kind="ext4")
    lacking = unmet(intent, intent.operation.needs, {"device": DEVICE, "kind": "ext4"}, before=None, now=held)
    assert lacking == ["it holds dos, not nothing"]


def test_a_file_system_grows_to_the_size_of_its_device_and_not_twice(image: Callable[[int], Image]) -> None:
    disk, name = image(SIZE_BYTES), "disk.filesystem_grow"
    disk.change("disk.filesystem_create", kind="ext4")
    assert disk.state(name)["size"] == SIZE_BYTES
    disk.resize(2 * SIZE_BYTES)
    disk.change(name)
    grown = disk.state(name)
    assert (grown["size"], grown["state"]) == (2 * SIZE_BYTES, "clean")
    disk.change(name)
    intent = CATALOGUE[name]
    assert unmet(intent, intent.operation.expect, {"device": DEVICE}, before=grown, now=disk.state(name)) != []


def test_damage_is_found_without_touching_it_and_then_repaired(image: Callable[[int], Image]) -> None:
    disk, name = image(SIZE_BYTES), "disk.filesystem_repair"
    disk.change("disk.filesystem_create", kind="ext4")
    (clean,) = disk.read("disk.filesystem_check")
    assert (clean["is_clean"], clean["problems"]) == (True, 0)
    assert disk.would(name) == []

    # The count of links of the root folder is wrong.
    subprocess.run(
        ["debugfs", "-w", "-R", "set_inode_field / links_count 9", str(disk.path)],
        check=True, capture_output=True, env={"PATH": PATH},
    )  # fmt: skip
    before = disk.path.read_bytes()
    (damaged,) = disk.read("disk.filesystem_check")
    problems = disk.would(name)
    assert disk.path.read_bytes() == before
    assert (damaged["is_clean"], damaged["problems"], damaged["first"]) == (False, 1, problems[0]["problem"])
    assert "ref count is 9, should be 3" in str(problems[0]["problem"])

    disk.change(name, extent="safe")
    assert disk.would(name) == []


def test_what_a_safe_repair_leaves_is_repaired_on_demand(image: Callable[[int], Image]) -> None:
    disk, name = image(SIZE_BYTES), "disk.filesystem_repair"
    disk.change("disk.filesystem_create", kind="ext4")
    # The inode of the journal and the one that is kept for growing, as bytes of nothing that is.
    subprocess.run(
        ["debugfs", "-w", "-R", "set_inode_field <7> block[0] 99999999", str(disk.path)],
        check=True, capture_output=True, env={"PATH": PATH},
    )  # fmt: skip
    assert disk.would(name) != []
    disk.change(name, extent="everything")
    assert disk.would(name) == []


@pytest.mark.skipif(shutil.which("xfs_db", path=PATH) is None, reason="needs xfsprogs")
def test_damage_of_an_xfs_is_found_without_touching_it_and_then_repaired(image: Callable[[int], Image]) -> None:
    disk, name = image(LEAST_BYTES["xfs"]), "disk.xfs_repair"
    disk.change("disk.filesystem_create", kind="xfs")
    (clean,) = disk.read("disk.xfs_check")
    assert (clean["is_clean"], clean["problems"], clean["has_open_log"]) == (True, 0, False)
    assert disk.would(name) == []

    # The count of links of the root folder (inode 128) is wrong.
    writing = ["-c", "inode 128", "-c", "write -d core.nlinkv2 77"]
    subprocess.run(["xfs_db", "-x", *writing, str(disk.path)], check=True, capture_output=True, env={"PATH": PATH})
    (damaged,) = disk.read("disk.xfs_check")
    assert (damaged["is_clean"], damaged["problems"]) == (False, 1)
    assert [row["problem"] for row in disk.would(name)] == ["would have reset inode 128 nlinks from 77 to 2"]

    disk.change(name)
    assert disk.would(name) == []


@pytest.mark.skipif(shutil.which("btrfs", path=PATH) is None, reason="needs btrfs-progs")
def test_damage_of_a_btrfs_is_found(image: Callable[[int], Image]) -> None:
    disk = image(LEAST_BYTES["btrfs"])
    disk.change("disk.filesystem_create", kind="btrfs")
    (clean,) = disk.read("disk.btrfs_check")
    assert (clean["is_clean"], clean["problems"], clean["first"]) == (True, 0, None)
    # One copy of the tree of checksums is overwritten; its other copy still answers.
    argv = ["btrfs", "inspect-internal", "dump-tree", "-t", "fs", str(disk.path)]
    tree = subprocess.run(argv, check=True, capture_output=True, text=True, env={"PATH": PATH}).stdout
    place = int(tree.split("leaf ", 1)[1].split()[0])
    argv = ["btrfs-map-logical", "-l", str(place), str(disk.path)]
    told = subprocess.run(argv, check=True, capture_output=True, text=True, env={"PATH": PATH}).stdout
    with disk.path.open("r+b") as file:
        for line in told.splitlines():
            file.seek(int(line.split("physical ", 1)[1].split()[0]))
            file.write(b"\xff" * 4096)
    (damaged,) = disk.read("disk.btrfs_check")
    assert damaged["is_clean"] is False
    assert damaged["first"]
