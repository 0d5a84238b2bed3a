"""What became of a change that was cut off: told by reading the state, never by guessing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from executors.backups import SYSTEM_BACKUPS, USER_BACKUPS
from executors.command_planning import not_come_true
from executors.edit_leftovers import remove_leftovers
from executors.edit_planning import file_row
from executors.file_replace import read_file
from executors.file_state import FileHost, file_status
from executors.homes import home_of
from executors.locks import hold_locks, resources_of
from executors.plan import Effect
from executors.state import Target
from executors.step_planning import plan_steps
from executors.transport import Cancel
from executors.undo import DoneStep
from intents.errors import SaysoError
from intents.intent import Intent
from intents.values import Json

CLEARING_LIMIT_S = 300.0


class Finding(Enum):
    """What the state says about a change whose end nobody saw."""

    DONE = "done"
    NOT_DONE = "not done"
    ELSEWHERE = "neither as before nor as wanted"
    CANNOT_KNOW = "cannot be told"


@dataclass(frozen=True, slots=True)
class Examination:
    """A finding, why, and the state that it was read from (one row)."""

    finding: Finding
    reason: str
    now: Mapping[str, Json] = field(default_factory=dict)
    backup: str | None = None
    """Where the content from before lies on the host, of an edit that was done."""


def examine(
    step: DoneStep, intent: Intent | None, target: Target, *, edit_after: str | None, cancel: Cancel | None = None
) -> Examination:
    """Return what became of a step: the state now against the one before and the one wanted.

    `edit_after` is the SHA-256 that an edit's file was to have (None: it was to be deleted).
    """
    try:
        if step.edit_path is not None:
            return _examine_edit(step, target, edit_after)
        if intent is None:
            return Examination(Finding.CANNOT_KNOW, f"`{step.intent}` is no longer in the catalogue")
        return _examine_command(step, intent, target, cancel)
    except SaysoError as error:
        return Examination(Finding.CANNOT_KNOW, error.message)


def _examine_edit(step: DoneStep, target: Target, edit_after: str | None) -> Examination:
    now = read_file(target.transport, step.edit_path or "", as_user=step.as_user, allow_large=True)
    current = now.sha256 if now.exists else None
    if current == edit_after:
        return Examination(Finding.DONE, "the file has the new content", file_row(now), _backup_of(step, target))
    if current == step.before.get("sha256"):
        return Examination(Finding.NOT_DONE, "the file has the content from before", file_row(now))
    return Examination(Finding.ELSEWHERE, "the file has another content", file_row(now))


def clear_leftovers(
    step: DoneStep, intent: Intent | None, target: Target, *, holder: Mapping[str, str], cancel: Cancel
) -> Sequence[str]:
    """Remove the temporary files that an edit left when it was cut off; return their paths.

    Waits for the file's lock. Raises `LockedError` where another edit of it runs, `StepError`, `UnreachableError`.
    """
    if step.edit_path is None:
        return ()
    resources = [f"file:{step.edit_path}"]
    if intent is not None:
        resources += resources_of(intent, step.arguments, target.facts)
    with hold_locks(target, resources, as_user=step.as_user, lease_s=CLEARING_LIMIT_S, holder=holder, cancel=cancel):
        host = FileHost(target.transport, step.as_user, cancel)
        return remove_leftovers(host, step.edit_path, _store_of(step, target), made_directory=step.made_directory)


def _backup_of(step: DoneStep, target: Target) -> str | None:
    """Return where an edit keeps the content from before: in the store of the account that made it, under its hash."""
    sha256 = step.before.get("sha256")
    if not isinstance(sha256, str):
        return None
    host = FileHost(target.transport, step.as_user, None)
    kept = file_status(host, f"{_store_of(step, target)}/{sha256}")
    return kept.path if kept.kind == "file" else None


def _store_of(step: DoneStep, target: Target) -> str:
    account = step.as_user or target.login.user
    if account == "root":
        return SYSTEM_BACKUPS
    if account == target.login.user:
        return f"{target.login.home}/{USER_BACKUPS}"
    return f"{home_of(target.transport, account)}/{USER_BACKUPS}"


def _examine_command(step: DoneStep, intent: Intent, target: Target, cancel: Cancel | None) -> Examination:
    operation = intent.operation_for(target.facts)
    if operation.playbook is not None:
        return _examine_playbook(step, intent, target, cancel)
    if operation.change is None:
        return Examination(Finding.CANNOT_KNOW, "it has no state that could be read")
    after, problems = not_come_true(intent, operation, step.arguments, target, before=step.before, cancel=cancel)
    if not problems:
        return Examination(Finding.DONE, "the state is the one that was wanted", after)
    (planned, *_) = plan_steps(intent, step.arguments, target, cancel=cancel, with_touched=False)
    if dict(planned.before) == dict(step.before):
        return Examination(Finding.NOT_DONE, "the state is the one from before", after)
    return Examination(Finding.ELSEWHERE, "; ".join(problems), after)


def _examine_playbook(step: DoneStep, intent: Intent, target: Target, cancel: Cancel | None) -> Examination:
    """A playbook has no state but what its dry run would still do."""
    (planned,) = plan_steps(intent, step.arguments, target, cancel=cancel, with_touched=False)
    if planned.effect is Effect.ALREADY_SO:
        return Examination(Finding.DONE, planned.reason)
    if planned.before == step.before:
        return Examination(Finding.NOT_DONE, f"a dry run would do the same as before it: {planned.reason}")
    if planned.effect is Effect.CANNOT_KNOW:
        return Examination(Finding.CANNOT_KNOW, planned.reason)
    return Examination(Finding.ELSEWHERE, f"this is still to be done: {planned.reason}")
