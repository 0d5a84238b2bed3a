"""What is read of accounts, logs, schedules and exposure, on a real host: each row is of something that the test put there."""

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


def read(session: Session, intent: str, *pairs: str) -> list[Row]:
    done = session.run_intent(intent, list(pairs), Options(on="ops"))
    assert done.status is ExitStatus.DONE, (done.fault, done.outcomes)
    return list(done.outcomes["ops"][0].rows)


def test_a_group_shows_its_members(session: Session, host: Host) -> None:
    host.run_inside("groupadd", "--users=ops,games", "readers")
    (group,) = read(session, "group.list", "group=readers")
    assert group["members"] == ["ops", "games"]
    assert {"root", "readers"} <= {row["name"] for row in read(session, "group.list")}


def test_the_age_of_a_password_tells_when_it_ends(session: Session, host: Host) -> None:
    host.run_inside("useradd", "aged")
    host.run_inside("chage", "--lastday=2026-01-01", "--maxdays=10", "aged")
    (status,) = read(session, "user.password_status", "user=aged")
    assert (status["password"], status["changed"], status["expires"]) == ("locked", 1767225600, 1768089600)
    assert {"root", "aged"} <= {row["name"] for row in read(session, "user.password_status")}


def test_logins_are_read_from_both_files(session: Session) -> None:
    assert "reboot" in {row["name"] for row in read(session, "user.last_logins")}
    assert read(session, "user.failed_logins") == []


def test_what_was_run_with_sudo_is_told_of_one_account_or_of_all(session: Session, host: Host) -> None:
    host.run_inside("sudo", "-n", "-u", "games", "/usr/bin/printf", "a;b ; c", user="ops")
    commands = [(row["user"], row["as_user"], row["command"]) for row in read(session, "log.sudo", "user=ops")]
    assert ("ops", "games", "/usr/bin/printf 'a;b ; c'") in commands
    assert read(session, "log.sudo", "user=games") == []


def test_the_journal_is_shown_and_searched(session: Session, host: Host) -> None:
    host.run_inside("logger", "--priority=user.err", "--tag=probe", "Zebra crossing: 11 dumped core")
    shown = read(session, "log.show", "priority=error", "boot=current")
    assert "probe" in {row["source"] for row in shown}
    (found,) = read(session, "log.search", "text=zebra CROSSING")
    assert (found["source"], found["priority"]) == ("probe", "error")
    assert found in read(session, "log.crashes")
    assert read(session, "log.search", "text=nothing that was ever written") == []
    assert "/var/log/journal" in {row["path"] for row in read(session, "log.disk_usage")}


def test_timers_and_the_jobs_of_cron_are_listed(session: Session, host: Host) -> None:
    host.path("/etc/cron.d/probe").write_text("MAILTO=ops\n*/5 1-3 * * mon games /bin/echo a%b\n")
    host.run_inside("crontab", "-u", "games", "-", stdin="@daily /bin/true\n")
    jobs = [(row["user"], row["when"], row["command"]) for row in read(session, "schedule.list")]
    assert ("games", "*/5 1-3 * * mon", "/bin/echo a%b") in jobs
    assert ("games", "@daily", "/bin/true") in jobs
    timers = {row["timer"]: row for row in read(session, "timer.list")}
    assert timers["systemd-tmpfiles-clean.timer"]["starts"] == "systemd-tmpfiles-clean.service"
    host.run_inside("crontab", "-u", "games", "-r")
    host.path("/etc/cron.d/probe").unlink()


def test_loose_and_privileged_files_are_found(session: Session, host: Host) -> None:
    host.run_inside("mkdir", "/srv/probe", "/srv/probe/sticky", "/srv/probe/open")
    host.run_inside("cp", "/bin/true", "/srv/probe/suid")
    host.run_inside("chmod", "4755", "/srv/probe/suid")
    host.run_inside("chmod", "1777", "/srv/probe/sticky")
    host.run_inside("chmod", "0777", "/srv/probe/open")
    assert [row["path"] for row in read(session, "security.privileged_files", "path=/srv/probe")] == ["/srv/probe/suid"]
    assert [row["path"] for row in read(session, "security.world_writable", "path=/srv/probe")] == ["/srv/probe/open"]
    host.run_inside("rm", "-r", "/srv/probe")


def test_a_port_of_the_loopback_is_not_exposed(session: Session, host: Host) -> None:
    host.run_inside(
        "systemd-run",
        "--unit=probe-inside",
        "--service-type=exec",
        "python3",
        "-m",
        "http.server",
        "--bind=127.0.0.1",
        "8199",
    )
    ports = {row["port"] for row in read(session, "security.exposed_ports")}
    assert 22 in ports
    assert 8199 not in ports
    host.run_inside("systemctl", "stop", "probe-inside")
