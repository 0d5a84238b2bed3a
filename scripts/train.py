"""Trains the model from the sentences: `make train` (everything), `make heads` (only the heads, after editing packs).

    scripts/train.py [--only texts|encoder|heads|decision]

texts: checks the sentences and writes `build/training/texts-N.jsonl`, one filling of all slots for each epoch.
encoder: tunes MiniLM on them (torch, in `.venv-model`), converts it to intents/model/encoder.gguf, with its tagger.
heads: fits the class head on the encoder's vectors, as llama.cpp gives them, and writes intents/model/head.npz; finds the
words that people ask with, and fits the decision on the calibration sentences.
"""

import argparse
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from intents.catalogue import Catalogue  # noqa: E402 - the path comes first
from intents.deciding import DECISION_FILE  # noqa: E402
from intents.encoder import Encoder  # noqa: E402
from intents.everyday import EVERYDAY_FILE  # noqa: E402
from intents.head import NEAR_MISS, NOBODY  # noqa: E402
from intents.interpreter import Interpreter  # noqa: E402
from intents.measuring import read_known_sentences  # noqa: E402
from intents.model_judge import SHIPPED_HEAD, SHIPPED_TAGGER  # noqa: E402
from intents.vocabulary import VOCABULARY_FILE  # noqa: E402
from scripts.training.decision import decision_weights  # noqa: E402
from scripts.training.everyday import everyday_words  # noqa: E402
from scripts.training.heads import embedded, train_without_contradictions  # noqa: E402
from scripts.training.sentences import faults, read_sentences  # noqa: E402
from scripts.training.texts import training_texts  # noqa: E402
from scripts.training.vocabulary import vocabulary_lines  # noqa: E402
from shell.judge import open_models  # noqa: E402

BUILD = ROOT / "build" / "training"
MODEL_PYTHON = ROOT / ".venv-model" / "bin" / "python"
EPOCHS = 4
DOUBTFUL = frozenset({NEAR_MISS, f"{NOBODY}mixed"})
"""Groups of sentences for nobody that were written when the catalogue was smaller."""
STAGES = ("texts", "encoder", "heads", "decision")
CALIBRATION = ROOT / "tests" / "sentences" / "calibration.jsonl"


def main() -> None:
    """Run the stages that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=STAGES, action="append", help="run this stage (all of them by default)")
    wanted = parser.parse_args().only or STAGES
    for name, stage in zip(STAGES, (write_texts, tune_encoder, fit_heads, fit_decision), strict=True):
        if name in wanted:
            started = time.monotonic()
            stage()
            print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)


def write_texts() -> None:
    """Check the sentences and write the texts of each epoch; end where a sentence is wrong."""
    catalogue, sentences = Catalogue.load(), read_sentences()
    wrong = list(faults(sentences, catalogue))
    if wrong:
        raise SystemExit("\n".join(wrong))
    BUILD.mkdir(parents=True, exist_ok=True)
    for number in range(EPOCHS):
        lines = [one.as_json() for one in training_texts(sentences, catalogue, draw=number)]
        (BUILD / f"texts-{number}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    by_label = Counter(one.label for one in sentences)
    authors = len({one.author for one in sentences})
    for_nobody = sum(count for label, count in by_label.items() if label.startswith(NOBODY))
    print(f"{len(sentences)} sentences by {authors} authors, {for_nobody} of them for nobody; {len(lines)} texts")


def tune_encoder() -> None:
    """Tune the published encoder and put it, with its tagger, into the place that is shipped."""
    published, tuned = BUILD / "published", BUILD / "tuned"
    build_model = [str(MODEL_PYTHON), str(ROOT / "scripts" / "build_model.py"), "--downloads", str(BUILD / "downloads")]
    if not (published / "config.json").exists():
        subprocess.run([*build_model, "--weights", str(published)], check=True)
    training = [str(MODEL_PYTHON), "-m", "scripts.training.encoder", str(published), str(BUILD), str(tuned)]
    subprocess.run(training, check=True, cwd=ROOT)
    subprocess.run([*build_model, "--convert", str(tuned)], check=True)
    SHIPPED_TAGGER.write_bytes((tuned / "tagger.npz").read_bytes())


def fit_heads() -> None:
    """Fit the class head on the shipped encoder's vectors of the first filling."""
    catalogue = Catalogue.load()
    texts = [one for one in training_texts(read_sentences(), catalogue, draw=0) if one.label is not None]
    encoder = Encoder.open()
    vectors = embedded([one.text for one in texts], lambda text: encoder.read(text)[0])
    labels = [one.label or "" for one in texts]
    doubtful = [label in DOUBTFUL for label in labels]
    head, dropped = train_without_contradictions(labels, vectors, encoder.identity.sha256, doubtful)
    left_out = "\n".join(texts[place].text for place in dropped)
    (BUILD / "contradictions.txt").write_text(left_out + "\n", encoding="utf-8")
    print(f"{len(dropped)} texts for nobody left out, since there is an operation for them: {BUILD}/contradictions.txt")
    SHIPPED_HEAD.write_bytes(head.dump())
    print(f"{SHIPPED_HEAD.relative_to(ROOT)}: {len(head.names)} classes from {len(texts)} texts")


def fit_decision() -> None:
    """Find the words that people ask with; fit how likely a reading is right."""
    catalogue, sentences = Catalogue.load(), read_sentences()
    EVERYDAY_FILE.write_text("\n".join(everyday_words(sentences, catalogue)) + "\n", encoding="utf-8")
    VOCABULARY_FILE.write_text("\n".join(vocabulary_lines(sentences, catalogue)) + "\n", encoding="utf-8")
    judge = open_models(catalogue, Path.home() / ".cache" / "sayso").judge
    known = read_known_sentences(CALIBRATION)
    DECISION_FILE.write_text(decision_weights(known, Interpreter(catalogue, judge), catalogue), encoding="utf-8")
    print(f"{DECISION_FILE.relative_to(ROOT)}: from {len(known)} sentences")


if __name__ == "__main__":
    main()
