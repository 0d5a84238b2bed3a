"""The library of playbooks: what must be said of each, and that intents and playbooks fit."""

from pathlib import Path

import pytest
import yaml

from intents.catalogue import Catalogue
from intents.compilation import operations_of
from playbooks.library import PlaybookError, find_playbook, playbook_names

PLAY = "- name: A play\n  hosts: all\n"
TASK_LISTS = frozenset(("tasks", "handlers", "pre_tasks", "post_tasks", "block", "rescue", "always"))
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
        ("summary: x\nguarded_files: [etc/x]\n", "absolute paths"),
        ("summary: x\nimports: [../x]\n", "names of playbooks"),
        ("summary: x\nimports: [nothing]\n", "no playbook `nothing`"),
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


def test_the_hash_covers_what_a_playbook_imports(folder: Path) -> None:
    other = folder.parent / "other"
    other.mkdir()
    (other / "playbook.yml").write_text(PLAY)
    (folder / "meta.yml").write_text(f"{META}imports: [other]\n")
    before = find_playbook(folder.name).sha256
    (other / "playbook.yml").write_text(PLAY + "  gather_facts: false\n")
    assert find_playbook(folder.name).sha256 != before


@pytest.mark.parametrize("name", playbook_names())
def test_what_a_playbook_imports_stands_in_its_meta_file(name: str) -> None:
    playbook = find_playbook(name)
    plays = yaml.safe_load(playbook.path.read_text())
    imported = {play["ansible.builtin.import_playbook"].split("/")[1] for play in plays if "hosts" not in play}
    told = yaml.safe_load((playbook.path.parent / "meta.yml").read_text()).get("imports", [])
    assert imported == set(told)


@pytest.mark.parametrize("name", playbook_names())
def test_a_playbook_of_ours_needs_nothing_but_ansible_core(name: str) -> None:
    assert _modules(yaml.safe_load(find_playbook(name).path.read_text())) <= {"ansible.builtin"}


def _modules(node: object) -> set[str]:
    """Return the collections of every module that is named below a node."""
    if isinstance(node, list):
        return {name for one in node for name in _modules(one)}
    if not isinstance(node, dict):
        return set()
    named = {key.rpartition(".")[0] for key in node if key.count(".") == 2}
    return named.union(*(_modules(one) for key, one in node.items() if key in TASK_LISTS))
