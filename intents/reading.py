"""Reads one request against one intent: its arguments, row operations, and the words left over.

No word is dropped: each content word must be the intent's own, an argument, an operation, a
target, or politeness. What is left decides whether a person must be asked.
"""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from intents.courtesies import courtesies_in
from intents.grounding import Grounding, ground
from intents.intent import Intent, Operation
from intents.interpretation import Span
from intents.row_phrases import RowPhrase, RowPhraseReader
from intents.tagging import WordTag
from intents.types.base import ValueContext
from intents.vocabulary import vocabulary_of
from intents.words import FUNCTION_WORDS, HARD_WORDS, TIME_WORDS, Token, is_typo_of, stem, stems_of, tokens_of

_SLOT = re.compile(r"\{[a-z_]+\}")


@dataclass(frozen=True, slots=True)
class Reading:
    """One intent's reading of a request."""

    intent: Intent
    grounding: Grounding
    phrases: tuple[RowPhrase, ...]
    leftover: tuple[Token, ...]
    """Content words that nothing accounts for."""
    loosely: tuple[Token, ...] = ()
    """Words that only what people ask for the intent with accounts for, not its pack."""

    @property
    def hard(self) -> tuple[Token, ...]:
        """The leftover words that are conditions, negations, exceptions or (of a change) times."""
        return tuple(token for token in self.leftover if self._is_hard(token))

    @property
    def soft(self) -> tuple[Token, ...]:
        """The leftover words that only describe."""
        return tuple(token for token in self.leftover if not self._is_hard(token))

    def _is_hard(self, token: Token) -> bool:
        return token.folded in HARD_WORDS or (self.intent.is_change and token.folded in TIME_WORDS)


def own_words(intent: Intent) -> frozenset[str]:
    """Return the stems of the words that an intent accounts for: its sentences, name, synonyms, parameters."""
    sentences = [_SLOT.sub(" ", sentence) for sentence in (intent.summary, *intent.examples)]
    words = [intent.name.replace(".", " ").replace("_", " "), *intent.says]
    return stems_of([*sentences, *words])


def read_as(
    intent: Intent,
    text: str,
    context: ValueContext,
    *,
    taken: Sequence[Span],
    operation: Operation,
    tags: Sequence[WordTag] = (),
) -> Reading:
    """Return how `text` reads as `intent`, outside the spans `taken` by the target phrase; `tags`: what the model says of its words."""
    known = own_words(intent)
    asked_with = vocabulary_of(intent.name)
    grounding = ground(intent, text, context, taken=taken, known_stems=known, tags=tags)
    phrases: list[RowPhrase] = []
    read = operation.read
    if read is not None:
        reader = RowPhraseReader(read.columns, order=read.order, known_stems=known)
        phrases = reader.read(text, [*taken, *grounding.spans], context)
    spans_of_rows = [span for phrase in phrases for span in phrase.spans]
    used = [*taken, *grounding.spans, *spans_of_rows, *courtesies_in(text)]
    column_stems: set[str] = set()
    if read is not None:
        for column in read.columns:
            column_stems |= {
                stem(word.casefold()) for say in (column.name, *column.says) for word in re.split(r"[_\s]+", say)
            }
    asked_with = vocabulary_of(intent.name)
    own_hard = asked_with | {token.folded for example in intent.examples for token in tokens_of(example)}
    is_hard = HARD_WORDS | TIME_WORDS if intent.is_change else HARD_WORDS
    words = _Words(known, column_stems, own_hard, is_hard)
    unknown = [token for token in tokens_of(text) if not _accounted(token, used, words)]
    loosely = tuple(token for token in unknown if token.folded not in is_hard and token.stem in asked_with)
    leftover = tuple(token for token in unknown if token not in loosely)
    return Reading(intent, grounding, tuple(phrases), leftover, loosely)


@dataclass(frozen=True, slots=True)
class _Words:
    """The words that an intent accounts for."""

    known: frozenset[str]
    """Stems of its pack's words; also misspelt they are its own."""
    others: AbstractSet[str]
    """Further stems: of its columns."""
    own_hard: AbstractSet[str]
    """The negations, conditions and times of its own sentences ("at boot, when the network is up")."""
    hard: AbstractSet[str]
    """Words that only `own_hard` accounts for."""


def _accounted(token: Token, used: Sequence[Span], words: _Words) -> bool:
    if any(start <= token.start and token.end <= end for start, end in used):
        return True
    if token.folded in words.hard:
        return token.folded in words.own_hard or (token.start == 0 and token.folded == "when")
    known = words.known
    is_sign = not any(character.isalnum() for character in token.text)
    if is_sign or token.folded in FUNCTION_WORDS or token.stem in known or token.stem in words.others:
        return True
    if any(start < token.end and token.start < end for start, end in used):
        return True  # punctuation or a possessive around a used value
    parts = token.folded.strip("-").split("-")
    if len(parts) > 1 and all(part in FUNCTION_WORDS or stem(part) in known for part in parts):
        return True
    return any(is_typo_of(token.stem, word) for word in known)
