"""What goes wrong at each stage of an edit on a real host, and a sayso that is killed at each: old or new, never mixed."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from executors.ssh import SshTransport
from history.store import History
from shell.exit_status import ExitStatus
from shell.journal import cut_off_steps
from shell.road import Options
from tests.support.command import ROOT, Sayso
from tests.support.hosts import Host, requires_hosts
from tests.support.killed_edit import STAGES
from tests.support.sessions import Approver, session_in

pytestmark = [pytest.mark.sshd, requires_hosts]

PLACE = "/srv/faulty"
STORE = "/var/lib/sayso/backups"
FILE = f"{PLACE}/faulty.conf"
BEFORE = "".join(f"line {number}\n" for number in range(20_000))
"""More than one piece of an input (64 KiB), so that a write can break off in the middle."""
LINE = "the last one"
AFTER = f"{BEFORE}{LINE}\n"
PAIRS = [f"path={FILE}", f"line={LINE}"]


@pytest.fixture
def disks(host: Host) -> Iterator[None]:
    """A small file system for the file, and one for the backups."""
    host.run_inside("mkdir", "-p", PLACE, STORE)
    for folder, mode in ((PLACE, "755"), (STORE, "700")):
        host.run_inside("mount", "-t", "tmpfs", "-o", f"size=1m,mode={mode}", "sayso", folder)
    host.run_inside("tee", FILE, stdin=BEFORE)
    host.run_inside("chmod", "640", FILE)
    yield
    for folder in (PLACE, STORE):
        host.run_inside("umount", "--lazy", folder)


def content(host: Host) -> str:
    return host.run_inside("cat", FILE).stdout


def left_in(host: Host, folder: str) -> list[str]:
    """Return the temporary files of edits in a folder."""
    names = host.run_inside("ls", "-A", folder).stdout.split("\n")
    return [name for name in names if name.startswith((".sayso", ".part"))]


def fill(host: Host, folder: str) -> None:
    host.run_inside("dd", "if=/dev/zero", f"of={folder}/filler", "bs=4k", check=False)


def make_read_only(host: Host, folder: str) -> None:
    host.run_inside("mount", "-o", "remount,ro", folder)


def edit_with_fault(
    host: Host, folder: Path, stage: str, fault: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> tuple[ExitStatus, str, str]:
    """Return the exit status, the outcome's word and its message of an edit that meets a fault before a stage."""
    config = folder / "ssh_config"
    config.write_text(host.ssh_config("box", "root"))
    happened: list[str] = []
    plainly = SshTransport.run

    def run(transport: SshTransport, argv: tuple[str, ...], **options: object) -> object:
        if not happened and STAGES[stage](argv):
            happened.append(stage)
            fault()
        return plainly(transport, argv, **options)  # type: ignore[arg-type]  # handed on as they are

    monkeypatch.setattr(SshTransport, "run", run)
    with session_in(folder, door="terminal", person=Approver(), ssh_configs=(config,)) as session:
        response = session.run_intent("file.append_line", PAIRS, Options(on="box"))
    assert happened == [stage], response.fault
    (outcome,) = response.outcomes["box"]
    return response.status, outcome.status, outcome.message


@pytest.mark.parametrize(
    ("stage", "folder"),
    [("backup", STORE), ("backup's name", STORE), ("temporary file", PLACE), ("content", PLACE), ("replace", PLACE)],
)
@pytest.mark.parametrize("fault", ["No space left", "Read-only file system"])
def test_a_disk_that_fails_at_any_stage_leaves_the_file_whole(
    host: Host, disks: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, folder: str, fault: str
) -> None:
    del disks
    breaks = fill if fault == "No space left" else make_read_only
    status, word, message = edit_with_fault(host, tmp_path, stage, lambda: breaks(host, folder), monkeypatch)
    if fault == "No space left" and stage in {"backup's name", "replace"}:
        # All is written by then, and a new name for it needs no room.
        assert (status, word, content(host)) == (ExitStatus.DONE, "changed", AFTER), message
    else:
        assert (status, word, content(host)) == (ExitStatus.FAILED, "failed", BEFORE), message
        assert fault in message
    host.run_inside("mount", "-o", "remount,rw", folder)
    left = left_in(host, PLACE)
    if fault == "Read-only file system" and stage in {"content", "replace"}:
        assert len(left) == 1
        assert f'Then remove "{PLACE}/{left[0]}"' in message, "what can't be removed is named"
    else:
        assert left == []
    assert host.run_inside("stat", "-c", "%a", FILE).stdout == "640\n"


@pytest.mark.parametrize("stage", [*STAGES, "in the middle of the content"])
def test_a_kill_at_any_stage_leaves_old_or_new_and_recover_clears_up(
    host: Host, disks: None, tmp_path: Path, stage: str
) -> None:
    del disks
    sayso = Sayso(tmp_path)
    ssh = tmp_path / "home" / ".ssh"
    ssh.mkdir()
    config = ssh / "config"
    config.write_text(host.ssh_config("box", "root"))
    argv = [sys.executable, "-m", "tests.support.killed_edit", str(sayso.state.parent), str(config), stage, *PAIRS]
    killed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    was_replaced = stage == "synced"
    assert content(host) == (AFTER if was_replaced else BEFORE)
    sayso.state.mkdir(exist_ok=True)
    for written in (sayso.state.parent / "state").glob("history.db*"):
        written.rename(sayso.state / written.name)
    with History.open(sayso.history) as history:
        (left,) = cut_off_steps(history)
        assert (left.step.edit_path, history.verify().is_intact) == (FILE, True)

    listed = sayso.run("--json", "recover")
    assert listed.status == 1, listed.everything
    found: Mapping[str, str] = json.loads(listed.stdout)
    assert found["finding"] == ("done" if was_replaced else "not done")
    settled = sayso.run("--yes", "recover")
    assert (settled.status, "may still be there" in settled.everything) == (0, False), settled.everything
    assert [left_in(host, folder) for folder in (PLACE, STORE)] == [[], []]
    assert content(host) == (AFTER if was_replaced else BEFORE)
    assert host.run_inside("stat", "-c", "%a", FILE).stdout == "640\n"
