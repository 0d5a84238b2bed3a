"""Makes the plan of a request: what each step would do on each host, computed from real state.

Planning reads and never changes: it runs the intent's state read, or reads the file that an edit
is about. The diff is computed, not assumed.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from executors.diffs import state_diff, unified_diff
from executors.edits import apply_edit
from executors.file_replace import FileState, read_file
from executors.plan import EditStep, Effect, Plan, PlannedStep, PlaybookStep, Stage
from executors.state import Target, expected_values, read_state, run_step, unmet
from executors.transport import Cancel
from executors.validators import validator_for
from intents.errors import PlanError, StepError
from intents.intent import Edit, Intent, Operation, PlaybookRun
from intents.interpretation import Evidence, Match
from intents.rules import check_value
from intents.template import render_word
from intents.values import Json, Row
from playbooks.library import PlaybookError, find_playbook


def make_plan(
    request: str,
    matches: Sequence[Match],
    catalogue: Mapping[str, Intent],
    targets: Sequence[Target],
    *,
    host_evidence: Evidence,
    now: datetime,
    cancel: Cancel | None = None,
) -> Plan:
    """Return the plan of the matches, in order, over the targets.

    Raises `StepError` or `PlanError` when the state can't be read or a file can't be edited, and
    `UnreachableError` when a target of a change can't be reached.
    """
    stages = []
    for match in matches:
        intent = catalogue[match.intent]
        values = match.values()
        hosts = {target.host: plan_steps(intent, values, target, cancel=cancel) for target in targets}
        stages.append(Stage(intent.name, intent.risk_for(values), intent.effects, match, hosts))
    return finish_plan(request, stages, targets, host_evidence=host_evidence, now=now)


def finish_plan(
    request: str, stages: Sequence[Stage], targets: Sequence[Target], *, host_evidence: Evidence, now: datetime
) -> Plan:
    """Return the plan of finished stages, with its hash over all that decides what will run."""
    facts = {target.host: dict(target.facts) for target in targets}
    covered = [[_covered_stage(stage) for stage in stages], facts]
    digest = hashlib.sha256(json.dumps(covered, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    return Plan(
        id=secrets.token_hex(8),
        hash=digest,
        request=request,
        created_utc=now.isoformat(timespec="milliseconds"),
        stages=tuple(stages),
        facts=facts,
        host_evidence=host_evidence,
    )


def _covered_stage(stage: Stage) -> Json:
    return {
        "intent": stage.intent,
        "risk": stage.risk.word,
        "effects": list(stage.effects),
        "arguments": stage.match.values(),
        "operations": [repr(operation) for operation in stage.match.operations],
        "undo_of": stage.undo_of,
        "hosts": {host: [_covered_step(planned) for planned in steps] for host, steps in stage.hosts.items()},
    }


def _covered_step(planned: PlannedStep) -> Json:
    step = planned.step
    return {
        "kind": type(step).__name__,
        "step": {key: _plain(value) for key, value in asdict(step).items()},
        "effect": planned.effect.value,
        "before": dict(planned.before),
    }


def _plain(value: object) -> Json:
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a step holds {type(value).__name__}, which a plan's hash doesn't cover")


# -- one intent on one host


def plan_steps(
    intent: Intent, values: Mapping[str, Json], target: Target, *, cancel: Cancel | None
) -> tuple[PlannedStep, ...]:
    """Return the planned steps of an intent on one host."""
    for name, value in values.items():
        check_value(intent, name, value)  # wherever it came from: a request, a script, the history
    operation = intent.operation_for(target.facts)
    if operation.read is not None:
        step = run_step(intent, operation.read.command, values, interrupt=intent.interrupt)
        if intent.is_change:
            reason = "it runs a program that is not on the reviewed list"
            return (PlannedStep(step, Effect.CANNOT_KNOW, reason=reason, cannot_undo=reason),)
        return (PlannedStep(step, Effect.READ),)
    if operation.edit is not None:
        return (_plan_edit(intent, operation.edit, values, target, cancel),)
    if operation.playbook is not None:
        return (_plan_playbook(intent, operation, operation.playbook, values, target, cancel),)
    return (_plan_command(intent, operation, values, target, cancel),)


def _plan_command(
    intent: Intent, operation: Operation, values: Mapping[str, Json], target: Target, cancel: Cancel | None
) -> PlannedStep:
    if operation.state is None or operation.change is None:
        raise PlanError(f"`{intent.name}` has nothing to run on {target.host}.", remedy="Report this pack.")
    before = read_state(intent, operation.state, values, target, cancel)
    step = run_step(intent, operation.change, values, interrupt=intent.interrupt)
    cannot_undo = operation.undo.impossible if operation.undo else None
    lacking = unmet(intent, operation.expect, values, before=None, now=before)
    if not lacking and not operation.always:
        reason = "the state is already as wanted" if before else f"there is no {_subject(intent, values)}"
        return PlannedStep(step, Effect.ALREADY_SO, reason=reason, before=before)
    after = predicted_state(intent, operation, values, before)
    diff = state_diff(before, after, _subject(intent, values))
    return PlannedStep(step, Effect.WILL_CHANGE, diff=diff, before=before, cannot_undo=cannot_undo)


def predicted_state(intent: Intent, operation: Operation, values: Mapping[str, Json], before: Row) -> dict[str, Json]:
    """Return the state that the change is expected to lead to; `(new)` stands for what only the run can tell."""
    after = dict(before)
    for expectation in operation.expect:
        if expectation.test == "absent":
            return {}
        if expectation.test == "changed":
            after[expectation.column] = "(new)"
            continue
        accepted = expected_values(intent, expectation, values)
        if str(before.get(expectation.column)) not in accepted:
            after[expectation.column] = accepted[0] if accepted else None
    return after


def _subject(intent: Intent, values: Mapping[str, Json]) -> str:
    first = next((values[name] for name in intent.parameters if values.get(name) is not None), intent.name)
    return ", ".join(str(one) for one in first) if isinstance(first, list | tuple) else str(first)


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
