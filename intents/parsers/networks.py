"""What `ip -json` and getent write of the network."""

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
