"""The status of what ended with an expected fault: a step, or a host of a plan."""

from executors.file_state import EditCutOffError
from executors.plan import OutcomeStatus
from intents.errors import SaysoError, UnreachableError


def status_of_error(error: SaysoError) -> OutcomeStatus:
    """Return the status of a step that ended with an expected fault."""
    words: dict[str, OutcomeStatus] = {
        "plan": "refused",
        "policy": "refused",
        "locked": "refused",
        "unknown": "unknown",
    }
    if isinstance(error, EditCutOffError) and error.may_have_changed:
        return "unknown"
    if isinstance(error, UnreachableError):
        return "unreachable"
    return words.get(error.code, "failed")
