"""The judge of every request: one pass of the encoder gives the intents' probabilities and the words' tags.

The shipped head knows the built-in catalogue. Intents that it doesn't know (packs of one's own) are judged by how near
a request is to their examples; they work at once.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

from intents.encoder import Encoder, ModelIdentity
from intents.head import NOBODY, Head, load_head
from intents.intent import Intent
from intents.interpretation import Candidate
from intents.mapped_text import MappedText
from intents.masking import masked
from intents.own_examples import OwnExamples, own_examples
from intents.tagging import Tagger, WordTag, load_tagger

if TYPE_CHECKING:  # numpy takes 0.1 s to import and is needed only once a request is scored
    import numpy as np
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float32]

MODEL_FOLDER = Path(__file__).parent / "model"
SHIPPED_HEAD = MODEL_FOLDER / "head.npz"
SHIPPED_TAGGER = MODEL_FOLDER / "tagger.npz"


@dataclass(frozen=True, slots=True)
class ModelScores:
    """The probabilities of one request, best first, and the tag of each of its words."""

    candidates: Sequence[Candidate]
    none: float
    tags: Sequence[WordTag] = ()


class ModelJudge:
    """Scores requests; deterministic on one machine."""

    def __init__(
        self,
        encoder: Encoder,
        head: Head | None,
        tagger: Tagger | None = None,
        *,
        known: frozenset[str] | None = None,
        own: OwnExamples | None = None,
    ) -> None:
        """`known`: the intents that there are; classes of others are left out (None: all are there)."""
        self._encoder = encoder
        self._head = head
        self._tagger = tagger
        self._known = known
        self._own = own or OwnExamples((), (), None)

    @classmethod
    def open(
        cls,
        catalogue: Mapping[str, Intent],
        cache_directory: Path,
        *,
        model: Path | None = None,
        trusted_sha256: Mapping[str, str] | str | None = None,
        corrected: Mapping[str, str] | None = None,
    ) -> Self:
        """Return the judge of a catalogue; `corrected`: sentence -> the intent that a person said it means.

        Raises `ModelError` for a model or head that can't be used.
        """
        encoder = Encoder.open(model, trusted_sha256=trusted_sha256)
        head: Head | None = load_head(SHIPPED_HEAD.read_bytes())
        tagger: Tagger | None = load_tagger(SHIPPED_TAGGER.read_bytes())
        if head is not None and head.key != encoder.identity.sha256:
            head = tagger = None  # a person's own encoder: what ours learned means nothing to it
        known = head.names if head is not None else ()
        unknown = {name: intent for name, intent in catalogue.items() if name not in known}
        meant = {text: name for text, name in (corrected or {}).items() if name in catalogue}
        own = own_examples(unknown, meant, encoder, cache_directory)
        return cls(encoder, head, tagger, known=frozenset(catalogue), own=own)

    @property
    def identity(self) -> ModelIdentity:
        """The encoder's name and SHA-256."""
        return self._encoder.identity

    def nearest_example(self, text: str, intent: Intent) -> str:
        """Return the intent's example that is most like `text` (already masked); for `--explain`."""
        vector = self._encoder.embed(text)

        def likeness(example: str) -> float:
            return float(self._encoder.embed(masked(example)) @ vector)

        return max(intent.examples, key=likeness)

    def score(self, text: str) -> ModelScores:
        """Return the probability of each intent for `text` (already masked), best first, and the words' tags."""
        vector, words = self._encoder.read(text)
        named = dict(self._of_head(vector))
        for name, score in self._own.scores(vector):
            named[name] = max(score, named.get(name, score))
        weights = _shares(list(named.items()))
        ordered = sorted(weights, key=lambda pair: (-pair[1], pair[0]))
        candidates = [Candidate(name, weight, "") for name, weight in ordered if not name.startswith(NOBODY)]
        none = sum(weight for name, weight in ordered if name.startswith(NOBODY))
        tags = self._tagger.tags(MappedText.of(text).words(), words) if self._tagger is not None else ()
        return ModelScores(candidates, none, tags)

    def _of_head(self, vector: "FloatArray") -> list[tuple[str, float]]:
        """Return the logarithm of the chance of each class among those of the head; without a head all is for nobody."""
        if self._head is None:
            return [(f"{NOBODY}unknown", 0.0)]
        named = [
            (name, score)
            for name, score in zip(self._head.names, self._head.scores(vector).tolist(), strict=True)
            if self._known is None or name in self._known or name.startswith(NOBODY)
        ]
        return [(name, math.log(max(share, 1e-12))) for name, share in _shares(named)]


def _shares(named: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return each name with its share of 1 (softmax)."""
    highest = max(score for _, score in named)
    weights = [(name, math.exp(score - highest)) for name, score in named]
    total = sum(weight for _, weight in weights)
    return [(name, weight / total) for name, weight in weights]
