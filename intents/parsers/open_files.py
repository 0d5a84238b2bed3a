"""What lsof writes with `-F...0`, and what /proc and pgrep tell of processes."""

import re
from collections.abc import Iterator, Mapping

from intents.parsers.conversion import decode, lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

_PROCESS_FIELDS: Mapping[str, str] = {"p": "pid", "c": "process", "u": "user_id", "L": "user"}
_FILE_FIELDS: Mapping[str, str] = {"f": "descriptor", "t": "kind", "s": "size", "n": "path"}
_DELETED = " (deleted)"
_NUMBERED = re.compile(r"([0-9]+) (.*)\Z")
_STATUS_FIELDS: Mapping[str, str] = {
    "Name": "name", "State": "state", "Pid": "pid", "PPid": "parent", "Threads": "threads", "VmRSS": "memory",
    "VmHWM": "memory_peak", "VmSwap": "swapped", "Seccomp": "seccomp", "NoNewPrivs": "no_new_privileges",
    "Cpus_allowed_list": "processors", "voluntary_ctxt_switches": "waits", "nonvoluntary_ctxt_switches": "preempted",
}  # fmt: skip


def parse_lsof(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `lsof -F` with any of `pcuLftsn` and 0 (lsof(8), output for other programs) to one row per open file.

    `descriptor` is a number or a word such as `cwd`, `txt`, `mem`; ` (deleted)` behind a path becomes `is_deleted`.

    >>> parse_lsof(b"p7\0ccat\0\nf3\0tREG\0n/a b (deleted)\0\n", (Column("pid", "integer"), Column("path", "path")))
    [{'pid': 7, 'path': '/a b'}]
    """
    return rows_of(_open_files(output), columns)


def _open_files(output: bytes) -> Iterator[dict[str, Json]]:
    process: dict[str, Json] = {}
    for record in output.split(b"\0\n"):
        if not record:
            continue
        fields = [decode(field) for field in record.split(b"\0")]
        if fields[0][:1] == "p":
            process = {_PROCESS_FIELDS[one[0]]: one[1:] for one in fields if one[:1] in _PROCESS_FIELDS}
            continue
        if fields[0][:1] != "f" or not process:
            raise unexpected("F:lsof", "records that begin with p or f", fields[0])
        found: dict[str, Json] = {_FILE_FIELDS[one[0]]: one[1:] for one in fields if one[:1] in _FILE_FIELDS}
        path = str(found.get("path", ""))
        yield {**process, **found, "path": path.removesuffix(_DELETED), "is_deleted": path.endswith(_DELETED)}


def parse_lsof_processes(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the same to one row per process, with `count` of the files and the first of the `path`s."""
    processes: dict[str, dict[str, Json]] = {}
    for one in _open_files(output):
        found = processes.setdefault(str(one["pid"]), {**one, "count": 0})
        found["count"] = int(str(found["count"])) + 1
    return rows_of(processes.values(), columns)


def parse_pgrep(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `pgrep -a` to `pid` and `command`."""
    records: list[Mapping[str, Json]] = []
    for line in lines_of(output):
        match = _NUMBERED.match(line)
        if match is None:
            raise unexpected("F:pgrep", "a process id and a command", line)
        records.append({"pid": match[1], "command": match[2]})
    return rows_of(records, columns)


def parse_proc_status(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read /proc/PID/status (proc(5)) to one row; memory in bytes, `user_id` the effective one, no row for no process."""
    record: dict[str, Json] = {}
    for line in lines_of(output):
        key, colon, value = line.partition(":")
        if not colon:
            raise unexpected("F:proc_status", "lines `Key: value`", line)
        value = value.strip()
        if key in _STATUS_FIELDS:
            record[_STATUS_FIELDS[key]] = int(value.removesuffix(" kB")) * 1024 if value.endswith(" kB") else value
        elif key in {"Uid", "Gid"}:
            record["user_id" if key == "Uid" else "group_id"] = value.split()[1]
    return rows_of([record] if record else [], columns)


def parse_prlimit(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `prlimit --raw --output RESOURCE,SOFT,HARD,UNITS` to `resource` (small letters), `soft`, `hard`, `unit`."""
    records: list[Mapping[str, Json]] = []
    for line in lines_of(output)[1:]:
        fields = line.split(" ")
        if len(fields) != 4:  # noqa: PLR2004 - the four that were asked for
            raise unexpected("F:prlimit", "four fields", line)
        records.append(dict(zip(("resource", "soft", "hard", "unit"), (fields[0].lower(), *fields[1:]), strict=True)))
    return rows_of(records, columns)
