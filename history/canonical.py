"""JSON values and the one sequence of bytes that stands for each: RFC 8785, the JSON Canonicalization Scheme."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

import rfc8785

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None

LARGEST_INTEGER = 2**53 - 1
"""Beyond this an integer is not exact in JSON as RFC 8785 (by way of RFC 7493) understands it."""


def plain(value: Json) -> Json:
    r"""Return `value` as dicts, lists and scalars that RFC 8785 can write without loss.

    What JSON can't hold becomes text, always the same: an integer beyond 2^53 - 1 its decimal digits, a number
    that isn't finite `NaN`, `Infinity` or `-Infinity`, half of a surrogate pair (Python's stand-in for a byte
    that isn't UTF-8) its escape. Negative zero becomes 0. Doing it twice changes nothing.

    Raises `TypeError` for anything that isn't a JSON value, bytes among them.

    >>> plain({"size": 2**60, "load": float("nan"), "name": "caf\udce9"})
    {'size': '1152921504606846976', 'load': 'NaN', 'name': 'caf\\udce9'}
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, int):
        return int(value) if abs(value) <= LARGEST_INTEGER else str(int(value))
    if isinstance(value, float):
        return _plain_number(value)
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def plain_text(text: str) -> str:
    """Return `text` with each lone surrogate written as its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def canonical(value: Json) -> bytes:
    r"""Return the RFC 8785 bytes of `value`, after `plain`.

    >>> canonical({"b": [1.0, 2**53], "a": "é"})
    b'{"a":"\xc3\xa9","b":[1,"9007199254740992"]}'
    """
    return rfc8785.dumps(plain(value))


def parse(body: bytes | str) -> Json:
    """Return the value that canonical bytes stand for; an integer beyond 2^53 - 1 was a float and is one again.

    Raises `ValueError` when the bytes are not JSON.
    """
    return cast("Json", json.loads(body, parse_int=_integer))


def _integer(digits: str) -> int | float:
    number = int(digits)
    return number if abs(number) <= LARGEST_INTEGER else float(digits)


def _plain_number(number: float) -> Json:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return float(number) + 0.0  # -0.0 + 0.0 is 0.0


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the key {key!r} of a mapping is not text")
    return plain_text(key)
