"""Edits of crontabs: a job's line, with its times checked before cron would pass over the whole file for them.

crontab(5) of cron 3.0 (Debian) and cronie 1.5: five fields or a nickname, in system crontabs an
account, then the command up to the end of the line, where `%` is a line break unless escaped.
"""

import re
from collections.abc import Mapping

from executors.edit_lines import line_end, refuse_line_break, split_lines, with_line_end
from intents.errors import ValueRejected

NICKNAMES = frozenset(("@reboot", "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"))
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_DAYS = "sun mon tue wed thu fri sat".split()
_FIELDS: tuple[tuple[str, int, int, Mapping[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    ("day of the week", 0, 7, dict(zip(_DAYS, range(7), strict=True))),
)
_PART = re.compile(
    r"(?:\*|(?P<low>[0-9]{1,2}|[a-z]{3})(?:-(?P<high>[0-9]{1,2}|[a-z]{3}))?)(?:/(?P<step>[0-9]{1,2}))?\Z"
)
_DAILY = re.compile(rb"(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2}))? ?(?P<half>am|pm)?")
"""A time of day as people write it: "4", "4:30", "4 pm"."""
_SETTING = re.compile(r"""\s*["']?[A-Za-z_][A-Za-z0-9_]*["']?\s*=""")
_ACCOUNT = re.compile(r"[A-Za-z_0-9][A-Za-z0-9_.-]*\$?\Z")
_UNESCAPED_PERCENT = re.compile(rb"(?<!\\)((?:\\\\)*)%")


def add_cron_job(before: bytes, command: bytes, *, when: bytes = b"", every: bytes = b"", user: bytes = b"") -> bytes:
    r"""Return the crontab with a line that runs `command`, unless exactly this line is in it.

    The times are `when` (five fields or a nickname) or `every` (a nickname), or with `@daily` the time of day. `user` stands in system
    crontabs (/etc/cron.d) alone. A `%` of the command stays one: it is escaped.

    >>> add_cron_job(b"", b"date +%F", when=b"0 3 * * *", user=b"root")
    b'0 3 * * * root date +\\%F\n'
    >>> add_cron_job(b"", b"date", when=b"4:30 pm", every=b"@daily")
    b'30 16 * * * date\n'
    """
    if when and every == b"@daily" and (daily := _DAILY.fullmatch(when.strip().lower())):
        when, every = _daily_times(daily), b""
    if bool(when) == bool(every):
        raise ValueRejected(
            "When the job runs is said not at all, or twice.",
            remedy='Say one of: every hour, day, week or month; or quoted times as in a crontab, "0 3 * * *".',
        )
    times = b" ".join((when or every).split())
    refuse_line_break(command, "command")
    if not command.strip():
        raise ValueRejected("There is no command.", remedy="Say what is to run.")
    try:
        check_times(times.decode("ascii"))
    except ValueError as error:
        raise ValueRejected(f"These times can't be used: {error}.", remedy='Write them as in "0 3 * * *".') from error
    parts = [times, user, _UNESCAPED_PERCENT.sub(rb"\1\\%", command.strip())]
    line = b" ".join(part for part in parts if part)
    if line in {existing.rstrip(b"\r\n") for existing in split_lines(before)}:
        return before
    return with_line_end(before) + line + line_end(before)


def _daily_times(match: re.Match[bytes]) -> bytes:
    """Return the five fields of once a day at a time of day. Raises `ValueRejected` for a time that no day has."""
    hour, minute, half = int(match["hour"]), int(match["minute"] or 0), match["half"]
    if minute > 59 or hour > (12 if half else 23) or (half and hour == 0):  # noqa: PLR2004 - the clock's own
        raise ValueRejected(f"{match[0].decode()} is no time of day.", remedy='Write it as in "4:30" or "4 pm".')
    if half:
        hour = hour % 12 + (12 if half == b"pm" else 0)
    return b"%d %d * * *" % (minute, hour)


def check_times(times: str) -> None:
    """Raise `ValueError` with what is wrong with the times of a job.

    >>> check_times("*/15 8-18 * * mon-fri")
    >>> check_times("0 24 * * *")
    Traceback (most recent call last):
    ValueError: 24 is no hour (0 to 23)
    """
    if times.startswith("@"):
        if times not in NICKNAMES:
            raise ValueError(f"{times} is none of {', '.join(sorted(NICKNAMES))}")
        return
    fields = times.lower().split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"there are {len(fields)} fields, not five")
    for text, (what, low, high, names) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            _check_part(part, what, low, high, names)


def _check_part(part: str, what: str, low: int, high: int, names: Mapping[str, int]) -> None:
    match = _PART.match(part)
    if match is None:
        raise ValueError(f"{part!r} is no {what}")
    numbers = []
    for text in (match["low"], match["high"]):
        if text is None:
            continue
        number = names.get(text, int(text) if text.isdigit() else -1)
        if not low <= number <= high:
            raise ValueError(f"{text} is no {what} ({low} to {high})")
        numbers.append(number)
    if numbers != sorted(numbers):
        raise ValueError(f"{part} runs backwards")
    if match["step"] is not None and int(match["step"]) == 0:
        raise ValueError(f"{part} has a step of nothing")


def check_system_crontab(content: bytes) -> None:
    """Raise `ValueError` for the first line that cron would stumble over: it drops the whole file then."""
    if content and not content.endswith(b"\n"):
        raise ValueError("the last line has no end, and cron passes over it")
    for number, line in enumerate(split_lines(content), start=1):
        text = line.decode("utf-8", "surrogateescape").strip()
        if not text or text.startswith("#") or _SETTING.match(text):
            continue
        words = text.removeprefix("-").split()
        count = 1 if words[0].startswith("@") else len(_FIELDS)
        try:
            check_times(" ".join(words[:count]))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        if len(words) < count + 2 or not _ACCOUNT.match(words[count]):
            raise ValueError(f"line {number} needs an account and a command behind the times")
