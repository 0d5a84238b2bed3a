"""What inventories say, put together: groups, hosts, and variables with the file that each comes from.

The rules of merging are Ansible's; the tests compare with `ansible-inventory --list` of ansible-core 2.19.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

ALL = "all"
UNGROUPED = "ungrouped"
EVERYBODY = (ALL, UNGROUPED)
"""The groups that are always there; no pattern but their own name means them."""


class Variable(NamedTuple):
    """A variable's value, and the file that says it."""

    value: object
    source: Path


Variables = dict[str, Variable]


@dataclass(frozen=True, slots=True)
class Vaulted:
    """A value encrypted by ansible-vault, as it stands in the file; never decrypted here."""

    text: str


@dataclass(slots=True)
class Group:
    """One group; dicts keep the order of the files. `depth` is the longest way from `all`."""

    name: str
    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)
    parents: dict[str, None] = field(default_factory=dict)
    variables: Variables = field(default_factory=dict)
    priority: int = 1
    depth: int = 0


class InventoryData:
    """Groups and hosts while sources are read, and after `settle` as they stand."""

    def __init__(self) -> None:
        """Begin with the groups `all` and `ungrouped`."""
        self.groups: dict[str, Group] = {}
        self.hosts: dict[str, Variables] = {}
        self.first_source: dict[str, Path] = {}
        """Host -> the file that names it first."""
        for name in EVERYBODY:
            self.add_group(name)
        self.add_child(ALL, UNGROUPED)
        self._direct: dict[str, tuple[str, ...]] = {}
        self._above: dict[tuple[str, ...], tuple[Group, ...]] = {}

    # -- while sources are read

    def add_group(self, name: str) -> Group:
        """Return the group, a new one where there is none."""
        return self.groups.setdefault(name, Group(name))

    def add_host(self, name: str, group: str, source: Path, *, port: int | None = None) -> None:
        """Put a host into a group. `port` counts when the host is named for the first time, as in Ansible."""
        if name not in self.hosts:
            self.hosts[name] = {} if port is None else {"ansible_port": Variable(port, source)}
            self.first_source[name] = source
        self.groups[group].hosts[name] = None

    def set_variable(self, name: str, variable: str, value: object, source: Path) -> None:
        """Set a variable of a group, else of a host: with a group of the same name Ansible gives it to the group.

        Raises `ValueError` for a priority that is no number.
        """
        group = self.groups.get(name)
        if group is None:
            self.hosts[name][variable] = Variable(value, source)
        elif variable == "ansible_group_priority":
            group.priority = _priority(value)
        else:
            group.variables[variable] = Variable(value, source)

    def add_child(self, parent: str, child: str) -> None:
        """Put a group below another one. Raises `ValueError` for a circle."""
        if parent == child or child in self._ancestors(parent):
            raise ValueError(f"the group {child!r} would be below itself")
        self.groups[parent].children[child] = None
        self.groups[child].parents[parent] = None

    def _ancestors(self, group: str) -> set[str]:
        found: set[str] = set()
        waiting = list(self.groups[group].parents)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.groups[name].parents
        return found

    # -- once all are read

    def settle(self) -> None:
        """Put groups without a parent below `all`, hosts without a group into `ungrouped`, and measure depths."""
        for name in list(self.groups):
            if name != ALL and not self.groups[name].parents:
                self.add_child(ALL, name)
        direct: dict[str, list[str]] = {host: [] for host in self.hosts}
        for group in self.groups.values():
            for host in group.hosts:
                direct[host].append(group.name)
        ungrouped = self.groups[UNGROUPED].hosts
        for host, names in direct.items():
            if any(name not in EVERYBODY for name in names):
                ungrouped.pop(host, None)
                direct[host] = [name for name in names if name != UNGROUPED]
            elif UNGROUPED not in names:
                ungrouped[host] = None
                names.append(UNGROUPED)
        self._direct = {host: tuple(names) for host, names in direct.items()}
        self._above = {}
        self._measure_depths()

    def _measure_depths(self) -> None:
        """A group's depth is one more than that of its deepest parent; there are no circles."""
        waiting = [ALL]
        while waiting:
            group = self.groups[waiting.pop()]
            for name in group.children:
                child = self.groups[name]
                if child.depth <= group.depth:
                    child.depth = group.depth + 1
                    waiting.append(name)

    def family(self, group: str) -> tuple[str, ...]:
        """Return a group and all groups below it, level by level, each once."""
        family: dict[str, None] = {group: None}
        level: Sequence[str] = (group,)
        while level:
            below = [child for name in level for child in self.groups[name].children if child not in family]
            family.update(dict.fromkeys(below))
            level = tuple(dict.fromkeys(below))
        return tuple(family)

    def hosts_of(self, group: str) -> tuple[str, ...]:
        """Return the hosts of a group and of all groups below it, each once."""
        return tuple(dict.fromkeys(host for name in self.family(group) for host in self.groups[name].hosts))

    def groups_of(self, host: str) -> tuple[Group, ...]:
        """Return the groups that a host is in, parents included but not `all`, in the order in which the later wins."""
        direct = self._direct[host]
        if direct not in self._above:
            names: set[str] = set(direct)
            for name in direct:
                names |= self._ancestors(name)
            groups: Iterable[Group] = (self.groups[name] for name in names - {ALL})
            self._above[direct] = tuple(sorted(groups, key=lambda one: (one.depth, one.priority, one.name)))
        return self._above[direct]


def _priority(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise ValueError(f"ansible_group_priority is {value!r}, not a number") from None
