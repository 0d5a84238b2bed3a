"""Writes intents/packs/SHA256SUMS, the pins of the built-in packs. Run by `make pins` after editing a pack."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from intents.catalogue import BUILT_IN_PACKS, PINS, pinned_hashes  # noqa: E402 - the path comes first

if __name__ == "__main__":
    PINS.write_text(pinned_hashes(), encoding="utf-8")
    print(f"{PINS.relative_to(ROOT)}: {len(list(BUILT_IN_PACKS.rglob('*.yml')))} packs pinned")
