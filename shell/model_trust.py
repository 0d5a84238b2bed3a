"""Trust in a model file of one's own: used only with the content that `sayso model trust FILE` pinned."""

import hashlib
import json
from pathlib import Path

from intents.errors import ModelError

PINS = "trusted-models.json"


def trusted_models(config: Path) -> dict[str, str]:
    """Return path -> SHA-256 of the model files that were trusted. Raises `ModelError` for a list that can't be read."""
    path = config / PINS
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError):
        raise ModelError(
            f"The list of trusted models {path} can't be read.", remedy="Remove it and trust the models again."
        ) from None
    return {str(name): str(pin) for name, pin in kept.items()} if isinstance(kept, dict) else {}


def trust_model(config: Path, path: Path) -> str:
    """Pin the content of `path`, which must be a GGUF file; return its SHA-256. Raises `ModelError`."""
    path = path.resolve()
    try:
        with path.open("rb") as stream:
            if stream.read(4) != b"GGUF":
                raise ModelError(f"{path} is no GGUF file.", remedy="Name a model in the GGUF format.")
            stream.seek(0)
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}.", remedy="Check the path.") from None
    config.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = config / f"{PINS}.new"
    fresh.write_text(json.dumps({**trusted_models(config), str(path): sha256}, indent=1), encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(config / PINS)
    return sha256
