"""A response as JSON, version 1: what scripts read. Fields may be added, never changed, within a version.

`shell/schema/sayso-1.schema.json` describes it.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import TypeAlias

from executors.fleet_rows import FleetTable
from executors.plan import EditStep, Outcome, Plan, PlannedStep, PlaybookStep, Stage
from intents.intent import Intent
from intents.interpretation import Choice, Evidence, Interpretation, Match
from intents.operations import RowOperation
from intents.values import Json
from shell.response import Approval, Response

SCHEMA_VERSION = 1

IntentLookup: TypeAlias = Callable[[str], Intent | None]


def to_json(response: Response, *, find_intent: IntentLookup | None = None) -> dict[str, Json]:
    """Return the JSON object of a response: only dicts, lists, text, finite numbers, booleans and null.

    `find_intent` gives risk and effects of matches for which there is no plan; without it they are
    null there. Text that was no UTF-8 holds lone surrogates (PEP 383), which `dump` escapes. A
    number that JSON can't say (not a number, infinity) is null. Never the content of an edit or of
    a command's standard input: their SHA-256.
    """
    reading = response.interpretation
    approval, fault, model = response.approval, response.fault, response.model
    return {
        "schema": SCHEMA_VERSION,
        "request": response.request,
        "kind": reading.kind if reading else "error",
        "confidence": plain(reading.confidence) if reading else None,
        "matches": [
            _match(match, _stage_of(response.plan, index), find_intent)
            for index, match in enumerate(reading.matches if reading else ())
        ],
        "question": _question(reading),
        "decline": _decline(reading),
        "interpretation": _reasons(reading),
        "targets": _targets(response),
        "plan": plan_json(response.plan),
        "policy": {"decision": response.decision, "rule": response.rule} if response.decision else None,
        "approval": _approval(approval),
        "outcomes": {host: [outcome_json(one) for one in outcomes] for host, outcomes in response.outcomes.items()},
        "tables": [_table(one) for one in response.tables],
        "vectors": [list(vector) for vector in response.vectors],
        "warnings": list(response.warnings),
        "error": {"code": fault.code, "message": fault.message, "try": fault.remedy} if fault else None,
        "record": response.record,
        "retry_of": response.retry_of,
        "model": {"name": model.name, "sha256": model.sha256} if model else None,
        "timing_ms": plain(response.timing_ms),
        "exit_status": int(response.status),
    }


def dump(response: Response, *, find_intent: IntentLookup | None = None) -> str:
    """Return the JSON of a response as one line without its newline, in ASCII.

    ASCII because then no locale, no control or bidirectional character and no byte that was no
    UTF-8 can break or disguise the line.
    """
    document = to_json(response, find_intent=find_intent)
    return json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(", ", ": "))


def _match(match: Match, stage: Stage | None, find_intent: IntentLookup | None) -> dict[str, Json]:
    intent = find_intent(match.intent) if find_intent and stage is None else None
    risk = stage.risk.word if stage else intent.risk_for(match.values()).word if intent else None
    effects = stage.effects if stage else intent.effects if intent else None
    return {
        "intent": match.intent,
        "risk": risk,
        "effects": None if effects is None else list(effects),
        "confidence": plain(match.confidence),
        "arguments": plain(match.values()),
        "operations": [_operation(one) for one in match.operations],
        "evidence": {name: _evidence(argument.evidence) for name, argument in match.arguments.items()},
        "operations_evidence": [_evidence(one) for one in match.operations_evidence],
    }


def _operation(operation: RowOperation) -> dict[str, Json]:
    """`{"op": "filter", "column": ..., "test": ..., "value": ...}`: the class's name and its fields."""
    return {"op": type(operation).__name__.lower()} | {
        field.name: plain(getattr(operation, field.name)) for field in fields(operation)
    }


def _evidence(evidence: Evidence) -> dict[str, Json]:
    return {
        "from": evidence.source,
        "span": list(evidence.span) if evidence.span else None,
        "text": evidence.text,
        "note": evidence.note,
    }


def _approval(approval: Approval | None) -> Json:
    if approval is None:
        return None
    return {
        "user": approval.user,
        "how": approval.how,
        "at_utc": approval.at_utc,
        "second_person": approval.second_person,
    }


def _question(reading: Interpretation | None) -> Json:
    question = reading.question if reading else None
    if question is None:
        return None
    return {
        "text": question.text,
        "choices": [_choice(choice) for choice in question.choices],
        "intent": question.intent,
        "parameter": question.parameter,
    }


def _decline(reading: Interpretation | None) -> Json:
    decline = reading.decline if reading else None
    if decline is None:
        return None
    return {"reason": decline.reason, "nearest": [_choice(choice) for choice in decline.nearest]}


def _choice(choice: Choice) -> dict[str, Json]:
    return {"text": choice.text, "intent": choice.intent, "value": choice.value}


def _reasons(reading: Interpretation | None) -> Json:
    """Why it was read so: what `--explain` shows."""
    if reading is None:
        return None
    return {
        "stage": reading.stage,
        "ignored": list(reading.ignored),
        "candidates": [
            {"intent": one.intent, "score": plain(one.score), "nearest_example": one.nearest_example}
            for one in reading.candidates
        ],
        "timing_ms": plain(reading.timing_ms),
    }


def _targets(response: Response) -> Json:
    hosts, evidence = response.hosts, response.host_evidence
    target = response.interpretation.target if response.interpretation else None
    if not hosts and target is not None:
        hosts, evidence = target.hosts, target.evidence
    if not hosts:
        return None
    return {"hosts": list(hosts), "evidence": _evidence(evidence) if evidence else None}


def _stage_of(plan: Plan | None, index: int) -> Stage | None:
    """The stages of a plan stand in the order of the matches; what a match declares stands behind its own."""
    own = [stage for stage in plan.stages if stage.match.declared_by is None] if plan is not None else []
    return own[index] if index < len(own) else None


def _matches_of(plan: Plan) -> list[int]:
    """Return for each stage the place of the match that it belongs to."""
    places: list[int] = []
    for stage in plan.stages:
        place = places[-1] if places else -1
        places.append(place if stage.match.declared_by is not None and places else place + 1)
    return places


def plan_json(plan: Plan | None) -> Json:
    """Return a plan as the contract has it."""
    if plan is None:
        return None
    return {
        "id": plan.id,
        "hash": plan.hash,
        "created_utc": plan.created_utc,
        "risk": plan.risk.word,
        "is_empty": plan.is_empty,
        "batches": [list(batch) for batch in plan.batches],
        "max_failures": plan.schedule.max_failures.words if plan.schedule.max_failures else None,
        "left_out": [asdict(one) for one in plan.left_out],
        "stages": [_stage(index, stage) for index, stage in zip(_matches_of(plan), plan.stages, strict=True)],
    }


def _stage(index: int, stage: Stage) -> dict[str, Json]:
    return {
        "match": index,
        "intent": stage.intent,
        "declared_by": stage.match.declared_by,
        "risk": stage.risk.word,
        "effects": list(stage.effects),
        "undo_of": stage.undo_of,
        "envelope": None if stage.envelope is None else asdict(stage.envelope),
        "hosts": {host: [_step(planned) for planned in steps] for host, steps in stage.hosts.items()},
    }


def _step(planned: PlannedStep) -> dict[str, Json]:
    step = planned.step
    known: dict[str, Json] = {
        "as_user": step.as_user,
        "effect": planned.effect.value,
        "diff": planned.diff,
        "reason": planned.reason,
        "cannot_undo": planned.cannot_undo,
        "touched": [{"label": touched.label, "lines": list(touched.lines)} for touched in planned.touched],
        "is_summary": planned.is_summary,
        "guard": planned.guard,
        "arguments": plain(planned.arguments),
        "leads_to": dict(planned.leads_to),
    }
    if isinstance(step, EditStep):
        edit = {"path": step.path, "before_sha256": step.before_sha256, "after_sha256": step.after_sha256}
        return {"edit": edit, "validator": step.validator, **known}
    if isinstance(step, PlaybookStep):
        return {"playbook": step.playbook, "variables": dict(step.variables), **known}
    secrets = [name for name, _ in step.secrets]
    return {"run": list(step.argv), "stdin": _content(step.stdin), "secrets": secrets, **known}


def _content(content: bytes | None) -> Json:
    from hashlib import sha256

    return None if content is None else {"size_bytes": len(content), "sha256": sha256(content).hexdigest()}


def outcome_json(outcome: Outcome) -> dict[str, Json]:
    """Return an outcome as the contract has it."""
    return {
        "stage": outcome.stage,
        "status": outcome.status,
        "message": outcome.message,
        "not_begun": outcome.not_begun,
        "exit_code": outcome.exit_code,
        "columns": [{"name": one.name, "type": one.type, "unit": one.unit} for one in outcome.columns],
        "rows": [plain(row) for row in outcome.rows],
        "total_rows": outcome.total_rows,
        "stdout": outcome.stdout,
        "stderr": outcome.stderr,
        "truncated": outcome.is_truncated,
        "duration_ms": plain(outcome.duration_s * 1000),
        "before": plain(outcome.before),
        "after": plain(outcome.after),
        "backup": outcome.backup,
    }


def _table(table: FleetTable) -> dict[str, Json]:
    return {
        "stage": table.stage,
        "columns": [{"name": one.name, "type": one.type, "unit": one.unit} for one in table.columns],
        "rows": [plain(row) for row in table.rows],
        "total_rows": table.total,
        "summary": plain(table.summary),
    }


def plain(value: Json) -> Json:
    """Return a value as JSON can say it: containers become lists and dicts; numbers that JSON can't say become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str) or value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, Sequence):
        return [plain(one) for one in value]
    raise TypeError(f"{type(value).__name__} is no JSON value")
