"""The steps that bring a history's tables up to date. Ordered and named; only ever added, never changed.

Imported only when a file must be created or migrated: sqlite-utils costs 0.15 to 0.3 s.
"""

import sqlite3
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from history import schema

MIGRATIONS = Migrations("history")


@MIGRATIONS(name="m001_events")
def _events(database: Database) -> None:
    """Create the event log. Its statements stay as they are; a later schema changes them in a later step."""
    database.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    for statement in schema.EVENTS_OBJECTS.values():
        database.execute(statement)


def migrate(connection: sqlite3.Connection, path: Path) -> Path | None:
    """Bring the tables up to date; return the backup that was made before, or None for an empty file.

    The caller holds the lock that keeps other processes from doing the same.
    """
    database = Database(connection, execute_plugins=False)  # no third party's code in an audit store
    pending = MIGRATIONS.pending(database)
    is_empty = not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    backup = _back_up(connection, path) if pending and not is_empty else None
    MIGRATIONS.apply(database)
    connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION}")
    return backup


def _back_up(connection: sqlite3.Connection, path: Path) -> Path:
    """Copy the database beside itself, readable by its owner alone, by SQLite's own online backup.

    The copy of an earlier try is replaced: the older version may have written since.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    backup = path.with_name(f"{path.name}.schema-{version}")
    unfinished = path.with_name(f"{backup.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600, exist_ok=False)
    unfinished.chmod(0o600)
    copy = sqlite3.connect(unfinished)
    try:
        connection.backup(copy)
    finally:
        copy.close()
    unfinished.rename(backup)
    return backup
