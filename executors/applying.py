"""Carries out an approved plan, step by step, with a record before and after each.

Nothing in a plan is trusted to be run as it stands: vectors are derived again from intent and
arguments, the state that the diff was made from is read again, and policy is asked, immediately
before each step.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from executors.path_effects import risk_with
from executors.plan import (
    Envelope,
    Outcome,
    Plan,
    Stage,
)
from executors.planning import effects_in, plan_referenced, referenced_values
from executors.run import Run
from executors.step_applying import apply_step, status_of_error
from intents.errors import PlanError, SaysoError

HOSTS_AT_ONCE = 10
"""Hosts worked on at the same time; on two cores more threads gain nothing (measured with paramiko)."""

SHOWN_OUTPUT_BYTES = 64 * 1024
"""How much of a command's own output an outcome carries."""


def apply_plan(plan: Plan, run: Run) -> dict[str, tuple[Outcome, ...]]:
    """Return host -> outcomes, in the plan's order. One host's failure stops no other host.

    A stage begins only if the one before ended ok or changed on every host. Raises `PolicyError`
    before anything runs, and whatever the recorder raises: without a record nothing runs.
    """
    for stage in plan.stages:
        run.require_permission(stage)
    outcomes: dict[str, tuple[Outcome, ...]] = {}
    of_stages: list[Mapping[str, tuple[Outcome, ...]]] = []
    for place, stage in enumerate(plan.stages):
        results = {
            host: tuple(replace(one, stage=place) for one in some)
            for host, some in _apply_stage(stage, of_stages, run).items()
        }
        of_stages.append(results)
        for host, some in results.items():
            outcomes[host] = (*outcomes.get(host, ()), *some)
        if any(outcome.status not in {"ok", "changed"} for some in results.values() for outcome in some):
            break
    return outcomes


def _apply_stage(
    stage: Stage, before: Sequence[Mapping[str, tuple[Outcome, ...]]], run: Run
) -> dict[str, tuple[Outcome, ...]]:
    """Work on the hosts of a stage side by side; an interrupt waits for what has begun."""
    hosts = list(stage.hosts)

    def work_on(host: str) -> tuple[Outcome, ...]:
        if stage.envelope is None:
            return _apply_on_host(stage, host, run=run)
        return _apply_envelope(stage, stage.envelope, before[stage.envelope.source].get(host, ()), host, run=run)

    with ThreadPoolExecutor(max_workers=min(HOSTS_AT_ONCE, len(hosts))) as pool:
        work: list[Future[tuple[Outcome, ...]]] = []
        try:
            for host in hosts:
                work.append(pool.submit(work_on, host))  # noqa: PERF401 - kept when interrupted
            done = [one.result() for one in work]
        except KeyboardInterrupt:
            run.cancel.set()  # the steps end themselves, or wait where cutting them off would harm
            work += [pool.submit(work_on, host) for host in hosts[len(work) :]]
            done = [one.result() for one in work]
    return dict(zip(hosts, done, strict=True))


def _apply_envelope(
    stage: Stage, envelope: Envelope, source: Sequence[Outcome], host: str, *, run: Run
) -> tuple[Outcome, ...]:
    """Plan the stage's steps from the rows that the earlier one gave, and run them if they are within what was approved."""
    intent, target = run.catalogue[stage.intent], run.targets[host]
    try:
        found = referenced_values([row for outcome in source for row in outcome.rows], envelope.column)
        if len(found) > envelope.maximum:
            raise PlanError(
                f"{len(found)} values came out of the step before, and {envelope.maximum} were approved.",
                remedy="Ask again for what is left.",
            )
        steps = plan_referenced(
            intent, stage.match, envelope.parameter, found, target, cancel=run.cancel, protected=run.protected
        )
        risk = max((intent.risk_for({**stage.match.values(), **one.arguments}) for one in steps), default=stage.risk)
        effects = effects_in(intent, {host: steps})
        risk = risk_with(risk, effects)
        if risk > stage.risk or set(effects) - set(stage.effects):
            told = ", ".join([risk.word, *effects])
            raise PlanError(f"It would be {told}, and {stage.risk.word} was approved.", remedy="Ask again for it.")
    except SaysoError as error:
        return (Outcome(host, status_of_error(error), message=str(error)),)
    return _apply_on_host(replace(stage, hosts={host: steps}), host, run=run)


def _apply_on_host(stage: Stage, host: str, *, run: Run) -> tuple[Outcome, ...]:
    outcomes: list[Outcome] = []
    for planned in stage.hosts[host]:
        outcome = replace(apply_step(stage, planned, run.targets[host], run), planned=planned)
        outcomes.append(outcome)
        if run.on_outcome is not None:
            run.on_outcome(outcome)
        if outcome.status not in {"ok", "changed"}:
            break
    return tuple(outcomes)
