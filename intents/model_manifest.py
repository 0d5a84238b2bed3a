"""What the model file must be: its manifest, and the check of a file against it before llama.cpp reads it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from intents.errors import ModelError

MODEL_DIRECTORY = Path(__file__).parent / "model"
BUILT_IN_MANIFEST = MODEL_DIRECTORY / "manifest.json"

_MAGIC = b"GGUF"
"""The first four bytes of every GGUF file (ggml: docs/gguf.md)."""
_REINSTALL = "Reinstall sayso; or, in a checkout, run `make train`."


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """A model file's name and pinned content. `size_bytes` is None where only the hash is pinned."""

    name: str
    file: Path
    sha256: str
    size_bytes: int | None
    dimension: int | None


def read_manifest(path: Path = BUILT_IN_MANIFEST) -> ModelManifest:
    """Return the manifest at `path`; the model file lies beside it. Raises `ModelError`.

    >>> read_manifest().dimension
    384
    """
    try:
        kept = json.loads(path.read_bytes())
        return ModelManifest(
            name=str(kept["name"]),
            file=path.parent / Path(str(kept["file"])).name,
            sha256=str(kept["sha256"]),
            size_bytes=int(kept["size_bytes"]),
            dimension=int(kept["dimension"]),
        )
    except OSError as error:
        raise ModelError(f"The model's manifest {path} can't be read: {error.strerror}.", remedy=_REINSTALL) from None
    except (ValueError, KeyError, TypeError):
        raise ModelError(f"{path} is not a model manifest.", remedy=_REINSTALL) from None


def trusted_manifest(path: Path, trusted: Mapping[str, str] | str | None) -> ModelManifest:
    """Return the manifest of a person's own model file.

    `trusted` is the SHA-256 that they pinned for it, or a map from path to SHA-256; None is
    refused with `ModelError`, as an unknown path is.
    """
    sha256 = trusted.get(str(path.resolve())) if isinstance(trusted, Mapping) else trusted
    if sha256 is None:
        raise ModelError(f"The model {path} is not trusted.", remedy=_trust(path))
    return ModelManifest(path.stem, path, sha256.lower(), None, None)


def open_verified(manifest: ModelManifest) -> BufferedReader:
    """Open the model file after checking that its content is the pinned one; the caller closes it.

    The whole file is hashed each time (25 MB take about 15 ms): a note of an earlier check would
    have to be trusted itself. The open file is returned so that what is loaded is what was hashed,
    also when the path gets another file meanwhile.

    Raises `ModelError`: missing or unreadable, not a GGUF, truncated, another content.
    """
    file, own = manifest.file, manifest.size_bytes is None
    remedy = _trust(file) if own else _REINSTALL
    try:
        stream = file.open("rb")
    except OSError as error:
        raise ModelError(
            f"The model {file} can't be opened: {error.strerror}.",
            remedy="Name an existing GGUF file." if own else _REINSTALL,
        ) from None
    try:
        _check(stream, manifest, remedy)
    except OSError as error:
        stream.close()
        raise ModelError(f"The model {file} can't be read: {error.strerror}.", remedy=remedy) from None
    except BaseException:
        stream.close()
        raise
    return stream


def _check(stream: BufferedReader, manifest: ModelManifest, remedy: str) -> None:
    file = manifest.file
    if stream.read(len(_MAGIC)) != _MAGIC:
        raise ModelError(f"{file} is not a GGUF model.", remedy="Give a file in the GGUF format.") from None
    size_bytes = stream.seek(0, 2)
    stream.seek(0)
    if manifest.size_bytes is not None and size_bytes < manifest.size_bytes:
        raise ModelError(
            f"The model {file} is truncated: {size_bytes} of {manifest.size_bytes} bytes.", remedy=_REINSTALL
        )
    found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != manifest.sha256:
        raise ModelError(
            f"The model {file} is not the pinned one (SHA-256 {found[:16]}…, expected {manifest.sha256[:16]}…).",
            remedy=remedy,
        )


def _trust(path: Path) -> str:
    return f"Check where it comes from, then run `sayso model trust {path}`."
