"""When something ends, as a person says it: "friday", "friday 17:00", "tomorrow", "3 days", "2026-12-31".

The catalogue's moments look back ("since friday"); an end lies ahead, so the same words are read for
the next such moment. A day without a time counts as a whole.
"""

import re
from datetime import UTC, datetime, time, timedelta

from intents.errors import RequestError, ValueRejected
from intents.types.base import ValueContext
from intents.types.registry import make_type
from intents.types.visible import excerpt

_CLOCK = re.compile(r"[0-9]:[0-9]|[0-9] ?[ap]m\b|\bnoon\b|\bmidnight\b|@|[0-9]{9}", re.IGNORECASE)
_BACKWARD = re.compile(r"\b(?:ago|last|past|yesterday|since|before|this|now)\b", re.IGNORECASE)
_LEADING = re.compile(r"(?:until|till|for|in|by|next|the end of)\s+", re.IGNORECASE)
_TOMORROW = re.compile(r"tomorrow\b,?\s*", re.IGNORECASE)
_AHEAD = (timedelta(0), timedelta(days=1), timedelta(days=7), timedelta(days=8), timedelta(days=366))
"""How far the clock is put on until the words mean a moment that is to come: a time, a weekday (eight days where
today is one, and its time has been), a day of the year."""


def parse_until(text: str, now: datetime) -> datetime:
    """Return the aware moment at which something ends. `now` is aware; words are meant in its zone.

    Raises `RequestError` for what can't be read, and for what has been.
    """
    said = _LEADING.sub("", text.strip(), count=1)
    moment = None if _BACKWARD.search(said) else _duration(said, now) or _tomorrow(said, now) or _moment(said, now)
    if moment is None:
        raise RequestError(
            f"{excerpt(text)} is no moment that is to come.",
            remedy='Write one such as "friday", "tomorrow 17:00", "3 days" or "2026-12-31".',
        )
    return moment


def _duration(said: str, now: datetime) -> datetime | None:
    if re.fullmatch(r"[0-9.,]+", said):
        return None  # seconds, which nobody means by a bare number
    try:
        seconds = make_type("duration", {}).parse(said, ValueContext(now, "/", "/"))
    except ValueRejected:
        return None
    return now + timedelta(seconds=float(str(seconds))) if seconds else None


def _tomorrow(said: str, now: datetime) -> datetime | None:
    day = now.date() + timedelta(days=1)
    if _TOMORROW.fullmatch(said):
        return datetime.combine(day + timedelta(days=1), time(), tzinfo=now.tzinfo)
    return _moment(f"{day.isoformat()} {_TOMORROW.sub('', said)}", now) if _TOMORROW.match(said) else None


def _moment(said: str, now: datetime) -> datetime | None:
    """Return the next moment that the words mean; None for one that has been, or for no moment."""
    kind = make_type("moment", {})
    is_whole_day = _CLOCK.search(said) is None
    is_today = said.lower().startswith("today")
    for ahead in (timedelta(0),) if is_today else _AHEAD:
        try:
            seconds = kind.parse(said, ValueContext(now + ahead, "/", "/"))
        except ValueRejected:
            return None
        found = datetime.fromtimestamp(int(str(seconds)), UTC).astimezone(now.tzinfo)
        if is_whole_day:
            found = datetime.combine(found.date() + timedelta(days=1), time(), tzinfo=now.tzinfo)
        if found > now:
            return found
    return None
