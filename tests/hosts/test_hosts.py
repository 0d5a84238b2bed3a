"""The hosts that the tests stand on: what they show is true, and nothing of them stays."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import ROOT
from tests.support.host_slots import Slot, ip, remove_leftovers
from tests.support.hosts import Host, light_host, requires_hosts, several_hosts, systemd_host

pytestmark = [pytest.mark.sshd, requires_hosts]


def test_a_snapshot_shows_every_kind_of_change_and_no_change_as_none() -> None:
    with systemd_host() as host:
        before = host.snapshot()
        assert before.difference(host.snapshot()) == []
        for argv in (
            ("cp", "/etc/hosts", "/etc/new"),
            ("chmod", "0700", "/opt"),
            ("setfacl", "-m", "u:ops:r", "/etc/issue"),
            ("rm", "-r", "/etc/nginx"),
            ("mkdir", "/etc/nginx"),
            ("systemctl", "stop", "cron"),
            ("nft", "add", "table", "ip", "planted"),
        ):
            host.run_inside(*argv)
        lines = before.difference(host.snapshot())
        shown = {line.partition(":")[0] for line in lines}
        assert shown >= {"/etc/new", "/opt", "/etc/issue", "/etc/nginx/nginx.conf", "unit cron.service", "packet rules"}
        assert "/etc/nginx" not in shown, "the folder itself is as it was"
        host.run_inside("rm", "/etc/new")
        assert not any(line.startswith("/etc/new:") for line in before.difference(host.snapshot()))


def test_a_reboot_keeps_the_files_and_a_cut_ends_with_its_restore() -> None:
    with systemd_host() as host:
        host.path("root/kept").write_text("kept")
        host.reboot()
        assert host.transport().run(["cat", "/root/kept"]).stdout == b"kept"
        host.cut()
        assert not _answers(host)
        host.restore()
        assert _answers(host)


def test_several_hosts_of_both_kinds_run_at_once() -> None:
    with several_hosts(systemd=1, light=3) as hosts:
        assert len({host.address.hostname for host in hosts}) == len(hosts)
        assert [host.target("ops").facts["init"] for host in hosts] == ["systemd", "none", "none", "none"]
        assert all(host.transport("ops").run(["id", "-u"], as_user="root").stdout == b"0\n" for host in hosts)


def test_nothing_of_a_host_stays() -> None:
    with light_host() as host:
        slot = host.slot
        assert slot.folder.exists()
    _assert_gone(slot)


def test_nothing_of_a_host_stays_when_its_owner_is_killed() -> None:
    script = (
        "import os, signal\nfrom tests.support.hosts import systemd_host\n"
        "with systemd_host() as host:\n    print(host.slot.number, flush=True)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    slot = Slot(int(killed.stdout))
    remove_leftovers()
    _assert_gone(slot)


def _answers(host: Host) -> bool:
    argv = ["ssh-keyscan", "-T", "2", "-t", "ed25519", host.address.hostname]
    return b"ssh-ed25519" in subprocess.run(argv, capture_output=True, check=False).stdout


def _assert_gone(slot: Slot) -> None:
    assert not slot.folder.exists()
    assert not ip("link", "show", slot.link)
    assert not any(group.exists() for group in slot.control_groups)
    assert str(slot.folder) not in Path("/proc/self/mountinfo").read_text()
    routes = subprocess.run(["ip", "route", "show", "table", "all"], capture_output=True, text=True, check=True).stdout
    assert f"{slot.address} " not in routes
