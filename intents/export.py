"""Rows as CSV or JSON, and the English that asks for it: "as csv", "as json into /tmp/report.json", "and save it to r.csv"."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from intents.interpretation import Span
from intents.operations import ExportFormat
from intents.values import Column, Json

_FORMAT = r"(?:as|in)\s+(?:a\s+)?(?P<format>csv|json)(?:\s+(?:file|format|document))?"
_KEEP = r"(?:save|write|export|store|put|dump)\s+(?:it|them|that|this|these|those|(?:the\s+)?(?:result|results|output|list|table|rows))"
_INTO = r"(?:in\s*to|to|in|as|under)\s+(?P<path>[\"']?[^\s\"']+\.(?P<ending>csv|json)[\"']?)"
_EXPORT = re.compile(
    rf"[\s,;]*\b(?:(?:and\s+)?(?:then\s+)?{_KEEP}\s+)?{_FORMAT}(?:\s+{_INTO})?(?:\s+please)?[\s.!?]*\Z",
    re.IGNORECASE,
)
_INTO_ALONE = re.compile(rf"[\s,;]*\b(?:and\s+)?(?:then\s+)?{_KEEP}\s+{_INTO}[\s.!?]*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ExportPhrase:
    """What the end of a request asks to do with its rows."""

    format: ExportFormat
    path: str | None
    span: Span


def export_in(text: str) -> ExportPhrase | None:
    """Return the export that a request ends with, or None.

    A path alone ("the size of a.csv") is none: the words have to say that something is kept, or name the format.

    >>> export_in("list processes as csv into /tmp/p.csv")
    ExportPhrase(format='csv', path='/tmp/p.csv', span=(14, 37))
    >>> export_in("show the disks and save it to disks.json").path
    'disks.json'
    >>> export_in("how big is /srv/in.csv") is None
    True
    """
    found = _INTO_ALONE.search(text)
    if found is None:
        found = _EXPORT.search(text)
        if found is None:
            return None
    named = found.groupdict()
    path = (named.get("path") or "").strip("\"'") or None
    word = (named.get("format") or named.get("ending") or "csv").lower()
    return ExportPhrase("json" if word == "json" else "csv", path, found.span())


def exported(rows: Sequence[Mapping[str, Json]], columns: Sequence[Column], form: ExportFormat) -> str:
    r"""Return the rows as text: CSV (RFC 4180, but with line feeds) or a JSON list.

    Values are as they are (sizes in bytes, durations in seconds), moments in RFC 3339 and UTC.

    >>> columns = [Column("name"), Column("size", "size"), Column("seen", "moment")]
    >>> exported([{"name": "a,b", "size": 5, "seen": 0}], columns, "csv")
    'name,size,seen\n"a,b",5,1970-01-01T00:00:00Z\n'
    """
    kept = [{column.name: _value(row.get(column.name), column) for column in columns} for row in rows]
    if form == "json":
        return json.dumps(kept, ensure_ascii=False, indent=1) + "\n"
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    writer.writerows([_cell(value) for value in row.values()] for row in kept)
    return out.getvalue()


def _value(value: Json, column: Column) -> Json:
    if column.type != "moment" or not isinstance(value, int | float) or isinstance(value, bool):
        return value
    return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _cell(value: Json) -> Json:
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(str(one) for one in value) if isinstance(value, list | tuple) else value
