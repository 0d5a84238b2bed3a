"""Reads the training sentences: `sentences/*.txt`, one file for each author.

    # disk.usage
    how full is {mount}
    ...

A heading names an intent, or a group of sentences that are for nobody (`# none: smalltalk`). Slots
are the intent's parameters. Lines that begin with `;` are remarks.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from intents.intent import Intent

SENTENCES = Path(__file__).parent / "sentences"
NOBODY = "none:"
SLOT = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of one author. `label` is an intent's name or `none:GROUP`."""

    label: str
    text: str
    author: str
    where: str


def read_sentences(folder: Path = SENTENCES) -> list[Sentence]:
    """Return all sentences in the order of files and lines."""
    return [one for file in sorted(folder.glob("*.txt")) for one in _of_file(file)]


def _of_file(file: Path) -> Iterator[Sentence]:
    label = ""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if text.startswith("# "):
            label = text[2:].strip().replace("none: ", NOBODY)
        elif text and not text.startswith(";"):
            yield Sentence(label, text, file.stem, f"{file.name}:{number}")


def faults(sentences: list[Sentence], catalogue: Mapping[str, Intent]) -> Iterator[str]:
    """Yield what is wrong: an unknown heading, a slot that the intent lacks, a sentence that stands twice."""
    seen: dict[str, Sentence] = {}
    for one in sentences:
        intent = catalogue.get(one.label)
        if intent is None and not one.label.startswith(NOBODY):
            yield f"{one.where}: `{one.label}` is no intent"
            continue
        known = set(intent.parameters) if intent is not None else set()
        for slot in SLOT.findall(one.text):
            if slot not in known:
                yield f"{one.where}: `{one.label}` has no parameter `{slot}`"
        other = seen.setdefault(" ".join(one.text.casefold().split()), one)
        if other.label != one.label and not (other.label.startswith(NOBODY) and one.label.startswith(NOBODY)):
            yield f"{one.where}: the same sentence is for `{other.label}` at {other.where}"
