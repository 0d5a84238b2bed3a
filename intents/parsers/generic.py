"""The parsers that know a form and no tool: key=value, JSON, lines, text, NUL-separated records."""

import json
from collections.abc import Mapping
from typing import cast

from intents.parsers.conversion import decode, lines_of, rows_of, unexpected
from intents.values import Column, Json, Row


def parse_kv(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `KEY=VALUE` lines to one row; an empty line begins the next one (systemctl show of several units)."""
    records: list[dict[str, Json]] = [{}]
    for line in lines_of(output):
        if not line:
            records.append({})
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise unexpected("kv", "lines KEY=VALUE", line)
        records[-1][key] = value
    return rows_of([record for record in records if record], columns)


def load_json(output: bytes) -> Json:
    """Return the value of a JSON text, None for no output at all. Raises `ParseError`."""
    if not output.strip():
        return None
    text = decode(output)
    try:
        return cast("Json", json.loads(text))
    except ValueError:
        raise unexpected("json", "JSON", text) from None


def records_of(value: Json, parser: str) -> list[Mapping[str, Json]]:
    """Return the objects of a JSON list, or the one object. Raises `ParseError` for anything else."""
    if value is None:
        return []
    candidates = value if isinstance(value, list) else [value]
    for one in candidates:
        if not isinstance(one, Mapping):
            raise unexpected(parser, "JSON objects", str(one))
    return cast("list[Mapping[str, Json]]", candidates)


def parse_json(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read one JSON object to one row, or a list of objects to one row each."""
    return rows_of(records_of(load_json(output), "json"), columns)


def parse_jsonl(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read one JSON object per line to one row each."""
    return rows_of(json_lines(output), columns)


def json_lines(output: bytes) -> list[Mapping[str, Json]]:
    """Return the objects of JSON Lines; empty lines count for nothing."""
    return [record for line in output.split(b"\n") for record in records_of(load_json(line), "jsonl")]


def parse_lines(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read each line to one row; the line is the last column, a column before it gets its number from 1."""
    *counters, text = [column.name for column in columns]
    return rows_of(
        [{text: line, **dict.fromkeys(counters, number)} for number, line in enumerate(lines_of(output), start=1)],
        columns,
    )


def parse_text(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the whole output to the first column of one row; nothing to no row."""
    return rows_of([{columns[0].name: decode(output)}] if output else [], columns)


def nul_fields(output: bytes, width: int, parser: str) -> list[list[str]]:
    r"""Return the records of `width` NUL-terminated fields each; a name in them may hold anything else.

    >>> nul_fields(b"f\0a\nb\0d\0c\0", 2, "nul")
    [['f', 'a\nb'], ['d', 'c']]
    """
    fields = output.removesuffix(b"\0").split(b"\0") if output else []
    if len(fields) % width:
        raise unexpected(parser, f"records of {width} NUL-terminated fields", f"{len(fields)} fields")
    texts = [decode(field) for field in fields]
    return [texts[start : start + width] for start in range(0, len(texts), width)]


def parse_nul(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read NUL-terminated fields, in the order of the columns, to rows."""
    return rows_of(named(nul_fields(output, len(columns), "nul"), columns), columns)


def named(records: list[list[str]], columns: tuple[Column, ...]) -> list[dict[str, Json]]:
    """Return each record's fields under the names of the columns, in their order."""
    names = [column.name for column in columns]
    return [dict(zip(names, record, strict=True)) for record in records]
