"""What keeps a path from being changed although its state looks as if it could be: found before a plan is shown."""

import posixpath
import re
from collections.abc import Mapping, Sequence

from executors.file_state import shown_path
from executors.host_paths import HostPaths
from executors.path_uses import CHANGING, uses_of_vector
from executors.plan import EditStep, Effect, PlannedStep, RunStep
from executors.state import Target
from executors.transport import Cancel
from intents.errors import PlanError, SaysoError

_OF_MOUNTS = frozenset(("mount", "umount", "fusermount", "chattr"))
"""Programs that are there to change just this, or that need no writable place."""
_OF_RIGHTS = frozenset(("chmod", "chown", "chgrp", "setfacl", "setfattr", "restorecon", "chcon", "truncate"))
"""Programs that leave the entry in its directory alone."""
_ONLY_ADD = frozenset(("mkdir", "ln", "touch", "tar", "zip"))
"""Programs that only make new entries: an append-only directory takes them."""
_FLAGS = re.compile(r"(?P<flags>[A-Za-z-]+) (?P<path>/.*)")
_TIMEOUT_S = 20.0


def refuse_hindered(planned: PlannedStep, target: Target, host_paths: HostPaths, cancel: Cancel | None = None) -> None:
    """Raise `PlanError` where a planned step can't succeed: on a read-only file system, or with an immutable path.

    Whatever can't be read hinders nothing: the step itself will tell.
    """
    if planned.effect is not Effect.WILL_CHANGE:
        return
    step = planned.step
    program, paths = "", [step.path] if isinstance(step, EditStep) else []
    if isinstance(step, RunStep):
        program = posixpath.basename(step.argv[0])
        uses = [] if program in _OF_MOUNTS else uses_of_vector(step.argv)
        paths = [posixpath.normpath(use.path) for use in uses if use.use in CHANGING]
    if not paths:
        return
    for path in paths:
        mount = host_paths.mount_of(path)
        if mount is not None and mount.is_read_only:
            raise PlanError(
                f"{shown_path(path)} can't be changed on {target.host}: the file system on {shown_path(mount.point)} is read-only.",
                remedy="Mount it writable first, or choose another place.",
            )
    _refuse_immutable(program, paths, target, host_paths, cancel)


def _refuse_immutable(
    program: str, paths: Sequence[str], target: Target, host_paths: HostPaths, cancel: Cancel | None
) -> None:
    folders = {path: posixpath.dirname(path) for path in paths}
    flags = _flags([*paths, *folders.values()], target, host_paths, cancel)
    for path, folder in folders.items():
        own = set(flags.get(path, "")) & {"i", "a"}
        if own:
            raise _hindered(path, "i" if "i" in own else "a", target, of=path)
        if program in _OF_RIGHTS:
            continue
        of_folder = set(flags.get(folder, "")) & ({"i"} if program in _ONLY_ADD else {"i", "a"})
        if of_folder:
            raise _hindered(path, "i" if "i" in of_folder else "a", target, of=folder)


def _flags(paths: Sequence[str], target: Target, host_paths: HostPaths, cancel: Cancel | None) -> Mapping[str, str]:
    """Return path -> letters of lsattr, of those that are there on a file system that has attributes."""
    try:
        asked = list(host_paths.entries([path for path in dict.fromkeys(paths) if "\n" not in path]))
        if not asked:
            return {}
        told = target.transport.run(("lsattr", "-d", "--", *asked), timeout_s=_TIMEOUT_S, cancel=cancel).stdout
    except SaysoError:
        return {}
    lines = told.decode("utf-8", "surrogateescape").splitlines()
    return {match["path"]: match["flags"] for line in lines if (match := _FLAGS.fullmatch(line))}


def _hindered(path: str, letter: str, target: Target, *, of: str) -> PlanError:
    word = "immutable" if letter == "i" else "append-only"
    whose = "it" if of == path else f"its directory {shown_path(of)}"
    return PlanError(
        f"{shown_path(path)} can't be changed on {target.host}: {whose} is {word} (lsattr shows `{letter}`).",
        remedy="Somebody wanted it so. Clear that attribute first (`file.clear_attribute`) if it has to be changed.",
    )
