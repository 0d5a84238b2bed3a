"""Vectors are made of whole words: a value is one argument, or it is not there."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.errors import ValueRejected
from intents.intent import Parameter
from intents.template import parse_template, parse_word, render_template, words_of
from intents.types.registry import make_type
from intents.values import Json

TEXT = Parameter("text", make_type("text", {}), required=False)
COUNT = Parameter("count", make_type("count", {}), required=False)
NAMES = Parameter("names", make_type("text", {}), required=False, many=True)
PARAMETERS: Mapping[str, Parameter] = {"text": TEXT, "count": COUNT, "names": NAMES}


def rendered(items: list[str | Mapping[str, Json]], values: Mapping[str, Json]) -> tuple[str, ...]:
    return render_template(parse_template(items), PARAMETERS, values)


@given(st.text(st.characters(exclude_characters="\0\n\r", exclude_categories=["Cs"])))
def test_a_value_is_exactly_one_argument_whatever_it_holds(value: str) -> None:
    assert rendered(["grep", "--", "{text}", "-n{count}"], {"text": value, "count": 3}) == ("grep", "--", value, "-n3")


def test_a_word_whose_parameter_was_not_given_vanishes() -> None:
    assert rendered(["ls", "--max={count}", "{text}"], {"text": "x"}) == ("ls", "x")


def test_conditions_choose_words() -> None:
    items: list[str | Mapping[str, Json]] = [
        "tool",
        {"given": "count", "then": ["-n", "{count}"], "else": ["--all"]},
        {"when": {"text": "x"}, "then": ["--is-x"]},
    ]
    assert rendered(items, {"count": 2, "text": "x"}) == ("tool", "-n", "2", "--is-x")
    assert rendered(items, {"text": "y"}) == ("tool", "--all")


def test_many_values_give_one_argument_each_or_one_with_commas() -> None:
    assert rendered(["rm", "--", "{names...}"], {"names": ["a b", "c"]}) == ("rm", "--", "a b", "c")
    assert rendered(["id", "--groups={names:comma}"], {"names": ["a", "b"]}) == ("id", "--groups=a,b")


def test_doubled_braces_are_literal() -> None:
    assert rendered(["curl", "-w", "%{{json}}"], {}) == ("curl", "-w", "%{json}")


@pytest.mark.parametrize("text", ["{a}{b}", "{Unknown", "x{a...}", "}{"])
def test_what_is_no_word_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"placeholder|spread"):
        parse_word(text)


def test_nul_never_reaches_a_vector() -> None:
    with pytest.raises(ValueRejected, match="NUL"):
        render_template(parse_template(["echo", "a\0b"]), PARAMETERS, {})


def test_words_behind_conditions_are_seen_by_the_rules() -> None:
    template = parse_template(["a", {"given": "text", "then": ["b"], "else": [{"given": "count", "then": ["c"]}]}])
    assert [word.prefix for word in words_of(template)] == ["a", "b", "c"]
