"""The tables of the history, as SQL that any SQLite tool can read, and which version of them a file has.

What is stored is `number`, `hash` and `body`; `body` is the event in RFC 8785 bytes:

    {"kind": "step_begin", "monotonic_ns": 81234567890, "number": 7, "payload": {...},
     "previous": "<hash of event 6>", "record": 4, "utc": "2026-10-31T12:00:00.123456Z"}

`hash` is the SHA-256 (hex) of `body`. Every other column is generated from `body`, so it can't disagree with
it; the indexes can be rebuilt. A record's number is the number of its first event.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from history.errors import HistoryTooNew, HistoryUnavailable

SCHEMA_VERSION = 1
"""How many migrations there are; `PRAGMA user_version` of a file holds how many it has had."""

APPLICATION_ID = 0x5341594F
"""`PRAGMA application_id` of a history: "SAYO"."""


def _generated(name: str, kind: str, path: str) -> str:
    # json_valid first: a body that somebody damaged must not keep the rest from being read.
    value = f"CASE WHEN json_valid(body) THEN json_extract(body, '{path}') END"
    return f"{name} {kind} GENERATED ALWAYS AS ({value}) VIRTUAL"


EVENTS_TABLE = f"""CREATE TABLE events (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  hash TEXT NOT NULL CHECK (typeof(hash) = 'text' AND length(hash) = 64),
  body TEXT NOT NULL CHECK (typeof(body) = 'text'),
  {_generated("record", "INTEGER", "$.record")},
  {_generated("kind", "TEXT", "$.kind")},
  {_generated("utc", "TEXT", "$.utc")},
  {_generated("previous", "TEXT", "$.previous")},
  {_generated("begun", "INTEGER", "$.payload.begun")}
)"""

EVENTS_OBJECTS: Mapping[str, str] = {
    "events": EVENTS_TABLE,
    "events_by_record": "CREATE INDEX events_by_record ON events (record)",
    "events_by_kind": "CREATE INDEX events_by_kind ON events (kind)",
    "events_by_begun": "CREATE INDEX events_by_begun ON events (begun) WHERE begun IS NOT NULL",
    "events_never_change": "CREATE TRIGGER events_never_change BEFORE UPDATE ON events "
    "BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END",
    "events_never_go": "CREATE TRIGGER events_never_go BEFORE DELETE ON events "
    "BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END",
    "events_come_in_order": "CREATE TRIGGER events_come_in_order BEFORE INSERT ON events "
    "WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM events) "
    "BEGIN SELECT RAISE(ABORT, 'an event must have the next number'); END",
}
"""Name -> the statement that makes it, as `sqlite_master` keeps it."""


def schema_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return how many migrations the file has had; 0 for an empty one.

    Raises `HistoryTooNew` when a newer version wrote it, `HistoryUnavailable` when it belongs to another program.
    """
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if application_id != APPLICATION_ID:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise HistoryUnavailable(
                f"{path} is another program's database.", remedy="Set the history's path to a file of its own."
            )
        return 0
    if version > SCHEMA_VERSION:
        raise HistoryTooNew(
            f"A newer sayso wrote the history {path} (schema {version}; this one knows {SCHEMA_VERSION}).",
            remedy="Use the newer sayso, or set another path for the history.",
        )
    return version
