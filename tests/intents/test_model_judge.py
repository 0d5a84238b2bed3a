"""The judge with the real model: the shipped head, unseen sentences, intents of one's own, and tags of words."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from intents.catalogue import Catalogue
from intents.encoder import Encoder
from intents.errors import ModelError
from intents.head import load_head
from intents.masking import masked
from intents.model_judge import SHIPPED_HEAD, ModelJudge
from scripts.training.sentences import read_sentences

pytestmark = pytest.mark.model

OWN_PACK = """
plants.water:
  summary: Water the plants
  risk: read
  parameters: {}
  examples: [water the plants, give the plants some water, the flowers in the office are dry, plants need watering please]
  near_misses: [{text: plant a tree, intent: null}, {text: buy flowers, intent: null}]
  read: {run: ["true"], parse: text, columns: [{name: line, type: text}]}
"""


@pytest.fixture(scope="module")
def encoder() -> Iterator[Encoder]:
    opened = Encoder.open()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


@pytest.fixture(scope="module")
def judge(encoder: Encoder) -> ModelJudge:
    return ModelJudge(encoder, load_head(SHIPPED_HEAD.read_bytes()))


# -- the shipped head


def test_the_shipped_head_belongs_to_the_model_and_knows_every_built_in_intent(
    encoder: Encoder, catalogue: Catalogue
) -> None:
    head = load_head(SHIPPED_HEAD.read_bytes())
    assert head.key == encoder.identity.sha256, "run `make heads`"
    assert set(catalogue) <= set(head.names), "run `make heads`"


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("could you restart postgresql for me", "service.restart"),
        ("how much space is left on the file systems", "disk.usage"),
        ("show me who is logged in at the moment", "user.logged_in"),
        ("which program is listening on port 5432", "process.by_port"),
        ("create the folder /srv/reports", "file.make_directory"),
        ("how long has this machine been running", "system.uptime"),
    ],
)
def test_an_ordinary_request_is_judged_most_likely_its_intent(judge: ModelJudge, text: str, intent: str) -> None:
    scores = judge.score(masked(text))
    assert scores.candidates[0].intent == intent
    assert scores.candidates[0].score > scores.none


@pytest.mark.parametrize(
    "text",
    [
        "write a haiku about autumn leaves",
        "who painted the Mona Lisa",
        "book me a taxi to the airport",
        "explain how garbage collection works in Go",
        "what should I cook tonight",
        "publish my package to npm",
        "wie spät ist es in Tokio",
        "qwertz uiop",
    ],
)
def test_an_unseen_sentence_out_of_scope_is_nobodys(judge: ModelJudge, text: str) -> None:
    assert text not in {one.text for one in read_sentences()}
    scores = judge.score(masked(text))
    assert scores.none > 0.5
    assert scores.candidates[0].score < 0.3


def test_scores_are_probabilities_best_first_and_the_same_each_time(judge: ModelJudge) -> None:
    scores = judge.score("stop a service")
    chances = [candidate.score for candidate in scores.candidates]
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) + scores.none == pytest.approx(1.0, abs=1e-5)
    assert judge.score("stop a service") == scores


# -- intents that the head doesn't know


def own_intent(folder: Path) -> Catalogue:
    pack = folder / "mine.yml"
    pack.write_text(OWN_PACK)
    return Catalogue.load(user_packs={pack: pack.read_bytes()})


def test_an_intent_of_ones_own_is_judged_by_its_examples_at_once(tmp_path: Path) -> None:
    judge = ModelJudge.open(own_intent(tmp_path), tmp_path)
    scores = judge.score("please water the plants in the office")
    assert scores.candidates[0].intent == "plants.water"
    assert scores.candidates[0].score > 0.5


def test_an_intent_of_ones_own_takes_nothing_from_the_others(tmp_path: Path) -> None:
    judge = ModelJudge.open(own_intent(tmp_path), tmp_path)
    assert judge.score("restart nginx").candidates[0].intent == "service.restart"
    assert judge.score("tell me a joke about ducks").none > 0.5


def test_examples_are_read_once_and_then_taken_from_the_cache(tmp_path: Path) -> None:
    catalogue = own_intent(tmp_path)
    first = ModelJudge.open(catalogue, tmp_path).score("water the plants")
    (kept,) = tmp_path.glob("examples-*.npy")
    written = kept.stat()
    assert ModelJudge.open(catalogue, tmp_path).score("water the plants") == first
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    assert written.st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no array", b"\x93NUMPY", bytes(4096)])
def test_damaged_examples_in_the_cache_are_made_anew(tmp_path: Path, damage: bytes) -> None:
    catalogue = own_intent(tmp_path)
    good = ModelJudge.open(catalogue, tmp_path).score("water the plants")
    (kept,) = tmp_path.glob("examples-*.npy")
    kept.write_bytes(damage)
    assert ModelJudge.open(catalogue, tmp_path).score("water the plants") == good


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("no folder")
    judge = ModelJudge.open(own_intent(tmp_path), in_the_way / "cache")
    assert judge.score("water the plants").candidates[0].intent == "plants.water"


def test_a_class_whose_intent_is_not_in_the_catalogue_is_never_a_candidate(encoder: Encoder) -> None:
    judge = ModelJudge(
        encoder, load_head(SHIPPED_HEAD.read_bytes()), known=frozenset({"service.stop", "service.start"})
    )
    assert {one.intent for one in judge.score("restart nginx").candidates} == {"service.stop", "service.start"}


# -- what the model says of words


def test_the_words_of_a_request_are_tagged_with_their_parameters(tmp_path: Path) -> None:
    judge = ModelJudge.open(Catalogue.load(), tmp_path)
    tags = judge.score("add nadia to the docker group").tags
    likely = [max(tag.chances, key=lambda name: tag.chances[name]) for tag in tags]
    assert likely[:4] == ["-", "user", "-", "-"]


# -- damaged files


@pytest.mark.parametrize("cut", [10, 1000, -1])
def test_a_cut_head_is_refused(cut: int) -> None:
    with pytest.raises(ModelError, match="head can't be read"):
        load_head(SHIPPED_HEAD.read_bytes()[:cut])
