"""What `ip -json` and getent write of the network."""

import re
from collections.abc import Mapping

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.parsers.generic import load_json, records_of
from intents.values import Column, Json, Row

_FAMILIES: Mapping[Json, str] = {"inet": "IPv4", "inet6": "IPv6"}


def parse_ip_addresses(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `ip -j address show` to one row per address: `interface`, `family`, `address`, `prefix`, `scope`, `state`."""
    records: list[dict[str, Json]] = [
        {
            "interface": link.get("ifname"),
            "family": _FAMILIES.get(address.get("family")),
            "address": address.get("local"),
            "prefix": address.get("prefixlen"),
            "scope": address.get("scope"),
            "state": link.get("operstate"),
        }
        for link in records_of(load_json(output), "F:ip_addresses")
        for address in records_of(link.get("addr_info"), "F:ip_addresses")
    ]
    return rows_of(records, columns)


def parse_ip_links(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `ip -j -s link show` to one row per interface, with its counters of bytes, errors and drops."""
    return rows_of([_link(link) for link in records_of(load_json(output), "F:ip_links")], columns)


def parse_ip_addresses_text(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `ip -o address show` of busybox, which has no JSON, to the same columns but the interface's state.

    >>> said = b"4: eth0    inet 192.0.2.2/24 brd 192.0.2.255 scope global eth0\\       valid_lft forever\n"
    >>> parse_ip_addresses_text(said, (Column("interface"), Column("address", "address"), Column("prefix", "integer")))
    [{'interface': 'eth0', 'address': '192.0.2.2', 'prefix': 24}]
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = re.match(r"[0-9]+: (\S+) +(inet6?) ([^\s/]+)(?: peer [^\s/]+)?(?:/([0-9]+))? .*?\bscope (\S+)", line)
        if match is not None:
            interface, kind, address, prefix, scope = match.groups()
            family = "IPv6" if kind == "inet6" else "IPv4"
            record: dict[str, Json] = {"interface": interface, "family": family, "address": address}
            records.append({**record, "prefix": prefix, "scope": scope})
        elif not re.match(r"[0-9]+: \S+: <", line):  # the interface's own line, which -o doesn't leave out everywhere
            raise unexpected("F:ip_addresses_text", "lines `N: INTERFACE inet ADDRESS/BITS ... scope SCOPE`", line)
    return rows_of(records, columns)


def parse_ip_links_text(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `ip -o link show` of busybox to `interface`, `state` (UP, DOWN), `mac` and `mtu`; it counts nothing.

    >>> said = b"2: eth0@if5: <BROADCAST,UP,LOWER_UP> mtu 1500 qdisc noop qlen 32\\    link/ether ce:b2:84:08:8f:ec brd ff:ff:ff:ff:ff:ff\n"
    >>> parse_ip_links_text(said, (Column("interface"), Column("state"), Column("mac")))
    [{'interface': 'eth0', 'state': 'UP', 'mac': 'ce:b2:84:08:8f:ec'}]
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = re.match(r"[0-9]+: ([^\s:@]+)(?:@\S+)?: <(\S*)> mtu ([0-9]+) [^\\]*(?:\\ *link/\S+(?: (\S+))?)?", line)
        if match is None:
            raise unexpected("F:ip_links_text", "lines `N: INTERFACE: <FLAGS> mtu N ...`", line)
        state = "UP" if "UP" in match[2].split(",") else "DOWN"
        records.append({"interface": match[1], "state": state, "mtu": match[3], "mac": match[4]})
    return rows_of(records, columns)


def _link(link: Mapping[str, Json]) -> dict[str, Json]:
    counters = link.get("stats64")
    received = counters.get("rx") if isinstance(counters, Mapping) else None
    sent = counters.get("tx") if isinstance(counters, Mapping) else None
    received = received if isinstance(received, Mapping) else {}
    sent = sent if isinstance(sent, Mapping) else {}
    return {
        "interface": link.get("ifname"),
        "state": link.get("operstate"),
        "mac": link.get("address"),
        "mtu": link.get("mtu"),
        "received": received.get("bytes"),
        "sent": sent.get("bytes"),
        "receive_errors": received.get("errors"),
        "send_errors": sent.get("errors"),
        "receive_drops": received.get("dropped"),
        "send_drops": sent.get("dropped"),
    }


def parse_ip_routes(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `ip -j route show` to `destination`, `gateway`, `interface`, `source`, `metric` and `protocol`.

    A route over several next hops is one row for each of them.
    """
    records: list[dict[str, Json]] = []
    for route in records_of(load_json(output), "F:ip_routes"):
        record: dict[str, Json] = {
            "destination": route.get("dst"),
            "gateway": _gateway(route),
            "interface": route.get("dev"),
            "source": route.get("prefsrc"),
            "metric": route.get("metric"),
            "protocol": route.get("protocol"),
        }
        hops = records_of(route.get("nexthops"), "F:ip_routes")
        records += [{**record, "gateway": _gateway(hop), "interface": hop.get("dev")} for hop in hops] or [record]
    return rows_of(records, columns)


def parse_ip_routes_text(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `ip route show` of busybox, which has no JSON and says of no route who set it, to the same columns.

    >>> parse_ip_routes_text(b"default via 192.0.2.1 dev eth0 \n", (Column("gateway", "address"), Column("interface")))
    [{'gateway': '192.0.2.1', 'interface': 'eth0'}]
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        words = line.split()
        if "dev" not in words[1:-1]:
            raise unexpected("F:ip_routes_text", "lines `NETWORK [via ADDRESS] dev INTERFACE ...`", line)
        told = {key: words[words.index(key) + 1] for key in ("via", "dev", "src", "metric") if key in words[1:-1]}
        record: dict[str, Json] = {"destination": words[0], "gateway": told.get("via"), "interface": told["dev"]}
        records.append({**record, "source": told.get("src"), "metric": told.get("metric")})
    return rows_of(records, columns)


def _gateway(route: Mapping[str, Json]) -> Json:
    via = route.get("via")
    return via.get("host") if isinstance(via, Mapping) else route.get("gateway")


def parse_getent_ahosts(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `getent ahosts NAME` to the distinct addresses with their `family` and the `name` that was found."""
    addresses: dict[str, str] = {}
    name = ""
    for line in lines_of(output):
        address, *rest = line.split() or [""]
        if not rest:
            raise unexpected("F:getent_ahosts", "an address and a socket type", line)
        name = name or (rest[1] if len(rest) > 1 else "")
        addresses.setdefault(address, "IPv6" if ":" in address else "IPv4")
    return rows_of(
        [{"address": address, "family": family, "name": name or None} for address, family in addresses.items()], columns
    )
