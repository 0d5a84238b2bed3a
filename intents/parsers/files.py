"""What find, stat, du, grep and the checksum tools write."""

import re
from collections.abc import Mapping

from intents.parsers.conversion import decode, lines_of, rows_of, unexpected
from intents.parsers.generic import named, nul_fields
from intents.values import Column, Json, Row

_KINDS: Mapping[str, str] = {
    "f": "file",
    "d": "directory",
    "l": "link",
    "p": "pipe",
    "s": "socket",
    "c": "character device",
    "b": "block device",
    "regular file": "file",
    "regular empty file": "file",
    "symbolic link": "link",
    "fifo": "pipe",
    "character special file": "character device",
    "block special file": "block device",
}
"""The letter of `find -printf %y` and the words of `stat %F` -> our word."""

_MODE_DIGITS = 4


def parse_files_nul(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read NUL-terminated fields in the columns' order, with one word per kind of file and 4-digit octal modes."""
    return _file_rows(nul_fields(output, len(columns), "F:files_nul"), columns)


def parse_files_lines(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `stat -c` lines of fields between slashes, in the columns' order, the path last.

    For busybox, whose stat can't write NUL. A line that doesn't begin like a record is the rest of
    the name before it, so that a name with a newline stays one.
    """
    numeric = {"size", "integer", "moment", "number"}
    shape = "".join("([0-9]+)/" if column.type in numeric else "([^/]+)/" for column in columns[:-1])
    record = re.compile(shape + r"(.*)\Z")
    found: list[list[str]] = []
    for line in lines_of(output):
        match = record.match(line)
        if match:
            found.append(list(match.groups()))
        elif found:
            found[-1][-1] += "\n" + line
        else:
            raise unexpected("F:files_lines", f"{len(columns)} fields between slashes", line)
    return _file_rows(found, columns)


def _file_rows(fields: list[list[str]], columns: tuple[Column, ...]) -> list[Row]:
    records = named(fields, columns)
    for record in records:
        if "kind" in record:
            kind = str(record["kind"])
            record["kind"] = _KINDS.get(kind, kind)
        if "mode" in record:
            record["mode"] = str(record["mode"]).zfill(_MODE_DIGITS)
    return rows_of(records, columns)


def parse_du_nul(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `du -0B1` (bytes TAB path NUL) to `size` and `path`.

    >>> parse_du_nul(b"4096\t/srv/a\0", (Column("size", "size"), Column("path", "path")))
    [{'size': 4096, 'path': '/srv/a'}]
    """
    records: list[dict[str, Json]] = []
    for (entry,) in nul_fields(output, 1, "F:du_nul"):
        size, tab, path = entry.partition("\t")
        if not tab:
            raise unexpected("F:du_nul", "a size, a tab and a path", entry)
        records.append({"size": size, "path": path})
    return rows_of(records, columns)


def parse_du_kib(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the lines of busybox `du -k` (KiB TAB path) to `size` in bytes and `path`."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        size, tab, path = line.partition("\t")
        if tab and size.isdigit():
            records.append({"size": int(size) * 1024, "path": path})
        elif records:
            records[-1]["path"] = f"{records[-1]['path']}\n{line}"
        else:
            raise unexpected("F:du_kib", "a size, a tab and a path", line)
    return rows_of(records, columns)


def parse_grep_nul(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `grep -HnZ` (path NUL number:line) to `path`, `number` and `text`."""
    records: list[dict[str, Json]] = []
    rest = output
    while rest:
        path, nul, rest = rest.partition(b"\0")
        entry, _, rest = rest.partition(b"\n")
        number, colon, text = entry.partition(b":")
        if not nul or not colon or not number.isdigit():
            raise unexpected("F:grep_nul", "a path, NUL, a line number and the line", decode(path + nul + entry))
        records.append({"path": decode(path), "number": int(number), "text": decode(text)})
    return rows_of(records, columns)


def parse_checksums_nul(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `sha256sum --zero` (hash, two spaces, path, NUL) to `checksum` and `path`."""
    return rows_of(_checksums(output), columns)


def parse_checksums_agree(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the checksums of two files to one row: `same` says whether both are there and agree.

    No file is no row: then not even the first could be read.
    """
    records = _checksums(output)
    if not records:
        return []
    sums = [record["checksum"] for record in records]
    return rows_of([{"same": len(sums) > 1 and len(set(sums)) == 1}], columns)


def _checksums(output: bytes) -> list[dict[str, Json]]:
    records: list[dict[str, Json]] = []
    for (entry,) in nul_fields(output, 1, "F:checksums_nul"):
        match = re.match(r"([0-9a-f]{32,128}) [ *](.*)\Z", entry, re.DOTALL)
        if match is None:
            raise unexpected("F:checksums_nul", "a checksum and a path", entry)
        records.append({"checksum": match[1], "path": match[2]})
    return records
