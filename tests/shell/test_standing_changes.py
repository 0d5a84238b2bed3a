"""Which change `undo` means, and what it says where that one is in the way, gone, or taken back already."""

from pathlib import Path

from executors.plan import Outcome
from executors.run import Watcher
from shell.exit_status import ExitStatus
from shell.response import Response
from shell.road import Options
from shell.session import Session
from tests.support.sessions import session_in

YES = Options(yes=True)


def appended(session: Session, file: Path, line: str) -> int:
    done = session.run_intent("file.append_line", [f"path={file}", f"line={line}"], YES)
    assert done.status is ExitStatus.DONE, done.fault
    assert done.record is not None
    return done.record


def told(response: Response) -> str:
    assert response.status is ExitStatus.REFUSED, response
    assert response.fault is not None
    return f"{response.fault.message} {response.fault.remedy}"


def test_a_record_that_is_not_there_is_said_to_be_none(tmp_path: Path) -> None:
    with session_in(tmp_path) as session:
        read = session.run_intent("file.list", [f"path={tmp_path}"], YES)
        assert "There is no record 9999." in told(session.undo(9999, YES))
        assert f"Record {read.record} changed nothing." in told(session.undo(read.record, YES))


def test_what_was_taken_back_is_not_taken_back_twice_and_says_by_what_it_was(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("1\n")
    with session_in(tmp_path) as session:
        made = appended(session, file, "a")
        undone = session.undo(None, YES)
        assert f"Record {made} was taken back already, by record {undone.record}." in told(session.undo(made, YES))
        assert session.undo(undone.record, YES).status is ExitStatus.DONE
        assert file.read_text() == "1\na\n"
        assert session.undo(made, YES).status is ExitStatus.DONE, "it stands again"
        assert file.read_text() == "1\n"


def test_a_later_record_on_the_same_file_is_named_as_what_is_in_the_way(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("1\n")
    with session_in(tmp_path) as session:
        first, second = appended(session, file, "a"), appended(session, file, "b")
        said = told(session.undo(first, YES))
        assert "has another content than it left there" in said
        assert f"Record {second} changed the same since: take that back first, with `sayso undo {second}`." in said
        assert file.read_text() == "1\na\nb\n"


def test_undo_says_which_record_is_blocked_and_which_would_be_next(tmp_path: Path) -> None:
    file, other = tmp_path / "f", tmp_path / "g"
    file.write_text("1\n")
    other.write_text("1\n")
    with session_in(tmp_path) as session:
        older = appended(session, other, "a")
        blocked = appended(session, file, "a")
        file.write_text("by hand\n")
        said = told(session.undo(None, YES))
        assert f"Record {blocked} can't be undone" in said
        assert "it was changed without sayso" in said
        assert f"`sayso undo {older}`" in said
        assert session.undo(older, YES).status is ExitStatus.DONE
        assert "It is the only change that stands." in told(session.undo(None, YES))
        assert (file.read_text(), other.read_text()) == ("by hand\n", "1\n")


def test_what_an_undo_did_not_get_to_stands_and_is_taken_back_by_the_next(tmp_path: Path) -> None:
    """The second step back fails while it runs: the first is not asked for again."""
    files = [tmp_path / name for name in ("a", "b")]
    for file in files:
        file.write_text("1\n")
        file.chmod(0o644)
    with session_in(tmp_path) as session:
        done = session.run_intents([("file.set_mode", [f"path={file}", "mode=600"]) for file in files], YES)
        assert done.status is ExitStatus.DONE, done.fault

        class MovingOn(Watcher):
            """Somebody changes the other file after each step."""

            def outcome(self, outcome: Outcome) -> None:
                del outcome
                files[0].chmod(0o640)

        session.watch = lambda _plan: MovingOn()
        cut = session.undo(None, YES)
        assert [one.status for one in cut.outcomes["local"]] == ["changed", "refused"]
        session.watch = lambda _plan: Watcher()
        assert "0640" in told(session.undo(None, YES))
        files[0].chmod(0o600)
        rest = session.undo(None, YES)
        assert rest.status is ExitStatus.DONE, rest.fault
        assert len(rest.outcomes["local"]) == 1
    assert [file.stat().st_mode & 0o777 for file in files] == [0o644, 0o644]
