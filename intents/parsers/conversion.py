"""From the text of a tool to typed values: decoding, and conversion to a column's type and unit."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from intents.errors import SaysoError
from intents.values import Column, Json, Row

_MISSING = frozenset({"", "-", "n/a", "[not set]", "infinity", "unknown"})
_TRUE = frozenset({"yes", "true", "on", "1"})
_FALSE = frozenset({"no", "false", "off", "0"})
_EPOCH = re.compile(r"@?(-?[0-9]+)(\.[0-9]+)?\Z")
_NO_LIMIT = 2**64 - 1
"""What systemd writes for "no value" in its 64-bit counters."""


class ParseError(SaysoError):
    """A tool's output is not of the form that its parser knows."""

    code: ClassVar[str] = "parse"

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "Use --json to see the raw output; the tool's version may be unknown to sayso.",
    ) -> None:
        super().__init__(message, remedy=remedy)


def unexpected(parser: str, what: str, text: str) -> ParseError:
    """Return the error that says what `parser` wanted and, shortened, what it found."""
    shown = text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - one line of a terminal
    return ParseError(f"The parser `{parser}` expected {what} and found {shown!r}.")


def decode(output: bytes) -> str:
    r"""Return the text of `output`; bytes that are not UTF-8 become visible escapes (`\xff`), none is lost.

    >>> decode(b"caf\xc3\xa9 \xff")
    'café \\xff'
    """
    return output.decode("utf-8", "backslashreplace")


def lines_of(output: bytes) -> list[str]:
    """Return the lines without their newline; only a newline ends one, and no empty line is added at the end."""
    text = decode(output)
    return text.removesuffix("\n").split("\n") if text else []


def rows_of(records: Iterable[Mapping[str, Json]], columns: Sequence[Column]) -> list[Row]:
    """Return one row per record with every declared column, converted; what a record lacks is None."""
    return [{column.name: convert(record.get(column.name), column) for column in columns} for record in records]


def convert(value: Json, column: Column) -> Json:
    """Return `value` in the type and unit of `column`; None where the tool says that there is none.

    Numbers and moments may come as text. Raises `ParseError` for what can't be converted.

    >>> convert("23%", Column("used", "percentage")), convert("[not set]", Column("memory", "size"))
    (23, None)
    """
    if value is None:
        return None
    match column.type:
        case "text" | "address" | "path":
            return _text(value)
        case "list":
            return _list(value)
        case "boolean":
            return _boolean(value, column)
        case "moment":
            return _moment(value, column)
        case _:
            return _number(value, column)


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_text(one) for one in value if one is not None)
    return str(value)


def _list(value: Json) -> list[Json]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, Sequence):
        return [one for one in value if one is not None]
    return [value]


def _boolean(value: Json, column: Column) -> bool | None:
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    if word in _MISSING:
        return None
    raise unexpected(column.name, "yes or no", str(value))


def _number(value: Json, column: Column) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise unexpected(column.name, "a number", str(value))
    if isinstance(value, str):
        text = value.strip().removesuffix("%").strip()
        if text.casefold() in _MISSING:
            return None
        try:
            value = int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else float(text)
        except ValueError:
            raise unexpected(column.name, "a number", text) from None
    if value == _NO_LIMIT:
        return None
    return int(value) if column.type in {"integer", "size"} else value


def _moment(value: Json, column: Column) -> int | float | None:
    """Accepts seconds since 1970 (also `@123`), ISO 8601 and systemd's form; a time without a zone is UTC."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    if text.casefold() in _MISSING or text == "never":
        return None
    epoch = _EPOCH.match(text)
    if epoch:
        return round(float(epoch[1] + epoch[2]), 6) if epoch[2] else int(epoch[1])
    for form in ("%a %Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S UTC"):
        try:
            return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise unexpected(column.name, "a moment", text) from None
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return int(seconds) if seconds.is_integer() else seconds
