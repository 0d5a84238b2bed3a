import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from history.canonical import Json, canonical, parse, plain

TEXTS = st.text(max_size=20)
VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(VALUES)
def test_what_is_written_is_read_back(value: Json) -> None:
    assert parse(canonical(value)) == plain(value)


@settings(deadline=None)
@given(VALUES)
def test_the_same_value_has_the_same_bytes(value: Json) -> None:
    assert canonical(parse(canonical(value))) == canonical(value)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_survives_exactly(number: float) -> None:
    assert parse(canonical(number)) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        # RFC 8785, appendix B
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e23, "1e+23"),
        (999999999999999700000.0, "999999999999999700000"),
        (1e21, "1e+21"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (333333333.33333329, "333333333.3333333"),
        (-0.0, "0"),
    ],
)
def test_numbers_are_written_as_rfc_8785_says(number: float, text: str) -> None:
    assert canonical(number).decode() == text


def test_keys_are_sorted_by_their_utf_16_units() -> None:
    """The example of RFC 8785, 3.2.3."""
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    written = json.loads(canonical(dict.fromkeys(keys, 0)), object_pairs_hook=lambda pairs: [key for key, _ in pairs])
    assert written == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_what_json_cannot_hold_becomes_text() -> None:
    value: Json = [2**53 - 1, 2**53, -(2**64), math.inf, -math.inf, math.nan, "caf\udce9", {"\udcff": 1}]
    assert plain(value) == [
        9007199254740991,
        "9007199254740992",
        "-18446744073709551616",
        "Infinity",
        "-Infinity",
        "NaN",
        "caf\\udce9",
        {"\\udcff": 1},
    ]


@pytest.mark.parametrize("value", [b"bytes", {1: "a"}, {"a": object()}, [{"a": {b"x"}}]])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical(value)  # type: ignore[arg-type]  # that is the point
