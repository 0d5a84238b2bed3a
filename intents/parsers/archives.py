"""What tar and zipinfo list, and whether it may be unpacked."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from intents.parsers.conversion import ParseError, decode, lines_of, rows_of, unexpected
from intents.parsers.generic import nul_fields
from intents.values import Column, Row

_KINDS = {"-": "file", "d": "directory", "l": "link", "h": "hard link", "p": "pipe", "s": "socket",
          "c": "character device", "b": "block device", "V": "label", "?": "unknown"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive. `size_bytes` unpacked; `modified` seconds since 1970; `target` is None where it isn't told."""

    kind: str
    mode: str
    size_bytes: int
    modified: int | None
    path: str
    target: str | None = None


_TAR_LINE = re.compile(
    r"(?P<mode>[-dlhpscbV?C][-rwxsStT]{9})\S* \S+ +(?P<size>[0-9]+(?:,[0-9]+)?) (?P<date>[0-9-]{10}) (?P<time>[0-9:.]+) (?P<path>.*)\Z"
)
_ZIP_LINE = re.compile(
    r"(?P<mode>[-dlhpscb?][-rwxsStTahdv]{3,9}) +[0-9.]+ +\S+ +(?P<size>[0-9]+) +\S+ +[0-9]+ +\S+ (?P<date>[0-9]{8})\.(?P<time>[0-9]{6}) (?P<path>.*)\Z"
)


def members_of(output: bytes) -> Iterator[Member]:
    """Yield the members that `tar --list --verbose --full-time` or `zipinfo -l -T` wrote. Raises `ParseError`.

    tar writes control characters as escapes (`--quoting-style=escape`), zipinfo as `^J`, so that a line is a member.
    """
    lines = lines_of(output)
    if lines and lines[0].startswith("Archive: "):
        # zipinfo 3.0: two lines of head, and the sums at the end.
        lines = lines[2:-1]
    for line in lines:
        tar, zipped = _TAR_LINE.match(line), _ZIP_LINE.match(line)
        if tar is not None:
            yield _tar_member(tar)
        elif zipped is not None:
            when = _moment(f"{zipped['date']}{zipped['time']}", "%Y%m%d%H%M%S")
            is_folder = zipped["path"].endswith("/")
            kind = "directory" if is_folder else _KINDS.get(zipped["mode"][0], "file")
            yield Member(kind, zipped["mode"], int(zipped["size"]), when, zipped["path"])
        else:
            raise unexpected("F:archive_members", "a member of an archive", line)


def _tar_member(match: re.Match[str]) -> Member:
    kind = _KINDS.get(match["mode"][0], "unknown")
    seconds = match["time"].partition(".")[0]
    when = _moment(f"{match['date']} {seconds}", "%Y-%m-%d %H:%M:%S")
    size = 0 if "," in match["size"] else int(match["size"])
    mark = {"link": " -> ", "hard link": " link to "}.get(kind)
    path, target = match["path"], None
    if mark is not None:
        path, _, target = path.partition(mark)
    return Member(kind, match["mode"], size, when, path, target)


def _moment(text: str, form: str) -> int | None:
    """Return the seconds since 1970; None for a date that there isn't (zip's 0 of a month)."""
    try:
        return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def parse_archive_members(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read an archive's members to `kind`, `mode` (letters), `size`, `modified`, `path` and `target` of a link."""
    return rows_of(
        [
            {"kind": one.kind, "mode": one.mode, "size": one.size_bytes, "modified": one.modified, "path": one.path,
             "target": one.target}
            for one in members_of(output)
        ],
        columns,
    )  # fmt: skip


def parse_unpacking(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read what unpacking makes to `action` (create), `kind`, `size` and `path`.

    Raises `ParseError` for an archive with a member that would land or lead outside the directory, a
    device, or a link of a zip archive, whose target the list doesn't tell.
    """
    members = list(members_of(output))
    for member in members:
        why = _refused(member)
        if why is not None:
            raise ParseError(
                f"The archive isn't unpacked: {member.path!r} {why}.",
                remedy="Look at what is in it first; where you trust it, unpack it by hand.",
            )
    return rows_of(
        [
            {"action": "create", "kind": one.kind, "size": one.size_bytes if one.kind == "file" else None, "path": one.path}
            for one in members
        ],
        columns,
    )  # fmt: skip


def _refused(member: Member) -> str | None:
    if member.kind not in {"file", "directory", "link", "hard link"}:
        return f"is a {member.kind}"
    if _leads_out(member.path):
        return "lies outside the directory"
    if member.kind not in {"link", "hard link"}:
        return None
    if member.target is None:
        return "is a link, and the list doesn't tell where it leads"
    # A name may hold the mark itself: whichever way it is read, it has to stay inside.
    mark = " -> " if member.kind == "link" else " link to "
    parts = f"{member.path}{mark}{member.target}".split(mark)
    for place in range(1, len(parts)):
        path, target = mark.join(parts[:place]), mark.join(parts[place:])
        start = posixpath.dirname(path) if member.kind == "link" else ""
        if target.startswith("/") or _leads_out(posixpath.join(start, target)):
            return f"is a link that leads outside the directory, to {target!r}"
    return None


def _leads_out(path: str) -> bool:
    r"""Whether a member's path is absolute or climbs above where it began.

    >>> [_leads_out(path) for path in ("a/../b", "./a", "a/../../b", "/a", "..", "a\\b")]
    [False, False, True, True, True, False]
    """
    if path.startswith("/"):
        return True
    depth = 0
    for part in path.split("/"):
        depth += -1 if part == ".." else 0 if part in {"", "."} else 1
        if depth < 0:
            return True
    return False


def parse_place(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `find -printf '%y\0'` with `empty` or `filled` of a place to unpack into: `kind` and `holds`.

    Nothing there is a row, too: kind `nothing`, which holds nothing.

    >>> parse_place(b"", (Column("kind"), Column("holds")))
    [{'kind': 'nothing', 'holds': 'nothing'}]
    """
    fields = nul_fields(output, 2, "F:place")
    if not fields:
        return rows_of([{"kind": "nothing", "holds": "nothing"}], columns)
    (letter, holds), *others = fields
    if others or holds not in {"empty", "filled"}:
        raise unexpected("F:place", "a kind, and empty or filled", decode(output))
    kind = {"d": "directory", "f": "file", "l": "link"}.get(letter, "other")
    record = {"kind": kind, "holds": "nothing" if kind == "directory" and holds == "empty" else "something"}
    return rows_of([record], columns)
