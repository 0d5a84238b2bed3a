"""What ping, curl, ss, sar, nstat and ip write of connections: who answers, who is connected, how much goes over."""

import re
from collections.abc import Mapping

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.parsers.generic import load_json, records_of
from intents.values import Column, Json, Row

_PINGED = re.compile(r"PING \S+ ?\((?P<address>[0-9a-fA-F.:]+)(?:%\S+)?\)|PING (?P<bare>[0-9a-fA-F:.]+)\(")
_COUNTS = re.compile(
    r"(?P<sent>[0-9]+) packets transmitted, (?P<received>[0-9]+)(?: packets)? received.*?(?P<loss>[0-9.]+)% packet loss"
)
_TIMES = re.compile(
    r"(?:rtt|round-trip) min/avg/max(?:/mdev)? = (?P<shortest>[0-9.]+)/(?P<average>[0-9.]+)/(?P<longest>[0-9.]+)"
)
_USER = re.compile(r'\("(?P<name>[^"]*)",pid=(?P<pid>[0-9]+)')
_SS_FIELDS = 5
"""Protocol, two counts, two addresses; then the processes, where they are seen."""
_NO_NAME, _REFUSED, _TIMED_OUT = 6, 7, 28
"""Exit codes of curl(1)."""
_BYTES_PER_KB = 1024
"""sar(1): rxkB/s and txkB/s are kibibytes."""
_FULL_LENGTH: Mapping[Json, int] = {"inet": 32, "inet6": 128}


def parse_ping(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `ping -n` of iputils or busybox to one row: `address`, `sent`, `received`, `loss`, and three times in seconds.

    The times are `shortest`, `average` and `longest`, None without any answer.
    """
    text = "\n".join(lines_of(output))
    if not text:
        return []
    asked, counts, times = _PINGED.search(text), _COUNTS.search(text), _TIMES.search(text)
    if asked is None or counts is None:
        raise unexpected("F:ping", "the address and the counts", text)
    record: dict[str, Json] = {**counts.groupdict(), "address": asked["address"] or asked["bare"]}
    if times is not None:
        record |= {name: round(float(value) / 1000, 6) for name, value in times.groupdict().items()}
    return rows_of([record], columns)


def parse_port_probe(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read curl's exit code, address, time of connecting and message between tabs to `state`, `address`, `took`, `message`.

    >>> parse_port_probe(b"28\t10.0.0.7\t0.002\tTime-out\n", (Column("state"), Column("took", "duration")))
    [{'state': 'open', 'took': 0.002}]
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        fields = line.split("\t", 3)
        if len(fields) != 4 or not fields[0].isdigit():  # noqa: PLR2004 - the fields of the format
            raise unexpected("F:port_probe", "an exit code, an address, a time and a message", line)
        code, address, took, message = int(fields[0]), fields[1], float(fields[2]), fields[3]
        connected = took > 0
        states = {_NO_NAME: "unknown name", _REFUSED: "closed", _TIMED_OUT: "filtered"}
        state = "open" if connected or code == 0 else states.get(code, "closed")
        record: dict[str, Json] = {"state": state, "address": address or None, "message": message or None}
        records.append({**record, "took": took if connected else None})
    return rows_of(records, columns)


def parse_resolv_conf(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read resolv.conf(5), of two in a row what both say once, to `kind` (nameserver, search, options) and `value`."""
    found: dict[tuple[str, str], None] = {}
    for line in lines_of(output):
        words = line.split()
        if not words or words[0].startswith(("#", ";")):
            continue
        if words[0] not in {"nameserver", "search", "domain", "options", "sortlist"}:
            raise unexpected("F:resolv_conf", "nameserver, search or options", line)
        kind = "search" if words[0] == "domain" else words[0]
        found |= dict.fromkeys((kind, word) for word in words[1:])
    return rows_of([{"kind": kind, "value": value} for kind, value in found], columns)


def parse_ss_connections(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `ss -H -t -u -n -p state established` to `protocol`, both addresses and ports, `process` and `pid`.

    The columns are `local`, `local_port`, `peer` and `peer_port`. A connection of several processes is the first one's.
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        fields = line.split(None, _SS_FIELDS)
        if len(fields) < _SS_FIELDS or not fields[1].isdigit() or ":" not in fields[4]:
            raise unexpected("F:ss_connections", "protocol, two counts and two addresses", line)
        user = _USER.search(fields[5]) if len(fields) > _SS_FIELDS else None
        local, local_port = _address_and_port(fields[3])
        peer, peer_port = _address_and_port(fields[4])
        ends: dict[str, Json] = {"local": local, "local_port": local_port, "peer": peer, "peer_port": peer_port}
        process: dict[str, Json] = {"process": user["name"], "pid": user["pid"]} if user else {}
        records.append({"protocol": fields[0], **ends, **process})
    return rows_of(records, columns)


def _address_and_port(text: str) -> tuple[str, str]:
    """An IPv6 address stands in brackets; one that IPv4 came in by (`::ffff:10.0.0.7`) is told as IPv4."""
    address, _, port = text.rpartition(":")
    return address.replace("[", "").replace("]", "").partition("%")[0].removeprefix("::ffff:"), port


def parse_sar_interfaces(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the averages of `sar -n DEV` to `interface`, `received` and `sent` (bytes per second), packets, `utilisation`.

    The packets per second are `received_packets` and `sent_packets`; `utilisation` is missing before sysstat 9.1.
    """
    averages = [line.split()[1:] for line in lines_of(output) if line.startswith("Average:")]
    if output.strip() and not averages:
        raise unexpected("F:sar_interfaces", "averages", lines_of(output)[0])
    records: list[dict[str, Json]] = []
    names = averages[0] if averages else []
    for values in averages[1:]:
        if len(values) != len(names) or "rxkB/s" not in names:
            raise unexpected("F:sar_interfaces", "one number for each heading", " ".join(values))
        cells = dict(zip(names, values, strict=True))
        records.append(
            {
                "interface": cells.get("IFACE"),
                "received": round(float(cells["rxkB/s"]) * _BYTES_PER_KB),
                "sent": round(float(cells["txkB/s"]) * _BYTES_PER_KB),
                "received_packets": cells.get("rxpck/s"),
                "sent_packets": cells.get("txpck/s"),
                "utilisation": cells.get("%ifutil"),
            }
        )
    return rows_of(records, columns)


def parse_nstat(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `nstat -j` to `counter` and `value`.

    >>> parse_nstat(b'{"kernel":{"TcpRetransSegs":3}}', (Column("counter"), Column("value", "integer")))
    [{'counter': 'TcpRetransSegs', 'value': 3}]
    """
    records = records_of(load_json(output), "F:nstat")
    counters = records[0].get("kernel") if records else {}
    if not isinstance(counters, Mapping):
        raise unexpected("F:nstat", "the kernel's counters", str(counters))
    return rows_of([{"counter": name, "value": value} for name, value in counters.items()], columns)


def parse_ip_addresses_of(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `ip -j address show dev NAME` to one row: `interface` and the list `addresses` (`10.0.0.5/24`).

    The length of a lone address (/32, /128) is left out, as people leave it out.
    """
    rows: list[dict[str, Json]] = []
    for link in records_of(load_json(output), "F:ip_addresses_of"):
        if not link:
            continue  # iproute2 6.1 writes an empty object for what its filter left out
        addresses: list[Json] = [
            str(one.get("local"))
            if one.get("prefixlen") == _FULL_LENGTH.get(one.get("family"))
            else f"{one.get('local')}/{one.get('prefixlen')}"
            for one in records_of(link.get("addr_info"), "F:ip_addresses_of")
        ]
        rows.append({"interface": link.get("ifname"), "addresses": addresses})
    return rows_of(rows, columns)


def parse_ip_link_switch(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `ip -j link show dev NAME` to `interface` and `switched_on`: IFF_UP of netdevice(7), with or without a carrier."""
    rows: list[dict[str, Json]] = []
    for link in records_of(load_json(output), "F:ip_link_switch"):
        flags = link.get("flags")
        if not isinstance(flags, list):
            raise unexpected("F:ip_link_switch", "an interface with flags", str(link))
        rows.append({"interface": link.get("ifname"), "switched_on": "UP" in flags})
    return rows_of(rows, columns)
