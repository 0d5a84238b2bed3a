"""Archives for real: what is listed, what is refused, and that what was packed comes out again."""

import io
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from executors.state import run_step, unmet
from intents.parsers import ParseError
from intents.values import Json, Row
from tests.support.reads import CATALOGUE, read_for_real, run_read, with_defaults

NAMES = ("plain", "two words", "new\nline", "-dash", "a -> b", "*.glob")


def state_of(name: str, values: dict[str, Json]) -> Row:
    intent = CATALOGUE[name]
    assert intent.operation.state is not None
    rows = run_read(intent, intent.operation.state, with_defaults(intent, values))
    return rows[0] if rows else {}


def simulated(name: str, values: dict[str, Json]) -> list[Row]:
    intent = CATALOGUE[name]
    assert intent.operation.simulate is not None
    return run_read(intent, intent.operation.simulate, with_defaults(intent, values))


def lacking_before(name: str, **values: Json) -> list[str]:
    intent = CATALOGUE[name]
    return unmet(intent, intent.operation.needs, with_defaults(intent, values), before=None, now=state_of(name, values))


def change(name: str, **values: Json) -> None:
    """Make the change as planned; afterwards the state is as expected."""
    intent, full = CATALOGUE[name], with_defaults(CATALOGUE[name], values)
    assert intent.operation.change is not None
    assert lacking_before(name, **values) == []
    argv = run_step(intent, intent.operation.change, full, interrupt="wait").argv
    subprocess.run(argv, check=True, capture_output=True, cwd="/", env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert unmet(intent, intent.operation.expect, full, before=None, now=state_of(name, values)) == []


def contents(folder: Path) -> dict[str, bytes | str]:
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "below").mkdir(parents=True)
    for name in NAMES:
        (folder / "below" / name).write_text(f"{name} says")
    return folder


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.zst", ".tar.bz2"])
def test_what_is_packed_comes_out_of_a_tar_archive(site: Path, tmp_path: Path, ending: str) -> None:
    (site / "link").symlink_to("below/plain")
    archive, place = tmp_path / f"a{ending}", tmp_path / "place"
    change("archive.create", source=str(site), target=str(archive))
    listed = read_for_real("archive.list", path=str(archive))
    assert {row["path"] for row in listed} >= {"site/", "site/below/two words", "site/below/new\\nline"}
    assert {row["target"] for row in listed if row["path"] == "site/link"} == {"below/plain"}
    assert [row["result"] for row in read_for_real("archive.test", path=str(archive))] == ["intact"]
    rows = simulated("archive.extract", {"path": str(archive), "target": str(place)})
    assert {row["action"] for row in rows} == {"create"}
    change("archive.extract", path=str(archive), target=str(place))
    assert contents(place / "site") == contents(site)
    assert lacking_before("archive.extract", path=str(archive), target=str(place)) != [], "a full place is refused"
    assert lacking_before("archive.create", source=str(site), target=str(archive)) != [], "an archive is never replaced"


def test_what_is_excluded_is_not_packed(site: Path, tmp_path: Path) -> None:
    change("archive.create", source=str(site), target=str(tmp_path / "a.tar"), exclude="*.glob")
    assert not [
        row for row in read_for_real("archive.list", path=str(tmp_path / "a.tar")) if "glob" in str(row["path"])
    ]


def test_what_is_packed_comes_out_of_a_zip_archive(site: Path, tmp_path: Path) -> None:
    (site / "below" / "new\nline").unlink()
    archive, place = tmp_path / "a.zip", tmp_path / "place"
    change("archive.zip", source=str(site), target=str(archive))
    packed = f"{str(site).lstrip('/')}/below/two words"
    sizes = {row["path"]: row["size"] for row in read_for_real("archive.list", path=str(archive))}
    assert sizes[packed] == len("two words says")
    assert [row["result"] for row in read_for_real("archive.test", path=str(archive))] == ["intact"]
    assert packed in {row["path"] for row in simulated("archive.unzip", {"path": str(archive), "target": str(place)})}
    change("archive.unzip", path=str(archive), target=str(place))
    assert contents(place / str(site).lstrip("/")) == contents(site)


def test_merging_replaces_nothing_and_says_so(site: Path, tmp_path: Path) -> None:
    archive, place = tmp_path / "a.tar", tmp_path / "place"
    change("archive.create", source=str(site), target=str(archive))
    (place / "other").mkdir(parents=True)
    change("archive.merge", path=str(archive), target=str(place))
    assert contents(place / "site") == contents(site)
    (place / "site" / "below" / "plain").write_text("mine")
    with pytest.raises(subprocess.CalledProcessError):
        change("archive.merge", path=str(archive), target=str(place))
    assert (place / "site" / "below" / "plain").read_text() == "mine"


def test_unpacking_gives_neither_setuid_nor_another_owner(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as made:
        member = tarfile.TarInfo("rooted")
        member.mode, member.uid, member.gid = 0o6755, 4242, 4242
        made.addfile(member, io.BytesIO())
    change("archive.extract", path=str(archive), target=str(tmp_path / "place"))
    there = (tmp_path / "place" / "rooted").stat()
    assert (there.st_uid, there.st_mode & 0o7000) == (os.geteuid(), 0)


def member_of(kind: bytes, name: str, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


HOSTILE = {
    "absolute": [member_of(tarfile.REGTYPE, "/etc/evil")],
    "climbing": [member_of(tarfile.REGTYPE, "a/../../evil")],
    "absolute link": [member_of(tarfile.SYMTYPE, "a", "/etc")],
    "link that climbs": [member_of(tarfile.SYMTYPE, "a/b", "../../etc")],
    "link disguised by an arrow": [member_of(tarfile.SYMTYPE, "x -> y", "../../etc")],
    "hard link out": [member_of(tarfile.LNKTYPE, "a", "/etc/shadow")],
    "hard link that climbs": [member_of(tarfile.LNKTYPE, "a/b", "../etc")],
    "device": [member_of(tarfile.CHRTYPE, "a")],
    "pipe": [member_of(tarfile.FIFOTYPE, "a")],
}


@pytest.mark.parametrize("members", list(HOSTILE.values()), ids=list(HOSTILE))
def test_an_archive_that_reaches_outside_is_refused_in_the_plan(tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    archive = tmp_path / "a.tar.gz"
    with tarfile.open(archive, "w:gz") as made:
        for member in members:
            made.addfile(member)
    with pytest.raises(ParseError, match="isn't unpacked"):
        simulated("archive.extract", {"path": str(archive), "target": str(tmp_path / "place")})


def test_a_link_inside_is_no_reason_to_refuse(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as made:
        for member in (member_of(tarfile.SYMTYPE, "a/b", "../c"), member_of(tarfile.REGTYPE, "c/..d")):
            made.addfile(member)
    assert len(simulated("archive.extract", {"path": str(archive), "target": str(tmp_path / "place")})) == 2


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "link"])
def test_a_zip_archive_that_reaches_outside_is_refused_in_the_plan(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as made:
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, (0o120777 if name == "link" else 0o100644) << 16
        made.writestr(info, "/etc")
    with pytest.raises(ParseError, match="isn't unpacked"):
        simulated("archive.unzip", {"path": str(archive), "target": str(tmp_path / "place")})


@pytest.mark.parametrize(("form", "ending"), [("gzip", ".gz"), ("xz", ".xz"), ("zstd", ".zst"), ("bzip2", ".bz2")])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_compressed_and_decompressed_in_its_place(tmp_path: Path, form: str, ending: str, name: str) -> None:
    path = tmp_path / name
    path.write_text("log\n" * 1000)
    change("archive.compress", path=str(path), format=form)
    (packed,) = tmp_path.iterdir()
    assert packed.name == name + ending
    assert [row["result"] for row in read_for_real("archive.test", path=str(packed))] == ["intact"]
    change("archive.decompress", path=str(packed))
    assert path.read_text() == "log\n" * 1000
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", [".gz", ".xz", ".zst", ".bz2", ".zip", ".tar"])
def test_a_damaged_archive_is_not_called_intact(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"this is no archive at all, whatever its name says" * 50)
    intent = CATALOGUE["archive.test"]
    assert intent.operation.read is not None
    argv = run_step(intent, intent.operation.read.command, {"path": str(path)}, interrupt="kill").argv
    assert subprocess.run(argv, capture_output=True, check=False).returncode == 1


def test_compressing_never_replaces_a_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("new")
    (tmp_path / "log.gz").write_text("old")
    with pytest.raises(subprocess.CalledProcessError):
        change("archive.compress", path=str(path))
    assert (path.read_text(), (tmp_path / "log.gz").read_text()) == ("new", "old")
