"""What is checked of a history each time before anything is written after it: cheap, whatever its length.

The tables and triggers, the last events with the links between them, and the head that was kept beside the file.
All of it is checked by `history.verification`, when somebody asks for it.
"""

import sqlite3
from pathlib import Path

from history.anchor import anchor_of, read_anchor
from history.errors import HistoryTampered
from history.event import STORED_COLUMNS, Head
from history.verification import link_faults, schema_faults

TAIL_EVENTS = 64
"""How many of the last events are checked: some ten requests."""

_EXAMINE = "Keep the file for examination (`sayso history verify` shows more), and set another path to go on."


def refuse_tampered_end(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `HistoryTampered` where the end of an open history isn't what was written. Reads one snapshot."""
    connection.execute("BEGIN")
    try:
        refuse_shortened(connection, path)
        rows = connection.execute(
            f"SELECT {STORED_COLUMNS}, typeof(hash) || ' ' || typeof(body) FROM events "  # noqa: S608 - constant
            "NOT INDEXED ORDER BY number DESC LIMIT ?",
            (TAIL_EVENTS,),
        ).fetchall()
        faults = [*schema_faults(connection), *link_faults(rows[::-1])]
    finally:
        connection.execute("ROLLBACK")
    if faults:
        said = faults[0].message
        raise HistoryTampered(
            f"The history {path} is not what was written: {said}.", remedy=_EXAMINE, number=faults[0].number
        )


def refuse_shortened(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `HistoryTampered` where the event whose head was kept is gone or another."""
    kept = read_anchor(path)
    if kept is None:
        return
    last = (
        connection.execute("SELECT coalesce(max(number), 0) FROM events").fetchone()[0]
        if _has_events(connection)
        else 0
    )
    if last < kept.number:
        raise shortened(path, kept, last)
    row = connection.execute("SELECT hash FROM events WHERE number = ?", (kept.number,)).fetchone()
    if row is None or row[0] != kept.hash:
        raise HistoryTampered(
            f"The history {path} is not what was written: event {kept.number} is another than the one that was kept.",
            remedy=_EXAMINE,
            number=kept.number,
        )


def shortened(path: Path, kept: Head, last: int) -> HistoryTampered:
    """Return the fault of a history of which less is there than there was."""
    what = f"was emptied or removed: it had {kept.number} events" if last == 0 else (
        f"ends with event {last}, and had {kept.number}"
    )  # fmt: skip
    return HistoryTampered(
        f"The history {path} {what}.",
        remedy=f"Put it back from a copy; if it was meant, remove {anchor_of(path)} as well, and a new one begins.",
        number=last + 1,
    )


def _has_events(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'events'").fetchone()
    return found is not None
