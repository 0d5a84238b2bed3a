"""The JSON contract: every kind of response fits the published schema, and nothing is lost or leaked."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as some

from executors.plan import Outcome
from intents.intent import Intent, Operation, Risk
from intents.values import Column, Json
from shell.contract import dump, to_json
from tests.support.responses import EVERY_KIND, odd_response, read_response, refused_response

SCHEMA = json.loads(
    Path(__file__).parents[2].joinpath("shell", "schema", "sayso-1.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

json_values: some.SearchStrategy[Json] = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(some.characters(codec=None)),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def document(kind: str) -> dict[str, Any]:
    return to_json(EVERY_KIND[kind]())


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_of_response_fits_the_schema(kind: str) -> None:
    VALIDATOR.validate(json.loads(dump(EVERY_KIND[kind]())))


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_field_that_is_written_is_described(kind: str) -> None:
    assert set(document(kind)) == set(SCHEMA["properties"]) == set(SCHEMA["required"])


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("kind", "maybe"), ("exit_status", 7), ("matches", [{}]), ("outcomes", []), ("schema", 2), ("error", {"code": 1})],
)
def test_the_schema_refuses_what_is_no_answer(field: str, wrong: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(document("read") | {field: wrong})


def test_a_kind_without_its_part_is_refused() -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(document("question") | {"question": None})


def test_fields_may_be_added() -> None:
    VALIDATOR.validate(document("read") | {"later": 1})


def test_a_read_holds_rows_units_operations_and_where_they_come_from() -> None:
    answer = document("read")
    match, outcome = answer["matches"][0], answer["outcomes"]["local"][0]
    assert match["operations"] == [
        {"op": "filter", "column": "used_percent", "test": ">", "value": 50.0},
        {"op": "sort", "column": "used_percent", "descending": True},
        {"op": "limit", "count": 2, "last": False},
    ]
    assert match["risk"] == "read"
    assert outcome["columns"][1] == {"name": "size", "type": "size", "unit": "bytes"}
    assert outcome["rows"][0]["size"] == 512 << 30
    assert (len(outcome["rows"]), outcome["total_rows"], outcome["truncated"]) == (2, 4, False)
    assert answer["targets"] == {
        "hosts": ["local"],
        "evidence": {"from": "default", "span": None, "text": "this machine", "note": None},
    }


def test_a_change_holds_each_hosts_steps_policy_and_fault() -> None:
    answer = document("refused")
    restart, edit = answer["plan"]["stages"]
    assert restart["hosts"]["web2"][0]["run"] == ["systemctl", "restart", "nginx.service"]
    assert restart["hosts"]["db1"][0]["effect"] == "already so"
    assert (edit["match"], edit["effects"]) == (1, ["access"])
    assert edit["hosts"]["web1"][1]["stdin"]["size_bytes"] == 3
    assert answer["policy"] == {"decision": "confirm", "rule": "default: disruptive"}
    assert answer["error"]["try"] == "Approve it at a terminal."
    assert answer["matches"][0]["evidence"]["service"]["span"] == [8, 13]


def test_an_edit_is_named_by_its_hashes_and_never_holds_the_content() -> None:
    line = dump(refused_response())
    step = json.loads(line)["plan"]["stages"][1]["hosts"]["web1"][0]
    assert set(step["edit"]) == {"path", "before_sha256", "after_sha256"}
    assert "run" not in step
    assert json.loads(line)["plan"]["stages"][1]["hosts"]["web1"][1]["run"][0] == "updatedb"


def test_a_line_is_ascii_without_line_feed_and_keeps_bytes_that_are_no_utf8() -> None:
    line = dump(odd_response())
    assert line.isascii()
    assert line.isprintable()
    answer = json.loads(line)
    assert answer["matches"][0]["arguments"]["path"] == "/srv/\udce4"
    assert answer["matches"][0]["arguments"]["path"].encode("utf-8", "surrogateescape") == b"/srv/\xe4"
    assert answer["outcomes"]["local"][0]["rows"][0]["tags"] == ["a", None]
    assert answer["outcomes"]["local"][0]["before"] == {"load": None}


def test_without_a_plan_the_catalogue_gives_the_risk() -> None:
    intent = Intent("disk.usage", "disk", "Show it", Risk.READ, {}, (), Operation(), effects=("secrets",))
    planless = replace(read_response(), plan=None)
    assert to_json(planless)["matches"][0]["risk"] is None  # type: ignore[call-overload,index]
    known: dict[str, Any] = to_json(planless, find_intent={"disk.usage": intent}.get)
    assert (known["matches"][0]["risk"], known["matches"][0]["effects"]) == ("read", ["secrets"])
    VALIDATOR.validate(known)


@given(value=json_values, text=some.text(some.characters(codec=None)))
def test_whatever_a_host_says_is_one_valid_line(value: Json, text: str) -> None:
    outcome = Outcome("local", "ok", columns=(Column("x"),), rows=({"x": value},), stdout=text)
    line = dump(replace(read_response(), outcomes={text: (outcome,)}, warnings=(text,)))
    assert line.isascii()
    assert line.isprintable()
    answer = json.loads(line, parse_constant=pytest.fail)
    VALIDATOR.validate(answer)
    assert answer["warnings"] == [text]
