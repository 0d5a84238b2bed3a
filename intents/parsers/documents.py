"""Values of JSON, YAML, TOML, INI, XML and CSV files, by their keys, and whether a file is one.

A document becomes a tree of mappings, lists and leaves; nothing of it is executed, and no tag, entity or
interpolation is followed. Scalars are shown as they are written: 1.0 stays 1.0, and YAML's `on` stays `on`.
"""

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeAlias, cast

from intents.parsers.conversion import ParseError, decode, rows_of
from intents.parsers.texts import refuse_cut
from intents.values import Column, Json, Row

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    import yaml

# The libraries of the formats are imported where one is read: most requests need none of them.

LEAF_LIMIT = 100_000
"""More leaves than this are not listed: aliases can make a small YAML file astronomically large."""

_DEPTH_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar as it is written. `kind`: text, number, boolean or null; `line` from 1, where it is known."""

    text: str
    kind: str = "text"
    line: int | None = None


Tree: TypeAlias = Leaf | Mapping[str, "Tree"] | Sequence["Tree"]


class _FaultError(Exception):
    """A document isn't of its format: what, and where."""

    def __init__(self, said: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(said)
        self.said, self.line, self.column = said, line, column


class _Written(str):
    """A number of a JSON text, as it is written."""

    __slots__ = ()


def _json_tree(text: str) -> list[Tree]:
    def refuse(constant: str) -> NoReturn:
        raise _FaultError(f"{constant} is no JSON value")

    try:
        value = json.loads(text, parse_int=_Written, parse_float=_Written, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise _FaultError(error.msg, error.lineno, error.colno) from None
    return [_from_python(value)]


def _toml_tree(text: str) -> list[Tree]:
    import tomllib

    try:
        return [_from_python(tomllib.loads(text, parse_float=_Written))]
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line ([0-9]+), column ([0-9]+)\)", str(error))
        said = re.sub(r" \(at .*\)\Z", "", str(error))
        raise _FaultError(said, *(int(number) for number in place.groups()) if place else ()) from None


def _from_python(value: object) -> Tree:
    if isinstance(value, Mapping):
        return {str(key): _from_python(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_from_python(one) for one in value]
    if value is None:
        return Leaf("null", "null")
    if isinstance(value, bool):
        return Leaf("true" if value else "false", "boolean")
    return Leaf(str(value), "number" if isinstance(value, _Written | int | float) else "text")


def _yaml_tree(text: str) -> list[Tree]:
    import yaml

    try:
        nodes = [node for node in yaml.compose_all(text, Loader=yaml.CSafeLoader) if node is not None]
        made: dict[int, Tree | None] = {}
        return [_from_node(node, made) for node in nodes]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else ()
        raise _FaultError(str(error.problem or error.context), *place) from None
    except yaml.YAMLError as error:
        raise _FaultError(" ".join(str(error).split())) from None


def _from_node(node: "yaml.Node", made: dict[int, Tree | None]) -> Tree:
    """Build each node once, so that an alias costs nothing; one that holds itself is refused."""
    import yaml

    if id(node) in made:
        done = made[id(node)]
        if done is None:
            raise _FaultError("it holds itself through an alias", node.start_mark.line + 1, node.start_mark.column + 1)
        return done
    made[id(node)] = None
    tree: Tree
    if isinstance(node, yaml.MappingNode):
        pairs = [(str(key.value), _from_node(value, made)) for key, value in node.value]
        merged = [one for key, value in pairs if key == "<<" for one in (value if isinstance(value, list) else [value])]
        tree = {key: value for key, value in pairs if key != "<<"}
        for one in merged:
            tree = {**one, **tree} if isinstance(one, Mapping) else tree
    elif isinstance(node, yaml.SequenceNode):
        tree = [_from_node(one, made) for one in node.value]
    else:
        word = node.tag.rpartition(":")[2]
        kind = {"int": "number", "float": "number", "bool": "boolean", "null": "null"}.get(word, "text")
        tree = Leaf(str(node.value), kind, node.start_mark.line + 1)
    made[id(node)] = tree
    return tree


def _ini_tree(text: str) -> list[Tree]:
    import configparser

    reader = configparser.RawConfigParser(strict=False, allow_no_value=True, default_section="\0")
    reader.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep capitals
    try:
        reader.read_string(text)
    except configparser.MissingSectionHeaderError as error:
        raise _FaultError("it stands before any [section]", error.lineno) from None
    except configparser.ParsingError as error:
        raise _FaultError("it is neither a section nor a key", error.errors[0][0]) from None
    return [
        {section: {key: Leaf("" if value is None else value) for key, value in reader.items(section)}
         for section in reader.sections()}
    ]  # fmt: skip


def _xml_tree(text: str) -> list[Tree]:
    from xml.etree.ElementTree import ParseError as XmlError
    from xml.etree.ElementTree import fromstring

    if re.search(r"<!(?:DOCTYPE|ENTITY)", text):
        raise _FaultError("it has a document type, whose entities are not followed")
    try:
        # Bytes with an encoding in their head would be read as that; the text has been decoded already.
        root = fromstring(re.sub(r"\A\s*<\?xml[^>]*\?>", "", text))  # noqa: S314 - no DOCTYPE, so no entities
    except XmlError as error:
        line, column = error.position
        raise _FaultError(str(error).rpartition(": ")[0] or str(error), line, column + 1) from None
    return [{root.tag: _from_element(root)}]


def _from_element(element: "Element") -> Tree:
    tree: dict[str, Tree] = {f"@{name}": Leaf(value) for name, value in element.attrib.items()}
    for child in element:
        grown = _from_element(child)
        if child.tag not in tree:
            tree[child.tag] = grown
        else:
            before = tree[child.tag]
            tree[child.tag] = [*before, grown] if isinstance(before, list) else [before, grown]
    text = (element.text or "").strip()
    if not tree:
        return Leaf(text)
    return {**tree, "#text": Leaf(text)} if text else tree


_READERS: Mapping[str, Callable[[str], list[Tree]]] = {
    "json": _json_tree,
    "yaml": _yaml_tree,
    "toml": _toml_tree,
    "ini": _ini_tree,
    "xml": _xml_tree,
}
_ENDINGS: Mapping[str, str] = {
    "json": "json", "yaml": "yaml", "yml": "yaml", "toml": "toml", "ini": "ini", "cfg": "ini", "conf": "ini", "xml": "xml",
    "service": "ini", "timer": "ini", "socket": "ini", "desktop": "ini",
}  # fmt: skip


def _format_of(options: Mapping[str, str]) -> str:
    """Return the format that was named, else that of the file's ending."""
    chosen = options.get("format") or _ENDINGS.get(options.get("path", "").rpartition(".")[2].lower(), "")
    if chosen not in _READERS:
        raise ParseError(
            "The ending of the file doesn't tell its format; say whether it is json, yaml, toml, ini or xml."
        )
    return chosen


def _read(output: bytes, format_word: str) -> list[Tree]:
    refuse_cut(output)
    try:
        return _READERS[format_word](output.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _FaultError("it is not UTF-8", output.count(b"\n", 0, error.start) + 1) from None
    except RecursionError:
        raise _FaultError("it is nested too deeply") from None


def parse_document(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    r"""Read what stands under `key` (`server.port`, `servers[0].name`, `servers[].name`), else all, to a row per leaf.

    `format` is json, yaml, toml, ini or xml; without it the ending of `path` tells. `key` in the row
    is the leaf's whole key, `value` its text, `kind` text, number, boolean, null or empty, `line` is known in YAML only.

    >>> parse_document(b'{"a": [{"b": 1.0}]}', (Column("key"), Column("value")), {"format": "json", "key": ".a[0].b"})
    [{'key': 'a[0].b', 'value': '1.0'}]
    """
    format_word = _format_of(options)
    try:
        trees = _read(output, format_word)
    except _FaultError as fault:
        where = f" in line {fault.line}" if fault.line else ""
        raise ParseError(f"The file is no {format_word.upper()}: {fault.said}{where}.") from None
    records: list[dict[str, Json]] = []
    for tree in trees:
        for key, below in _under(tree, steps_of(options.get("key", "")), ""):
            for leaf_key, leaf in _leaves(below, key, 0):
                records.append({"key": leaf_key, "value": leaf.text, "kind": leaf.kind, "line": leaf.line})
                if len(records) > LEAF_LIMIT:
                    raise ParseError(f"The file has more than {LEAF_LIMIT} values; name a key.")
    return rows_of(records, columns)


_STEP = re.compile(
    r"""\.?(?P<name>[^.\[\]"']+)|\.?\[(?:(?P<index>-?[0-9]+)|(?P<each>)|"(?P<double>[^"]*)"|'(?P<single>[^']*)')\]"""
)


def steps_of(key: str) -> list[str | int | None]:
    """Return the steps of a dotted key: names, places in lists, and None for "each". Raises `ParseError`.

    >>> steps_of('.services["my.app"].ports[0]'), steps_of("users[].name")
    (['services', 'my.app', 'ports', 0], ['users', None, 'name'])
    """
    steps: list[str | int | None] = []
    rest = key.strip().removeprefix("$")
    position = 0 if rest != "." else 1
    while position < len(rest):
        match = _STEP.match(rest, position)
        if match is None:
            raise ParseError(
                f"The key {key!r} can't be read at {rest[position:]!r}; write one such as servers[0].name."
            )
        if match["index"] is not None:
            steps.append(int(match["index"]))
        else:
            name = next((match[one] for one in ("name", "double", "single") if match[one] is not None), None)
            steps.append(name)
        position = match.end()
    return steps


def _under(tree: Tree, steps: Sequence[str | int | None], key: str) -> Iterator[tuple[str, Tree]]:
    if not steps:
        yield key, tree
        return
    step, rest = steps[0], steps[1:]
    if step is None:
        for name, child in _children(tree, key):
            yield from _under(child, rest, name)
    elif isinstance(tree, Mapping):
        if str(step) in tree:
            yield from _under(tree[str(step)], rest, _joined(key, str(step)))
    elif isinstance(tree, list) and str(step).lstrip("-").isdigit():
        place = int(step)
        if -len(tree) <= place < len(tree):
            yield from _under(tree[place], rest, f"{key}[{place % len(tree)}]")


def _children(tree: Tree, key: str) -> Iterator[tuple[str, Tree]]:
    if isinstance(tree, Mapping):
        for name, child in tree.items():
            yield _joined(key, name), child
    elif isinstance(tree, list):
        for place, child in enumerate(tree):
            yield f"{key}[{place}]", child


def _joined(key: str, name: str) -> str:
    if re.search(r"""[.\[\]"'\s]""", name) or not name:
        return f"{key}[{json.dumps(name, ensure_ascii=False)}]"
    return f"{key}.{name}" if key else name


def _leaves(tree: Tree, key: str, depth: int) -> Iterator[tuple[str, Leaf]]:
    if isinstance(tree, Leaf):
        yield key, tree
    elif depth > _DEPTH_LIMIT:
        raise ParseError(f"The file is nested more than {_DEPTH_LIMIT} levels deep.")
    elif not tree:
        yield key, Leaf("{}" if isinstance(tree, Mapping) else "[]", "empty")
    else:
        for name, child in _children(tree, key):
            yield from _leaves(child, name, depth + 1)


def parse_validity(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    r"""Read whether a file is of its format to one row: `valid`, `format`, and of a fault `line`, `column`, `fault`.

    >>> parse_validity(b"{]", (Column("valid", "boolean"), Column("column", "integer")), {"path": "/srv/a.json"})
    [{'valid': False, 'column': 2}]
    """
    format_word = _format_of(options)
    record: dict[str, Json] = {"valid": True, "format": format_word}
    try:
        _read(output, format_word)
    except _FaultError as fault:
        record |= {"valid": False, "line": fault.line, "column": fault.column, "fault": fault.said}
    return rows_of([record], columns)


def parse_table(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    r"""Read the records of a CSV file (RFC 4180) to `number` of the record and `record`, a list of `name=value`.

    The first line has the names. `column` with `equals`, `over` or `under` keeps only some records. `separator` is
    a comma where none is given.

    >>> parse_table(b"name,age\nbob,31\nann,28\n", (Column("record", "list"),), {"column": "age", "over": "30"})
    [{'record': ['name=bob', 'age=31']}]
    """
    import csv

    text = decode(output.removeprefix(b"\xef\xbb\xbf"))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=options.get("separator", ","))
    try:
        lines = [line for line in reader if line]
    except csv.Error as error:
        raise ParseError(f"The file is no table: {error} in line {reader.line_num}.") from None
    if not lines:
        return []
    names = lines[0]
    place = _place_of(options, names)
    records: list[dict[str, Json]] = []
    for number, fields in enumerate(lines[1:], start=1):
        if place is None or _passes(fields[place] if place < len(fields) else "", options):
            pairs = [f"{name}={field}" for name, field in zip(names, fields, strict=False)]
            records.append({"number": number, "record": cast("Json", pairs + fields[len(names) :])})
    return rows_of(records, columns)


def _place_of(options: Mapping[str, str], names: Sequence[str]) -> int | None:
    wanted = options.get("column")
    if wanted is None:
        return None
    folded = [name.strip().casefold() for name in names]
    if wanted.casefold() not in folded:
        raise ParseError(f"The table has no column {wanted!r}; its columns are {', '.join(names)}.")
    return folded.index(wanted.casefold())


def _passes(field: str, options: Mapping[str, str]) -> bool:
    if "equals" in options and field.strip() != options["equals"]:
        return False
    if "over" not in options and "under" not in options:
        return True
    try:
        number = float(field)
    except ValueError:
        return False
    return number > float(options.get("over", "-inf")) and number < float(options.get("under", "inf"))
