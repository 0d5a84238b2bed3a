"""Which word of a request is the value of which parameter, as the model sees it.

A linear layer over the encoder's word vectors (the mean of a word's token vectors), trained
together with the encoder: one class for each parameter name of the catalogue, one for words that
are no value. It only weighs the stretches that the parameters' types accept (`intents.grounding`).
Another one tells the words that make an order conditional ("unless", "on the moon box", "tonight").
"""

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from intents.errors import ModelError
from intents.interpretation import Span

if TYPE_CHECKING:  # numpy takes 0.1 s to import and is needed only once a request is scored
    import numpy as np
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float32]

OUTSIDE = "-"
"""The class of words that are no value; no parameter can be called so."""
_LOWEST_CHANCE = 0.01
"""Less likely names are left out: a word has one or two names in question, not a hundred."""


@dataclass(frozen=True, slots=True)
class WordTag:
    """One word of a text: its span, and the probability that it is (part of) each parameter's value.

    `condition` is how likely it makes the order conditional (an exception, a place, a time): log odds.
    """

    span: Span
    chances: Mapping[str, float]
    condition: float = -30.0

    def chance(self, name: str, among: frozenset[str]) -> float:
        """Return how likely the word is a value of `name`, given that only the names `among` or none come into question."""
        total = sum(chance for other, chance in self.chances.items() if other in among or other == OUTSIDE)
        return self.chances.get(name, 0.0) / total if total > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Tagger:
    """`weights` has shape (dimension + 1, names), `condition` (dimension + 1, 1): the last row is the bias."""

    names: tuple[str, ...]
    weights: "FloatArray"
    condition: "FloatArray"

    def tags(self, words: Sequence[Span], vectors: "FloatArray") -> list[WordTag]:
        """Return the tag of each word; `vectors` has shape (words, dimension)."""
        import numpy as np

        scores = vectors @ self.weights[:-1] + self.weights[-1]
        exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances = exponentials / exponentials.sum(axis=1, keepdims=True)
        conditions = (vectors @ self.condition[:-1] + self.condition[-1])[:, 0].tolist()
        return [
            WordTag(
                span,
                {self.names[index]: float(row[index]) for index in np.flatnonzero(row > _LOWEST_CHANCE)},
                condition,
            )
            for span, row, condition in zip(words, chances, conditions, strict=False)
        ]

    def dump(self) -> bytes:
        """Return the tagger as an npz without pickled objects."""
        import numpy as np

        buffer = io.BytesIO()
        names = np.frombuffer(json.dumps(self.names).encode(), dtype=np.uint8)
        np.savez(buffer, names=names, weights=self.weights, condition=self.condition)
        return buffer.getvalue()


def load_tagger(content: bytes) -> Tagger:
    """Return the tagger of an npz. Raises `ModelError` for one that isn't a tagger."""
    import zipfile

    import numpy as np

    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            names = tuple(json.loads(bytes(arrays["names"]).decode()))
            tagger = Tagger(names, arrays["weights"].astype(np.float32), arrays["condition"].astype(np.float32))
    except (ValueError, KeyError, OSError, zipfile.BadZipFile, EOFError) as error:
        raise ModelError(
            f"The model's tagger can't be read ({type(error).__name__}).",
            remedy="Reinstall sayso, or run `make heads`.",
        ) from None
    if tagger.weights.shape[1:] != (len(tagger.names),) or tagger.condition.shape != (tagger.weights.shape[0], 1):
        raise ModelError("The model's tagger has the wrong shape.", remedy="Reinstall sayso, or run `make heads`.")
    return tagger


def conditional_chance(tags: Sequence[WordTag]) -> float:
    """Return how likely the text holds a condition: the smooth maximum of its words, as it was trained."""
    if not tags:
        return 0.0
    highest = max(tag.condition for tag in tags)
    odds = highest + math.log(sum(math.exp(tag.condition - highest) for tag in tags))
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, odds))))
