"""Where packs come from: one file with the bytes that were read and checked."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

BUILT_IN_PACKS = Path(__file__).parent / "packs"


@dataclass(frozen=True, slots=True)
class PackSource:
    """One pack file with the bytes that were read and checked."""

    path: Path
    pack: str
    """The pack's name: its folder among the built-in ones, the file's stem among a person's own."""
    content: bytes
    is_built_in: bool

    @property
    def sha256(self) -> str:
        """SHA-256 of the content, hex."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def shown(self) -> str:
        """The file as errors name it."""
        if self.path.is_relative_to(BUILT_IN_PACKS):
            return str(self.path.relative_to(BUILT_IN_PACKS.parent.parent))
        return str(self.path)
