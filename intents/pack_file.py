"""Reads a pack's YAML to plain values, remembering the line of each, so that errors can say where.

Only the plain core of YAML: mappings, lists, strings, `true`/`false`, `null`, decimal numbers. A
word like `on`, `no` or `0644` stays a string (YAML 1.1 would make booleans and octal numbers of
them). Tags, anchors' merges and duplicate keys are refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from intents.errors import CatalogueError
from intents.values import Json

KeyPath: TypeAlias = tuple[str | int, ...]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+\Z")
_PLAIN: Mapping[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True)
class PackFile:
    """One parsed file: the entries by intent name, and the line of each value by its path."""

    name: str
    entries: Mapping[str, Json]
    lines: Mapping[KeyPath, int]

    def where(self, path: KeyPath) -> str:
        """Return `file:line` of the value at `path`, or of the nearest value around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}:{self.lines.get(path, 1)}"


def parse_pack(text: str, name: str) -> PackFile:
    r"""Return the parsed pack; `name` is how the file is called in errors.

    Raises `CatalogueError` for anything that is not a plain YAML mapping of entries.

    >>> pack = parse_pack("disk.usage:\n  summary: Show space\n", "disk.yml")
    >>> pack.where(("disk.usage", "summary"))
    'disk.yml:2'
    """
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "not readable as YAML"
        raise CatalogueError(
            f"this is not valid YAML: {problem}.",
            remedy="Check the indentation and quotes there.",
            where=f"{name}:{line}",
        ) from None
    lines: dict[KeyPath, int] = {}
    value = _value(node, (), lines, name) if node is not None else {}
    if not isinstance(value, Mapping):
        raise CatalogueError(
            "a pack is a mapping of intents.", remedy="Write `noun.verb:` at the left margin.", where=f"{name}:1"
        )
    return PackFile(name, value, lines)


def _value(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], name: str) -> Json:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, (*path, index), lines, name) for index, child in enumerate(node.value)]
    return _mapping(node, path, lines, name)


def _mapping(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], name: str) -> dict[str, Json]:
    result: dict[str, Json] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        key_line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or key == "<<":
            raise CatalogueError(
                "only plain words can be keys.", remedy="Write the entry out in full.", where=f"{name}:{key_line}"
            )
        if key in result:
            raise CatalogueError(
                f"`{key}` stands here twice.", remedy="Keep one of the two.", where=f"{name}:{key_line}"
            )
        lines[*path, key] = key_line
        result[key] = _value(value_node, (*path, key), lines, name)
    return result


def _scalar(node: yaml.ScalarNode) -> Json:
    text = str(node.value)
    if node.style:  # quoted, or a block
        return text
    if text in _PLAIN:
        return _PLAIN[text]
    if _INTEGER.match(text):
        return int(text)
    if _NUMBER.match(text):
        return float(text)
    return text
