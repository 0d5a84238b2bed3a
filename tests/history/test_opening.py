"""Opening: what is created, migrated, refused; and what happens when the disk says no."""

import contextlib
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from history import migrations, opening, schema
from history.errors import HistoryTampered, HistoryTooNew, HistoryUnavailable
from history.recording import Recording
from history.store import History

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that other accounts can reach, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="history-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def _python(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, *arguments],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def _schema(path: Path) -> set[tuple[str, str]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE tbl_name = 'events'").fetchall()
    connection.close()
    return set(rows)


# -- schema


def test_a_blank_history_has_the_documented_tables(path: Path) -> None:
    History.open(path).close()
    assert _schema(path) == set(schema.EVENTS_OBJECTS.items())


def test_the_schema_version_counts_the_migrations(path: Path) -> None:
    History.open(path).close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (schema.SCHEMA_VERSION,)
    assert connection.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)
    assert len(migrations.MIGRATIONS.applied(Database(connection))) == schema.SCHEMA_VERSION
    connection.close()


def test_an_up_to_date_history_is_opened_without_sqlite_utils(path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from history.store import History\n"
        "with History.open(Path(sys.argv[1])) as history:\n"
        "    history.new_record({'request': 'x'}); history.records(); history.verify()\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('sqlite_utils', 'numpy', 'history')])"
    )
    assert "'sqlite_utils'" in _python(script, str(path))
    second = _python(script, str(path))
    assert "'history.store'" in second
    assert "sqlite_utils" not in second
    assert "numpy" not in second


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A sayso of the future: one more migration."""
    future = Migrations("history")
    for step in migrations.MIGRATIONS._migrations:
        future(name=step.name)(step.fn)

    @future(name="m002_later")
    def _later(database: Database) -> None:
        database.execute("CREATE TABLE later (number INTEGER PRIMARY KEY)")

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "MIGRATIONS", future)
        version = schema.SCHEMA_VERSION + 1
        for module in (schema, opening):
            patched.setattr(module, "SCHEMA_VERSION", version)
        yield patched


def test_an_older_history_is_migrated_after_a_private_backup(path: Path, newer: pytest.MonkeyPatch) -> None:
    with pytest.MonkeyPatch.context() as older:
        version = schema.SCHEMA_VERSION - 1
        for module in (schema, opening):
            older.setattr(module, "SCHEMA_VERSION", version)
        first_only = Migrations("history")
        first_only(name="m001_events")(migrations.MIGRATIONS._migrations[0].fn)
        older.setattr(migrations, "MIGRATIONS", first_only)
        with History.open(path) as history:
            history.new_record({"request": "old"})
    with pytest.raises(HistoryUnavailable, match="older form"):
        History.open(path, read_only=True)
    with History.open(path) as history:
        history.new_record({"request": "new"})
        assert [one.request for one in history.records()] == ["new", "old"]
        assert history.verify().is_intact
    backup = path.with_name("history.db.schema-1")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    saved = sqlite3.connect(backup)
    assert saved.execute("SELECT count(*) FROM events").fetchone() == (1,)
    assert saved.execute("SELECT count(*) FROM sqlite_master WHERE name = 'later'").fetchone() == (0,)
    saved.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_history_is_refused_and_left_alone(path: Path, *, read_only: bool) -> None:
    with History.open(path) as history:
        history.new_record({"request": "x"})
        history._connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(HistoryTooNew):
        History.open(path, read_only=read_only)
    assert path.read_bytes() == before


# -- what can't be opened


def test_another_programs_database_is_refused(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE other (a)")
    connection.close()
    with pytest.raises(HistoryUnavailable, match="another program"):
        History.open(path)
    assert _schema(path) == set()


def test_what_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"some text " * 1000)
    with pytest.raises(HistoryUnavailable, match="not an SQLite database"):
        History.open(path)
    assert path.read_bytes() == b"some text " * 1000


def test_a_folder_or_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(HistoryUnavailable, match="not a file"):
            History.open(place)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HistoryUnavailable, match="Not a directory"):
        History.open(tmp_path / "file" / "history.db")


def test_a_missing_history_is_not_made_for_reading(path: Path) -> None:
    with pytest.raises(HistoryUnavailable, match="no history"):
        History.open(path, read_only=True)
    assert not path.exists()


def test_a_damaged_page_is_tampering(path: Path) -> None:
    with History.open(path) as history:
        record = history.new_record({"request": "x"})
        for _ in range(50):
            history.append("plan", record, {"a": "x" * 500})
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 100] = b"\xff" * 100
    path.write_bytes(content)
    with pytest.raises(HistoryTampered), History.open(path) as history:
        history.events(1)
    with History.open(path, read_only=True) as history:
        assert {fault.kind for fault in history.verify().faults} >= {"damaged"}


# -- what can't be written


def test_a_history_opened_for_reading_is_not_written(path: Path) -> None:
    History.open(path).close()
    with History.open(path, read_only=True) as history, pytest.raises(HistoryUnavailable, match="read-only"):
        history.new_record({"request": "x"})


AS_ANOTHER = """
import os, sys
from pathlib import Path
from history.errors import HistoryUnavailable
from history.store import History

os.setgroups([])
os.setgid(65534)
os.setuid(65534)
path = Path(sys.argv[1])
try:
    History.open(path).close()
    print("opened")
except HistoryUnavailable as error:
    print("refused:", error.message)
try:
    with History.open(path, read_only=True) as history:
        print("read:", history.records()[0].request)
except HistoryUnavailable as error:
    print("unread:", error.message)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
def test_a_file_that_may_only_be_read_is_refused_for_writing_and_still_read(public_folder: Path) -> None:
    path = public_folder / "history.db"
    with History.open(path) as history:
        history.new_record({"request": "seen"})
    path.chmod(0o444)
    lines = _python(AS_ANOTHER, str(path)).splitlines()
    assert lines[0].startswith("refused:")
    assert "can't be written by this account" in lines[0]
    assert lines[1] == "read: seen"
    path.chmod(0o600)
    lines = _python(AS_ANOTHER, str(path)).splitlines()
    assert [line.split(":")[0] for line in lines] == ["refused", "unread"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
def test_a_folder_that_may_not_be_written_is_refused(public_folder: Path) -> None:
    lines = _python(AS_ANOTHER, str(public_folder / "history.db")).splitlines()
    assert "Permission denied" in lines[0]


def test_a_full_database_refuses_and_keeps_a_valid_chain(path: Path) -> None:
    with History.open(path) as history:
        recording = Recording.begin(history, {"request": "x"})
        pages = history._connection.execute("PRAGMA page_count").fetchone()[0]
        history._connection.execute(f"PRAGMA max_page_count = {pages + 3}")
        written = 1
        with pytest.raises(HistoryUnavailable, match="disk is full") as caught:  # noqa: PT012 - which one fails is open
            while True:
                recording.begin_step({"host": "web1", "text": "x" * 900})
                written += 1
        assert "Free some space" in caught.value.remedy
        assert history.verify().is_intact
        assert len(history.events(recording.record)) == written
        history._connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
        recording.add("end", {"status": 6})
        report = history.verify()
        assert report.is_intact
        assert report.event_count == written + 1


FILL = """
import subprocess, sys
from pathlib import Path
from history.errors import HistoryUnavailable
from history.store import History

folder = Path(sys.argv[1])
mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
if mounted.returncode:
    sys.exit("no mount")
with History.open(folder / "history.db") as history:
    record = history.new_record({"request": "x"})
    written = 1
    try:
        while True:
            history.append("plan", record, {"text": "x" * 3000})
            written += 1
    except HistoryUnavailable as error:
        print(error.message)
    print(history.verify().is_intact, len(history.events(record)) == written, written > 10)
with History.open(folder / "history.db", read_only=True) as history:
    print(history.verify().is_intact, len(history.events(record)) == written)
"""


def _can_mount() -> bool:
    with contextlib.suppress(OSError):
        command = ["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


@pytest.mark.skipif(not _can_mount(), reason="this account may not mount a small filesystem of its own")
def test_a_full_disk_refuses_and_keeps_a_valid_chain(tmp_path: Path) -> None:
    """On a real filesystem of 1 MiB, in a mount namespace that goes with its process."""
    command = ["unshare", "--mount", "--propagation", "private", sys.executable, "-B", "-c", FILL, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    message, while_open, opened_again = done.stdout.splitlines()
    assert "disk is full" in message
    assert while_open == "True True True"
    assert opened_again == "True True"


def test_a_history_held_by_another_process_is_refused_after_the_wait(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_S", 0.05)
    with History.open(path) as history:
        record = history.new_record({"request": "x"})
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(HistoryUnavailable, match="another process"):
            history.append("plan", record, {})
        assert len(history.events(record)) == 1
        other.execute("ROLLBACK")
        other.close()
        history.append("plan", record, {})
