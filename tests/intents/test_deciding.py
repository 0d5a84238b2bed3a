"""How likely a reading is right follows from signs, by weights that a file holds."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from intents.deciding import SIGNS, Decider, Signs
from intents.errors import ModelError

GOOD = Signs(
    confidence=4.0, share=4.0, nobody=-5.0, condition=-6.0, everyday=0.0, strange=0.0, values=0.0, hard=0.0,
    value_chance=0.0, word_condition=-8.0, is_destructive=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def decider() -> Decider:
    return Decider.load()


def test_a_clear_reading_is_likely_right(decider: Decider) -> None:
    assert decider.chance(GOOD, is_change=False) > 0.85
    assert decider.chance(GOOD, is_change=True) > 0.85


@pytest.mark.parametrize(
    "worse",
    [
        replace(GOOD, confidence=-2.0, share=-1.0),
        replace(GOOD, nobody=3.0),
        replace(GOOD, condition=4.0, word_condition=4.0),
        replace(GOOD, value_chance=1.0, values=1.0),
        replace(GOOD, hard=2.0),
    ],
    ids=["unsure", "foreign", "conditional", "value left over", "negation left over"],
)
def test_what_speaks_against_a_change_makes_it_less_likely(decider: Decider, worse: Signs) -> None:
    assert decider.chance(worse, is_change=True) < decider.chance(GOOD, is_change=True) - 0.01


def test_a_sign_counts_by_its_weight() -> None:
    weights = {"bias": -1.0, **dict.fromkeys(SIGNS, 0.0), "share": 0.5}
    decider = Decider(weights, weights)
    assert decider.chance(replace(GOOD, share=2.0), is_change=False) == pytest.approx(0.5)
    assert decider.chance(replace(GOOD, share=1e6), is_change=True) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", json.dumps({"reads": {"bias": 1}, "changes": {"bias": 1}}), '{"reads": 1, "changes": 2}'],
)
def test_weights_that_are_none_are_refused_in_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "decision.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match="weights for decisions"):
        Decider.load(tmp_path / "decision.json")
