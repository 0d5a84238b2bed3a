"""Edits of files too large to hold: the content passes through, in planning and again when the edit is carried out.

What `executors.edit_streams` makes of a content, this module brings from a host and back: the file is
read by cat(1), and what has to be kept meanwhile lies in a nameless private file of this machine.
"""

import contextlib
import hashlib
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, cast

from executors.diffs import SUMMARY, FileDiff, diff_header, diff_of_files, file_diff
from executors.edit_streams import SHOWN_DIFF_BYTES, Editing, Scanning, stream_edit
from executors.edits import apply_edit
from executors.file_replace import Content, Kept, Spooled
from executors.file_state import FileHost, FileState, sha256_of, shown_path
from executors.plan import EditStep
from intents.errors import PlanError, StepError
from intents.intent import EditOperation

OPERATION = "operation"
"""Under which name the operation stands in `EditStep.streamed`, beside the edit's arguments."""

_SYSTEM_TEMPORARY = "/tmp"  # noqa: S108 - compared with, never written to
_LARGE_TEMPORARY = "/var/tmp"  # noqa: S108 - the file has no name there
_REMEMBERED = 16
_CHUNK_BYTES = 256 * 1024
_SHOWN_TEXT_CHARACTERS = 4 * SHOWN_DIFF_BYTES


@dataclass(frozen=True, slots=True)
class ContentChange:
    """What an edit makes of a file: the fields of its `EditStep`, and the diff."""

    before_sha256: str | None
    after: bytes | None
    streamed: tuple[tuple[str, str], ...]
    later_sha256: str | None
    diff: FileDiff


def plan_large_change(
    host: FileHost, state: FileState, operation: EditOperation, arguments: Mapping[str, str]
) -> ContentChange:
    """Return the change; its diff is empty where nothing would.

    Raises `ValueRejected` for an edit that would have to hold the file and for arguments that can't be used.
    """
    if operation in {"put", "delete"}:
        after = apply_edit(operation, b"", arguments)
        with _spooled(host, state) as before:
            diff = diff_of_files(before, BytesIO(after or b""), state.path)
            return ContentChange(_sha256_of(before), after, (), None, diff)
    streamed = ((OPERATION, cast("str", operation)), *sorted(arguments.items()))
    known = _REMEMBERED_CHANGES.find(state.path, streamed)
    if known is not None and known.before_sha256 == sha256_of(host.for_size(state.size_bytes), state.path):
        return known
    editing = _edit(host, state.path, state.size_bytes, streamed, None)
    change = ContentChange(editing.before_sha256, None, streamed, editing.after_sha256, _diff(editing, state.path))
    _REMEMBERED_CHANGES.add(state.path, streamed, change)
    return change


@contextlib.contextmanager
def content_of(step: EditStep, host: FileHost, size_bytes: int) -> Iterator[Content | None]:
    """Give the content that an edit puts in place; None where it deletes the file. `size_bytes`: of the file now.

    Raises `PlanError` where the file has moved since the plan was made, `StepError` where there is no room.
    """
    if step.restores is not None and step.later_sha256 is not None:
        yield Kept(step.restores, step.later_sha256)
    elif step.streamed and step.later_sha256 is not None:
        with _nameless_file() as file:
            editing = _edit(host, step.path, size_bytes, step.streamed, file)
            _refuse_other(step.path, editing.before_sha256, step.before_sha256)
            _refuse_other(step.path, editing.after_sha256, step.later_sha256)
            yield Spooled(file, editing.after_sha256, editing.after_bytes)
    else:
        yield step.after


def diff_of_states(host: FileHost, before: FileState, after: FileState, path: str) -> FileDiff:
    """Return the diff of two files of a host, of any size; of a large one that is absent before or after, a summary."""
    if not before.is_large and not after.is_large:
        return file_diff(before.content if before.exists else None, after.content if after.exists else None, path)
    if before.exists and after.exists:
        with _spooled(host, before) as old, _spooled(host, after) as new:
            return diff_of_files(old, new, path)
    header = diff_header(path if before.exists else None, path if after.exists else None)
    said = [
        f"{state.size_bytes} bytes, SHA-256 {state.sha256}" if state.exists else "absent" for state in (before, after)
    ]
    text = f"{header}{SUMMARY}long content, not shown line by line\n-{said[0]}\n+{said[1]}\n"
    return FileDiff(text, is_summary=True)


def _edit(
    host: FileHost, path: str, size_bytes: int, streamed: tuple[tuple[str, str], ...], sink: BinaryIO | None
) -> Editing:
    """Let the file's content go through the edit, twice where the edit has to know all of it first."""
    arguments = dict(streamed)
    edit = stream_edit(cast("EditOperation", arguments.pop(OPERATION)), arguments)
    host = host.for_size(size_bytes)
    if edit.needs_scan:
        scanning = Scanning(edit)
        _read(host, path, scanning.feed)
        scanning.close()
    editing = Editing(edit, sink)
    with _room_on_this_machine(host):
        _read(host, path, editing.feed)
        editing.close()
        if sink is not None:
            sink.seek(0)
    return editing


def _read(host: FileHost, path: str, take: Callable[[bytes], object]) -> None:
    host.run(("cat", "--", path), doing=f"Reading {shown_path(path)}", on_output=lambda chunk: (take(chunk), None)[1])


@contextlib.contextmanager
def _spooled(host: FileHost, state: FileState) -> Iterator[BinaryIO]:
    """Give the content as an open file of this machine."""
    if not state.is_large:
        yield BytesIO(state.content)
        return
    with _nameless_file() as file:
        with _room_on_this_machine(host):
            _read(host.for_size(state.size_bytes), state.path, file.write)
            file.seek(0)
        yield file


def _sha256_of(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _nameless_file() -> BinaryIO:
    """Return an open file (0600) that nobody else can name and that is gone with its last user, however that ends.

    It lies in /var/tmp unless TMPDIR says otherwise: /tmp is often in memory.
    """
    directory = _LARGE_TEMPORARY if tempfile.gettempdir() == _SYSTEM_TEMPORARY else None
    return cast("BinaryIO", tempfile.TemporaryFile(prefix="sayso-", dir=directory))


@contextlib.contextmanager
def _room_on_this_machine(host: FileHost) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StepError(
            f"The content can't be kept on this machine meanwhile: {error.strerror or error}. Nothing was changed.",
            remedy="Free some space in /var/tmp, or name another directory in TMPDIR.",
            host=host.transport.host,
        ) from error


def _refuse_other(path: str, found: str, expected: str | None) -> None:
    if found != expected:
        raise PlanError(
            f"{shown_path(path)} has changed while it was read, or since the plan was made.",
            remedy="Ask again when nothing writes to it.",
        )


def _diff(editing: Editing, path: str) -> FileDiff:
    if editing.after_sha256 == editing.before_sha256:
        return FileDiff("")
    header, hunks = diff_header(path, path), editing.hunks.text()
    changed = f"{editing.hunks.removed_lines} lines taken out, {editing.hunks.added_lines} put in"
    sums = (
        f"-{editing.before_bytes} bytes, SHA-256 {editing.before_sha256}\n"
        f"+{editing.after_bytes} bytes, SHA-256 {editing.after_sha256}\n"
    )
    if "\0" in hunks or len(hunks) > _SHOWN_TEXT_CHARACTERS:
        kind = "binary content" if "\0" in hunks else "long lines"
        return FileDiff(f"{header}{SUMMARY}{kind}, not shown line by line: {changed}\n{sums}", is_summary=True)
    if editing.hunks.left_out_lines:
        return FileDiff(f"{header}{SUMMARY}only the first changes are shown: {changed}\n{sums}{hunks}", is_summary=True)
    return FileDiff(header + hunks)


class _Remembered:
    """The last changes by path and edit: of the same content, the same comes again.

    A plan is made twice at least, for the person and before the step; the second time the checksum will do.
    """

    def __init__(self) -> None:
        self._changes: OrderedDict[tuple[object, ...], ContentChange] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, path: str, streamed: tuple[tuple[str, str], ...]) -> ContentChange | None:
        with self._lock:
            return self._changes.get((path, streamed))

    def add(self, path: str, streamed: tuple[tuple[str, str], ...], change: ContentChange) -> None:
        with self._lock:
            self._changes[path, streamed] = change
            while len(self._changes) > _REMEMBERED:
                self._changes.popitem(last=False)


_REMEMBERED_CHANGES = _Remembered()
