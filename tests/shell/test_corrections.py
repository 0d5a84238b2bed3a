"""What a person says that a sentence means works at once, and changes nothing else."""

import json
from pathlib import Path

import pytest

from intents.errors import ModelError
from shell.corrections import MOST_CORRECTIONS, correct, corrections
from shell.exit_status import ExitStatus
from tests.support.command import Sayso

pytestmark = pytest.mark.model
ODD = "zorp the flumph gauges"


def test_a_correction_is_kept_privately_and_the_last_one_counts(tmp_path: Path) -> None:
    correct(tmp_path, "how is it going", "disk.usage")
    correct(tmp_path, "how is it going", "system.uptime")
    assert corrections(tmp_path) == {"how is it going": "system.uptime"}
    (kept,) = tmp_path.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", ["", "[]", '{"a": 1}', "{"])
def test_a_damaged_file_is_named_and_nothing_is_lost(tmp_path: Path, damage: str) -> None:
    (tmp_path / "corrections.json").write_text(damage)
    with pytest.raises(ModelError, match=r"corrections\.json"):
        correct(tmp_path, "a", "disk.usage")
    assert (tmp_path / "corrections.json").read_text() == damage


def test_there_is_a_limit(tmp_path: Path) -> None:
    many = {f"sentence {number}": "disk.usage" for number in range(MOST_CORRECTIONS)}
    (tmp_path / "corrections.json").write_text(json.dumps(many))
    with pytest.raises(ModelError, match="already"):
        correct(tmp_path, "one more", "disk.usage")


def test_a_corrected_sentence_is_understood_from_then_on(tmp_path: Path) -> None:
    sayso = Sayso(tmp_path)
    before = sayso.run(ODD)
    assert before.status == ExitStatus.NOT_UNDERSTOOD, before.stdout
    said = sayso.run("correct", "system.uptime")
    assert said.status == ExitStatus.DONE, said.stderr
    assert ODD in said.stderr
    after = sayso.run(ODD)
    assert after.status == ExitStatus.DONE, after.stderr


def test_a_correction_needs_an_intent_that_there_is(tmp_path: Path) -> None:
    said = Sayso(tmp_path).run("correct", "disk.usge", "how full")
    assert said.status == ExitStatus.USAGE
    assert "disk.usage" in said.stderr


def test_a_persons_own_sentences_are_measured(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(
        '{"text": "how full are the disks", "intent": "disk.usage"}\n{"text": "sing", "intent": null, "kind": "foreign"}\n'
    )
    said = Sayso(tmp_path).run("model", "eval", str(file))
    assert said.status == ExitStatus.DONE, said.stderr
    assert "2 sentences, 1 of them for an intent" in said.stdout
    assert "foreign acted on: 0 of 1" in said.stdout


@pytest.mark.parametrize(
    "line", ["no json", "{}", '{"text": "a", "intent": "no.such"}', '{"text": "a", "intent": null, "kind": "odd"}']
)
def test_a_line_that_is_no_sentence_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(line + "\n")
    said = Sayso(tmp_path).run("model", "eval", str(file))
    assert said.status == ExitStatus.USAGE
    assert "mine.jsonl:1" in said.stderr or "no.such" in said.stderr
