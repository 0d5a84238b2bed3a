"""What find, stat, du, grep and the checksum tools write."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

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


def parse_files_between(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    """Read as `parse_files_lines`, keeping what was modified after `since` and not after `before` (seconds since 1970).

    busybox's find has no -newermt.
    """
    since, before = float(options.get("since", "-inf")), float(options.get("before", "inf"))

    def modified(row: Row) -> float:
        value = row.get("modified")
        return float(value) if isinstance(value, int | float) else 0.0

    return [row for row in parse_files_lines(output, columns) if since < modified(row) <= before]


def parse_tree(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `find -printf '%d\0%y\0%s\0%p\0'` to `entry` (the name, indented by its depth), `kind`, `size`, `path`.

    A directory is followed by what is in it, names in the order of their bytes.

    >>> [row["entry"] for row in parse_tree(b"0\0d\x000\0/a\x001\0f\x005\0/a/b\0", (Column("entry"),))]
    ['/a', '  b']
    """
    found = sorted(nul_fields(output, 4, "F:tree"), key=lambda one: one[3].split("/"))
    records: list[dict[str, Json]] = []
    for depth, letter, size, path in found:
        kind = _KINDS.get(letter, letter)
        name = path if depth == "0" else "  " * int(depth) + path.rpartition("/")[2]
        records.append({"entry": name, "kind": kind, "size": size if kind == "file" else None, "path": path})
    return rows_of(records, columns)


_SUMMED = re.compile(
    r"(?:[0-9]+ [0-9]+:[0-9]+ )*(?P<size>[0-9]+) (?P<inode>[0-9]+:[0-9]+) (?P<checksum>[0-9a-f]{64}) [ *](?P<path>.*)\Z",
    re.DOTALL,
)


def parse_duplicates(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read size, device:inode and SHA-256 of files to the rows of those with the same content.

    Rows have `checksum`, `copies`, `size` and `path`; the most space that is taken twice first. Two names of
    one file take no space, so only its first counts. What could not be read has no checksum and is left out.
    """
    groups: dict[str, dict[str, tuple[str, int]]] = {}
    for (entry,) in nul_fields(output, 1, "F:duplicates"):
        match = _SUMMED.match(entry)
        if match is None:
            raise unexpected("F:duplicates", "a size, a device and inode, a checksum and a path", entry)
        groups.setdefault(match["checksum"], {}).setdefault(match["inode"], (match["path"], int(match["size"])))
    several = [(checksum, sorted(files.values())) for checksum, files in groups.items() if len(files) > 1]
    several.sort(key=lambda one: (-one[1][0][1] * (len(one[1]) - 1), one[0]))
    return rows_of(
        [
            {"checksum": checksum, "copies": len(files), "size": size, "path": path}
            for checksum, files in several
            for path, size in files
        ],
        columns,
    )


def parse_duplicates_lines(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read the lines of busybox `sha256sum` to the rows of the files with the same content: `checksum`, `copies`, `path`.

    A line that doesn't begin with a checksum is the rest of the name before it.

    >>> rows = parse_duplicates_lines(b"ab  /a\nab  /b\nc\ncd  /d\n".replace(b"ab", b"ab" * 32).replace(b"cd", b"cd" * 32), (Column("path"),))
    >>> [row["path"] for row in rows]
    ['/a', '/b\nc']
    """
    found: list[list[str]] = []
    for line in lines_of(output):
        match = re.match(r"([0-9a-f]{64})  (.*)\Z", line, re.DOTALL)
        if match is not None:
            found.append([match[1], match[2]])
        elif found:
            found[-1][1] += "\n" + line
        else:
            raise unexpected("F:duplicates_lines", "a checksum and a path", line)
    copies = Counter(checksum for checksum, _ in found)
    several = sorted((checksum, path) for checksum, path in found if copies[checksum] > 1)
    return rows_of(
        [{"checksum": checksum, "copies": copies[checksum], "path": path} for checksum, path in several], columns
    )


def parse_sums_checked(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `sha256sum --check` to `result` (ok, differs, unreadable) and `path` as the list of sums has it.

    >>> parse_sums_checked(b"a: b: OK\nc: FAILED open or read\n", (Column("result"), Column("path")))
    [{'result': 'ok', 'path': 'a: b'}, {'result': 'unreadable', 'path': 'c'}]
    """
    words = {"OK": "ok", "FAILED": "differs", "FAILED open or read": "unreadable"}
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        path, colon, said = line.rpartition(": ")
        if not colon or said not in words:
            raise unexpected("F:sums_checked", "a file and OK or FAILED", line)
        records.append({"result": words[said], "path": path})
    return rows_of(records, columns)


def parse_files_going(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `find -printf '%y\0%s\0%p\0'` of what will be deleted to `action` (delete), `kind`, `size` and `path`.

    Only files have a size: what a directory takes says nothing about what is lost.

    >>> parse_files_going(b"f\x005\x00/srv/a\x00", (Column("action"), Column("size", "size")))
    [{'action': 'delete', 'size': 5}]
    """
    records: list[dict[str, Json]] = []
    for letter, size, path in nul_fields(output, 3, "F:files_going"):
        kind = _KINDS.get(letter, letter)
        records.append({"action": "delete", "kind": kind, "size": size if kind == "file" else None, "path": path})
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


def parse_du_written(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `du -s -0B1 --time` (bytes TAB time TAB path NUL) to `size`, `written` and `path`.

    `written` is the latest time at which anything in the directory was written.

    >>> columns = (Column("size", "size"), Column("written"), Column("path", "path"))
    >>> parse_du_written(b"12\t2026-11-25 15:00:00.123456789 +0000\t/srv/a\0", columns)
    [{'size': 12, 'written': '2026-11-25 15:00:00.123456789 +0000', 'path': '/srv/a'}]
    """
    records: list[dict[str, Json]] = []
    for (entry,) in nul_fields(output, 1, "F:du_written"):
        size, _, rest = entry.partition("\t")
        written, tab, path = rest.partition("\t")
        if not tab:
            raise unexpected("F:du_written", "a size, a time and a path", entry)
        records.append({"size": size, "written": written, "path": path})
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


_COPIED = re.compile(
    r"(?P<kind>\S)(?P<identity>[0-9]+:[0-9]+) (?P<checksum>[0-9a-f]{64}|-) [ *](?P<path>.*)\Z", re.DOTALL
)


def parse_checksums_agree(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read kind, device:inode, checksum and path of a file and its copy to one row.

    `path` and `kind` are of the first there is. `same`: both are files, not one file under two
    names, and agree. `in_the_way`: the second path where both are there, else the word "nothing".
    What is no file has `-` for a checksum. Nothing there is no row.
    """
    found = []
    for (entry,) in nul_fields(output, 1, "F:checksums_agree"):
        match = _COPIED.match(entry)
        if match is None:
            raise unexpected("F:checksums_agree", "a kind, a device and inode, a checksum and a path", entry)
        found.append(match)
    if not found:
        return []
    sums, identities = {one["checksum"] for one in found}, {one["identity"] for one in found}
    same = len(found) > 1 and len(sums) == 1 and "-" not in sums and len(identities) == len(found)
    kind = _KINDS.get(found[0]["kind"], found[0]["kind"])
    return rows_of([{**_first_and_other([one["path"] for one in found]), "kind": kind, "same": same}], columns)


def parse_first_of_two(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `stat --printf '%F\0%n\0'` of two paths to one row: `kind` and `path` of the first there is, `in_the_way`.

    `in_the_way`: the second path where both are there, else the word "nothing". Before a move the
    first there is is the source, afterwards the target.
    """
    found = nul_fields(output, 2, "F:first_of_two")
    if not found:
        return []
    kind = _KINDS.get(found[0][0], found[0][0])
    return rows_of([{"kind": kind, **_first_and_other([path for _, path in found])}], columns)


def _first_and_other(paths: Sequence[Json]) -> dict[str, Json]:
    return {"path": paths[0], "in_the_way": paths[1] if len(paths) > 1 else "nothing"}


_ITEM = re.compile(r"(?P<item>[<>ch.][fdLDS][cstTpoguabxn.+?]{9}|\*deleting  ) (?P<size>[0-9]+) (?P<path>.*)\Z")
_MADE = re.compile(r"created (?:[0-9]+ )?director(?:y|ies) (?:for )?(?P<path>.*)\Z")


def parse_itemized(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `rsync --out-format='%i %l %n%L'` to `action` (create, change, delete), `size` and `path`.

    rsync writes control characters in a name as `\#012`, so that a line is an item. `path` is as
    rsync says it, below the target, with ` -> ` before what a link points to. `size` is that of a
    file which is sent; None for what only gets other rights, for directories and for what is deleted.
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match, made = _ITEM.match(line), _MADE.match(line)
        if made is not None:
            records.append({"action": "create", "path": made["path"]})
        elif match is None:
            raise unexpected("F:itemized", "an item, a size and a path", line)
        else:
            item = match["item"]
            action = "delete" if item.startswith("*") else "create" if item.endswith("+++++++++") else "change"
            size = match["size"] if item.startswith((">f", "<f")) else None
            records.append({"action": action, "size": size, "path": match["path"]})
    return rows_of(records, columns)


def parse_df_available(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `df -B1 --output=avail,target` to `available` in bytes and `mounted_on`."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output)[1:]:
        available, _, mounted_on = line.strip().partition(" ")
        if not available.isdigit() or not mounted_on.startswith("/"):
            raise unexpected("F:df_available", "a number of bytes and a mount point", line)
        records.append({"available": available, "mounted_on": mounted_on})
    return rows_of(records, columns)


def _checksums(output: bytes) -> list[dict[str, Json]]:
    records: list[dict[str, Json]] = []
    for (entry,) in nul_fields(output, 1, "F:checksums_nul"):
        match = re.match(r"([0-9a-f]{32,128}) [ *](.*)\Z", entry, re.DOTALL)
        if match is None:
            raise unexpected("F:checksums_nul", "a checksum and a path", entry)
        records.append({"checksum": match[1], "path": match[2]})
    return records
