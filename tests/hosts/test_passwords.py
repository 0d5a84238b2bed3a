"""A new password on a real host: from the terminal or a private file, and nowhere else afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from executors.policy import Door
from history.store import History
from shell.contract import dump
from shell.exit_status import ExitStatus
from shell.response import Response
from shell.road import Options
from shell.session import Session
from tests.support.hosts import Host, requires_hosts
from tests.support.sessions import Approver, session_in

pytestmark = [pytest.mark.sshd, requires_hosts]

PASSWORD = "Vy7#kestrel-nowhere"
ALLOWED = "passwords:\n  decision: ask\n  intents: [user.set_password]\n  effects: [access]\n"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def account(host: Host) -> Iterator[str]:
    host.run_inside("useradd", "--create-home", "forgetful")
    yield "forgetful"
    host.run_inside("userdel", "--remove", "forgetful", check=False)


def session_on(folder: Path, cache: Path, host: Host, *, door: Door = "terminal", types: str | None = None) -> Session:
    config = folder / "ssh_config"
    config.write_text(host.ssh_config("ops", "ops"))
    (folder / "system-policy.d").mkdir()
    (folder / "system-policy.d" / "passwords.yml").write_text(ALLOWED)
    person = Approver() if door == "terminal" else None
    if person is not None:
        person.password = types
    return session_in(folder, door=door, person=person, cache=cache, ssh_configs=(config,), uid=0)


def set_password(session: Session, account: str, options: Options) -> Response:
    return session.run_intent("user.set_password", [f"user={account}"], options)


def opens(host: Host, account: str, password: str) -> bool:
    """Whether PAM's own helper takes the password (unix_chkpwd(8): the password ends with a NUL)."""
    return host.run_inside("unix_chkpwd", account, "nullok", stdin=f"{password}\0", check=False).returncode == 0


def test_a_typed_password_is_set_and_is_in_nothing_that_was_written(
    tmp_path: Path, cache: Path, host: Host, account: str
) -> None:
    with session_on(tmp_path, cache, host, types=PASSWORD) as session:
        done = set_password(session, account, Options(on="ops"))
        assert done.status is ExitStatus.DONE, (done.fault, done.outcomes)
        assert opens(host, account, PASSWORD)
        assert not opens(host, account, PASSWORD.lower())
        said = dump(done, find_intent=session.catalogue.get) + repr(done)
    assert PASSWORD not in said
    assert f"password of {account}" in said
    with History.open(tmp_path / "state" / "history.db") as history:
        events = [repr(event.payload) for event in history.events(done.record or 0)]
    assert len(events) >= 5
    assert not any(PASSWORD in event for event in events)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert [path for path in written if PASSWORD.encode() in path.read_bytes()] == []
    left = host.run_inside(
        "grep", "-rlsF", "--", PASSWORD, "/etc", "/var", "/root", "/home", "/tmp", "/run", check=False
    )
    assert left.stdout == ""


def test_a_dry_run_says_that_it_will_be_asked_for_and_asks_nothing(
    tmp_path: Path, cache: Path, host: Host, account: str
) -> None:
    with session_on(tmp_path, cache, host, door="script") as session:
        planned = set_password(session, account, Options(on="ops", dry_run=True))
    assert planned.status is ExitStatus.DONE
    assert planned.plan is not None
    (step,) = planned.plan.stages[0].hosts["ops"]
    assert "-password: locked\n+password: set\n" in step.diff
    assert '"secrets": ["password of forgetful"]' in dump(planned)


def test_a_script_gives_it_by_a_private_file_alone(tmp_path: Path, cache: Path, host: Host, account: str) -> None:
    file = tmp_path / "new-password"
    file.write_text(f"{PASSWORD}\n")
    with session_on(tmp_path, cache, host, door="script") as session:
        without = set_password(session, account, Options(on="ops", yes=True))
        assert without.status is ExitStatus.REFUSED
        assert "--secret-file" in (without.fault.remedy if without.fault else "")

        file.chmod(0o640)
        shared = set_password(session, account, Options(on="ops", yes=True, secret_file=file))
        assert shared.status is ExitStatus.USAGE
        assert not opens(host, account, PASSWORD)

        file.chmod(0o600)
        done = set_password(session, account, Options(on="ops", yes=True, secret_file=file))
        assert done.status is ExitStatus.DONE, (done.fault, done.outcomes)
    assert opens(host, account, PASSWORD)


def test_one_that_stands_in_the_request_is_refused_and_not_kept(
    tmp_path: Path, cache: Path, host: Host, account: str
) -> None:
    with session_on(tmp_path, cache, host, door="script") as session:
        pairs = [f"user={account}", f"password={PASSWORD}"]
        response = session.run_intent("user.set_password", pairs, Options(on="ops", yes=True))
    assert response.status is ExitStatus.USAGE
    with History.open(tmp_path / "state" / "history.db") as history:
        assert PASSWORD not in repr([event.payload for event in history.events(response.record or 0)])
