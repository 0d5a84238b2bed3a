"""What ufw and firewalld write of themselves: on or off, the defaults, the ports that they let in; and nft of its chains."""

import re
from collections.abc import Mapping

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.parsers.firewalls import parse_nft_ruleset
from intents.values import Column, Json, Row

_UFW_RULE = re.compile(
    r"(?P<to>\S.*?)\s{2,}(?P<action>(?:ALLOW|DENY|REJECT|LIMIT)(?: (?:IN|OUT|FWD))?)\s+(?P<source>\S.*?)\s*\Z"
)
_UFW_DEFAULT = re.compile(r"(?P<policy>[a-z]+) \((?P<direction>[a-z]+)\)")
_ZONE_PROPERTY = re.compile(r"  (?P<name>[a-z][a-z -]*):\s*(?P<value>.*?)\s*\Z")
_CHAIN = (Column("family"), Column("table"), Column("part"), Column("rule"))


def parse_ufw_status(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `ufw status verbose` to `setting` and `value`: the status, the defaults for each direction, each rule."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        key, colon, value = line.partition(": ")
        rule = _UFW_RULE.match(line)
        if colon and key == "Default":
            found = _UFW_DEFAULT.finditer(value)
            records += [{"setting": f"default {one['direction']}", "value": one["policy"]} for one in found]
        elif colon and key in {"Status", "Logging", "New profiles"}:
            records.append({"setting": key.casefold(), "value": value.strip()})
        elif rule is not None:
            said = f"{rule['to']} {rule['action'].casefold()} {rule['source']}"
            records.append({"setting": "rule", "value": said})
        elif line.strip() and not line.startswith(("To ", "--")):
            raise unexpected("F:ufw_status", "a status, a default or a rule", line)
    return rows_of(records, columns)


def parse_ufw_port(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    r"""Read `ufw status` to one row: `active`, and whether a rule of its own lets everybody to a port (`allowed`).

    The options are `port` and `protocol`. A rule for both transports, for a range or for some addresses is another rule.

    >>> said = b"Status: active\n\nTo      Action   From\n--      ------   ----\n443/tcp   ALLOW   Anywhere\n"
    >>> parse_ufw_port(said, (Column("allowed", "boolean"),), {"port": "443", "protocol": "tcp"})
    [{'allowed': True}]
    """
    lines = lines_of(output)
    if not lines or not lines[0].startswith("Status: "):
        raise unexpected("F:ufw_port", "Status: active", lines[0] if lines else "")
    wanted = f"{options.get('port')}/{options.get('protocol')}"
    rules = [rule for rule in map(_UFW_RULE.match, lines) if rule is not None]
    allowed = any(
        rule["to"] == wanted
        and rule["action"] in {"ALLOW", "ALLOW IN"}
        and rule["source"].partition(" #")[0].strip() == "Anywhere"
        for rule in rules
    )
    return rows_of([{"active": lines[0] == "Status: active", "allowed": allowed}], columns)


def parse_firewalld_zone(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `firewall-cmd --list-all` to `setting` and `value`: the zone, its properties, each rich rule."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = _ZONE_PROPERTY.match(line)
        if match is not None and match["name"] == "rich rules":
            continue  # they follow, one per line
        if match is not None:
            records.append({"setting": match["name"], "value": match["value"]})
        elif line.startswith("\t"):
            records.append({"setting": "rule", "value": line.strip()})
        elif line and not line.startswith(" "):
            records.append({"setting": "zone", "value": line.strip()})
        elif line.strip():
            raise unexpected("F:firewalld_zone", "a property of the zone", line)
    return rows_of(records, columns)


def parse_firewalld_port(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    r"""Read `firewall-cmd --list-ports` to one row: `active` (it answers only then) and `allowed`.

    The options are `port` and `protocol`. A port inside a range is open, but not by a rule of its own.

    >>> parse_firewalld_port(b"443/tcp 8000-8010/tcp\n", (Column("allowed", "boolean"),), {"port": "443", "protocol": "tcp"})
    [{'allowed': True}]
    """
    words = [word for line in lines_of(output) for word in line.split()]
    for word in words:
        if not re.fullmatch(r"[0-9]+(?:-[0-9]+)?/[a-z]+", word):
            raise unexpected("F:firewalld_port", "ports", word)
    wanted = f"{options.get('port')}/{options.get('protocol')}"
    return rows_of([{"active": True, "allowed": wanted in words}], columns)


def parse_nft_chains(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `nft list chains` to a row per chain that is hooked in: `setting` names it, `value` is its hook and policy."""
    return rows_of(
        [
            {"setting": f"{chain['part']} of {chain['family']} {chain['table']}", "value": chain["rule"]}
            for chain in parse_nft_ruleset(output, _CHAIN)
        ],
        columns,
    )
