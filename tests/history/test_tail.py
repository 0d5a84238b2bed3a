"""Before anything is written after a history, its end is what was written, and as long as it was."""

import sqlite3
from pathlib import Path

import pytest

from history.anchor import anchor_of, keep_anchor, read_anchor
from history.errors import HistoryTampered
from history.event import Head, build_event
from history.schema import EVENTS_OBJECTS
from history.store import History
from history.tail import TAIL_EVENTS

TRIGGERS = [name for name, statement in EVENTS_OBJECTS.items() if "TRIGGER" in statement]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A history of five records, closed."""
    path = tmp_path / "history.db"
    with History.open(path) as history:
        add_records(history, 5)
    return path


def add_records(history: History, count: int) -> None:
    for number in range(count):
        record = history.new_record({"request": f"request {number}"})
        history.append("plan", record, {"number": number})
        history.append("end", record, {"status": 0})


def tamper(path: Path, *statements: str, triggers_come_back: bool = True) -> None:
    connection = sqlite3.connect(path)
    for name in TRIGGERS:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    for name in TRIGGERS if triggers_come_back else ():
        connection.execute(EVENTS_OBJECTS[name])
    connection.commit()
    connection.close()


def test_an_untouched_history_opens_and_its_head_is_kept(path: Path) -> None:
    with History.open(path) as history:
        assert history.kept_head() == history.head()
    assert anchor_of(path).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET body = replace(body, 'request 4', 'request 5') WHERE number = 13",
        "UPDATE events SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE number = 15",
        "DELETE FROM events WHERE number = 12",
    ],
)
def test_a_change_near_the_end_is_refused_when_it_is_opened_for_writing(path: Path, statement: str) -> None:
    tamper(path, statement)
    with pytest.raises(HistoryTampered, match="not what was written"):
        History.open(path)
    with History.open(path, read_only=True) as history:
        assert not history.verify().is_intact


def test_a_missing_trigger_is_refused(path: Path) -> None:
    tamper(path, triggers_come_back=False)
    with pytest.raises(HistoryTampered, match="missing from the schema"):
        History.open(path)


def test_a_cut_end_with_its_count_is_refused(path: Path) -> None:
    tamper(path, "DELETE FROM events WHERE number > 12", "UPDATE sqlite_sequence SET seq = 12 WHERE name = 'events'")
    with pytest.raises(HistoryTampered, match="ends with event 12, and had 15"):
        History.open(path)


def test_a_rewritten_end_is_refused(path: Path) -> None:
    """Who recomputes the last event makes a chain that agrees with itself, and not with what was kept."""
    connection = sqlite3.connect(path)
    (before,) = connection.execute("SELECT hash FROM events WHERE number = 14").fetchone()
    connection.close()
    event, body = build_event(Head(14, before), "end", 13, {"status": 1})
    told = f"hash = '{event.hash}', body = '{body.decode()}'"
    tamper(path, f"UPDATE events SET {told} WHERE number = 15")  # noqa: S608 - our own words
    with pytest.raises(HistoryTampered, match="event 15 is another"):
        History.open(path)


@pytest.mark.parametrize("how", ["emptied", "removed"])
def test_an_emptied_or_removed_history_is_not_begun_anew(path: Path, how: str) -> None:
    for beside in (path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        beside.unlink(missing_ok=True)
    path.unlink()
    if how == "emptied":
        path.touch(mode=0o600)
    for read_only in (False, True):
        with pytest.raises(HistoryTampered, match="was emptied or removed: it had 15 events") as caught:
            History.open(path, read_only=read_only)
        assert str(anchor_of(path)) in caught.value.remedy
    anchor_of(path).unlink()
    with History.open(path) as history:  # who means it says so
        assert history.head() is None


def test_an_empty_file_without_a_past_is_a_new_history(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.touch(mode=0o600)
    with History.open(path) as history:
        assert history.head() is None


def test_an_older_kept_head_is_no_fault(path: Path) -> None:
    """A crash between an event and its head, or another process's later record, leaves an older one."""
    with History.open(path, read_only=True) as history:
        first = history.events(1)[-1]
    keep_anchor(path, Head(first.number, first.hash))
    with History.open(path) as history:
        assert history.kept_head() == Head(first.number, first.hash)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"number": true, "hash": "x"}', b"\xff" * 2000])
def test_a_head_that_cannot_be_read_says_nothing(path: Path, content: bytes) -> None:
    anchor_of(path).write_bytes(content)
    assert read_anchor(path) is None
    History.open(path).close()


def test_only_the_end_is_read(path: Path) -> None:
    """What is far from the end is for `verify`: opening a long history must cost no more than a short one."""
    with History.open(path) as history:
        add_records(history, TAIL_EVENTS)
    tamper(path, "UPDATE events SET body = body || ' ' WHERE number = 2")
    with History.open(path) as history:
        assert not history.verify().is_intact
