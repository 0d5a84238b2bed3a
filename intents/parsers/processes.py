"""What ps and ss write."""

import re

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

_NET_IDS = frozenset({"tcp", "udp", "raw", "sctp", "dccp", "mptcp"})
_USER = re.compile(r'\("((?:[^"\\]|\\.)*)",pid=([0-9]+),fd=[0-9]+\)')
_SOCKET_FIELDS = 6
_BUSYBOX_UNITS = {"m": 1024, "g": 1024**2}


def parse_ps_args(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `ps -o ... -ww` with the heading line, in the columns' order, the command last.

    `memory` is in KiB there (busybox writes `17m` for larger ones) and becomes bytes.
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


def _kib_to_bytes(text: str, line: str) -> int:
    factor = _BUSYBOX_UNITS.get(text[-1:], 1)
    digits = text.rstrip("mg")
    if not digits.isdigit():
        raise unexpected("F:ps_args", "memory in KiB", line)
    return int(digits) * factor * 1024


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
