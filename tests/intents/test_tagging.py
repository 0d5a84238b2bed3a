"""What the model says of single words, and how the interpreter uses it."""

import numpy as np
import pytest

from intents.catalogue import Catalogue
from intents.errors import ModelError
from intents.interpretation import Interpretation
from intents.interpreter import Interpreter
from intents.mapped_text import MappedText
from intents.tagging import OUTSIDE, Tagger, WordTag, conditional_chance, load_tagger
from tests.intents.test_interpreter import CONTEXT, FACTS
from tests.support.judges import AsScored, ScriptedJudge

CATALOGUE = Catalogue.load()


def tags_of(text: str, names: dict[str, str], *, conditions: tuple[str, ...] = ()) -> list[WordTag]:
    """Return tags in which each word of `names` is surely that parameter's, and those of `conditions` conditional."""
    words = [(span, text[slice(*span)]) for span in MappedText.of(text).words()]
    return [
        WordTag(span, {names.get(word.strip(".,"), OUTSIDE): 0.98}, 4.0 if word.strip(".,") in conditions else -8.0)
        for span, word in words
    ]


def interpret(text: str, intent: str, tags: list[WordTag]) -> Interpretation:
    return Interpreter(CATALOGUE, ScriptedJudge({intent: 0.97}, tags), decider=AsScored()).interpret(
        text, CONTEXT, facts=FACTS
    )


def test_a_name_that_is_also_a_word_of_the_intent_is_taken_where_the_model_is_sure() -> None:
    text = "create a user called create"
    with_tags = interpret(
        text, "user.create", [*tags_of("create a user called", {}), WordTag((21, 27), {"name": 0.98})]
    )
    assert [match.arguments["name"].value for match in with_tags.matches] == ["create"]
    assert interpret(text, "user.create", []).kind == "question"


def test_of_two_values_of_one_type_the_tags_say_which_is_which() -> None:
    text = "/srv/new /srv/old copy"
    reading = interpret(text, "file.copy", tags_of(text, {"/srv/new": "target", "/srv/old": "source"}))
    assert [one.arguments["source"].value for one in reading.matches] == ["/srv/old"]
    assert [one.arguments["target"].value for one in reading.matches] == ["/srv/new"]


def test_a_value_must_still_be_one_of_its_type() -> None:
    text = "kill process banana"
    reading = interpret(text, "process.end", tags_of(text, {"banana": "pid"}))
    assert reading.kind == "question"


def test_a_likely_condition_turns_a_change_into_a_question_that_names_it() -> None:
    text = "restart nginx on the moon"
    reading = interpret(text, "service.restart", tags_of(text, {"nginx": "service"}, conditions=("moon",)))
    assert reading.question is not None
    assert "moon" in reading.question.text


def test_a_read_is_not_stopped_by_a_likely_condition() -> None:
    text = "how full are the disks now"
    assert interpret(text, "disk.usage", tags_of(text, {}, conditions=("now",))).kind == "match"


def test_the_chance_of_a_condition_is_that_of_its_most_suspicious_word() -> None:
    quiet = [WordTag((0, 1), {}, -8.0)] * 10
    assert conditional_chance(quiet) < 0.01
    assert conditional_chance([*quiet, WordTag((2, 3), {}, 3.0)]) == pytest.approx(0.953, abs=0.01)
    assert conditional_chance([]) == 0.0


def test_a_tagger_is_kept_and_read_again() -> None:
    weights = np.arange(12, dtype=np.float32).reshape(4, 3)
    tagger = Tagger((OUTSIDE, "user", "group"), weights, np.ones((4, 1), np.float32))
    again = load_tagger(tagger.dump())
    vectors = np.ones((2, 3), np.float32)
    assert again.tags([(0, 1), (2, 3)], vectors) == tagger.tags([(0, 1), (2, 3)], vectors)


@pytest.mark.parametrize("cut", [10, 200, -1])
def test_a_damaged_tagger_is_refused(cut: int) -> None:
    whole = Tagger((OUTSIDE,), np.zeros((4, 1), np.float32), np.zeros((4, 1), np.float32)).dump()
    with pytest.raises(ModelError, match="tagger"):
        load_tagger(whole[:cut])


def test_a_tagger_of_another_shape_is_refused() -> None:
    wrong = Tagger((OUTSIDE, "user"), np.zeros((4, 3), np.float32), np.zeros((4, 1), np.float32)).dump()
    with pytest.raises(ModelError, match="shape"):
        load_tagger(wrong)
