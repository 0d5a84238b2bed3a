"""What df, lsblk, findmnt and /proc/mounts write."""

import re
from collections.abc import Iterator, Mapping
from typing import cast

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.parsers.generic import load_json, named, records_of
from intents.values import Column, Json, Row

_DF_LINE = re.compile(r"(\S.*?)\s+(\S+)\s+([0-9]+|-)\s+([0-9]+|-)\s+(-?[0-9]+|-)\s+([0-9]+%|-)\s+(/.*)\Z")
_OCTAL_ESCAPE = re.compile(r"\\([0-7]{3})")


def parse_df_output(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read df with the seven columns source, type, total, used, available, percent, mount point, under our names.

    Source and mount point may hold spaces: the numbers between them tell where they end. Serves
    `df --output=...` as well as busybox `df -PT`; the sizes must have been asked for in bytes.
    """
    found = []
    for line in lines_of(output)[1:]:
        match = _DF_LINE.match(line)
        if match is None:
            raise unexpected("F:df_output", "a line of df with seven columns", line)
        found.append(list(match.groups()))
    return rows_of(named(found, columns), columns)


def parse_lsblk(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `lsblk -J` to one row per device; `parent` is the name of the device that it is part of."""
    return rows_of(_flattened(output, "blockdevices", "F:lsblk"), columns)


def parse_findmnt(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `findmnt -J` to one row per mount, those below others after them."""
    return rows_of(_flattened(output, "filesystems", "F:findmnt"), columns)


def _flattened(output: bytes, key: str, parser: str) -> Iterator[Mapping[str, Json]]:
    document = load_json(output)
    if document is None:
        return
    if not isinstance(document, Mapping) or key not in document:
        raise unexpected(parser, f"an object with `{key}`", str(document))
    waiting: list[tuple[Mapping[str, Json], Json]] = [(one, None) for one in records_of(document[key], parser)]
    while waiting:
        record, parent = waiting.pop(0)
        yield {**record, "parent": parent}
        children = records_of(record.get("children"), parser)
        waiting[:0] = [(child, record.get("name")) for child in children]


def parse_proc_mounts(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read /proc/mounts to `source`, `target`, `fstype` and `options`, its octal escapes resolved.

    >>> parse_proc_mounts(b"/dev/sda1 /mnt/my\\040disk ext4 rw 0 0\n", (Column("target", "path"),))
    [{'target': '/mnt/my disk'}]
    """
    records: list[Mapping[str, Json]] = []
    names = ("source", "target", "fstype", "options", "dump", "pass")
    for line in lines_of(output):
        fields = [_OCTAL_ESCAPE.sub(lambda match: chr(int(match[1], 8)), field) for field in line.split(" ")]
        if len(fields) != len(names):
            raise unexpected("F:proc_mounts", "six fields", line)
        records.append(cast("Mapping[str, Json]", dict(zip(names, fields, strict=True))))
    return rows_of(records, columns)
