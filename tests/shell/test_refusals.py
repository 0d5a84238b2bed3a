"""What is said where nobody approved: the truth about --yes, and nothing like a fault where the person said no."""

import io
from datetime import timedelta
from pathlib import Path

import pytest

from executors.grants import load_grants
from history.store import History
from shell.consoles import open_console
from shell.exit_status import ExitStatus
from shell.process_identity import own_process
from shell.render import render_response
from shell.response import Fault, Response
from shell.road import Options
from tests.support.command import Sayso
from tests.support.sessions import Approver, session_in

YES = Options(yes=True)


def shown(response: Response) -> str:
    stream = io.StringIO()
    console = open_console(stream, {}, is_terminal=False, use_color=False, plain_width=200)
    render_response(response, console, console)
    return stream.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.conf"
    path.write_text("a\n")
    return path


def fault_of(response: Response) -> Fault:
    assert response.status is ExitStatus.REFUSED
    assert response.fault is not None
    return response.fault


def test_who_gave_yes_is_told_what_it_does_not_cover_and_which_rule_would(tmp_path: Path, file: Path) -> None:
    rules = tmp_path / "policy.d"
    rules.mkdir()
    (rules / "own.yml").write_text("typed: {decision: confirm, intents: [file.append_line]}\n")
    with session_in(tmp_path) as session:
        fault = fault_of(session.run_intent("file.append_line", [f"path={file}", "line=b"], YES))
    assert "--yes doesn't answer where a name has to be typed (typed)" in fault.message
    assert "add --yes" not in fault.remedy
    assert "/etc/sayso/policy.d with intents: [file.append_line], decision: allow" in fault.remedy


def test_who_did_not_give_it_is_told_of_it(tmp_path: Path, file: Path) -> None:
    with session_in(tmp_path) as session:
        fault = fault_of(session.run_intent("file.append_line", [f"path={file}", "line=b"], Options()))
    assert "add --yes" in fault.remedy


def test_a_persons_no_is_no_fault_on_the_screen(tmp_path: Path, file: Path) -> None:
    with session_in(tmp_path, door="terminal", person=Approver(says_yes=False)) as session:
        response = session.run_intent("file.append_line", [f"path={file}", "line=b"], Options())
    assert fault_of(response).is_chosen
    assert "· Not approved, so nothing was changed." in shown(response)
    assert "✗" not in shown(response)


def test_a_ctrl_c_is_no_fault_on_the_screen(tmp_path: Path, file: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with session_in(tmp_path, door="terminal", person=Approver(meanwhile=interrupt)) as session:
        response = session.run_intent("file.append_line", [f"path={file}", "line=b"], Options())
    assert response.status is ExitStatus.INTERRUPTED
    assert "· Interrupted" in shown(response)
    assert "✗" not in shown(response)


def test_a_change_without_a_history_ends_with_6_also_where_nothing_is_to_do(tmp_path: Path, file: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with session_in(tmp_path) as session:
        for line in ("a", "b"):
            response = session.run_intent("file.append_line", [f"path={file}", f"line={line}"], YES)
            assert response.status is ExitStatus.INTEGRITY
        assert session.run_intent("file.info", [f"path={file}"], YES).status is ExitStatus.DONE
        assert (
            session.run_intent("file.append_line", [f"path={file}", "line=b"], Options(dry_run=True)).status
            is ExitStatus.DONE
        )
    assert file.read_text() == "a\n"


def test_a_record_without_an_end_says_what_became_of_it(tmp_path: Path) -> None:
    sayso = Sayso(tmp_path)
    gone = {**own_process(), "started": "1"}
    with History.open(sayso.history) as history:
        history.new_record({"request": "killed while planning", "process": gone})
        record = history.new_record({"request": "killed in a step", "process": gone})
        history.append("step_begin", record, {"host": "local", "intent": "file.append_line", "risk": "reversible"})
        history.new_record({"request": "still there", "process": own_process()})
    told = sayso.run("history").stdout
    for request, outcome in (("planning", "ended without a change"), ("step", "cut off"), ("there", "going on")):
        assert any(request in line and outcome in line for line in told.splitlines()), told


def test_where_a_plan_cannot_be_saved_is_said_before_it_is_made(tmp_path: Path) -> None:
    sayso = Sayso(tmp_path)
    (tmp_path / "there.plan").touch()
    (tmp_path / "app.conf").write_text("a\n")
    for name, said in (("there.plan", "is there already"), ("no/such.plan", "There is no folder")):
        done = sayso.run("plan", "-o", name, "run", "file.append_line", "path=app.conf", "line=b")
        assert done.status == 2
        assert said in done.stderr
        assert done.stdout == ""
    assert "The history is empty" in sayso.run("history").stdout


def test_the_same_grant_is_not_given_twice_and_a_longer_one_takes_its_place(tmp_path: Path) -> None:
    sayso = Sayso(tmp_path)
    grant = ("--yes", "policy", "grant", "service.restart", "service=nginx")
    assert sayso.run(*grant, "until=5 days").status == 0
    again = sayso.run(*grant, "until=3 days")
    assert again.status == 0
    assert "granted already" in again.stderr
    longer = sayso.run(*grant, "until=9 days")
    assert "takes the place of" in longer.stderr
    (kept,) = load_grants(sayso.config / "grants.d", is_system=False)
    assert kept.until_utc - kept.created_utc > timedelta(days=8)


@pytest.mark.parametrize("words", [("recover",), ("--yes", "run", "file.set_mode", "path=app.conf", "mode=600")])
def test_a_history_that_was_emptied_stops_changes_with_6(tmp_path: Path, file: Path, words: tuple[str, ...]) -> None:
    sayso = Sayso(tmp_path)
    assert sayso.run("run", "file.info", f"path={file}").status == 0
    for beside in sayso.history.parent.glob("history.db-*"):
        beside.unlink()
    sayso.history.write_bytes(b"")
    mode = file.stat().st_mode
    done = sayso.run(*words)
    assert done.status == 6, done.everything
    assert "was emptied or removed" in done.stderr
    assert file.stat().st_mode == mode
