"""The one road: nothing changes before a plan was approved, everything is recorded, and undo leads back."""

import os
import stat
from pathlib import Path

import pytest

from history.store import History
from shell.exit_status import ExitStatus
from shell.response import Response
from shell.road import Options
from shell.session import Session
from tests.support.sessions import Approver, session_in

YES = Options(yes=True)


def append(session: Session, file: Path, options: Options = YES) -> Response:
    return session.run_intent("file.append_line", [f"path={file}", "line=vm.swappiness = 10"], options)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.conf"
    path.write_text("a = 1\n")
    path.chmod(0o640)
    return path


def test_an_edit_goes_the_whole_road_and_back(tmp_path: Path, file: Path) -> None:
    with session_in(tmp_path) as session:
        done = append(session, file)
        assert done.status is ExitStatus.DONE
        assert file.read_text() == "a = 1\nvm.swappiness = 10\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        again = append(session, file)
        assert again.plan is not None
        assert again.plan.is_empty
        undone = session.undo(None, YES)
        assert undone.status is ExitStatus.DONE
        assert file.read_text() == "a = 1\n"
        assert session.undo(undone.record, YES).status is ExitStatus.DONE, "undo of undo"
        assert file.read_text() == "a = 1\nvm.swappiness = 10\n"


def test_a_command_with_state_goes_the_whole_road_and_back(tmp_path: Path, file: Path) -> None:
    with session_in(tmp_path) as session:
        done = session.run_intent("file.set_mode", [f"path={file}", "mode=600"], YES)
        (outcome,) = done.outcomes["local"]
        assert (outcome.status, outcome.before["mode"], outcome.after["mode"]) == ("changed", "0640", "0600")
        assert "-mode: 0640" in done.plan.stages[0].hosts["local"][0].diff  # type: ignore[union-attr]  # it has a plan
        assert session.undo(done.record, YES).status is ExitStatus.DONE
        assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_without_approval_nothing_changes(tmp_path: Path, file: Path) -> None:
    with session_in(tmp_path) as session:
        refused = append(session, file, Options())
        assert refused.status is ExitStatus.REFUSED
        assert refused.plan is not None, "the plan is shown all the same"
    assert file.read_text() == "a = 1\n"
    no = Approver(says_yes=False)
    with session_in(tmp_path, door="terminal", person=no) as session:
        assert append(session, file, Options()).status is ExitStatus.REFUSED
    assert len(no.plans) == 1
    assert file.read_text() == "a = 1\n"


def test_a_dry_run_changes_nothing_and_shows_the_diff(tmp_path: Path, file: Path) -> None:
    with session_in(tmp_path) as session:
        planned = append(session, file, Options(dry_run=True, yes=True))
        assert planned.status is ExitStatus.DONE
        assert "+vm.swappiness = 10" in planned.plan.stages[0].hosts["local"][0].diff  # type: ignore[union-attr]
        assert not planned.outcomes
    assert file.read_text() == "a = 1\n"


def test_what_was_approved_is_not_done_to_a_file_that_moved_meanwhile(tmp_path: Path, file: Path) -> None:
    person = Approver(meanwhile=lambda: file.write_text("a = 2\n"))
    with session_in(tmp_path, door="terminal", person=person) as session:
        refused = append(session, file, Options())
    assert refused.status is ExitStatus.REFUSED
    assert refused.outcomes["local"][0].status == "refused"
    assert file.read_text() == "a = 2\n"


def test_an_undo_is_refused_when_the_world_moved_since(tmp_path: Path, file: Path) -> None:
    with session_in(tmp_path) as session:
        append(session, file)
        file.write_text("somebody else\n")
        refused = session.undo(None, YES)
        assert refused.status is ExitStatus.REFUSED
        assert refused.fault is not None
        assert "another content than it left there" in refused.fault.message
    assert file.read_text() == "somebody else\n"


@pytest.mark.parametrize("yes", [True, False])
def test_no_flag_lets_a_script_destroy(tmp_path: Path, file: Path, yes: bool) -> None:  # noqa: FBT001
    with session_in(tmp_path) as session:
        refused = session.run_intent("file.delete", [f"path={file}"], Options(yes=yes))
    assert refused.status is ExitStatus.REFUSED
    assert refused.decision == "deny"
    assert file.exists()


def test_a_system_rule_that_names_the_intent_lets_a_script_destroy(tmp_path: Path, file: Path) -> None:
    rules = tmp_path / "system-policy.d"
    rules.mkdir()
    (rules / "allow.yml").write_text("nightly-cleanup:\n  decision: ask\n  intents: [file.delete]\n")
    if os.geteuid() != 0:
        pytest.skip("a system policy must be root's")
    with session_in(tmp_path) as session:
        done = session.run_intent("file.delete", [f"path={file}"], YES)
    assert (done.status, done.rule) == (ExitStatus.DONE, "nightly-cleanup")
    assert not file.exists()


def test_every_step_stands_in_the_history_before_and_after(tmp_path: Path, file: Path) -> None:
    with session_in(tmp_path) as session:
        record = append(session, file).record
    assert record is not None
    with History.open(tmp_path / "state" / "history.db", read_only=True) as history:
        kinds = [event.kind for event in history.events(record)]
        assert history.verify().is_intact
    assert kinds == ["request", "interpretation", "plan", "policy", "approval", "step_begin", "step_end", "end"]


def test_no_history_no_change_but_reads_go_on(tmp_path: Path, file: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    with session_in(tmp_path, history=blocked / "history.db") as session:
        refused = append(session, file)
        assert refused.status is ExitStatus.INTEGRITY
        read = session.run_intent("host.os", [], Options())
        assert read.status is ExitStatus.DONE
        assert any("history" in warning for warning in read.warnings)
    assert file.read_text() == "a = 1\n"


@pytest.mark.parametrize(
    ("name", "pairs", "said"),
    [
        ("disk.usag", [], "Did you mean `disk.usage`"),
        ("file.show", [], "needs `path`"),
        ("file.show", ["path=/etc/hosts", "path=/etc/passwd"], "2 times"),
        ("file.show", ["colour=red"], "no argument"),
        ("file.set_mode", ["path=/tmp", "mode=9999"], "mode"),
    ],
)
def test_a_wrong_direct_call_says_what_to_do(tmp_path: Path, name: str, pairs: list[str], said: str) -> None:
    with session_in(tmp_path) as session:
        response = session.run_intent(name, pairs, Options())
    assert response.status is ExitStatus.USAGE
    assert response.fault is not None
    assert said in f"{response.fault.message} {response.fault.remedy}"


def test_a_missing_file_is_one_clear_fault(tmp_path: Path) -> None:
    with session_in(tmp_path) as session:
        response = append(session, tmp_path / "nothing.conf")
    assert response.status is ExitStatus.FAILED
    assert response.fault is not None
    assert "nothing.conf" in response.fault.message


def test_an_unknown_host_is_an_error_and_never_local(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("[web]\nweb1 ansible_host=127.0.0.1 ansible_port=1\n")
    with session_in(tmp_path, inventories=(inventory,)) as session:
        unknown = session.run_intent("host.os", [], Options(on="moon"))
        assert (unknown.status, unknown.outcomes) == (ExitStatus.USAGE, {})
        dead = session.run_intent("host.os", [], Options(on="web1"))
        assert dead.status is ExitStatus.UNREACHABLE


def test_one_dead_host_stops_no_other(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("web1 ansible_host=127.0.0.1 ansible_port=1\n")
    with session_in(tmp_path, inventories=(inventory,)) as session:
        both = session.run_intent("host.os", [], Options(on="local,web1"))
    assert both.status is ExitStatus.UNREACHABLE
    assert both.outcomes["local"][0].status == "ok"
    assert both.outcomes["web1"][0].status == "unreachable"
