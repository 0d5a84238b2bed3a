"""The words with which people tell why they want something; no order is changed by leaving them out.

`model/everyday.txt` has their stems: those of sentences that ask for one operation and nothing more (at least three, for
at least three operations), and not oftener of orders that hold a condition (`scripts/train.py` writes it). A place, a
name or a rare word isn't among them, so a change that holds one is asked about.
"""

from functools import cache
from pathlib import Path

EVERYDAY_FILE = Path(__file__).parent / "model" / "everyday.txt"


@cache
def everyday_stems() -> frozenset[str]:
    """Return the stems."""
    return frozenset(EVERYDAY_FILE.read_text(encoding="utf-8").split())
