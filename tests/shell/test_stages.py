"""Plans of several stages: rows of one feed the next, and what is unknown until then is approved as an envelope."""

import stat
from pathlib import Path

import pytest

from executors.plan import Effect, Outcome
from shell.exit_status import ExitStatus
from shell.response import Response
from shell.road import Options
from tests.support.sessions import Approver, session_in

YES = Options(yes=True)
DRY = Options(dry_run=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    path.mkdir()
    for number in (1, 2, 3):
        file = path / f"f{number}"
        file.write_bytes(b"x" * number * 1000)
        file.chmod(0o644)
    return path


def modes(folder: Path) -> list[str]:
    return [f"{stat.S_IMODE(file.stat().st_mode):o}" for file in sorted(folder.iterdir())]


def statuses(response: Response) -> list[str]:
    return [outcome.status for outcome in response.outcomes["local"]]


def test_rows_read_while_planning_become_steps_that_are_shown(tmp_path: Path, folder: Path) -> None:
    largest = ("file.largest", [f"path={folder}", "first=2"])
    with session_in(tmp_path) as session:
        planned = session.run_intents([largest, ("file.set_mode", ["path=@path", "mode=600"])], DRY)
        assert planned.plan is not None
        steps = planned.plan.stages[1].hosts["local"]
        assert [step.arguments["path"] for step in steps] == [f"{folder}/f3", f"{folder}/f2"]
        assert modes(folder) == ["644", "644", "644"], "planning changes nothing"
        done = session.run_intents([largest, ("file.set_mode", ["path=@path", "mode=600"])], YES)
        assert done.status is ExitStatus.DONE
        assert modes(folder) == ["644", "600", "600"]
        assert session.undo(done.record, YES).status is ExitStatus.DONE
        assert modes(folder) == ["644", "644", "644"]


def test_rows_that_come_after_a_change_are_an_envelope(tmp_path: Path, folder: Path) -> None:
    operations = [
        ("file.append_line", [f"path={folder}/f1", "line=more"]),
        ("file.largest", [f"path={folder}"]),
        ("file.set_mode", ["path=@path", "mode=640"]),
    ]
    with session_in(tmp_path) as session:
        planned = session.run_intents(operations, DRY)
        assert planned.plan is not None
        last = planned.plan.stages[2]
        assert last.envelope is not None
        assert (last.envelope.source, last.envelope.column) == (1, "path")
        assert not last.hosts["local"]
        done = session.run_intents(operations, YES)
        assert statuses(done) == ["changed", "ok", "changed", "changed", "changed"]
        assert modes(folder) == ["640", "640", "640"]


def test_more_rows_than_the_envelope_allows_run_nothing(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executors.planning.REFERENCED_ROWS", 2)
    operations = [
        ("file.append_line", [f"path={folder}/f1", "line=more"]),
        ("file.largest", [f"path={folder}"]),
        ("file.set_mode", ["path=@path", "mode=640"]),
    ]
    with session_in(tmp_path) as session:
        done = session.run_intents(operations, YES)
    assert done.status is ExitStatus.REFUSED
    assert modes(folder) == ["644", "644", "644"]


def test_a_later_stage_is_planned_from_what_the_earlier_will_lead_to(tmp_path: Path, folder: Path) -> None:
    file = folder / "f1"
    operations = [
        ("file.set_mode", [f"path={file}", "mode=600"]),
        ("file.set_mode", [f"path={file}", "mode=644"]),
    ]
    with session_in(tmp_path) as session:
        planned = session.run_intents(operations, DRY)
        assert planned.plan is not None
        (second,) = planned.plan.stages[1].hosts["local"]
        assert second.effect is Effect.WILL_CHANGE, "it is 0644 now, and will not be when its turn comes"
        done = session.run_intents(operations, YES)
        assert statuses(done) == ["changed", "changed"]
        assert modes(folder)[0] == "644"
        assert session.undo(done.record, YES).status is ExitStatus.DONE
        assert modes(folder)[0] == "644"


def test_a_second_edit_of_one_file_is_planned_from_what_the_first_will_lead_to(tmp_path: Path, folder: Path) -> None:
    file = folder / "f1"
    file.write_text("a\n")
    edits = [("file.append_line", [f"path={file}", f"line={line}"]) for line in ("b", "c")]
    with session_in(tmp_path) as session:
        planned = session.run_intents(edits, DRY)
        assert planned.plan is not None
        assert " b\n+c" in planned.plan.stages[1].hosts["local"][0].diff
        done = session.run_intents(edits, YES)
        assert file.read_text() == "a\nb\nc\n"
        assert session.undo(done.record, YES).status is ExitStatus.DONE
    assert file.read_text() == "a\n"


def test_what_follows_a_failed_stage_is_not_begun(tmp_path: Path, folder: Path) -> None:
    def gone() -> None:
        (folder / "f1").unlink()

    person = Approver(meanwhile=gone)
    operations = [
        ("file.set_mode", [f"path={folder}/f1", "mode=600"]),
        ("file.set_mode", [f"path={folder}/f2", "mode=600"]),
    ]
    with session_in(tmp_path, door="terminal", person=person) as session:
        done = session.run_intents(operations, Options())
    assert [outcome.status for outcome in done.outcomes["local"]] in (["refused"], ["failed"])
    assert modes(folder) == ["644", "644"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([("file.largest", ["path={folder}"]), ("file.set_mode", ["path=@nothing", "mode=600"])], "no `nothing`"),
        ([("file.largest", ["path={folder}"]), ("file.set_mode", ["path=@path", "mode=@size"])], "Only one"),
        ([("file.largest", ["path={folder}", "first=0"])], "no number of rows"),
        ([("file.largest", ["path={folder}"]), ("file.set_mode", ["path=@owner", "mode=600"])], "owner|root"),
    ],
)
def test_references_that_mean_nothing_are_one_sentence(
    tmp_path: Path, folder: Path, words: list[tuple[str, list[str]]], says: str
) -> None:
    operations = [(name, [pair.replace("{folder}", str(folder)) for pair in pairs]) for name, pairs in words]
    with session_in(tmp_path) as session:
        refused = session.run_intents(operations, YES)
    assert refused.status is not ExitStatus.DONE
    assert modes(folder) == ["644", "644", "644"]
    told = refused.fault.message if refused.fault else " ".join(_messages(refused))
    assert any(one in told for one in says.split("|"))


def _messages(response: Response) -> list[str]:
    return [outcome.message for outcomes in response.outcomes.values() for outcome in outcomes]


def test_an_outcome_names_its_stage_and_step(tmp_path: Path, folder: Path) -> None:
    operations = [
        ("file.largest", [f"path={folder}", "first=1"]),
        ("file.set_mode", ["path=@path", "mode=600"]),
    ]
    with session_in(tmp_path) as session:
        outcomes: tuple[Outcome, ...] = session.run_intents(operations, YES).outcomes["local"]
    assert [outcome.stage for outcome in outcomes] == [0, 1]
    assert outcomes[1].planned is not None
    assert outcomes[1].planned.arguments == {"path": f"{folder}/f3"}


def test_before_any_rows_an_at_begins_an_ordinary_name(tmp_path: Path) -> None:
    (tmp_path / "@at").write_text("x")
    with session_in(tmp_path) as session:
        for text in ("@at", "@@at"):
            done = session.run_intent("file.info", [f"path={text}"], Options())
            assert done.status is ExitStatus.DONE, done.fault
            assert done.outcomes["local"][0].rows[0]["path"] == str(tmp_path / "@at")
