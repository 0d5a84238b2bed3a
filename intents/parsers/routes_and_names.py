"""What tracepath, dig and getent say of the way to a host and of its names."""

import re
from collections.abc import Mapping

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

_Record = Mapping[str, Json]

_HOP = re.compile(
    r" ?(?P<hop>[0-9]+)(?:\?|:)?:?\s+(?:\[LOCALHOST\]|(?P<address>[0-9a-fA-F.:]+|no reply))(?:.*?\s(?P<time>[0-9.]+)ms)?"
)
_DNS_RECORD = re.compile(r"(?P<name>\S+)\s+(?P<ttl>[0-9]+)\s+[A-Z]+\s+(?P<type>[A-Z0-9]+)\s+(?P<value>.+)\Z")
_MILLISECONDS = 1000


def parse_tracepath(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `tracepath -n` to one row per hop: `hop`, `address` (None without an answer) and `time` in seconds.

    >>> parse_tracepath(b" 1:  192.0.2.1   0.500ms \n 2:  no reply\n", (Column("hop", "integer"), Column("address")))
    [{'hop': 1, 'address': '192.0.2.1'}, {'hop': 2, 'address': None}]
    """
    hops: dict[int, _Record] = {}
    for line in lines_of(output):
        match = _HOP.match(line)
        if match is None:
            if line.strip() and not re.match(r"\s+(?:Resume|Too many hops)", line):
                raise unexpected("F:tracepath", "a hop and its address", line)
            continue
        address = None if match["address"] in {None, "no reply"} else match["address"]
        if "[LOCALHOST]" in line:
            continue
        time = float(match["time"]) / _MILLISECONDS if match["time"] else None
        record: _Record = {
            "hop": int(match["hop"]),
            "address": address,
            "time": None if time is None else round(time, 6),
        }
        if hops.get(int(match["hop"]), {}).get("address") is None:  # a hop is asked again for its packet size
            hops[int(match["hop"])] = record
    return rows_of(hops.values(), columns)


def parse_dig(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `dig +noall +answer` to one row per record: `name`, `ttl` in seconds, `type` and `value`.

    >>> parse_dig(b"example.org.\t300\tIN\tMX\t10 mail.example.org.\n", (Column("type"), Column("value")))
    [{'type': 'MX', 'value': '10 mail.example.org.'}]
    """
    records: list[_Record] = []
    for line in lines_of(output):
        match = _DNS_RECORD.match(line)
        if match is not None:
            records.append(match.groupdict())
        elif line.strip() and not line.startswith(";"):
            raise unexpected("F:dig", "name, time to live, class, type and value", line)
    return rows_of(records, columns)


def parse_getent_hosts(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `getent hosts ADDRESS` to `address`, `name` and the other `aliases`.

    >>> parse_getent_hosts(b"192.0.2.1  gw.example.org gw\n", (Column("name"), Column("aliases", "list")))
    [{'name': 'gw.example.org', 'aliases': ['gw']}]
    """
    records: list[_Record] = []
    for line in lines_of(output):
        address, *names = line.split()
        if not names:
            raise unexpected("F:getent_hosts", "an address and a name", line)
        aliases: list[Json] = [*names[1:]]
        records.append({"address": address, "name": names[0], "aliases": aliases})
    return rows_of(records, columns)


_ETHTOOL = {"Speed": "speed", "Duplex": "duplex", "Auto-negotiation": "negotiation", "Link detected": "link"}


def parse_ethtool(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `ethtool NAME` to one row: `speed`, `duplex`, `negotiation` and `link`.

    >>> parse_ethtool(b"Settings for eth0:\n\tSpeed: 1000Mb/s\n\tLink detected: yes\n", (Column("speed"), Column("link")))
    [{'speed': '1000Mb/s', 'link': 'yes'}]
    """
    lines = lines_of(output)
    if not lines or lines == ["No data available"]:
        return []
    if not lines[0].startswith("Settings for "):
        raise unexpected("F:ethtool", "`Settings for`", lines[0])
    record: dict[str, Json] = {}
    for line in lines[1:]:
        key, colon, value = line.strip().partition(": ")
        if colon and key in _ETHTOOL:
            record[_ETHTOOL[key]] = None if value.startswith("Unknown") else value
    return rows_of([record], columns)
