"""The sentence encoder: a GGUF model in llama.cpp's embedding mode, text in, unit vector out.

Only llama.cpp's C interface is used (`intents.llama_library`).
"""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeAlias

from intents.errors import ModelError
from intents.interpretation import Span
from intents.llama_model import LlamaModel
from intents.model_manifest import ModelManifest, read_manifest, trusted_manifest

if TYPE_CHECKING:  # numpy takes 0.1 s to import and is needed only once a request is scored
    import numpy as np
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float32]

CONTEXT_TOKENS = 256
"""Longer texts are cut at this many tokens: MiniLM was trained on at most 256 (its model card)."""
_LONGEST_TEXT = 8 * CONTEXT_TOKENS
"""Characters that are tokenised at all; English has about 4.5 to a token."""


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model gave a result: stands in every record."""

    name: str
    sha256: str


class Encoder:
    """A loaded model. Same file, machine and text: the same vector bit for bit, in every process."""

    def __init__(self, manifest: ModelManifest) -> None:
        """Load the model of `manifest`; callers use `Encoder.open`."""
        self.identity = ModelIdentity(manifest.name, manifest.sha256)
        self._lock = RLock()
        self._loaded = LlamaModel(manifest, _set_up)
        self._llama = self._loaded.llama
        self.dimension = self._loaded.dimension
        if not self._loaded.context or manifest.dimension not in {None, self.dimension}:
            self.close()
            raise ModelError(
                f"The model {manifest.file} can't be used to embed sentences.",
                remedy="Choose a sentence encoder (BERT-like) in the GGUF format.",
            )

    @classmethod
    def open(
        cls,
        path: Path | None = None,
        *,
        manifest: Path | None = None,
        trusted_sha256: Mapping[str, str] | str | None = None,
    ) -> "Encoder":
        """Load the built-in model (of `manifest`, where given), or a person's own file `path`.

        An own file is loaded only when its SHA-256 is `trusted_sha256`, which is the hash or a map
        from path to hash. Raises `ModelError` when the file is missing, truncated or another one.
        """
        pinned = read_manifest(manifest) if manifest else read_manifest()
        if path is not None and path.resolve() != pinned.file.resolve():
            pinned = trusted_manifest(path, trusted_sha256)
        return cls(pinned)

    def embed(self, text: str) -> "FloatArray":
        """Return the sentence vector of `text`: shape (dimension,), length 1.

        The mean of the token vectors, as the model was trained. Texts beyond the context are cut
        at its end; an empty text has a vector too (that of the two marks around it).
        """
        with self._lock:
            return self._read(self._tokens(text), [])[0]

    def read(self, text: str) -> "tuple[FloatArray, FloatArray]":
        """Return the sentence vector of `text`, and the vectors of its words between blanks, in one pass.

        The second has shape (words, dimension): the mean of each word's token vectors. A token never
        crosses a blank, so each word is split for itself. Words beyond the context have no row.
        """
        with self._lock:
            pieces = [self._pieces(word) for word in text[:_LONGEST_TEXT].split()]
            room = CONTEXT_TOKENS - 2
            kept: list[int] = []
            places: list[Span] = []
            for piece in pieces:
                if len(kept) + len(piece) > room:
                    break
                places.append((len(kept) + 1, len(kept) + 1 + len(piece)))
                kept += piece
            begin, *_, end = self._tokens("")
            array: ctypes.Array[Any] = (self._llama.llama_token * (len(kept) + 2))(begin, *kept, end)
            return self._read(array, places)

    def _pieces(self, word: str) -> list[int]:
        """Return the tokens of one word without the marks at the ends; at least one."""
        return list(self._tokens(word))[1:-1] or list(self._tokens("?"))[1:-1]

    def _read(self, tokens: "ctypes.Array[Any]", places: "list[Span]") -> "tuple[FloatArray, FloatArray]":
        import numpy as np

        vectors = self._token_vectors(tokens)
        mean = vectors.mean(axis=0, dtype=np.float64)
        words = np.zeros((len(places), self.dimension), np.float32)
        for row, (start, end) in enumerate(places):
            words[row] = vectors[start:end].mean(axis=0)
        length = float(np.sqrt(np.dot(mean, mean))) or 1.0
        sentence: FloatArray = (mean / length).astype(np.float32)
        return sentence, words

    def close(self) -> None:
        """Free the model's memory; calling it twice is fine, embedding afterwards is an error."""
        with self._lock:
            self._loaded.close()

    def _tokens(self, text: str) -> "ctypes.Array[Any]":
        """Return the token ids, at most CONTEXT_TOKENS, with the marks at both ends."""
        kept = self._loaded.tokens(text[:_LONGEST_TEXT], with_marks=True)
        if len(kept) > CONTEXT_TOKENS:
            kept = [*kept[: CONTEXT_TOKENS - 1], kept[-1]]
        array: ctypes.Array[Any] = (self._llama.llama_token * len(kept))(*kept)
        return array

    def _token_vectors(self, tokens: "ctypes.Array[Any]") -> "FloatArray":
        import numpy as np

        batch = self._llama.llama_batch_get_one(tokens, len(tokens))
        if self._llama.llama_encode(self._loaded.context, batch) != 0:
            raise ModelError("The model failed on a text.", remedy="Use the built-in model.")
        found = self._llama.llama_get_embeddings(self._loaded.context)
        if not found:
            raise ModelError("The model gave no vectors.", remedy="Choose a sentence encoder in the GGUF format.")
        vectors: FloatArray = np.ctypeslib.as_array(found, shape=(len(tokens), self.dimension))
        return vectors


def _set_up(llama: Any, parameters: Any) -> None:  # noqa: ANN401 - llama_cpp has no types
    """One thread: with two, llama.cpp's barriers spin when a neighbour is busy (measured)."""
    parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = CONTEXT_TOKENS
    parameters.n_threads = parameters.n_threads_batch = 1
    parameters.embeddings = True
    parameters.pooling_type = llama.LLAMA_POOLING_TYPE_NONE
    parameters.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
