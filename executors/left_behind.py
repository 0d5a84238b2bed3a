"""What a change left behind, by which its undo tells whether somebody has worked on it since."""

from collections.abc import Mapping

from executors.diffs import state_diff
from executors.forecast import agrees, with_unknown
from executors.plan import TakenBack
from executors.state import Target, read_state
from executors.transport import Cancel
from intents.errors import PlanError, SaysoError
from intents.intent import Intent, Operation
from intents.values import Json

_PREFIX = "left."
"""Begins the names of what was left among the columns of the state after a change."""


class MovedError(PlanError):
    """What a record changed is another by now, so that it can't be taken back."""


def read_left(
    intent: Intent, operation: Operation, values: Mapping[str, Json], target: Target, cancel: Cancel | None
) -> dict[str, Json]:
    """Return what the change has left, as columns `left.NAME` for its outcome; none where nothing of it can be told.

    An undo without them is as dangerous as its inverse: nobody knows then what it would take along.
    """
    if operation.undo is None or operation.undo.left is None:
        return {}
    try:
        row = read_state(intent, operation.undo.left, values, target, cancel)
    except SaysoError:
        return {}
    return {f"{_PREFIX}{name}": value for name, value in row.items()}


def left_in(after: Mapping[str, Json]) -> dict[str, Json]:
    """Return what a change left, from the state after it as the history keeps it.

    >>> left_in({"kind": "file", "left.size": 0})
    {'size': 0}
    """
    return {name.removeprefix(_PREFIX): value for name, value in after.items() if name.startswith(_PREFIX)}


def refuse_worked_on(taken: TakenBack, intent: Intent, target: Target, cancel: Cancel | None, *, subject: str) -> None:
    """Raise `PlanError` where what the change left is another by now. `subject` begins the sentence."""
    left = intent.operation_for(target.facts).undo
    if not taken.left or left is None or left.left is None:
        return
    now = with_unknown(read_state(intent, left.left, taken.arguments, target, cancel))
    if all(agrees(now.get(name), value) for name, value in taken.left.items()):
        return
    raise MovedError(
        f"{subject} can't be undone: somebody has worked since on what it made.\n"
        f"{state_diff(taken.left, {name: now.get(name) for name in taken.left}, target.host)}".rstrip(),
        remedy="Look at what is there now, and delete yourself what of it is to go.",
    )
