"""What nft writes of its rules and sets."""

import re

from intents.parsers.conversion import decode, lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

_TABLE = re.compile(r"table (?P<family>\S+) (?P<table>\S+) \{")
_BLOCK = re.compile(r"\t(?P<kind>chain|set|map|flowtable|counter|quota|limit|ct helper|ct timeout) (?P<name>\S+) \{")
_HANDLE = re.compile(r" # handle (?P<handle>[0-9]+)\Z")
_ELEMENTS = re.compile(r"\belements = \{ (?P<elements>[^}]*?)\s*\}", re.DOTALL)


def parse_nft_ruleset(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `nft -a list ruleset` to one row per rule, chain property and set property.

    A row has `family`, `table`, `part` ("chain input"), `rule` (nft's own words for it) and `handle`
    (None for what is no rule). Elements of a set stand in one row, however many lines nft uses.
    """
    records: list[dict[str, Json]] = []
    table: dict[str, Json] = {}
    part: str | None = None
    for line in lines_of(output):
        handle = _HANDLE.search(line)
        text = line[: handle.start()] if handle else line
        found = _TABLE.match(text)
        block = _BLOCK.match(text)
        if found is not None:
            table, part = dict(found.groupdict()), None
        elif block is not None and table:
            part = f"{block['kind']} {block['name']}"
        elif text == "\t}":
            part = None
        elif text.startswith("\t\t") and part is not None:
            if records and _is_open(str(records[-1]["rule"])):
                records[-1]["rule"] = f"{records[-1]['rule']} {text.strip()}"
            else:
                number = int(handle["handle"]) if handle else None
                records.append({**table, "part": part, "rule": text.strip(), "handle": number})
        elif text not in {"}", ""} and not text.startswith("#"):
            raise unexpected("F:nft_ruleset", "tables of chains and sets", line)
    return rows_of(records, columns)


def _is_open(rule: str) -> bool:
    """Whether a list of elements goes on in the next line."""
    return rule.startswith("elements = {") and not rule.endswith("}")


def parse_nft_element(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `nft get element` to one row with the `element` of the set that holds what was asked for.

    >>> parse_nft_element(b"table inet t {\n\tset s {\n\t\telements = { 10.0.0.0/8 }\n\t}\n}\n", (Column("element"),))
    [{'element': '10.0.0.0/8'}]
    """
    if not output.strip():
        return []
    match = _ELEMENTS.search(decode(output))
    if match is None:
        raise unexpected("F:nft_element", "a set with elements", decode(output))
    return rows_of([{"element": match["elements"]}], columns)
