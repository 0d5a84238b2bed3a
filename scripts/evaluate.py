"""Measures the interpreter on sentences that trained nothing: `make eval`.

    scripts/evaluate.py [FILE.jsonl ...] [--show] [--packs] [--model=FILE.gguf]

The form of the lines stands in `intents/measuring.py`. --show prints every sentence for an intent that didn't become it.
"""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from intents.catalogue import Catalogue  # noqa: E402 - the path comes first
from intents.interpreter import Interpreter  # noqa: E402
from intents.measuring import Figures, judged, read_known_sentences  # noqa: E402
from shell.judge import open_models  # noqa: E402

SENTENCES = ROOT / "tests" / "sentences"
DEFAULT = [SENTENCES / "test.jsonl", SENTENCES / "paraphrases.jsonl"]


def main(arguments: Sequence[str]) -> None:
    """Print the figures of each file."""
    files = [Path(word) for word in arguments if not word.startswith("-")] or DEFAULT
    catalogue = Catalogue.load()
    own = next((Path(word.partition("=")[2]) for word in arguments if word.startswith("--model=")), None)
    trusted = {str(own.resolve()): hashlib.sha256(own.read_bytes()).hexdigest()} if own is not None else None
    models = open_models(catalogue, Path.home() / ".cache" / "sayso", model=own, trusted=trusted)
    interpreter = Interpreter(catalogue, models.judge, second=models.second)
    print(f"model {models.identity.name} {models.identity.sha256[:12]}, {len(catalogue)} intents")
    for file in files:
        figures = Figures(list(judged(read_known_sentences(file), interpreter, catalogue)))
        first, *others = figures.lines()
        print(f"{file.name}: {first}")
        for line in [*others, *figures.by_risk(catalogue)]:
            print(f"  {line}")
        for chance, right, count in figures.reliability():
            print(f"  said {chance:.2f}: right {right:.2f} ({count} acted on)")
        if "--packs" in arguments:
            for line in figures.by_pack(catalogue):
                print(f"  {line}")
        if "--show" in arguments:
            for one in figures.inside:
                if not one.is_right:
                    meant = one.acted or ((one.first or "nothing"),)
                    print(f"  {one.sentence.intent!s:24} -> {meant!s:34} {one.confidence:.2f} {one.sentence.text}")


if __name__ == "__main__":
    main(sys.argv[1:])
