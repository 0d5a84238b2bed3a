"""Requests that take something back: "undo", "undo 12", "undo the last change on web1"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_UNDO = re.compile(
    r"""(?:please\s+)?
    (?:(?:bring|put|take|turn|change|roll)\s+(?:it|that|this)(?:\s+all)?\s+back
    |(?:undo|revert|roll\s+back|take\s+back)
    (?:\s+(?:
        (?:(?:record|change|number|nr\.?|\#)\s*)?(?P<record>\d{1,18})
        | it | that | this
        | (?:the\s+|my\s+|your\s+)?(?:last|latest|previous|most\s+recent)(?:\s+(?:change|changes|step|thing|one|action))?
        | (?:the\s+|that\s+|this\s+)change
    ))?)
    (?:\s+again)?(?:\s+please)?\s*[.!…]*""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class UndoPhrase:
    """What is to be taken back: a record, or (None) the last change."""

    record: int | None


def find_undo(request: str) -> UndoPhrase | None:
    """Return what a request takes back, or None when it says anything else as well.

    The words about hosts must have been taken out of it before.

    >>> find_undo("undo the last change"), find_undo("Undo 12."), find_undo("undo the raid setup")
    (UndoPhrase(record=None), UndoPhrase(record=12), None)
    >>> find_undo("bring it back.."), find_undo("put it in the back")
    (UndoPhrase(record=None), None)
    """
    found = _UNDO.fullmatch(" ".join(request.split()))
    if found is None:
        return None
    return UndoPhrase(int(found["record"]) if found["record"] else None)


def without_spans(request: str, spans: Sequence[tuple[int, int]]) -> str:
    """Return the request without the words of these spans (code points).

    >>> without_spans("undo it on web1", [(8, 15)])
    'undo it '
    """
    for begin, end in sorted(spans, reverse=True):
        request = request[:begin] + request[end:]
    return request
