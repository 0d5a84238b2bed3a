"""Plans the edit of one file on one host, and carries it out: the two halves of an `EditStep`."""

import posixpath
import stat
from collections.abc import Mapping
from dataclasses import replace

from executors.diffs import FileDiff, file_diff
from executors.edit_large import ContentChange, content_of, plan_large_change
from executors.edits import apply_edit, note_on_edit
from executors.file_replace import FileState, read_file, replace_file
from executors.file_state import FileHost, file_status
from executors.homes import home_of
from executors.plan import EditStep, Effect, Outcome, PlannedStep
from executors.state import Target
from executors.transport import Cancel
from executors.validators import validator_for
from intents.errors import StepError
from intents.intent import Edit, Intent
from intents.template import render_word
from intents.types.visible import visible
from intents.values import Json, Row


def plan_edit(
    intent: Intent, edit: Edit, values: Mapping[str, Json], target: Target, cancel: Cancel | None
) -> PlannedStep:
    """Return the planned step of an edit, from the file as it is. Reads, and never changes.

    Raises `StepError` for a file that can't be edited (absent without `create`, a link without `follow`,
    a directory), `ValueRejected` for an argument that the edit can't use, and for an edit of a file larger than
    16 MiB that would have to hold it.
    """
    named = "".join(render_word(edit.path, intent.parameters, values)) + edit.path_end
    if named.startswith("~"):
        named, as_user = _in_home(named, target)
    else:
        as_user = editing_account(named, target, cancel)
    state = read_file(
        target.transport, named, as_user=as_user, follow=edit.follow, cancel=cancel, allow_large=True, hash_large=False
    )
    link = named if state.target is not None else None
    if link is not None and editing_account(state.path, target, cancel) != as_user:
        # Each side of a link may be another account's: what is edited is the real file.
        as_user = editing_account(state.path, target, cancel)
        state = read_file(
            target.transport, state.path, as_user=as_user, cancel=cancel, allow_large=True, hash_large=False
        )
    if not state.exists and not edit.create:
        raise StepError(
            f"There is no file {visible(named)} on {target.host}.",
            remedy="Check the path; this operation edits a file that is there.",
            host=target.host,
        )
    arguments = {
        name: "".join(rendered)
        for name, word in edit.arguments.items()
        if (rendered := render_word(word, intent.parameters, values))
    }
    change = _change(edit, state, arguments, FileHost(target.transport, as_user, cancel))
    state = replace(state, sha256=change.before_sha256)
    checker = validator_for(edit.validator, state.path)
    step = EditStep(
        state.path,
        state.sha256 if state.exists else None,
        change.after,
        checker.name if checker else None,
        as_user=as_user,
        interrupt=intent.interrupt,
        streamed=change.streamed,
        later_sha256=change.later_sha256,
        mode=None if state.exists else edit.mode,
        makes_directory=not state.exists and lacks_directory(state.path, target, as_user, cancel),
        link=link,
    )
    is_gone = change.after is None and not change.streamed and not state.exists
    if is_gone or step.after_sha256 == state.sha256 or (not state.exists and not change.after):
        reason = "the file already reads so" if state.exists else "there is no file, and nothing to take out of it"
        return PlannedStep(step, Effect.ALREADY_SO, reason=reason, before=file_row(state))
    said = [f"{link} is a link to {state.path}"] if link is not None else []
    said += [f"its directory {posixpath.dirname(state.path)} is made with it"] if step.makes_directory else []
    note = note_on_edit(edit.operation, change.after or b"", arguments)
    reason = "; ".join([*said, *([note] if note else [])])
    diff = change.diff
    return PlannedStep(
        step, Effect.WILL_CHANGE, diff=diff.text, reason=reason, before=file_row(state), is_summary=diff.is_summary
    )


def _change(edit: Edit, state: FileState, arguments: Mapping[str, str], host: FileHost) -> ContentChange:
    if state.is_large:
        return plan_large_change(host, state, edit.operation, arguments)
    after = apply_edit(edit.operation, state.content, arguments)
    is_same = after == state.content and (state.exists or not after)
    diff = FileDiff("") if is_same else file_diff(state.content if state.exists else None, after, state.path)
    return ContentChange(state.sha256, after, (), None, diff)


def carry_out_edit(planned: PlannedStep, step: EditStep, target: Target, cancel: Cancel | None) -> Outcome:
    """Replace the file as planned; the outcome's message says what checked the new content.

    Raises what `replace_file` raises: `PlanError` on drift, `StepError` with the file untouched.
    """
    host = FileHost(target.transport, step.as_user, cancel)
    size_bytes = planned.before.get("size")
    with content_of(step, host, size_bytes if isinstance(size_bytes, int) else 0) as content:
        replaced = replace_file(
            target.transport,
            step.path,
            before_sha256=step.before_sha256,
            after=content,
            validator=step.validator,
            as_user=step.as_user,
            backup_limit_bytes=target.backup_limit_bytes,
            cancel=cancel,
            mode=step.mode,
            makes_directory=step.makes_directory,
            like=step.restores if step.before_sha256 is None else None,
        )
    after = read_file(target.transport, step.path, as_user=step.as_user, allow_large=True, hash_large=False)
    if after.is_large:
        after = replace(after, sha256=replaced.after_sha256)  # what the renamed file was found to have
    said = [replaced.validation] if step.validator is not None else []
    if replaced.dropped_backups:
        said.append(
            f"{replaced.dropped_backups} of the oldest backups went to make room: what they are of can't be undone"
        )
    return Outcome(
        target.host,
        "changed",
        message="; ".join(said),
        before=planned.before,
        after=file_row(after),
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


def _other_owner(path: str, folder: str, target: Target, cancel: Cancel | None) -> str | None:
    """Return who owns folder and file, or the file in a sticky folder (/tmp), if that is one account and not root."""
    words = ["stat", "-L", "-c", "%U %a", "--"]
    told = target.transport.run([*words, folder, path], cancel=cancel).stdout
    if not told:  # the folder is made as well
        told = target.transport.run([*words, posixpath.dirname(folder)], cancel=cancel).stdout
    rows = [line.rsplit(" ", 1) for line in told.decode("utf-8", "replace").splitlines()]
    has_file = len(rows) > 1
    if has_file and int(rows[0][1], 8) & stat.S_ISVTX:
        rows = rows[1:]
    owners = {owner for owner, _ in rows}
    return owners.pop() if len(owners) == 1 and not owners & {"root", "UNKNOWN"} else None


def lacks_directory(path: str, target: Target, as_user: str | None, cancel: Cancel | None) -> bool:
    """Return whether the directory of a file isn't there."""
    return file_status(FileHost(target.transport, as_user, cancel), posixpath.dirname(path)).kind == "absent"


def _in_home(named: str, target: Target) -> tuple[str, str | None]:
    """Return the path that `~account/...` stands for, and the account that edits it: the home's own, or None for the login itself.

    As that account, what is made is its own, and no link in its home leads root elsewhere. Raises `StepError`.
    """
    account, _, rest = named.removeprefix("~").partition("/")
    home = home_of(target.transport, account).rstrip("/")
    return f"{home}/{rest}", None if account == target.login.user else account


def editing_account(path: str, target: Target, cancel: Cancel | None) -> str | None:
    """Return the account that may replace the file: None for the login itself, else `root` or the folder's owner.

    An atomic replace needs to write in the file's folder, and to keep its owner the file must be
    the account's own. Root acts as the owner below a folder that somebody else may write: what that
    account can do there, it may be made to do, and no more.
    """
    folder = posixpath.dirname(path)
    run = target.transport.run
    if target.login.uid == 0:
        return _other_owner(path, folder, target, cancel)
    writable = run(["test", "-w", folder], cancel=cancel).exit_code == 0
    if not writable and run(["test", "-e", folder], cancel=cancel).exit_code != 0:
        writable = (
            run(["test", "-w", posixpath.dirname(folder)], cancel=cancel).exit_code == 0
        )  # the folder is made as well
    own = run(["test", "-O", path], cancel=cancel).exit_code == 0
    absent = run(["test", "-e", path], cancel=cancel).exit_code != 0
    return None if writable and (own or absent) else "root"
