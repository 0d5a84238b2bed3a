"""Stages on the same files: each is planned from what the ones before will lead to, and all of them are taken back and come again."""

import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from executors.plan import Effect
from shell.exit_status import ExitStatus
from shell.road import Options
from tests.support.sessions import Approver, session_in

YES = Options(yes=True)
DRY = Options(dry_run=True)
LOOKED = Options()
"""At a terminal, where somebody has looked at the plan."""


def seen(folder: Path) -> dict[str, tuple[str, str]]:
    """Path below the folder -> its permissions and what it holds (of a directory or an archive: nothing)."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = f"{stat.S_IMODE(path.lstat().st_mode):o}"
        held = (
            str(path.readlink())
            if path.is_symlink()
            else path.read_text()
            if path.suffix != ".tar" and path.is_file()
            else ""
        )
        found[str(path.relative_to(folder))] = (mode, held)
    return found


def operations(folder: Path, lines: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Read `file.move source=a target=b`; a word `KEY=/NAME` is a path below the folder."""
    read = []
    for line in lines:
        name, *pairs = line.split(" ")
        read.append((name, [pair.replace("=/", f"={folder}/", 1) for pair in pairs]))
    return read


CHAINS = {
    "rights and then another name": ["file.set_mode path=/a mode=600", "file.move source=/a target=/b"],
    "a directory, a file in it, its rights": [
        "file.make_directory path=/m",
        "file.create path=/m/x content=hi",
        "file.set_mode path=/m/x mode=640",
    ],
    "an empty file that gets rights and a line": [
        "file.touch path=/t",
        "file.set_mode path=/t mode=600",
        "file.append_line path=/t line=x",
    ],
    "a file that is created and moved into a new directory": [
        "file.create path=/n content=1",
        "file.make_directory path=/d/deep mode=0750",
        "file.move source=/n target=/d/deep/n",
    ],
    "a copy that is edited and renamed": [
        "file.copy source=/a target=/c",
        "file.append_line path=/c line=more",
        "file.move source=/c target=/e",
    ],
    "a directory that is renamed, and what is in it": [
        "file.move source=/d target=/k",
        "file.set_mode path=/k/in mode=600",
        "file.append_line path=/k/in line=y",
    ],
    "there and back": [
        "file.move source=/a target=/b",
        "file.move source=/b target=/a2",
        "file.move source=/a2 target=/b",
    ],
    "a link to what is new": [
        "file.create path=/n content=1",
        "file.link link=/l target=/n",
        "file.unlink link=/l target=/n",
    ],
    "an archive and its rights": [
        "file.make_directory path=/m",
        "archive.create source=/d target=/m/d.tar",
        "file.set_mode path=/m/d.tar mode=600",
    ],
    "a directory that is emptied and removed": [
        "file.move source=/d/in target=/in",
        "file.remove_directory path=/d",
        "file.make_directory path=/d mode=0700",
    ],
}


@pytest.mark.parametrize("lines", CHAINS.values(), ids=CHAINS)
def test_a_chain_goes_round_twice(tmp_path: Path, lines: Sequence[str]) -> None:
    """Made, taken back whole, made again by undoing the undo, and taken back once more: each by one plain yes."""
    folder = tmp_path / "files"
    (folder / "d").mkdir(parents=True)
    for name in ("a", "d/in"):
        (folder / name).write_text("1\n")
        (folder / name).chmod(0o644)
    (folder / "d").chmod(0o755)
    before = seen(folder)
    with session_in(tmp_path) as session:
        planned = session.run_intents(operations(folder, lines), DRY)
        assert planned.status is ExitStatus.DONE, planned.fault
        assert seen(folder) == before, "planning changes nothing"
        done = session.run_intents(operations(folder, lines), YES)
        assert done.status is ExitStatus.DONE, (done.fault, done.outcomes)
        assert [one.status for one in done.outcomes["local"]] == ["changed"] * len(lines)
        made = seen(folder)
        undone = session.undo(None, YES)
        assert undone.status is ExitStatus.DONE, (undone.fault, undone.outcomes)
        assert seen(folder) == before
        again = session.undo(undone.record, YES)
        assert again.status is ExitStatus.DONE, (again.fault, again.outcomes)
        assert seen(folder) == made
        last = session.undo(None, YES)
        assert last.status is ExitStatus.DONE, (last.fault, last.outcomes)
        assert seen(folder) == before


def test_the_state_before_a_later_stage_is_the_foreseen_one_and_the_record_has_the_real_one(tmp_path: Path) -> None:
    file = tmp_path / "t"
    with session_in(tmp_path) as session:
        chain = operations(tmp_path, ["file.touch path=/t", "file.set_mode path=/t mode=600"])
        planned = session.run_intents(chain, DRY)
        assert planned.plan is not None
        (second,) = planned.plan.stages[1].hosts["local"]
        assert (second.effect, second.is_predicted) == (Effect.WILL_CHANGE, True)
        assert second.before["mode"] == "(new)", "the umask decides it"
        done = session.run_intents(chain, YES)
        assert done.outcomes["local"][1].before["mode"] not in {"(new)", "0600"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "lines",
    [
        ["archive.create source=/d target=/d.tar", "archive.extract path=/d.tar target=/out"],
        ["archive.create source=/d target=/d.tar", "file.append_line path=/d.tar line=x"],
    ],
)
def test_what_cannot_be_foreseen_is_refused_before_anything_runs(tmp_path: Path, lines: Sequence[str]) -> None:
    folder = tmp_path / "files"
    (folder / "d").mkdir(parents=True)
    before = seen(folder)
    with session_in(tmp_path) as session:
        refused = session.run_intents(operations(folder, lines), YES)
    assert refused.status is ExitStatus.REFUSED
    assert refused.fault is not None
    assert "can't be told beforehand" in refused.fault.message
    assert seen(folder) == before


def test_a_later_stage_is_refused_where_something_else_came_than_was_foreseen(tmp_path: Path) -> None:
    """Somebody puts a directory in the place of the file that the first stage was to make."""

    def meanwhile() -> None:
        (tmp_path / "m").mkdir()
        (tmp_path / "m" / "x").write_text("mine\n")

    person = Approver(meanwhile=meanwhile)
    lines = ["file.make_directory path=/m", "file.create path=/m/x content=hi"]
    with session_in(tmp_path, door="terminal", person=person) as session:
        done = session.run_intents(operations(tmp_path, lines), LOOKED)
    assert done.status is ExitStatus.REFUSED
    assert (tmp_path / "m" / "x").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("made", "written"),
    [
        ("file.touch path=/new", "new"),
        ("archive.create source=/d target=/new", "new"),
        ("archive.extract path=/old.tar target=/new", "new/beside"),
        ("archive.extract path=/old.tar target=/new", "new/d/in"),
    ],
)
def test_undo_leaves_what_was_written_since_and_takes_back_what_was_not(
    tmp_path: Path, made: str, written: str
) -> None:
    folder = tmp_path / "files"
    (folder / "d").mkdir(parents=True)
    (folder / "d" / "in").write_text("1\n")
    with session_in(tmp_path) as session:
        (pack,) = operations(folder, ["archive.create source=/d target=/old.tar"])
        assert session.run_intents([pack], YES).status is ExitStatus.DONE
        done = session.run_intents(operations(folder, [made]), YES)
        assert done.status is ExitStatus.DONE, done.fault
        kept = (folder / written).read_bytes() if (folder / written).exists() else None
        (folder / written).write_text("work of hours\n")
        refused = session.undo(done.record, YES)
        assert refused.status is ExitStatus.REFUSED
        assert refused.fault is not None
        assert "somebody has worked since" in refused.fault.message
        assert (folder / written).read_text() == "work of hours\n"
        if made.startswith("file.touch"):
            (folder / written).write_bytes(kept or b"")
            undone = session.undo(None, YES)
            assert undone.status is ExitStatus.DONE, undone.fault
            assert undone.plan is not None
            assert undone.plan.risk.word == "reversible"
            assert not (folder / "new").exists()


def test_undo_looks_again_at_what_was_made_when_its_turn_comes(tmp_path: Path) -> None:
    file = tmp_path / "t"
    person = Approver(meanwhile=lambda: file.write_text("work\n") if file.exists() else None)
    with session_in(tmp_path, door="terminal", person=person) as session:
        assert session.run_intent("file.touch", [f"path={file}"], LOOKED).status is ExitStatus.DONE
        refused = session.undo(None, LOOKED)
    assert [one.status for one in refused.outcomes["local"]] == ["refused"]
    assert file.read_text() == "work\n"
