"""Edits of a file's content as pure functions from bytes to bytes.

Lines that an edit doesn't concern stay as they are, byte for byte: encoding, line ends, comments,
order. An edit that finds its result already there returns the content unchanged.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from executors.edit_crontab import add_cron_job
from executors.edit_fstab import add_mount, remove_mount
from executors.edit_hosts import add_host, remove_host
from executors.edit_lines import line_end, refuse_line_break, split_lines, with_line_end
from executors.edit_log_rotation import write_log_rotation
from executors.edit_nginx import set_block_directive
from executors.edit_repositories import write_apt_source, write_rpm_repository
from executors.edit_service import write_service
from executors.edit_sshd import overruled_by, set_directive
from executors.edit_sudoers import allow_sudo, revoke_sudo
from executors.edit_units import set_unit_value, set_unit_variable
from executors.edit_values import set_value
from intents.errors import ValueRejected
from intents.intent import EditOperation


def apply_edit(operation: EditOperation, before: bytes, arguments: Mapping[str, str]) -> bytes | None:
    r"""Return the content after an edit with these arguments (optional ones may be missing); None: the file goes.

    >>> apply_edit("append_line", b"a\n", {"line": "b"})
    b'a\nb\n'

    Raises `ValueRejected` when an argument can't be used, `KeyError` when one is missing.
    """
    edit = _EDITS[operation]
    given = [as_bytes(arguments[name]) for name in edit.arguments]
    return edit.apply(before, *given, **{name: as_bytes(arguments[name]) for name in edit.options if name in arguments})


def note_on_edit(operation: EditOperation, after: bytes, arguments: Mapping[str, str]) -> str:
    """Return in words what the new content doesn't reach, or what has yet to be done; empty for nothing."""
    if operation == "set_directive":
        return overruled_by(after, as_bytes(arguments["directive"]))
    return _EDITS[operation].note


def as_bytes(argument: str) -> bytes:
    """Return an argument as it stands in a file; bytes that weren't UTF-8 are what they were."""
    return argument.encode("utf-8", "surrogateescape")


def put(_before: bytes, content: bytes) -> bytes:
    r"""Return `content`, with the newline at its end that makes it lines (POSIX 2018, 3.206).

    cron and many others pass over a last line without it.

    >>> put(b"old", b"new")
    b'new\n'
    """
    return content if content.endswith(b"\n") or not content else content + b"\n"


def delete(_before: bytes) -> None:
    """Leave no file: what it held is in the backup."""


def append_line(before: bytes, line: bytes) -> bytes:
    r"""Return the content with `line` as its last line, unless exactly this line is in it already.

    >>> append_line(b"a\r\nb", b"c")
    b'a\r\nb\r\nc\r\n'
    """
    refuse_line_break(line, "line")
    if line in {existing.removesuffix(b"\n").removesuffix(b"\r") for existing in split_lines(before)}:
        return before
    return with_line_end(before) + line + line_end(before)


def remove_lines(before: bytes, match: bytes) -> bytes:
    r"""Return the content without the lines that contain `match`, taken literally.

    >>> remove_lines(b"a\nb.c\nbxc\n", b"b.c")
    b'a\nbxc\n'
    """
    refuse_line_break(match, "text to look for")
    if not match:
        raise ValueRejected("An empty text is in every line.", remedy="Say what the lines to remove contain.")
    return b"".join(line for line in split_lines(before) if match not in line)


def replace_text(before: bytes, old: bytes, new: bytes) -> bytes:
    r"""Return the content with every `old` replaced by `new`, both taken literally.

    Where `new` contains `old` (80 -> 8080), what already reads `new` is left alone, so that the edit can be
    asked for again.

    >>> replace_text(b"port 80, port 8080\n", b"port 80", b"port 8080")
    b'port 8080, port 8080\n'
    """
    if not old:
        raise ValueRejected("An empty text can't be replaced.", remedy="Say which text is to be replaced.")
    if old not in new:
        return before.replace(old, new)
    return new.join(piece.replace(old, new) for piece in before.split(new))


def _allow_sudo(
    before: bytes, user: bytes, program: bytes, *, run_as: bytes = b"root", password: bytes = b"yes"
) -> bytes:
    return allow_sudo(before, user, program, run_as=run_as, without_password=password == b"no")


@dataclass(frozen=True, slots=True)
class _Edit:
    """A pure function from content to content, the arguments that it needs, in order, and those that it may get."""

    apply: Callable[..., bytes | None]
    arguments: tuple[str, ...]
    options: tuple[str, ...] = ()
    note: str = ""


_EDITS: Mapping[EditOperation, _Edit] = {
    "put": _Edit(put, ("content",)),
    "append_line": _Edit(append_line, ("line",)),
    "remove_lines": _Edit(remove_lines, ("match",)),
    "replace_text": _Edit(replace_text, ("old", "new")),
    "set_value": _Edit(set_value, ("key", "value"), ("section",)),
    "set_directive": _Edit(set_directive, ("directive", "value")),
    "set_block_directive": _Edit(set_block_directive, ("directive", "value"), ("block",)),
    "set_unit_value": _Edit(
        set_unit_value, ("section", "key", "value"), note="it takes effect when systemd reloads and the unit restarts"
    ),
    "set_unit_variable": _Edit(
        set_unit_variable,
        ("name", "value"),
        note="everybody on the host can read it, and it takes effect when the unit restarts",
    ),
    "write_service": _Edit(write_service, ("command", "description"), ("user", "directory", "restart")),
    "write_apt_source": _Edit(write_apt_source, ("url", "suite", "key"), ("components",)),
    "write_rpm_repository": _Edit(write_rpm_repository, ("name", "url", "key")),
    "write_log_rotation": _Edit(
        write_log_rotation,
        ("pattern", "every", "keep"),
        note="nothing is rotated by it now; logrotate looks at it once a day",
    ),
    "delete": _Edit(delete, ()),
    "add_host": _Edit(add_host, ("address", "name")),
    "remove_host": _Edit(remove_host, ("name",)),
    "add_mount": _Edit(add_mount, ("source", "mount"), ("kind", "options"), note="nothing is mounted by it now"),
    "remove_mount": _Edit(remove_mount, ("mount",), note="what is mounted stays mounted"),
    "allow_sudo": _Edit(_allow_sudo, ("user", "program"), ("run_as", "password")),
    "revoke_sudo": _Edit(revoke_sudo, ("user", "program")),
    "add_cron_job": _Edit(add_cron_job, ("command",), ("when", "every", "user")),
}
