"""Fits how likely a reading is right from its signs (`intents.deciding`), on sentences that trained nothing else.

Logistic regression by Newton's method with a little weight decay: the same sentences give the same weights. Of the sentences
that hold a condition, only ask, or are foreign, every reading is wrong.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from intents.deciding import SIGNS
from intents.intent import Intent
from intents.interpreter import Interpreter
from intents.measuring import FACTS, KnownSentence, context_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float64]

WEIGHT_DECAY = 2.0
STEPS = 40
DIGITS = 4


def decision_weights(
    sentences: Sequence[KnownSentence], interpreter: Interpreter, catalogue: Mapping[str, Intent]
) -> str:
    """Return the content of `model/decision.json`."""
    rows: dict[str, list[tuple[tuple[float, ...], bool]]] = {"reads": [], "changes": []}
    for one in sentences:
        judged = interpreter.signs(one.text, context_for(one, catalogue), facts=FACTS)
        if judged is None:
            continue
        reading, signs = judged
        if reading.grounding.missing and one.kind == "in":
            continue  # it is asked about whatever the chance
        is_right = one.kind == "in" and one.intent == reading.intent.name
        rows["changes" if reading.intent.is_change else "reads"].append((signs.as_row(), is_right))
    weights = {kind: _fitted([signs for signs, _ in some], [right for _, right in some]) for kind, some in rows.items()}
    return json.dumps(weights, indent=2) + "\n"


def _fitted(rows: Sequence[Sequence[float]], right: Sequence[bool]) -> Mapping[str, float]:
    inputs: FloatArray = np.array(rows, np.float64)
    wanted: FloatArray = np.array(right, np.float64)
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    scaled = np.concatenate([(inputs - mean) / spread, np.ones((len(rows), 1))], axis=1)
    weights = np.zeros(scaled.shape[1])
    decay = WEIGHT_DECAY * np.eye(len(weights))
    decay[-1, -1] = 0.0
    for _ in range(STEPS):
        chances = 1.0 / (1.0 + np.exp(-scaled @ weights))
        slope = scaled.T @ (chances - wanted) + decay @ weights
        curvature = (scaled * (chances * (1.0 - chances))[:, None]).T @ scaled + decay
        weights = weights - np.linalg.solve(curvature, slope)
    plain = weights[:-1] / spread
    named = {name: round(float(weight), DIGITS) for name, weight in zip(SIGNS, plain, strict=True)}
    return {"bias": round(float(weights[-1] - plain @ mean), DIGITS), **named}
