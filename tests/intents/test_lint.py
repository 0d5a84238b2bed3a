"""What `sayso intents check` objects to: each kind of objection in one small pack."""

from pathlib import Path

import pytest

from intents.catalogue import Catalogue
from intents.errors import RequestError
from intents.lint import check_catalogue
from intents.scaffold import scaffold

CLEAN = """
stamp.collect:
  summary: List the stamps in a folder
  risk: read
  parameters:
    path: {type: path, required: true, description: The folder}
  examples:
    - what stamps lie in {path}
    - philately under {path}, if you please
    - collection at {path}
    - every postage mark kept below {path}
  near_misses: [{text: stamp duty, intent: null}, {text: stampede, intent: null}]
  read:
    run: [find, "{path}", -name, "*.stamp"]
    parse: lines
    columns: [{name: text, description: The stamp}]
"""


def _texts(entry: str) -> list[str]:
    catalogue = Catalogue.load(user_packs={Path("/packs/stamp.yml"): entry.encode()})
    return [finding.text for finding in check_catalogue(catalogue, ["stamp.collect"])]


def test_a_clean_entry_has_no_findings() -> None:
    assert _texts(CLEAN) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("List the stamps in a folder", "list the stamps.", "its summary begins with a capital"),
        (", description: The folder", "", "its parameter `path` has no description"),
        (", description: The stamp", "", "its column `text` has no description"),
        ('"*.stamp"]', '"*.stamp", --to-command=x]', "`--to-command` makes `find` run another program"),
        ("collection at {path}", "how big is {path}, in all its folders", None),
        ("{text: stamp duty,", "{text: what stamps lie in /srv,", None),
        ("{text: stamp duty,", "{text: 'collection at {path}',", "is a near miss and one of its examples"),
        ("philately under {path}, if you please", "please, what stamps lie in {path}", "in another order"),
    ],
)
def test_each_objection_is_said(old: str, new: str, said: str | None) -> None:
    found = _texts(CLEAN.replace(old, new, 1))
    assert (said is None and found == []) or any(said is not None and said in text for text in found), found


def test_a_sentence_of_another_intent_in_other_order_is_ambiguous() -> None:
    taken = Catalogue.load()["file.checksum"].examples[0]
    (text,) = _texts(CLEAN.replace("collection at {path}", f"{taken} please".replace("{paths}", "{path}")))
    assert "says the same as an example of `file.checksum`" in text


def test_what_cannot_be_taken_back_is_destructive() -> None:
    entry = CLEAN.replace("risk: read", "risk: reversible").replace(
        CLEAN[CLEAN.index("  read:") :],
        """  state: {run: [stat, "--printf=%n\\\\0", --, "{path}"], parse: nul, columns: [{name: path}]}
  change: {run: [rm, --, "{path}"]}
  expect: {path: {absent: true}}
  undo: {impossible: it is gone}
""",
    )
    assert any("`rm` can't be taken back" in text for text in _texts(entry))


def test_an_undo_that_deletes_says_by_what_it_tells_that_nobody_has_worked_on_it() -> None:
    entry = CLEAN.replace("risk: read", "risk: reversible").replace(
        CLEAN[CLEAN.index("  read:") :],
        """  state: {run: [stat, "--printf=%n\\\\0", --, "{path}"], parse: nul, columns: [{name: path}]}
  change: {run: [touch, --, "{path}"]}
  expect: {path: "{path}"}
  undo: {intent: file.delete, with: {path: "{path}"}}
""",
    )
    assert any("would take along what was written since" in text for text in _texts(entry))
    left = """  undo:
    intent: file.delete
    with: {path: "{path}"}
    left: {run: [stat, "--printf=%s\\\\0", --, "{path}"], parse: nul, columns: [{name: size, type: size}]}
"""
    kept = entry.replace('  undo: {intent: file.delete, with: {path: "{path}"}}\n', left)
    assert not any("written since" in text for text in _texts(kept))


def test_no_undo_of_the_catalogue_takes_along_what_was_written_since() -> None:
    catalogue = Catalogue.load()
    found = [one for one in check_catalogue(catalogue, list(catalogue)) if "written since" in one.text]
    assert found == []


@pytest.mark.parametrize("shape", ["read", "change", "edit"])
def test_a_scaffold_loads_as_it_stands(shape: str) -> None:
    packs = {Path("/packs/new.yml"): scaffold("stamp.collect", shape).encode()}
    assert Catalogue.load(user_packs=packs)["stamp.collect"].is_change == (shape != "read")


@pytest.mark.parametrize(("name", "shape"), [("stamps", "read"), ("../x.y", "read"), ("a.b", "shell")])
def test_no_scaffold_for_what_is_no_name_or_shape(name: str, shape: str) -> None:
    with pytest.raises(RequestError):
        scaffold(name, shape)


def test_the_built_in_packs_are_clean() -> None:
    catalogue = Catalogue.load()
    assert [f"{one.intent}: {one.text}" for one in check_catalogue(catalogue, list(catalogue))] == []
