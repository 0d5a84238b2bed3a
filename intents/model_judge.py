"""The judge of every request: the encoder's vector of a sentence, and the head's probabilities.

The shipped head belongs to the built-in catalogue. With packs of one's own, or edited ones, a head
is trained at first use (seconds) and kept in the cache.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from intents.encoder import Encoder, ModelIdentity
from intents.errors import ModelError
from intents.head import Head, load_head, train_head, write_atomically
from intents.intent import Intent
from intents.interpretation import Candidate
from intents.masking import masked
from intents.training_texts import NONE, TrainingText, training_key, training_texts

SHIPPED_HEAD = Path(__file__).parent / "model" / "head.npz"


@dataclass(frozen=True, slots=True)
class ModelScores:
    """The probabilities of one request, best first."""

    candidates: Sequence[Candidate]
    none: float


class ModelJudge:
    """Scores requests; deterministic on one machine."""

    def __init__(self, encoder: Encoder, head: Head) -> None:
        self._encoder = encoder
        self._head = head

    @classmethod
    def open(
        cls,
        catalogue: Mapping[str, Intent],
        cache_directory: Path,
        *,
        model: Path | None = None,
        trusted_sha256: Mapping[str, str] | str | None = None,
    ) -> Self:
        """Return the judge of a catalogue. Raises `ModelError` for a model or head that can't be used."""
        encoder = Encoder.open(model, trusted_sha256=trusted_sha256)
        texts = training_texts(catalogue)
        return cls(encoder, _head(encoder, texts, cache_directory))

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
        """Return the probability of each intent for `text` (already masked), best first."""
        chances = self._head.probabilities(self._encoder.embed(text))
        ordered = sorted(zip(self._head.names, chances.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
        candidates = [Candidate(name, chance, "") for name, chance in ordered if name != NONE]
        return ModelScores(candidates, next(chance for name, chance in ordered if name == NONE))


def _head(encoder: Encoder, texts: Sequence[TrainingText], cache_directory: Path) -> Head:
    key = training_key(texts, encoder.identity.sha256)
    shipped = load_head(SHIPPED_HEAD.read_bytes()) if SHIPPED_HEAD.exists() else None
    if shipped is not None and shipped.key == key:
        return shipped
    kept = cache_directory / f"head-{key[:32]}.npz"
    try:
        head = load_head(kept.read_bytes())
        if head.key == key:
            return head
    except (OSError, ModelError):
        pass  # not there, or damaged: it is made anew
    head = train_head(texts, key, encoder.embed)
    write_atomically(kept, head.dump())
    for old in cache_directory.glob("head-*.npz"):
        if old != kept:
            old.unlink(missing_ok=True)
    return head


def train_shipped_head(catalogue: Mapping[str, Intent]) -> str:
    """Train and write the head that is shipped with the built-in packs; return its key. For `make pins`."""
    encoder = Encoder.open()
    texts = training_texts(catalogue)
    key = training_key(texts, encoder.identity.sha256)
    SHIPPED_HEAD.write_bytes(train_head(texts, key, encoder.embed).dump())
    return key
