"""When a policy rule holds: weekly windows ("mon-fri 09:00-17:00") and a first and a last day.

All of it is meant in the controller's own zone, that of /etc/localtime. The variable TZ doesn't
count: whoever asks could set it, and so move a window that forbids.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from intents.types.visible import excerpt

LOCAL_TIME = Path("/etc/localtime")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 24 * 60
_WINDOW = re.compile(
    r"(?ai:(?P<days>(?:mon|tue|wed|thu|fri|sat|sun)(?:[,-](?:mon|tue|wed|thu|fri|sat|sun))*)?"
    r" ?(?P<clock>[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2})?)"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Minutes of certain days of the week, from `begins` to before `ends`.

    A window that ends at or before it begins goes over midnight, and belongs to the day on which it began.
    """

    text: str
    days: frozenset[int]
    """0 is Monday."""
    begins: int
    ends: int
    """In minutes since midnight."""

    def contains(self, moment: datetime) -> bool:
        """Whether an aware `moment` lies in the window, seen in the controller's zone."""
        local = moment.astimezone(controller_zone())
        minute, today = local.hour * 60 + local.minute, local.weekday()
        if self.begins < self.ends:
            return today in self.days and self.begins <= minute < self.ends
        yesterday = (today - 1) % len(DAYS)
        return (today in self.days and minute >= self.begins) or (yesterday in self.days and minute < self.ends)


@lru_cache(maxsize=1)
def controller_zone() -> tzinfo:
    """Return the zone of /etc/localtime; UTC where that file isn't there (as localtime(5) says) or can't be read."""
    try:
        with LOCAL_TIME.open("rb") as stream:
            return ZoneInfo.from_file(stream, key="localtime")
    except (OSError, ValueError):
        return UTC


def parse_window(text: str) -> TimeWindow:
    """Return the window that `text` describes: days (all when none are named), hours, or both.

    Raises `ValueError` for what is no window, and for one in which no minute lies.

    >>> parse_window("mon-wed,sat 09:00-17:30").days == {0, 1, 2, 5}
    True
    >>> parse_window("fri-mon").ends
    1440
    """
    match = _WINDOW.fullmatch(text.strip())
    if match is None or not (match["days"] or match["clock"]):
        raise ValueError(
            f'{excerpt(text)} is no time; write one such as "mon-fri 09:00-17:00", "sat,sun" or "22:00-06:00"'
        )
    begins, ends = (0, _DAY_MINUTES) if match["clock"] is None else _hours(match["clock"], text)
    return TimeWindow(text, _days(match["days"] or "mon-sun"), begins, ends)


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.lower().split(","):
        first, _, last = part.partition("-")
        if last.count("-"):
            raise ValueError(f'{excerpt(part)} is no range of days; write one such as "mon-fri"')
        start, stop = DAYS.index(first), DAYS.index(last or first)
        found |= {(start + offset) % len(DAYS) for offset in range((stop - start) % len(DAYS) + 1)}
    return frozenset(found)


def _hours(clock: str, text: str) -> tuple[int, int]:
    minutes: list[int] = []
    for part in clock.split("-"):
        hour, minute = (int(number) for number in part.split(":"))
        if hour * 60 + minute > _DAY_MINUTES or minute > 59:  # noqa: PLR2004 - minutes of an hour
            raise ValueError(f"{excerpt(part)} is no time of the day; write 00:00 to 24:00")
        minutes.append(hour * 60 + minute)
    begins, ends = minutes
    if begins in {ends, _DAY_MINUTES}:
        raise ValueError(f"no minute lies in {excerpt(text)}; write an end that differs from its beginning")
    return begins, ends


def parse_date(text: str, *, is_end: bool) -> datetime:
    """Return the aware moment of "2026-12-31" or "2026-12-31 18:00"; without an offset in the controller's zone.

    A day alone counts as a whole: as an end it is the day's last moment. Raises `ValueError`.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f'{excerpt(text)} is no date; write one such as "2026-12-31" or "2026-12-31 18:00"') from None
    if is_end and _DATE.fullmatch(text.strip()):
        moment += timedelta(days=1)
    return moment if moment.tzinfo else moment.replace(tzinfo=controller_zone())
