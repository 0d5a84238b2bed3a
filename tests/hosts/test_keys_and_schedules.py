"""Keys, known hosts, one-off jobs, certificates and stray files on a real host; a key that was added really opens the account."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from intents.values import Row
from shell.exit_status import ExitStatus
from shell.road import Options
from shell.session import Session
from tests.support.hosts import Host, requires_hosts
from tests.support.sessions import Approver, session_in

pytestmark = [pytest.mark.sshd, requires_hosts]


@pytest.fixture
def session(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, host: Host) -> Iterator[Session]:
    config = tmp_path / "ssh_config"
    config.write_text(host.ssh_config("ops", "ops"))
    cache = tmp_path_factory.mktemp("cache")
    with session_in(tmp_path, door="terminal", person=Approver(), cache=cache, ssh_configs=(config,)) as opened:
        yield opened


def rows_of(session: Session, intent: str, *pairs: str) -> list[Row]:
    done = session.run_intent(intent, list(pairs), Options(on="ops"))
    assert done.status is ExitStatus.DONE, (done.fault, done.outcomes)
    return list(done.outcomes["ops"][0].rows)


def lets_in(host: Host, user: str, key: Path) -> bool:
    """Whether a real ssh gets in as the account with this key alone."""
    address = host.address
    done = subprocess.run(
        [
            *("ssh", "-F", "none", "-i", key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
            *("-o", f"UserKnownHostsFile={address.known_hosts_files[0]}", "-o", "ConnectTimeout=10"),
            *(f"{user}@{address.hostname}", "true"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def test_a_key_opens_an_account_from_its_adding_to_its_removal(session: Session, host: Host, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "visitor@laptop", "-f", key], check=True)
    host.run_inside("useradd", "--create-home", "--shell=/bin/bash", "host-guest")
    assert not lets_in(host, "host-guest", key)

    rows_of(session, "user.key_add", "user=host-guest", f"key={key.with_suffix('.pub').read_text().strip()}")
    assert lets_in(host, "host-guest", key)
    (told,) = rows_of(session, "user.keys", "user=host-guest")
    assert (told["account"], told["comment"], told["kind"]) == ("host-guest", "visitor@laptop", "ssh-ed25519")

    rows_of(session, "user.key_remove", "user=host-guest", "match=visitor@laptop")
    assert not lets_in(host, "host-guest", key)
    assert rows_of(session, "user.keys", "user=host-guest") == []


def test_what_is_no_public_key_is_not_added(session: Session, host: Host) -> None:
    host.run_inside("useradd", "--create-home", "keyless")
    refused = session.run_intent("user.key_add", ["user=keyless", "key=my key"], Options(on="ops"))
    assert refused.status is not ExitStatus.DONE
    assert "no public key" in refused.outcomes["ops"][0].message
    assert not host.path("/home/keyless/.ssh/authorized_keys").exists()


def test_the_keys_of_the_host_are_the_ones_that_it_shows(session: Session, host: Host) -> None:
    own = {row["fingerprint"] for row in rows_of(session, "ssh.host_keys")}
    shown = {row["fingerprint"] for row in rows_of(session, "ssh.scan", f"host={host.address.hostname}")}
    assert shown
    assert shown <= own
    assert rows_of(session, "ssh.scan", "host=127.0.0.1", "port=23") == []


def test_a_known_host_is_told_until_it_is_forgotten(session: Session, host: Host) -> None:
    public = host.path("/etc/ssh/ssh_host_ed25519_key.pub").read_text()
    host.run_inside("tee", "/home/ops/.ssh/known_hosts", stdin=f"db7 {public}", user="ops")
    (known,) = rows_of(session, "ssh.known_host", "host=db7")
    assert known["fingerprint"] in {row["fingerprint"] for row in rows_of(session, "ssh.host_keys")}
    rows_of(session, "ssh.forget_host", "host=db7")
    assert rows_of(session, "ssh.known_host", "host=db7") == []


def test_the_connection_in_use_is_among_those_of_ssh(session: Session) -> None:
    assert "sshd" in {row["process"] for row in rows_of(session, "ssh.sessions")}


def test_a_job_of_at_is_listed_until_it_is_cancelled(session: Session, host: Host) -> None:
    host.run_inside("at", "-t", "203001020304", stdin="/bin/true\n")
    (job,) = [row for row in rows_of(session, "schedule.list_once") if row["time"] == 1893553440]
    rows_of(session, "schedule.cancel_once", f"job={job['number']}")
    assert job not in rows_of(session, "schedule.list_once")


def test_a_job_that_was_added_is_listed_with_its_account(session: Session, host: Host) -> None:
    rows_of(session, "schedule.add", "user=games", "command=/bin/echo 100%", "when=5 4 * * sun")
    jobs = [(row["user"], row["when"], row["command"]) for row in rows_of(session, "schedule.list")]
    assert ("games", "5 4 * * sun", "/bin/echo 100\\%") in jobs
    rows_of(session, "schedule.remove", "match=/bin/echo 100")
    assert "/bin/echo 100\\%" not in {row["command"] for row in rows_of(session, "schedule.list")}


def test_certificates_are_found_by_what_is_in_the_files(session: Session, host: Host) -> None:
    host.run_inside("mkdir", "/srv/tls")
    host.run_inside(
        *("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "10", "-subj", "/CN=shop.example.org"),
        *("-keyout", "/srv/tls/key.pem", "-out", "/srv/tls/real.crt"),
    )
    host.run_inside("ln", "-s", "real.crt", "/srv/tls/link.pem")
    found = {row["path"]: row["subject"] for row in rows_of(session, "security.certificates", "path=/srv/tls")}
    assert found == {"/srv/tls/real.crt": "CN=shop.example.org", "/srv/tls/link.pem": "CN=shop.example.org"}
    host.run_inside("rm", "-r", "/srv/tls")


def test_a_file_of_nobody_is_found(session: Session, host: Host) -> None:
    host.run_inside("mkdir", "/srv/stray")
    host.run_inside("touch", "/srv/stray/a", "/srv/stray/b")
    host.run_inside("chown", "54321", "/srv/stray/a")
    assert [row["path"] for row in rows_of(session, "security.unowned_files", "path=/srv/stray")] == ["/srv/stray/a"]
    host.run_inside("rm", "-r", "/srv/stray")


def test_nothing_was_denied_where_nothing_denies(session: Session) -> None:
    """Nor does the search find the sudo entry of itself."""
    assert rows_of(session, "security.denials") == []
