"""How likely a reading of a request is what was meant, from all that speaks for and against it.

Two logistic regressions, one for reads and one for changes, over a dozen signs: the model's scores, and what the
reading left over. They were fitted on the calibration sentences (`scripts/training/decision.py`), so a chance of 0.9
is right nine times in ten; `model/decision.json` has the weights.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Self

from intents.errors import ModelError
from intents.everyday import everyday_stems
from intents.intent import Intent, Risk
from intents.interpretation import overlap
from intents.reading import Reading
from intents.tagging import OUTSIDE, WordTag, conditional_chance
from intents.words import Token

DECISION_FILE = Path(__file__).parent / "model" / "decision.json"
_LEAST = 1e-4
"""Chances nearer to 0 or 1 say no more than this."""
_LEAST_CONDITION = -8.0
_MANY = 4
"""More words than this left over say no more than these."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What a reading is judged by; chances as log odds, words as counts, yes as 1."""

    confidence: float
    """That it is this intent, by the model and by how well the intents read."""
    share: float
    """The same among the intents only."""
    nobody: float
    """That the request is for no intent at all."""
    condition: float
    """That the sentence holds a condition, exception, place or time that no intent keeps."""
    everyday: float
    """Words left over that people use to say why."""
    strange: float
    """Other plain words left over."""
    values: float
    """Whether what looks like a value is left over."""
    hard: float
    """Negations, conditions and times left over."""
    value_chance: float
    """How likely one of the words left over is a value, by the model's tags (0 to 1)."""
    word_condition: float
    """The strongest condition among the words left over."""
    is_destructive: float

    def as_row(self) -> tuple[float, ...]:
        """Return the signs in the order of their names."""
        return astuple(self)


SIGNS = tuple(field.name for field in fields(Signs))


@dataclass(frozen=True, slots=True)
class Scores:
    """What the model and the readings side by side give: all are chances."""

    confidence: float
    share: float
    nobody: float


def signs_of(reading: Reading, scores: Scores, tags: Sequence[WordTag]) -> Signs:
    """Return the signs of one reading of a request."""
    everyday = everyday_stems()
    strange = [token for token in reading.soft if token.stem not in everyday]
    values = [token for token in strange if not is_plain(token)]
    left = [tag for tag in tags if any(overlap(tag.span, (token.start, token.end)) for token in reading.leftover)]
    return Signs(
        confidence=log_odds(scores.confidence),
        share=log_odds(scores.share),
        nobody=log_odds(scores.nobody),
        condition=log_odds(conditional_chance(tags)),
        everyday=min(len(reading.soft) - len(strange), _MANY),
        strange=min(len(strange) - len(values), _MANY),
        values=float(bool(values)),
        hard=len(reading.hard),
        value_chance=max((1.0 - tag.chances.get(OUTSIDE, 0.0) for tag in left), default=0.0),
        word_condition=max((max(tag.condition, _LEAST_CONDITION) for tag in left), default=_LEAST_CONDITION),
        is_destructive=float(reading.intent.risk is Risk.DESTRUCTIVE),
    )


def log_odds(chance: float) -> float:
    """Return the logarithm of the odds of a chance.

    >>> log_odds(0.5), round(log_odds(0.9), 2), round(log_odds(0), 1)
    (0.0, 2.2, -9.2)
    """
    kept = min(max(chance, _LEAST), 1.0 - _LEAST)
    return math.log(kept / (1.0 - kept))


_PLAIN = re.compile(r"-+[^\W\d_][\w=-]*|-\d|[^\W\d_]+(?:[-/'\u2019+&][^\W\d_]*)*")


def is_plain(token: Token) -> bool:
    """Whether a token is a word of letters (or several: "read/write"), or an option of a typed command: no name with digits.

    >>> [is_plain(Token(0, len(word), word)) for word in ("suid/sgid", "--sort", "web1", "/opt/app")]
    [True, True, False, False]
    """
    return _PLAIN.fullmatch(token.text) is not None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When to act, when to ask. Chosen on sentences that trained nothing; see docs/accuracy.md."""

    read: float = 0.7
    change: float = 0.8
    destructive: float = 0.8
    ask: float = 0.12
    """Of the model's confidence: below it there is nothing to ask about."""
    conditional: float = 0.4
    """How likely a change's order may hold a condition before that is what is asked about."""
    strange: float = 0.95
    """How sure a change must be to leave more than everyday words aside."""

    def needed_for(self, intent: Intent) -> float:
        """Return how sure it must be that this intent is meant."""
        if intent.risk is Risk.DESTRUCTIVE:
            return self.destructive
        return self.change if intent.is_change else self.read


@dataclass(frozen=True, slots=True)
class Decider:
    """`reads` and `changes` are the weights by sign, and `bias`."""

    reads: Mapping[str, float]
    changes: Mapping[str, float]

    @classmethod
    def load(cls, path: Path = DECISION_FILE) -> Self:
        """Return the shipped one. Raises `ModelError` for a file that isn't one."""
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
            reads, changes = ({str(k): float(v) for k, v in entry[name].items()} for name in ("reads", "changes"))
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise ModelError(
                f"The model's weights for decisions can't be read ({type(error).__name__}).",
                remedy="Reinstall sayso, or run `make heads`.",
            ) from None
        if not set(reads) == set(changes) == {"bias", *SIGNS}:
            raise ModelError(
                "The model's weights for decisions are of another version.",
                remedy="Reinstall sayso, or run `make heads`.",
            )
        return cls(reads, changes)

    def chance(self, signs: Signs, *, is_change: bool) -> float:
        """Return how likely the reading is what was meant, and all of it."""
        weights = self.changes if is_change else self.reads
        score = weights["bias"] + sum(weights[name] * value for name, value in zip(SIGNS, signs.as_row(), strict=True))
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, score))))
