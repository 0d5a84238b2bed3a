"""The append-only event log on SQLite: append an event, read records, check the chain."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from history.anchor import keep_anchor, read_anchor
from history.canonical import Json, plain
from history.cutting import cut_long
from history.errors import HistoryTampered
from history.event import GENESIS, STORED_COLUMNS, Event, Head, build_event, hash_of, read_event
from history.opening import connect, translated_faults
from history.redaction import PATTERNS_ONLY, Redactor
from history.summaries import RecordSummary, summarise
from history.verification import VerifyReport, verify


class History:
    """An open history. Threads may share it; several processes may write at once.

    Every call may raise `HistoryUnavailable` (disk full, permission, held by another for too long) or
    `HistoryTampered` (what it reads isn't what was written). Build it with `open`; use it as a context manager.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self._waiting: list[_Waiting] = []
        self._waiting_lock = threading.Lock()
        self.path = path

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open the history at `path`; unless `read_only`, create it or bring it up to date where needed.

        Raises `HistoryUnavailable` when that can't be done, `HistoryTooNew` when a newer version wrote it.
        """
        return cls(connect(path, read_only=read_only), path)

    def close(self) -> None:
        """Close the file. What was appended is on disk already."""
        with self._lock, translated_faults(self.path):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # -- writing

    def new_record(self, payload: Mapping[str, Json], *, redactor: Redactor = PATTERNS_ONLY) -> int:
        """Begin a record with its `request` event; return its number, which is that event's."""
        return self._append("request", None, payload, redactor).record

    def append(
        self, kind: str, record: int, payload: Mapping[str, Json], *, redactor: Redactor = PATTERNS_ONLY
    ) -> Event:
        """Append one event to a record; return it when it is on disk (written and synced).

        The payload is redacted and cut (`history.cutting`) on the way. Raises `ValueError` for an unknown record or
        a kind that isn't a lower-case word, `TypeError` for a payload that isn't JSON.
        """
        return self._append(kind, record, payload, redactor)

    def _append(self, kind: str, record: int | None, payload: Mapping[str, Json], redactor: Redactor) -> Event:
        """Write an event together with all that other threads want to write just now: one sync serves them all."""
        mine = _Waiting(kind, record, cast("Mapping[str, Json]", cut_long(redactor.redact(plain(payload)))))
        with self._waiting_lock:
            self._waiting.append(mine)
        try:
            with self._lock:
                if mine.event is None and mine.fault is None:  # else the one before has written it
                    with self._waiting_lock:
                        together, self._waiting = self._waiting, []
                    self._write(together)
        except BaseException:
            with self._waiting_lock:  # nobody else is to write what we give up
                self._waiting = [one for one in self._waiting if one is not mine]
            raise
        if mine.fault is not None:
            raise mine.fault
        event = cast("Event", mine.event)
        if kind == "end":
            keep_anchor(self.path, Head(event.number, event.hash))
        return event

    def _write(self, together: "Sequence[_Waiting]") -> None:
        """Write events, each on its own merits, in one transaction; a fault of the file is the fault of all."""
        written: list[tuple[_Waiting, Event]] = []
        try:
            with self._transaction("BEGIN IMMEDIATE") as connection:
                head = _sound_head(connection)
                for one in together:
                    try:
                        _require_record(connection, one.record)
                        event, body = build_event(head, one.kind, one.record, one.payload)
                    except (ValueError, TypeError) as fault:
                        one.fault = fault
                        continue
                    connection.execute(
                        "INSERT INTO events (number, hash, body) VALUES (?, ?, ?)",
                        (event.number, event.hash, body.decode()),
                    )
                    head = Head(event.number, event.hash)
                    written.append((one, event))
        except Exception as fault:
            for one in together:
                one.fault = one.fault or fault
            raise
        finally:
            # Also after an interrupt: what isn't on disk then waits again, for the thread that wants it written.
            if written and self._last_number() >= written[-1][1].number:
                for one, event in written:
                    one.event = event
            with self._waiting_lock:
                self._waiting = [one for one in together if one.event is None and one.fault is None] + self._waiting

    def _last_number(self) -> int:
        with translated_faults(self.path):
            return int(self._connection.execute("SELECT coalesce(max(number), 0) FROM events").fetchone()[0])

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock, translated_faults(self.path):
            self._connection.execute(begin)
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite ends it by itself when the disk is full
                    self._connection.execute("ROLLBACK")
                raise

    # -- reading

    def records(self, *, limit: int = 50, newest_first: bool = True) -> Sequence[RecordSummary]:
        """Return up to `limit` records in short, the newest (or the oldest) first."""
        order = "DESC" if newest_first else "ASC"
        with self._transaction("BEGIN") as connection:
            numbers = connection.execute(
                f"SELECT number FROM events WHERE kind = 'request' AND record = number ORDER BY number {order} LIMIT ?",  # noqa: S608 - one of two words
                (limit,),
            ).fetchall()
            return [summarise(connection, number) for (number,) in numbers]

    def events(self, record: int) -> Sequence[Event]:
        """Return a record's events in order; empty when there is no such record."""
        return self._read("WHERE record = ? ORDER BY number", record)

    def last_record(self) -> int | None:
        """Return the newest record's number; None in an empty history."""
        newest = self.records(limit=1)
        return newest[0].record if newest else None

    def head(self) -> Head | None:
        """Return the last event's number and hash; None in an empty history."""
        with self._transaction("BEGIN") as connection:
            head = _sound_head(connection)
        return head if head.number else None

    def kept_head(self) -> Head | None:
        """Return the head that was kept beside the file when a record ended, to verify against; None where none is."""
        return read_anchor(self.path)

    def kept_contents(self) -> Sequence[Event]:
        """Return every event that says where the content from before a change is kept (`backup`), oldest first."""
        return self._read(
            "WHERE kind IN ('step_end', 'recovery') AND json_extract(body, '$.payload.backup') IS NOT NULL ORDER BY number"
        )

    def unfinished(self) -> Sequence[Event]:
        """Return every `step_begin` that has no `step_end`, oldest first: going on, or cut off."""
        return self._read(
            "AS started WHERE kind = 'step_begin' AND NOT EXISTS "
            "(SELECT 1 FROM events AS ended WHERE ended.begun = started.number AND ended.kind = 'step_end') "
            "ORDER BY number"
        )

    def unresolved(self) -> Sequence[Event]:
        """Return every `step_begin` of which nobody knows what it did: without an end, or with the status `unknown`.

        A `recovery` event with its number says that somebody found out. Oldest first.
        """
        return self._read(
            "AS started WHERE kind = 'step_begin' AND NOT EXISTS "
            "(SELECT 1 FROM events AS ended WHERE ended.begun = started.number AND (ended.kind = 'recovery' "
            "OR (ended.kind = 'step_end' AND coalesce(json_extract(ended.body, '$.payload.status'), '') <> 'unknown'))) "
            "ORDER BY number"
        )

    def verify(self, *, known_heads: Iterable[Head] = ()) -> VerifyReport:
        """Check every event against the chain, and against heads that were kept elsewhere."""
        with self._lock, translated_faults(self.path):
            return verify(self._connection, known_heads=known_heads)

    def _read(self, condition: str, *values: int) -> Sequence[Event]:
        with self._lock, translated_faults(self.path):
            rows = self._connection.execute(
                f"SELECT {STORED_COLUMNS} FROM events {condition}",  # noqa: S608 - the conditions are the literals above
                values,
            ).fetchall()
        return [read_event(*row) for row in rows]


@dataclass(slots=True)
class _Waiting:
    """An event that a thread wants written, and what came of it."""

    kind: str
    record: int | None
    payload: Mapping[str, Json]
    event: Event | None = None
    fault: BaseException | None = None


def _require_record(connection: sqlite3.Connection, record: int | None) -> None:
    """Raise `ValueError` for the number of a record that isn't there."""
    if record is None:
        return
    if connection.execute("SELECT 1 FROM events WHERE number = ? AND record = number", (record,)).fetchone() is None:
        raise ValueError(f"there is no record {record}")


def _sound_head(connection: sqlite3.Connection) -> Head:
    """Return the last event; number 0 in an empty history.

    Raises `HistoryTampered` when it was altered, or when later ones were removed: what came next would cover that.
    """
    row = connection.execute(f"SELECT {STORED_COLUMNS} FROM events ORDER BY number DESC LIMIT 1").fetchone()  # noqa: S608 - constant
    counted = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    head = Head(row[0], row[1].decode(errors="replace")) if row else Head(0, GENESIS)
    if row and hash_of(row[2]) != head.hash:
        problem = f"Event {head.number}, the last of the history, was altered."
    elif head.number != (counted[0] if counted else 0):
        problem = f"Events after number {head.number} were removed from the history."
    else:
        return head
    raise HistoryTampered(
        problem,
        remedy="Run `sayso history verify`; keep the file for examination and set another path to go on.",
        number=head.number,
    )
