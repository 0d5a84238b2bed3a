"""Numbers as people read them: sizes, durations, moments, percentages."""

import math
from datetime import UTC, datetime, timedelta, tzinfo

from intents.values import ColumnType, Json

MISSING = "-"
"""What stands where a value is missing."""

_STEP = 1024
_SIZE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_TIME_UNITS = (("year", 365 * 86400), ("day", 86400), ("h", 3600), ("min", 60), ("s", 1))
_THREE_DIGITS = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def human_size(size_bytes: float) -> str:
    """Return a number of bytes in IEC units (IEC 80000-13), three digits at least.

    >>> human_size(512), human_size(1536), human_size(123 * 1024**2), human_size(-2048)
    ('512 B', '1.5 KiB', '123 MiB', '-2.0 KiB')
    """
    sign, amount = ("-" if size_bytes < 0 else ""), abs(size_bytes)
    for unit in _SIZE_UNITS:
        is_plain = unit == "B"
        digits = 0 if is_plain or amount >= _THREE_DIGITS else 1
        shown = f"{amount:.{digits}f}"
        if float(shown) < _STEP or unit == _SIZE_UNITS[-1]:
            return f"{sign}{shown} {unit}"
        amount /= _STEP
    raise AssertionError("the last unit takes everything")


def human_duration(duration_s: float) -> str:
    """Return seconds in the two largest units that say something; below a minute with what matters of the fraction.

    >>> human_duration(93784), human_duration(3600), human_duration(0.0042), human_duration(12.5), human_duration(0)
    ('1 day 2 h', '1 h', '4.2 ms', '12.5 s', '0 s')
    """
    sign, rest = ("-" if duration_s < 0 else ""), abs(duration_s)
    if 0 < rest < 1:
        return f"{sign}{rest * 1000:.3g} ms"
    if rest < 60:  # noqa: PLR2004 - a minute
        return f"{sign}{rest:.3g} s"
    parts: list[str] = []
    left = int(rest)
    for unit, seconds in _TIME_UNITS:
        amount, left = divmod(left, seconds)
        if amount:
            parts.append(f"{amount} {unit}{'s' if len(unit) > 3 and amount > 1 else ''}")  # noqa: PLR2004 - a word
        elif parts:
            break
        if len(parts) == 2:  # noqa: PLR2004 - two units
            break
    return sign + " ".join(parts)


def human_moment(moment_s: float, *, zone: tzinfo | None = None) -> str:
    """Return seconds since 1970-01-01 UTC as date and time in `zone`, the local one when None.

    >>> human_moment(1764027005, zone=UTC)
    '2025-11-24 23:30:05'
    """
    try:
        moment = (_EPOCH + timedelta(seconds=math.floor(moment_s))).astimezone(zone)
    except (OverflowError, ValueError):
        return f"{moment_s} s after 1970"
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def human_value(value: Json, kind: ColumnType = "text", *, zone: tzinfo | None = None) -> str:
    """Return any cell of a read as a person reads it; not yet safe to print (see `shell.visible`).

    A value that isn't of its column's type is shown as it is.

    >>> human_value(2048, "size"), human_value(91.25, "percentage"), human_value(True), human_value(["a", "b"])
    ('2.0 KiB', '91.2%', 'yes', 'a, b')
    """
    match value:
        case None:
            shown = MISSING
        case bool():
            shown = "yes" if value else "no"
        case int() | float():
            shown = _human_number(value, kind, zone)
        case list() | tuple():
            shown = ", ".join(human_value(one, zone=zone) for one in value)
        case dict():
            shown = ", ".join(f"{key}={human_value(one, zone=zone)}" for key, one in value.items())
        case _:
            shown = str(value)
    return shown


def _human_number(value: float, kind: ColumnType, zone: tzinfo | None) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return MISSING
    match kind:
        case "size":
            return human_size(value)
        case "duration":
            return human_duration(value)
        case "moment":
            return human_moment(value, zone=zone)
        case "percentage":
            return f"{_short(value)}%"
        case _:
            return _short(value) if isinstance(value, float) else str(value)


def _short(value: float) -> str:
    """At most one digit after the point above ten, two below; none that is zero."""
    digits = 1 if abs(value) >= 10 else 2  # noqa: PLR2004 - two digits before the point suffice
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
