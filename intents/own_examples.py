"""Judges intents that the shipped head doesn't know by how near a request is to their examples.

Packs of a person's own work at once: their example sentences are embedded at first use and kept in
the cache. How near is near enough was fitted on intents that were held out of training (docs/accuracy.md).
"""

import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from intents.encoder import Encoder
from intents.intent import Intent
from intents.masking import ADDRESS, PATH, QUOTED, URL, masked
from intents.private_file import write_atomically

if TYPE_CHECKING:  # numpy takes 0.1 s to import and is needed only once a request is scored
    import numpy as np
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float32]

SHARPNESS = 25.0
"""How fast an intent becomes likely as its nearest example comes nearer (cosine)."""
EVEN = 0.72
"""The cosine at which an unknown intent is as likely as everything that the head knows together."""
EVEN_CORRECTED = 0.84
"""The same for a sentence that a person corrected: it speaks for sentences that are much like it only."""

_SLOT = re.compile(r"\{([a-z_]+)\}")
_STAND_INS: Mapping[str, str] = {
    "path": PATH, "size": "2 GB", "duration": "5 minutes", "moment": "yesterday", "count": "10", "percentage": "80%",
    "pid": "812", "port": "8080", "user": "alice", "group": "docker", "package": "nginx", "interface": "eth0",
    "address": ADDRESS, "url": URL, "mode": "0644", "mount": "/mnt/data", "device": "sdb1", "host": "web1", "text": QUOTED,
    "regex": "error", "glob": "*.log", "name:unit": "nginx", "name:timezone": "Europe/Berlin",
    "name:container": "web", "name:hostname": "web1", "name:database": "shop", "name:module": "br_netfilter",
    "name:sysctl": "vm.swappiness",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OwnExamples:
    """`vectors[i]`, of length 1, is an example of the intent `names[i]`, as likely as all else at the cosine `evens[i]`."""

    names: tuple[str, ...]
    evens: tuple[float, ...]
    vectors: "FloatArray | None"

    def scores(self, vector: "FloatArray") -> list[tuple[str, float]]:
        """Return the score of each intent: the logarithm of how many times likelier it is than all that the head knows."""
        if self.vectors is None:
            return []
        best: dict[str, float] = {}
        for name, even, cosine in zip(self.names, self.evens, (self.vectors @ vector).tolist(), strict=True):
            score = SHARPNESS * (cosine - even)
            best[name] = max(best.get(name, score), score)
        return list(best.items())


def own_examples(
    intents: Mapping[str, Intent], corrected: Mapping[str, str], encoder: Encoder, cache_directory: Path
) -> OwnExamples:
    """Return the examples of `intents`, and the `corrected` sentences (sentence -> intent), as `encoder` sees them.

    Their vectors are kept in the cache.
    """
    import numpy as np

    examples = [(name, EVEN, text) for name, intent in intents.items() for text in example_texts(intent)]
    examples += [(name, EVEN_CORRECTED, masked(text)) for text, name in corrected.items()]
    if not examples:
        return OwnExamples((), (), None)
    texts = [text for _, _, text in examples]
    key = hashlib.sha256(json.dumps([encoder.identity.sha256, texts], ensure_ascii=False).encode()).hexdigest()
    kept = cache_directory / f"examples-{key[:32]}.npy"
    vectors = _load(kept, (len(texts), encoder.dimension))
    if vectors is None:
        vectors = np.stack([encoder.embed(text) for text in texts]).astype(np.float32)
        buffer = io.BytesIO()
        np.save(buffer, vectors)
        write_atomically(kept, buffer.getvalue())
        for old in cache_directory.glob("examples-*.npy"):
            if old != kept:
                old.unlink(missing_ok=True)
    return OwnExamples(tuple(name for name, _, _ in examples), tuple(even for _, even, _ in examples), vectors)


def example_texts(intent: Intent) -> Sequence[str]:
    """Return an intent's summary and examples as the model reads them, slots filled by stand-ins."""

    def stand_in(match: re.Match[str]) -> str:
        parameter = intent.parameters.get(match[1])
        return _STAND_INS.get(parameter.type.name if parameter else "", match[1].replace("_", " "))

    return [masked(_SLOT.sub(stand_in, text)) for text in (intent.summary, *intent.examples)]


def _load(file: Path, shape: tuple[int, int]) -> "FloatArray | None":
    """Return the kept vectors; None where they aren't there, or damaged: they are made anew."""
    import zipfile

    import numpy as np

    try:
        vectors = np.load(io.BytesIO(file.read_bytes()), allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
    is_whole = isinstance(vectors, np.ndarray) and vectors.shape == shape and vectors.dtype == np.float32
    return vectors if is_whole else None
