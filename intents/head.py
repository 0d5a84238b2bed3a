"""The class head over sentence vectors: a score for each intent, and for the groups of what is for nobody.

Multinomial logistic regression on the encoder's vectors (centred, scaled by 10); how it is trained
stands in `scripts/training/heads.py`, how sure it may be in docs/accuracy.md.
"""

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from intents.errors import ModelError

if TYPE_CHECKING:  # numpy takes 0.1 s to import and is needed only once a request is scored
    import numpy as np
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float32]

SCALE = 10.0
NOBODY = "none:"
"""How the classes of sentences for no intent begin (`none:smalltalk`); names of intents have a dot and no colon."""
NEAR_MISS = "none:near_miss"
"""What sounds like an intent and is for none, as the packs say."""


@dataclass(frozen=True, slots=True)
class Head:
    """A trained head. `weights` has shape (dimension + 1, classes): the last row is the bias."""

    key: str
    names: tuple[str, ...]
    mean: "FloatArray"
    weights: "FloatArray"

    def scores(self, vector: "FloatArray") -> "FloatArray":
        """Return the score of each name for a sentence vector: the logarithm of its chance, but for a constant."""
        result: FloatArray = ((vector - self.mean) * SCALE) @ self.weights[:-1] + self.weights[-1]
        return result

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
            f"The model's head can't be read ({type(error).__name__}).", remedy="Reinstall sayso, or run `make heads`."
        ) from None
    if head.weights.shape != (head.mean.shape[0] + 1, len(head.names)):
        raise ModelError("The model's head has the wrong shape.", remedy="Reinstall sayso, or run `make heads`.")
    return head
