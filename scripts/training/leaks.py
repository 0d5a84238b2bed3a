"""Finds sentences of one part that stand in another as well, or nearly: what is measured must not have been learned.

Sentences are compared as the model reads them: values masked, slots as one word, in small letters, without marks.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from intents.masking import masked
from scripts.training.sentences import SLOT

NEAR = 0.85
"""Shared words over all words (Jaccard) from which two sentences count as the same wording."""
_SHORTEST_EQUAL, _SHORTEST_NEAR = 5, 6
"""Of fewer different words a sentence may stand twice: two people who type `mkdir /srv` learned nothing from each other."""
_WORD = re.compile(r"[a-z0-9']+")


def leaks(training: Iterable[str], held_out: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (held-out sentence, training sentence) for every pair that is too much alike.

    >>> list(leaks(["so how full is {path}?"], ["So how full is /srv", "what is the time"]))
    [('So how full is /srv', 'so how full is {path}?')]
    """
    by_words: dict[frozenset[str], str] = {}
    by_word: dict[str, set[frozenset[str]]] = defaultdict(set)
    for text in training:
        words = _words(SLOT.sub("/var/log", text))
        by_words.setdefault(words, text)
        for word in words:
            by_word[word].add(words)
    for text in held_out:
        words = _words(text)
        if words in by_words and len(words) >= _SHORTEST_EQUAL:
            yield text, by_words[words]
            continue
        if len(words) < _SHORTEST_NEAR:
            continue
        rarest = sorted(words, key=lambda word: len(by_word.get(word, ())))
        # Two sentences this much alike share one of the few rarest words of either.
        near = {other for word in rarest[: 1 + int(len(words) * (1 - NEAR))] for other in by_word.get(word, ())}
        best = max(near, key=lambda other: len(words & other) / len(words | other), default=None)
        if best is not None and len(words & best) / len(words | best) >= NEAR:
            yield text, by_words[best]


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(masked(text).casefold()))
