"""An edit from plan to file: what the plan names, and that the file becomes just that."""

import pwd
from dataclasses import replace
from pathlib import Path

import pytest

from executors.edit_planning import carry_out_edit, plan_edit
from executors.local import LocalTransport
from executors.plan import EditStep, Effect, PlannedStep
from executors.state import Target
from intents.errors import PlanError, StepError
from intents.intent import Edit, Intent, Operation, Parameter, Risk, Word
from intents.types.registry import make_type


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """This machine, whose backups lie in the test's own folder."""
    store = str(tmp_path / "store")
    monkeypatch.setattr("executors.file_replace._default_backup_directory", lambda *_given, **_more: store)
    transport = LocalTransport()
    return Target("local", transport, {}, transport.login())


def appending(**changes: object) -> Intent:
    edit = Edit(Word("", "path"), "append_line", {"line": Word("", "line")})
    return Intent(
        name="file.test",
        pack="test",
        summary="",
        risk=Risk.REVERSIBLE,
        parameters={
            "path": Parameter("path", make_type("path", {}), required=True),
            "line": Parameter("line", make_type("text", {}), required=True),
        },
        examples=(),
        operation=Operation(edit=replace(edit, **changes)),  # type: ignore[arg-type]  # each test gives the right ones
        interrupt="wait",
    )


def planned(intent: Intent, target: Target, path: Path, line: str) -> tuple[PlannedStep, EditStep]:
    edit = intent.operation.edit
    assert edit is not None
    made = plan_edit(intent, edit, {"path": str(path), "line": line}, target, None)
    assert isinstance(made.step, EditStep)
    return made, made.step


def test_a_link_is_followed_only_when_asked_and_the_plan_names_the_real_file(target: Target, tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"a\n")
    link.symlink_to(real)
    with pytest.raises(StepError, match="symbolic link"):
        planned(appending(), target, link, "b")
    made, step = planned(appending(follow=True), target, link, "b")
    assert (step.path, step.link) == (str(real), str(link))
    assert f"+++ {real}" in made.diff
    assert made.reason == f"{link} is a link to {real}"
    carry_out_edit(made, step, target, None)
    assert real.read_bytes() == b"a\nb\n"
    assert link.is_symlink()


def test_a_new_file_has_its_mode_and_its_directory(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "unit.d" / "90-sayso.conf"
    intent = appending(create=True, mode=0o440, path_end="/90-sayso.conf")
    made, step = planned(intent, target, tmp_path / "unit.d", "b")
    assert (step.path, step.mode, step.makes_directory) == (str(path), 0o440, True)
    carry_out_edit(made, step, target, None)
    assert (path.read_bytes(), path.stat().st_mode & 0o7777) == (b"b\n", 0o440)
    undo = EditStep(str(path), step.after_sha256, None, makes_directory=True)
    carry_out_edit(PlannedStep(undo, Effect.WILL_CHANGE), undo, target, None)
    assert not path.parent.exists()


def test_a_directory_that_holds_more_stays_when_its_file_goes(target: Target, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    path = tmp_path / "d" / "file"
    path.write_bytes(b"a\n")
    (tmp_path / "d" / "other").touch()
    made, step = planned(appending(), target, path, "b")
    undo = EditStep(str(path), step.before_sha256, None, makes_directory=True)
    carry_out_edit(made, undo, target, None)
    assert [one.name for one in (tmp_path / "d").iterdir()] == ["other"]


def test_a_refused_creation_leaves_no_directory(target: Target, tmp_path: Path) -> None:
    made, step = planned(appending(create=True, validator="json", path_end="/x.json"), target, tmp_path / "new", "{")
    with pytest.raises(StepError, match="refuses"):
        carry_out_edit(made, step, target, None)
    assert not (tmp_path / "new").exists()


def test_what_checked_the_content_is_told(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_bytes(b"- a\n")
    made, step = planned(appending(validator="by_path"), target, path, "- b")
    assert carry_out_edit(made, step, target, None).message == "checked as yaml"
    plain = tmp_path / "plain"
    plain.write_bytes(b"a\n")
    made, step = planned(appending(validator="by_path"), target, plain, "b")
    assert carry_out_edit(made, step, target, None).message == ""


def test_what_is_there_already_and_what_moved_is_told(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a\n")
    assert planned(appending(), target, path, "a")[0].effect is Effect.ALREADY_SO
    made, step = planned(appending(), target, path, "b")
    path.write_bytes(b"other\n")
    with pytest.raises(PlanError, match="has changed"):
        carry_out_edit(made, step, target, None)
    assert path.read_bytes() == b"other\n"


def test_a_diff_that_leaves_something_out_is_marked(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_bytes(b"\0binary\n")
    assert planned(appending(), target, path, "b")[0].is_summary
    path.write_bytes(b"text\n")
    assert not planned(appending(), target, path, "b")[0].is_summary


def test_a_file_in_an_accounts_home_is_found_by_the_account_and_edited_as_it(target: Target) -> None:
    accounts = {one.pw_name: one.pw_dir for one in pwd.getpwall()}
    for account in {target.login.user, "games"} & accounts.keys():
        given = {"path": Word(f"~{account}"), "path_end": "/.sayso-test-file", "create": True}
        intent = appending(**given)
        edit = intent.operation.edit
        assert edit is not None
        made = plan_edit(intent, edit, {"line": "b"}, target, None)
        assert isinstance(made.step, EditStep)
        assert made.step.path == f"{accounts[account].rstrip('/')}/.sayso-test-file"
        assert made.step.as_user == (None if account == target.login.user else account)


def test_an_account_that_is_not_there_has_no_file(target: Target) -> None:
    intent = appending(path=Word("~nosuchaccount"), path_end="/.ssh/authorized_keys", create=True)
    edit = intent.operation.edit
    assert edit is not None
    with pytest.raises(StepError, match="no home directory"):
        plan_edit(intent, edit, {"line": "b"}, target, None)
