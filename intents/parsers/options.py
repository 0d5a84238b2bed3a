"""Parsers that need to be told something of the request: a key to look up, a separator, a column's number.

Such a parser is a pure function of the output, the declared columns and the options by name, all texts.
An option that the request didn't give is absent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from intents.parsers import package_relations, port_rules
from intents.values import Column, Row

OptionParser: TypeAlias = Callable[[bytes, tuple[Column, ...], Mapping[str, str]], list[Row]]

NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ParserWithOptions:
    """A parser and the names of the options that it knows."""

    parse: OptionParser
    options: frozenset[str]

    def __call__(self, output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
        """Return the rows of the output. Raises `ParseError`."""
        return self.parse(output, columns, options)


PARSERS_WITH_OPTIONS: Mapping[str, ParserWithOptions] = {
    "F:dpkg_owner": ParserWithOptions(package_relations.parse_dpkg_owner, frozenset({"path"})),
    "F:firewalld_port": ParserWithOptions(port_rules.parse_firewalld_port, frozenset({"port", "protocol"})),
    "F:ufw_port": ParserWithOptions(port_rules.parse_ufw_port, frozenset({"port", "protocol"})),
}
"""Every parser that takes options, by its name in a pack."""


def options_of(parser: str) -> frozenset[str]:
    """Return the names of the options that a parser takes; none for a parser without.

    >>> options_of("kv")
    frozenset()
    """
    found = PARSERS_WITH_OPTIONS.get(parser)
    return found.options if found is not None else frozenset()
