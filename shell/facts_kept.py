"""What hosts were when they were last looked at, for people: nothing is ever planned on it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from intents.private_file import write_atomically


@dataclass(frozen=True, slots=True)
class KeptFacts:
    """The facts of a host, and when they were gathered (seconds since the epoch)."""

    facts: Mapping[str, str]
    gathered: float

    @property
    def age_s(self) -> float:
        """How long ago that was."""
        return max(0.0, time.time() - self.gathered)


def keep_facts(cache: Path, host: str, facts: Mapping[str, str]) -> None:
    """Keep what a host is now; a cache that can't be written keeps nothing."""
    content = json.dumps({"gathered": time.time(), "facts": dict(facts)}).encode()
    write_atomically(_path(cache, host), content)


def kept_facts(cache: Path, host: str) -> KeptFacts | None:
    """Return what was kept of a host; None without anything that can be read."""
    try:
        kept = json.loads(_path(cache, host).read_text(encoding="utf-8"))
        return KeptFacts({str(name): str(value) for name, value in kept["facts"].items()}, float(kept["gathered"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _path(cache: Path, host: str) -> Path:
    return cache / "facts" / f"{quote(host, safe='')}.json"
