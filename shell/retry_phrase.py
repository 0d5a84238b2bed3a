"""Requests to try something again: "retry", "retry 12", "try again on the ones that failed"."""

import re
from dataclasses import dataclass

_RETRY = re.compile(
    r"""(?:please\s+)?
    (?:
        retry (?:\s+(?:it|that|(?:(?:record|number|nr\.?|\#)\s*)?(?P<record>\d{1,18})))?
        | try\s+(?:it\s+|that\s+)?(?:again|once\s+more)
    )
    (?:\s+(?:on\s+|for\s+)?(?:
        (?:the\s+)?(?:ones|hosts|those|machines|servers)\s+(?:that|which)\s+(?:have\s+)?(?:failed|(?:are|were)\s+left|didn't\s+work)
        | (?:the\s+)?(?:failed|remaining|unreachable)\s+(?:ones|hosts|machines|servers)
        | the\s+rest
    ))?
    (?:\s+please)?\s*[.!]?""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class RetryPhrase:
    """What is to be tried again: a record, or (None) the last of which something is left."""

    record: int | None


def find_retry_phrase(request: str) -> RetryPhrase | None:
    """Return what a request tries again, or None when it says anything else as well.

    >>> find_retry_phrase("try again on the ones that failed"), find_retry_phrase("retry 12")
    (RetryPhrase(record=None), RetryPhrase(record=12))
    >>> find_retry_phrase("retry the download") is None
    True
    """
    found = _RETRY.fullmatch(" ".join(request.split()))
    if found is None:
        return None
    return RetryPhrase(int(found["record"]) if found["record"] else None)
