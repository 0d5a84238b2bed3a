"""A fresh host becomes ours: the administrator's key lets in, and the second time there is nothing to do."""

from dataclasses import replace

import pytest

from executors.ssh import SshTransport
from shell.session import Session
from tests.support.hosts import Host, requires_hosts
from tests.support.playbook_runs import apply, assert_already_so, dry_run

pytestmark = [pytest.mark.sshd, pytest.mark.slow, requires_hosts]

CLOCK_LEFT_ALONE = "[Unit]\nConditionCapability=\n[Service]\nExecStart=\nExecStart=!/usr/sbin/chronyd -x\n"
"""A host of the tests may not set the clock, which `chronyd -x` doesn't try."""


def test_a_fresh_host_is_made_ours_and_then_there_is_nothing_left_to_do(host: Host, session: Session) -> None:
    drop_in = host.path("etc/systemd/system/chrony.service.d/tests.conf")
    drop_in.parent.mkdir()
    drop_in.write_text(CLOCK_LEFT_ALONE)
    host.run_inside("systemctl", "unmask", "apt-daily.timer", "apt-daily-upgrade.timer")
    key = host.path("root/.ssh/authorized_keys").read_text().strip()
    pairs = ["name=fresh", "admin=boss", f"key={key}", "timezone=Europe/Berlin"]
    before = host.snapshot()
    planned = dry_run(session, "host.bootstrap", pairs, on="box")
    assert "+PasswordAuthentication no" in planned.diff
    assert before.difference(host.snapshot()) == []

    apply(session, "host.bootstrap", pairs, on="box")
    assert host.run_inside("hostname").stdout == "fresh\n"
    assert host.path("etc/localtime").readlink().name == "Berlin"
    assert host.run_inside("systemctl", "is-active", "chrony", "apt-daily-upgrade.timer").stdout == "active\nactive\n"
    assert "passwordauthentication no" in host.run_inside("sshd", "-T").stdout
    boss = SshTransport(replace(host.address, user="boss"))
    assert boss.run(["true"], as_user="root").exit_code == 0
    boss.close()
    assert_already_so(session, "host.bootstrap", pairs, on="box")
