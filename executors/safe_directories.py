"""Where root may write: only where nobody else can swap a name between looking at it and acting on it."""

import stat
from dataclasses import replace

from executors.file_state import FileHost, FileStatus, file_status, file_statuses, shown_path
from intents.errors import StepError

_ROOT_UID = 0


def acts_as_root(host: FileHost) -> bool:
    """Return whether the commands run as root."""
    if host.as_user is not None:
        return host.as_user == "root"
    return host.transport.login().uid == _ROOT_UID


def refuse_shared_directories(host: FileHost, path: str, *, links_may_lead_on: bool = False) -> None:
    """Raise `StepError` when somebody other than root could swap what root is about to write.

    A sticky directory (/tmp) is fine where the next name in it is root's: nobody else can replace that one.
    With `links_may_lead_on` a link on the way is as safe as the directory that it is in; where it leads has to be
    looked at as well.
    """
    parts = path.split("/")[1:-1]
    chain = ["/", *("/" + "/".join(parts[: count + 1]) for count in range(len(parts)))]
    for status in file_statuses(host, chain):
        if links_may_lead_on and status.kind == "link" and status.uid == _ROOT_UID:
            continue
        if status.kind != "directory" or status.uid != _ROOT_UID or (is_shared(status) and not _is_sticky(status)):
            raise _swappable(host, path, status)


def refuse_others_file_in_sticky_directory(host: FileHost, status: FileStatus) -> None:
    """Raise `StepError` for somebody's own file in /tmp: its owner can swap it. A name that isn't there yet nobody can."""
    directory = file_status(host, status.path.rsplit("/", 1)[0] or "/")
    if status.kind != "absent" and status.uid != _ROOT_UID and is_shared(directory):
        raise _swappable(host, status.path, replace(directory, owner=status.owner))


def is_shared(directory: FileStatus) -> bool:
    """Whether others than root may make names in it."""
    group_is_root = directory.gid == _ROOT_UID and not directory.mode & stat.S_IWOTH
    return bool(directory.mode & (stat.S_IWGRP | stat.S_IWOTH)) and not group_is_root


def _is_sticky(directory: FileStatus) -> bool:
    return bool(directory.mode & stat.S_ISVTX)


def _swappable(host: FileHost, path: str, place: FileStatus) -> StepError:
    return StepError(
        f"{shown_path(path)} lies below {shown_path(place.path)}, in which {place.owner} or others can swap files.",
        remedy=f"Run this as {place.owner} instead of root, or make the directory writable by root alone.",
        host=host.transport.host,
    )
