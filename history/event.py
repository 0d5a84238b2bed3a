"""One event of the history: how it is laid into canonical bytes, and how it is read back."""

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

from history.canonical import Json, canonical, parse
from history.errors import HistoryTampered

GENESIS = "0" * 64
"""What the first event has for the hash of the one before it."""

ENVELOPE = re.compile(
    rb'\{"kind":"(?P<kind>[a-z_]+)","monotonic_ns":\d+,"number":(?P<number>\d+),"payload":\{.*\}'
    rb',"previous":"(?P<previous>[0-9a-f]{64})","record":(?P<record>\d+),"utc":"[^"]+"\}',
    re.DOTALL,
)
"""The whole body of an event as this version writes it: RFC 8785 sorts the keys, so the payload is in the middle."""

STORED_COLUMNS = "number, coalesce(CAST(hash AS BLOB), x''), coalesce(CAST(body AS BLOB), x'')"
"""What is selected of an event: bytes, for a text that somebody damaged may no longer be UTF-8."""

_KIND = re.compile(r"[a-z_]+")


@dataclass(frozen=True, slots=True)
class Head:
    """The last event's number and hash; kept elsewhere, it proves later that nothing before it has changed."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, as stored.

    `record` is the number of the record's first event. `utc` is RFC 3339 with microseconds; `monotonic_ns` is the
    machine's monotonic clock, comparable between events until it restarts. `previous` and `hash` are SHA-256 (hex).
    """

    number: int
    record: int
    kind: str
    utc: str
    monotonic_ns: int
    previous: str
    hash: str
    payload: Mapping[str, Json] = field(repr=False)


def build_event(head: Head, kind: str, record: int | None, payload: Mapping[str, Json]) -> tuple[Event, bytes]:
    """Return the event that follows `head`, with its canonical bytes; it begins a record when `record` is None.

    The payload is taken as it is: redacted and cut before. Raises `ValueError` for a kind that isn't a lower-case word.
    """
    if not _KIND.fullmatch(kind):
        raise ValueError(f"{kind!r} is no kind of event: lower-case letters and _ only")
    number = head.number + 1
    event = Event(
        number=number,
        record=number if record is None else record,
        kind=kind,
        utc=datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        monotonic_ns=time.monotonic_ns() % 2**53,  # RFC 8785 numbers; 104 days without a restart wrap it
        previous=head.hash,
        hash="",
        payload=payload,
    )
    body = canonical(
        {
            "kind": event.kind,
            "monotonic_ns": event.monotonic_ns,
            "number": event.number,
            "payload": event.payload,
            "previous": event.previous,
            "record": event.record,
            "utc": event.utc,
        }
    )
    return replace(event, hash=hash_of(body)), body


def read_event(number: int, stored_hash: bytes, body: bytes) -> Event:
    """Return the stored event. Raises `HistoryTampered` when its bytes are not those that were hashed."""
    own_hash = hash_of(body)
    if own_hash.encode() != stored_hash or not ENVELOPE.fullmatch(body):
        raise HistoryTampered(
            f"Event {number} of the history was altered.",
            remedy="`sayso history verify` shows what else was; keep the file for examination.",
            number=number,
        )
    values = cast("dict[str, Json]", parse(body))
    return Event(
        number=cast("int", values["number"]),
        record=cast("int", values["record"]),
        kind=cast("str", values["kind"]),
        utc=cast("str", values["utc"]),
        monotonic_ns=cast("int", values["monotonic_ns"]),
        previous=cast("str", values["previous"]),
        hash=own_hash,
        payload=cast("Mapping[str, Json]", values["payload"]),
    )


def hash_of(body: bytes) -> str:
    """Return the SHA-256 (hex) of an event's bytes."""
    return hashlib.sha256(body).hexdigest()
