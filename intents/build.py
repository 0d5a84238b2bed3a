"""Builds an intent's frozen value from its validated entry (plain JSON, as the cache keeps it)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from intents.intent import (
    Command,
    Edit,
    Expectation,
    FollowUp,
    Intent,
    NearMiss,
    Operation,
    Parameter,
    PlaybookRun,
    Read,
    Risk,
    RiskRule,
    Touch,
    Undo,
    Variant,
    Word,
)
from intents.template import parse_template, parse_word
from intents.types.registry import make_type
from intents.values import Column, Json

# The entry has been validated by intents.schema, so its shape is known here: `Any` stands for
# exactly the models there.
_Entry = Mapping[str, Any]


def build_intent(name: str, entry: _Entry, *, pack: str, where: str) -> Intent:
    """Return the intent of a validated entry.

    Raises `ValueError` or `ValueRejected` where a template, type or option is wrong.
    """
    risk, rules = _risk(entry["risk"])
    canonical = json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return Intent(
        name=name,
        pack=pack,
        summary=entry["summary"],
        risk=risk,
        risk_rules=rules,
        parameters={key: _parameter(key, value) for key, value in entry["parameters"].items()},
        examples=tuple(entry["examples"]),
        operation=_operation(entry),
        variants=tuple(Variant(variant["when"], _operation(variant)) for variant in entry["variants"]),
        near_misses=tuple(NearMiss(miss["text"], miss.get("intent")) for miss in entry["near_misses"]),
        effects=tuple(entry["effects"]),
        interrupt=entry["interrupt"],
        says=tuple(entry["says"]),
        lock=entry.get("lock"),
        cuts=tuple(entry["cuts"]),
        only={fact: tuple(values) for fact, values in entry["only"].items()},
        where=where,
        schema_hash=hashlib.sha256(canonical.encode()).hexdigest(),
    )


def _risk(entry: str | _Entry) -> tuple[Risk, tuple[RiskRule, ...]]:
    if isinstance(entry, str):
        return Risk[entry.upper()], ()
    rules = []
    for rule in entry["when"]:
        ((parameter, equals),) = rule["when"].items()
        rules.append(RiskRule(parameter, equals, Risk[rule["risk"].upper()]))
    return Risk[entry["default"].upper()], tuple(rules)


def _parameter(name: str, entry: _Entry) -> Parameter:
    options = {key: entry[key] for key in ("choices", "min", "max", "multiline") if key in entry}
    return Parameter(
        name=name,
        type=make_type(entry["type"], options),
        required=entry["required"],
        default=entry.get("default"),
        description=entry["description"],
        many=entry["many"],
        says=tuple(entry["says"]),
    )


def _operation(entry: _Entry) -> Operation:
    return Operation(
        read=_read(entry["read"]) if "read" in entry else None,
        state=_read(entry["state"]) if "state" in entry else None,
        change=_command(entry["change"]) if "change" in entry else None,
        edit=_edit(entry["edit"]) if "edit" in entry else None,
        playbook=_playbook(entry["playbook"]) if "playbook" in entry else None,
        simulate=_read(entry["simulate"]) if "simulate" in entry else None,
        needs=_expectations(entry["needs"]),
        expect=_expectations(entry["expect"]),
        expect_within_s=float(entry["expect_within_s"]),
        touches=tuple(Touch(touch["label"], _read(touch["read"])) for touch in entry["touches"]),
        always=entry["always"],
        undo=_undo(entry["undo"]) if "undo" in entry else None,
        then=tuple(FollowUp(one["intent"], _word_map(one["with"])) for one in entry["then"]),
    )


def _command(entry: _Entry) -> Command:
    return Command(
        template=parse_template(entry["run"]),
        as_user=entry.get("as_user"),
        stdin=_stdin(entry["stdin"]) if "stdin" in entry else (),
        ok_exit_codes=tuple(entry["ok_exit_codes"]),
        timeout_s=float(entry["timeout_s"]),
        makes=entry.get("makes"),
    )


def _stdin(entry: str | Sequence[str]) -> tuple[Word, ...]:
    return tuple(parse_word(one) for one in ([entry] if isinstance(entry, str) else entry))


def _read(entry: _Entry) -> Read:
    columns = tuple(
        Column(column["name"], column["type"], tuple(column["says"]), column["description"], tuple(column["values"]))
        for column in entry["columns"]
    )
    return Read(
        _command(entry),
        entry["parse"],
        columns,
        tuple(entry["order"]),
        entry.get("limit"),
        _word_map(entry["parse_with"]),
        entry["with_stderr"],
    )


def _edit(entry: _Entry) -> Edit:
    return Edit(
        path=parse_word(entry["path"]),
        operation=entry["operation"],
        arguments=_word_map(entry["with"]),
        validator=entry.get("validator"),
        create=entry["create"],
        path_end=entry["path_end"],
        follow=entry["follow"],
        mode=int(entry["mode"], 8) if "mode" in entry else None,
    )


def _playbook(entry: _Entry) -> PlaybookRun:
    variables = _word_map(entry["variables"])
    return PlaybookRun(entry["name"], variables, entry.get("as_user"), float(entry["timeout_s"]))


def _word_map(entry: Mapping[str, str]) -> dict[str, Word]:
    return {key: parse_word(text) for key, text in entry.items()}


def _expectations(entry: Mapping[str, Json]) -> tuple[Expectation, ...]:
    return tuple(_expectation(column, test) for column, test in entry.items())


def _expectation(column: str, test: Json) -> Expectation:
    if isinstance(test, Mapping):
        if "changed" in test:
            return Expectation(column, "changed")
        if "absent" in test:
            return Expectation(column, "absent")
        for word in ("contains", "lacks"):
            if word in test:
                return Expectation(column, "contains" if word == "contains" else "lacks", (_literal(test[word]),))
        choices = test.get("one_of")
        values = choices if isinstance(choices, Sequence) and not isinstance(choices, str) else ()
        return Expectation(column, "one_of", tuple(_literal(value) for value in values))
    return Expectation(column, "equals", (_literal(test),))


def _literal(value: Json) -> Word | Json:
    return parse_word(value) if isinstance(value, str) else value


def _undo(entry: _Entry) -> Undo:
    left = _read(entry["left"]) if "left" in entry else None
    return Undo(entry.get("intent"), _word_map(entry["with"]), entry.get("impossible"), left)
