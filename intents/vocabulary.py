"""The words with which people ask for each built-in operation, beyond those of its pack.

`model/vocabulary.txt` has a line for each: the stems of the words that at least two of its training sentences hold
(three for negations, conditions and times). `scripts/train.py` writes it.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

VOCABULARY_FILE = Path(__file__).parent / "model" / "vocabulary.txt"


@cache
def _vocabulary() -> Mapping[str, frozenset[str]]:
    lines = VOCABULARY_FILE.read_text(encoding="utf-8").splitlines()
    return {name: frozenset(words.split()) for name, _, words in (line.partition(": ") for line in lines)}


def vocabulary_of(intent: str) -> frozenset[str]:
    """Return the stems; hard words as they are. None are known of an operation of one's own."""
    return _vocabulary().get(intent, frozenset())
