"""Trust in a person's own packs: inert until its hash is pinned by `sayso intents trust FILE`.

A pack is as dangerous as a script. Only files below `packs/` of the configuration folder count,
and only with exactly the content that was trusted.
"""

from collections.abc import Mapping
from pathlib import Path

from intents.catalogue import Catalogue
from intents.errors import RequestError
from shell.pins import Pins, own_content, sha256_of


def trusted_packs(config: Path, uid: int) -> tuple[Mapping[Path, bytes], tuple[str, ...]]:
    """Return the trusted packs (path -> content) and a warning for each that is not trusted (any more)."""
    pins = Pins(config, "packs").read()
    packs: dict[Path, bytes] = {}
    warnings: list[str] = []
    for path in sorted((config / "packs").glob("*.yml")):
        content = own_content(path, uid)
        if pins.get(str(path)) == sha256_of(content):
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
    Pins(config, "packs").add({path: sha256_of(content)})
    return names
