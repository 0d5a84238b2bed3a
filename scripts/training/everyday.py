"""Finds the words that tell why something is wanted, and that no order is changed by (`intents.everyday`)."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from intents.intent import Intent
from intents.words import FUNCTION_WORDS, HARD_WORDS, tokens_of
from scripts.training.sentences import NOBODY, Sentence

CONDITIONED = f"{NOBODY}leftover"
"""The group of orders that hold a condition, exception, time or place."""
_FEWEST_SENTENCES = _FEWEST_INTENTS = 3


def everyday_words(sentences: Sequence[Sentence], catalogue: Mapping[str, Intent]) -> list[str]:
    """Return the stems of plain words that are as common in unconditional sentences as elsewhere."""
    plain, conditioned = Counter[str](), Counter[str]()
    intents: dict[str, set[str]] = defaultdict(set)
    plain_count = conditioned_count = 0
    for one in sentences:
        stems = {token.stem for token in tokens_of(one.text) if token.folded.replace("'", "").isalpha()}
        if one.label == CONDITIONED:
            conditioned.update(stems)
            conditioned_count += 1
        elif one.label in catalogue:
            plain.update(stems)
            plain_count += 1
            for stem in stems:
                intents[stem].add(one.label)
    return sorted(
        stem
        for stem, count in plain.items()
        if count >= _FEWEST_SENTENCES
        and len(intents[stem]) >= _FEWEST_INTENTS
        and stem not in FUNCTION_WORDS | HARD_WORDS
        and conditioned[stem] * plain_count <= 2 * count * conditioned_count
    )
