"""Opens the models for a session: the encoder, and a person's own generator as second judge."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from intents.encoder import ModelIdentity
from intents.errors import ModelError
from intents.intent import Intent
from intents.llama_library import architecture_of, import_llama
from intents.model_judge import ModelJudge
from shell.corrections import corrections

if TYPE_CHECKING:
    from intents.second_judge import SecondJudge


@dataclass(frozen=True, slots=True)
class Models:
    """What judges a session's requests; `identity` stands in every record."""

    judge: ModelJudge
    second: "SecondJudge | None"
    identity: ModelIdentity


def open_models(
    catalogue: Mapping[str, Intent],
    cache_directory: Path,
    *,
    model: Path | None = None,
    trusted: Mapping[str, str] | None = None,
    corrections_folder: Path | None = None,
) -> Models:
    """Return the models. `model` is a person's own file, used when `trusted` (path -> SHA-256) has it.

    A sentence encoder replaces the shipped one; a generator (chat or base model) becomes the second judge.
    `corrections_folder` holds what a person said that sentences mean. Raises `ModelError`.
    """
    if model is not None and not model.exists():
        raise ModelError(f"There is no model file {model}.", remedy="Check the path, or leave --model out.")
    second = None
    if model is not None and _is_generator(model):
        from intents.second_judge import SecondJudge

        second, model = SecondJudge(model, trusted), None
    corrected = corrections(corrections_folder) if corrections_folder is not None else {}
    judge = ModelJudge.open(catalogue, cache_directory, model=model, trusted_sha256=trusted, corrected=corrected)
    return Models(judge, second, judge.identity if second is None else _together(judge.identity, second.identity))


def _is_generator(path: Path) -> bool:
    """Whether a GGUF file holds no sentence encoder, by what it says of itself; only its vocabulary is loaded."""
    llama = import_llama()
    parameters = llama.llama_model_default_params()
    parameters.vocab_only = True
    model = llama.llama_model_load_from_file(str(path).encode(), parameters)
    if not model:
        return False  # opening it as an encoder tells what is wrong with it
    try:
        architecture = architecture_of(llama, model)
    finally:
        llama.llama_model_free(model)
    return bool(architecture) and "bert" not in architecture and architecture != "t5encoder"


def _together(first: ModelIdentity, second: ModelIdentity) -> ModelIdentity:
    """Return one identity for two models: another second judge is another model."""
    sha256 = hashlib.sha256(f"{first.sha256} {second.sha256}".encode()).hexdigest()
    return ModelIdentity(f"{first.name} + {second.name}", sha256)
