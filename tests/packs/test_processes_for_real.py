"""The vectors that act on a process, on a real one: its state before and after, and the inverse."""

import getpass
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from executors.command_planning import predicted_state
from executors.state import as_text, run_step, unmet
from intents.catalogue import Catalogue
from intents.intent import Intent, Read
from intents.parsers import parse_output
from intents.values import Json, Row

CATALOGUE = Catalogue.load()
LIMIT_S = 20.0


def rows_of(intent: Intent, read: Read, values: Mapping[str, Json]) -> list[Row]:
    step = run_step(intent, read.command, values, interrupt="kill")
    done = subprocess.run(step.argv, capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8"}, check=False)
    assert done.returncode in step.ok_exit_codes, done
    return parse_output(read.parser, done.stdout, read.columns)


def state_of(name: str, values: Mapping[str, Json]) -> Row:
    intent = CATALOGUE[name]
    assert intent.operation.state is not None
    rows = rows_of(intent, intent.operation.state, values)
    return rows[0] if rows else {}


def read(name: str, /, **values: Json) -> list[Row]:
    """Return what the read tells now."""
    intent = CATALOGUE[name]
    assert intent.operation.read is not None
    return rows_of(intent, intent.operation.read, values)


def change(name: str, **values: Json) -> tuple[Row, Row]:
    """Make a change as planned, and return the states before and after; the after is what was promised."""
    intent, operation = CATALOGUE[name], CATALOGUE[name].operation
    before = state_of(name, values)
    assert unmet(intent, operation.needs, values, before=None, now=before) == []
    assert unmet(intent, operation.expect, values, before=None, now=before) != []
    assert operation.change is not None
    subprocess.run(run_step(intent, operation.change, values, interrupt="wait").argv, check=True, capture_output=True)
    end = time.monotonic() + LIMIT_S
    while unmet(intent, operation.expect, values, before=before, now=(after := state_of(name, values))):
        assert time.monotonic() < end, after
        time.sleep(0.01)
    promised = predicted_state(intent, operation, values, before)
    assert {name: as_text(value) for name, value in after.items()} == {
        name: as_text(value) for name, value in promised.items()
    }
    return before, after


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that says when a signal HUP reached it."""
    program = (
        "import signal; signal.signal(signal.SIGHUP, lambda *_: print('hangup', flush=True)); print('up', flush=True)\n"
        "while True: signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        yield process
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("force", [False, True])
def test_a_process_ends_and_is_gone_before_its_parent_knows(child: subprocess.Popen[bytes], force: bool) -> None:  # noqa: FBT001 - a case
    before, after = change("process.end", pid=child.pid, force=force)
    assert before["pid"] == child.pid
    assert after == {}
    assert child.wait(timeout=LIMIT_S) == (-signal.SIGKILL if force else -signal.SIGTERM)


def test_pause_and_resume_are_each_others_inverse(child: subprocess.Popen[bytes]) -> None:
    before, paused = change("process.pause", pid=child.pid)
    assert (before["stopped"], paused["stopped"]) == (False, True)
    _, resumed = change("process.resume", pid=child.pid)
    assert resumed == before


def test_a_process_stands_back(child: subprocess.Popen[bytes]) -> None:
    before, after = change("process.set_priority", pid=child.pid, nice=7)
    assert (before["nice"], after["nice"], os.getpriority(os.PRIO_PROCESS, child.pid)) == (0, 7, 7)


def test_a_process_gets_another_limit_of_open_files_and_keeps_its_hard_one(child: subprocess.Popen[bytes]) -> None:
    before, after = change("process.set_limit", pid=child.pid, files=300)
    assert (after["soft"], after["hard"]) == (300, before["hard"])
    assert resource.prlimit(child.pid, resource.RLIMIT_NOFILE) == (300, before["hard"])
    _, back = change("process.set_limit", pid=child.pid, files=before["soft"])
    assert back == before


def test_who_has_a_file_open_is_found_and_so_is_the_file(tmp_path: Path) -> None:
    path = tmp_path / "two words"
    path.touch()
    nowhere = subprocess.DEVNULL
    with (
        path.open("rb") as file,
        subprocess.Popen(["sleep", "60"], stdin=file, stdout=nowhere, stderr=nowhere) as holder,
    ):
        try:
            (user,) = [row for row in read("process.using", path=str(path)) if row["pid"] == holder.pid]
            assert (user["user"], user["path"], user["count"]) == (getpass.getuser(), str(path), 1)
            assert str(path) in [row["path"] for row in read("process.open_files", pid=holder.pid)]
            path.unlink()
            assert [row["path"] for row in read("disk.deleted_open") if row["pid"] == holder.pid] == [str(path)]
        finally:
            holder.kill()


def test_a_process_is_found_by_its_command_line_and_stands_below_its_parent(child: subprocess.Popen[bytes]) -> None:
    assert child.pid in [row["pid"] for row in read("process.find", name="signal.SIGHUP")]
    (row,) = [row for row in read("process.tree") if row["pid"] == child.pid]
    assert row["parent"] == os.getpid()
    assert "signal.pause" in str(row["tree"])
    (info,) = read("process.info", pid=child.pid)
    assert (info["pid"], info["parent"], info["user_id"]) == (child.pid, os.getpid(), os.geteuid())


def test_a_zombie_is_stuck_until_its_parent_fetches_it(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert [row["state"] for row in read("process.stuck") if row["pid"] == child.pid] == ["Z"]
    child.wait(timeout=LIMIT_S)
    assert child.pid not in [row["pid"] for row in read("process.stuck")]


def test_a_signal_reaches_the_process_that_the_dry_run_shows(child: subprocess.Popen[bytes]) -> None:
    intent = CATALOGUE["process.signal"]
    values: dict[str, Json] = {"pid": child.pid, "signal": "HUP"}
    operation = intent.operation
    assert operation.simulate is not None
    assert [row["pid"] for row in rows_of(intent, operation.simulate, values)] == [child.pid]
    assert operation.change is not None
    subprocess.run(run_step(intent, operation.change, values, interrupt="wait").argv, check=True)
    assert child.stdout is not None
    assert child.stdout.readline() == b"hangup\n"


def test_another_process_with_the_same_number_has_another_state(child: subprocess.Popen[bytes]) -> None:
    """The start is what tells them apart: two that began at different times are never equal in it."""
    own = state_of("process.end", {"pid": os.getpid()})
    other = state_of("process.end", {"pid": child.pid})
    assert own["started"] != other["started"]
    assert state_of("process.end", {"pid": os.getpid()}) == own


def test_a_number_without_a_process_is_refused_or_already_so() -> None:
    with subprocess.Popen(["/bin/true"]) as gone:
        gone.wait(timeout=LIMIT_S)
    values: dict[str, Json] = {"pid": gone.pid}
    assert state_of("process.end", values) == {}
    intent = CATALOGUE["process.pause"]
    assert unmet(intent, intent.operation.needs, values, before=None, now={}) != []
