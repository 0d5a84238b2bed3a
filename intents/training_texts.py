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
from intents.masking import SLOT_FILLERS, TYPE_FILLERS, masked
from intents.words import FUNCTION_WORDS, HARD_WORDS

NONE = "none"
"""The class of what no intent is for; no intent can be called so (names have a dot)."""
OUT_OF_SCOPE = Path(__file__).parent / "data" / "out_of_scope.txt"

FILLINGS = 5
"""How many stand-ins an example's slots are filled with: the wording should count, not the name."""

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
            for filled in _filled(sentence, intent):
                texts.setdefault(filled, intent.name)
    for intent in catalogue.values():
        for sentence in _short(intent):
            texts.setdefault(masked(sentence), intent.name)
    for intent in catalogue.values():
        for miss in intent.near_misses:
            texts.setdefault(masked(miss.text), miss.intent or NONE)
    for line in OUT_OF_SCOPE.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            texts.setdefault(masked(line.strip()), NONE)
    return [TrainingText(text, label) for text, label in texts.items()]


def _filled(sentence: str, intent: Intent) -> Sequence[str]:
    """Return the sentence with its slots filled, once for each stand-in (at most FILLINGS)."""
    if not _SLOT.search(sentence):
        return (masked(sentence),)

    def fill(index: int) -> str:
        def stand_in(match: re.Match[str]) -> str:
            name: str = match[1]
            fillers = SLOT_FILLERS.get(name) or (_filler_of_type(intent, name),)
            return fillers[index % len(fillers)]

        return masked(_SLOT.sub(stand_in, sentence))

    return tuple(dict.fromkeys(fill(index) for index in range(FILLINGS)))


def _filler_of_type(intent: Intent, name: str) -> str:
    parameter = intent.parameters.get(name)
    return TYPE_FILLERS.get(parameter.type.name if parameter else "", name.replace("_", " "))


def _short(intent: Intent) -> Sequence[str]:
    """Return the two-word forms that people type in a hurry: a synonym alone, or with the one thing it needs."""
    words = [word for word in intent.says if word not in FUNCTION_WORDS | HARD_WORDS]
    required = [parameter.name for parameter in intent.parameters.values() if parameter.required]
    if not required:
        return words
    fillers = SLOT_FILLERS.get(required[0], ())
    if len(required) > 1 or not fillers:
        return ()
    verb = intent.name.split(".")[1].replace("_", " ")
    return [*(f"{verb} {filler}" for filler in fillers), *(f"{word} {fillers[0]}" for word in words)]


def training_key(texts: Sequence[TrainingText], model_sha256: str) -> str:
    """Return what a trained head is keyed by: SHA-256 over the model and all sentences with their classes."""
    whole = json.dumps([model_sha256, [[one.text, one.label] for one in texts]], ensure_ascii=False)
    return hashlib.sha256(whole.encode()).hexdigest()
