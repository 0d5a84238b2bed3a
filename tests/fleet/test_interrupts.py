"""Ctrl-C and SIGTERM to a real sayso over real hosts: what was begun finishes, what may be cut off is, nothing is guessed."""

import json
import select
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from history.errors import HistoryError
from history.store import History
from tests.support.command import LIMIT_S, Sayso
from tests.support.fleet import MISSING, Fleet

pytestmark = [pytest.mark.sshd, pytest.mark.skipif(bool(MISSING), reason=str(MISSING))]


@pytest.fixture
def sayso(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, fleet: Fleet) -> Sayso:
    command = Sayso(tmp_path, cache=tmp_path_factory.getbasetemp() / "sayso-cache")
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    known = fleet.folder / "user" / ".ssh" / "known_hosts"
    (tmp_path / "home" / ".ssh" / "known_hosts").write_bytes(known.read_bytes())
    return command


def wait_for_steps(sayso: Sayso, count: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until so many steps have been begun, as the history says."""
    limit = time.monotonic() + LIMIT_S
    while time.monotonic() < limit:
        assert process.poll() is None, process.communicate()
        # Until it is made it can't be read.
        with suppress(HistoryError), History.open(sayso.history, read_only=True) as history:
            if len(history.unfinished()) >= count:
                return
        select.select([], [], [], 0.05)
    raise AssertionError("no step was begun")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_the_host_finish_and_begins_no_other(
    sayso: Sayso, fleet: Fleet, number: signal.Signals
) -> None:
    path = fleet.write("signal.conf", "a\n", names=("h1", "h2", "h3"))
    for name in ("h1", "h2", "h3"):
        (fleet.own(name) / "signal.conf").chmod(0o644)
    words = ("--json", "--yes", "--inventory", str(fleet.inventory), "--on", "h1,h2,h3", "run", "file.set_mode")
    with (
        fleet.fault("h1", "slow", "chmod", 10),
        sayso.start(*words, f"path={path}", "mode=600") as process,
    ):
        wait_for_steps(sayso, 1, process)
        process.send_signal(number)
        out, said = process.communicate(timeout=LIMIT_S)
    answer = json.loads(out)
    ends = {host: some[-1]["not_begun"] or some[-1]["status"] for host, some in answer["outcomes"].items()}
    assert ends == {"h1": "changed", "h2": "interrupt", "h3": "interrupt"}
    assert process.returncode == 130
    assert b"Traceback" not in said
    modes = [(fleet.own(name) / "signal.conf").stat().st_mode & 0o777 for name in ("h1", "h2", "h3")]
    assert modes == [0o600, 0o644, 0o644]
    assert sayso.run("history", "verify").status == 0


def test_further_signals_end_it_at_once_and_it_is_recorded_as_unknown(sayso: Sayso, fleet: Fleet) -> None:
    path = fleet.write("thrice.conf", "a\n", names=("h1", "h2"))
    words = ("--json", "--yes", "--inventory", str(fleet.inventory), "--on", "h1,h2", "run", "file.set_mode")
    with (
        fleet.fault("h1", "slow", "chmod", 30),
        sayso.start(*words, f"path={path}", "mode=600") as process,
    ):
        wait_for_steps(sayso, 1, process)
        started = time.monotonic()
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            select.select([], [], [], 0.2)  # signals of one kind that wait are one
        out, said = process.communicate(timeout=LIMIT_S)
    answer = json.loads(out)
    assert time.monotonic() - started < 20
    assert answer["outcomes"]["h1"][0]["status"] == "unknown"
    assert answer["outcomes"]["h2"][0]["not_begun"] == "interrupt"
    assert process.returncode == 130
    assert b"Traceback" not in said
    with History.open(sayso.history, read_only=True) as history:
        assert [event.payload["host"] for event in history.unresolved()] == ["h1"]
