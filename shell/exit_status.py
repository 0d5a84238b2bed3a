"""The exit status of `sayso`, as scripts see it."""

from collections.abc import Iterable
from enum import IntEnum


class ExitStatus(IntEnum):
    """What a script can branch on; documented in `sayso --help` and docs/scripts.md."""

    DONE = 0
    FAILED = 1  # an operation failed, or its outcome is unknown
    USAGE = 2  # unusable command line or input file
    NOT_UNDERSTOOD = 3  # not understood, or a question is open
    REFUSED = 4  # policy, not approved, plan drifted, expired, altered or used
    UNREACHABLE = 5  # some hosts could not be reached
    INTEGRITY = 6  # history (also not writable), model or catalogue
    INTERRUPTED = 130


_PRECEDENCE = (
    ExitStatus.INTERRUPTED,
    ExitStatus.INTEGRITY,
    ExitStatus.REFUSED,
    ExitStatus.FAILED,
    ExitStatus.UNREACHABLE,
    ExitStatus.NOT_UNDERSTOOD,
    ExitStatus.USAGE,
)


def combined(statuses: Iterable[ExitStatus]) -> ExitStatus:
    """Return the one status that stands for several causes.

    >>> combined([ExitStatus.DONE, ExitStatus.UNREACHABLE, ExitStatus.FAILED]).name
    'FAILED'
    """
    present = set(statuses)
    return next((status for status in _PRECEDENCE if status in present), ExitStatus.DONE)
