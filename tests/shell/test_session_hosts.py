"""The same road over a real sshd: a read on two hosts, an edit with its undo, English that names the host."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shell.exit_status import ExitStatus
from shell.road import Options
from shell.session import Session
from tests.support.sessions import session_in
from tests.support.sshd import MISSING, Sshd, running_sshd

pytestmark = [pytest.mark.sshd, pytest.mark.skipif(bool(MISSING), reason=str(MISSING))]


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    folder = tmp_path / "sshd"
    folder.mkdir()
    with running_sshd(folder) as server:
        server.trust_host_key()
        yield server


@pytest.fixture
def session(tmp_path: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    address = sshd.address
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "known_hosts").write_bytes(Path(address.known_hosts_files[0]).read_bytes())
    monkeypatch.setenv("HOME", str(home))
    inventory = tmp_path / "hosts.ini"
    inventory.write_text(
        f"[web]\nweb1 ansible_host={address.hostname} ansible_port={address.port} ansible_user={address.user} "
        f"ansible_ssh_private_key_file={address.identity_files[0]}\nweb2 ansible_host=192.0.2.1\n"
        "[cellar]\nweb1\n"
    )
    with session_in(tmp_path, inventories=(inventory,)) as opened:
        yield opened


def test_one_read_over_this_machine_and_a_host(session: Session) -> None:
    response = session.run_intent("kernel.version", [], Options(on="local,web1"))
    assert response.status is ExitStatus.DONE, response
    assert list(response.outcomes) == ["local", "web1"]
    assert response.outcomes["local"][0].rows == response.outcomes["web1"][0].rows, "it is the same machine"


def test_an_edit_over_ssh_has_diff_verification_and_undo(session: Session, tmp_path: Path) -> None:
    file = tmp_path / "remote.conf"
    file.write_text("a = 1\n")
    done = session.run_intent("file.append_line", [f"path={file}", "line=b = 2"], Options(on="web1", yes=True))
    assert done.status is ExitStatus.DONE, done
    assert done.outcomes["web1"][0].status == "changed"
    assert file.read_text() == "a = 1\nb = 2\n"
    undone = session.undo(done.record, Options(yes=True))
    assert undone.status is ExitStatus.DONE, undone
    assert list(undone.outcomes) == ["web1"]
    assert file.read_text() == "a = 1\n"


@pytest.mark.model
def test_english_names_the_host(session: Session) -> None:
    response = session.handle("which kernel is this on web1", Options())
    assert response.status is ExitStatus.DONE, response
    assert response.hosts == ("web1",)
    assert response.host_evidence is not None
    assert response.host_evidence.text == "on web1"
    assert list(response.outcomes) == ["web1"]


@pytest.mark.model
def test_english_narrows_the_hosts_and_the_plan_says_how_it_was_read(session: Session) -> None:
    response = session.handle("which kernel is this on all web servers except web2", Options(explain=True))
    assert response.hosts == ("web1",)
    assert response.host_evidence is not None
    assert response.host_evidence.note == "that is web,!web2"


@pytest.mark.parametrize(
    "request_text",
    [
        "which kernel is this on all moon servers",
        "which kernel is this everywhere except moon",
        "which kernel is this on the web servers in cellar except web1, web2",
    ],
)
def test_what_is_said_of_hosts_and_means_none_never_falls_back_to_this_machine(
    session: Session, request_text: str
) -> None:
    response = session.handle(request_text, Options())
    assert response.status is ExitStatus.USAGE, response
    assert response.fault is not None
    assert response.fault.code == "target"
    assert response.outcomes == {}


def test_an_untrusted_host_key_is_refused_and_nothing_runs(tmp_path: Path, session: Session, sshd: Sshd) -> None:
    sshd.change_host_key()
    response = session.run_intent("kernel.version", [], Options(on="web1"))
    assert response.status is ExitStatus.UNREACHABLE
    assert response.fault is not None
    assert "key" in response.fault.message
    assert response.outcomes == {}


def test_a_host_that_is_excluded_is_not_touched(tmp_path: Path, session: Session) -> None:
    file = tmp_path / "remote.conf"
    file.write_text("a = 1\n")
    order = ["file.append_line", [f"path={file}", "line=b = 2"]]
    response = session.run_intent(str(order[0]), list(order[1]), Options(on="web,!web1,!web2", yes=True))
    assert response.outcomes == {}
    assert file.read_text() == "a = 1\n"
