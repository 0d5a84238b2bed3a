"""Ansible's INI form of inventories: `[group]`, `[group:children]`, `[group:vars]`, hosts with inline variables.

Values are Python literals where they can be read as one (numbers, True, lists, quoted text) and text
otherwise, on host lines and in `:vars` alike: what Ansible's documentation says of `:vars` ("strings")
isn't what ansible-core 2.19 does.
"""

import ast
import re
import shlex
import warnings
from pathlib import Path

from executors.inventory_data import UNGROUPED, InventoryData
from executors.inventory_names import expand_range, split_port

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_GROUP = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")
_TEXT = re.compile(r"(?!True$|False$|None$)[A-Za-z_][\w./@-]*")
"""What no Python literal looks like."""
_VALUE_LIMIT = 100_000


def read_ini(data: InventoryData, path: Path, text: str) -> None:
    """Add what an INI inventory says to `data`.

    Raises `ValueError` with the number of the line that can't be read.
    """
    reading = _Reading(data, path)
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        try:
            reading.take(line, number)
        except ValueError as error:
            raise ValueError(f"line {number} can't be read: {error}") from error
    reading.end()


class _Reading:
    """Where in a file we are: its section, and the groups that are named before they are declared."""

    def __init__(self, data: InventoryData, path: Path) -> None:
        self._data = data
        self._path = path
        self._group, self._kind = UNGROUPED, "hosts"
        self._awaited: dict[str, tuple[int, list[str]]] = {}
        """Child that no section has declared yet -> line that names it, its parents."""
        self._variables_only: dict[str, int] = {}
        """Group that only a `:vars` section names so far -> its line."""

    def take(self, line: str, number: int) -> None:
        section = _SECTION.fullmatch(line)
        if section is not None:
            self._begin(section[1], section[2] or "hosts", number)
        elif line.startswith("[") and line.endswith("]"):
            raise ValueError(f"{line!r} is no section; a group's name has no blanks")
        elif self._kind == "hosts":
            self._take_host(line)
        elif self._kind == "vars":
            name, equals, value = line.partition("=")
            if not equals:
                raise ValueError("a variable has the form name=value")
            self._data.set_variable(self._group, name.strip(), literal(value.strip()), self._path)
        else:
            self._take_child(line, number)

    def _begin(self, group: str, kind: str, number: int) -> None:
        if kind not in {"hosts", "children", "vars"}:
            raise ValueError(f"[{group}:{kind}] is neither hosts, children nor vars")
        self._group, self._kind = group, kind
        if group not in self._data.groups:
            if kind == "vars" and group not in self._awaited:
                self._variables_only[group] = number
            self._data.add_group(group)
        if kind != "vars":
            self._variables_only.pop(group, None)
            self._declare(group)

    def _declare(self, group: str) -> None:
        """A group that was named as a child before goes below its parents, now that it is there."""
        _, parents = self._awaited.pop(group, (0, []))
        for parent in parents:
            self._data.add_child(parent, group)

    def _take_child(self, line: str, number: int) -> None:
        named = _GROUP.fullmatch(line)
        if named is None:
            raise ValueError(f"{line!r} is not a group's name")
        if named[1] in self._data.groups and named[1] not in self._awaited:
            self._data.add_child(self._group, named[1])
        else:
            self._awaited.setdefault(named[1], (number, []))[1].append(self._group)

    def _take_host(self, line: str) -> None:
        words = shlex.split(line, comments=True)
        pattern, port = split_port(words[0])
        if pattern.endswith(":") or words[0] == "---":
            raise ValueError(f"{words[0]!r} is not a host's name")
        variables: dict[str, object] = {}
        for word in words[1:]:
            name, equals, value = word.partition("=")
            if not equals:
                raise ValueError(f"{word!r} has not the form name=value")
            variables[name] = literal(value)
        for host in expand_range(pattern):
            self._data.add_host(host, self._group, self._path, port=port)
            for variable, said in variables.items():
                self._data.set_variable(host, variable, said, self._path)

    def end(self) -> None:
        """Raise `ValueError` for a group that was never declared."""
        for group, (number, parents) in self._awaited.items():
            raise ValueError(f"line {number} puts {group!r} below {parents[-1]!r}, but no section declares it")
        for group, number in self._variables_only.items():
            raise ValueError(f"line {number} gives variables to the group {group!r}, which no section declares")


def literal(text: str) -> object:
    """Return the value that an INI inventory's text stands for.

    >>> literal("8080"), literal("True"), literal("true"), literal("'03'"), literal("{'a': (1, 2)}")
    (8080, True, 'true', '03', {'a': [1, 2]})

    Raises `ValueError` for a literal that is too large.
    """
    if len(text) > _VALUE_LIMIT:
        raise ValueError(f"a value has more than {_VALUE_LIMIT} characters")
    if _TEXT.fullmatch(text):
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "5is": an old way of writing, and no matter here
            return _plain(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError):
        return text
    except (MemoryError, RecursionError):
        raise ValueError("a value is nested too deeply") from None


def _plain(value: object) -> object:
    """Tuples and sets become lists, what JSON doesn't know becomes text: as Ansible has it."""
    if isinstance(value, list | tuple | set):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if value is ...:
        return "..."
    return str(value) if isinstance(value, complex) else value
