"""The backup intents on a restic repository of the test's own, and what there is for borg."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from intents.values import Json
from tests.support.real_tools import RealTools

pytestmark = pytest.mark.slow
needs_restic = pytest.mark.skipif(shutil.which("restic") is None, reason="needs restic")
needs_borg = pytest.mark.skipif(shutil.which("borg") is None, reason="needs borg")


@dataclass(frozen=True)
class Backups:
    """A repository with its password's file, and a folder with files to back up."""

    tools: RealTools
    folder: Path

    @property
    def place(self) -> dict[str, Json]:
        return {"repository": str(self.folder / "repo"), "password_file": str(self.folder / "password")}

    @property
    def files(self) -> Path:
        return self.folder / "files"

    def back_up(self) -> str:
        """Back the files up, and return the new snapshot's id."""
        _, after = self.tools.change("backup.create", sources=[str(self.files)], **self.place)
        return str(after["short_id"])


@pytest.fixture
def backups(tmp_path: Path) -> Backups:
    (tmp_path / "password").write_text("correct horse\n")
    (tmp_path / "files").mkdir()
    (tmp_path / "files/one").write_text("first")
    made = Backups(RealTools({"HOME": str(tmp_path)}), tmp_path)
    made.tools.change("backup.start_repository", **made.place)
    return made


@needs_restic
def test_a_repository_is_started_once(backups: Backups) -> None:
    assert backups.tools.read("backup.list", **backups.place) == []
    assert backups.tools.refusal("backup.start_repository", **backups.place) == ["it is still there"]


@needs_restic
def test_the_dry_run_of_a_backup_says_how_much_is_new(backups: Backups) -> None:
    values: dict[str, Json] = {"sources": [str(backups.files)], **backups.place}
    (new,) = backups.tools.would("backup.create", **values)
    assert (new["action"], new["what"]) == ("add", "1 new and 0 changed files")
    assert backups.tools.state("backup.create", **values) == {}
    first = backups.back_up()
    assert backups.tools.would("backup.create", **values)[0]["what"] == "0 new and 0 changed files"
    assert backups.tools.state("backup.create", **values)["short_id"] == first


@needs_restic
def test_snapshots_and_their_files_are_listed(backups: Backups) -> None:
    first = backups.back_up()
    (backups.files / "two").write_text("second")
    second = backups.back_up()
    listed = backups.tools.read("backup.list", **backups.place)
    assert [row["short_id"] for row in listed] == [first, second]
    assert listed[0]["paths"] == [str(backups.files)]
    assert listed[0]["tags"] == ["sayso"]

    def names(**values: Json) -> set[str]:
        rows = backups.tools.read("backup.files", **values, **backups.place)
        return {Path(str(row["path"])).name for row in rows if row["type"] == "file"}

    assert names(snapshot=first) == {"one"}
    assert names() == {"one", "two"}
    (size,) = backups.tools.read("backup.size", **backups.place)
    assert size["snapshots"] == 2


@needs_restic
def test_files_come_back_into_a_new_folder_and_nowhere_else(backups: Backups) -> None:
    first = backups.back_up()
    (backups.files / "one").write_text("changed since")
    target = backups.folder / "back"
    values: dict[str, Json] = {
        "target": str(target),
        "snapshot": first,
        "only": str(backups.files / "one"),
        **backups.place,
    }
    backups.tools.change("backup.restore", **values)
    assert (target / str(backups.files / "one").lstrip("/")).read_text() == "first"
    assert backups.tools.refusal("backup.restore", **values) == ["it is still there"]


@needs_restic
def test_a_damaged_repository_fails_the_check(backups: Backups) -> None:
    (backups.files / "large").write_bytes(os.urandom(1_000_000))
    backups.back_up()
    assert backups.tools.read("backup.check", **backups.place)[-1] == {"said": "no errors were found"}
    packs = [path for path in (backups.folder / "repo/data").rglob("*") if path.is_file()]
    # The one with the files' content: for a folder's listing restic would look again and again.
    max(packs, key=lambda path: path.stat().st_size).unlink()
    with pytest.raises(AssertionError, match="repository contains errors"):
        backups.tools.read("backup.check", **backups.place)


@needs_restic
def test_thinning_out_deletes_what_its_dry_run_names(backups: Backups) -> None:
    first, second = backups.back_up(), backups.back_up()
    assert [row["short_id"] for row in backups.tools.would("backup.prune", **backups.place)] == [first]
    backups.tools.change("backup.prune", **backups.place)
    assert [row["short_id"] for row in backups.tools.read("backup.list", **backups.place)] == [second]


@needs_restic
def test_one_snapshot_is_forgotten_by_its_id_alone(backups: Backups) -> None:
    first, second = backups.back_up(), backups.back_up()
    assert backups.tools.change("backup.forget", snapshot=first, **backups.place)[1] == {}
    assert backups.tools.refusal("backup.forget", snapshot="latest", **backups.place) == [
        f"short_id is {second}, not latest"
    ]
    assert [row["short_id"] for row in backups.tools.read("backup.list", **backups.place)] == [second]


@needs_restic
def test_a_wrong_password_is_an_error(backups: Backups) -> None:
    (backups.folder / "password").write_text("wrong\n")
    with pytest.raises(AssertionError, match="wrong password"):
        backups.tools.read("backup.list", **backups.place)


@needs_borg
def test_borg_archives_are_listed(tmp_path: Path) -> None:
    repository = str(tmp_path / "repo")
    tools = RealTools({"HOME": str(tmp_path)}, {"backups": "borg"})
    for argv in (["init", "--encryption=none", repository], ["create", f"{repository}::monday", "/etc/hostname"]):
        subprocess.run(
            ["borg", *argv],
            check=True,
            capture_output=True,
            env={"HOME": str(tmp_path), "PATH": "/usr/bin"},
            timeout=60,
        )
    (archive,) = tools.read("backup.list", repository=repository)
    assert archive["name"] == "monday"
    assert isinstance(archive["time"], int)
    (size,) = tools.read("backup.size", repository=repository)
    assert int(str(size["size"])) > 0
