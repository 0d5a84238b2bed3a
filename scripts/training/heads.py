"""Fits the class head on the encoder's vectors, and how near an unknown intent's examples must be.

Plain numpy, a fixed number of accelerated gradient steps (Nesterov 1983), no randomness: the same sentences give the
same head on the same machine. Weight decay, steps and the temperature were chosen on the calibration sentences.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from intents.head import NOBODY, SCALE, Head

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float32]

WEIGHT_DECAY = 1e-4
STEPS = 300
NOBODY_SHARE = 1.0
CONTRADICTED = 0.5
"""The chance of one operation from which a text for nobody is taken for a mistake."""


def train_head(labels: Sequence[str], vectors: "FloatArray", key: str) -> Head:
    """Return the head of sentences with these labels and vectors (sentences, dimension)."""
    names = tuple(dict.fromkeys(labels))
    mean = vectors.mean(axis=0)
    inputs = np.concatenate([(vectors - mean) * SCALE, np.ones((len(labels), 1), np.float32)], axis=1)
    place = {name: index for index, name in enumerate(names)}
    wanted = np.zeros((len(labels), len(names)), np.float32)
    wanted[np.arange(len(labels)), [place[label] for label in labels]] = 1.0
    share = np.array([NOBODY_SHARE if label.startswith(NOBODY) else 1.0 for label in labels], np.float32)[:, None]
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


def train_without_contradictions(
    labels: Sequence[str], vectors: "FloatArray", key: str, doubtful: Sequence[bool]
) -> tuple[Head, Sequence[int]]:
    """Return the head without those of the `doubtful` texts that the others speak against, and the places of these.

    A text for nobody was perhaps written before there was an operation for it: where a head that never saw it takes it
    for one, it would only blur that operation.
    """
    certain = np.array([not one for one in doubtful])
    first = train_head([label for label, one in zip(labels, certain, strict=True) if one], vectors[certain], key)
    is_intent = np.array([not name.startswith(NOBODY) for name in first.names])
    dropped = []
    for place in np.flatnonzero(~certain):
        scores = first.scores(vectors[place])
        chances = np.exp(scores - scores.max())
        if chances[is_intent].max() > CONTRADICTED * chances.sum():
            dropped.append(int(place))
    kept = np.array([place for place in range(len(labels)) if place not in set(dropped)])
    return train_head([labels[place] for place in kept], vectors[kept], key), dropped


def embedded(texts: Sequence[str], embed: "Callable[[str], FloatArray]") -> "FloatArray":
    """Return the vectors of `texts`: (texts, dimension)."""
    return np.stack([embed(text) for text in texts]).astype(np.float32)
