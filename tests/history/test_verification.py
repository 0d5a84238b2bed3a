import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from history.errors import HistoryError
from history.event import Head, build_event
from history.recording import Recording
from history.schema import EVENTS_OBJECTS
from history.store import History
from history.verification import VerifyReport

EVENT_COUNT = 40
TRIGGERS = [name for name, statement in EVENTS_OBJECTS.items() if "TRIGGER" in statement]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("original") / "history.db"
    with History.open(path) as history:
        for number in range(EVENT_COUNT // 4):
            recording = Recording.begin(history, {"request": f"restart nginx {number} é", "user": "al"})
            begun = recording.begin_step({"host": "web1", "run": ["systemctl", "restart", "nginx.service"]})
            recording.end_step(begun, {"status": "changed", "stdout": "x" * number})
            recording.add("end", {"status": 0})
    return path


def _tampered(original: Path, folder: Path, change: Callable[[sqlite3.Connection], None]) -> VerifyReport:
    """Change a copy as somebody with the file in hand would: triggers and checks off, triggers put back after."""
    copy = folder / "history.db"
    copy.write_bytes(original.read_bytes())
    connection = sqlite3.connect(copy)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    for name in TRIGGERS:
        connection.execute(f"DROP TRIGGER {name}")
    change(connection)
    for name in TRIGGERS:
        connection.execute(EVENTS_OBJECTS[name])
    connection.commit()
    connection.close()
    with History.open(copy, read_only=True) as history:
        return history.verify()


def _numbers(report: VerifyReport) -> set[int | None]:
    return {fault.number for fault in report.faults}


def _change_one_byte(chance: random.Random, number: int) -> tuple[str, Callable[[sqlite3.Connection], None]]:
    column = chance.choice(["body", "hash"])

    def change(connection: sqlite3.Connection) -> None:
        (stored,) = connection.execute(
            f"SELECT CAST({column} AS BLOB) FROM events WHERE number = ?",  # noqa: S608 - one of two words
            (number,),
        ).fetchone()
        place = chance.randrange(len(stored))
        kind = chance.choice(["replace", "remove", "insert"])
        other = chance.choice([byte for byte in range(256) if byte != stored[place]])
        new = {
            "replace": stored[:place] + bytes([other]) + stored[place + 1 :],
            "remove": stored[:place] + stored[place + 1 :],
            "insert": stored[:place] + bytes([other]) + stored[place:],
        }[kind]
        connection.execute(f"UPDATE events SET {column} = CAST(? AS TEXT) WHERE number = ?", (new, number))  # noqa: S608 - as above

    return column, change


def test_the_original_is_intact(original: Path) -> None:
    with History.open(original, read_only=True) as history:
        report = history.verify()
        assert report.is_intact
        assert report.event_count == EVENT_COUNT
        assert report.head == history.head()


@pytest.mark.parametrize("seed", range(10))
def test_any_changed_byte_is_found_and_named(original: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - trials, not secrets
    for _ in range(30):
        number = chance.randint(1, EVENT_COUNT)
        column, change = _change_one_byte(chance, number)
        report = _tampered(original, tmp_path, change)
        assert number in _numbers(report), (seed, number, column)
        assert {fault.kind for fault in report.faults} == {"altered"}


@pytest.mark.parametrize("number", range(1, EVENT_COUNT + 1))
def test_a_removed_event_is_found_and_named(original: Path, tmp_path: Path, number: int) -> None:
    report = _tampered(
        original,
        tmp_path,
        lambda connection: connection.execute("DELETE FROM events WHERE number = ?", (number,)).close(),
    )
    assert [(fault.kind, fault.number) for fault in report.faults] == [("removed", number)]


def test_a_removed_stretch_is_one_fault(original: Path, tmp_path: Path) -> None:
    report = _tampered(
        original, tmp_path, lambda connection: connection.execute("DELETE FROM events WHERE number > 30").close()
    )
    assert [fault.message for fault in report.faults] == ["events 31 to 40 were removed"]


@pytest.mark.parametrize("seed", range(30))
def test_swapped_events_are_found_and_named(original: Path, tmp_path: Path, seed: int) -> None:
    one, other = random.Random(seed).sample(range(1, EVENT_COUNT + 1), 2)  # noqa: S311 - trials, not secrets

    def swap(connection: sqlite3.Connection) -> None:
        for source, target in ((one, 1000), (other, one), (1000, other)):
            connection.execute("UPDATE events SET number = ? WHERE number = ?", (target, source))

    report = _tampered(original, tmp_path, swap)
    assert {(fault.kind, fault.number) for fault in report.faults} >= {("reordered", one), ("reordered", other)}


@pytest.mark.parametrize("number", [1, 17, EVENT_COUNT])
@pytest.mark.parametrize("new", [-5, 0, 100])
def test_a_changed_number_is_found(original: Path, tmp_path: Path, number: int, new: int) -> None:
    report = _tampered(
        original,
        tmp_path,
        lambda connection: connection.execute("UPDATE events SET number = ? WHERE number = ?", (new, number)).close(),
    )
    assert ("reordered", new) in {(fault.kind, fault.number) for fault in report.faults}
    assert number in _numbers(report)


def test_a_removed_event_with_the_rest_moved_up_is_found(original: Path, tmp_path: Path) -> None:
    def remove(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM events WHERE number = 7")
        for number in range(8, EVENT_COUNT + 1):
            connection.execute("UPDATE events SET number = ? WHERE number = ?", (number - 1, number))

    report = _tampered(original, tmp_path, remove)
    assert ("reordered", 7) in {(fault.kind, fault.number) for fault in report.faults}


def test_an_event_rewritten_with_its_hash_is_found(original: Path, tmp_path: Path) -> None:
    """Whoever recomputes one event's hash has to recompute all that follow."""

    def rewrite(connection: sqlite3.Connection) -> None:
        (previous,) = connection.execute("SELECT hash FROM events WHERE number = 8").fetchone()
        event, body = build_event(Head(8, previous), "request", None, {"request": "nothing bad"})
        connection.execute("UPDATE events SET hash = ?, body = ? WHERE number = 9", (event.hash, body.decode()))

    report = _tampered(original, tmp_path, rewrite)
    assert [(fault.kind, fault.number) for fault in report.faults] == [("altered", 9)]


def test_a_rewritten_end_and_a_cut_with_its_count_are_found_by_a_kept_head(original: Path, tmp_path: Path) -> None:
    with History.open(original, read_only=True) as history:
        head = history.head()
    assert head is not None

    def cut(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM events WHERE number > 38")
        connection.execute("UPDATE sqlite_sequence SET seq = 38 WHERE name = 'events'")

    assert _tampered(original, tmp_path, cut).is_intact
    with History.open(tmp_path / "history.db") as history:
        report = history.verify(known_heads=[head])
        assert [(fault.kind, fault.number) for fault in report.faults] == [("removed", 39)]
        record = history.new_record({"request": "as if nothing had been"})
        history.append("end", record, {})
        assert history.verify().is_intact
        report = history.verify(known_heads=[head])
    assert [(fault.kind, fault.number) for fault in report.faults] == [("altered", head.number)]


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_missing_trigger_is_found(original: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "history.db"
    copy.write_bytes(original.read_bytes())
    connection = sqlite3.connect(copy)
    connection.execute(f"DROP TRIGGER {name}")
    connection.close()
    with History.open(copy, read_only=True) as history:
        report = history.verify()
    assert [(fault.kind, fault.message) for fault in report.faults] == [
        ("schema", f"`{name}` is missing from the schema")
    ]


def test_a_changed_byte_anywhere_in_the_file_is_found_or_changes_nothing_that_is_read(
    original: Path, tmp_path: Path
) -> None:
    """Bytes in free space and in the file's header (change counters) are not audited; what is read is."""
    content = original.read_bytes()
    with History.open(original, read_only=True) as history:
        expected = [history.events(summary.record) for summary in history.records()]
    chance = random.Random(7)  # noqa: S311 - trials, not secrets
    copy = tmp_path / "history.db"
    found = 0
    for _ in range(200):
        place = chance.randrange(100, len(content))
        copy.write_bytes(content[:place] + bytes([content[place] ^ chance.randint(1, 255)]) + content[place + 1 :])
        try:
            with History.open(copy, read_only=True) as history:
                is_intact = history.verify().is_intact
                if is_intact:
                    assert [history.events(summary.record) for summary in history.records()] == expected
        except HistoryError:
            is_intact = False
        found += not is_intact
    assert found > 50


def test_many_faults_are_counted_and_the_first_ones_named(original: Path, tmp_path: Path) -> None:
    report = _tampered(
        original, tmp_path, lambda connection: connection.execute("UPDATE events SET hash = lower(hash) || '0'").close()
    )
    assert report.fault_count == EVENT_COUNT == len(report.faults)
