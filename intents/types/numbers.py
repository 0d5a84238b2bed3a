"""Numbers with and without a unit: count, percentage, size, duration, pid.

Sizes are bytes, durations seconds, percentages 0 to 100. What a unit was taken to mean is noted
where people disagree about it.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from intents.errors import ValueRejected
from intents.types.base import Found, ValueContext
from intents.types.canonical import CanonicalType, Reading, ShapedType, whole_number
from intents.types.spoken import AFTER, BEFORE, DECIMAL, IN_WORDS, INTEGER, ONE_OR_HALF, any_of, read_number
from intents.types.visible import excerpt
from intents.values import Json

_PREFIXES = ("kilo", "mega", "giga", "tera", "peta")
_LETTERS = "kmgtp"
_SHORT_SIZES: dict[str, int] = {"b": 1}
_LONG_SIZES: dict[str, int] = {"byte": 1, "bytes": 1}
_LOOSE_SIZES: dict[str, int] = {"meg": 1 << 20, "megs": 1 << 20, "gig": 1 << 30, "gigs": 1 << 30}
for _power, (_letter, _prefix) in enumerate(zip(_LETTERS, _PREFIXES, strict=True), start=1):
    _LOOSE_SIZES[_letter] = 1 << (10 * _power)
    _SHORT_SIZES |= {f"{_letter}b": 1000**_power, f"{_letter}ib": 1 << (10 * _power), f"{_letter}i": 1 << (10 * _power)}
    for _ending in ("byte", "bytes"):
        _LONG_SIZES[f"{_prefix}{_ending}"] = 1000**_power
        _LONG_SIZES[f"{_prefix[:2]}bi{_ending}"] = 1 << (10 * _power)
_SIZES = _SHORT_SIZES | _LONG_SIZES | _LOOSE_SIZES
_SPOKEN_SIZES = _LONG_SIZES | {unit: size for unit, size in _LOOSE_SIZES.items() if len(unit) > 1}
MAX_SIZE_BYTES = (1 << 63) - 1
"""off_t on 64-bit Linux."""

_SHORT_SECONDS: dict[str, Decimal] = {
    "ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86400), "w": Decimal(604800),
}  # fmt: skip
_LONG_SECONDS: dict[str, Decimal] = {
    **dict.fromkeys(("millisecond", "milliseconds"), Decimal("0.001")),
    **dict.fromkeys(("sec", "secs", "second", "seconds"), Decimal(1)),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), Decimal(60)),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), Decimal(3600)),
    **dict.fromkeys(("day", "days"), Decimal(86400)),
    **dict.fromkeys(("week", "weeks"), Decimal(604800)),
    **dict.fromkeys(("month", "months"), Decimal(30 * 86400)),
    **dict.fromkeys(("year", "years"), Decimal(365 * 86400)),
}
_SECONDS = _SHORT_SECONDS | _LONG_SECONDS
_INEXACT = {"month": "a month is read as 30 days", "year": "a year is read as 365 days"}
MAX_DURATION_S = 10_000_000_000
"""About 317 years."""

LONG_TIME_UNIT = any_of(tuple(_LONG_SECONDS))
"""The pattern of a unit of time that is a word of its own."""

_TERM = (
    rf"(?:{DECIMAL}[ -]?{any_of(tuple(_SECONDS))}"
    rf"|(?:{IN_WORDS}|{ONE_OR_HALF})[ -]{LONG_TIME_UNIT})"
)
DURATION = rf"(?:{_TERM}(?:(?: and | )?{_TERM}){{0,4}})"
"""The pattern of a duration, case-insensitive: "5m", "two hours", "1h 30min"."""

_OTHER_UNITS = ("percent", "per cent", "pct", "quarters", "am", "pm", "o'clock")
_NO_UNIT_AFTER = rf"(?! {{0,2}}(?ai:{any_of((*_SIZES, *_SECONDS, *_OTHER_UNITS))}|%)(?!\w))"
_WHOLE = re.compile(rf"{BEFORE}(?ai:(?>{INTEGER}|{IN_WORDS})){AFTER}{_NO_UNIT_AFTER}")
_BYTES = re.compile("[0-9]{1,19}")
_BARE_NUMBER = re.compile(rf"(?a:{DECIMAL})")


@dataclass(frozen=True)
class Count(ShapedType[int]):
    """A whole number: "5", "five", "a dozen". Canonical: int within `low`..`high`."""

    name: ClassVar[str] = "count"
    embeddable: ClassVar[bool] = True
    pattern: ClassVar[re.Pattern[str]] = _WHOLE

    low: int = 0
    high: int = 1_000_000_000

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise ValueRejected(
                f"A count can't lie between {self.low} and {self.high}.",
                remedy="Give `min` and `max`, 0 or more, in order.",
            )

    def _read(self, text: str, context: ValueContext) -> Reading:  # noqa: ARG002 - needs no context
        if not (match := _WHOLE.fullmatch(text.strip())):
            raise ValueRejected(f"{excerpt(text)} is not a whole number.", remedy='Write digits, such as "5".')
        return Reading(int(read_number(match.group())))

    def _checked(self, value: Json) -> int:
        return whole_number(value, "the count", self.low, self.high)

    def _write(self, value: int, form: str | None) -> str:  # noqa: ARG002 - one form
        return str(value)


_FRACTIONS = {"half": 50.0, "quarter": 25.0, "three quarters": 75.0}


class Percentage(ShapedType[float]):
    """A share of a whole: "80%", "80 percent", "half". Canonical: float from 0 to 100."""

    name: ClassVar[str] = "percentage"
    embeddable: ClassVar[bool] = True
    pattern: ClassVar[re.Pattern[str]] = re.compile(
        rf"{BEFORE}(?ai:(?>{DECIMAL}|{IN_WORDS}) ?(?:%|percent|per cent|pct)"
        r"|three quarters|(?:a|one) quarter|half(?! (?:an?|past) ))(?!\w)"
    )

    def _read(self, text: str, context: ValueContext) -> Reading:  # noqa: ARG002 - needs no context
        said = text.strip()
        if _BARE_NUMBER.fullmatch(said):
            return Reading(float(said.replace(",", "")))
        if not self.pattern.fullmatch(said):
            raise ValueRejected(f"{excerpt(text)} is not a percentage.", remedy='Write one such as "80%".')
        lowered = said.lower()
        for words, share in (*_FRACTIONS.items(), ("a quarter", 25.0), ("one quarter", 25.0)):
            if lowered == words:
                return Reading(share)
        number = re.sub(r" ?(?:%|percent|per cent|pct)$", "", lowered)
        return Reading(float(read_number(number)))

    def _checked(self, value: Json) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:  # noqa: PLR2004
            raise ValueRejected(f"{excerpt(value)} is not a percentage.", remedy="Write a number from 0 to 100.")
        return float(value)

    def _write(self, value: float, form: str | None) -> str:  # noqa: ARG002 - one form
        return written_decimal(value)

    def _display(self, value: float) -> str:
        return f"{written_decimal(value)}%"


class Size(ShapedType[int]):
    """An amount of data: "2 GB", "1.5 GiB", "two gigabytes", "64K". Canonical: int bytes.

    MB is 10^6 and MiB 2^20 (IEC 80000-13). A bare letter ("64K", as `dd`, `lvm` and `head` read it) and
    "megs", "gigs" are powers of 1024, which is noted.
    """

    name: ClassVar[str] = "size"
    embeddable: ClassVar[bool] = True
    formats: ClassVar[tuple[str, ...]] = ("bytes", "mib")
    pattern: ClassVar[re.Pattern[str]] = re.compile(
        rf"{BEFORE}(?ai:(?P<digits>{DECIMAL})[ -]?(?P<unit>{any_of(tuple(_SIZES))})"
        rf"|(?P<spoken>{IN_WORDS}|{ONE_OR_HALF})[ -](?P<word>{any_of(tuple(_SPOKEN_SIZES))}))(?!\w)(?!\.\w)"
    )

    def _read(self, text: str, context: ValueContext) -> Reading:  # noqa: ARG002 - needs no context
        said = text.strip()
        if _BYTES.fullmatch(said):
            return Reading(int(said))
        if not (match := self.pattern.fullmatch(said)):
            raise ValueRejected(f"{excerpt(text)} is not a size.", remedy='Write one such as "500 MB" or "2 GiB".')
        unit = (match["unit"] or match["word"]).lower()
        note = f"{said} is read in powers of 1024" if unit in _LOOSE_SIZES else None
        return Reading(int(read_number(match["digits"] or match["spoken"]) * _SIZES[unit]), note)

    def _checked(self, value: Json) -> int:
        return whole_number(value, "the size in bytes", 0, MAX_SIZE_BYTES)

    def _write(self, value: int, form: str | None) -> str:
        return str(-(-value // (1 << 20))) if form == "mib" else str(value)

    def _display(self, value: int) -> str:
        amount = float(value)
        for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
            if amount < 1024 or unit == "PiB":  # noqa: PLR2004 - the step from unit to unit
                return f"{value} B" if unit == "B" else f"{amount:.1f} {unit}"
            amount /= 1024
        return f"{value} B"


class Duration(ShapedType[float]):
    """A length of time: "5m", "two hours", "1h 30min". Canonical: seconds, int when whole."""

    name: ClassVar[str] = "duration"
    embeddable: ClassVar[bool] = True
    formats: ClassVar[tuple[str, ...]] = ("minutes",)
    pattern: ClassVar[re.Pattern[str]] = re.compile(rf"{BEFORE}(?ai:{DURATION})(?!\w)(?!\.\w)")

    def _read(self, text: str, context: ValueContext) -> Reading:  # noqa: ARG002 - needs no context
        said = text.strip()
        if _BARE_NUMBER.fullmatch(said):
            return Reading(whole_if_possible(Decimal(said.replace(",", ""))))
        if not self.pattern.fullmatch(said):
            raise ValueRejected(f"{excerpt(text)} is not a duration.", remedy='Write one such as "5 min" or "2 days".')
        seconds, note = duration_seconds(said)
        return Reading(whole_if_possible(seconds), note)

    def _checked(self, value: Json) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_DURATION_S:
            raise ValueRejected(
                f"{excerpt(value)} is not a duration.", remedy=f"Write seconds from 0 to {MAX_DURATION_S}."
            )
        if isinstance(value, float) and value.is_integer():
            raise ValueRejected(f"{value} is a whole number of seconds.", remedy=f"Write {int(value)}.")
        return value

    def _write(self, value: float, form: str | None) -> str:
        return str(math.ceil(value / 60)) if form == "minutes" else written_decimal(value)

    def _display(self, value: float) -> str:
        parts, rest = [], Decimal(str(value))
        for unit, seconds in (("day", 86400), ("h", 3600), ("min", 60)):
            amount, rest = divmod(rest, seconds)
            if amount:
                parts.append(f"{int(amount)} {unit}{'s' if unit == 'day' and amount > 1 else ''}")
        if rest or not parts:
            parts.append(f"{written_decimal(float(rest))} s")
        return " ".join(parts)


_TERMS = re.compile(
    rf"(?ai:(?P<digits>{DECIMAL})[ -]?(?P<unit>{any_of(tuple(_SECONDS))})"
    rf"|(?<![a-z])(?P<spoken>{IN_WORDS}|{ONE_OR_HALF})[ -](?P<word>{LONG_TIME_UNIT}))(?![A-Za-z])"
)


def duration_seconds(text: str) -> tuple[Decimal, str | None]:
    """Return the seconds of a text that matches `DURATION`, and a note where a unit has no fixed length.

    Raises `ValueRejected` for a capital M, which stands for months or mega as well.

    >>> duration_seconds("1h30m"), duration_seconds("a week")
    ((Decimal('5400'), None), (Decimal('604800'), None))
    """
    total, notes = Decimal(0), []
    for match in _TERMS.finditer(text):
        unit = match["unit"] or match["word"]
        if unit == "M":
            raise ValueRejected(f"{excerpt(text)} may mean minutes or months.", remedy='Write "min" or "months".')
        total += read_number(match["digits"] or match["spoken"]) * _SECONDS[unit.lower()]
        notes += [note for word, note in _INEXACT.items() if unit.lower().startswith(word)]
    return total, "; ".join(notes) or None


def whole_if_possible(number: Decimal) -> int | float:
    """Return `number` as an int when it is whole, else as a float with six decimals."""
    rounded = round(number, 6)
    return int(rounded) if rounded == int(rounded) else float(rounded)


def written_decimal(number: float) -> str:
    """Return `number` without exponent and without trailing zeros.

    >>> written_decimal(80.0), written_decimal(0.5)
    ('80', '0.5')
    """
    return str(number) if isinstance(number, int) else f"{number:.6f}".rstrip("0").rstrip(".")


class IntroducedNumber(CanonicalType[int]):
    """A number that people introduce by a word ("port 8080", "pid 4711").

    Where a request has the introducing word, only the numbers after it count; else every bare number does.
    """

    embeddable: ClassVar[bool] = True
    high: ClassVar[int]
    introduced: ClassVar[re.Pattern[str]]
    """Its group `numbers` holds the numbers after the introducing word."""

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return the introduced numbers, else the bare ones."""
        spans = list(self._introduced_spans(text)) or self._bare_spans(text)
        return [found for start, end in spans for found in self._found(start, end, text[start:end], context)]

    def _introduced_spans(self, text: str) -> Iterator[tuple[int, int]]:
        for match in self.introduced.finditer(text):
            for number in _DIGITS.finditer(text, match.start("numbers"), match.end("numbers")):
                yield number.span()

    def _bare_spans(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in _WHOLE.finditer(text) if match.group().isdigit()]

    def _read(self, text: str, context: ValueContext) -> Reading:  # noqa: ARG002 - needs no context
        if not re.fullmatch("[0-9]{1,9}", text.strip()):
            raise ValueRejected(
                f"{excerpt(text)} is not a {self.name}.", remedy=f"Write a number from 1 to {self.high}."
            )
        return Reading(int(text.strip()))

    def _checked(self, value: Json) -> int:
        return whole_number(value, f"the {self.name}", 1, self.high)

    def _write(self, value: int, form: str | None) -> str:  # noqa: ARG002 - one form
        return str(value)


_DIGITS = re.compile("[0-9]+")


def introduced_by(introducer: str) -> re.Pattern[str]:
    """Return the pattern of `IntroducedNumber.introduced` for an introducing word."""
    number = rf"[0-9]{{1,9}}(?![\w.:]\w|\w){_NO_UNIT_AFTER}"
    return re.compile(
        rf"(?<!\w)(?ai:{introducer})(?ai: number)?[ =:#]{{1,2}}(?P<numbers>{number}(?:(?:, ?| and | or ){number})*+)"
    )


class Pid(IntroducedNumber):
    """A process id: "pid 4711". Canonical: int from 1 to 2^22, the kernel's PID_MAX_LIMIT (proc(5), pid_max)."""

    name: ClassVar[str] = "pid"
    high: ClassVar[int] = 1 << 22
    introduced: ClassVar[re.Pattern[str]] = introduced_by("(?:pids?|process(?:es)?|process ids?)")
