"""Saved plans on a session's road: written for later, opened, proven to be the same still, used once."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from executors.plan import Plan
from intents.errors import PlanError
from shell.places import Places
from shell.plan_difference import difference, is_same
from shell.plan_files import LIFE, Requester, SavedPlan, claim, read_plan_file, write_plan_file
from shell.requester_keys import held_keys
from shell.second_person import read_approval, read_approvers, verify_approval


def requester(places: Places) -> Requester:
    """Return who asks in this session, with the keys that they hold where somebody could approve by a key at all."""
    original = places.uid if places.original_uid is None else places.original_uid
    keys = held_keys(places.ssh_folders) if places.approvers.exists() else ()
    return Requester(places.user, places.uid, original, os.uname().nodename, keys)


def save_plan(
    plan: Plan, path: Path, places: Places, *, catalogue: str, now: datetime, life: timedelta | None
) -> SavedPlan:
    """Write a plan into a new file. Raises `PlanError` for what can't be applied later, `RequestError` for the path."""
    if any(stage.undo_of is not None for stage in plan.stages):
        raise PlanError("An undo isn't saved for later.", remedy="Take it back now with `sayso undo`.")
    return write_plan_file(
        path,
        plan,
        requester=requester(places),
        state=places.state_folder,
        catalogue=catalogue,
        now=now,
        life=life or LIFE,
    )


def open_plan(path: Path, places: Places, *, now: datetime) -> SavedPlan:
    """Return a saved plan that this person may still apply. Raises `PlanError`, `RequestError`."""
    return read_plan_file(path, requester=requester(places), state=places.state_folder, now=now)


def second_person_of(saved: SavedPlan, approvals: Sequence[Path], places: Places, *, now: datetime) -> str | None:
    """Return who else approved a plan, proven by signature; None without an approval. Raises `PlanError`."""
    if not approvals:
        return None
    # Also by the keys of now: one that was put away for the making of the plan is back when it is used.
    keys = tuple(dict.fromkeys((*saved.requested_by.keys, *requester(places).keys)))
    known = replace(saved, requested_by=replace(saved.requested_by, keys=keys))
    found = [
        verify_approval(known, read_approval(path), read_approvers(places.approvers), now=now) for path in approvals
    ]
    return found[0].user


def require_same(saved: Plan, fresh: Plan) -> None:
    """Raise `PlanError`, saying what moved, unless the plan made again is the one that was saved."""
    if not is_same(saved, fresh):
        raise PlanError(
            f"The state has changed since the plan was made.\n{difference(saved, fresh)}".rstrip(),
            remedy="Make the plan again, and look at it.",
        )


def claim_plan(saved: SavedPlan, places: Places, *, now: datetime) -> None:
    """Mark a plan as used. Raises `PlanError` when it was used before, also a moment ago by another process."""
    claim(saved, state=places.state_folder, now=now)
