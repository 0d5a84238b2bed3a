"""Pins the built-in packs and trains the head that is shipped with them: `make pins`, after editing a pack.

Writes intents/packs/SHA256SUMS and intents/model/head.npz. With --pins-only the head is left as it is.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from intents.catalogue import PINS, Catalogue, pinned_hashes  # noqa: E402 - the path comes first
from intents.model_judge import train_shipped_head  # noqa: E402
from intents.pack_source import BUILT_IN_PACKS  # noqa: E402

if __name__ == "__main__":
    PINS.write_text(pinned_hashes(), encoding="utf-8")
    print(f"{PINS.relative_to(ROOT)}: {len(list(BUILT_IN_PACKS.rglob('*.yml')))} packs pinned")
    if "--pins-only" not in sys.argv:
        key = train_shipped_head(Catalogue.load())
        print(f"intents/model/head.npz: trained, key {key[:12]}")
