"""The edit of one file over any transport, as one sequence of argument vectors.

Backup, candidate beside the file, validator, checksum, rename: readers see the old file or the
new one, whole, and whatever fails before the rename leaves the old one untouched. The new content
itself comes from `executors.edits`.
"""

import contextlib
import hashlib
import re
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

from executors.backups import LIMIT_BYTES, SYSTEM_BACKUPS, USER_BACKUPS, make_room
from executors.edit_leftovers import CANDIDATE, PART, temporary_name
from executors.file_state import (
    CONTENT_LIMIT_BYTES,
    EditCutOffError,
    FileHost,
    FileState,
    FileStatus,
    check_path,
    file_status,
    last_line,
    read_file,
    real_path,
    refuse_unusual,
    sha256_of,
    shown_path,
)
from executors.safe_directories import (
    acts_as_root,
    refuse_others_file_in_sticky_directory,
    refuse_shared_directories,
)
from executors.staged_checks import StagedCheck, fault_of, remove_staged
from executors.transport import Cancel, Completed, Transport
from executors.validators import Validator, validator_for
from intents.errors import PlanError, SaysoError, StepError

__all__ = ["Content", "EditCutOffError", "FileState", "Kept", "Replaced", "Spooled", "read_file", "replace_file"]

NEW_FILE_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Spooled:
    """A content too large to hold, in an open file on the machine that sayso runs on."""

    file: BinaryIO
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A content that lies on the file's own host already, and doesn't leave it: a backup."""

    path: str
    sha256: str


Content: TypeAlias = bytes | Spooled | Kept
"""What a file is to hold."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """What an edit did. `backup` is the path of the old content, None when there was none."""

    backup: str | None
    after_sha256: str | None
    validation: str
    """What checked the content, or why nothing did: for the person and the record."""
    dropped_backups: int = 0
    """How many older backups had to go for this one."""


def replace_file(
    transport: Transport,
    path: str,
    *,
    before_sha256: str | None,
    after: Content | None,
    validator: str | None = None,
    as_user: str | None = None,
    backup_directory: str | None = None,
    backup_limit_bytes: int = LIMIT_BYTES,
    cancel: Cancel | None = None,
    like: str | None = None,
    mode: int | None = None,
    makes_directory: bool = False,
) -> Replaced:
    """Replace the content of `path` by `after`, provided that it still is what `before_sha256` says.

    `before_sha256` None: the file must not exist and is created (with `mode`, 0644 unless given, or with the
    owner, mode and attributes of the file `like`, which undoes a deletion from its backup). `after` None: the
    file is deleted. Owner, group, mode, ACL, extended attributes and SELinux context stay. With
    `makes_directory` the directory of a new file is made where it is missing (0755), and that of a deleted file
    goes with it where nothing else is in it.

    Raises `PlanError` when the file is not as it was, `StepError` when something fails (the file is
    untouched then), `EditCutOffError` when the connection goes away, `CatalogueError` for an unknown `validator`.
    """
    host = FileHost(transport, as_user, cancel)
    check_path(host, path)
    parent = path.rsplit("/", 1)[0] or "/"
    has_made = makes_directory and after is not None and _make_directory(host, parent)
    try:
        replaced = _replace(
            host,
            path,
            before_sha256=before_sha256,
            after=after,
            validator=validator,
            backup_directory=backup_directory,
            backup_limit_bytes=backup_limit_bytes,
            like=like,
            mode=NEW_FILE_MODE if mode is None else mode,
        )
    except BaseException:
        if has_made:
            _remove_directory(host, parent)
        raise
    if makes_directory and after is None:
        _remove_directory(host, parent)
    return replaced


def _make_directory(host: FileHost, directory: str) -> bool:
    """Make the directory where it is missing; return whether it was. Its own parent must be there, and safe."""
    if file_status(host, directory).kind != "absent":
        return False
    if acts_as_root(host):
        refuse_shared_directories(host, directory)
    host.run(("mkdir", "-m", "0755", "--", directory), doing=f"Making the directory {shown_path(directory)}")
    return True


def _remove_directory(host: FileHost, directory: str) -> None:
    """Remove the directory if nothing is in it: rmdir(1) refuses all others."""
    with contextlib.suppress(SaysoError):
        host.run(("rmdir", "--", directory), doing="Removing the directory", ok=(0, 1), is_final=True)


def _replace(
    host: FileHost,
    path: str,
    *,
    before_sha256: str | None,
    after: Content | None,
    validator: str | None,
    backup_directory: str | None,
    backup_limit_bytes: int,
    like: str | None,
    mode: int,
) -> Replaced:
    directory = real_path(host, path.rsplit("/", 1)[0] or "/").rstrip("/")
    actual = f"{directory}/{path.rsplit('/', 1)[1]}"
    checker = validator_for(validator, actual) or validator_for(validator, path)
    is_root = acts_as_root(host)
    if is_root:
        # As named too: else whoever may write a directory on the way could lead root to any file by a link.
        refuse_shared_directories(host, path, links_may_lead_on=True)
        refuse_shared_directories(host, actual)
    status = file_status(host, actual)
    if is_root:
        refuse_others_file_in_sticky_directory(host, status)
    host = host.for_size(max(status.size_bytes, _size_of(host, after)))
    _refuse_drift(host, status, before_sha256, is_first=True)
    if before_sha256 is None and after is None:
        raise PlanError(f"{shown_path(path)} doesn't exist already.", remedy="There is nothing to delete.")
    backup, dropped = None, 0
    if before_sha256 is not None:
        store = _make_store(host, actual, before_sha256, backup_directory, is_root=is_root)
        dropped = len(make_room(host, store, actual, before_sha256, status.size_bytes, limit_bytes=backup_limit_bytes))
        backup = _back_up(host, actual, before_sha256, store)
    if after is None:
        host.run(("rm", "-f", "--", actual), doing=f"Deleting {shown_path(path)}", is_final=True)
        validation = "nothing to check: the file was deleted"
    else:
        source = _model(host, like) if like is not None and status.kind == "absent" else status
        validation = _swap(
            host,
            actual,
            source=source,
            after=after,
            checker=checker,
            before_sha256=before_sha256,
            backup=backup,
            mode=mode,
        )
    _sync(host, directory)
    return Replaced(backup, None if after is None else _sha256_of_content(after), validation, dropped)


def _size_of(host: FileHost, after: Content | None) -> int:
    if isinstance(after, Kept):
        return file_status(host, after.path).size_bytes
    if isinstance(after, Spooled):
        return after.size_bytes
    return len(after or b"")


def _sha256_of_content(after: Content) -> str:
    return hashlib.sha256(after).hexdigest() if isinstance(after, bytes) else after.sha256


def _swap(
    host: FileHost,
    actual: str,
    *,
    source: FileStatus,
    after: Content,
    checker: Validator | None,
    before_sha256: str | None,
    backup: str | None,
    mode: int,
) -> str:
    """Write, check and rename the candidate; return what checked it. Whatever fails, no candidate is left."""
    candidate = f"{actual.rsplit('/', 1)[0]}/{temporary_name(CANDIDATE, actual)}"
    try:
        _write_candidate(host, candidate, source=source, after=after, new_file_mode=mode)
        validation = _validate(host, checker, candidate=candidate, actual=actual, after=after)
        _put_in_place(host, candidate, actual, before_sha256=before_sha256, backup=backup)
    except BaseException as error:
        # A Ctrl-C as well. A host that doesn't answer any more keeps the candidate, which `sayso recover` removes.
        try:
            host.run(("rm", "-f", "--", candidate), doing="Removing the candidate", is_final=True)
        except StepError:
            if isinstance(error, StepError):
                error.remedy = f"{error.remedy} Then remove {shown_path(candidate)}, which can't be removed now."
        except SaysoError:
            pass
        raise
    return validation


def _refuse_drift(
    host: FileHost, status: FileStatus, before_sha256: str | None, backup: str | None = None, *, is_first: bool = False
) -> None:
    """Raise when the file is not as it was. `is_first`: of a large file the backup's checksum will tell the same."""
    shown = shown_path(status.path)
    again = "Ask again, and look at the new plan."
    if status.kind == "absent":
        if before_sha256 is not None:
            raise PlanError(f"{shown} has disappeared since the plan was made.", remedy=again)
        return
    refuse_unusual(host, status)
    if before_sha256 is None:
        raise PlanError(f"{shown} has come into being since the plan was made.", remedy=again)
    if status.links > 1:
        raise StepError(
            f"{shown} has {status.links} names (hard links), of which an atomic replace would change one.",
            remedy="Find the others with `find / -xdev -samefile`, and unlink those that aren't wanted.",
            host=host.transport.host,
        )
    if is_first and status.size_bytes > CONTENT_LIMIT_BYTES:
        return
    if backup is not None and status.size_bytes > CONTENT_LIMIT_BYTES:
        _refuse_other_than_backup(host, status.path, backup, before_sha256)
    else:
        _refuse_other_content(status.path, sha256_of(host, status.path), before_sha256)


def _refuse_other_than_backup(host: FileHost, path: str, backup: str, before_sha256: str) -> None:
    """Compare a large file with its verified backup, which takes a tenth of the time of a checksum."""
    with contextlib.suppress(StepError):  # there is no cmp(1), or it can't tell
        if host.run(("cmp", "-s", "--", path, backup), doing="Comparing the file with its backup").exit_code == 0:
            return
    _refuse_other_content(path, sha256_of(host, path), before_sha256)


def _make_store(host: FileHost, path: str, sha256: str, backup_directory: str | None, *, is_root: bool) -> str:
    """Return the store's real path, made where it is missing: private to the account that edits."""
    directory = backup_directory or _default_backup_directory(host, is_root=is_root)
    doing = f"Backing up {shown_path(path)}"
    # Not `install -d`: Debian's busybox has none.
    host.run(("mkdir", "-p", "-m", "0700", "--", directory), doing=doing)
    host.run(("chmod", "0700", "--", directory), doing=doing)
    directory = real_path(host, directory)
    if is_root:
        refuse_shared_directories(host, f"{directory}/{sha256}")
    return directory


def _back_up(host: FileHost, path: str, sha256: str, directory: str) -> str:
    """Copy the file with everything that it has into the store, under its checksum; return where."""
    doing = f"Backing up {shown_path(path)}"
    part = f"{directory}/{temporary_name(PART, path)}"
    backup = f"{directory}/{sha256}"
    try:
        _copy(host, path, part, doing=doing)
        _refuse_other_content(path, sha256_of(host, part), sha256)
        host.run(("sync", "--", part), doing=doing, ok=(0, 1))
        host.run(("mv", "-f", "-T", "--", part, backup), doing=doing)
    except BaseException:
        with contextlib.suppress(SaysoError):
            host.run(("rm", "-f", "--", part), doing=doing, is_final=True)
        raise
    return backup


def _refuse_other_content(path: str, found: str, expected: str) -> None:
    if found != expected:
        raise PlanError(
            f"The content of {shown_path(path)} has changed since the plan was made "
            f"(SHA-256 was {expected[:12]}…, is {found[:12]}…).",
            remedy="Ask again, and look at the new plan.",
        )


def _default_backup_directory(host: FileHost, *, is_root: bool) -> str:
    if is_root:
        return SYSTEM_BACKUPS
    login = host.transport.login()
    if host.as_user in {None, login.user}:
        return f"{login.home}/{USER_BACKUPS}"
    completed = host.run(("getent", "passwd", str(host.as_user)), doing=f"Looking up {host.as_user}")
    fields = completed.stdout.decode("utf-8", "surrogateescape").split("\n")[0].split(":")  # passwd(5)
    if len(fields) != 7 or not re.match(r"/.", fields[5]):  # noqa: PLR2004 - the seven fields of passwd(5)
        raise host.error(f"Looking up the home of {host.as_user}", completed)
    return f"{fields[5]}/{USER_BACKUPS}"


def _copy(host: FileHost, source: str, target: str, *, doing: str) -> None:
    """`-a` is `-dR --preserve=all` to GNU, and all that there is to busybox, which has no long option."""
    host.run(("cp", "-a", "-T", "--", source, target), doing=doing, timeout_s=300.0)


def _copy_attributes(host: FileHost, source: FileStatus, target: str, *, doing: str) -> None:
    """Make a file with the attributes of another; its content is written over at once.

    Of a large file the content isn't copied where cp(1) can leave it out: GNU's can, busybox's can't.
    """
    if source.size_bytes > CONTENT_LIMIT_BYTES:
        vector = ("cp", "-a", "--attributes-only", "-T", "--", source.path, target)
        if host.run(vector, doing=doing, ok=(0, 1)).exit_code == 0:
            return
    _copy(host, source.path, target, doing=doing)


def _model(host: FileHost, like: str) -> FileStatus:
    status = file_status(host, like)
    refuse_unusual(host, status)
    if status.kind == "absent":
        raise StepError(
            f"{shown_path(like)}, whose owner and mode the file would get, is gone.",
            remedy="Create the file without it, and set its owner and mode yourself.",
            host=host.transport.host,
        )
    return status


def _write_candidate(host: FileHost, candidate: str, *, source: FileStatus, after: Content, new_file_mode: int) -> None:
    """Make the candidate with the attributes of `source` and the new content.

    Its name holds 128 random bits, so that nobody can have put anything there before.

    dd truncates and writes the copy itself, so that owner, mode, ACL, attributes and context stay.
    """
    doing = "Writing the new content beside the file"
    is_copy = source.kind == "file"
    if is_copy:
        _copy_attributes(host, source, candidate, doing=doing)
    source_words = (f"if={after.path}",) if isinstance(after, Kept) else ()
    stdin = after if isinstance(after, bytes) else after.file if isinstance(after, Spooled) else None
    vector = ("dd", *source_words, f"of={candidate}", "bs=64k", "conv=fsync", "status=none")
    host.run(vector, stdin=stdin, doing=doing, timeout_s=300.0)
    found = file_status(host, candidate)
    mode = source.mode if is_copy else new_file_mode
    if found.mode != mode:
        # The umask, or: a write by anybody but root takes setuid and setgid away (write(2)).
        host.run(("chmod", f"{mode:04o}", "--", candidate), doing=doing)
    if is_copy and (found.kind, found.uid, found.gid) != ("file", source.uid, source.gid):
        raise StepError(
            f"The file belongs to {source.owner}:{source.group}, which a new one written by this account would not.",
            remedy="Act as root, who can give files away.",
            host=host.transport.host,
        )
    if sha256_of(host, candidate) != _sha256_of_content(after):
        raise StepError(
            "What was written is not what was sent.", remedy="Check the disk (`dmesg`).", host=host.transport.host
        )


def _validate(host: FileHost, checker: Validator | None, *, candidate: str, actual: str, after: Content) -> str:
    """Return what checked the candidate, or why nothing did. Raises `StepError` when it is refused."""
    if checker is None:
        return "not checked: there is no validator for this file"
    form = _parse(host, checker, actual=actual, after=after) if checker.parse is not None else ""
    if form and checker.stage is None:
        return form
    staged = checker.stage(host, candidate, actual) if checker.stage is not None else None
    if isinstance(staged, str):
        return f"{form}; not asked: {staged}" if form else f"not checked: {staged}"
    try:
        return _ask(host, checker, staged, candidate=candidate, actual=actual)
    finally:
        if staged is not None:
            with contextlib.suppress(SaysoError):
                remove_staged(host, staged)


def _ask(host: FileHost, checker: Validator, staged: StagedCheck | None, *, candidate: str, actual: str) -> str:
    """Run the check; return what checked the candidate, or why nothing did. Raises `StepError` when it is refused."""
    argv = checker.argv(candidate) if staged is None else staged.argv
    try:
        completed = host.transport.run(argv, as_user=host.as_user, cancel=host.cancel)
    except StepError as error:
        return f"not checked: {error.message}"
    if completed.ending == "lost":
        raise EditCutOffError(
            f"Checking {shown_path(actual)}", completed.ending, host=host.transport.host, may_have_changed=False
        )
    is_fine = completed.ending == "exited" and completed.exit_code == 0
    if staged is not None:
        fault = fault_of(staged, completed)
        if fault is None:
            return f"checked by {argv[0]}"
        said = fault.replace(staged.staged, actual).replace(candidate, actual)
        raise _refused(host, checker, actual, said)
    if is_fine:
        return f"checked by {argv[0]}"
    if checker.unknown and re.search(f"(unrecognized|invalid|unknown) {checker.unknown}", _all_said(completed)):
        return f"not checked: this {argv[0]} can't do it"
    said = (last_line(completed.stderr) or last_line(completed.stdout) or completed.ending).replace(candidate, actual)
    raise _refused(host, checker, actual, said + _about_the_old_one(host, checker, actual))


def _all_said(completed: Completed) -> str:
    """Return all that a program said, as text."""
    return (completed.stderr + completed.stdout).decode("utf-8", "replace")


def _about_the_old_one(host: FileHost, checker: Validator, actual: str) -> str:
    """Whether the fault is in the file as it is: then the edit isn't to blame, and the person should know."""
    if file_status(host, actual).kind != "file":
        return ""
    completed = host.transport.run(checker.argv(actual), as_user=host.as_user, cancel=host.cancel)
    return " (the file as it is now is refused too)" if completed.exit_code not in {0, None} else ""


def _parse(host: FileHost, checker: Validator, *, actual: str, after: Content) -> str:
    if checker.parse is None:
        raise TypeError(checker.name)
    if not isinstance(after, bytes):
        return f"not checked: the file is too large for the {checker.name} parser"
    try:
        checker.parse(after)
    except ValueError as error:
        before = read_file(host.transport, actual, as_user=host.as_user, cancel=host.cancel, allow_large=True)
        if before.exists and not before.is_large:
            try:
                checker.parse(before.content)
            except ValueError:
                # Some .json files have comments: a file that never was strict can't be held to it.
                return f"not checked: the file was no valid {checker.name} before either"
        raise _refused(host, checker, actual, " ".join(str(error).split())[:300]) from error
    return f"checked as {checker.name}"


def _refused(host: FileHost, checker: Validator, actual: str, said: str) -> StepError:
    by = checker.template[0] if checker.template else f"the {checker.name} parser"
    return StepError(
        f"{by} refuses the new content of {shown_path(actual)}: {said}. Nothing was changed.",
        remedy="Correct the value, and ask again.",
        host=host.transport.host,
        argv=checker.argv(actual),
    )


def _put_in_place(
    host: FileHost, candidate: str, actual: str, *, before_sha256: str | None, backup: str | None
) -> None:
    doing = f"Putting the new content of {shown_path(actual)} in its place"
    if host.cancel is not None and host.cancel.is_set:
        raise StepError(
            f"The edit of {shown_path(actual)} was cancelled. Nothing was changed.",
            remedy="Ask again when you want it.",
            host=host.transport.host,
        )
    _refuse_drift(host, file_status(host, actual), before_sha256, backup)
    if before_sha256 is not None:
        host.run(("mv", "-f", "-T", "--", candidate, actual), doing=doing, is_final=True)
        return
    # -n: a file that came into being meanwhile stays. Whether it did differs in exit code by version.
    host.run(("mv", "-n", "-T", "--", candidate, actual), doing=doing, ok=(0, 1), is_final=True)
    if file_status(host, candidate).kind != "absent":
        raise PlanError(
            f"{shown_path(actual)} has come into being since the plan was made.",
            remedy="Ask again, and look at the new plan.",
        )


def _sync(host: FileHost, directory: str) -> None:
    """Bring the rename to disk: the directory, or everything where sync(1) takes no names."""
    with contextlib.suppress(StepError):
        if host.run(("sync", "--", directory or "/"), doing="Syncing", ok=(0, 1), is_final=True).exit_code:
            host.run(("sync",), doing="Syncing", is_final=True)
