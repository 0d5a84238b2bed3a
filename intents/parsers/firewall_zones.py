"""What firewalld says of its zones, ufw of its rules, and nft of the addresses that it translates."""

import re
from collections.abc import Iterator, Mapping

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.parsers.firewalls import parse_nft_ruleset
from intents.values import Column, Json, Row

_Record = Mapping[str, Json]

_UFW_SHORT = re.compile(
    r"ufw (?:(?P<route>route) )?(?P<action>allow|deny|reject|limit)(?: (?P<direction>in|out))? ?(?P<rest>.*)\Z"
)
_UFW_PORT = re.compile(r"(?P<port>[0-9:,]+)(?:/(?P<protocol>[a-z]+))?\Z")
_ZONE = re.compile(r"(?P<zone>[A-Za-z0-9_-]+)(?: \((?P<marks>[^)]*)\))?\Z")
_ZONE_LISTS = ("services", "ports", "protocols", "source-ports", "icmp-blocks", "interfaces", "sources")
_TRANSLATES = re.compile(r"(?:^|\s)(?:masquerade|snat|dnat|redirect)(?:\s|$)")


def parse_ufw_rule(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    """Read `ufw show added` to one row: the `action` (allow, deny, limit, none) of the rule for what the options name.

    Options: `port`, `protocol` and `source`; one that isn't given is one that the rule doesn't name.
    """
    wanted = {name: options.get(name) for name in ("port", "protocol", "source")}
    for rule in _ufw_rules(output):
        if {name: rule[name] for name in wanted} == wanted:
            return rows_of([{"action": rule["action"]}], columns)
    return rows_of([{"action": "none"}], columns)


def _ufw_rules(output: bytes) -> list[_Record]:
    records: list[_Record] = []
    for line in lines_of(output):
        if line.startswith(("Added user rules", "(None)")) or not line.strip():
            continue
        match = _UFW_SHORT.match(line)
        if match is None:
            raise unexpected("F:ufw_rules", "a rule of ufw", line)
        records.append({"rule": line.removeprefix("ufw "), "action": match["action"], **_ufw_parts(match["rest"])})
    return records


def _ufw_parts(text: str) -> dict[str, Json]:
    """Return port, protocol and source: `443/tcp`, or `from 10.0.0.0/8 to any port 5432 proto tcp`."""
    plain = text.partition(" comment ")[0]
    short = _UFW_PORT.match(plain)
    if short is not None:
        return {"port": short["port"], "protocol": short["protocol"], "source": None}
    words = plain.split()
    given = dict(zip(words[::2], words[1::2], strict=False))
    after_to = words[words.index("to") :] if "to" in words else words
    port = after_to[after_to.index("port") + 1] if "port" in after_to[:-1] else None
    source = given.get("from")
    return {"port": port, "protocol": given.get("proto"), "source": None if source == "any" else source}


def parse_firewalld_zones(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `firewall-cmd --list-all-zones` (or `--list-all`) to one row per thing that a zone names.

    A row has `zone`, `active`, `kind` (target, service, port, interface, source, rich rule, forward port, ...) and `value`.
    """
    return rows_of(_zone_parts(output), columns)


def _zone_parts(output: bytes) -> Iterator[_Record]:
    zone: dict[str, Json] = {}
    nested = ""
    for line in lines_of(output):
        if not line.strip():
            continue
        if not line.startswith((" ", "\t")):
            match = _ZONE.match(line)
            if match is None:
                raise unexpected("F:firewalld_zones", "a zone", line)
            zone, nested = {"zone": match["zone"], "active": "active" in (match["marks"] or "")}, ""
        elif line.startswith("\t") and nested and zone:
            yield {**zone, "kind": nested, "value": line.strip()}
        else:
            key, colon, value = line.strip().partition(":")
            if not colon or not zone:
                raise unexpected("F:firewalld_zones", "a zone's property", line)
            nested = {"rich rules": "rich rule", "forward-ports": "forward port"}.get(key, "")
            yield from _zone_property(zone, key, value.strip())


def _zone_property(zone: _Record, key: str, value: str) -> Iterator[_Record]:
    if key in _ZONE_LISTS:
        for one in value.split():
            yield {**zone, "kind": key.removesuffix("s"), "value": one}
    elif key == "target" or (key in {"masquerade", "forward"} and value == "yes"):
        yield {**zone, "kind": key, "value": value}


def parse_nft_translating(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `nft -a list ruleset` like `F:nft_ruleset`, to the rules alone that change addresses or ports."""
    return [row for row in parse_nft_ruleset(output, columns) if _is_rule(row) and _TRANSLATES.search(str(row["rule"]))]


def _is_rule(row: Row) -> bool:
    """A chain's policy and a set's elements are no rules; a row without the column can't be judged."""
    return row.get("handle") is not None and "rule" in row


def parse_ufw_active(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read the first line of `ufw status` to one row with `active`.

    >>> parse_ufw_active(b"Status: inactive\n", (Column("active", "boolean"),))
    [{'active': False}]
    """
    lines = lines_of(output)
    if not lines:
        return []
    if lines[0] not in {"Status: active", "Status: inactive"}:
        raise unexpected("F:ufw_active", "`Status: active` or `inactive`", lines[0])
    return rows_of([{"active": lines[0] == "Status: active"}], columns)
