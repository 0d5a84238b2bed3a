"""Whether the account that makes a change has a place for what goes with it: backups for undo, and locks.

Told while planning: an edit without a place for its backup would be refused midway, and a change without a lock
is one that a person wants to know of before they approve it.
"""

import posixpath
from dataclasses import replace

from executors.backups import USER_BACKUPS
from executors.plan import EditStep, PlannedStep
from executors.state import Target
from executors.transport import Cancel
from intents.errors import PlanError
from intents.types.visible import visible

_LIMIT_S = 20.0


def with_place(planned: PlannedStep, target: Target, cancel: Cancel | None) -> PlannedStep:
    """Return the step, saying so where nothing can be locked while it runs.

    Raises `PlanError` for an edit that has nowhere to keep the content from before. Root's places are the
    system's; those of an account that somebody acts as are that account's own.
    """
    login = target.login
    if login.uid == 0 or planned.step.as_user not in {None, login.user}:
        return planned
    folder = posixpath.dirname(f"{login.home.rstrip('/')}/{USER_BACKUPS}")
    if _can_be_written(folder, target, cancel):
        return planned
    why = f"{login.user} can't write its state folder {visible(folder)}"
    if isinstance(planned.step, EditStep) and planned.step.before_sha256 is not None:
        raise PlanError(
            f"The content from before can't be kept on {target.host}: {why}. Without it nothing is edited.",
            remedy=f"Give {login.user} a home that it can write, or act as an account that has one.",
        )
    unlocked = f"nothing is locked while it runs ({why}), so somebody else may change it meanwhile"
    return replace(planned, reason=f"{planned.reason}; {unlocked}" if planned.reason else unlocked)


def _can_be_written(folder: str, target: Target, cancel: Cancel | None) -> bool:
    """Whether the folder can be written, or made below the nearest one that is there."""

    def is_so(*test: str) -> bool:
        return target.transport.run(("test", *test), timeout_s=_LIMIT_S, cancel=cancel).exit_code == 0

    if is_so("-w", folder):  # the usual case: one command
        return True
    while folder != "/" and not is_so("-e", folder):
        folder = posixpath.dirname(folder)
    return is_so("-d", folder) and is_so("-w", folder)
