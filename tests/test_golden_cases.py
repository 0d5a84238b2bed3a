"""The golden cases of the built-in packs (tests/packs/README.md): arguments to vectors, output to rows."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from executors.command_planning import predicted_state
from executors.state import parser_options, run_step, unmet
from intents.catalogue import Catalogue
from intents.errors import ValueRejected
from intents.grounding import default_value
from intents.intent import Intent, Operation
from intents.parsers import parse_output
from intents.rules import check_value
from intents.template import render_word
from intents.types.base import ValueContext
from intents.values import Json
from playbooks.library import find_playbook

CASES = Path(__file__).parent / "packs"
CATALOGUE = Catalogue.load()
CONTEXT = ValueContext(datetime(2026, 11, 24, 23, 0, tzinfo=UTC), "/home/alice", "/home/alice")
DEBIAN = {"init": "systemd", "userland": "gnu", "packages": "apt", "os_id": "debian"}

KINDS = ("vector", "edit", "playbook", "output", "effect", "refused")

Case = Mapping[str, Any]


def _cases() -> Iterator[Any]:
    for path in sorted(CASES.rglob("*.yml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield pytest.param(path.stem, case, id=f"{path.stem}: {case['name']}")


def _values(intent: Intent, case: Case) -> dict[str, Json]:
    values: dict[str, Json] = dict(case.get("arguments", {}))
    for name, text in case.get("text", {}).items():
        parameter = intent.parameters[name]
        if parameter.many:
            values[name] = [parameter.type.parse(str(one), CONTEXT) for one in text]
        else:
            values[name] = parameter.type.parse(str(text).lower() if isinstance(text, bool) else str(text), CONTEXT)
    for name, value in values.items():
        check_value(intent, name, value)
    for name, parameter in intent.parameters.items():
        if name not in values and parameter.default is not None:
            values[name] = default_value(parameter, CONTEXT)
    return values


def _check_vectors(intent: Intent, operation: Operation, case: Case) -> None:
    values = _values(intent, case)
    read = operation.read
    command = read.command if read is not None else operation.change
    assert command is not None
    assert list(run_step(intent, command, values, interrupt="kill").argv) == case["vector"]
    if "state_vector" in case:
        assert operation.state is not None
        assert list(run_step(intent, operation.state.command, values, interrupt="kill").argv) == case["state_vector"]
    if "simulate_vector" in case:
        assert operation.simulate is not None
        simulated = run_step(intent, operation.simulate.command, values, interrupt="kill")
        assert list(simulated.argv) == case["simulate_vector"]


def _check_edit(intent: Intent, operation: Operation, case: Case) -> None:
    values, edit = _values(intent, case), operation.edit
    assert edit is not None
    rendered = {name: render_word(word, intent.parameters, values) for name, word in edit.arguments.items()}
    assert {
        "path": "".join(render_word(edit.path, intent.parameters, values)) + edit.path_end,
        "operation": edit.operation,
        "with": {name: "".join(words) for name, words in rendered.items() if words},
    } == case["edit"]


def _check_playbook(intent: Intent, operation: Operation, case: Case) -> None:
    values, run = _values(intent, case), operation.playbook
    assert run is not None
    rendered = {name: render_word(word, intent.parameters, values) for name, word in run.variables.items()}
    variables = {name: "".join(words) for name, words in rendered.items() if words}
    assert {"name": run.name, "variables": variables} == case["playbook"]
    find_playbook(run.name).complete(variables)


def _check_rows(intent: Intent, operation: Operation, case: Case) -> None:
    read = operation.read or operation.state or operation.simulate
    assert read is not None
    rows = parse_output(
        read.parser, case["output"].encode(), read.columns, parser_options(intent, read, _values(intent, case))
    )
    assert [dict(row) for row in rows] == case["rows"]


def _check_effect(intent: Intent, operation: Operation, case: Case) -> None:
    values = _values(intent, case)
    state = case["state"] or {}
    lacking = unmet(intent, operation.expect, values, before=None, now=state)
    effect = "already so" if not lacking and not operation.always else "will change"
    assert effect == case["effect"]
    if effect == "will change" and not operation.always:
        assert predicted_state(intent, operation, values, state) != state


def _check_refused(intent: Intent, case: Case) -> None:
    with pytest.raises(ValueRejected) as caught:
        _values(intent, case)
    assert case["refused"].casefold() in str(caught.value).casefold()
    assert caught.value.remedy


@pytest.mark.parametrize(("name", "case"), list(_cases()))
def test_golden_case(name: str, case: Case) -> None:
    intent = CATALOGUE[name]
    operation = intent.operation_for(case.get("facts", DEBIAN))
    kinds = 0
    if "vector" in case:
        kinds += 1
        _check_vectors(intent, operation, case)
    if "edit" in case:
        kinds += 1
        _check_edit(intent, operation, case)
    if "playbook" in case:
        kinds += 1
        _check_playbook(intent, operation, case)
    if "output" in case:
        kinds += 1
        _check_rows(intent, operation, case)
    if "effect" in case:
        kinds += 1
        _check_effect(intent, operation, case)
    if "refused" in case:
        kinds += 1
        _check_refused(intent, case)
    assert kinds == 1, "a case is of exactly one kind"


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_every_intent_has_the_cases_it_needs(name: str) -> None:
    intent = CATALOGUE[name]
    path = CASES / intent.pack / f"{name}.yml"
    assert path.exists(), f"tests/packs/{intent.pack}/{name}.yml is missing"
    cases = yaml.safe_load(path.read_text(encoding="utf-8"))
    kinds = [kind for case in cases for kind in KINDS if kind in case]
    if intent.operation.edit is not None:
        assert "edit" in kinds
        return
    if intent.operation.playbook is not None:
        assert "playbook" in kinds
        return
    assert kinds.count("vector") >= 1 + len(intent.variants), "one vector for each variant"
    if not intent.is_change:
        assert "output" in kinds
    elif not intent.operation.always:
        assert any(case.get("effect") == "already so" for case in cases)


def test_no_cases_without_an_intent() -> None:
    assert {path.stem for path in CASES.rglob("*.yml")} == set(CATALOGUE)
