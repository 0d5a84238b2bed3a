"""What goes wrong in the middle of a playbook on a host: what the record tells, what is left, and what `sayso recover` says."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from executors.recovery import Finding
from history.store import History
from shell.exit_status import ExitStatus
from shell.journal import cut_off_steps
from shell.road import Options
from shell.session import Session
from tests.support.command import ROOT, Sayso
from tests.support.host_slots import wait_for
from tests.support.hosts import Host, requires_hosts
from tests.support.sessions import Approver, session_in

pytestmark = [pytest.mark.sshd, requires_hosts]

WAITS = "#!/bin/sh\ntouch /run/midway\nexec sleep 60\n"
"""A stand-in for mkswap, in whose middle the connection is cut."""
NO_SWAP = "#!/bin/sh\nexit 0\n"
RUN_LIMIT_S = 280.0
SWAP = ["size=16MiB", "path=/srv/swap"]
SITE = ["domain=www.example.org", "folder=/srv/www"]


@pytest.fixture
def command(tmp_path: Path) -> Sayso:
    return Sayso(tmp_path)


@pytest.fixture
def session(tmp_path: Path, command: Sayso, host: Host) -> Iterator[Session]:
    config = tmp_path / "ssh_config"
    config.write_text(host.ssh_config("ops", "ops"))
    places = {"ssh_configs": (config,), "history": command.history}
    with session_in(tmp_path, door="terminal", person=Approver(), **places) as opened:
        yield opened


def test_a_connection_that_is_cut_midway_leaves_what_was_done_until_then(
    host: Host, session: Session, command: Sayso
) -> None:
    for name, text in (("mkswap", WAITS), ("swapon", NO_SWAP)):
        host.path(f"usr/local/sbin/{name}").write_text(text)
        host.path(f"usr/local/sbin/{name}").chmod(0o755)

    def cut_midway() -> None:
        # Two dry runs go before it, each of a dozen tasks: how long that takes is the machine's matter.
        wait_for("the middle", lambda: host.path("run/midway").exists() or is_over.is_set(), within_s=RUN_LIMIT_S)
        host.drop_connections()

    is_over = threading.Event()
    with ThreadPoolExecutor() as pool:
        cutting = pool.submit(cut_midway)
        response = session.run_intent("disk.swap_setup", SWAP, Options(on="ops"))
        is_over.set()
        cutting.result()
    host.run_inside("rm", "/usr/local/sbin/mkswap", "/usr/local/sbin/swapon")

    (outcome,) = response.outcomes["ops"]
    assert outcome.status == "unknown", outcome
    told = outcome.stdout.splitlines()
    assert "changed: Take the space" in told
    assert told[-1] == "cut off: Make it swap"

    with History.open(command.history) as history:
        (cut_off,) = cut_off_steps(history)
    assert cut_off.ended["stdout"] == outcome.stdout
    examined = session.examine(cut_off)
    assert examined.finding is Finding.CANNOT_KNOW, "mkswap is a command, of which a dry run can tell nothing"
    assert "Make it swap" in examined.reason
    assert "Take the space" not in examined.reason

    shown = command.run("recover")
    assert shown.status == 1
    lines = [line.strip() for line in shown.stdout.splitlines()]
    assert lines[-1] == "cut off: Make it swap"
    assert "changed: Take the space" in lines


def test_a_task_that_fails_midway_is_taken_back_and_the_record_tells_the_tasks(
    host: Host, session: Session, command: Sayso
) -> None:
    host.run_inside("mkdir", "/srv/www")
    broken = host.path("etc/nginx/conf.d/broken.conf")
    broken.write_text("no_such_setting yes;\n")
    before = host.snapshot()
    response = session.run_intent("web.install_site", SITE, Options(on="ops"))
    assert response.status is ExitStatus.FAILED, response
    (outcome,) = response.outcomes["ops"]
    assert outcome.status == "failed"
    assert "the site from before is back" in outcome.message
    told = outcome.stdout.splitlines()
    assert told.index("changed: Write the site") < told.index("failed: Check the whole configuration")
    assert told.index("failed: Check the whole configuration") < told.index("changed: Remove the site")
    assert before.difference(host.snapshot()) == []
    with History.open(command.history) as history:
        (ended,) = [event for event in history.events(response.record or 0) if event.kind == "step_end"]
    assert ended.payload["stdout"] == outcome.stdout
    broken.unlink()


@pytest.mark.parametrize(("boundary", "finding"), [("after begin", Finding.NOT_DONE), ("before end", Finding.DONE)])
def test_after_a_kill_the_dry_run_tells_whether_a_playbook_was_done(
    boundary: str, finding: Finding, tmp_path: Path, host: Host
) -> None:
    host.run_inside("rm", "-rf", "/etc/systemd/journald.conf.d")
    config = tmp_path / "ssh_config"
    config.write_text(host.ssh_config("box", "root"))
    argv = [sys.executable, "-m", "tests.support.killed_session", str(tmp_path), str(config), boundary]
    change = ["log.limit_journal", "size=100M"]
    killed = subprocess.run([*argv, *change], cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with History.open(tmp_path / "state" / "history.db") as history:
        (cut_off,) = cut_off_steps(history)
    with session_in(tmp_path, door="terminal", person=Approver(), ssh_configs=(config,)) as session:
        assert session.examine(cut_off).finding is finding
