"""Measures how well operations that the model never saw are found by their packs' examples alone.

    scripts/measure_held_out.py [--epochs N]

Every tenth operation is taken out of everything that trains, encoder and head are trained without them (in
`build/held_out`; nothing that is shipped is touched), and the authors' sentences for these operations are judged as those for a
person's own pack are: by the nearest of the pack's examples, beside all operations that the head knows. Prints the place of the right one,
for several settings of `intents.own_examples`.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from intents.catalogue import Catalogue  # noqa: E402 - the path comes first
from intents.encoder import Encoder  # noqa: E402
from intents.head import NOBODY, Head  # noqa: E402
from intents.intent import Intent  # noqa: E402
from intents.own_examples import EVEN, SHARPNESS, example_texts  # noqa: E402
from scripts.training.heads import embedded, train_head  # noqa: E402
from scripts.training.sentences import read_sentences  # noqa: E402
from scripts.training.texts import TrainingText, training_texts  # noqa: E402

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float32]

BUILD = ROOT / "build" / "held_out"
PUBLISHED = ROOT / "build" / "training" / "published"
DOWNLOADS = ROOT / "build" / "training" / "downloads"
MODEL_PYTHON = ROOT / ".venv-model" / "bin" / "python"
EVERY = 10
SENTENCES_AN_INTENT = 12
SHARPNESSES, EVENS = (15.0, 25.0, 40.0), (0.55, 0.6, 0.65, 0.72, 0.8)


def main() -> None:
    """Train without the held-out operations and print how their sentences are judged."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=4, help="passes over the texts (the shipped model has four)")
    epochs = parser.parse_args().epochs
    catalogue = Catalogue.load()
    held_out = dict(list(catalogue.items())[::EVERY])
    others = {name: intent for name, intent in catalogue.items() if name not in held_out}
    encoder = _trained(others, epochs)
    known = [one for one in _texts(others, 0) if one.label is not None]
    head = train_head(
        [one.label or "" for one in known], _vectors(encoder, [one.text for one in known]), encoder.identity.sha256
    )
    asked = _asked(held_out)
    vectors = _vectors(encoder, [text for _, text in asked])
    examples = [(name, text) for name, intent in held_out.items() for text in example_texts(intent)]
    near = vectors @ _vectors(encoder, [text for _, text in examples]).T
    print(f"{len(held_out)} operations of {len(catalogue)} held out, {len(asked)} sentences by the authors")
    for sharpness in SHARPNESSES:
        for even in EVENS:
            places = _places(asked, vectors, head, near, [name for name, _ in examples], sharpness, even)
            shares = ", ".join(
                f"top-{top} {sum(place < top for place in places) / len(places):.1%}" for top in (1, 3, 5)
            )
            is_shipped = " (shipped)" if (sharpness, even) == (SHARPNESS, EVEN) else ""
            print(f"sharpness {sharpness:.0f}, even {even:.2f}: {shares}{is_shipped}")


def _texts(catalogue: Mapping[str, Intent], draw: int) -> Sequence[TrainingText]:
    """Return the texts of the operations in `catalogue`, and of what is for nobody."""
    sentences = [one for one in read_sentences() if one.label in catalogue or one.label.startswith(NOBODY)]
    known = {
        name: replace(
            intent, near_misses=tuple(miss for miss in intent.near_misses if miss.intent in {None, *catalogue})
        )
        for name, intent in catalogue.items()
    }
    return list(training_texts(sentences, known, draw=draw))


def _trained(catalogue: Mapping[str, Intent], epochs: int) -> Encoder:
    texts, tuned, model = BUILD / "texts", BUILD / "tuned", BUILD / "model"
    for folder in (texts, model):
        folder.mkdir(parents=True, exist_ok=True)
    for old in texts.glob("*.jsonl"):
        old.unlink()
    for number in range(epochs):
        lines = "\n".join(one.as_json() for one in _texts(catalogue, number))
        (texts / f"texts-{number}.jsonl").write_text(lines + "\n", encoding="utf-8")
    training = [str(MODEL_PYTHON), "-m", "scripts.training.encoder", str(PUBLISHED), str(texts), str(tuned)]
    subprocess.run(training, check=True, cwd=ROOT)
    build_model = [str(MODEL_PYTHON), str(ROOT / "scripts" / "build_model.py")]
    subprocess.run(
        [*build_model, "--convert", str(tuned), "--output", str(model), "--downloads", str(DOWNLOADS)], check=True
    )
    print(json.loads((model / "manifest.json").read_text(encoding="utf-8"))["sha256"])
    return Encoder.open(manifest=model / "manifest.json")


def _vectors(encoder: Encoder, texts: Sequence[str]) -> "FloatArray":
    return embedded(texts, lambda text: encoder.read(text)[0])


def _asked(held_out: Mapping[str, Intent]) -> list[tuple[str, str]]:
    """Return (operation, sentence as the model reads it), as many of each operation."""
    sentences = [one for one in read_sentences() if one.label in held_out]
    filled: dict[str, list[str]] = {}
    for one in list(training_texts(sentences, held_out, draw=0))[: len(sentences)]:
        filled.setdefault(one.label or "", []).append(one.text)
    return [
        (name, text) for name, texts in filled.items() for text in texts[:: max(1, len(texts) // SENTENCES_AN_INTENT)]
    ]


def _places(
    asked: Sequence[tuple[str, str]],
    vectors: "FloatArray",
    head: Head,
    near: "FloatArray",
    owners: Sequence[str],
    sharpness: float,
    even: float,
) -> list[int]:
    """Return, for each sentence, how many operations are likelier than the right one."""
    names = np.array(owners)
    places = []
    for (name, _), vector, cosines in zip(asked, vectors, near, strict=True):
        scores = head.scores(vector)
        scores = scores - scores.max() - np.log(np.exp(scores - scores.max()).sum())
        own = {owner: sharpness * (float(cosines[names == owner].max()) - even) for owner in set(owners)}
        right = own.pop(name)
        known = [score for other, score in zip(head.names, scores, strict=True) if not other.startswith(NOBODY)]
        places.append(sum(score > right for score in [*known, *own.values()]))
    return places


if __name__ == "__main__":
    main()
