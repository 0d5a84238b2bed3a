"""Carries out an approved plan over its hosts: each host goes through the plan's stages by itself.

Nothing in a plan is trusted to be run as it stands: vectors are derived again from intent and
arguments, the state that the diff was made from is read again, and policy is asked, immediately
before each step. When a host's turn comes is `executors.scheduling`'s matter.
"""

from collections.abc import Sequence
from dataclasses import replace

from executors.fleet_rows import for_one_host, is_across
from executors.outcome_status import status_of_error
from executors.path_effects import risk_with
from executors.plan import (
    Envelope,
    Outcome,
    Plan,
    Stage,
)
from executors.planning import effects_in, plan_referenced, referenced_values
from executors.run import Run
from executors.scheduling import FleetRun, Interrupts
from executors.step_applying import apply_step
from executors.transport import Cancel
from intents.errors import PlanError, SaysoError


def apply_plan(plan: Plan, run: Run, *, interrupts: Interrupts | None = None) -> dict[str, tuple[Outcome, ...]]:
    """Return host -> outcomes, in the plan's order.

    On each host a stage begins only if the one before ended ok or changed there: a host that failed drops
    out, the others go on. Of a change the hosts are begun in batches, as the plan's schedule says. Raises
    `PolicyError` before anything runs, and whatever the recorder raises: without a record nothing runs.
    """
    for stage in plan.stages:
        run.require_permission(stage)

    def work(host: str, cancel: Cancel) -> tuple[Outcome, ...]:
        return _apply_on_host(plan, host, replace(run, cancel=cancel))

    busy = [host for host in plan.hosts if plan.has_work(host)]
    done = {host: work(host, run.cancel) for host in plan.hosts if host not in set(busy)}
    fleet = FleetRun(
        work,
        plan.schedule,
        is_change=plan.is_change,
        cancel=run.cancel,
        interrupts=interrupts or Interrupts(),
        watcher=run.watcher,
        goes_on=run.goes_on,
    )
    try:
        done |= fleet.go(busy)
    finally:
        run.watcher.ended()
    return {host: done[host] for host in plan.hosts}


def _apply_on_host(plan: Plan, host: str, run: Run) -> tuple[Outcome, ...]:
    """Take one host through the stages; what comes after a step that didn't end well is not begun there."""
    of_stages: dict[int, tuple[Outcome, ...]] = {}
    stages = [for_one_host(stage) for stage in plan.stages] if is_across(plan) else plan.stages
    for place, stage in enumerate(stages):
        if host not in stage.hosts:
            continue
        if stage.envelope is None:
            outcomes = _apply_steps(stage, place, host, run)
        else:
            outcomes = _apply_envelope(
                stage, place, stage.envelope, of_stages.get(stage.envelope.source, ()), host, run
            )
        of_stages[place] = outcomes
        if any(outcome.status not in {"ok", "changed"} for outcome in outcomes):
            break
    return tuple(outcome for outcomes in of_stages.values() for outcome in outcomes)


def _apply_envelope(
    stage: Stage, place: int, envelope: Envelope, source: Sequence[Outcome], host: str, run: Run
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
        outcome = Outcome(host, status_of_error(error), message=str(error), stage=place)
        run.watcher.outcome(outcome)
        return (outcome,)
    return _apply_steps(replace(stage, hosts={host: steps}), place, host, run)


def _apply_steps(stage: Stage, place: int, host: str, run: Run) -> tuple[Outcome, ...]:
    outcomes: list[Outcome] = []
    for planned in stage.hosts[host]:
        outcome = apply_step(stage, planned, run.targets[host], run)
        outcomes.append(replace(outcome, planned=planned, stage=place))
        run.watcher.outcome(outcomes[-1])
        if outcome.status not in {"ok", "changed"}:
            break
    return tuple(outcomes)
