"""The identity of a plan: one hash over all that decides what will run, and what was shown of it."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from executors.plan import LeftOut, Plan, PlannedStep, Stage
from executors.schedule import Schedule
from executors.state import Target
from intents.interpretation import Evidence
from intents.values import Json


def finish_plan(
    request: str,
    stages: Sequence[Stage],
    targets: Sequence[Target],
    *,
    host_evidence: Evidence,
    now: datetime,
    schedule: Schedule | None = None,
    left_out: Sequence[LeftOut] = (),
) -> Plan:
    """Return the plan of finished stages, with its hash over all that decides what will run."""
    facts = {target.host: dict(target.facts) for target in targets}
    return Plan(
        id=secrets.token_hex(8),
        hash=plan_hash(stages, facts, schedule or Schedule()),
        request=request,
        created_utc=now.isoformat(timespec="milliseconds"),
        stages=tuple(stages),
        facts=facts,
        host_evidence=host_evidence,
        schedule=schedule or Schedule(),
        left_out=tuple(left_out),
    )


def plan_hash(stages: Sequence[Stage], facts: Mapping[str, Mapping[str, str]], schedule: Schedule) -> str:
    """Return the SHA-256 (hex) over all that decides what will run, and what was shown of it."""
    covered = [
        [_covered_stage(stage) for stage in stages],
        {host: dict(known) for host, known in facts.items()},
        asdict(schedule),
    ]
    return hashlib.sha256(json.dumps(covered, sort_keys=True).encode()).hexdigest()


def _covered_stage(stage: Stage) -> Json:
    return {
        "intent": stage.intent,
        "risk": stage.risk.word,
        "effects": list(stage.effects),
        "arguments": stage.match.values(),
        "operations": [repr(operation) for operation in stage.match.operations],
        "undo_of": stage.undo_of,
        "envelope": None if stage.envelope is None else asdict(stage.envelope),
        "hosts": {host: [_covered_step(planned) for planned in steps] for host, steps in stage.hosts.items()},
    }


def _covered_step(planned: PlannedStep) -> Json:
    step = planned.step
    return {
        "kind": type(step).__name__,
        "step": {key: _plain(value) for key, value in asdict(step).items()},
        "effect": planned.effect.value,
        "before": dict(planned.before),
        "diff": planned.diff,
        "is_summary": planned.is_summary,
        "arguments": dict(planned.arguments),
        "is_predicted": planned.is_predicted,
        "guard": planned.guard,
        "effects": list(planned.effects),
        "leads_to": dict(planned.leads_to),
        "takes_back": None if planned.takes_back is None else asdict(planned.takes_back),
    }


def _plain(value: object) -> Json:
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a step holds {type(value).__name__}, which a plan's hash doesn't cover")
