"""What goes wrong in the middle of a change on a real host: the outcome's word, the exit status, and what is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

from executors.recovery import Finding
from history.store import History
from shell.exit_status import ExitStatus
from shell.journal import cut_off_steps
from shell.response import Response
from shell.road import Options
from shell.session import Session
from tests.support.command import ROOT
from tests.support.host_slots import wait_for
from tests.support.hosts import Host, requires_hosts
from tests.support.killed_session import BOUNDARIES
from tests.support.sessions import Approver, session_in

pytestmark = [pytest.mark.sshd, requires_hosts]

FILE = "/etc/faulty.conf"
BEFORE, AFTER = "one\n", "one\ntwo\n"
EDIT = [f"path={FILE}", "line=two"]

Opener: TypeAlias = Callable[[Callable[[], object] | None], Session]
"""Opens a session whose person approves after something else happened."""


@pytest.fixture
def config(tmp_path: Path, host: Host) -> Path:
    path = tmp_path / "ssh_config"
    path.write_text(host.ssh_config("box", "root"))
    return path


@pytest.fixture
def open_session(tmp_path: Path, config: Path) -> Iterator[Opener]:
    opened: list[Session] = []

    def make(meanwhile: Callable[[], object] | None) -> Session:
        person = Approver(meanwhile=meanwhile)
        opened.append(session_in(tmp_path, door="terminal", person=person, ssh_configs=(config,)))
        return opened[-1]

    yield make
    for session in opened:
        session.close()


@pytest.fixture
def file(host: Host) -> Iterator[Path]:
    path = host.path(FILE)
    path.write_text(BEFORE)
    yield path
    path.unlink(missing_ok=True)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_after_a_kill_the_history_tells_what_was_begun(
    boundary: str, tmp_path: Path, config: Path, file: Path, open_session: Opener
) -> None:
    argv = [sys.executable, "-m", "tests.support.killed_session", str(tmp_path), str(config), boundary]
    killed = subprocess.run([*argv, "file.append_line", *EDIT], cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    was_changed = boundary in {"before end", "after end"}
    assert file.read_text() == (AFTER if was_changed else BEFORE)
    with History.open(tmp_path / "state" / "history.db") as history:
        assert history.verify().is_intact
        unknown = cut_off_steps(history)
        assert len(unknown) == (1 if boundary in {"after begin", "before end"} else 0)
        assert [(one.step.edit_path, one.is_running) for one in unknown] == [(FILE, False)] * len(unknown)
    finding = Finding.DONE if was_changed else Finding.NOT_DONE
    session = open_session(None)
    assert [session.examine(one).finding for one in unknown] == [finding] * len(unknown)


def test_after_a_kill_the_lock_on_the_host_is_free(
    tmp_path: Path, config: Path, file: Path, open_session: Opener
) -> None:
    argv = [sys.executable, "-m", "tests.support.killed_session", str(tmp_path), str(config), "after begin"]
    subprocess.run([*argv, "file.append_line", *EDIT], cwd=ROOT, capture_output=True, timeout=60, check=False)
    _expect(_append(open_session(None)), ExitStatus.DONE, "changed")
    assert file.read_text() == AFTER


def test_a_full_disk_fails_and_leaves_the_file_whole(host: Host, file: Path, open_session: Opener) -> None:
    try:
        response = _append(open_session(host.fill_disk))
    finally:
        host.empty_disk()
    _expect(response, ExitStatus.FAILED, "failed")
    assert "No space left" in response.outcomes["box"][0].message
    assert file.read_text() == BEFORE
    assert _candidates(host) == []


def test_a_read_only_file_system_fails(host: Host, file: Path, open_session: Opener) -> None:
    try:
        response = _append(open_session(lambda: host.set_read_only("/etc")))
        assert file.read_text() == BEFORE
    finally:
        host.set_writable("/etc")
    _expect(response, ExitStatus.FAILED, "failed")
    assert "Read-only file system" in response.outcomes["box"][0].message


def test_a_content_that_the_service_does_not_accept_is_not_put_in_place(host: Host, open_session: Opener) -> None:
    before = host.path("etc/ssh/sshd_config").read_bytes()
    pairs = ["path=/etc/ssh/sshd_config", "line=NoSuchSetting yes"]
    response = open_session(None).run_intent("file.append_line", pairs, Options(on="box"))
    _expect(response, ExitStatus.FAILED, "failed")
    assert host.path("etc/ssh/sshd_config").read_bytes() == before


def test_a_file_that_moved_since_the_plan_is_refused(file: Path, open_session: Opener) -> None:
    response = _append(open_session(lambda: file.write_text("three\n")))
    _expect(response, ExitStatus.REFUSED, "refused")
    assert file.read_text() == "three\n"


def test_of_two_runs_at_once_one_waits_or_is_refused_and_nothing_is_lost(file: Path, open_session: Opener) -> None:
    other = open_session(None)
    inner: list[Response] = []
    outer = open_session(
        lambda: inner.append(other.run_intent("file.append_line", [f"path={FILE}", "line=three"], Options(on="box")))
    )
    response = _append(outer)
    _expect(inner[0], ExitStatus.DONE, "changed")
    _expect(response, ExitStatus.REFUSED, "refused")
    assert file.read_text() == "one\nthree\n"


def test_a_connection_that_is_cut_before_the_step_is_unreachable(host: Host, file: Path, open_session: Opener) -> None:
    def cut() -> None:
        host.cut()
        host.drop_connections()

    session = open_session(cut)
    try:
        response = session.run_intent("file.append_line", EDIT, Options(on="box", timeout_s=3.0))
    finally:
        host.restore()
    assert response.status in {ExitStatus.UNREACHABLE, ExitStatus.FAILED}, response
    assert response.outcomes["box"][0].status in {"unreachable", "failed", "unknown"}
    assert file.read_text() == BEFORE


def test_a_connection_that_breaks_midway_leaves_the_outcome_unknown(host: Host, open_session: Opener) -> None:
    unit = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep 30\n"
    host.path("etc/systemd/system/slow.service").write_text(unit)
    host.run_inside("systemctl", "daemon-reload")

    def break_midway() -> None:
        wait_for("the start", lambda: _activity(host) == "activating", within_s=30.0)
        host.drop_connections()

    with ThreadPoolExecutor() as pool:
        breaking = pool.submit(break_midway)
        response = open_session(None).run_intent("service.start", ["service=slow.service"], Options(on="box"))
        breaking.result()
    host.run_inside("systemctl", "stop", "slow.service")
    _expect(response, ExitStatus.FAILED, "unknown")


@pytest.mark.parametrize("jump", [timedelta(days=40), timedelta(days=-40)], ids=["ahead", "back"])
def test_after_a_jump_of_the_clock_a_saved_plan_is_refused(
    jump: timedelta, tmp_path: Path, config: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = tmp_path / "append.plan"
    places = {"ssh_configs": (config,), "uid": os.geteuid()}
    with session_in(tmp_path, door="terminal", person=Approver(), **places) as session:
        planned = session.run_intent("file.append_line", EDIT, Options(on="box", dry_run=True))
        assert planned.plan is not None
        session.save_plan(planned.plan, saved, life=timedelta(hours=1))
        monkeypatch.setattr("shell.session._now", lambda: datetime.now(UTC) + jump)
        response = session.apply_file(saved, (), Options())
        assert response.status is ExitStatus.REFUSED, response
        assert file.read_text() == BEFORE
        monkeypatch.undo()
        assert session.apply_file(saved, (), Options()).status is ExitStatus.DONE, "the refusal used the plan up"
    assert file.read_text() == AFTER


def _activity(host: Host) -> str:
    return host.run_inside("systemctl", "is-active", "slow.service", check=False).stdout.strip()


def _append(session: Session) -> Response:
    return session.run_intent("file.append_line", EDIT, Options(on="box"))


def _expect(response: Response, status: ExitStatus, word: str) -> None:
    assert response.status is status, (response.fault, response.outcomes)
    assert [outcome.status for outcome in response.outcomes["box"]] == [word], response.outcomes


def _candidates(host: Host) -> list[str]:
    return [path.name for path in host.path("etc").iterdir() if path.name.startswith(".sayso-")]
