"""What a host is asked about its packages, network and services: each answer is read to rows that fit the host."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from intents.values import Row
from shell.exit_status import ExitStatus
from shell.road import Options
from shell.session import Session
from tests.support.hosts import Host, requires_hosts
from tests.support.sessions import Approver, session_in

pytestmark = [pytest.mark.sshd, requires_hosts]

READS: Mapping[str, tuple[tuple[str, ...], Row]] = {
    "package.upgradable": ((), {}),
    "package.owner": (("path=/usr/bin/ls",), {"package": "coreutils", "path": "/bin/ls"}),
    "package.files": (("package=less",), {"path": "/usr/bin/less"}),
    "package.repositories": ((), {"url": "file:/srv/packages", "trusted": True}),
    "package.verify": (("package=cron",), {}),
    "package.depends": (("package=cron",), {"kind": "Depends", "name": "libc6"}),
    "package.needed_by": (("package=libssl3",), {"name": "openssl"}),
    "network.dns_servers": ((), {}),
    "network.connections": (("port=22",), {"protocol": "tcp", "local_port": 22, "process": "sshd"}),
    "network.statistics": ((), {"counter": "IpInReceives"}),
    "service.dependencies": (("service=cron",), {"unit": "system.slice"}),
    "service.needed_by": (("service=dbus",), {}),
    "service.boot_time": ((), {"unit": "ssh.service"}),
    "service.sockets": ((), {"unit": "dbus.socket", "activates": "dbus.service"}),
    "service.show_unit": (("service=cron",), {"text": "[Unit]"}),
    "service.resources": ((), {"unit": "ssh.service"}),
    "firewall.status": ((), {}),
    "firewall.translations": ((), {}),
    "package.describe": (("package=hello",), {"name": "hello"}),
    "package.check": ((), {}),
    "package.chosen": ((), {"name": "cron"}),
    "package.held": ((), {"held": []}),
    "package.download_size": ((), {}),
    "network.route_to": (("address=203.0.113.9",), {"destination": "203.0.113.9", "interface": "eth0"}),
    "network.configuration": ((), {}),
    "network.routing_rules": ((), {"table": "main", "src": "all"}),
    "network.reverse_lookup": (("address=127.0.0.1",), {"name": "localhost"}),
    "service.at_boot": ((), {"unit": "cron.service", "state": "enabled"}),
    "service.boot_chain": ((), {"unit": "basic.target"}),
    "service.boot_duration": ((), {"part": "userspace"}),
    "service.default_target": ((), {"target": "graphical.target"}),
    "service.exposure": ((), {"unit": "ssh.service"}),
    "service.overrides": ((), {"kind": "masked", "path": "/etc/systemd/system/fstrim.timer"}),
}
"""Intent -> arguments, and what one of the rows holds (nothing: there may be no row)."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def session(tmp_path: Path, cache: Path, host: Host) -> Iterator[Session]:
    config = tmp_path / "ssh_config"
    config.write_text(host.ssh_config("root", "root"))
    with session_in(tmp_path, door="terminal", person=Approver(), cache=cache, ssh_configs=(config,)) as opened:
        yield opened


@pytest.mark.parametrize("name", READS)
def test_a_read_of_a_real_host_has_rows_that_fit_it(name: str, session: Session) -> None:
    arguments, expected = READS[name]

    answer = session.run_intent(name, list(arguments), Options(on="root"))

    assert answer.status is ExitStatus.DONE, (answer.fault, answer.outcomes)
    rows = answer.outcomes["root"][0].rows
    assert not expected or any(expected.items() <= dict(row).items() for row in rows), rows


def test_what_apt_did_stands_in_the_history(session: Session, host: Host) -> None:
    host.run_inside("apt-get", "-y", "-q", "install", "hello")
    host.run_inside("apt-get", "-y", "-q", "remove", "hello")

    answer = session.run_intent("package.history", [], Options(on="root"))

    done = [(row["action"], row["name"]) for row in answer.outcomes["root"][0].rows]
    assert ("install", "hello") in done
    assert ("remove", "hello") in done
