"""Finds the words with which people ask for each operation (`intents.vocabulary`)."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from intents.intent import Intent
from intents.words import FUNCTION_WORDS, HARD_WORDS, TIME_WORDS, tokens_of
from scripts.training.sentences import SLOT, Sentence

_FEWEST, _FEWEST_HARD = 2, 3
_PLAIN = re.compile(r"[a-z]+(?:['-][a-z]+)*")
"""No options of commands: what one of them asks for is told to be ignored, or asked about."""
_TURNING = frozenset("don't dont never except excluding unless".split())
"""Of a change these are accounted for by its pack alone."""


def vocabulary_lines(sentences: Sequence[Sentence], catalogue: Mapping[str, Intent]) -> Iterator[str]:
    """Yield `intent: stem stem ...`; negations, conditions and times stand as they are and need one sentence more."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for one in sentences:
        if one.label in catalogue:
            tokens = tokens_of(SLOT.sub(" ", one.text))
            hard = {token.folded for token in tokens if token.folded in HARD_WORDS | TIME_WORDS}
            plain = {
                token.stem for token in tokens if token.folded not in FUNCTION_WORDS | HARD_WORDS | TIME_WORDS
            }  # a word in two forms counts once for a sentence
            counted[one.label].update({word for word in plain if _PLAIN.fullmatch(word)} | hard)
    for name in sorted(counted):
        left_out = _TURNING if catalogue[name].is_change else frozenset[str]()
        words = [
            word
            for word, count in sorted(counted[name].items())
            if word not in left_out and count >= (_FEWEST_HARD if word in HARD_WORDS | TIME_WORDS else _FEWEST)
        ]
        yield f"{name}: {' '.join(words)}"
