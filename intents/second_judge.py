"""A person's own generator as second judge: how likely each of a few operations would lead to this very request.

It writes nothing. For each operation of the shortlist the probability of the request's own words is read, given the
operation's summary and an example of it ("noisy channel", Min et al. 2022, arXiv:2108.04106); that has no favourite
place in a list, which small generators have, and works with base and chat models alike. So it can only reorder what
the first judge took into consideration: it names no operation and no value.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from intents.encoder import ModelIdentity
from intents.errors import ModelError
from intents.intent import Intent
from intents.llama_model import LlamaModel
from intents.model_manifest import trusted_manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONTEXT_TOKENS = 512
THREADS = 2
_PROMPT = "The operation: {summary}.\nSomebody asks a colleague for it: {example}\nSomebody else asks for the same: "


class SecondJudge:
    """A loaded generator. Same file, machine and text: the same likelihoods."""

    def __init__(self, path: Path, trusted: Mapping[str, str] | str | None) -> None:
        """Load the model; raises `ModelError` for a file that isn't trusted, was changed, or can't be used."""
        manifest = trusted_manifest(path, trusted)
        self.identity = ModelIdentity(manifest.name, manifest.sha256)
        self._lock = RLock()
        self._loaded = LlamaModel(manifest, _set_up)
        self._llama = self._loaded.llama
        if not self._loaded.context:
            self.close()
            raise ModelError(f"The model {path} can't be used.", remedy="Choose another GGUF file.")

    def log_likelihoods(self, request: str, intents: Sequence[Intent]) -> Sequence[float]:
        """Return, for each intent, the logarithm of the probability of the request's words after it."""
        with self._lock:
            return [self._log_likelihood(request, intent) for intent in intents]

    def close(self) -> None:
        """Free the model's memory; calling it twice is fine."""
        with self._lock:
            self._loaded.close()

    def _log_likelihood(self, request: str, intent: Intent) -> float:
        import numpy as np

        example = intent.examples[0].replace("{", "").replace("}", "").replace("_", " ")
        prompt = self._loaded.tokens(
            _PROMPT.format(summary=intent.summary.rstrip("."), example=example), with_marks=True
        )
        said = self._loaded.tokens(request, with_marks=False)[: CONTEXT_TOKENS - len(prompt)]
        logits = self._logits([*prompt, *said], len(prompt) - 1, len(said))
        highest = logits.max(axis=1, keepdims=True)
        normal = highest[:, 0] + np.log(np.exp(logits - highest).sum(axis=1))
        return float((logits[np.arange(len(said)), said] - normal).sum())

    def _logits(self, tokens: Sequence[int], start: int, count: int) -> "NDArray[Any]":
        """Return the logits after the tokens at `start`, `start` + 1, ...: (count, vocabulary)."""
        import numpy as np

        llama = self._llama
        with_content = True
        llama.llama_memory_clear(llama.llama_get_memory(self._loaded.context), with_content)
        batch = llama.llama_batch_init(len(tokens), 0, 1)
        try:
            batch.n_tokens = len(tokens)
            for place, token in enumerate(tokens):
                batch.token[place], batch.pos[place] = token, place
                batch.n_seq_id[place], batch.seq_id[place][0] = 1, 0
                batch.logits[place] = start <= place < start + count
            if llama.llama_decode(self._loaded.context, batch) != 0:
                raise ModelError("The second model failed on a text.", remedy="Leave --model out.")
            width = llama.llama_vocab_n_tokens(self._loaded.vocabulary)
            rows = [
                np.ctypeslib.as_array(llama.llama_get_logits_ith(self._loaded.context, place), shape=(width,)).copy()
                for place in range(start, start + count)
            ]
        finally:
            llama.llama_batch_free(batch)
        return np.stack(rows).astype(np.float64)


def _set_up(_llama: Any, parameters: Any) -> None:  # noqa: ANN401 - llama_cpp has no types
    parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = CONTEXT_TOKENS
    parameters.n_threads = parameters.n_threads_batch = THREADS
