"""The catalogue: every vetted intent, from the built-in packs and from the packs a person trusts.

Loading 1,000 intents takes well under 100 ms: the packs are hashed, and a compiled cache
(validated entries as JSON) is used when the hash is known; intents are built when first asked
for. pydantic and YAML are loaded only when a pack changed.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from intents.build import build_intent
from intents.errors import IntegrityError
from intents.intent import Intent
from intents.pack_source import BUILT_IN_PACKS, PackSource

PINS = BUILT_IN_PACKS / "SHA256SUMS"
"""The hashes of the built-in packs, in the format of sha256sum(1)."""

_RULE_SOURCES = ("schema.py", "rules.py", "build.py", "template.py", "pack_file.py", "catalogue.py")


class Catalogue(Mapping[str, Intent]):
    """Intent name -> intent, in the packs' order. Building an intent happens at its first use."""

    def __init__(self, entries: Mapping[str, Mapping[str, Any]], digest: str, warnings: tuple[str, ...] = ()) -> None:
        self._entries = entries
        self._built: dict[str, Intent] = {}
        self.digest = digest
        """SHA-256 over all packs; the catalogue's identity in records."""
        self.warnings = warnings

    @classmethod
    def load(
        cls,
        *,
        packs: Path = BUILT_IN_PACKS,
        cache_directory: Path | None = None,
        user_packs: Mapping[Path, bytes] | None = None,
        warnings: tuple[str, ...] = (),
    ) -> "Catalogue":
        """Return the catalogue of the built-in packs and the trusted `user_packs` (path -> content).

        Raises `CatalogueError` for a pack that is wrong, `IntegrityError` for a built-in pack that is
        not the pinned one.
        """
        sources = _built_in_sources(packs) + [
            PackSource(path, path.stem, content, is_built_in=False)
            for path, content in sorted((user_packs or {}).items())
        ]
        digest = _digest(sources)
        entries = _read_cache(cache_directory, digest)
        if entries is None:
            entries = _compile(sources)
            _write_cache(cache_directory, digest, entries)
        return cls(entries, digest, warnings)

    def __getitem__(self, name: str) -> Intent:
        intent = self._built.get(name)
        if intent is None:
            kept = self._entries[name]
            intent = build_intent(name, kept["entry"], pack=kept["pack"], where=kept["where"])
            self._built[name] = intent
        return intent

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def search(self, words: str) -> list[Intent]:
        """Return the intents that speak of all these words, in their name, summary, examples or synonyms."""
        wanted = words.casefold().split()

        def text(intent: Intent) -> str:
            return " ".join((intent.name, intent.summary, *intent.examples, *intent.says)).casefold()

        return [intent for intent in self.values() if all(word in text(intent) for word in wanted)]

    def closest(self, name: str) -> str | None:
        """Return the intent name that looks most like `name`, or None."""
        from difflib import get_close_matches

        found = get_close_matches(name, list(self._entries), n=1)
        return found[0] if found else None


def pinned_hashes(packs: Path = BUILT_IN_PACKS) -> str:
    """Return the content that the pin file of `packs` must have."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(packs)}\n"
        for path in sorted(packs.rglob("*.yml"))
    ]
    return "".join(lines)


def _built_in_sources(packs: Path) -> list[PackSource]:
    sources = []
    pin_file = packs / PINS.name
    pins: dict[str, str] = {}
    for line in pin_file.read_text().splitlines() if pin_file.exists() else []:
        pinned, name = line.split("  ", 1)
        pins[name] = pinned
    for path in sorted(packs.rglob("*.yml")):
        source = PackSource(path, path.parent.name, path.read_bytes(), is_built_in=True)
        name = str(path.relative_to(packs))
        if (packs == BUILT_IN_PACKS or pins) and pins.get(name) != source.sha256:
            raise IntegrityError(
                "this built-in pack is not the one that was released.",
                remedy="Reinstall sayso; or, in a checkout where you edited it, run `make pins`.",
                where=f"intents/packs/{name}:1",
            )
        sources.append(source)
    return sources


def _digest(sources: list[PackSource]) -> str:
    whole = hashlib.sha256()
    for name in _RULE_SOURCES:
        whole.update((Path(__file__).parent / name).read_bytes())
    for source in sources:
        whole.update(f"\0{source.shown}\0{source.pack}\0{source.is_built_in}\0".encode())
        whole.update(source.content)
    return whole.hexdigest()


def _compile(sources: list[PackSource]) -> dict[str, dict[str, Any]]:
    from intents.compilation import compile_packs

    return compile_packs(sources)


def _cache_file(directory: Path | None, digest: str) -> Path | None:
    return directory / f"catalogue-{digest[:32]}.json" if directory else None


def _read_cache(directory: Path | None, digest: str) -> dict[str, dict[str, Any]] | None:
    """Return the compiled entries, or None where there are none that this account wrote itself."""
    file = _cache_file(directory, digest)
    if file is None:
        return None
    try:
        with file.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                return None
            kept = json.load(stream)
    except (OSError, ValueError):
        return None
    entries: dict[str, dict[str, Any]] | None = kept.get("entries") if kept.get("digest") == digest else None
    return entries


def _write_cache(directory: Path | None, digest: str, entries: dict[str, dict[str, Any]]) -> None:
    file = _cache_file(directory, digest)
    if file is None or directory is None:
        return
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=directory)
        with os.fdopen(descriptor, "w") as stream:
            json.dump({"digest": digest, "entries": entries}, stream)
        Path(name).replace(file)
        for old in directory.glob("catalogue-*.json"):
            if old != file:
                old.unlink(missing_ok=True)
    except OSError:
        return  # a cache that can't be kept costs time, nothing else
