"""Taking back: by number, the last one, on one host, in plain words; refused where the world has moved."""

from pathlib import Path

import pytest

from shell.exit_status import ExitStatus
from shell.road import Options
from shell.undo_phrase import UndoPhrase, find_undo
from tests.support.sessions import session_in

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
