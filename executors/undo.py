"""Takes back what a record changed: an inverse plan from the state that was kept, like any other plan."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from executors.command_planning import Forecast
from executors.diffs import state_diff
from executors.edit_large import diff_of_states
from executors.edit_planning import file_row, lacks_directory
from executors.file_replace import FileState, read_file
from executors.file_state import FileHost
from executors.follow_ups import rendered_values
from executors.guard_cuts import cuts_access
from executors.host_paths import HostPaths
from executors.path_effects import risk_with
from executors.plan import EditStep, Effect, PlannedStep, Stage
from executors.protected import NOTHING_MORE, Protected, refuse_protected
from executors.state import Target, read_state, run_step
from executors.step_planning import implied_effects, plan_steps
from executors.transport import Cancel
from intents.errors import PlanError
from intents.intent import Intent, Operation, Undo
from intents.interpretation import Argument, Evidence, Match
from intents.types.base import ValueContext
from intents.values import Json


@dataclass(frozen=True, slots=True)
class DoneStep:
    """A change as the history keeps it: what was done where, and the states around it."""

    host: str
    intent: str
    arguments: Mapping[str, Json]
    before: Mapping[str, Json]
    after: Mapping[str, Json]
    backup: str | None
    edit_path: str | None
    as_user: str | None
    undo_of: int | None = None
    """The record that this step itself took back."""
    made_directory: bool = False
    """Whether the edit made the directory of its file."""


def undo_stages(
    record: int,
    steps: Sequence[DoneStep],
    catalogue: Mapping[str, Intent],
    targets: Mapping[str, Target],
    context: ValueContext,
    cancel: Cancel | None = None,
    *,
    protected: Protected = NOTHING_MORE,
) -> list[Stage]:
    """Return the stages that take the steps back, last one first.

    Raises `PlanError` where there is no inverse, or where the world has moved since, saying what.
    """
    undoing = _Undoing(record, catalogue, context, cancel, protected)
    forecasts = {host: Forecast() for host in targets}
    done_again: dict[int, list[DoneStep]] = {}
    stages: list[Stage] = []
    for place, step in reversed(list(enumerate(steps))):
        declaring = _declaring(steps[:place], step, catalogue, targets[step.host])
        if declaring is not None and not _has_inverse(step, catalogue, targets[step.host]):
            done_again.setdefault(declaring, []).append(step)
            continue
        stages.append(_undo_step(undoing, step, targets[step.host], forecasts[step.host]))
        stages += [
            _do_again(undoing, following, step.intent, targets[step.host])
            for following in reversed(done_again.pop(place, []))
        ]
    return stages


def _declaring(
    before: Sequence[DoneStep], step: DoneStep, catalogue: Mapping[str, Intent], target: Target
) -> int | None:
    """Return the place of the step that this one follows by that one's own declaration, or None."""
    for place in reversed(range(len(before))):
        intent = catalogue.get(before[place].intent)
        if intent is None or before[place].host != step.host:
            continue
        if any(one.intent == step.intent for one in intent.operation_for(target.facts).then):
            return place
    return None


def _has_inverse(step: DoneStep, catalogue: Mapping[str, Intent], target: Target) -> bool:
    intent = catalogue.get(step.intent)
    undo = intent.operation_for(target.facts).undo if intent is not None else None
    return step.edit_path is not None or (undo is not None and undo.intent is not None)


def _do_again(undoing: "_Undoing", step: DoneStep, declared_by: str, target: Target) -> Stage:
    """A follow-up that has no inverse (a reload) makes what was taken back take effect, as it did the change."""
    intent = undoing.catalogue[step.intent]
    evidence = Evidence("history", note=f"record {undoing.record}")
    arguments = {name: Argument(value, evidence) for name, value in step.arguments.items()}
    match = Match(intent.name, arguments, 1.0, declared_by=declared_by)
    planned = plan_steps(intent, match.values(), target, cancel=undoing.cancel, protected=undoing.protected)
    planned = tuple(replace(one, is_predicted=True) for one in planned)
    return _stage(undoing, intent, match, planned, target)


@dataclass(frozen=True, slots=True)
class _Undoing:
    """What is the same for all steps of a record that is taken back."""

    record: int
    catalogue: Mapping[str, Intent]
    context: ValueContext
    cancel: Cancel | None
    protected: Protected


def _undo_step(undoing: _Undoing, step: DoneStep, target: Target, forecast: Forecast) -> Stage:
    record, catalogue, cancel = undoing.record, undoing.catalogue, undoing.cancel
    intent = catalogue.get(step.intent)
    if intent is None:
        raise PlanError(
            f"Record {record} used `{step.intent}`, which is no longer in the catalogue.",
            remedy="Take it back by hand; `sayso history show` tells what was done.",
        )
    if step.edit_path is not None:
        return _undo_edit(undoing, step, intent, target)
    operation = intent.operation_for(target.facts)
    undo = operation.undo
    if undo is None or undo.intent is None:
        reason = undo.impossible if undo and undo.impossible else "no inverse is known"
        raise PlanError(f"Record {record} can't be undone: {reason}.", remedy="Say what you want instead.")
    _refuse_if_moved(undoing, step, intent, operation, target, forecast)
    inverse = catalogue[undo.intent]
    evidence = Evidence("history", note=f"record {record}")
    arguments = {
        name: Argument(value, evidence)
        for name, value in _inverse_values(intent, undo, inverse, step.arguments, step.before, undoing.context).items()
    }
    match = Match(inverse.name, arguments, 1.0)
    planned = plan_steps(inverse, match.values(), target, cancel=cancel, forecast=forecast, protected=undoing.protected)
    return _stage(undoing, inverse, match, planned, target)


def _stage(undoing: _Undoing, intent: Intent, match: Match, planned: tuple[PlannedStep, ...], target: Target) -> Stage:
    effects = tuple(dict.fromkeys(effect for one in planned for effect in one.effects))
    risk = risk_with(intent.risk_for(match.values()), effects)
    return Stage(intent.name, risk, effects, match, {target.host: planned}, undo_of=undoing.record)


def _inverse_values(
    intent: Intent,
    undo: Undo,
    inverse: Intent,
    values: Mapping[str, Json],
    before: Mapping[str, Json],
    context: ValueContext,
) -> dict[str, Json]:
    """Return the arguments of the inverse, from a change's own and the state before it."""
    available: dict[str, Json] = {**values, **{f"before.{name}": value for name, value in before.items()}}
    found = rendered_values(undo.arguments, intent, available, inverse, context)
    return {
        name: values if inverse.parameters[name].many else values[0]
        for name, values in found.items()
        if values or inverse.parameters[name].many
    }


def inverse_vectors(
    intent: Intent,
    values: Mapping[str, Json],
    before: Mapping[str, Json],
    catalogue: Mapping[str, Intent],
    target: Target,
) -> list[tuple[str, ...]]:
    """Return the vectors that would take a command's change back; none where it has no inverse."""
    undo = intent.operation_for(target.facts).undo
    if undo is None or undo.intent is None:
        return []
    inverse = catalogue[undo.intent]
    change = inverse.operation_for(target.facts).change
    if change is None:
        return []
    context = ValueContext(datetime.now().astimezone(), target.login.directory, target.login.home)
    found = _inverse_values(intent, undo, inverse, values, before, context)
    return [run_step(inverse, change, found, interrupt="wait").argv]


def _refuse_if_moved(
    undoing: _Undoing, step: DoneStep, intent: Intent, operation: Operation, target: Target, forecast: Forecast
) -> None:
    """The state must be what the change left behind, in every column that it promised."""
    if operation.state is None:
        return
    reading = run_step(intent, operation.state.command, step.arguments, interrupt="kill").argv
    foreseen = forecast.state(reading)  # a later step of the same record, which is taken back before this one
    now = (
        foreseen
        if foreseen is not None
        else read_state(intent, operation.state, step.arguments, target, undoing.cancel)
    )
    promised = {expectation.column for expectation in operation.expect if expectation.test != "changed"}
    left = {name: step.after.get(name) for name in promised}
    current = {name: now.get(name) for name in promised}
    if left != current:
        raise PlanError(
            f"Record {undoing.record} can't be undone: the state has moved since.\n{state_diff(left, current, target.host)}",
            remedy="Look at what changed it, then say what you want.",
        )


def _undo_edit(undoing: _Undoing, step: DoneStep, intent: Intent, target: Target) -> Stage:
    record = undoing.record
    host_paths = HostPaths(target.transport, undoing.cancel)
    refuse_protected(intent, step.arguments, target, undoing.protected, cancel=undoing.cancel, host_paths=host_paths)
    path = step.edit_path or ""
    now = read_file(target.transport, path, as_user=step.as_user, allow_large=True)
    current = now.sha256 if now.exists else None
    if current != step.after.get("sha256"):
        raise PlanError(
            f"Record {record} can't be undone: {path} has been edited since.",
            remedy="Look at the file; `sayso history show` has the diff of that edit.",
        )
    wanted = _content_before(record, step, path, target)
    # What is gone comes back with its owner, mode and attributes, which the backup has.
    is_restored = wanted.exists and (now.is_large or wanted.is_large or not now.exists)
    is_removed = step.made_directory and not wanted.exists
    edit = EditStep(
        path,
        current,
        wanted.content if wanted.exists and not is_restored else None,
        as_user=step.as_user,
        restores=step.backup if is_restored else None,
        later_sha256=wanted.sha256 if is_restored else None,
        makes_directory=is_removed or (not now.exists and lacks_directory(path, target, step.as_user, undoing.cancel)),
    )
    directory = posixpath.dirname(path)
    said = ["the content from before"] if wanted.exists else ["the file was not there before"]
    if edit.makes_directory:
        said.append(
            f"its directory {directory} goes with it if nothing else is in it"
            if is_removed
            else f"its directory {directory} is made with it"
        )
    diff = diff_of_states(FileHost(target.transport, step.as_user, undoing.cancel), now, wanted, path)
    planned = PlannedStep(
        edit,
        Effect.WILL_CHANGE,
        diff=diff.text,
        before=file_row(now),
        reason="; ".join(said),
        is_summary=diff.is_summary,
    )
    arguments = {
        name: Argument(value, Evidence("history", note=f"record {record}")) for name, value in step.arguments.items()
    }
    match = Match(intent.name, arguments, 1.0)
    effects = implied_effects(intent, step.arguments, target, host_paths)
    planned = replace(planned, effects=effects, guard=cuts_access(intent, step.arguments, planned, target))
    risk = risk_with(intent.risk, effects)
    return Stage(intent.name, risk, effects, match, {target.host: (planned,)}, undo_of=record)


def _content_before(record: int, step: DoneStep, path: str, target: Target) -> FileState:
    """Return the kept content, or that there was no file. Raises `PlanError` where it can't be had any more."""
    if step.backup is None:
        if not step.before.get("exists"):
            return FileState(path, exists=False)
        raise PlanError(
            f"Record {record} can't be undone: nobody knows where the backup of {path} lies.",
            remedy="Look into the backup store (`sayso backups`) for the content from before.",
        )
    kept = read_file(target.transport, step.backup, as_user=step.as_user, allow_large=True)
    if not kept.exists or kept.sha256 != step.before.get("sha256"):
        raise PlanError(
            f"Record {record} can't be undone: its backup {step.backup} is gone or was altered.",
            remedy="Restore the file from your own backup.",
        )
    return kept
