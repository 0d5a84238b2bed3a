"""A model file in llama.cpp: checked against its manifest, loaded, and what it computes in."""

from collections.abc import Callable
from typing import Any

from intents.errors import ModelError
from intents.llama_library import import_llama
from intents.model_manifest import ModelManifest, open_verified


class LlamaModel:
    """A loaded model. `context` is None where the model can't be used as it was set up, and once it is closed."""

    def __init__(self, manifest: ModelManifest, set_up: Callable[[Any, Any], None]) -> None:
        """Load the model of `manifest`; `set_up` gets llama.cpp and the context's parameters to fill in.

        The file is mapped, not copied (llama.cpp's default), and no GPU is looked for. Raises `ModelError`.
        """
        with open_verified(manifest) as stream:
            self.llama = import_llama()
            parameters = self.llama.llama_model_default_params()
            parameters.n_gpu_layers = 0
            # By its descriptor, so that it is the file whose hash was checked.
            path = f"/proc/self/fd/{stream.fileno()}".encode()
            self._model = self.llama.llama_model_load_from_file(path, parameters)
        if not self._model:
            raise ModelError(
                f"llama.cpp can't load the model {manifest.file}.",
                remedy="It may need a newer llama-cpp-python, or not be a complete model.",
            )
        self.vocabulary = self.llama.llama_model_get_vocab(self._model)
        self.dimension: int = self.llama.llama_model_n_embd(self._model)
        parameters = self.llama.llama_context_default_params()
        set_up(self.llama, parameters)
        self.context: Any = self.llama.llama_init_from_model(self._model, parameters)

    def tokens(self, text: str, *, with_marks: bool) -> list[int]:
        """Return the token ids of a text; what looks like a special token in it (`[SEP]`) stays text.

        Raises `ModelError` for a model that was closed, or that can't split the text.
        """
        if not self.context:  # llama.cpp would abort the whole process
            raise ModelError("The model was closed.", remedy="Open it again.")
        content = text.encode("utf-8", "replace")
        room, as_text = len(content) + 2, False
        tokens = (self.llama.llama_token * room)()
        count = self.llama.llama_tokenize(self.vocabulary, content, len(content), tokens, room, with_marks, as_text)
        if count <= 0:
            raise ModelError("The model can't split a text into tokens.", remedy="Use the built-in model.")
        return list(tokens[:count])

    def close(self) -> None:
        """Free the model's memory; calling it twice is fine."""
        if self.context:
            self.llama.llama_free(self.context)
        if self._model:
            self.llama.llama_model_free(self._model)
        self.context = self._model = None
