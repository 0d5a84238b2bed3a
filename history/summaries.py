"""One line per record, for listing: what was asked, what it was taken for, where, by whom, and how it ended."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from history.canonical import Json, parse

SUMMARISED_KINDS = ("request", "interpretation", "plan", "step_begin", "end")


@dataclass(frozen=True, slots=True)
class RecordSummary:
    """A record in short.

    `kind` is the interpretation's (match, question, decline), None before there is one; `status` is what the
    `end` event says, None while the record has none (it is going on, or was cut off). `request` is empty when the
    event that holds it can't be read any more.
    """

    record: int
    started_utc: str
    request: str
    user: str | None
    kind: str | None
    status: int | str | None
    what: str | None
    """What came of it in words, as the `end` event says ("changed", "dry run")."""
    intents: tuple[str, ...]
    hosts: tuple[str, ...]
    process: Json = None
    """The process that writes or wrote it, as its `request` event says."""
    has_begun: bool = False
    """Whether a step that changes something was begun."""

    @property
    def is_ended(self) -> bool:
        """Whether the record has its `end` event."""
        return self.status is not None


def summarise(connection: sqlite3.Connection, record: int) -> RecordSummary:
    """Return the summary of the record that begins with event `record`. Damaged events are passed over."""
    marks = ",".join("?" * len(SUMMARISED_KINDS))
    rows = connection.execute(
        f"SELECT kind, utc, CAST(body AS BLOB) FROM events WHERE record = ? AND kind IN ({marks}) ORDER BY number",  # noqa: S608 - only question marks are put in
        (record, *SUMMARISED_KINDS),
    ).fetchall()
    payloads = [(str(kind), _payload(body)) for kind, _, body in rows]
    request = _first(payloads, "request")
    steps = [payload for kind, payload in payloads if kind == "step_begin"]
    stages = _mappings(_last(payloads, "plan").get("stages"))
    matches = _mappings(_last(payloads, "interpretation").get("matches"))
    hosts = [host for stage in stages if isinstance(named := stage.get("hosts"), Mapping) for host in named]
    status = _last(payloads, "end").get("status")
    return RecordSummary(
        record=record,
        started_utc=str(rows[0][1] or "") if rows else "",
        request=_text(request.get("request")) or "",
        user=_text(request.get("user")),
        kind=_text(_last(payloads, "interpretation").get("kind")),
        status=status if isinstance(status, int | str) else None,
        what=_text(_last(payloads, "end").get("what")),
        intents=_distinct(one.get("intent") for one in [*stages, *steps] or matches),
        hosts=_distinct([*hosts, *(step.get("host") for step in steps)]),
        process=request.get("process"),
        has_begun=any(step.get("risk") != "read" for step in steps),
    )


def _payload(body: bytes) -> Mapping[str, Json]:
    try:
        value = parse(body)
    except (json.JSONDecodeError, UnicodeDecodeError):
        return {}
    payload = value.get("payload") if isinstance(value, Mapping) else None
    return payload if isinstance(payload, Mapping) else {}


def _first(payloads: Iterable[tuple[str, Mapping[str, Json]]], kind: str) -> Mapping[str, Json]:
    return next((payload for found, payload in payloads if found == kind), {})


def _last(payloads: Sequence[tuple[str, Mapping[str, Json]]], kind: str) -> Mapping[str, Json]:
    return _first(reversed(payloads), kind)


def _mappings(value: Json) -> list[Mapping[str, Json]]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [item for item in value if isinstance(item, Mapping)]


def _distinct(values: Iterable[Json]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if isinstance(value, str)))


def _text(value: Json) -> str | None:
    """Return a text, also one that was cut for its length."""
    if isinstance(value, Mapping):
        value = value.get("cut_text")
    return value if isinstance(value, str) else None
