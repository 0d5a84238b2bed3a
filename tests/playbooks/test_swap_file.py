"""Swap files on a host. Swap belongs to the kernel, so to this machine: swapon and swapoff are stand-ins that keep a list."""

from pathlib import Path

import pytest

from executors.plan import Effect
from shell.exit_status import ExitStatus
from shell.road import Options
from shell.session import Session
from tests.support.hosts import Host, requires_hosts
from tests.support.playbook_runs import apply, assert_already_so, dry_run

pytestmark = [pytest.mark.sshd, requires_hosts]

SWAPON = """#!/bin/sh
case "$1" in
    --show=NAME) cat /run/swaps 2> /dev/null; exit 0 ;;
    *) blkid -p -t TYPE=swap "$1" > /dev/null && echo "$1" >> /run/swaps ;;
esac
"""
SWAPOFF = """#!/bin/sh
grep -vxF "$1" /run/swaps > /run/swaps.new
mv /run/swaps.new /run/swaps
"""
SIZE = ["size=16MiB"]


@pytest.fixture(autouse=True)
def swap_programs(host: Host) -> None:
    for name, text in (("swapon", SWAPON), ("swapoff", SWAPOFF)):
        path = host.path(f"usr/local/sbin/{name}")
        path.write_text(text)
        path.chmod(0o755)
    # A file of the tree below has attributes (chattr) that the copy beside it, in memory, can't have.
    host.path("etc/fstab").write_text("# none yet\n")


def test_swap_is_made_is_there_already_and_is_taken_back(host: Host, session: Session) -> None:
    before = host.snapshot()
    planned = dry_run(session, "disk.swap_setup", SIZE)
    assert planned.effect is Effect.CANNOT_KNOW
    assert "Make it swap" in planned.reason
    assert "+/swapfile none swap sw 0 0" in planned.diff
    assert before.difference(host.snapshot()) == []

    done = apply(session, "disk.swap_setup", SIZE)
    swap_file = host.path("swapfile")
    assert (swap_file.stat().st_size, swap_file.stat().st_mode & 0o777) == (16 << 20, 0o600)
    assert host.run_inside("blkid", "-p", "-o", "value", "-s", "TYPE", "/swapfile").stdout == "swap\n"
    assert host.path("run/swaps").read_text() == "/swapfile\n"
    assert_already_so(session, "disk.swap_setup", SIZE)

    undone = session.undo(done.record, Options())
    assert undone.status is ExitStatus.DONE, undone.fault
    assert host.path("run/swaps").read_text() == ""
    left = [line.split(":")[0] for line in before.difference(host.snapshot())]
    assert [path for path in left if not path.startswith("/etc/fstab.")] == [], (
        "all but the copies of fstab is as before"
    )
    assert_already_so(session, "disk.swap_remove", [])


def test_a_file_that_is_something_else_stays(host: Host, session: Session) -> None:
    for path, size in (("/precious", 5 << 20), ("/image", 16 << 20)):
        host.path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(size - 8))
    assert _is_refused(session, "disk.swap_setup", [*SIZE, "path=/precious"], "another size")
    assert _is_refused(session, "disk.swap_remove", ["path=/precious"], "no swap file")
    assert Path(host.path("/precious")).stat().st_size == 5 << 20


def _is_refused(session: Session, intent: str, pairs: list[str], why: str) -> bool:
    response = session.run_intent(intent, pairs, Options(on="ops", dry_run=True))
    return response.fault is not None and why in response.fault.message
