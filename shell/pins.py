"""Files whose content a person trusts: one list for each kind (packs, models, inventories), path -> SHA-256.

Such a file is as dangerous as a script, so that it counts only with exactly the content that was
trusted. The lists lie in the configuration folder, private, and are replaced as a whole.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from intents.errors import IntegrityError
from intents.private_file import replace_privately
from shell.ownership import require_own


@dataclass(frozen=True, slots=True)
class Pins:
    """The list of one kind of files: `kind` is what they are called in messages, `packs` or `models`."""

    config: Path
    kind: str

    @property
    def path(self) -> Path:
        """The file of the list; it may not exist yet."""
        return self.config / f"trusted-{self.kind}.json"

    def read(self) -> dict[str, str]:
        """Return path -> SHA-256, empty without a list. Raises `IntegrityError` for one that can't be read."""
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError):
            raise IntegrityError(
                f"the list of trusted {self.kind} can't be read.",
                remedy=f"Remove it and trust the {self.kind} again.",
                where=str(self.path),
            ) from None
        return {str(name): str(pin) for name, pin in kept.items()} if isinstance(kept, dict) else {}

    def add(self, pins: Mapping[Path, str]) -> None:
        """Pin the SHA-256 of files, instead of what was pinned of them before. Raises `IntegrityError`."""
        self._write({**self.read(), **{str(path): sha256 for path, sha256 in pins.items()}})

    def remove(self, names: Iterable[str]) -> None:
        """Forget what was pinned of files. Raises `IntegrityError`."""
        gone = set(names)
        self._write({name: pin for name, pin in self.read().items() if name not in gone})

    def _write(self, pins: Mapping[str, str]) -> None:
        replace_privately(self.path, json.dumps(pins, indent=1, sort_keys=True).encode())


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of a content, as lists of pins have it."""
    return hashlib.sha256(content).hexdigest()


def own_content(path: Path, uid: int) -> bytes:
    """Return a file's content. Raises `ForeignFileError` for one that somebody else could write, `OSError`."""
    with path.open("rb") as stream:
        require_own(os.fstat(stream.fileno()), path, uid)
        return stream.read()
