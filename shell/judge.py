"""Opens the model for a session."""

from collections.abc import Mapping
from pathlib import Path

from intents.encoder import ModelIdentity
from intents.intent import Intent
from intents.interpreter import Judge
from intents.model_judge import ModelJudge


def open_judge(
    catalogue: Mapping[str, Intent], cache_directory: Path, *, model: Path | None = None
) -> tuple[Judge, ModelIdentity]:
    """Return the judge and the identity of its model. Raises `ModelError`."""
    judge = ModelJudge.open(catalogue, cache_directory, model=model)
    return judge, judge.identity
