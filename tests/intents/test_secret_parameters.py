"""A secret can be nowhere in a pack but in the standard input of a change, and nowhere in a request."""

from collections.abc import Callable
from pathlib import Path

import pytest

from intents.catalogue import Catalogue
from intents.errors import CatalogueError, ValueRejected
from intents.rules import check_value

ENTRY = """\
door.open:
  summary: Open the door
  risk: disruptive
  parameters:
    user: {type: user, required: true}
    code: {type: secret}
  examples: ["open for {user}", "let {user} in", "door for {user}, please", "a door for {user}"]
  near_misses: [{text: close it, intent: null}, {text: paint it, intent: null}]
  state:
    run: [getent, passwd, "{user}"]
    parse: F:passwd
    columns: [{name: name}]
  change:
    run: [chpasswd, "--root=/x"]
    stdin: ["{user}:", "{code}", "\\n"]
  expect: {name: "{user}"}
  undo: {impossible: It is open.}
"""


def load(folder: Path, text: str) -> Catalogue:
    path = folder / "doors.yml"
    path.write_text(text)
    return Catalogue.load(cache_directory=folder / "cache", user_packs={path: text.encode()})


def test_the_entry_itself_is_fine(tmp_path: Path) -> None:
    assert load(tmp_path, ENTRY)["door.open"].parameters["code"].type.name == "secret"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('"--root=/x"', '"{code}"'),
        lambda text: text.replace('"--root=/x"', '"--root={code}"'),
        lambda text: text.replace('"{code}", ', '"code={code}", '),
        lambda text: text.replace("expect: {name: ", 'expect: {name: "{code}"}\n  needs: {name: '),
        lambda text: text.replace("columns: [{name: name}]", 'columns: [{name: name}]\n    stdin: "{code}"'),
        lambda text: text.replace("code: {type: secret}", "code: {type: secret, required: true}"),
        lambda text: text.replace("code: {type: secret}", "code: {type: secret, default: hunter2}"),
        lambda text: text.replace("code: {type: secret}", "code: {type: secret, many: true}"),
        lambda text: text.replace("a door for {user}", "a door with {code}"),
    ],
    ids=["argument", "option", "prefix", "needs", "state", "required", "default", "many", "example"],
)
def test_it_has_no_other_place_in_a_pack(tmp_path: Path, spoil: Callable[[str], str]) -> None:
    spoiled = spoil(ENTRY)
    assert spoiled != ENTRY
    with pytest.raises(CatalogueError, match="secret"):
        load(tmp_path, spoiled)


def test_no_step_takes_it_as_a_value(tmp_path: Path) -> None:
    with pytest.raises(ValueRejected):
        check_value(load(tmp_path, ENTRY)["door.open"], "code", "hunter2")
