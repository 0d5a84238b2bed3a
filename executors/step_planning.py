"""Plans one intent on one host: what its step would do there, computed from the state that is read.

Planning reads and never changes. It is done when a plan is made, and again immediately before each
step: what was planned must still be what would be planned.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from executors.command_planning import plan_command, refuse_lacking
from executors.edit_planning import plan_edit
from executors.forecast import Forecast
from executors.guard_cuts import cuts_access
from executors.host_paths import HostPaths
from executors.installation import programs_of
from executors.obstacles import refuse_hindered
from executors.path_effects import effects_of
from executors.path_uses import paths_given
from executors.plan import EditStep, Effect, PlannedStep, PlaybookStep
from executors.protected import NOTHING_MORE, Protected, refuse_protected
from executors.state import Target, read_state, run_step
from executors.state_folders import with_place
from executors.transport import Cancel
from intents.errors import PlanError
from intents.intent import Edit, EffectName, Intent, Operation, PlaybookRun
from intents.rules import check_value
from intents.template import render_word
from intents.values import Json
from playbooks.library import PlaybookError, find_playbook


def plan_steps(
    intent: Intent,
    values: Mapping[str, Json],
    target: Target,
    *,
    cancel: Cancel | None,
    with_touched: bool = True,
    forecast: Forecast | None = None,
    protected: Protected = NOTHING_MORE,
) -> tuple[PlannedStep, ...]:
    """Return the planned steps of an intent on one host.

    `forecast` holds what earlier stages of the same plan will lead to, and takes what this one will; the target is
    then read as it will be by that time.
    `with_touched` False leaves out what only a person reads: planning again before a step needs none of it.
    """
    for name, value in values.items():
        check_value(intent, name, value)  # wherever it came from: a request, a script, the history
    now = target
    target = target if forecast is None else forecast.target
    host_paths = HostPaths(target.transport, cancel)
    refuse_protected(intent, values, target, protected, cancel=cancel, host_paths=host_paths)
    planned = _plan_step(intent, values, target, cancel=cancel, with_touched=with_touched, forecast=forecast)
    if with_touched:
        refuse_hindered(planned, target, host_paths, cancel)
    effects = implied_effects(intent, values, target, host_paths)
    leads_to = host_paths.leads_of(paths_given(intent, values))
    guard = cuts_access(intent, values, planned, target)
    if forecast is not None:
        forecast.end_step()  # only now: until here everything was about the host before this step
    if with_touched and planned.effect in {Effect.WILL_CHANGE, Effect.CANNOT_KNOW}:
        planned = with_place(planned, now, cancel)
    return (replace(planned, guard=guard, effects=effects, leads_to=leads_to),)


def implied_effects(
    intent: Intent, values: Mapping[str, Json], target: Target, host_paths: HostPaths
) -> tuple[EffectName, ...]:
    """Return what a step grants or discloses there: as declared, and as its paths imply, also where links lead."""
    return effects_of(
        intent, values, resolve=host_paths.resolve, facts=target.facts, programs=programs_of(target.transport.host)
    )


def _plan_step(
    intent: Intent,
    values: Mapping[str, Json],
    target: Target,
    *,
    cancel: Cancel | None,
    with_touched: bool,
    forecast: Forecast | None,
) -> PlannedStep:
    _refuse_elsewhere(intent, target)
    operation = intent.operation_for(target.facts)
    if operation.read is not None:
        step = run_step(intent, operation.read.command, values, interrupt=intent.interrupt)
        if intent.is_change:
            reason = "it runs a program that is not on the reviewed list"
            return PlannedStep(step, Effect.CANNOT_KNOW, reason=reason, cannot_undo=reason)
        return PlannedStep(step, Effect.READ)
    if operation.edit is not None:
        planned = _plan_edit(intent, operation.edit, values, target, cancel, forecast)
        if operation.needs and operation.state is not None and planned.effect is not Effect.ALREADY_SO:
            before = read_state(intent, operation.state, values, target, cancel)
            refuse_lacking(intent, operation, values, target, before)
        return planned
    if operation.playbook is not None:
        return _plan_playbook(intent, operation, operation.playbook, values, target, cancel)
    return plan_command(intent, operation, values, target, cancel=cancel, with_touched=with_touched, forecast=forecast)


def _plan_edit(
    intent: Intent,
    edit: Edit,
    values: Mapping[str, Json],
    target: Target,
    cancel: Cancel | None,
    forecast: Forecast | None,
) -> PlannedStep:
    if forecast is None:
        return plan_edit(intent, edit, values, target, cancel)
    forecast.begin_step()
    planned = plan_edit(intent, edit, values, target, cancel)
    planned = replace(planned, is_predicted=forecast.has_answered)
    if isinstance(planned.step, EditStep) and planned.effect is not Effect.ALREADY_SO:
        forecast.take_edit(planned.step, planned.step.after)
    return planned


def _refuse_elsewhere(intent: Intent, target: Target) -> None:
    """An intent that only some hosts know would do on the others what nobody reviewed for them."""
    unmet = intent.unmet(target.facts)
    if unmet is None:
        return
    fact, wanted = unmet
    has = target.facts.get(fact, "none")
    raise PlanError(
        f"`{intent.name}` is for hosts with {' or '.join(wanted)} ({fact}); {target.host} has {has}.",
        remedy="Name a host that has it, or ask for something else.",
    )


def _plan_playbook(
    intent: Intent,
    operation: Operation,
    run: PlaybookRun,
    values: Mapping[str, Json],
    target: Target,
    cancel: Cancel | None,
) -> PlannedStep:
    """The playbook's own dry run is what tells the effect; its hash stands for the state before."""
    from executors.ansible import check_playbook

    variables = tuple(
        (name, "".join(rendered))
        for name, word in run.variables.items()
        if (rendered := render_word(word, intent.parameters, values))
    )
    try:
        playbook = find_playbook(run.name)
        playbook.complete(dict(variables))
    except PlaybookError as error:
        raise PlanError(f"`{intent.name}` can't be planned: {error}.", remedy="Report this pack.") from error
    step = PlaybookStep(run.name, variables, playbook.sha256, run.as_user, run.timeout_s, intent.interrupt)
    result = check_playbook(playbook, step, target, cancel=cancel)
    told = json.dumps([result.effect.value, result.diff, result.reasons], ensure_ascii=False)
    before = {"check_sha256": hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()}
    cannot_undo = operation.undo.impossible if operation.undo else None
    reason = "; ".join(result.reasons)
    return PlannedStep(step, result.effect, diff=result.diff, reason=reason, before=before, cannot_undo=cannot_undo)
