"""Points in time: "yesterday 3pm", "since monday", "2 hours ago", "2026-11-20 14:00".

Words are read against the context's clock and in its zone. A day without a time is its start.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar

from intents.errors import ValueRejected
from intents.types.base import ValueContext
from intents.types.canonical import Reading, ShapedType, whole_number
from intents.types.numbers import DURATION, LONG_TIME_UNIT, duration_seconds
from intents.types.visible import excerpt
from intents.values import Json

MAX_MOMENT_S = 253_402_300_799
"""9999-12-31T23:59:59Z, the last second that Python's and RFC 3339's four-digit years can write."""

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH = rf"(?:{'|'.join(_MONTHS)}|{'|'.join(month[:3] for month in _MONTHS)}|sept)"

_CLOCK = r"(?:[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?: ?[ap]m)?|[0-9]{1,2} ?[ap]m|noon|midnight)"
_DAY = (
    rf"(?:(?:last |on )?(?:{'|'.join(_WEEKDAYS)})|today|yesterday|this morning"
    rf"|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}"
    rf"|(?:[0-9]{{1,2}}(?:st|nd|rd|th)? {_MONTH}|{_MONTH} [0-9]{{1,2}}(?:st|nd|rd|th)?)(?:,? [0-9]{{4}}(?![:0-9]))?)"
)
_OFFSET = r"(?: ?(?:z|utc|gmt)|[+-][0-9]{2}:?[0-9]{2})"
_STAMP = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[t ][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]{{1,9}})?)?{_OFFSET}?"
_AFTER_COMPARISON = (
    "(?:"
    + "|".join(
        rf"(?<={word} )"
        for word in ("older than", "newer than", "younger than", "more than", "less than", "within", "for")
    )
    + ")"
)
_MOMENT = re.compile(
    r"(?<![\w.,:/@+-])(?ai:"
    rf"(?P<stamp>{_STAMP})"
    rf"|(?P<ago>{DURATION}) ago"
    rf"|(?:the )?(?:last|past) (?P<last>{DURATION}|{LONG_TIME_UNIT})"
    rf"|{_AFTER_COMPARISON}(?P<span>{DURATION})(?! ago)"
    r"|(?P<this>this (?:week|month|year))"
    rf"|(?P<day>{_DAY})(?:,? (?:at )?(?P<day_clock>{_CLOCK}))?"
    rf"|(?P<clock>{_CLOCK})(?: (?P<clock_day>{_DAY}))?"
    r"|(?P<now>now)"
    r")(?![\w:/-])(?!\.\w)"
)
_EPOCH = re.compile("@[0-9]{1,12}|[0-9]{9,12}")
_DURATION_ALONE = re.compile(rf"(?ai:{DURATION})")


class Moment(ShapedType[int]):
    """A point in time. Canonical: int, seconds since 1970-01-01 UTC; nothing before it."""

    name: ClassVar[str] = "moment"
    embeddable: ClassVar[bool] = True
    formats: ClassVar[tuple[str, ...]] = ("epoch", "rfc3339")
    pattern: ClassVar[re.Pattern[str]] = _MOMENT

    def _read(self, text: str, context: ValueContext) -> Reading:
        said = re.sub(r"^(?:since|from|before|until) +", "", text.strip(), flags=re.IGNORECASE)
        if _EPOCH.fullmatch(said):
            return Reading(int(said.removeprefix("@")))
        try:
            match = _MOMENT.fullmatch(said)
            if match:
                return _read_match(match, context.now)
            if _DURATION_ALONE.fullmatch(said):
                return _before(context.now, said)
        except (ValueError, OverflowError):
            raise ValueRejected(f"{excerpt(text)} is no day or time that exists.", remedy=_REMEDY) from None
        raise ValueRejected(f"{excerpt(text)} is not a moment.", remedy=_REMEDY)

    def _checked(self, value: Json) -> int:
        return whole_number(value, "the moment in seconds since 1970", 0, MAX_MOMENT_S)

    def _write(self, value: int, form: str | None) -> str:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if form == "rfc3339" else str(value)

    def _display(self, value: int) -> str:
        try:
            return datetime.fromtimestamp(value, UTC).astimezone().strftime("%Y-%m-%d %H:%M %Z").strip()
        except (OverflowError, ValueError):
            return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M} UTC"


_REMEDY = 'Write one such as "yesterday 15:00", "2 hours ago" or "2026-11-20 14:00".'


def _read_match(match: re.Match[str], now: datetime) -> Reading:
    """Return the moment of a matched phrase. Raises `ValueError` for a day or time that doesn't exist."""
    if match["stamp"]:
        return Reading(_stamp_seconds(match["stamp"], now))
    if duration := match["ago"] or match["last"] or match["span"]:
        return _before(now, duration)
    if match["this"]:
        return Reading(_seconds(_start_of_this(match["this"].lower().split()[1], now.date()), time(), now))
    if match["now"]:
        return Reading(int(now.timestamp()))
    day_text, clock_text = match["day"] or match["clock_day"], match["day_clock"] or match["clock"]
    if day_text is None:
        return _last_time(_clock(clock_text), now)
    day, note = _day(day_text.lower(), now.date())
    return Reading(_seconds(day, _clock(clock_text) if clock_text else time(), now), note)


def _before(now: datetime, duration: str) -> Reading:
    if not duration[0].isdigit() and re.fullmatch(rf"(?ai:{LONG_TIME_UNIT})", duration):
        duration = f"a {duration}"
    seconds, note = duration_seconds(duration)
    return Reading(int(int(now.timestamp()) - seconds), note)


def _seconds(day: date, clock: time, now: datetime) -> int:
    return int(datetime.combine(day, clock, tzinfo=now.tzinfo).timestamp())


def _stamp_seconds(text: str, now: datetime) -> int:
    """Return the seconds of an ISO 8601 stamp; without an offset it is meant in the zone of `now`."""
    normal = re.sub(r" ?(?:z|utc|gmt)$", "+00:00", text.lower())
    normal = re.sub(r"\.([0-9]+)", lambda fraction: f".{fraction[1][:6]:0<6}", normal)
    moment = datetime.fromisoformat(normal.replace("t", " "))
    return int((moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)).timestamp())


def _start_of_this(unit: str, today: date) -> date:
    if unit == "week":
        return today - timedelta(days=today.weekday())
    return today.replace(day=1) if unit == "month" else today.replace(month=1, day=1)


def _last_time(clock: time, now: datetime) -> Reading:
    """Return the last time that the clock showed `clock`: today's, or yesterday's when today's is to come."""
    moment = _seconds(now.date(), clock, now)
    if moment <= now.timestamp():
        return Reading(moment, "today")
    return Reading(_seconds(now.date() - timedelta(days=1), clock, now), "yesterday")


def _clock(text: str) -> time:
    lowered = text.lower().replace(" ", "")
    if lowered in ("noon", "midnight"):
        return time(12 if lowered == "noon" else 0)
    half = lowered[-2:] if lowered[-1] == "m" else None
    hour, *rest = (int(part) for part in lowered.removesuffix(half or "").split(":"))
    if half:
        if not 1 <= hour <= 12:  # noqa: PLR2004 - the twelve-hour clock
            raise ValueError(text)
        hour = hour % 12 + (12 if half == "pm" else 0)
    minute, second = (*rest, 0, 0)[:2]
    return time(hour, minute, second)


def _day(text: str, today: date) -> tuple[date, str | None]:
    """Return the day that `text` means, looking back from `today`, and what was read into it."""
    if text in ("today", "this morning"):
        return today, "from midnight on" if text == "this morning" else None
    if text == "yesterday":
        return today - timedelta(days=1), None
    if text[:1].isdigit() and text[4:5] == "-":
        return date.fromisoformat(text), None
    weekday = text.rsplit(" ", 1)[-1]
    if weekday in _WEEKDAYS:
        back = (today.weekday() - _WEEKDAYS.index(weekday) - 1) % 7 + 1
        day = today - timedelta(days=back)
        return day, day.isoformat()
    return _calendar_day(text, today)


def _calendar_day(text: str, today: date) -> tuple[date, str | None]:
    """Return the day of "20 November 2026", "Nov 20": without a year the last such day."""
    numbers = [int(number) for number in re.findall("[0-9]+", text)]
    month_word = next(word for word in re.findall("[a-z]{3,}", text) if word[:3] in {month[:3] for month in _MONTHS})
    month = next(index for index, name in enumerate(_MONTHS, start=1) if name[:3] == month_word[:3])
    if len(numbers) > 1:
        return date(numbers[1], month, numbers[0]), None
    for year in range(today.year, today.year - 9, -1):  # 29 February may lie eight years back
        try:
            day = date(year, month, numbers[0])
        except ValueError:
            continue
        if day <= today:
            return day, day.isoformat()
    raise ValueError(text)
