"""The database intents on a PostgreSQL and a Redis of the test's own, and on SQLite files."""

import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.real_tools import LIMIT_S, RealTools

pytestmark = pytest.mark.slow
_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
_REDIS = ("redis-server", "redis-cli")
needs_postgresql = pytest.mark.skipif(not _PROGRAMS, reason="needs postgresql")
needs_redis = pytest.mark.skipif(not all(map(shutil.which, _REDIS)), reason=f"needs {', '.join(_REDIS)}")
needs_sqlite = pytest.mark.skipif(shutil.which("sqlite3") is None, reason="needs sqlite3")
_SERVER_ACCOUNT = "nobody" if os.geteuid() == 0 else None
"""PostgreSQL's server refuses to run as root."""


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture(scope="module")
def postgres() -> Iterator[RealTools]:
    """A server on a socket, with pg_stat_statements; everybody is its superuser."""
    # Not below pytest's folder: the server's account must be able to go there.
    with tempfile.TemporaryDirectory(prefix="sayso-pg-") as name:
        folder, programs = Path(name), _PROGRAMS[-1]
        folder.chmod(0o755)
        if _SERVER_ACCOUNT is not None:
            shutil.chown(folder, _SERVER_ACCOUNT)
        data = str(folder / "data")
        server(
            str(programs / "initdb"),
            "-D",
            data,
            "-A",
            "trust",
            "-U",
            "postgres",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        )
        settings = f"-k {folder} -c listen_addresses= -c fsync=off -c shared_preload_libraries=pg_stat_statements -c autovacuum=off"
        server(str(programs / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"), "-o", settings, "start")
        try:
            yield RealTools({"PGHOST": str(folder), "PGUSER": "postgres", "HOME": str(folder)})
        finally:
            server(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "stop")


def server(*argv: str) -> None:
    subprocess.run(
        argv,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        user=_SERVER_ACCOUNT,
        cwd="/",
        timeout=LIMIT_S,
    )


def sql(tools: RealTools, database: str, text: str) -> str:
    """Run SQL as a person would, beside the catalogue."""
    argv = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", text]
    environment = {**os.environ, **tools.environment}
    return subprocess.run(argv, check=True, capture_output=True, text=True, env=environment, timeout=LIMIT_S).stdout


@contextmanager
def session(tools: RealTools, database: str, text: str) -> Iterator[int]:
    """A connection that runs `text` and stays: yields its number."""
    name = f"test-{time.monotonic_ns()}"
    environment = {**os.environ, **tools.environment, "PGAPPNAME": name}
    argv = ["psql", "-XAtq", "-d", database]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as client:
        assert client.stdin is not None
        client.stdin.write(text.encode() + b"\n")
        client.stdin.flush()

        def pids() -> list[int]:
            lines = sql(
                tools, "postgres", "SELECT pid, application_name FROM pg_stat_activity WHERE query <> ''"
            ).splitlines()
            return [int(pid) for pid, _, application in (line.partition("|") for line in lines) if application == name]

        until(lambda: pids() != [])
        yield pids()[0]
        client.kill()


@pytest.fixture
def shop(postgres: RealTools) -> Iterator[str]:
    """A database with one table of a hundred rows."""
    sql(postgres, "postgres", "CREATE DATABASE shop")
    sql(postgres, "shop", "CREATE TABLE orders AS SELECT n AS id FROM generate_series(1, 100) n")
    yield "shop"
    sql(postgres, "postgres", "DROP DATABASE IF EXISTS shop WITH (FORCE)")


@needs_postgresql
def test_databases_and_tables_are_listed_with_their_sizes(postgres: RealTools, shop: str) -> None:
    found = {row["name"]: row for row in postgres.read("database.list")}
    assert found.keys() >= {"postgres", shop}
    size = found[shop]["size"]
    assert isinstance(size, int)
    assert size > 1024 * 1024
    (orders,) = postgres.read("database.tables", database=shop)
    assert (orders["name"], orders["last_vacuum"]) == ("public.orders", None)


@needs_postgresql
def test_a_database_is_created_once_and_dropped_again(postgres: RealTools) -> None:
    _, after = postgres.change("database.create", name="Fresh-1")
    assert (after["name"], after["owner"]) == ("Fresh-1", "postgres")
    assert postgres.state("database.create", name="Fresh-1") == after
    assert postgres.change("database.drop", database="Fresh-1")[1] == {}


@needs_postgresql
def test_a_database_with_somebody_connected_is_not_dropped(postgres: RealTools, shop: str) -> None:
    with session(postgres, shop, "SELECT 1;"):
        assert postgres.refusal("database.drop", database=shop) == ["connections is 1, not 0"]


@needs_postgresql
def test_a_dump_brings_a_database_back(postgres: RealTools, shop: str, tmp_path: Path) -> None:
    dump = str(tmp_path / "shop.dump")
    _, after = postgres.change("database.backup", database=shop, target=dump)
    assert after["kind"] == "file"
    assert postgres.refusal("database.backup", database=shop, target=dump) == ["it is still there"]
    assert postgres.refusal("database.restore", database=shop, source=dump) == ["relations is 1, not 0"]
    sql(postgres, "postgres", f"DROP DATABASE {shop}")
    postgres.change("database.create", name=shop)
    postgres.change("database.restore", database=shop, source=dump)
    assert sql(postgres, shop, "SELECT count(*) FROM orders") == "100\n"


@needs_postgresql
@pytest.mark.parametrize("full", [False, True])
def test_a_vacuum_frees_dead_rows(postgres: RealTools, shop: str, full: bool) -> None:  # noqa: FBT001 - a case
    sql(postgres, shop, "DELETE FROM orders WHERE id > 10")
    until(lambda: postgres.read("database.tables", database=shop)[0]["dead_rows"] == 90)
    postgres.change("database.vacuum", database=shop, full=full)
    until(lambda: postgres.read("database.tables", database=shop)[0]["dead_rows"] == 0)


@needs_postgresql
def test_a_query_is_shown_and_cancelled_and_its_connection_stays(postgres: RealTools, shop: str) -> None:
    with session(postgres, shop, "SELECT pg_sleep(600);") as pid:
        (query,) = [row for row in postgres.read("database.queries") if row["pid"] == pid]
        assert (query["database"], query["state"], query["query"]) == (shop, "active", "SELECT pg_sleep(600);")
        before, after = postgres.change("database.cancel_query", pid=pid)
        assert (before["state"], after["state"], after["since"]) == ("active", "idle", before["since"])
        assert pid in {row["pid"] for row in postgres.read("database.connections")}
        assert postgres.change("database.end_connection", pid=pid)[1]["state"] == "gone"
        assert pid not in {row["pid"] for row in postgres.read("database.connections")}


@needs_postgresql
def test_what_waits_for_a_lock_is_shown_with_who_holds_it(postgres: RealTools, shop: str) -> None:
    assert postgres.read("database.locks") == []
    with (
        session(postgres, shop, "BEGIN; LOCK TABLE orders;") as holder,
        session(postgres, shop, "SELECT count(*) FROM orders;") as waiter,
    ):
        until(lambda: len(postgres.read("database.locks")) == 1)
        (row,) = postgres.read("database.locks")
        assert (row["pid"], row["blocked_by"], row["blocker_state"]) == (waiter, holder, "idle in transaction")


@needs_postgresql
def test_slow_queries_need_the_extension_and_tell_of_all_databases(postgres: RealTools, shop: str) -> None:
    with pytest.raises(AssertionError, match="pg_stat_statements"):
        postgres.read("database.slow_queries")
    sql(postgres, "postgres", "CREATE EXTENSION pg_stat_statements")
    # Slow indeed: of all that a server ever ran, only what took longest is told.
    sql(postgres, shop, "SELECT id, pg_sleep(0.1) FROM orders WHERE id < 7")
    (found,) = [
        row
        for row in postgres.read("database.slow_queries")
        if "pg_sleep" in str(row["query"]) and row["database"] == shop
    ]
    assert (found["calls"], found["query"]) == (1, "SELECT id, pg_sleep($1) FROM orders WHERE id < $2")
    assert float(str(found["mean"])) > 0.6


@needs_postgresql
def test_a_server_without_replicas_has_none_and_answers(postgres: RealTools) -> None:
    assert postgres.read("database.replication") == []
    (ready,) = postgres.read("database.ready")
    assert (ready["ready"], ready["answer"]) == (True, "accepting connections")
    elsewhere = replace(postgres, environment={**postgres.environment, "PGHOST": "/nonexistent"})
    (ready,) = elsewhere.read("database.ready")
    assert (ready["ready"], ready["answer"]) == (False, "no response")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[tuple[RealTools, int]]:
    """A server on a free port of the loopback, and that port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as reserved:
        port = int(reserved.getsockname()[1])
    argv = [
        "redis-server",
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(tmp_path),
        "--save",
        "",
        "--slowlog-log-slower-than",
        "0",
    ]
    tools = RealTools({"HOME": str(tmp_path)})
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)) as process:
        until(lambda: redis_says(port, "PING") == "PONG\n")
        yield tools, port
        process.kill()


def redis_says(port: int, *words: str) -> str:
    argv = ["redis-cli", "-p", str(port), *words]
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=LIMIT_S).stdout


@needs_redis
def test_redis_tells_of_itself(redis: tuple[RealTools, int]) -> None:
    tools, port = redis
    redis_says(port, "SET", "colour", "a-secret")
    (info,) = tools.read("redis.info", port=port)
    assert (info["keys"], info["role"], info["memory_limit"], info["save_state"]) == (1, "master", 0, "ok")
    (client,) = tools.read("redis.clients", port=port)
    assert (client["command"], client["user"], client["database"]) == ("client|list", "default", 0)
    assert tools.read("redis.replication", port=port)[0]["role"] == "master"


@needs_redis
def test_slow_redis_commands_are_shown_without_their_values(redis: tuple[RealTools, int]) -> None:
    tools, port = redis
    redis_says(port, "SET", "colour", "a-secret")
    commands = {row["command"] for row in tools.read("redis.slow_queries", port=port)}
    assert "SET colour" in commands
    assert not any("a-secret" in str(command) for command in commands)


@needs_redis
def test_redis_saves_when_it_is_told_to(redis: tuple[RealTools, int], tmp_path: Path) -> None:
    tools, port = redis
    started = tools.state("redis.save", port=port)["last_save"]
    assert isinstance(started, int)
    until(lambda: time.time() > started + 1)  # redis counts in whole seconds
    tools.change("redis.save", port=port)
    assert (tmp_path / "dump.rdb").exists()


@needs_sqlite
def test_an_sqlite_file_is_read_checked_and_compacted(tmp_path: Path) -> None:
    path = str(tmp_path / "a 'quoted' name.sqlite3")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
        connection.executemany("INSERT INTO notes VALUES (?)", [("x" * 1000,)] * 1000)
        connection.execute("CREATE INDEX by_text ON notes (text)")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM notes")
    tools = RealTools({"HOME": str(tmp_path)})
    (tmp_path / ".sqliterc").write_text(".print a line that is no JSON\n")
    assert {(row["name"], row["type"]) for row in tools.read("sqlite.tables", path=path)} == {
        ("notes", "table"),
        ("by_text", "index"),
    }
    assert tools.read("sqlite.check", path=path) == [{"integrity_check": "ok"}]
    before, after = tools.change("sqlite.vacuum", path=path)
    assert int(str(before["size"])) > 1_000_000 > int(str(after["size"]))


@needs_sqlite
def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("no database, but long enough to be told from one " * 20)
    with pytest.raises(AssertionError, match="not a database"):
        RealTools({"HOME": str(tmp_path)}).read("sqlite.tables", path=str(path))
