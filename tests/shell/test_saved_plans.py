"""A plan for later: applied once, only while it would still be the same plan, and by two people where policy says so."""

import os
import pwd
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shell.exit_status import ExitStatus
from shell.plan_files import read_foreign_plan_file
from shell.requester_keys import held_keys
from shell.response import Response
from shell.road import Options
from shell.session import Session
from tests.support.command import Sayso
from tests.support.sessions import Approver, session_in

YES = Options(yes=True)
DRY = Options(dry_run=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.conf"
    path.write_text("a\n")
    path.chmod(0o644)
    return path


def save(session: Session, file: Path, *, line: str = "b") -> Path:
    planned = session.run_intent("file.append_line", [f"path={file}", f"line={line}"], DRY)
    assert planned.plan is not None
    path = file.with_name(f"{line}.plan")
    session.save_plan(planned.plan, path, life=None)
    return path


def refusal(response: Response) -> str:
    assert response.status is ExitStatus.REFUSED, response
    assert response.fault is not None
    return response.fault.message


def test_a_saved_plan_is_carried_out_once(tmp_path: Path, file: Path) -> None:
    with session_in(tmp_path, uid=os.getuid()) as session:
        saved = save(session, file)
        assert file.read_text() == "a\n"
        assert session.apply_file(saved, (), YES).status is ExitStatus.DONE
        assert file.read_text() == "a\nb\n"
        session.undo(None, YES)
        assert "used before" in refusal(session.apply_file(saved, (), YES))
        assert file.read_text() == "a\n"


def test_a_saved_plan_needs_approval_like_any_other(tmp_path: Path, file: Path) -> None:
    with session_in(tmp_path, uid=os.getuid()) as session:
        saved = save(session, file)
        assert "Not approved" in refusal(session.apply_file(saved, (), Options()))
        assert session.apply_file(saved, (), YES).status is ExitStatus.DONE, "an unapproved try doesn't use it up"


def test_what_moved_is_said_and_nothing_runs(tmp_path: Path, file: Path) -> None:
    with session_in(tmp_path, uid=os.getuid()) as session:
        saved = save(session, file)
        file.write_text("something else\n")
        said = refusal(session.apply_file(saved, (), YES))
        assert "has changed since the plan was made" in said
        assert "something else" in said
        assert file.read_text() == "something else\n"


def test_an_edited_plan_is_refused(tmp_path: Path, file: Path) -> None:
    with session_in(tmp_path, uid=os.getuid()) as session:
        saved = save(session, file)
        saved.write_text(saved.read_text().replace("line=b", "line=c").replace('"b"', '"c"'))
        assert "altered" in refusal(session.apply_file(saved, (), YES))
        assert file.read_text() == "a\n"


def test_an_expired_plan_is_refused(tmp_path: Path, file: Path) -> None:
    with session_in(tmp_path, uid=os.getuid()) as session:
        planned = session.run_intent("file.append_line", [f"path={file}", "line=b"], DRY)
        assert planned.plan is not None
        path = tmp_path / "short.plan"
        session.save_plan(planned.plan, path, life=timedelta(seconds=1))
        subprocess.run(["sleep", "1.1"], check=True)
        assert "expired" in refusal(session.apply_file(path, (), YES))


def test_a_plan_of_several_stages_is_kept_whole(tmp_path: Path, file: Path) -> None:
    operations = [("file.append_line", [f"path={file}", "line=b"]), ("file.set_mode", [f"path={file}", "mode=600"])]
    with session_in(tmp_path, uid=os.getuid()) as session:
        planned = session.run_intents(operations, DRY)
        assert planned.plan is not None
        path = tmp_path / "both.plan"
        session.save_plan(planned.plan, path, life=None)
        assert session.apply_file(path, (), YES).status is ExitStatus.DONE
        assert (file.read_text(), file.stat().st_mode & 0o777) == ("a\nb\n", 0o600)


def test_the_commands_save_and_apply(tmp_path: Path, file: Path) -> None:
    sayso = Sayso(tmp_path)
    saved = sayso.run("plan", "-o", "fix.plan", "run", "file.set_mode", f"path={file}", "mode=600")
    assert saved.status == 0, saved.everything
    assert (tmp_path / "fix.plan").stat().st_mode & 0o777 == 0o600
    assert file.stat().st_mode & 0o777 == 0o644
    assert sayso.run("plan", "-o", "fix.plan", "run", "file.set_mode", f"path={file}", "mode=600").status == 2
    assert sayso.run("apply", "fix.plan").status == 4
    assert sayso.run("--yes", "apply", "fix.plan").status == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert sayso.run("--yes", "apply", "fix.plan").status == 4
    assert sayso.run("apply").status == 2
    (tmp_path / "no.plan").write_text("{}")
    (tmp_path / "no.plan").chmod(0o600)
    assert sayso.run("--yes", "apply", "no.plan").status == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="another account's key and a root-owned list are needed")
def test_two_people_are_needed_where_the_policy_says_so(tmp_path: Path, file: Path) -> None:
    policy = tmp_path / "system-policy.d"
    policy.mkdir(mode=0o755)
    (policy / "edits.yml").write_text("edits: {decision: two_people, intents: [file.append_line]}\n")
    approvers, key = list_approver(tmp_path, "daemon")
    person = Approver()
    with session_in(tmp_path, door="terminal", person=person, uid=0, user="root", approvers=approvers) as session:
        alone = session.run_intent("file.append_line", [f"path={file}", "line=b"], Options())
        assert "two people" in refusal(alone)
        assert person.plans == [], "nobody is asked for what one person can't approve"
        saved = save(session, file)
        assert "two people" in refusal(session.apply_file(saved, (), YES))
        approval = sign(saved, key, approvers)
        done = session.apply_file(saved, (approval,), Options())
        assert done.status is ExitStatus.DONE, done.fault
        assert done.approval is not None
        assert (done.approval.user, done.approval.second_person) == ("root", "daemon")
        assert file.read_text() == "a\nb\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="a root-owned list is needed")
@pytest.mark.parametrize("when", ["for the plan", "for its use alone"])
def test_who_holds_the_approvers_key_is_no_second_person(tmp_path: Path, file: Path, when: str) -> None:
    approvers, key = list_approver(tmp_path, "daemon")
    ssh = tmp_path / ".ssh"
    ssh.mkdir(mode=0o700)
    shown = ssh / "shared.pub"
    places = {"uid": 0, "user": "root", "approvers": approvers, "ssh_folders": (ssh,)}
    if when == "for the plan":
        shown.write_text(key.with_suffix(".pub").read_text())
    with session_in(tmp_path, door="terminal", person=Approver(), **places) as session:
        saved = save(session, file)
        approval = sign(saved, key, approvers)
        if when == "for the plan":
            assert read_foreign_plan_file(saved, now=datetime.now(UTC)).requested_by.keys
            shown.unlink()
        else:
            shown.write_text(key.with_suffix(".pub").read_text())
        assert "share a key" in refusal(session.apply_file(saved, (approval,), Options()))
    assert file.read_text() == "a\n"


def test_what_lies_among_the_keys_and_is_none_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    _, key = list_approver(tmp_path, "daemon")
    (tmp_path / "bad.pub").write_bytes(b"ssh-ed25519 \xff\n")
    (tmp_path / "empty.pub").touch()
    os.mkfifo(tmp_path / "pipe.pub")
    told = subprocess.run(["ssh-keygen", "-l", "-f", str(key)], check=True, capture_output=True, text=True)
    assert held_keys([tmp_path, tmp_path / "missing"]) == (told.stdout.split()[1],)


def list_approver(folder: Path, user: str) -> tuple[Path, Path]:
    """A key of `user` in a list of root's."""
    key = folder / "approver_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    approvers = folder / "approvers"
    approvers.write_text(f"{user} {key.with_suffix('.pub').read_text()}")
    approvers.chmod(0o644)
    return approvers, key


def sign(saved: Path, key: Path, approvers: Path) -> Path:
    """What `sayso approve` writes once the other person has said yes."""
    from shell.second_person import approval_bytes, read_approvers, sign_approval, signer_of

    now = datetime.now(UTC)
    plan = read_foreign_plan_file(saved, now=now)
    listed = read_approvers(approvers)
    with signer_of("daemon", listed, key_file=key, home=saved.parent, passphrase=lambda _why: None) as signer:
        approval = sign_approval(plan, signer, user="daemon", original_uid=pwd.getpwnam("daemon").pw_uid, now=now)
    path = saved.with_suffix(".approval")
    path.write_bytes(approval_bytes(approval))
    return path
