"""Plans one intent on one host: what its step would do there, computed from the state that is read.

Planning reads and never changes. It is done when a plan is made, and again immediately before each
step: what was planned must still be what would be planned.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from executors.command_planning import Forecast, plan_command
from executors.diffs import unified_diff
from executors.edits import apply_edit
from executors.file_replace import FileState, read_file
from executors.guard_cuts import cuts_access
from executors.host_paths import HostPaths
from executors.path_effects import effects_of
from executors.plan import EditStep, Effect, PlannedStep, PlaybookStep
from executors.protected import NOTHING_MORE, Protected, refuse_protected
from executors.state import Target, run_step
from executors.transport import Cancel
from executors.validators import validator_for
from intents.errors import PlanError, StepError
from intents.intent import Edit, EffectName, Intent, Operation, PlaybookRun
from intents.rules import check_value
from intents.template import render_word
from intents.values import Json, Row
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

    `forecast` holds what earlier stages of the same plan will lead to, and takes what this one will.
    `with_touched` False leaves out what only a person reads: planning again before a step needs none of it.
    """
    for name, value in values.items():
        check_value(intent, name, value)  # wherever it came from: a request, a script, the history
    refuse_protected(intent, values, target, protected, cancel=cancel)
    planned = _plan_step(
        intent, values, target, cancel=cancel, with_touched=with_touched, forecast=forecast or Forecast()
    )
    effects = implied_effects(intent, values, target, cancel)
    return (replace(planned, guard=cuts_access(intent, values, planned, target), effects=effects),)


def implied_effects(
    intent: Intent, values: Mapping[str, Json], target: Target, cancel: Cancel | None
) -> tuple[EffectName, ...]:
    """Return what a step grants or discloses there: as declared, and as its paths imply, also where links lead."""
    return effects_of(intent, values, resolve=HostPaths(target.transport, cancel).resolve, facts=target.facts)


def _plan_step(
    intent: Intent,
    values: Mapping[str, Json],
    target: Target,
    *,
    cancel: Cancel | None,
    with_touched: bool,
    forecast: Forecast,
) -> PlannedStep:
    operation = intent.operation_for(target.facts)
    if operation.read is not None:
        step = run_step(intent, operation.read.command, values, interrupt=intent.interrupt)
        if intent.is_change:
            reason = "it runs a program that is not on the reviewed list"
            return PlannedStep(step, Effect.CANNOT_KNOW, reason=reason, cannot_undo=reason)
        return PlannedStep(step, Effect.READ)
    if operation.edit is not None:
        return _plan_edit(intent, operation.edit, values, target, cancel)
    if operation.playbook is not None:
        return _plan_playbook(intent, operation, operation.playbook, values, target, cancel)
    return plan_command(intent, operation, values, target, cancel=cancel, with_touched=with_touched, forecast=forecast)


def _plan_edit(
    intent: Intent, edit: Edit, values: Mapping[str, Json], target: Target, cancel: Cancel | None
) -> PlannedStep:
    path = "".join(render_word(edit.path, intent.parameters, values))
    as_user = editing_account(path, target, cancel)
    state = read_file(target.transport, path, as_user=as_user)
    if not state.exists and not edit.create:
        raise StepError(
            f"There is no file {path} on {target.host}.",
            remedy="Check the path; this operation edits a file that is there.",
            host=target.host,
        )
    arguments = {
        name: "".join(rendered)
        for name, word in edit.arguments.items()
        if (rendered := render_word(word, intent.parameters, values))
    }
    after = apply_edit(edit.operation, state.content, arguments)
    checker = validator_for(edit.validator, path)
    step = EditStep(
        path,
        state.sha256 if state.exists else None,
        after,
        checker.name if checker else None,
        as_user=as_user,
        interrupt=intent.interrupt,
    )
    if state.exists and after == state.content:
        return PlannedStep(step, Effect.ALREADY_SO, reason="the file already reads so", before=file_row(state))
    diff = unified_diff(state.content if state.exists else None, after, path)
    return PlannedStep(step, Effect.WILL_CHANGE, diff=diff, before=file_row(state))


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


def file_row(state: FileState) -> Row:
    """Return what is kept of a file's state: not its content."""
    return {
        "exists": state.exists,
        "sha256": state.sha256 if state.exists else None,
        "mode": state.mode,
        "owner": state.owner,
        "group": state.group,
        "size": state.size_bytes,
    }


def editing_account(path: str, target: Target, cancel: Cancel | None) -> str | None:
    """Return the account that may replace the file: None for the login itself, else `root` or the folder's owner.

    An atomic replace needs to write in the file's folder, and to keep its owner the file must be
    the account's own. Root acts as the owner below a folder that somebody else may write: what that
    account can do there, it may be made to do, and no more.
    """
    folder = path.rpartition("/")[0] or "/"
    run = target.transport.run
    if target.login.uid == 0:
        owners = (
            run(["stat", "-L", "-c", "%U", "--", folder, path], cancel=cancel).stdout.decode("utf-8", "replace").split()
        )
        is_one = len(set(owners)) == 1
        return owners[0] if is_one and owners[0] not in {"root", "UNKNOWN"} else None
    writable = run(["test", "-w", folder], cancel=cancel).exit_code == 0
    own = run(["test", "-O", path], cancel=cancel).exit_code == 0
    absent = run(["test", "-e", path], cancel=cancel).exit_code != 0
    return None if writable and (own or absent) else "root"
