"""Trust in a person's own packs: inert until its hash is pinned by `sayso intents trust FILE`.

A pack is as dangerous as a script. Only files below `packs/` of the configuration folder count,
and only with exactly the content that was trusted.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from intents.catalogue import Catalogue
from intents.errors import IntegrityError, RequestError
from shell.ownership import require_own


def trusted_packs(config: Path, uid: int) -> tuple[Mapping[Path, bytes], tuple[str, ...]]:
    """Return the trusted packs (path -> content) and a warning for each that is not trusted (any more)."""
    pins = _read_pins(config)
    packs: dict[Path, bytes] = {}
    warnings: list[str] = []
    for path in sorted((config / "packs").glob("*.yml")):
        content = own_content(path, uid)
        if pins.get(str(path)) == hashlib.sha256(content).hexdigest():
            packs[path] = content
        elif str(path) in pins:
            warnings.append(
                f"{path} has changed since it was trusted and is not used; look at it, then `sayso intents trust {path}`."
            )
        else:
            warnings.append(f"{path} is not trusted and not used; look at it, then `sayso intents trust {path}`.")
    return packs, tuple(warnings)


def trust_pack(config: Path, path: Path, uid: int) -> tuple[str, ...]:
    """Pin the hash of `path` after it loads without a fault; return the names of its intents.

    Raises `RequestError` for a file that is not below the packs folder, `CatalogueError` for a pack that is wrong.
    """
    path = path.resolve()
    folder = (config / "packs").resolve()
    if path.parent != folder:
        raise RequestError(f"{path} is not in {folder}.", remedy=f"Put the pack into {folder} first.")
    if not path.exists():
        raise RequestError(f"There is no file {path}.", remedy="Check the path.")
    content = own_content(path, uid)
    before = set(Catalogue.load())
    names = tuple(name for name in Catalogue.load(user_packs={path: content}) if name not in before)
    pins = {**_read_pins(config), str(path): hashlib.sha256(content).hexdigest()}
    config.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = config / "trusted-packs.json.new"
    fresh.write_text(json.dumps(pins, indent=1, sort_keys=True), encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(config / "trusted-packs.json")
    return names


def _read_pins(config: Path) -> dict[str, str]:
    path = config / "trusted-packs.json"
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError):
        raise IntegrityError(
            "the list of trusted packs can't be read.",
            remedy=f"Remove {path} and trust the packs again.",
            where=str(path),
        ) from None
    return {str(name): str(pin) for name, pin in kept.items()} if isinstance(kept, dict) else {}


def own_content(path: Path, uid: int) -> bytes:
    """Return the content of a pack, refusing one that somebody else could write."""
    with path.open("rb") as stream:
        require_own(os.fstat(stream.fileno()), path, uid)
        return stream.read()
