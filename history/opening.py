"""Opening a history's file: private files, one safe configuration, tables brought up to date, SQLite's faults as ours."""

import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from history.anchor import read_anchor
from history.errors import HistoryError, HistoryTampered, HistoryUnavailable
from history.filesystems import refuse_network_filesystem
from history.schema import SCHEMA_VERSION, schema_version
from history.tail import refuse_tampered_end, shortened

BUSY_TIMEOUT_S = 30.0
"""How long a writer waits for the writers before it."""


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Return a connection to the history at `path`, with its tables up to date, in autocommit mode.

    When writing, its end is checked (`history.tail`), a missing file is created (0600) with its missing folders (0700), and an older one is migrated
    after a backup. sqlite-utils is imported only then.

    Raises `HistoryUnavailable`, `HistoryTooNew`, `HistoryTampered`.
    """
    with translated_faults(path):
        path = path.expanduser().absolute().resolve()
        refuse_network_filesystem(path)
        _refuse_missing(path)
        if read_only:
            return _up_to_date(_connect_read_only(path), path, read_only=True)
        _create_private(path)
        with _folder_lock(path.parent):
            connection = _connect(path.as_uri() + "?mode=rw")
            return _up_to_date(connection, path, read_only=False)


@contextmanager
def translated_faults(path: Path) -> Iterator[None]:
    """Turn what SQLite and the operating system raise into the history's errors; `path` stands in the message."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(error, path) from error
    except OSError as error:
        raise HistoryUnavailable(
            f"The history {path} can't be used: {error.strerror or error}.",
            remedy="Check its folder's owner and permissions and the space on its disk.",
        ) from error


def _translated(error: sqlite3.Error, path: Path) -> HistoryError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the low byte is the primary code
    if code == sqlite3.SQLITE_CORRUPT:
        return HistoryTampered(
            f"The history {path} is damaged: {error}.",
            remedy="Keep the file for examination, and set another path or restore a copy.",
        )
    what, remedy = {
        sqlite3.SQLITE_FULL: ("its disk is full", "Free some space on its disk."),
        sqlite3.SQLITE_BUSY: (
            f"another process held it for more than {BUSY_TIMEOUT_S:.0f} s",
            "See which process has the file open (`fuser -v FILE`).",
        ),
        sqlite3.SQLITE_READONLY: ("it is read-only", "Check the permissions of the file and its folder."),
        sqlite3.SQLITE_NOTADB: ("it is not an SQLite database", "Set the history's path to a file of its own."),
    }.get(code, (str(error), "Check its folder's owner and permissions and the space on its disk."))
    return HistoryUnavailable(f"The history {path} can't be used: {what}.", remedy=remedy)


def _refuse_missing(path: Path) -> None:
    """A history that is known and not there any more is not begun anew without a word."""
    kept = read_anchor(path)
    if kept is not None and (not path.exists() or path.stat().st_size == 0):
        raise shortened(path, kept, 0)


def _create_private(path: Path) -> None:
    """Make the file and its missing folders, for their owner alone whatever the umask; tighten a file of ours.

    An existing file is never opened and closed here: closing any descriptor of a file drops all locks that the
    process has on it, also those of another open connection (fcntl(2); SQLite, "How To Corrupt", 2.2).
    """
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        _check_existing(path)
        return
    os.fchmod(descriptor, 0o600)
    os.close(descriptor)
    for folder in (path.parent, *(one.parent for one in missing)):
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_existing(path: Path) -> None:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise HistoryUnavailable(f"{path} is not a file.", remedy="Set the history's path to a file.")
    if status.st_mode & 0o077 and status.st_uid == os.geteuid():
        path.chmod(0o600)
    # SQLite would open a write-protected file for reading without a word and fail at the first change.
    if not (os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)):
        raise HistoryUnavailable(
            f"The history {path} can't be written by this account.",
            remedy="Check the permissions of the file and its folder.",
        )


@contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: of several processes that open a new or an old file at once, one migrates it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA schema_version").fetchone()  # opens the file now, not at the first use
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_read_only(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise HistoryUnavailable(f"There is no history at {path}.", remedy="It is made with the first request.")
    try:
        return _connect(path.as_uri() + "?mode=ro")
    except sqlite3.OperationalError as error:
        log = path.with_name(path.name + "-wal")
        can_be_still = not log.exists() or log.stat().st_size == 0
        is_refused = error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
        if not (is_refused and can_be_still and os.access(path, os.R_OK)):
            raise
        # WAL needs a shared-memory file beside the database. Where this account may not make one and nobody
        # has the history open, the file can be read as it is.
        return _connect(path.as_uri() + "?mode=ro&immutable=1")


def _up_to_date(connection: sqlite3.Connection, path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Return `connection`, configured, its file's tables up to date; close it when anything fails."""
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA recursive_triggers = ON")  # so that REPLACE can't delete unseen
        if read_only:
            _require_current(connection, path)
        else:
            _bring_up_to_date(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _require_current(connection: sqlite3.Connection, path: Path) -> None:
    version = schema_version(connection, path)
    if version < SCHEMA_VERSION:
        raise HistoryUnavailable(
            f"The history {path} has an older form (schema {version}).",
            remedy="Open it once for writing: any request does, and keeps a copy of the old form.",
        )


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    version = schema_version(connection, path)
    connection.execute("PRAGMA synchronous = FULL")
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise HistoryUnavailable(
            f"The filesystem of {path} can't hold a write-ahead log.", remedy="Set the history's path to a local disk."
        )
    if version < SCHEMA_VERSION:
        from history.migrations import migrate

        migrate(connection, path)
    refuse_tampered_end(connection, path)
