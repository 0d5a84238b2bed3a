"""Plans the edit of one file on one host, and carries it out: the two halves of an `EditStep`."""

from collections.abc import Mapping

from executors.diffs import file_diff
from executors.edits import apply_edit, note_on_edit
from executors.file_replace import FileState, read_file, replace_file
from executors.file_state import FileHost, file_status
from executors.plan import EditStep, Effect, Outcome, PlannedStep
from executors.state import Target
from executors.transport import Cancel
from executors.validators import validator_for
from intents.errors import StepError
from intents.intent import Edit, Intent
from intents.template import render_word
from intents.values import Json, Row


def plan_edit(
    intent: Intent, edit: Edit, values: Mapping[str, Json], target: Target, cancel: Cancel | None
) -> PlannedStep:
    """Return the planned step of an edit, from the file as it is. Reads, and never changes.

    Raises `StepError` for a file that can't be edited (absent without `create`, a link without `follow`,
    larger than 16 MiB), `ValueRejected` for an argument that the edit can't use.
    """
    named = "".join(render_word(edit.path, intent.parameters, values)) + edit.path_end
    as_user = editing_account(named, target, cancel)
    state = read_file(target.transport, named, as_user=as_user, follow=edit.follow, cancel=cancel)
    link = named if state.target is not None else None
    if link is not None and editing_account(state.path, target, cancel) != as_user:
        # Each side of a link may be another account's: what is edited is the real file.
        as_user = editing_account(state.path, target, cancel)
        state = read_file(target.transport, state.path, as_user=as_user, cancel=cancel)
    if not state.exists and not edit.create:
        raise StepError(
            f"There is no file {named} on {target.host}.",
            remedy="Check the path; this operation edits a file that is there.",
            host=target.host,
        )
    arguments = {
        name: "".join(rendered)
        for name, word in edit.arguments.items()
        if (rendered := render_word(word, intent.parameters, values))
    }
    after = apply_edit(edit.operation, state.content, arguments)
    checker = validator_for(edit.validator, state.path)
    step = EditStep(
        state.path,
        state.sha256 if state.exists else None,
        after,
        checker.name if checker else None,
        as_user=as_user,
        interrupt=intent.interrupt,
        mode=None if state.exists else edit.mode,
        makes_directory=not state.exists and lacks_directory(state.path, target, as_user, cancel),
        link=link,
    )
    is_gone = after is None and not state.exists
    if is_gone or (after == state.content and (state.exists or not after)):
        reason = "the file already reads so" if state.exists else "there is no file, and nothing to take out of it"
        return PlannedStep(step, Effect.ALREADY_SO, reason=reason, before=file_row(state))
    before = {**file_row(state), **({"makes_directory": True} if step.makes_directory else {})}
    diff = file_diff(state.content if state.exists else None, after, state.path)
    said = [f"{link} is a link to {state.path}"] if link is not None else []
    note = note_on_edit(edit.operation, after or b"", arguments)
    reason = "; ".join([*said, *([note] if note else [])])
    return PlannedStep(
        step, Effect.WILL_CHANGE, diff=diff.text, reason=reason, before=before, is_summary=diff.is_summary
    )


def carry_out_edit(planned: PlannedStep, step: EditStep, target: Target, cancel: Cancel | None) -> Outcome:
    """Replace the file as planned; the outcome's message says what checked the new content.

    Raises what `replace_file` raises: `PlanError` on drift, `StepError` with the file untouched.
    """
    replaced = replace_file(
        target.transport,
        step.path,
        before_sha256=step.before_sha256,
        after=step.after,
        validator=step.validator,
        as_user=step.as_user,
        cancel=cancel,
        mode=step.mode,
        makes_directory=step.makes_directory,
    )
    after = file_row(read_file(target.transport, step.path, as_user=step.as_user))
    return Outcome(
        target.host,
        "changed",
        message=replaced.validation if step.validator is not None else "",
        before=planned.before,
        after=after,
        backup=replaced.backup,
    )


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


def lacks_directory(path: str, target: Target, as_user: str | None, cancel: Cancel | None) -> bool:
    """Whether the directory of a file isn't there."""
    host = FileHost(target.transport, as_user, cancel)
    return file_status(host, path.rsplit("/", 1)[0] or "/").kind == "absent"


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
