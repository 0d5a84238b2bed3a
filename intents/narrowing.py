"""Words that would have narrowed what a read shows: leaving them aside would answer another question."""

from intents.everyday import everyday_stems
from intents.reading import Reading
from intents.types.base import ValueContext
from intents.types.registry import make_type
from intents.words import Token

_LIVE_KINDS = ("user", "unit")


def narrowing(reading: Reading, text: str, context: ValueContext) -> set[Token]:
    """Return the words left over that are a live name or part of a time, and, where rows are counted or cut, any rare word.

    "cron jobs of root" isn't all jobs, "errors since yesterday" not all errors, and "the average memory of the python
    processes" not that of all.
    """
    if not reading.leftover:
        return set()
    times = [(found.start, found.end) for found in make_type("moment", {}).find(text, context)]
    everyday = everyday_stems()
    found: set[Token] = set()
    for token in reading.leftover:
        is_time = any(start <= token.start and token.end <= end for start, end in times)
        is_rare = bool(reading.phrases) and token in reading.soft and token.stem not in everyday
        if is_time or is_rare or (token.stem not in everyday and _is_live(token, context)):
            found.add(token)
    return found


def _is_live(token: Token, context: ValueContext) -> bool:
    forms = {token.folded, f"{token.folded}.service"}
    return any(name.casefold() in forms for kind in _LIVE_KINDS for name in context.names.names(kind))
