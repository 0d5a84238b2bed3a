"""The sentences from which an intent is recognised: what its pack says, and what belongs to nobody.

Slots are filled by stand-ins (`intents.masking`), so that only the wording counts. Near misses are
sentences of the intent where they belong; sentences out of scope are of the class "none".
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from intents.intent import Intent
from intents.masking import SLOT_FILLERS, masked

NONE = "none"
"""The class of what no intent is for; no intent can be called so (names have a dot)."""
OUT_OF_SCOPE = Path(__file__).parent / "data" / "out_of_scope.txt"

_SLOT = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class TrainingText:
    """One sentence as the model reads it, and the class that it belongs to."""

    text: str
    label: str


def training_texts(catalogue: Mapping[str, Intent]) -> list[TrainingText]:
    """Return the sentences of all intents and of the class "none", without repetitions, in a fixed order."""
    texts: dict[str, str] = {}
    for intent in catalogue.values():
        for sentence in (intent.summary, intent.name.replace(".", " ").replace("_", " "), *intent.examples):
            for filled in _filled(sentence):
                texts.setdefault(filled, intent.name)
    for intent in catalogue.values():
        for miss in intent.near_misses:
            texts.setdefault(masked(miss.text), miss.intent or NONE)
    for line in OUT_OF_SCOPE.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            texts.setdefault(masked(line.strip()), NONE)
    return [TrainingText(text, label) for text, label in texts.items()]


def _filled(sentence: str) -> Sequence[str]:
    """Return the sentence with its slots filled, once for each stand-in (at most two)."""
    if not _SLOT.search(sentence):
        return (masked(sentence),)

    def fill(index: int) -> str:
        def stand_in(match: re.Match[str]) -> str:
            fillers = SLOT_FILLERS.get(match[1], (match[1].replace("_", " "),))
            return fillers[index % len(fillers)]

        return masked(_SLOT.sub(stand_in, sentence))

    return tuple(dict.fromkeys((fill(0), fill(1))))


def training_key(texts: Sequence[TrainingText], model_sha256: str) -> str:
    """Return what a trained head is keyed by: SHA-256 over the model and all sentences with their classes."""
    whole = json.dumps([model_sha256, [[one.text, one.label] for one in texts]], ensure_ascii=False)
    return hashlib.sha256(whole.encode()).hexdigest()
