"""Checking a history: every byte that is audited against the chain of hashes, and the tables against their making."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from history.event import ENVELOPE, GENESIS, STORED_COLUMNS, Head, hash_of
from history.schema import EVENTS_OBJECTS

FaultKind: TypeAlias = Literal["altered", "removed", "reordered", "inserted", "schema", "damaged"]

LISTED_FAULTS = 100
"""How many faults a report names; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it was written. `number` is the event's, None where it concerns no single one."""

    kind: FaultKind
    number: int | None
    message: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a check found. `head` is worth keeping elsewhere: it proves this state later."""

    event_count: int
    head: Head | None
    faults: tuple[Fault, ...]
    fault_count: int

    @property
    def is_intact(self) -> bool:
        """Whether nothing was altered, removed, reordered, inserted or damaged."""
        return self.fault_count == 0


def verify(connection: sqlite3.Connection, *, known_heads: Iterable[Head] = ()) -> VerifyReport:
    """Check the whole history in one snapshot.

    Found without outside help: any change of any stored byte of an event, an event that is missing, out of place
    or put in between, missing or changed triggers, indexes that disagree with the events, and a removed end
    as long as SQLite's own count (`sqlite_sequence`) wasn't falsified with it. Who recomputes the whole chain, or
    cuts the end and the count, is found by `known_heads`: earlier heads that were kept elsewhere.
    """
    walk = _Walk({head.number: head.hash for head in known_heads})
    connection.execute("BEGIN")
    try:
        for part in (_look_at_tables, _look_at_events):
            try:
                part(connection, walk)
            except sqlite3.DatabaseError as error:  # a page that SQLite can't read is a finding, not an end
                walk.note(Fault("damaged", None, f"reading stopped after event {walk.number}: {error}"))
    finally:
        connection.execute("ROLLBACK")
    return walk.report()


def _look_at_events(connection: sqlite3.Connection, walk: "_Walk") -> None:
    for row in _stored(connection):
        walk.look_at(*row)
    walk.finish(_counted(connection))


def _stored(connection: sqlite3.Connection) -> Iterator[tuple[int, bytes, bytes, str]]:
    # NOT INDEXED: what is stored in the table is what is read, whatever an index says.
    yield from connection.execute(
        f"SELECT {STORED_COLUMNS}, typeof(hash) || ' ' || typeof(body) FROM events NOT INDEXED ORDER BY number"  # noqa: S608 - constant
    )


def _counted(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return int(row[0]) if row and isinstance(row[0], int) else 0


def schema_faults(connection: sqlite3.Connection) -> Iterator[Fault]:
    """Yield what is wrong with the table of events, its indexes and its triggers."""
    found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE tbl_name = 'events'").fetchall())
    for name, statement in EVENTS_OBJECTS.items():
        if name not in found:
            yield Fault("schema", None, f"`{name}` is missing from the schema")
        elif found[name] != statement:
            yield Fault("schema", None, f"`{name}` is not as it was made")
    for name in sorted(found.keys() - EVENTS_OBJECTS.keys()):
        yield Fault("schema", None, f"`{name}` was added to the schema")


def link_faults(rows: Sequence[tuple[int, bytes, bytes, str]]) -> Iterator[Fault]:
    """Yield what is wrong with a stretch of stored events, in order: each by itself, and against the one before it."""
    before: tuple[int, str] | None = None
    for number, stored, body, kinds in rows:
        fault, previous = _own_fault(number, stored, body, kinds)
        if fault is not None:
            yield fault
        elif before is not None and number != before[0] + 1:
            yield Fault("removed", before[0] + 1, f"event {before[0] + 1} was removed")
        elif before is not None and previous != before[1]:
            yield Fault("altered", before[0], f"event {number} doesn't hold the hash of the event before it")
        before = (number, stored.decode(errors="replace"))


def _look_at_tables(connection: sqlite3.Connection, walk: "_Walk") -> None:
    for fault in schema_faults(connection):
        walk.note(fault)
    for (line,) in connection.execute(f"PRAGMA integrity_check({LISTED_FAULTS})"):
        if line != "ok":
            walk.note(Fault("damaged", None, f"SQLite: {line}"))


class _Walk:
    """The way along the events, in the order of their numbers."""

    def __init__(self, known: dict[int, str]) -> None:
        self.number = 0
        self._hash = GENESIS
        self._is_sound = True  # the event before this one is as it was written, as far as it itself shows
        self._count = 0
        self._known = known
        self._faults: list[Fault] = []
        self._fault_count = 0

    def note(self, fault: Fault) -> None:
        self._fault_count += 1
        if len(self._faults) < LISTED_FAULTS:
            self._faults.append(fault)

    def look_at(self, number: int, stored: bytes, body: bytes, kinds: str) -> None:
        """Check one row: by itself, and against the row before it."""
        self._count += 1
        follows = number == self.number + 1
        if number < 1:
            self.note(Fault("inserted", number, f"event {number} was put in: numbers begin with 1"))
        elif not follows:
            self._note_removed(self.number + 1, number - 1)
        fault, previous = _own_fault(number, stored, body, kinds)
        if fault is not None:
            self.note(fault)
        elif follows and self._is_sound and previous != self._hash:
            self.note(
                Fault(
                    "altered",
                    number - 1 if number > 1 else number,
                    f"event {number} doesn't hold the hash of the event before it: one of the two was altered",
                )
            )
        self._is_sound = fault is None
        self._hash = stored.decode(errors="replace")
        self.number = max(number, self.number)
        self._check_known(number, hash_of(body))

    def finish(self, counted: int) -> None:
        """Compare the end with SQLite's own count and with the heads kept elsewhere."""
        last = max(counted, *self._known, 0) if self._known else counted
        if last > self.number:
            self._note_removed(self.number + 1, last)
        elif counted < self.number:
            self.note(Fault("altered", None, f"SQLite's count of events is {counted}, the last event is {self.number}"))

    def report(self) -> VerifyReport:
        head = Head(self.number, self._hash) if self._count else None
        return VerifyReport(self._count, head, tuple(self._faults), self._fault_count)

    def _note_removed(self, first: int, last: int) -> None:
        which = f"event {first} was" if first == last else f"events {first} to {last} were"
        self.note(Fault("removed", first, f"{which} removed"))

    def _check_known(self, number: int, found: str) -> None:
        kept = self._known.get(number)
        if kept is not None and kept != found:
            self.note(Fault("altered", number, f"event {number} or one before it is not what the kept head says"))


def _own_fault(number: int, stored: bytes, body: bytes, kinds: str) -> tuple[Fault | None, str]:
    """Return what is wrong with one row by itself, if anything, and the previous hash that it holds."""
    envelope = ENVELOPE.fullmatch(body)
    if kinds != "text text" or stored != hash_of(body).encode() or envelope is None:
        return Fault("altered", number, f"event {number} was altered: its text and its hash don't belong together"), ""
    written_as = int(envelope["number"])
    if written_as != number:
        return Fault("reordered", number, f"event {number} holds what was written as event {written_as}"), ""
    return None, envelope["previous"].decode()


def faults_of(report: VerifyReport) -> Sequence[str]:
    """Return the report's faults as sentences, and how many are not listed.

    >>> faults_of(VerifyReport(3, None, (Fault("removed", 2, "event 2 was removed"),), 1))
    ['event 2 was removed']
    """
    sentences = [fault.message for fault in report.faults]
    unlisted = report.fault_count - len(report.faults)
    return [*sentences, f"and {unlisted} more"] if unlisted else sentences
