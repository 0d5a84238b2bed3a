"""The judge with the real model: the shipped head, unseen sentences, and the cache of trained heads."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from intents.catalogue import Catalogue
from intents.encoder import Encoder
from intents.errors import ModelError
from intents.head import Head, load_head, train_head
from intents.masking import masked
from intents.model_judge import SHIPPED_HEAD, ModelJudge, _head
from intents.training_texts import NONE, OUT_OF_SCOPE, TrainingText, training_key, training_texts

pytestmark = pytest.mark.model

FEW = [
    TrainingText("restart the web server", "service.restart"),
    TrainingText("bounce the daemon", "service.restart"),
    TrainingText("how full are the disks", "disk.usage"),
    TrainingText("free space on the drives", "disk.usage"),
    TrainingText("tell me a joke", NONE),
    TrainingText("what is the weather like", NONE),
]


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


def kept_heads(folder: Path) -> list[Path]:
    return sorted(folder.glob("head-*.npz"))


# -- the shipped head


def test_the_shipped_head_belongs_to_the_built_in_packs_and_model(encoder: Encoder, catalogue: Catalogue) -> None:
    key = training_key(training_texts(catalogue), encoder.identity.sha256)
    assert load_head(SHIPPED_HEAD.read_bytes()).key == key, "run `make pins`"


def test_the_built_in_packs_need_no_training(tmp_path: Path, catalogue: Catalogue) -> None:
    ModelJudge.open(catalogue, tmp_path)
    assert kept_heads(tmp_path) == []


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
    assert text not in OUT_OF_SCOPE.read_text(encoding="utf-8")
    scores = judge.score(masked(text))
    assert scores.none > 0.5
    assert scores.candidates[0].score < 0.3


def test_scores_are_probabilities_best_first_and_the_same_each_time(judge: ModelJudge) -> None:
    scores = judge.score("stop a service")
    chances = [candidate.score for candidate in scores.candidates]
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) + scores.none == pytest.approx(1.0, abs=1e-5)
    assert judge.score("stop a service") == scores


# -- heads of other catalogues


def test_a_head_is_trained_once_and_then_taken_from_the_cache(encoder: Encoder, tmp_path: Path) -> None:
    first = _head(encoder, FEW, tmp_path)
    (kept,) = kept_heads(tmp_path)
    written = kept.stat()
    second = _head(encoder, FEW, tmp_path)
    assert second.weights.tobytes() == first.weights.tobytes()
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    assert written.st_mode & 0o777 == 0o600


def test_another_sentence_gives_another_head(encoder: Encoder, tmp_path: Path) -> None:
    _head(encoder, FEW, tmp_path)
    _head(encoder, [*FEW, TrainingText("kick the service", "service.restart")], tmp_path)
    (kept,) = kept_heads(tmp_path)
    other = [*FEW, TrainingText("kick the service", "service.restart")]
    assert load_head(kept.read_bytes()).key == training_key(other, encoder.identity.sha256), "the old one is removed"


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no zip", b"\x93NUMPY", bytes(4096)])
def test_a_damaged_head_in_the_cache_is_made_anew(encoder: Encoder, tmp_path: Path, damage: bytes) -> None:
    good = _head(encoder, FEW, tmp_path)
    (kept,) = kept_heads(tmp_path)
    kept.write_bytes(damage)
    assert _head(encoder, FEW, tmp_path).weights.tobytes() == good.weights.tobytes()
    assert load_head(kept.read_bytes()).key == good.key


def test_the_head_of_another_catalogue_under_this_name_is_not_used(encoder: Encoder, tmp_path: Path) -> None:
    good = _head(encoder, FEW, tmp_path)
    (kept,) = kept_heads(tmp_path)
    kept.write_bytes(Head("another key", good.names, good.mean, good.weights).dump())
    assert _head(encoder, FEW, tmp_path).key == good.key


def test_a_cache_that_cannot_be_written_costs_only_time(encoder: Encoder, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("no folder")
    head = _head(encoder, FEW, in_the_way / "cache")
    assert set(head.names) == {"service.restart", "disk.usage", NONE}


def test_training_gives_the_same_bits_twice(encoder: Encoder) -> None:
    one, other = (train_head(FEW, "key", encoder.embed) for _ in range(2))
    assert one.weights.tobytes() == other.weights.tobytes()


@pytest.mark.parametrize("cut", [10, 1000, -1])
def test_a_cut_head_is_refused(cut: int) -> None:
    with pytest.raises(ModelError, match="head can't be read"):
        load_head(SHIPPED_HEAD.read_bytes()[:cut])


# -- the sentences out of scope


def test_there_are_many_sentences_out_of_scope_and_none_twice() -> None:
    lines = [line for line in OUT_OF_SCOPE.read_text(encoding="utf-8").splitlines() if line.strip()]
    sentences = [line for line in lines if not line.startswith("#")]
    assert len(sentences) >= 300
    assert len({sentence.casefold() for sentence in sentences}) == len(sentences)


def test_no_sentence_out_of_scope_is_an_intents_own(catalogue: Catalogue) -> None:
    own = {sentence.casefold() for intent in catalogue.values() for sentence in (intent.summary, *intent.examples)}
    outside = {line.strip().casefold() for line in OUT_OF_SCOPE.read_text(encoding="utf-8").splitlines()}
    assert own & outside == set()
