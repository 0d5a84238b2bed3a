"""Several processes on one history, and what a killed one leaves."""

import signal
import subprocess
import sys
from pathlib import Path

from history.store import History

ROOT = Path(__file__).parents[2]

WRITER = """
import sys
from pathlib import Path
from history.store import History

path, name, count = sys.argv[1:]
print("ready", flush=True)
sys.stdin.read(1)
with History.open(Path(path)) as history:
    print("open", flush=True)
    sys.stdin.read(1)
    record = history.new_record({"request": name})
    for place in range(int(count) - 1):
        history.append("plan", record, {"place": place})
"""

ENDLESS = """
import sys
from pathlib import Path
from history.recording import Recording
from history.store import History

with History.open(Path(sys.argv[1])) as history:
    recording = Recording.begin(history, {"request": "endless"})
    while True:
        begun = recording.begin_step({"host": "web1"})
        print(begun, flush=True)
        recording.end_step(begun, {"status": "changed"})
"""


def _start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_eight_writers_lose_nothing_and_keep_their_order(tmp_path: Path) -> None:
    """They also race to create the file: there is none when they start."""
    path = tmp_path / "new" / "history.db"
    writers = [_start(WRITER, str(path), f"writer {number}", "50") for number in range(8)]
    for word in ("ready\n", "open\n"):
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == word
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write(".")
            writer.stdin.flush()
    for writer in writers:
        writer.communicate()
    assert [writer.returncode for writer in writers] == [0] * 8
    with History.open(path, read_only=True) as history:
        report = history.verify()
        summaries = history.records()
        places = [[event.payload["place"] for event in history.events(one.record)[1:]] for one in summaries]
    assert report.is_intact
    assert report.event_count == 400
    assert sorted(one.request for one in summaries) == [f"writer {number}" for number in range(8)]
    assert places == [list(range(49))] * 8


def test_a_killed_writer_loses_no_begun_marker_and_leaves_a_valid_chain(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    History.open(path).close()
    for round_number in range(1, 16):
        writer = _start(ENDLESS, str(path))
        assert writer.stdout is not None
        printed = [writer.stdout.readline() for _ in range(round_number)]
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate()
        last = int([*printed, *(line + "\n" for line in rest.split("\n")[:-1])][-1])
        with History.open(path) as history:
            assert history.verify().is_intact
            newest = history.last_record()
            assert newest is not None
            events = {event.number: event for event in history.events(newest)}
            assert events[last].kind == "step_begin"
            # At most the step that was under way is without an end.
            unfinished = [event.number for event in history.unfinished() if event.record == newest]
            assert unfinished in ([], [max(number for number, event in events.items() if event.kind == "step_begin")])


def test_a_step_killed_before_its_end_is_listed_as_unfinished(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    script = ENDLESS.replace("recording.end_step", "sys.stdin.read(1); recording.end_step")
    writer = _start(script, str(path))
    assert writer.stdout is not None
    begun = int(writer.stdout.readline())
    writer.kill()
    writer.communicate()
    with History.open(path, read_only=True) as history:
        assert [event.number for event in history.unfinished()] == [begun]
        assert history.verify().is_intact
