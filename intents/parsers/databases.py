"""What the clients of databases write: mysql, pg_isready, redis-cli. psql and sqlite3 write JSON."""

import re
from collections.abc import Mapping

from intents.parsers.conversion import decode, lines_of, rows_of, unexpected
from intents.parsers.generic import load_json
from intents.values import Column, Json, Row

_ESCAPES: Mapping[str, str] = {"\\n": "\n", "\\t": "\t", "\\0": "\0", "\\\\": "\\"}
_ESCAPE = re.compile(r"\\[nt0\\]")


def parse_mysql_batch(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `mysql --batch`: a line of names, then rows with tabs between; `NULL` is None.

    mysql(1): newline, tab, NUL and backslash in a value are written `\n`, `\t`, `\0` and `\\`.
    """
    lines = lines_of(output)
    if not lines:
        return []
    names = lines[0].split("\t")
    records: list[dict[str, Json]] = []
    for line in lines[1:]:
        fields = line.split("\t")
        if len(fields) != len(names):
            raise unexpected("F:mysql_batch", f"{len(names)} columns", line)
        records.append({name: _mysql_value(field) for name, field in zip(names, fields, strict=True)})
    return rows_of(records, columns)


def _mysql_value(field: str) -> str | None:
    return None if field == "NULL" else _ESCAPE.sub(lambda match: _ESCAPES[match[0]], field)


def parse_pg_isready(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `pg_isready`: `where - answer`, to `where`, `ready` and `answer`."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        where, dash, answer = line.partition(" - ")
        if not dash:
            raise unexpected("F:pg_isready", "where - answer", line)
        records.append({"where": where, "answer": answer, "ready": answer == "accepting connections"})
    return rows_of(records, columns)


def parse_mysqladmin_ping(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `mysqladmin ping`, which says "mysqld is alive" or, on standard error, why not."""
    said = decode(output).strip()
    ready = said == "mysqld is alive"
    return rows_of([{"where": "local", "ready": ready, "answer": said or "no answer"}], columns)


_REDIS_FACTS: Mapping[str, str] = {
    "version": "redis_version",
    "role": "role",
    "uptime": "uptime_in_seconds",
    "memory": "used_memory",
    "memory_limit": "maxmemory",
    "eviction": "maxmemory_policy",
    "clients": "connected_clients",
    "hits": "keyspace_hits",
    "misses": "keyspace_misses",
    "evicted": "evicted_keys",
    "last_save": "rdb_last_save_time",
    "save_state": "rdb_last_bgsave_status",
}
"""Our column -> the field of INFO (redis.io/commands/info)."""


def parse_redis_info(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `redis-cli INFO` to one row; `keys` are those of all databases together."""
    said = _redis_fields(output, "F:redis_info")
    if not said:
        return []
    keys = [re.match(r"keys=([0-9]+)", value) for name, value in said.items() if re.fullmatch(r"db[0-9]+", name)]
    record: dict[str, Json] = {column: said.get(field) for column, field in _REDIS_FACTS.items()}
    return rows_of([{**record, "keys": sum(int(match[1]) for match in keys if match)}], columns)


def parse_redis_replication(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `redis-cli INFO replication` to a row of the server itself and one of each replica."""
    said = _redis_fields(output, "F:redis_replication")
    if not said:
        return []
    is_replica = said.get("role") == "slave"
    master = f"{said.get('master_host')}:{said.get('master_port')}" if is_replica else None
    own: dict[str, Json] = {
        "server": "this",
        "role": said.get("role"),
        "address": master,
        "state": said.get("master_link_status"),
        "offset": said.get("slave_repl_offset") if is_replica else said.get("master_repl_offset"),
        "lag": said.get("master_last_io_seconds_ago"),
    }
    return rows_of([own, *_replicas(said)], columns)


def _replicas(said: Mapping[str, str]) -> list[dict[str, Json]]:
    found: list[dict[str, Json]] = []
    for name, value in said.items():
        if re.fullmatch(r"slave[0-9]+", name):
            pairs = dict(pair.partition("=")[::2] for pair in value.split(","))
            address = f"{pairs.get('ip')}:{pairs.get('port')}"
            found.append({**pairs, "server": "replica", "role": "slave", "address": address})
    return found


def _redis_fields(output: bytes, parser: str) -> dict[str, str]:
    """The `name:value` lines of INFO; headings begin with `#`. Raises `ParseError` (NOAUTH and other errors)."""
    said: dict[str, str] = {}
    for line in lines_of(output.replace(b"\r\n", b"\n")):
        name, colon, value = line.partition(":")
        if line.startswith("#") or not line:
            continue
        if not colon or " " in name:
            raise unexpected(parser, "name:value", line)
        said[name] = value
    return said


_CLIENT_COLUMNS: Mapping[str, str] = {
    "id": "id", "address": "addr", "name": "name", "user": "user", "database": "db", "age": "age", "idle": "idle", "command": "cmd",
}  # fmt: skip
"""Our column -> the field of CLIENT LIST (redis.io/commands/client-list)."""


def parse_redis_clients(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `redis-cli CLIENT LIST`: one line of `field=value` for each; names can hold no blank there."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        if not line:
            continue
        fields = dict(part.partition("=")[::2] for part in line.split(" "))
        if "id" not in fields or "addr" not in fields:
            raise unexpected("F:redis_clients", "a client's fields", line)
        records.append({column: fields.get(field) or None for column, field in _CLIENT_COLUMNS.items()})
    return rows_of(records, columns)


_SLOWLOG_FIELDS = 4
_MICROSECONDS = 1_000_000


def parse_redis_slowlog(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `redis-cli --json SLOWLOG GET` to `at`, `took` in seconds, `command` with its first argument, `client`.

    Further arguments are values, which may be secret.
    """
    entries = load_json(output)
    records: list[dict[str, Json]] = []
    for entry in entries if isinstance(entries, list) else [entries] if entries is not None else []:
        if not isinstance(entry, list) or len(entry) < _SLOWLOG_FIELDS:
            raise unexpected("F:redis_slowlog", "entries of number, time, duration and command", str(entry))
        _, at, took, words, *who = entry
        if not isinstance(took, int) or not isinstance(words, list):
            raise unexpected("F:redis_slowlog", "a duration and a command", str(entry))
        command = " ".join(str(word) for word in words[:2])
        client = who[0] if who else None
        records.append({"at": at, "took": took / _MICROSECONDS, "command": command, "client": client})
    return rows_of(records, columns)
