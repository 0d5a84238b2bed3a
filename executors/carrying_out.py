"""Runs a step of any kind and says what came of it: rows of a read, a change verified by reading the state again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from executors.become import Password
from executors.command_planning import not_come_true
from executors.edit_planning import carry_out_edit
from executors.file_state import last_line
from executors.left_behind import read_left
from executors.made_files import execute_making
from executors.plan import EditStep, Outcome, OutcomeStatus, PlannedStep, PlaybookStep, Stage
from executors.secrets_of_steps import execute_with_secrets
from executors.state import Target, UnreachableStepError, as_text, failure_of, parser_options, read_state, said_to
from executors.transport import Cancel, Completed
from intents.errors import PlanError, SaysoError
from intents.intent import Intent, Operation
from intents.operations import Count, Filter, RowOperation, apply_operations
from intents.parsers import parse_output
from intents.values import Json, Row
from playbooks.library import find_playbook

SHOWN_OUTPUT_BYTES = 64 * 1024
"""How much of a command's own output an outcome carries."""


def carry_out(
    stage: Stage,
    planned: PlannedStep,
    target: Target,
    *,
    catalogue: Mapping[str, Intent],
    cancel: Cancel,
    secrets: Mapping[str, Password],
    on_task: Callable[[str], None] | None = None,
) -> Outcome:
    """Run a step and return what came of it, verified. Raises `SaysoError` where it could not be run."""
    if isinstance(planned.step, EditStep):
        outcome = carry_out_edit(planned, planned.step, target, cancel)
        # An undo puts the content from before back: what the change promised isn't so any more.
        return outcome if stage.undo_of is not None else _edit_verified(stage, planned, outcome, target, catalogue)
    if isinstance(planned.step, PlaybookStep):
        return _playbook(planned.step, target, cancel, on_task)
    intent = catalogue[stage.intent]
    operation = intent.operation_for(target.facts)
    if planned.step.makes is not None:
        completed = execute_making(target, planned.step, planned.step.makes, cancel=cancel)
    else:
        completed = execute_with_secrets(target, planned.step, secrets, cancel=cancel)
    failure = failure_of(completed, planned.step, target.host)
    if failure is not None:
        status: OutcomeStatus = "unknown" if isinstance(failure, UnreachableStepError) else "failed"
        if completed.ending in {"timeout", "cancelled"} and intent.is_change:
            status = "unknown"
        if operation.read is not None:  # half a read's raw output helps nobody
            return Outcome(
                target.host, status, str(failure), completed.exit_code, stderr=_text(completed.stderr),
                duration_s=completed.duration_s,
            )  # fmt: skip
        now, begun = _begun(stage, intent, operation, planned, target) if status == "failed" else ({}, "")
        return _with_output(
            target.host, status, completed, message=f"{failure}{begun}", before=planned.before, after=now
        )
    if operation.read is not None:
        return _rows(
            stage, operation, completed, target.host, parser_options(intent, operation.read, stage.values_of(planned))
        )
    return _verified(stage, intent, operation, planned, completed, target, cancel)


def _begun(stage: Stage, intent: Intent, operation: Operation, planned: PlannedStep, target: Target) -> tuple[Row, str]:
    """Return the state that a failed command has left where it is another than before, and a sentence about it."""
    if operation.state is None:
        return {}, ""
    try:
        now = read_state(intent, operation.state, stage.values_of(planned), target, None)
    except SaysoError:
        return {}, ""
    moved = [
        f"{name} is now {as_text(value) or 'unset'}" for name, value in now.items() if planned.before.get(name) != value
    ]
    if not now and planned.before:
        moved = ["it is gone"]
    if not moved:
        return now, ""
    return now, f" It has begun all the same: {', '.join(moved)}. Look at what is there before you ask again."


def _rows(stage: Stage, operation: Operation, completed: Completed, host: str, options: Mapping[str, str]) -> Outcome:
    read = operation.read
    if read is None:
        raise PlanError("This operation reads nothing.", remedy="Report this pack.")
    rows = parse_output(read.parser, said_to(read, completed), read.columns, options)
    table = apply_operations(rows, read.columns, _asked_of(rows, stage), order=read.order, limit=read.limit)
    return Outcome(
        host,
        "ok",
        message=last_line(completed.stderr) if completed.exit_code and not read.with_stderr else "",
        exit_code=completed.exit_code,
        columns=table.columns,
        rows=table.rows,
        total_rows=table.total,
        operations=stage.match.operations,
        stderr=_text(completed.stderr),
        is_truncated=completed.is_truncated,
        duration_s=completed.duration_s,
    )


def _asked_of(rows: Sequence[Row], stage: Stage) -> tuple[RowOperation, ...]:
    """Return the operations; "how many cores" of an answer of one row wants that row, not its number."""
    operations = stage.match.operations
    if len(rows) == 1 and not any(isinstance(one, Filter) for one in operations):
        return tuple(one for one in operations if not isinstance(one, Count))
    return operations


def _verified(
    stage: Stage,
    intent: Intent,
    operation: Operation,
    planned: PlannedStep,
    completed: Completed,
    target: Target,
    cancel: Cancel,
) -> Outcome:
    """Read the state again: "exited 0" alone is no success."""
    after, problems = not_come_true(
        intent, operation, stage.values_of(planned), target, before=planned.before, cancel=cancel
    )
    if not problems:
        after = {**after, **read_left(intent, operation, stage.values_of(planned), target, cancel)}
    message = f"The command ended well, but {'; '.join(problems)}. Look at the host's logs." if problems else ""
    return _with_output(
        target.host,
        "failed" if problems else "changed",
        completed,
        message=message,
        before=planned.before,
        after=after,
    )


def _edit_verified(
    stage: Stage, planned: PlannedStep, outcome: Outcome, target: Target, catalogue: Mapping[str, Intent]
) -> Outcome:
    """Ask the program that reads the file whether it sees what was written (another file may win)."""
    intent = catalogue[stage.intent]
    operation = intent.operation_for(target.facts)
    if operation.state is None or not operation.expect:
        return outcome
    _, problems = not_come_true(intent, operation, stage.values_of(planned), target, before={}, cancel=None)
    if not problems:
        return outcome
    message = f"The file was written, but {'; '.join(problems)}. Undo it, and look at what else is read."
    return replace(outcome, status="failed", message=message)


def _playbook(step: PlaybookStep, target: Target, cancel: Cancel, on_task: Callable[[str], None] | None) -> Outcome:
    from executors.ansible import apply_playbook

    playbook = find_playbook(step.playbook)  # the step was derived from it again just before
    return apply_playbook(playbook, step, target, cancel=cancel, on_task=on_task)


def _with_output(
    host: str,
    status: OutcomeStatus,
    completed: Completed,
    *,
    message: str = "",
    before: Mapping[str, Json] | None = None,
    after: Mapping[str, Json] | None = None,
) -> Outcome:
    return Outcome(
        host,
        status,
        message=message,
        exit_code=completed.exit_code,
        stdout=_text(completed.stdout),
        stderr=_text(completed.stderr),
        is_truncated=completed.is_truncated,
        duration_s=completed.duration_s,
        before=before or {},
        after=after or {},
    )


def _text(output: bytes) -> str:
    return output[:SHOWN_OUTPUT_BYTES].decode("utf-8", "replace")
