"""The library of playbooks: what must be said of each, and that intents and playbooks fit."""

from pathlib import Path

import pytest

from intents.catalogue import Catalogue
from intents.compilation import operations_of
from playbooks.library import PlaybookError, find_playbook, playbook_names

PLAY = "- name: A play\n  hosts: all\n"
META = "summary: For tests\nvariables:\n  size: {required: true, description: A size}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("playbooks.library.PLAYBOOKS", tmp_path)
    made = tmp_path / "mine"
    made.mkdir()
    (made / "playbook.yml").write_text(PLAY)
    (made / "meta.yml").write_text(META)
    return made


def test_every_playbook_is_named_by_an_intent_and_every_name_exists() -> None:
    named = {
        operation.playbook.name
        for intent in Catalogue.load().values()
        for operation in operations_of(intent)
        if operation.playbook is not None
    }
    assert named == set(playbook_names())


@pytest.mark.parametrize("name", playbook_names())
def test_every_intent_gives_its_playbook_what_it_needs(name: str) -> None:
    playbook = find_playbook(name)
    for intent in Catalogue.load().values():
        for operation in operations_of(intent):
            if operation.playbook is not None and operation.playbook.name == name:
                given = dict.fromkeys(operation.playbook.variables, "x")
                assert set(playbook.complete(given)) == set(playbook.variables)
                for name_of_it, word in operation.playbook.variables.items():
                    if playbook.variables[name_of_it].required:
                        parameter = intent.parameters[str(word.parameter)]
                        assert parameter.required or parameter.default is not None


def test_a_variable_that_is_missing_or_unknown_is_refused(folder: Path) -> None:
    playbook = find_playbook(folder.name)
    assert playbook.complete({"size": "5"}) == {"size": "5"}
    with pytest.raises(PlaybookError, match="needs a value for `size`"):
        playbook.complete({})
    with pytest.raises(PlaybookError, match="no variable `ansible_connection`"):
        playbook.complete({"size": "5", "ansible_connection": "local"})


@pytest.mark.parametrize("name", ["../mine", "/etc", "mine/../mine", "Mine", "", "missing"])
def test_only_a_plain_name_finds_a_playbook(folder: Path, name: str) -> None:
    with pytest.raises(PlaybookError, match="there is no playbook"):
        find_playbook(name)


@pytest.mark.parametrize(
    ("meta", "problem"),
    [
        ("variables: {}\n", "summary"),
        ("summary: x\nsize: 5\n", "nothing else"),
        ("summary: x\nvariables: {size: {required: true}}\n", "description"),
        ("summary: x\nvariables: {size: {required: false, description: y}}\n", "default"),
        ("summary: x\nvariables: {size: {required: true, default: '1', description: y}}\n", "default"),
        ("summary: x\nvariables: {ansible_host: {required: true, description: y}}\n", "name of a variable"),
        ("summary: [\n", "can't be read"),
        ("- summary\n", "names with what they stand for"),
    ],
)
def test_a_meta_file_that_does_not_say_what_it_must_is_refused(folder: Path, meta: str, problem: str) -> None:
    (folder / "meta.yml").write_text(meta)
    with pytest.raises(PlaybookError, match=problem):
        find_playbook(folder.name)


def test_a_playbook_is_a_list_of_plays(folder: Path) -> None:
    (folder / "playbook.yml").write_text("hosts: all\n")
    with pytest.raises(PlaybookError, match="list of plays"):
        find_playbook(folder.name)


def test_the_hash_covers_every_file(folder: Path) -> None:
    before = find_playbook(folder.name).sha256
    (folder / "templates").mkdir()
    (folder / "templates" / "x.j2").write_text("x")
    with_template = find_playbook(folder.name).sha256
    (folder / "templates" / "x.j2").write_text("y")
    assert len({before, with_template, find_playbook(folder.name).sha256}) == 3
