"""Numbers as people write and say them: "5", "1,000", "1.5", "twenty-five", "a dozen"."""

import re
from decimal import Decimal

_SMALL = {
    word: number
    for number, word in enumerate(
        (
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
            " seventeen eighteen nineteen"
        ).split()
    )
}
_TENS = {
    word: 10 * number
    for number, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)
}
_SCALES = {"couple": 2, "dozen": 12, "hundred": 100, "thousand": 1000, "million": 1_000_000}
_ARTICLES = {"a": Decimal(1), "an": Decimal(1), "half": Decimal("0.5")}


def any_of(options: "list[str] | tuple[str, ...] | dict[str, int]") -> str:
    """Return an alternation that tries longer words first, so that `minutes` isn't read as `m`.

    >>> any_of(["m", "min"])
    '(?:min|m)'
    """
    return f"(?:{'|'.join(re.escape(option) for option in sorted(options, key=len, reverse=True))})"


_SIMPLE = rf"(?:{any_of(_TENS)}(?:[ -]{any_of(_SMALL)})?|{any_of(_SMALL)})"

INTEGER = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,4}|[0-9]{1,15})"
"""Digits, also with thousands separators."""

DECIMAL = rf"(?:{INTEGER}(?:\.[0-9]{{1,6}})?)"
"""Digits with up to six decimals."""

IN_WORDS = rf"(?:(?:{_SIMPLE}|a) {any_of(_SCALES)}|{_SIMPLE})"
"""A number in words that is a number by itself."""

ONE_OR_HALF = r"(?:half an?|an?)"
"""What stands for a number only before a unit: "an hour", "half a gig"."""

BEFORE = r"(?<![\w.,:/\\@#$%&*+=~^|-])"
"""Where a number may begin: not inside `web1`, `10.0.0.1`, `--lines=5`."""

AFTER = r"(?![\w%/:@=\\*-])(?!\.\w)(?!,[0-9])"
"""Where a plain number may end."""


def read_number(text: str) -> Decimal:
    """Return the number that a text matching the patterns of this module stands for.

    >>> read_number("twenty-five"), read_number("two dozen"), read_number("1,000.5"), read_number("half an")
    (Decimal('25'), Decimal('24'), Decimal('1000.5'), Decimal('0.5'))
    """
    if text[:1].isdigit():
        return Decimal(text.replace(",", ""))
    parts = re.split("[ -]", text.lower())
    if parts[0] in _ARTICLES:
        number = _ARTICLES[parts[0]]
    else:
        number = Decimal(sum(_SMALL.get(part, 0) + _TENS.get(part, 0) for part in parts))
    return number * _SCALES.get(parts[-1], 1)
