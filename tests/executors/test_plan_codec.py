"""A plan written as JSON and read back: equal whatever it holds, and nothing half understood."""

import json
from collections.abc import Hashable, Iterator
from copy import deepcopy
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, cast, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from executors.plan import Plan
from executors.plan_codec import DEEPEST, KNOWN_CLASSES, decode_plan, encode_plan, form_is_known
from history.canonical import canonical, parse
from intents.errors import PlanError
from intents.values import Json
from tests.support.plans import edit_step, plan_of, run_step, values_of


def typed(value: object) -> str:
    """`1 == 1.0 == True` in Python; told apart here, and the order of mappings too."""
    return repr(value)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(values_of(Plan))
def test_every_plan_comes_back_equal_through_a_file(plan: Plan) -> None:
    back = decode_plan(parse(canonical(encode_plan(plan))))
    assert back == plan
    assert typed(back).replace("-0.0", "0.0") == typed(plan).replace("-0.0", "0.0")


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(values_of(Plan))
def test_what_is_written_needs_no_loss_to_be_canonical(plan: Plan) -> None:
    written = encode_plan(plan)
    assert json.loads(json.dumps(written)) == parse(canonical(written))


def classes_in(type_: Hashable, seen: set[type]) -> None:
    if isinstance(type_, type) and is_dataclass(type_) and type_ not in seen:
        seen.add(type_)
        for field in fields(type_):
            classes_in(cast("Hashable", field.type), seen)
    for one in get_args(type_):
        classes_in(one, seen)


def test_all_classes_of_a_plan_are_known_and_no_others() -> None:
    found: set[type] = set()
    classes_in(Plan, found)
    assert found == set(KNOWN_CLASSES)


def test_each_field_has_a_type_that_can_be_written() -> None:
    unknown = [
        (one.__name__, field.name)
        for one in KNOWN_CLASSES
        for field in fields(one)
        if not form_is_known(cast("Hashable", field.type))
    ]
    assert unknown == []


@dataclass(frozen=True)
class Stranger:
    name: str


@pytest.mark.parametrize("type_", [set[str], dict[str, int], Stranger, tuple[Stranger, ...], str | int, object])
def test_a_type_without_a_form_is_noticed(type_: Hashable) -> None:
    assert not form_is_known(type_)


def test_the_order_of_hosts_and_arguments_is_kept() -> None:
    plan = plan_of(run_step("true", state={"z": 1, "a": 2, "m": (1, [2.0])}))
    back = decode_plan(parse(canonical(encode_plan(plan))))
    assert typed(back) == typed(plan)


def places(value: Json) -> Iterator[tuple[Any, Any]]:
    """Every container with a key or index in it."""
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, inner in items:
        yield value, key
        yield from places(inner)


WRITTEN = encode_plan(plan_of(edit_step(), run_step("systemctl", "stop", "x", state={"up": True, "load": 1.0})))


@given(st.data())
def test_a_missing_or_unknown_field_is_refused(data: st.DataObject) -> None:
    value = deepcopy(WRITTEN)
    objects = [value, *(box[key] for box, key in places(value) if isinstance(box[key], dict))]
    box = data.draw(st.sampled_from(objects))
    if data.draw(st.booleans()) and box:
        del box[data.draw(st.sampled_from(sorted(box)))]
    else:
        box["surprise"] = 1
    with pytest.raises(PlanError, match=r"can't be read: .*\. Make it again"):
        decode_plan(value)


@given(st.data())
def test_a_value_of_another_type_is_refused_or_another_plan(data: st.DataObject) -> None:
    value = deepcopy(WRITTEN)
    box, key = data.draw(st.sampled_from(list(places(value))))
    other: Json = data.draw(
        st.sampled_from([None, True, 7, 1.5, "seven", [], {}, [[]], {"float": "1"}, "\\x", {"kind": "Plan"}])
    )
    before = json.dumps(value)
    box[key] = other
    try:
        decoded = decode_plan(value)
    except PlanError:
        return
    assert (json.dumps(value) == before) == (repr(decoded) == repr(decode_plan(WRITTEN)))  # 1.0 == True
    assert encode_plan(decoded) == value, "only what would be written so again is read"


def test_a_plan_that_is_nested_too_deep_is_refused() -> None:
    deep: Any = "end"
    for _ in range(DEEPEST + 2):
        deep = [deep]
    with pytest.raises(PlanError, match="can't be saved: a value is nested deeper"):
        encode_plan(plan_of(run_step("true", state={"deep": deep})))


@pytest.mark.parametrize("value", [None, [], "plan", 3, {}, {"id": "1"}])
def test_what_is_no_plan_is_refused(value: Json) -> None:
    with pytest.raises(PlanError):
        decode_plan(value)
