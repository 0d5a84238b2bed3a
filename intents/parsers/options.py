"""Parsers that need to be told something of the request: a key to look up, a separator, a column's number.

Such a parser is a pure function of the output, the declared columns and the options by name, all texts.
An option that the request didn't give is absent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from intents.parsers import (
    access,
    documents,
    files,
    filesystems,
    firewall_zones,
    journals,
    machine,
    modules,
    package_relations,
    port_rules,
    processes,
    rotations,
    schedules,
    settings,
    texts,
)
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
    "F:acl_entry": ParserWithOptions(access.parse_acl_entry, frozenset({"user", "group"})),
    "F:at_job": ParserWithOptions(schedules.parse_at_job, frozenset({"number"})),
    "F:attribute": ParserWithOptions(access.parse_attribute, frozenset({"attribute"})),
    "F:diff_brief": ParserWithOptions(texts.parse_diff_brief, frozenset({"left", "right"})),
    "F:dmesg_raw": ParserWithOptions(machine.parse_dmesg_raw, frozenset({"levels"})),
    "F:document": ParserWithOptions(documents.parse_document, frozenset({"format", "path", "key"})),
    "F:fields": ParserWithOptions(texts.parse_fields, frozenset({"columns", "separator"})),
    "F:files_between": ParserWithOptions(files.parse_files_between, frozenset({"since", "before"})),
    "F:frequency": ParserWithOptions(texts.parse_frequency, frozenset({"column", "separator"})),
    "F:journal_files_going": ParserWithOptions(journals.parse_journal_files_going, frozenset({"size"})),
    "F:lines_from": ParserWithOptions(texts.parse_lines_from, frozenset({"first"})),
    "F:log_rule": ParserWithOptions(rotations.parse_log_rule, frozenset({"rule"})),
    "F:held": ParserWithOptions(filesystems.parse_held, frozenset({"device"})),
    "F:lvm_volume": ParserWithOptions(filesystems.parse_lvm_volume, frozenset({"volume", "snapshot"})),
    "F:proc_module": ParserWithOptions(modules.parse_proc_module, frozenset({"module"})),
    "F:ps_of": ParserWithOptions(processes.parse_ps_of, frozenset({"user"})),
    "F:sudo_log": ParserWithOptions(journals.parse_sudo_log, frozenset({"user"})),
    "F:table": ParserWithOptions(documents.parse_table, frozenset({"separator", "column", "equals", "over", "under"})),
    "F:validity": ParserWithOptions(documents.parse_validity, frozenset({"format", "path"})),
    "F:sshd_settings": ParserWithOptions(settings.parse_sshd_settings, frozenset({"directive", "value"})),
    "F:dpkg_owner": ParserWithOptions(package_relations.parse_dpkg_owner, frozenset({"path"})),
    "F:firewalld_port": ParserWithOptions(port_rules.parse_firewalld_port, frozenset({"port", "protocol"})),
    "F:ufw_rule": ParserWithOptions(firewall_zones.parse_ufw_rule, frozenset({"port", "protocol", "source"})),
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
