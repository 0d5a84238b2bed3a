"""Carries out one step: permission, lock, the state again, the record, the guard, the step, the record.

Nothing in a plan is trusted to be run as it stands: vectors are derived again from intent and
arguments, the state that the diff was made from is read again, and policy is asked, immediately
before the step and with the lock held.
"""

from collections.abc import Sequence
from dataclasses import replace

from executors.carrying_out import carry_out
from executors.diffs import state_diff
from executors.forecast import agrees
from executors.guard import guarded, new_guard_id
from executors.guard_cuts import cut_of
from executors.guard_rollback import rollback_for_step
from executors.left_behind import refuse_worked_on
from executors.locks import hold_locks, resources_of
from executors.outcome_status import status_of_error
from executors.plan import EditStep, Effect, Outcome, PlannedStep, PlaybookStep, RunStep, Stage
from executors.run import Run
from executors.scheduling import not_begun
from executors.state import Target
from executors.step_planning import plan_steps
from executors.undo import inverse_vectors
from intents.errors import PlanError, SaysoError
from intents.intent import Intent
from intents.values import Json

LEASE_MARGIN_S = 60.0
"""How much longer than the step itself a lock may outlive us."""
EDIT_LIMIT_S = 600.0
"""The longest that the commands of one edit may take together, of a file that is not large."""
EDITED_BYTES_S = 512 * 1024
"""How much of a large file an edit handles in a second at worst, with all the times that it is read or written."""
PROOF_MARGIN_S = 10.0
"""How long before the guard fires the proof must be there."""


def apply_step(stage: Stage, planned: PlannedStep, target: Target, run: Run) -> Outcome:
    """Run one step between its two history events; every expected fault becomes its outcome."""
    if planned.effect is Effect.ALREADY_SO:
        return Outcome(target.host, "ok", message=f"already so: {planned.reason}")
    if run.cancel.is_set:
        return not_begun(target.host, "interrupt", "it was interrupted before")
    try:
        run.require_permission(stage)
        if planned.effect is Effect.READ:
            return _between_records(stage, planned, target, run)
        intent = run.catalogue[stage.intent]
        with hold_locks(
            target,
            resources_of(intent, stage.values_of(planned), target.facts),
            # Root's place for every other account: there all who may act as it meet, and root can end the holder
            # that sudo started, which the account itself can't (sudo in its process group is root's).
            as_user=None if planned.step.as_user is None else "root",
            lease_s=_longest_s(planned, run) + LEASE_MARGIN_S,
            holder=run.holder,
            cancel=run.cancel,
        ) as held:
            outcome = _between_records(stage, planned, target, run)
    except SaysoError as error:
        return Outcome(target.host, status_of_error(error), message=str(error))
    return outcome if outcome.message or not held.warning else replace(outcome, message=held.warning)


def _longest_s(planned: PlannedStep, run: Run) -> float:
    """Return the most seconds that the step may take, with the guard around it."""
    if isinstance(planned.step, EditStep):
        size_bytes = planned.before.get("size")
        own_s = EDIT_LIMIT_S + (size_bytes if isinstance(size_bytes, int) else 0) / EDITED_BYTES_S
    else:
        own_s = planned.step.timeout_s
    return own_s + (run.guard.limit_s if planned.guard and run.guard is not None else 0)


def _between_records(stage: Stage, planned: PlannedStep, target: Target, run: Run) -> Outcome:
    """Check that nothing moved, then run the step with an event before it and one after it."""
    planned = _unmoved(stage, planned, target, run)
    begun = run.recorder.begin_step(described_step(stage, planned, target.host))
    try:
        outcome = _guarded(stage, planned, target, run)
    except SaysoError as error:
        outcome = Outcome(target.host, status_of_error(error), message=str(error))
    run.recorder.end_step(begun, described_outcome(outcome))
    return outcome


def _unmoved(stage: Stage, planned: PlannedStep, target: Target, run: Run) -> PlannedStep:
    """Derive the step again and read the state again; raise `PlanError` when either differs from the plan.

    Returns the step with the state before it as it is, where the plan could only foresee it.
    """
    if stage.undo_of is not None and isinstance(planned.step, EditStep):
        return planned  # the edit itself compares the file's hash before it replaces it
    intent = run.catalogue[stage.intent]
    (again,) = plan_steps(
        intent, stage.values_of(planned), target, cancel=run.cancel, with_touched=False, protected=run.protected
    )
    if set(again.effects) - set(stage.effects):
        raise PlanError(
            f"On {target.host} it would now touch {', '.join(again.effects)}, which was not approved.",
            remedy="Look at where its paths lead, and ask again.",
        )
    if dict(again.leads_to) != dict(planned.leads_to):
        moved = state_diff(dict(planned.leads_to), dict(again.leads_to), "where its paths lead")
        raise PlanError(
            f"On {target.host} a path leads elsewhere than when the plan was made.\n{moved}".rstrip(),
            remedy="Look at the link, and ask again for a new plan.",
        )
    if again.step == planned.step and _is_unmoved(stage, intent, planned, again, target):
        taken = planned.takes_back
        if taken is not None:
            subject = f"Record {stage.undo_of}"
            refuse_worked_on(taken, run.catalogue[taken.intent], target, run.cancel, subject=subject)
        return replace(planned, before=again.before) if planned.is_predicted else planned
    moved = state_diff(dict(planned.before), dict(again.before), "since the plan was made")
    if isinstance(again.step, PlaybookStep):
        moved = f"What it would do now:\n{again.diff or again.reason}"
    raise PlanError(
        f"The state on {target.host} has changed since the plan was made.\n{moved}".rstrip(),
        remedy="Ask again for a new plan.",
    )


def _is_unmoved(stage: Stage, intent: Intent, planned: PlannedStep, again: PlannedStep, target: Target) -> bool:
    """Whether the state is the one that was planned from; of one that was foreseen, what was promised must have come.

    A follow-up is there to act on what the step before it left: its state may be any.
    """
    if stage.match.declared_by is not None:
        return True
    if not planned.is_predicted:
        return again.before == planned.before
    promised = [one.column for one in intent.operation_for(target.facts).expect if one.test != "changed"]
    return all(agrees(planned.before.get(column), again.before.get(column)) for column in promised)


def _guarded(stage: Stage, planned: PlannedStep, target: Target, run: Run) -> Outcome:
    """Run the step; one that can cut off access only with a rollback armed, which a new login takes away."""

    def step() -> Outcome:
        return carry_out(
            stage,
            planned,
            target,
            catalogue=run.catalogue,
            cancel=run.cancel,
            secrets=run.secrets,
            on_task=lambda line: run.watcher.task(target.host, line),
        )

    intent = run.catalogue[stage.intent]
    values = stage.values_of(planned)
    cut = cut_of(intent, values, planned, target)
    if cut is None or run.guard is None:
        return step()
    prove = run.guard.proof_for(target, max(1.0, run.guard.limit_s - PROOF_MARGIN_S))
    if prove is None:
        raise PlanError(
            f"{cut.reason} Nobody could prove afterwards that access is still there.",
            remedy="Do it at a terminal, or over SSH from another machine.",
        )
    inverse = inverse_vectors(intent, values, planned.before, run.catalogue, target)
    rollback = rollback_for_step(planned, cut, target, guard_id=new_guard_id(), inverse=inverse)
    note = {**run.holder, "intent": intent.name, "why": cut.reason}
    return guarded(target, rollback, step, prove=prove, limit_s=run.guard.limit_s, note=note, cancel=run.cancel)


# -- what the history keeps


def described_step(stage: Stage, planned: PlannedStep, host: str) -> dict[str, Json]:
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
    if planned.takes_back is not None:
        described["takes_back"] = {
            "intent": planned.takes_back.intent,
            "arguments": dict(planned.takes_back.arguments),
        }
    if isinstance(step, RunStep):
        described["run"] = list(step.argv)
    elif isinstance(step, PlaybookStep):
        described["playbook"] = {"name": step.playbook, "variables": dict(step.variables), "sha256": step.sha256}
        described["diff"] = planned.diff
    else:
        described["edit"] = {
            "path": step.path,
            "before_sha256": step.before_sha256,
            "after_sha256": step.after_sha256,
            "made_directory": step.makes_directory and not step.is_deletion,
        }
        described["diff"] = planned.diff
    return described


def described_outcome(outcome: Outcome) -> dict[str, Json]:
    """Return what the history keeps of how a step ended."""
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
