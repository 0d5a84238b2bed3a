"""Opens the model for a session."""

from collections.abc import Mapping
from pathlib import Path

from intents.encoder import ModelIdentity
from intents.errors import ModelError
from intents.intent import Intent
from intents.model_judge import ModelJudge


def open_judge(
    catalogue: Mapping[str, Intent],
    cache_directory: Path,
    *,
    model: Path | None = None,
    trusted: Mapping[str, str] | None = None,
) -> tuple[ModelJudge, ModelIdentity]:
    """Return the judge and the identity of its model.

    `model` is a person's own file, used when `trusted` (path -> SHA-256) has it. Raises `ModelError`.
    """
    if model is not None and not model.exists():
        raise ModelError(f"There is no model file {model}.", remedy="Check the path, or leave --model out.")
    judge = ModelJudge.open(catalogue, cache_directory, model=model, trusted_sha256=trusted)
    return judge, judge.identity
