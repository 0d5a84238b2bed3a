"""The sentences that train the model: well formed, with values that their types take, and apart from those that measure."""

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from intents.catalogue import Catalogue
from intents.errors import ValueRejected
from intents.tagging import OUTSIDE
from intents.types.base import ValueContext
from scripts.evaluate import SENTENCES
from scripts.training.fillers import filled_value
from scripts.training.leaks import leaks
from scripts.training.sentences import Sentence, faults, read_sentences
from scripts.training.texts import training_texts

CATALOGUE = Catalogue.load()
HELD_OUT = [SENTENCES / f"{name}.jsonl" for name in ("test", "calibration", "paraphrases")]
CONTEXT = ValueContext(datetime(2026, 11, 24, 12, 0, tzinfo=UTC), "/home/ann", "/home/ann")


def held_out(file: Path) -> list[str]:
    return [json.loads(line)["text"] for line in file.read_text(encoding="utf-8").splitlines()]


def test_every_sentence_is_for_an_intent_there_is_and_uses_its_own_slots() -> None:
    assert list(faults(read_sentences(), CATALOGUE)) == []


def test_a_wrong_sentence_is_found() -> None:
    bad = [
        Sentence("no.such", "do it", "one", "one:1"),
        Sentence("service.restart", "restart {srvice}", "one", "one:2"),
        Sentence("service.stop", "end the thing", "one", "one:3"),
        Sentence("service.start", "End the  thing", "one", "one:4"),
    ]
    assert [fault.partition(":")[2].partition(":")[0] for fault in faults(bad, CATALOGUE)] == ["1", "2", "4"]


@pytest.mark.parametrize("file", HELD_OUT, ids=lambda file: file.stem)
def test_no_sentence_that_measures_was_learned(file: Path) -> None:
    training = [one.text for one in read_sentences()]
    training += [example for intent in CATALOGUE.values() for example in intent.examples]
    assert list(leaks(training, held_out(file))) == []


def test_a_leak_is_found_whatever_its_values_and_marks() -> None:
    training = ["please copy {source} over to {target} for me", "so how full is {path}"]
    found = list(
        leaks(training, ["Please copy /a/b over to /c/d for me!", "so how full is it", "So how full is /srv?"])
    )
    assert [one for one, _ in found] == ["Please copy /a/b over to /c/d for me!", "So how full is /srv?"]


@pytest.mark.parametrize("name", sorted({p.type.name for i in CATALOGUE.values() for p in i.parameters.values()}))
def test_the_values_that_fill_slots_are_values_of_their_type(name: str) -> None:
    if name in {"boolean", "choice"}:
        pytest.skip("these are said in words, not filled in")
    random = Random(7)  # noqa: S311 - no secrets
    refused = []
    for intent in CATALOGUE.values():
        for parameter in intent.parameters.values():
            if parameter.type.name != name:
                continue
            for _ in range(4):
                text = filled_value(parameter, random)
                if not parameter.type.find(text, CONTEXT):
                    try:
                        parameter.type.parse(text.strip("'\""), CONTEXT)
                    except ValueRejected as error:
                        refused.append((intent.name, parameter.name, text, error.message))
    assert len(refused) <= 1, refused


def test_the_same_draw_gives_the_same_texts_and_another_one_other_values() -> None:
    sentences = [Sentence("user.add_to_group", "put {user} into {group} please", "one", "one:1")]
    first, again, other = (
        next(training_texts(sentences, {"user.add_to_group": CATALOGUE["user.add_to_group"]}, draw=n))
        for n in (0, 0, 1)
    )
    assert first == again
    assert first.text != other.text


def test_the_words_of_a_value_are_tagged_with_its_parameter() -> None:
    sentences = [Sentence("user.add_to_group", "put {user} into {group} please", "one", "one:1")]
    text = next(training_texts(sentences, CATALOGUE, draw=0))
    assert text.tags == (OUTSIDE, "user", OUTSIDE, "group", OUTSIDE)
