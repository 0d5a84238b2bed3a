"""Opens the model for a session."""

from collections.abc import Mapping
from pathlib import Path

from intents.encoder import ModelIdentity
from intents.errors import ModelError
from intents.intent import Intent
from intents.model_judge import ModelJudge
from shell.corrections import corrections


def open_judge(
    catalogue: Mapping[str, Intent],
    cache_directory: Path,
    *,
    model: Path | None = None,
    trusted: Mapping[str, str] | None = None,
    corrections_folder: Path | None = None,
) -> tuple[ModelJudge, ModelIdentity]:
    """Return the judge and the identity of its model.

    `model` is a person's own file, used when `trusted` (path -> SHA-256) has it; `corrections_folder` holds what a
    person said that sentences mean. Raises `ModelError`.
    """
    if model is not None and not model.exists():
        raise ModelError(f"There is no model file {model}.", remedy="Check the path, or leave --model out.")
    corrected = corrections(corrections_folder) if corrections_folder is not None else {}
    judge = ModelJudge.open(catalogue, cache_directory, model=model, trusted_sha256=trusted, corrected=corrected)
    return judge, judge.identity
