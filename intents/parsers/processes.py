"""What ps and ss write."""

import re
from collections.abc import Mapping

from intents.parsers.conversion import decode, lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

_NET_IDS = frozenset({"tcp", "udp", "raw", "sctp", "dccp", "mptcp"})
_USER = re.compile(r'\("((?:[^"\\]|\\.)*)",pid=([0-9]+),fd=[0-9]+\)')
_SOCKET_FIELDS = 6
_BUSYBOX_UNITS = {"m": 1024, "g": 1024**2}
_PROC_STAT = re.compile(
    r"(?P<pid>[0-9]+) \((?P<name>.*)\) (?P<state>[A-Za-z])(?P<numbers>(?: -?[0-9]+)+)\n?\Z", re.DOTALL
)
_NICE, _STARTED = 15, 18
"""Places of nice and starttime, fields 19 and 22 of proc(5), in the numbers that begin with field 4."""
_ENDED = frozenset("ZXx")
_STUCK = frozenset("DZ")
_BRANCH = re.compile(
    r" *(?P<pid>[0-9]+) +(?P<parent>[0-9]+) (?P<user>.{32}) (?P<tree>(?P<branch>(?:(?: \|  |    )* \\_ )?).*)",
    re.DOTALL,
)


def parse_ps_args(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `ps -o ... -ww` with the heading line, in the columns' order, the command last.

    `memory` is in KiB there (busybox writes `17m` or `9.8m` for larger ones) and becomes bytes.
    """
    records: list[dict[str, Json]] = []
    names = [column.name for column in columns]
    for line in lines_of(output)[1:]:
        fields = line.split(None, len(names) - 1)
        if len(fields) != len(names):
            raise unexpected("F:ps_args", f"{len(names)} columns", line)
        record: dict[str, Json] = dict(zip(names, fields, strict=True))
        if "memory" in record:
            record["memory"] = _kib_to_bytes(str(record["memory"]), line)
        records.append(record)
    return rows_of(records, columns)


def parse_ps_of(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    """Read busybox's `ps -o ...`, which can't be asked for one account, to the rows of `user` (all without it).

    busybox(1) cuts a name to 8 letters, and so is the one that is looked for.
    """
    rows = parse_ps_args(output, columns)
    wanted = options.get("user")
    return rows if wanted is None else [row for row in rows if row.get("user") == wanted[:8]]


def parse_ps_stuck(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the same to the processes whose `state` begins with D or Z (ps(1), process state codes)."""
    return [row for row in parse_ps_args(output, columns) if str(row.get("state"))[:1] in _STUCK]


def parse_ps_forest(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `ps --forest -o pid,ppid,user:32,args -ww` to `pid`, `parent`, `user`, `depth` and `tree`, in its order.

    `tree` is the command line with the branches that ps draws before it; each level is four characters wide.
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output)[1:]:
        match = _BRANCH.match(line)
        if match is None:
            raise unexpected("F:ps_forest", "two process ids, an account and a command", line)
        depth = len(match["branch"]) // 4
        records.append({**match.groupdict(), "user": match["user"].strip(), "depth": depth})
    return rows_of(records, columns)


def _kib_to_bytes(text: str, line: str) -> int:
    factor = _BUSYBOX_UNITS.get(text[-1:], 1)
    digits = text.rstrip("mg")
    if not re.fullmatch(r"\d+(?:\.\d)?", digits):
        raise unexpected("F:ps_args", "memory in KiB", line)
    return round(float(digits) * factor * 1024)


def parse_ss_listening(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `ss -H -tulnp` to `protocol`, `address`, `port`, `interface`, `process` and `pid`.

    A socket shared by several processes is one row each. Processes of others are seen by root
    only: `process` and `pid` are None then.
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        fields = line.split(None, _SOCKET_FIELDS)
        if len(fields) < _SOCKET_FIELDS or fields[0] not in _NET_IDS or ":" not in fields[4]:
            raise unexpected("F:ss_listening", "protocol, state, two counts and two addresses", line)
        address, _, port = fields[4].rpartition(":")
        address, _, interface = address.partition("%")
        interface = interface.removesuffix("]")
        socket: dict[str, Json] = {
            "protocol": fields[0],
            "address": address.strip("[]"),
            "port": port,
            "interface": interface or None,
        }
        users = _USER.findall(fields[6]) if len(fields) > _SOCKET_FIELDS else []
        distinct = dict.fromkeys((name, pid) for name, pid in users)
        records += [{**socket, "process": name, "pid": pid} for name, pid in distinct] or [socket]
    return rows_of(records, columns)


def parse_proc_stat(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read /proc/PID/stat to `pid`, `name`, `stopped`, `nice` and `started` (clock ticks after the boot).

    A process that ended and that its parent hasn't fetched yet is no row. The start tells two
    processes with the same number apart; the state of a running one (R, S, D) changes all the time
    and isn't told.
    """
    if not output:
        return []
    match = _PROC_STAT.match(decode(output))
    numbers = match["numbers"].split() if match else []
    if match is None or len(numbers) <= _STARTED:
        raise unexpected("F:proc_stat", "a number, a name in parentheses and the fields of proc(5)", decode(output))
    if match["state"] in _ENDED:
        return []
    record: dict[str, Json] = {
        "pid": match["pid"],
        "name": match["name"],
        "stopped": match["state"] == "T",
        "nice": numbers[_NICE],
        "started": numbers[_STARTED],
    }
    return rows_of([record], columns)


def parse_ss_connected(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `ss -H -t -n -p` with a filter of one state (so that ss leaves the state out) to `local`, `peer` and `process`."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        fields = line.split(None, 4)
        if len(fields) < 4 or not fields[0].isdigit() or not fields[1].isdigit():  # noqa: PLR2004 - two counts, two addresses
            raise unexpected("F:ss_connected", "two counts and two addresses", line)
        users = _USER.findall(fields[4]) if len(fields) > 4 else []  # noqa: PLR2004 - the users come last
        records.append({"local": fields[2], "peer": fields[3], "process": users[0][0] if users else None})
    return rows_of(records, columns)
