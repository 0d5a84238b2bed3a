"""Under which account root acts on paths that lie where somebody else may swap names.

Between looking at a path and acting on it, whoever may write one of its directories can put a link
in its place. So root acts below such a directory as its owner: what that account can be made to do
there, it could do by itself. Where there is no single owner, the step is refused.
"""

import posixpath
import stat
from collections.abc import Mapping, Sequence

from executors.file_state import FileHost, FileStatus, file_status, file_statuses, real_path, shown_path
from executors.safe_directories import is_shared
from executors.state import Target
from executors.transport import Cancel
from intents.errors import StepError
from intents.intent import Command, Intent
from intents.template import words_of
from intents.values import Json

_ROOT_UID = 0
_ONLY_READ = frozenset({"source", "sources", "only", "password_file"})
"""Parameters by this name are read from, or chosen from a backup; a swapped one gives root another content, and nobody else anything."""


def acting_account(
    intent: Intent, command: Command, values: Mapping[str, Json], target: Target, cancel: Cancel | None
) -> str | None:
    """Return the account that a root command has to act as for its paths to be safe; None for root itself.

    Only for a login as root and a command that names no account. Raises `StepError` where paths belong to several.
    """
    if target.login.uid != _ROOT_UID or command.as_user not in {None, "root"}:
        return None
    owners = {
        owner
        for path in _written_paths(intent, command, values)
        if (owner := _other_writer(path, target, cancel)) is not None
    }
    if not owners:
        return None
    if len(owners) > 1 or command.as_user == "root":
        raise StepError(
            f"{', '.join(sorted(owners))} could swap what root is about to change.",
            remedy="Log in as that account, or make its directories writable by root alone.",
            host=target.host,
        )
    return owners.pop()


def _written_paths(intent: Intent, command: Command, values: Mapping[str, Json]) -> list[str]:
    """Return the absolute paths among the values that the command's own words hold."""
    found: list[str] = []
    for name in dict.fromkeys(word.parameter for word in words_of(command.template) if word.parameter):
        parameter = intent.parameters.get(name)
        if parameter is None or parameter.type.name != "path" or name in _ONLY_READ:
            continue
        value = values.get(name)
        several: Sequence[Json] = value if isinstance(value, list | tuple) else [value]
        found += [one for one in several if isinstance(one, str) and one.startswith("/")]
    return found


def _other_writer(path: str, target: Target, cancel: Cancel | None) -> str | None:
    """Return who besides root may swap a name on the way to `path`, as written or where its links lead; None when nobody may."""
    host = FileHost(target.transport, None, cancel)
    written = posixpath.normpath(path)
    try:
        found = _writer_on_the_way(host, written, target)
        real = posixpath.join(real_path(host, posixpath.dirname(written)), posixpath.basename(written))
        return found if found is not None or real == written else _writer_on_the_way(host, real, target)
    except _AbsentError:
        return None  # a directory that isn't there: the command itself will say so, and nothing can be swapped in it


class _AbsentError(Exception):
    """A directory on the way isn't there."""


def _writer_on_the_way(host: FileHost, path: str, target: Target) -> str | None:
    parts = path.strip("/").split("/")
    chain = ["/", *("/" + "/".join(parts[:count]) for count in range(1, len(parts)))]
    try:
        statuses = file_statuses(host, chain)
    except StepError as error:
        raise _AbsentError from error
    for place, status in enumerate(statuses):
        if status.kind == "link":
            continue  # who may replace it is told by the directory that it is in; where it leads is looked at as well
        if status.uid != _ROOT_UID:
            return _owner_of(status, statuses[-1], target)
        if is_shared(status) and not _next_is_roots(host, statuses, place, path):
            return _owner_of(status, statuses[-1], target)
    return None


def _next_is_roots(host: FileHost, statuses: Sequence[FileStatus], place: int, path: str) -> bool:
    """Whether a sticky directory (/tmp) keeps others from swapping the next name: it is root's, or not there.

    A link that somebody puts where nothing was is not followed there (fs.protected_symlinks, proc(5)).
    """
    if not statuses[place].mode & stat.S_ISVTX:
        return False
    following = statuses[place + 1] if place + 1 < len(statuses) else file_status(host, path)
    return following.kind == "absent" or following.uid == _ROOT_UID


def _owner_of(first: FileStatus, last: FileStatus, target: Target) -> str:
    """Return the single account that owns the directory itself. Raises `StepError` for one that everybody may write."""
    owner = last.owner if last.uid != _ROOT_UID else first.owner
    if owner in {"root", "UNKNOWN", ""}:
        raise StepError(
            f"{shown_path(first.path)} can be written by others, who could swap what root is about to change there.",
            remedy="Act as the account that owns it, or make the directory writable by root alone.",
            host=target.host,
        )
    return owner
