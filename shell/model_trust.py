"""Trust in a model file of one's own: used only with the content that `sayso model trust FILE` pinned."""

import hashlib
from pathlib import Path

from intents.errors import ModelError
from shell.pins import Pins


def trusted_models(config: Path) -> dict[str, str]:
    """Return path -> SHA-256 of the model files that were trusted. Raises `IntegrityError` for a list that can't be read."""
    return Pins(config, "models").read()


def trust_model(config: Path, path: Path) -> str:
    """Pin the content of `path`, which must be a GGUF file; return its SHA-256. Raises `ModelError`, `IntegrityError`."""
    path = path.resolve()
    try:
        with path.open("rb") as stream:
            if stream.read(4) != b"GGUF":
                raise ModelError(f"{path} is no GGUF file.", remedy="Name a model in the GGUF format.")
            stream.seek(0)
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}.", remedy="Check the path.") from None
    Pins(config, "models").add({path: sha256})
    return sha256
