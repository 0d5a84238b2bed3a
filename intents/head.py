"""The class head over sentence vectors: a probability for each intent, and for "none".

Multinomial logistic regression on frozen vectors (centred, scaled by 10), trained by a fixed number
of accelerated gradient steps (Nesterov 1983) in plain numpy: no randomness, so the same sentences
give the same head on the same machine. Steps, weight decay and the weight of "none" were chosen on
the calibration sentences (tests/sentences/calibration.jsonl); docs/accuracy.md has the figures.
"""

import io
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from intents.errors import ModelError
from intents.training_texts import NONE, TrainingText

if TYPE_CHECKING:  # numpy takes 0.1 s to import and is needed only once a request is scored
    import numpy as np
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float32]

SCALE = 10.0
WEIGHT_DECAY = 3e-4
STEPS = 300
NONE_WEIGHT = 1.0
"""How much a sentence out of scope counts. With 331 intents they are 7 % of all; when they were a third, half of it was right."""


@dataclass(frozen=True, slots=True)
class Head:
    """A trained head. `weights` has shape (dimension + 1, classes): the last row is the bias."""

    key: str
    names: tuple[str, ...]
    mean: "FloatArray"
    weights: "FloatArray"

    def probabilities(self, vector: "FloatArray") -> "FloatArray":
        """Return the probability of each name for a sentence vector; they add up to 1."""
        import numpy as np

        scores = ((vector - self.mean) * SCALE) @ self.weights[:-1] + self.weights[-1]
        exponentials = np.exp(scores - scores.max())
        chances: FloatArray = exponentials / exponentials.sum()
        return chances

    def dump(self) -> bytes:
        """Return the head as an npz without pickled objects."""
        import numpy as np

        buffer = io.BytesIO()
        words = np.frombuffer(json.dumps([self.key, *self.names]).encode(), dtype=np.uint8)
        np.savez(buffer, words=words, mean=self.mean, weights=self.weights)
        return buffer.getvalue()


def load_head(content: bytes) -> Head:
    """Return the head of an npz. Raises `ModelError` for one that isn't a head."""
    import zipfile

    import numpy as np

    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            key, *names = json.loads(bytes(arrays["words"]).decode())
            head = Head(key, tuple(names), arrays["mean"], arrays["weights"])
    except (ValueError, KeyError, OSError, zipfile.BadZipFile, EOFError) as error:
        raise ModelError(
            f"The model's head can't be read ({type(error).__name__}).", remedy="Reinstall sayso, or run `make pins`."
        ) from None
    if head.weights.shape != (head.mean.shape[0] + 1, len(head.names)):
        raise ModelError("The model's head has the wrong shape.", remedy="Reinstall sayso, or run `make pins`.")
    return head


def train_head(texts: Sequence[TrainingText], key: str, embed: "Callable[[str], FloatArray]") -> Head:
    """Return the head of these sentences; `embed` gives a sentence's vector."""
    import numpy as np

    names = tuple(dict.fromkeys(one.label for one in texts))
    vectors = np.stack([embed(one.text) for one in texts]).astype(np.float32)
    mean = vectors.mean(axis=0)
    inputs = np.concatenate([(vectors - mean) * SCALE, np.ones((len(texts), 1), np.float32)], axis=1)
    wanted = np.zeros((len(texts), len(names)), np.float32)
    wanted[np.arange(len(texts)), [names.index(one.label) for one in texts]] = 1.0
    share = np.array([NONE_WEIGHT if one.label == NONE else 1.0 for one in texts], np.float32)[:, None]
    share /= share.sum()
    # The largest step that can't overshoot: softmax's curvature is at most half of the inputs' own.
    step = 1.0 / (0.5 * float(np.linalg.norm(inputs * np.sqrt(share), 2)) ** 2 + WEIGHT_DECAY)
    weights = np.zeros((inputs.shape[1], len(names)), np.float32)
    ahead, momentum = weights.copy(), 1.0
    for _ in range(STEPS):
        scores = inputs @ ahead
        scores -= scores.max(axis=1, keepdims=True)
        chances = np.exp(scores)
        chances /= chances.sum(axis=1, keepdims=True)
        slope = inputs.T @ ((chances - wanted) * share) + WEIGHT_DECAY * ahead
        after = (ahead - step * slope).astype(np.float32)
        momentum, before = (1 + (1 + 4 * momentum * momentum) ** 0.5) / 2, momentum
        ahead = after + np.float32((before - 1) / momentum) * (after - weights)
        weights = after
    return Head(key, names, mean, weights)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a private file whole or not at all; a folder that can't be written costs only time."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
            fresh = Path(stream.name)
            try:
                stream.write(content)
                stream.flush()
                fresh.replace(path)
            except OSError:
                fresh.unlink(missing_ok=True)
    except OSError:
        return
