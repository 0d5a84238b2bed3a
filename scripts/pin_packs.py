"""Pins the built-in packs: `make pins`, after editing one. Writes intents/packs/SHA256SUMS."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from intents.catalogue import PINS, pinned_hashes  # noqa: E402 - the path comes first
from intents.pack_source import BUILT_IN_PACKS  # noqa: E402

if __name__ == "__main__":
    PINS.write_text(pinned_hashes(), encoding="utf-8")
    print(f"{PINS.relative_to(ROOT)}: {len(list(BUILT_IN_PACKS.rglob('*.yml')))} packs pinned")
