"""What a changed setting does to what runs, and that undo brings that back as well; and what the checks refuse."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shell.exit_status import ExitStatus
from shell.response import Response
from shell.road import Options
from shell.session import Session
from tests.support.hosts import Host, requires_hosts
from tests.support.sessions import Approver, session_in

pytestmark = [pytest.mark.sshd, requires_hosts]

Shown = Callable[[Host], str]


@pytest.fixture
def session(tmp_path: Path, host: Host) -> Iterator[Session]:
    config = tmp_path / "ssh_config"
    config.write_text(host.ssh_config("root", "root"))
    with session_in(tmp_path, door="terminal", person=Approver(), ssh_configs=(config,)) as opened:
        yield opened


def _said(*argv: str) -> Shown:
    return lambda host: host.run_inside(*argv).stdout.strip()


def _property(name: str) -> Shown:
    return _said("systemctl", "show", f"--property={name}", "--value", "cron.service")


RUNNING: dict[str, tuple[str, list[str], Shown, str]] = {
    "kernel setting": (
        "kernel.set",
        ["key=net.ipv4.ping_group_range", "value=3 4"],
        _said("sysctl", "-n", "net.ipv4.ping_group_range"),
        "3\t4",
    ),
    "unit setting": (
        "service.override",
        ["service=cron.service", "key=RestartSec", "value=7"],
        _property("RestartUSec"),
        "7s",
    ),
    "memory limit": (
        "service.limit_memory",
        ["service=cron.service", "size=64 MiB"],
        _property("MemoryMax"),
        "67108864",
    ),
    "processor limit": (
        "service.limit_cpu",
        ["service=cron.service", "share=50%"],
        _property("CPUQuotaPerSecUSec"),
        "500ms",
    ),
    "variable": (
        "service.environment",
        ["service=cron.service", "name=MODE", 'value=50% of "it"'],
        _property("Environment"),
        '"MODE=50% of \\"it\\""',
    ),
    "sudo rule": (
        "user.sudo_grant",
        ["user=www-data", "program=/usr/bin/id", "password=without password"],
        lambda host: host.run_inside(
            *("setpriv", "--reuid=www-data", "--regid=www-data", "--init-groups", "--"),
            *("sudo", "-n", "/usr/bin/id", "-un"),
            check=False,
        ).stdout.strip(),
        "root",
    ),
}


@pytest.mark.parametrize("case", RUNNING)
def test_undo_brings_what_runs_back(case: str, host: Host, session: Session) -> None:
    intent, arguments, running, wanted = RUNNING[case]
    before = running(host)
    assert before != wanted
    done = session.run_intent(intent, arguments, Options(on="root"))
    assert done.status is ExitStatus.DONE, (done.fault, done.outcomes)
    assert running(host) == wanted
    undone = session.undo(done.record, Options())
    assert undone.status is ExitStatus.DONE, (undone.fault, undone.outcomes)
    assert running(host) == before


def test_an_undo_that_is_undone_makes_its_directory_again(host: Host, session: Session) -> None:
    intent, arguments, running, wanted = RUNNING["unit setting"]
    done = session.run_intent(intent, arguments, Options(on="root"))
    undone = session.undo(done.record, Options())
    assert not host.path("/etc/systemd/system/cron.service.d").exists()
    again = session.undo(undone.record, Options())
    assert again.status is ExitStatus.DONE, (again.fault, again.outcomes)
    assert running(host) == wanted
    assert session.undo(again.record, Options()).status is ExitStatus.DONE
    assert running(host) != wanted


REFUSED: dict[str, tuple[str, list[str], str]] = {
    "a key that systemd doesn't know": (
        "service.override",
        ["service=cron.service", "key=Restrt", "value=always"],
        "Unknown key",
    ),
    "a value that systemd doesn't know": (
        "service.override",
        ["service=cron.service", "key=Restart", "value=sometimes"],
        "Failed to parse",
    ),
    "a service without its program": ("service.create", ["name=lost", "command=/opt/no/such --x"], "not executable"),
    "a setting that the kernel doesn't have": ("kernel.set", ["key=net.ipv4.no_such", "value=1"], "no_such"),
    "a site that nginx can't read": (
        "web.set",
        ["path=/etc/nginx/sites-enabled/default", "directive=listen_to", "value=80", "block=server"],
        "unknown directive",
    ),
    "a file that nginx would include": (
        "file.create",
        ["path=/etc/nginx/conf.d/new.conf", "content=gzip_vary perhaps;"],
        "perhaps",
    ),
    "a directive of sshd with a wrong value": ("ssh.set", ["directive=MaxAuthTries", "value=many"], "MaxAuthTries"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_its_program_refuses_is_never_there(case: str, host: Host, session: Session) -> None:
    intent, arguments, why = REFUSED[case]
    host.run_inside("nginx", "-t", "-q")  # each test of its configuration makes the folders that it will need
    before = host.snapshot()
    done = session.run_intent(intent, arguments, Options(on="root"))
    assert done.status is not ExitStatus.DONE
    said = " ".join([str(done.fault), *(one.message for one in done.outcomes.get("root", ()))])
    assert why.lower() in said.lower()
    assert before.difference(host.snapshot()) == []
    assert host.run_inside("find", "/tmp", "-name", "sayso-*").stdout == ""


def test_a_file_that_nginx_includes_is_checked_where_it_is_included(host: Host, session: Session) -> None:
    created = session.run_intent(
        "file.create", ["path=/etc/nginx/conf.d/right.conf", "content=gzip_vary on;"], Options(on="root")
    )
    assert _message(created) == "checked by nginx", "http's directive is right inside http alone"
    undone = session.undo(created.record, Options())
    assert undone.status is ExitStatus.DONE


def test_a_setting_of_sshd_that_another_file_overrules_is_told(host: Host, session: Session) -> None:
    host.run_inside("tee", "/etc/ssh/sshd_config.d/01-first.conf", stdin="MaxSessions 3\n")
    try:
        done = session.run_intent("ssh.set", ["directive=MaxSessions", "value=5"], Options(on="root"))
        assert done.status is not ExitStatus.DONE
        assert "value is 3, not 5" in _message(done)
    finally:
        host.run_inside("rm", "-f", "/etc/ssh/sshd_config.d/01-first.conf", "/etc/ssh/sshd_config.d/10-sayso.conf")


def _message(response: Response) -> str:
    return response.outcomes["root"][0].message
