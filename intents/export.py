"""Rows as CSV or JSON, and the English that asks for it: "as csv", "as json into /tmp/report.json", "and save it to r.csv"."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from intents.interpretation import Span
from intents.operations import ExportFormat
from intents.values import Json

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


def exported(rows: Sequence[Mapping[str, Json]], names: Sequence[str], form: ExportFormat) -> str:
    r"""Return the rows as text: CSV (RFC 4180, but with line feeds) or a JSON list, values as they are.

    >>> exported([{"name": "a,b", "size": 5, "tags": ["x", "y"]}], ["name", "size", "tags"], "csv")
    'name,size,tags\n"a,b",5,x y\n'
    """
    if form == "json":
        kept = [{name: row.get(name) for name in names} for row in rows]
        return json.dumps(kept, ensure_ascii=False, indent=1) + "\n"
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(row.get(name)) for name in names] for row in rows)
    return out.getvalue()


def _cell(value: Json) -> Json:
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(str(one) for one in value) if isinstance(value, list | tuple) else value
