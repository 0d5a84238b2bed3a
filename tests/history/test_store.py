import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from history.canonical import Json, plain
from history.errors import HistoryTampered
from history.event import GENESIS, Head
from history.store import History


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sayso" / "history.db"


@pytest.fixture
def history(path: Path) -> Iterator[History]:
    with History.open(path) as opened:
        yield opened


def test_a_record_has_the_number_of_its_first_event(history: History) -> None:
    first = history.new_record({"request": "one"})
    history.append("plan", first, {})
    second = history.new_record({"request": "two"})
    history.append("end", first, {})
    assert (first, second) == (1, 3)
    assert [event.number for event in history.events(first)] == [1, 2, 4]
    assert [event.record for event in history.events(second)] == [3]
    assert history.last_record() == 3


def test_an_event_is_read_back_as_it_was_returned(history: History) -> None:
    record = history.new_record({"request": "one"})
    event = history.append("plan", record, {"a": [1, 2.5, None, "é"], "big": 2**60})
    assert history.events(record)[1] == event
    assert event.payload == {"a": [1, 2.5, None, "é"], "big": str(2**60)}


def test_events_hold_the_hash_of_the_one_before(history: History) -> None:
    record = history.new_record({})
    history.append("plan", record, {})
    history.append("end", record, {})
    events = history.events(record)
    assert [event.previous for event in events] == [GENESIS, events[0].hash, events[1].hash]
    assert history.head() == Head(3, events[2].hash)


def test_time_is_utc_and_the_monotonic_clock_goes_on(history: History) -> None:
    record = history.new_record({})
    history.append("end", record, {})
    first, second = history.events(record)
    assert first.utc.endswith("Z")
    assert first.utc < second.utc
    assert first.monotonic_ns < second.monotonic_ns


def test_an_empty_history_has_nothing(history: History) -> None:
    assert history.last_record() is None
    assert history.head() is None
    assert list(history.records()) == []
    assert list(history.events(1)) == []
    assert list(history.unfinished()) == []
    assert history.verify().is_intact


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.text("abcxyz_ \u20ac\x00\ud800", max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=5,
    )
)
def test_every_payload_survives(tmp_path_factory: pytest.TempPathFactory, payload: dict[str, Json]) -> None:
    with History.open(tmp_path_factory.mktemp("history") / "history.db") as history:
        record = history.new_record(payload)
        assert history.events(record)[0].payload == plain(payload)
        assert history.verify().is_intact


@pytest.mark.parametrize("statement", ["UPDATE events SET hash = hash", "DELETE FROM events"])
def test_any_tool_that_changes_an_event_is_refused(history: History, path: Path, statement: str) -> None:
    history.new_record({})
    with sqlite3.connect(path) as other, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        other.execute(statement)
    other.close()


@pytest.mark.parametrize("number", [1, 3, 0, -1])
@pytest.mark.parametrize("verb", ["INSERT", "INSERT OR REPLACE"])
def test_an_event_only_comes_with_the_next_number(history: History, path: Path, number: int, verb: str) -> None:
    history.new_record({})
    with sqlite3.connect(path) as other, pytest.raises(sqlite3.IntegrityError, match="next number"):
        other.execute(f"{verb} INTO events (number, hash, body) VALUES (?, ?, '{{}}')", (number, GENESIS))
    other.close()


def test_any_sqlite_tool_can_read_the_generated_columns(history: History, path: Path) -> None:
    record = history.new_record({"request": "one"})
    begun = history.append("step_begin", record, {"host": "web1"})
    history.append("step_end", record, {"begun": begun.number})
    other = sqlite3.connect(path)
    rows = other.execute("SELECT number, record, kind, begun, utc, previous FROM events ORDER BY number").fetchall()
    other.close()
    events = history.events(record)
    assert [row[:4] for row in rows] == [
        (1, 1, "request", None),
        (2, 1, "step_begin", None),
        (3, 1, "step_end", 2),
    ]
    assert [row[4:] for row in rows] == [(event.utc, event.previous) for event in events]


def test_an_unknown_record_or_kind_is_refused_and_writes_nothing(history: History) -> None:
    record = history.new_record({})
    history.append("plan", record, {})
    for wrong in (0, 2, 99):
        with pytest.raises(ValueError, match="no record"):
            history.append("plan", wrong, {})
    with pytest.raises(ValueError, match="kind"):
        history.append('x","number":1', record, {})
    with pytest.raises(TypeError):
        history.append("plan", record, {"a": b"bytes"})  # bytes are a Sequence[int] to mypy
    assert history.head() == Head(2, history.events(record)[-1].hash)


def test_threads_share_one_history(history: History) -> None:
    record = history.new_record({})

    def write() -> None:
        for _ in range(20):
            history.append("plan", record, {"thread": threading.get_ident()})

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(history.events(record)) == 161
    assert history.verify().is_intact


def test_files_are_private_under_any_umask(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        with History.open(tmp_path / "a" / "b" / "history.db") as history:
            history.new_record({})
            modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in (tmp_path / "a").rglob("*")}
    finally:
        os.umask(previous)
    assert modes == {"b": 0o700, "history.db": 0o600, "history.db-wal": 0o600, "history.db-shm": 0o600}
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


def test_a_file_that_others_may_read_is_tightened(history: History, path: Path) -> None:
    path.chmod(0o644)
    History.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_audit_rows_are_synced_and_written_ahead(history: History) -> None:
    pragmas = [history._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]
    assert pragmas == [2, "wal"]
    assert history._connection.execute("PRAGMA busy_timeout").fetchone()[0] == 30_000
    assert history._connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1


def test_reading_an_altered_event_says_so(history: History, path: Path) -> None:
    record = history.new_record({"request": "one"})
    history.append("plan", record, {"a": 1})
    history.append("end", record, {})
    other = sqlite3.connect(path)
    other.execute("DROP TRIGGER events_never_change")
    other.execute("UPDATE events SET body = replace(body, '\"a\":1', '\"a\":2') WHERE number = 2")
    other.commit()
    other.close()
    with pytest.raises(HistoryTampered) as caught:
        history.events(record)
    assert caught.value.number == 2


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("UPDATE events SET body = body || ' ' WHERE number = 3", "altered"),
        ("DELETE FROM events WHERE number = 3", "removed"),
        ("DELETE FROM events", "removed"),
    ],
)
def test_nothing_is_written_after_an_end_that_was_tampered_with(
    history: History, path: Path, statement: str, word: str
) -> None:
    record = history.new_record({"request": "one"})
    history.append("plan", record, {})
    history.append("end", record, {})
    other = sqlite3.connect(path)
    other.executescript("DROP TRIGGER events_never_change; DROP TRIGGER events_never_go;" + statement)
    other.close()
    with pytest.raises(HistoryTampered, match=word):
        history.new_record({"request": "two"})


def test_what_many_threads_write_at_once_is_whole_in_one_chain_and_each_fault_is_its_own(tmp_path: Path) -> None:
    with History.open(tmp_path / "history.db") as history, ThreadPoolExecutor(max_workers=16) as pool:
        record = history.new_record({"request": "r", "user": "u"})
        missing = pool.map(lambda _: _fault_of(lambda: history.append("note", 10_000, {})), range(8))
        events = list(pool.map(lambda number: history.append("note", record, {"number": number}), range(200)))
        assert [type(fault) for fault in missing] == [ValueError] * 8
        kept = history.events(record)[1:]
        assert sorted(event.number for event in events) == [event.number for event in kept]
        assert {event.number: event.payload for event in events} == {event.number: event.payload for event in kept}
        assert history.verify().is_intact


def _fault_of(call: Callable[[], object]) -> Exception | None:
    try:
        call()
    except Exception as fault:  # noqa: BLE001 - which it is, is what the test asks
        return fault
    return None
