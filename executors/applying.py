"""Carries out an approved plan, step by step, with a record before and after each.

Nothing in a plan is trusted to be run as it stands: vectors are derived again from intent and
arguments, the state that the diff was made from is read again, and policy is asked, immediately
before each step.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from executors.command_planning import not_come_true
from executors.diffs import state_diff
from executors.file_replace import EditCutOffError, read_file, replace_file
from executors.file_state import last_line
from executors.plan import (
    EditStep,
    Effect,
    Envelope,
    Outcome,
    OutcomeStatus,
    Plan,
    PlannedStep,
    PlaybookStep,
    RunStep,
    Stage,
)
from executors.planning import plan_referenced, referenced_values
from executors.policy import Door, Policy, Question, require_permission
from executors.recorder import Recorder
from executors.state import Target, UnreachableStepError, execute, failure_of
from executors.step_planning import file_row, plan_steps
from executors.transport import Cancel, Completed
from intents.errors import PlanError, SaysoError, UnreachableError
from intents.intent import Intent, Operation
from intents.operations import Count, Filter, RowOperation, apply_operations
from intents.parsers import parse_output
from intents.values import Json, Row
from playbooks.library import find_playbook

HOSTS_AT_ONCE = 10
"""Hosts worked on at the same time; on two cores more threads gain nothing (measured with paramiko)."""

SHOWN_OUTPUT_BYTES = 64 * 1024
"""How much of a command's own output an outcome carries."""


@dataclass(frozen=True, slots=True)
class Run:
    """What applying needs besides the plan: who asks, through which door, and whether it was approved."""

    catalogue: Mapping[str, Intent]
    targets: Mapping[str, Target]
    policy: Policy
    recorder: Recorder
    user: str
    door: Door
    is_approved: bool
    cancel: Cancel = field(default_factory=Cancel)
    on_outcome: Callable[[Outcome], None] | None = None


def apply_plan(plan: Plan, run: Run) -> dict[str, tuple[Outcome, ...]]:
    """Return host -> outcomes, in the plan's order. One host's failure stops no other host.

    A stage begins only if the one before ended ok or changed on every host. Raises `PolicyError`
    before anything runs, and whatever the recorder raises: without a record nothing runs.
    """
    for stage in plan.stages:
        require_permission(run.policy, _question(stage, run), is_approved=run.is_approved)
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
        steps = plan_referenced(intent, stage.match, envelope.parameter, found, target, cancel=run.cancel)
        risk = max((intent.risk_for({**stage.match.values(), **one.arguments}) for one in steps), default=stage.risk)
        if risk > stage.risk:
            raise PlanError(f"It would be {risk.word}, and {stage.risk.word} was approved.", remedy="Ask again for it.")
    except SaysoError as error:
        return (Outcome(host, _status_of(error), message=str(error)),)
    return _apply_on_host(replace(stage, hosts={host: steps}), host, run=run)


def _question(stage: Stage, run: Run) -> Question:
    return Question(run.user, stage.intent, stage.risk, stage.effects, tuple(stage.hosts), run.door)


def _apply_on_host(stage: Stage, host: str, *, run: Run) -> tuple[Outcome, ...]:
    outcomes: list[Outcome] = []
    for planned in stage.hosts[host]:
        outcome = replace(_apply_step(stage, planned, run.targets[host], run), planned=planned)
        outcomes.append(outcome)
        if run.on_outcome is not None:
            run.on_outcome(outcome)
        if outcome.status not in {"ok", "changed"}:
            break
    return tuple(outcomes)


def _apply_step(stage: Stage, planned: PlannedStep, target: Target, run: Run) -> Outcome:
    """Run one step between its two history events; every expected fault becomes its outcome."""
    if planned.effect is Effect.ALREADY_SO:
        return Outcome(target.host, "ok", message=f"already so: {planned.reason}")
    if run.cancel.is_set:
        return Outcome(target.host, "refused", message="Not begun: it was interrupted before.")
    try:
        require_permission(run.policy, _question(stage, run), is_approved=run.is_approved)
        _check_unmoved(stage, planned, target, run)
    except SaysoError as error:
        return Outcome(target.host, _status_of(error), message=str(error))
    begun = run.recorder.begin_step(_described(stage, planned, target.host))
    try:
        outcome = _carry_out(stage, planned, target, run)
    except SaysoError as error:
        outcome = Outcome(target.host, _status_of(error), message=str(error))
    run.recorder.end_step(begun, _ended(outcome))
    return outcome


def _status_of(error: SaysoError) -> OutcomeStatus:
    words: dict[str, OutcomeStatus] = {"plan": "refused", "policy": "refused", "unknown": "unknown"}
    if isinstance(error, EditCutOffError) and error.may_have_changed:
        return "unknown"
    if isinstance(error, UnreachableError):
        return "unreachable"
    return words.get(error.code, "failed")


def _check_unmoved(stage: Stage, planned: PlannedStep, target: Target, run: Run) -> None:
    """Derive the step again and read the state again; raise `PlanError` when either differs from the plan."""
    if stage.undo_of is not None and isinstance(planned.step, EditStep):
        return  # the edit itself compares the file's hash before it replaces it
    intent = run.catalogue[stage.intent]
    (again,) = plan_steps(intent, stage.values_of(planned), target, cancel=run.cancel, with_touched=False)
    if again.step == planned.step and _is_unmoved(intent, planned, again, target):
        return
    moved = state_diff(dict(planned.before), dict(again.before), "since the plan was made")
    if isinstance(again.step, PlaybookStep):
        moved = f"What it would do now:\n{again.diff or again.reason}"
    raise PlanError(
        f"The state on {target.host} has changed since the plan was made.\n{moved}".rstrip(),
        remedy="Ask again for a new plan.",
    )


def _is_unmoved(intent: Intent, planned: PlannedStep, again: PlannedStep, target: Target) -> bool:
    """Whether the state is the one that was planned from; of one that was foreseen, what was promised must have come."""
    if not planned.is_predicted:
        return again.before == planned.before
    promised = [one.column for one in intent.operation_for(target.facts).expect if one.test != "changed"]
    return all(again.before.get(column) == planned.before.get(column) for column in promised)


def _carry_out(stage: Stage, planned: PlannedStep, target: Target, run: Run) -> Outcome:
    if isinstance(planned.step, EditStep):
        return _edit(planned, planned.step, target, run)
    if isinstance(planned.step, PlaybookStep):
        return _playbook(planned.step, target, run)
    intent = run.catalogue[stage.intent]
    operation = intent.operation_for(target.facts)
    completed = execute(target, planned.step, cancel=run.cancel)
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
        return _with_output(target.host, status, completed, message=str(failure))
    if operation.read is not None:
        return _rows(stage, operation, completed, target.host)
    return _verified(stage, intent, operation, planned, completed, target, run)


def _rows(stage: Stage, operation: Operation, completed: Completed, host: str) -> Outcome:
    read = operation.read
    if read is None:
        raise PlanError("This operation reads nothing.", remedy="Report this pack.")
    rows = parse_output(read.parser, completed.stdout, read.columns)
    table = apply_operations(rows, read.columns, _asked_of(rows, stage), order=read.order, limit=read.limit)
    return Outcome(
        host,
        "ok",
        message=last_line(completed.stderr) if completed.exit_code else "",
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
    run: Run,
) -> Outcome:
    """Read the state again: "exited 0" alone is no success."""
    after, problems = not_come_true(
        intent, operation, stage.values_of(planned), target, before=planned.before, cancel=run.cancel
    )
    message = f"The command ended well, but {'; '.join(problems)}. Look at the host's logs." if problems else ""
    return _with_output(
        target.host,
        "failed" if problems else "changed",
        completed,
        message=message,
        before=planned.before,
        after=after,
    )


def _edit(planned: PlannedStep, step: EditStep, target: Target, run: Run) -> Outcome:
    replaced = replace_file(
        target.transport,
        step.path,
        before_sha256=step.before_sha256,
        after=step.after,
        validator=step.validator,
        as_user=step.as_user,
        cancel=run.cancel,
    )
    after = file_row(read_file(target.transport, step.path, as_user=step.as_user))
    return Outcome(target.host, "changed", before=planned.before, after=after, backup=replaced.backup)


def _playbook(step: PlaybookStep, target: Target, run: Run) -> Outcome:
    from executors.ansible import apply_playbook

    playbook = find_playbook(step.playbook)  # the step was derived from it again just before
    return apply_playbook(playbook, step, target, cancel=run.cancel)


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


def _described(stage: Stage, planned: PlannedStep, host: str) -> dict[str, Json]:
    """Return what the history keeps of a step before it runs."""
    step = planned.step
    described: dict[str, Json] = {
        "host": host,
        "intent": stage.intent,
        "risk": stage.risk.word,
        "arguments": stage.values_of(planned),
        "effect": planned.effect.value,
        "before": dict(planned.before),
        "as_user": step.as_user,
        "undo_of": stage.undo_of,
        "cannot_undo": planned.cannot_undo,
    }
    if isinstance(step, RunStep):
        described["run"] = list(step.argv)
    elif isinstance(step, PlaybookStep):
        described["playbook"] = {"name": step.playbook, "variables": dict(step.variables), "sha256": step.sha256}
        described["diff"] = planned.diff
    else:
        described["edit"] = {"path": step.path, "before_sha256": step.before_sha256, "after_sha256": step.after_sha256}
        described["diff"] = planned.diff
    return described


def _ended(outcome: Outcome) -> dict[str, Json]:
    rows: Sequence[Json] = [dict(row) for row in outcome.rows[:100]]
    return {
        "host": outcome.host,
        "status": outcome.status,
        "message": outcome.message,
        "exit_code": outcome.exit_code,
        "rows": rows,
        "row_count": len(outcome.rows),
        "stdout": outcome.stdout,
        "stderr": outcome.stderr,
        "duration_s": round(outcome.duration_s, 3),
        "after": dict(outcome.after),
        "backup": outcome.backup,
    }
