"""Taking back: by number, the last one, on one host, in plain words; refused where the world has moved."""

from pathlib import Path

import pytest

from executors.plan import PlannedStep
from shell.exit_status import ExitStatus
from shell.response import Response
from shell.road import Options
from shell.undo_phrase import UndoPhrase, find_undo
from tests.support.sessions import Approver, session_in

YES = Options(yes=True)


@pytest.mark.parametrize(
    ("request_text", "record"),
    [
        ("undo", None),
        ("undo that", None),
        ("please undo it", None),
        ("Undo the last change.", None),
        ("revert my last change", None),
        ("take back the previous step", None),
        ("roll back the most recent change", None),
        ("undo 12", 12),
        ("undo record 12 please", 12),
        ("undo #12", 12),
    ],
)
def test_plain_words_take_back(request_text: str, record: int | None) -> None:
    assert find_undo(request_text) == UndoPhrase(record)


@pytest.mark.parametrize(
    "request_text",
    ["undo the raid setup", "undo all changes", "undo 12 and restart nginx", "how do I undo", "undo everything", "12"],
)
def test_anything_else_in_the_sentence_is_no_plain_undo(request_text: str) -> None:
    assert find_undo(request_text) is None


def test_english_takes_back_the_last_change_that_still_stands(tmp_path: Path) -> None:
    file = tmp_path / "app.conf"
    file.write_text("a\n")
    with session_in(tmp_path) as session:
        for line in ("b", "c"):
            assert session.run_intent("file.append_line", [f"path={file}", f"line={line}"], YES).status == 0
        assert session.handle("undo the last change", YES).status is ExitStatus.DONE
        assert file.read_text() == "a\nb\n"
        assert session.handle("please undo that", YES).status is ExitStatus.DONE
        assert file.read_text() == "a\n"
        nothing = session.handle("undo", YES)
        assert nothing.status is ExitStatus.REFUSED
        assert nothing.fault is not None
        assert "no change to take back" in nothing.fault.message


def test_undo_is_planned_and_approved_like_anything_else(tmp_path: Path) -> None:
    file = tmp_path / "app.conf"
    file.write_text("a\n")
    with session_in(tmp_path) as session:
        session.run_intent("file.append_line", [f"path={file}", "line=b"], YES)
        refused = session.undo(None, Options())
        assert refused.status is ExitStatus.REFUSED
        assert refused.plan is not None
        assert "-b" in refused.plan.stages[0].hosts["local"][0].diff
        assert file.read_text() == "a\nb\n"


def test_undo_refuses_when_the_world_has_moved_and_says_what(tmp_path: Path) -> None:
    file = tmp_path / "app.conf"
    file.write_text("a\n")
    with session_in(tmp_path) as session:
        done = session.run_intent("file.set_mode", [f"path={file}", "mode=600"], YES)
        file.chmod(0o640)
        refused = session.undo(done.record, YES)
        assert refused.status is ExitStatus.REFUSED
        assert refused.fault is not None
        assert "0600" in refused.fault.message
        assert "0640" in refused.fault.message


def test_undo_of_another_host_leaves_this_one_alone(tmp_path: Path) -> None:
    file = tmp_path / "app.conf"
    file.write_text("a\n")
    inventory = tmp_path / "hosts"
    inventory.write_text("[web]\nweb1 ansible_host=127.0.0.1 ansible_port=1\n")
    with session_in(tmp_path, inventories=(inventory,)) as session:
        session.run_intent("file.append_line", [f"path={file}", "line=b"], YES)
        refused = session.handle("undo the last change on web1", YES)
        assert refused.status is ExitStatus.REFUSED
        assert file.read_text() == "a\nb\n"
        assert session.handle("undo the last change on this machine", YES).status is ExitStatus.DONE
        assert file.read_text() == "a\n"


def test_an_edit_that_made_its_directory_is_taken_back_with_it_and_comes_again(tmp_path: Path) -> None:
    file = tmp_path / "new.d" / "app.conf"
    with session_in(tmp_path) as session:
        made = session.run_intent("file.create", [f"path={file}", "content=a"], YES)
        assert made.status is ExitStatus.DONE, made.fault
        assert f"its directory {file.parent} is made with it" in planned(made).reason
        file.chmod(0o640)
        undone = session.undo(made.record, YES)
        assert undone.status is ExitStatus.DONE, undone.fault
        assert f"its directory {file.parent} goes with it if nothing else is in it" in planned(undone).reason
        assert not file.parent.exists()
        again = session.undo(undone.record, YES)
        assert again.status is ExitStatus.DONE, again.fault
        assert (file.read_text(), file.stat().st_mode & 0o777) == ("a\n", 0o640)
        assert session.undo(again.record, YES).status is ExitStatus.DONE
        assert not file.parent.exists()


def test_a_made_directory_stays_where_something_else_is_in_it_by_now(tmp_path: Path) -> None:
    file = tmp_path / "new.d" / "app.conf"
    with session_in(tmp_path) as session:
        made = session.run_intent("file.create", [f"path={file}", "content=a"], YES)
        (file.parent / "other").write_text("b")
        assert session.undo(made.record, YES).status is ExitStatus.DONE
    assert [path.name for path in file.parent.iterdir()] == ["other"]


def test_a_directory_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "old.d").mkdir()
    file = tmp_path / "old.d" / "app.conf"
    with session_in(tmp_path) as session:
        made = session.run_intent("file.create", [f"path={file}", "content=a"], YES)
        assert session.undo(made.record, YES).status is ExitStatus.DONE
    assert list((tmp_path / "old.d").iterdir()) == []


def test_an_undo_whose_diff_leaves_something_out_is_a_summary_as_a_plan_is(tmp_path: Path) -> None:
    file = tmp_path / "app.conf"
    file.write_bytes(b"\0a\n")
    with session_in(tmp_path, door="terminal", person=Approver()) as session:
        done = session.run_intent("file.append_line", [f"path={file}", "line=b"], Options())
        undo = session.undo(done.record, Options(dry_run=True))
        assert (planned(done).is_summary, planned(undo).is_summary) == (True, True)
        assert "Summary: binary content" in planned(undo).diff


def planned(response: Response) -> PlannedStep:
    assert response.plan is not None
    return response.plan.stages[0].hosts["local"][0]
