"""The texts that train the model: sentences with filled slots, as the model reads them, with classes and tags."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random

from intents.head import NEAR_MISS
from intents.intent import Intent
from intents.interpretation import Span, overlap
from intents.mapped_text import MappedText
from intents.masking import mask
from intents.tagging import OUTSIDE
from scripts.training.everyday import CONDITIONED
from scripts.training.fillers import filled_value
from scripts.training.sentences import SLOT, Sentence

SEED = 20261125
CARELESS = 0.25
"""The share of texts in small letters, and of those without their last mark."""


@dataclass(frozen=True, slots=True)
class TrainingText:
    """A text for the model; None stands where nobody said.

    `tags` has the parameter (or OUTSIDE) of each word between blanks; `is_conditional`: whether it holds a condition,
    exception, place or time that no operation knows. Conditional orders have no class: all but the condition is some
    intent's, and which one nobody wrote down.
    """

    text: str
    label: str | None
    tags: tuple[str, ...] | None
    is_conditional: bool | None

    def as_json(self) -> str:
        """Return the text as one line."""
        entry = {"text": self.text, "label": self.label, "tags": self.tags, "conditional": self.is_conditional}
        return json.dumps(entry, ensure_ascii=False)


def training_texts(
    sentences: Iterable[Sentence], catalogue: Mapping[str, Intent], *, draw: int
) -> Iterator[TrainingText]:
    """Yield the texts of the `draw`-th filling: the authors' sentences, then what the packs say.

    Each sentence has a generator of its own, so that one more sentence changes no other's values.
    """
    for one in sentences:
        yield _filled(one.text, one.label, catalogue.get(one.label), draw)
    for intent in catalogue.values():
        for text in (intent.summary, intent.name.replace(".", " ").replace("_", " "), *intent.examples):
            yield _filled(text, intent.name, intent, draw)
        for miss in intent.near_misses:
            yield TrainingText(mask(MappedText.of(miss.text)).text, miss.intent or NEAR_MISS, None, None)


def _filled(text: str, label: str, intent: Intent | None, draw: int) -> TrainingText:
    seed = hashlib.sha256(f"{SEED} {draw} {label} {text}".encode()).digest()
    filled, values = _fill(text, intent, Random(seed))
    mapped = mask(MappedText.of(filled))
    tags = tuple(_tag(mapped.origin(*word), values) for word in mapped.words())
    if not values and intent is not None and any(one.required for one in intent.parameters.values()):
        return TrainingText(mapped.text, label, None, is_conditional=False)  # its values stand there, unmarked
    if label == CONDITIONED:
        return TrainingText(mapped.text, None, None, is_conditional=True)
    return TrainingText(mapped.text, label, tags, False if intent is not None else None)


def _fill(text: str, intent: Intent | None, random: Random) -> tuple[str, list[tuple[Span, str]]]:
    """Return the sentence with its slots filled, and where each value stands."""
    filled, values, position = "", list[tuple[Span, str]](), 0
    for match in SLOT.finditer(text):
        filled += text[position : match.start()]
        parameter = intent.parameters[match[1]] if intent is not None else None
        value = filled_value(parameter, random) if parameter is not None else match[0]
        values.append(((len(filled), len(filled) + len(value)), match[1]))
        filled += value
        position = match.end()
    return _careless(filled + text[position:], values, random)


def _careless(text: str, values: list[tuple[Span, str]], random: Random) -> tuple[str, list[tuple[Span, str]]]:
    """Now and then in small letters and without the last mark, as people type; no position moves."""
    if random.random() < CARELESS:
        text = "".join(
            character if any(start <= index < end for (start, end), _ in values) else character.lower()
            for index, character in enumerate(text)
        )
    if random.random() < CARELESS:
        text = re.sub(r"[.!?]$", "", text)
    return text, values


def _tag(word: Span, values: list[tuple[Span, str]]) -> str:
    return next((name for span, name in values if overlap(word, span)), OUTSIDE)
