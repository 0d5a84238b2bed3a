r"""Patterns of hosts, as Ansible's `--limit` and `ansible PATTERN` have them.

web,db1        several; `:` parts them as well where no comma does
web*           shell patterns over the names of groups and hosts
~web\d+        a regular expression, from the beginning of a name
web[0], web[-1], web[0:2]   one or some of the hosts that the rest means, counted from 0
web:&staging   only those that are in staging as well
web:!web3      not web3
@FILE          a pattern in each line of a file
"""

import difflib
import fnmatch
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from executors.inventory_data import ALL, InventoryData
from executors.inventory_names import is_host_pattern, split_port
from executors.ssh_errors import shown
from intents.errors import TargetError

_SPECIAL = re.compile(r"[.?*\[]")
_SUBSCRIPT = re.compile(r"(.+)\[(?:(-?[0-9]+)|([0-9]+)[:-]([0-9]*))\]")
_BETWEEN_COLONS = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")


def split_pattern(text: str) -> tuple[str, ...]:
    """Return the terms of a pattern: parted by commas, else by colons that belong to no address and no range.

    >>> split_pattern("web:&staging:!web3"), split_pattern("web[0:5]"), split_pattern("a, b[1:2]"), split_pattern("::1")
    (('web', '&staging', '!web3'), ('web[0:5]',), ('a', 'b[1:2]'), ('::1',))
    """
    if "," in text:
        terms: Iterable[str] = text.split(",")
    elif is_host_pattern(split_port(text)[0]):
        terms = [text]
    else:
        # A bracket that isn't closed belongs to no term: then the text is one, and nothing of it is dropped.
        is_whole = not _BETWEEN_COLONS.sub("", text).strip(": \t")
        terms = _BETWEEN_COLONS.findall(text) if is_whole else [text]
    return tuple(term.strip() for term in terms if term.strip())


def match_hosts(pattern: str, data: InventoryData) -> tuple[str, ...]:
    """Return the names of the hosts that `pattern` means, each once, in Ansible's order.

    First come the terms without a mark, then `&` and then `!` take hosts away; with only marked
    terms they are taken from all. A name that is a host's and a group's means the host.

    Raises `TargetError` for a name that isn't known (naming the closest), and for a pattern that
    means no host.
    """
    terms = [one for term in split_pattern(pattern) for one in _with_files(term)]
    chosen: dict[str, None] = {}
    for term in [term for term in terms if term[0] not in "&!"] or [ALL]:
        chosen.update(dict.fromkeys(_members(term, data)))
    for mark, keeps in (("&", True), ("!", False)):
        for term in terms:
            if term[0] == mark:
                named = set(_members(term[1:].strip(), data))
                chosen = {name: None for name in chosen if (name in named) is keeps}
    if not terms or not chosen:
        raise TargetError(
            f"{shown(pattern)!r} means no host.",
            remedy="Name hosts or groups of the inventory (`sayso hosts list`); `--inventory PATH` gives one.",
            host=shown(pattern),
        )
    return tuple(chosen)


def _with_files(term: str) -> list[str]:
    """`@FILE` stands for its lines, such as those of a `.retry` file."""
    if not term.startswith("@"):
        return [term]
    try:
        lines = Path(term[1:]).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TargetError(
            f"The file of hosts {shown(term[1:])} can't be read ({shown(getattr(error, 'strerror', None) or error)}).",
            remedy="After `@` stands a file with a host or pattern in each line.",
            host=shown(term),
        ) from error
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def _members(term: str, data: InventoryData) -> list[str]:
    if term in data.hosts:
        return [term]
    expression, choose = _subscripted(term)
    matches = _matcher(expression)
    groups = [name for name in data.groups if matches(name)]
    # Hosts may be twice in it, and are counted so by a subscript: as Ansible does.
    found = [host for name in groups for host in data.hosts_of(name)]
    if not groups or expression.startswith("~") or _SPECIAL.search(expression):
        found += [name for name in data.hosts if matches(name)]
    if not found and not groups:
        raise _unknown(term, data)
    try:
        return choose(found)
    except IndexError:
        raise TargetError(
            f"{shown(term)!r} counts further than there are hosts ({len(found)}).",
            remedy="The first host is [0], the last one [-1].",
            host=shown(term),
        ) from None


def _matcher(expression: str) -> Callable[[str], object]:
    if not expression.startswith("~"):
        return lambda name: fnmatch.fnmatchcase(name, expression)
    # An empty one would mean everybody.
    fault = "" if expression[1:] else "it is empty"
    try:
        compiled = re.compile(expression[1:])
    except re.error as error:
        fault = shown(error)
    if fault:
        raise TargetError(
            f"{shown(expression)!r} is no regular expression: {fault}.",
            remedy="Correct it, or use a pattern such as web*.",
            host=shown(expression),
        )
    return compiled.match


def _subscripted(term: str) -> tuple[str, Callable[[list[str]], list[str]]]:
    """Split `web[0:2]` into `web` and what chooses the first three of its hosts."""
    found = None if term.startswith("~") else _SUBSCRIPT.fullmatch(term)
    if found is None:
        return term, lambda hosts: hosts
    expression, single, first, last = found.groups()
    if single:
        return expression, lambda hosts: [hosts[int(single)]] if hosts else []
    return expression, lambda hosts: hosts[int(first) : int(last) + 1 if last else None]


def _unknown(term: str, data: InventoryData) -> TargetError:
    closest = difflib.get_close_matches(term, (*data.hosts, *data.groups, "local"), n=1, cutoff=0.5)
    return TargetError(
        f"No host or group is called {shown(term)!r}.",
        remedy=f"Did you mean {shown(closest[0])}?"
        if closest
        else "`sayso hosts list` shows all; `sayso hosts add` makes one known, `--inventory PATH` names an inventory.",
        host=shown(term),
    )
