"""A change whose end nobody saw: the history says so, the host says what became of it, and it can be settled."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from executors.recovery import Finding
from history.store import History
from shell.exit_status import ExitStatus
from shell.journal import cut_off_steps, settle
from shell.process_identity import is_alive, own_process
from shell.road import Options
from tests.support.command import Sayso
from tests.support.sessions import places_in, session_in

YES = Options(yes=True)
REPOSITORY = Path(__file__).parents[2]

CRASH = """
import os, sys
from pathlib import Path
import executors.step_applying, shell.journal
from shell.road import Options
from tests.support.sessions import session_in

def die(*_a, **_k):
    os.kill(os.getpid(), 9)

if sys.argv[2] == "before":
    executors.step_applying.carry_out = die
else:
    shell.journal.Journal.end_step = die
with session_in(Path(sys.argv[1])) as session:
    session.run_intent(sys.argv[3], sys.argv[4:], Options(yes=True))
"""


def crash(folder: Path, when: str, *words: str) -> None:
    """Run a change in a process of its own that is killed before or after the step did its work."""
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(folder), when, *words],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=False,
    )
    assert done.returncode == -9


@pytest.fixture
def sayso(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Sayso:
    return Sayso(tmp_path, cache=tmp_path_factory.getbasetemp() / "sayso-cache")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.conf"
    path.write_text("a\n")
    path.chmod(0o644)
    return path


@pytest.mark.parametrize(
    ("when", "finding", "is_changed"), [("before", Finding.NOT_DONE, False), ("after", Finding.DONE, True)]
)
@pytest.mark.parametrize("words", [("file.append_line", "line=b"), ("file.set_mode", "mode=600")])
def test_what_a_killed_process_left_is_told_from_the_state(
    tmp_path: Path, file: Path, when: str, finding: Finding, *, is_changed: bool, words: tuple[str, str]
) -> None:
    crash(tmp_path, when, words[0], f"path={file}", words[1])
    with History.open(places_in(tmp_path).history) as history, session_in(tmp_path) as session:
        (left,) = cut_off_steps(history)
        assert not left.is_running
        examination = session.examine(left)
        assert examination.finding is finding
        settle(
            history,
            left,
            status="changed" if is_changed else "not done",
            finding=finding.value,
            after=examination.now,
            backup=examination.backup,
        )
        assert cut_off_steps(history) == []
        assert history.verify().is_intact
        if is_changed:
            undone = session.undo(left.record, YES)
            assert undone.status is ExitStatus.DONE, undone.fault
            assert file.read_text() == "a\n"
            assert file.stat().st_mode & 0o777 == 0o644


def test_a_state_that_is_neither_is_said_to_be_so(tmp_path: Path, file: Path) -> None:
    crash(tmp_path, "after", "file.append_line", f"path={file}", "line=b")
    file.write_text("something else\n")
    with History.open(places_in(tmp_path).history) as history, session_in(tmp_path) as session:
        (left,) = cut_off_steps(history)
        assert session.examine(left).finding is Finding.ELSEWHERE


def test_a_host_that_cannot_be_reached_leaves_it_unknown(tmp_path: Path, file: Path) -> None:
    crash(tmp_path, "after", "file.append_line", f"path={file}", "line=b")
    file.unlink()
    file.mkdir()
    with History.open(places_in(tmp_path).history) as history, session_in(tmp_path) as session:
        (left,) = cut_off_steps(history)
        assert session.examine(left).finding is Finding.CANNOT_KNOW


def test_a_process_is_told_by_more_than_its_number() -> None:
    own = own_process()
    assert is_alive(own)
    assert not is_alive({**own, "started": "1"})
    assert not is_alive({**own, "boot": "another"})
    assert not is_alive({"pid": "x"})
    assert not is_alive(None)


def test_the_command_lists_settles_and_ends_with_what_is_open(sayso: Sayso, file: Path) -> None:
    assert sayso.run("recover").status == 0
    crash(sayso.folder, "after", "file.append_line", f"path={file}", "line=b")
    sayso.state.mkdir(parents=True, exist_ok=True)
    for written in (sayso.folder / "state").glob("history.db*"):
        written.rename(sayso.state / written.name)
    listed = sayso.run("--json", "recover")
    assert listed.status == 1
    assert json.loads(listed.stdout)["finding"] == "done"
    assert sayso.run("--yes", "recover").status == 0
    assert "No change was cut off" in sayso.run("recover").stderr
    assert sayso.run("recover", "999").status == 4
    assert sayso.run("recover", "x").status == 2
