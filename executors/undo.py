"""Takes back what a record changed: an inverse plan from the state that was kept, like any other plan."""

import posixpath
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from executors.diffs import state_diff
from executors.edit_large import diff_of_states
from executors.edit_planning import file_row, lacks_directory
from executors.file_replace import FileState, read_file
from executors.file_state import FileHost
from executors.follow_ups import rendered_values
from executors.forecast import Forecast, agrees
from executors.foreseen_files import NotForeseenError
from executors.guard_cuts import cuts_access
from executors.host_paths import HostPaths
from executors.left_behind import MovedError, left_in, refuse_worked_on
from executors.obstacles import refuse_hindered
from executors.path_effects import risk_with
from executors.plan import EditStep, Effect, PlannedStep, Stage, TakenBack
from executors.protected import NOTHING_MORE, Protected, refuse_protected
from executors.state import Target, run_step
from executors.step_planning import implied_effects, plan_steps
from executors.transport import Cancel
from intents.errors import PlanError
from intents.intent import Intent, Operation, Risk, Undo
from intents.interpretation import Argument, Evidence, Match
from intents.types.base import ValueContext
from intents.types.visible import visible
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
    takes_back: tuple[str, Mapping[str, Json]] | None = None
    """The intent and the arguments of the change that this step took back, of a command."""


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
    forecasts = {host: Forecast(target) for host, target in targets.items()}
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
    taken = TakenBack(step.intent, step.arguments)
    planned = tuple(replace(one, is_predicted=True, takes_back=taken) for one in planned)
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
        return _undo_edit(undoing, step, intent, forecast)
    operation = intent.operation_for(target.facts)
    undo = operation.undo
    if (undo is None or undo.intent is None) and step.takes_back is not None:
        return _make_again(undoing, step, *step.takes_back, target, forecast)
    if undo is None or undo.intent is None:
        reason = undo.impossible if undo and undo.impossible else "no inverse is known"
        raise PlanError(f"Record {record} can't be undone: {reason}.", remedy="Say what you want instead.")
    taken = TakenBack(intent.name, step.arguments, left_in(step.after))
    _refuse_if_moved(undoing, step, intent, operation, target, forecast)
    with suppress(NotForeseenError):  # it is looked at again when its turn comes
        refuse_worked_on(taken, intent, forecast.target, cancel, subject=f"Record {record}")
    inverse = catalogue[undo.intent]
    evidence = Evidence("history", note=f"record {record}")
    arguments = {
        name: Argument(value, evidence)
        for name, value in _inverse_values(intent, undo, inverse, step.arguments, step.before, undoing.context).items()
    }
    match = Match(inverse.name, arguments, 1.0)
    try:
        planned = plan_steps(
            inverse, match.values(), target, cancel=cancel, forecast=forecast, protected=undoing.protected
        )
    except PlanError as error:
        raise PlanError(f"Record {record} can't be undone: {error.message}", remedy=error.remedy) from error
    # An inverse without one of its own is taken back by making the change again.
    planned = tuple(replace(one, takes_back=taken, cannot_undo=None) for one in planned)
    at_most = _risk_at_most(intent, step, taken, inverse)
    return _stage(undoing, inverse, match, planned, target, at_most=at_most)


def _risk_at_most(intent: Intent, step: DoneStep, taken: TakenBack, inverse: Intent) -> Risk:
    """Taking back what a change made, and nothing else, is no more dangerous than the change was.

    Of a deletion that holds only where it is known that nothing but what the change left goes.
    """
    if inverse.risk is Risk.DESTRUCTIVE and not taken.left:
        return Risk.DESTRUCTIVE
    return max(Risk.REVERSIBLE, intent.risk_for(step.arguments))


def _make_again(
    undoing: _Undoing, step: DoneStep, name: str, arguments: Mapping[str, Json], target: Target, forecast: Forecast
) -> Stage:
    """Plan the change anew that an undo took back by a step which has no inverse (a deletion)."""
    intent = undoing.catalogue.get(name)
    if intent is None:
        raise PlanError(
            f"Record {undoing.record} took back `{name}`, which is no longer in the catalogue.",
            remedy="Say what you want instead.",
        )
    evidence = Evidence("history", note=f"record {undoing.record}")
    match = Match(name, {key: Argument(value, evidence) for key, value in arguments.items()}, 1.0)
    planned = plan_steps(
        intent, match.values(), target, cancel=undoing.cancel, forecast=forecast, protected=undoing.protected
    )
    planned = tuple(replace(one, takes_back=TakenBack(step.intent, step.arguments)) for one in planned)
    return _stage(undoing, intent, match, planned, target)


def _stage(
    undoing: _Undoing,
    intent: Intent,
    match: Match,
    planned: tuple[PlannedStep, ...],
    target: Target,
    *,
    at_most: Risk = Risk.DESTRUCTIVE,
) -> Stage:
    effects = tuple(dict.fromkeys(effect for one in planned for effect in one.effects))
    risk = risk_with(min(at_most, intent.risk_for(match.values())), effects)
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
    # Later steps of the same record are taken back before this one.
    now, _ = forecast.read(intent, operation.state, step.arguments, undoing.cancel)
    promised = {expectation.column for expectation in operation.expect if expectation.test != "changed"}
    left = {name: step.after.get(name) for name in promised}
    current = {name: now.get(name) for name in promised}
    if not all(agrees(current[name], value) for name, value in left.items()):
        raise MovedError(
            f"Record {undoing.record} can't be undone: the state has moved since.\n{state_diff(left, current, target.host)}",
            remedy="Look at it, then say what you want.",
        )


def _undo_edit(undoing: _Undoing, step: DoneStep, intent: Intent, forecast: Forecast) -> Stage:
    record, target = undoing.record, forecast.target
    host_paths = HostPaths(target.transport, undoing.cancel)
    refuse_protected(intent, step.arguments, target, undoing.protected, cancel=undoing.cancel, host_paths=host_paths)
    path = step.edit_path or ""
    now = read_file(target.transport, path, as_user=step.as_user, allow_large=True)
    current = now.sha256 if now.exists else None
    if current != step.after.get("sha256"):
        how = "has another content than it left there" if now.exists else "is gone"
        raise MovedError(
            f"Record {record} can't be undone: {visible(path)} {how}.",
            remedy="Look at the file, then say what you want.",
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
    refuse_hindered(planned, target, host_paths, undoing.cancel)
    planned = replace(planned, effects=effects, guard=cuts_access(intent, step.arguments, planned, target))
    risk = risk_with(intent.risk, effects)
    forecast.take_edit(edit, wanted.content if wanted.exists and not wanted.is_large else None)
    forecast.end_step()
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
