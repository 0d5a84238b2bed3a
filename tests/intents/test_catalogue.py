"""The catalogue loads fast, says where a pack is wrong, and trusts only what is pinned or was trusted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from intents.catalogue import Catalogue, pinned_hashes
from intents.compilation import operations_of, programs_of
from intents.errors import CatalogueError, IntegrityError
from intents.intent import Risk
from intents.pack_source import BUILT_IN_PACKS

GOOD = """\
thing.show:
  summary: Show a thing
  risk: read
  parameters:
    path: {type: path, required: true}
    pattern: {type: text}
  examples: ['show {path}', 'what is {path}', 'look at {path}', 'print the thing {path}']
  near_misses:
    - {text: delete the thing, intent: null}
    - {text: make a thing, intent: null}
  read:
    run: [cat, --, "{path}"]
    parse: text
    columns: [{name: text}]
"""


def load(tmp_path: Path, text: str) -> Catalogue:
    folder = tmp_path / "packs" / "mine"
    folder.mkdir(parents=True)
    (folder / "thing.yml").write_text(text)
    return Catalogue.load(packs=tmp_path / "packs")


def test_a_good_pack_loads(tmp_path: Path) -> None:
    intent = load(tmp_path, GOOD)["thing.show"]
    assert (intent.pack, intent.risk, intent.is_change) == ("mine", Risk.READ, False)
    assert intent.where.endswith("thing.yml:1")


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("risk: read", "risk: harmless", 3, "risk"),
        ("summary: Show a thing", "sumary: Show a thing", 2, "sumary"),
        ("type: path", "type: pth", 1, "pth"),
        ('"{path}"]', '"{pth}"]', 12, "pth"),
        ("run: [cat", "run: [sh", 12, "`sh`"),
        ("run: [cat", "run: [/bin/cat", 12, "/bin/cat"),
        ('run: [cat, --, "{path}"]', 'run: [grep, "{pattern}"]', 12, "--"),
        ('"{path}"]', '"{path}x"]', 12, "nothing may follow"),
        ("  risk: read", "  risk: read\n  only: {colour: [red]}", 4, "`colour` is no fact"),
        ("parse: text", "parse: F:nothing", 13, "F:nothing"),
        ("'show {path}', 'what", "'show {paht}', 'what", 7, "paht"),
        ("intent: null}\n    - {text: make", "intent: no.such}\n    - {text: make", 1, "no.such"),
        ("examples: ['show {path}', 'what is {path}', 'look at {path}', ", "examples: [", 7, "examples"),
        ("  read:\n", "  change:\n", 13, "change.parse"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    assert old in GOOD
    with pytest.raises(CatalogueError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert said in caught.value.message
    assert caught.value.where.endswith(f"thing.yml:{line}")
    assert caught.value.remedy


def test_two_intents_cannot_share_a_name(tmp_path: Path) -> None:
    folder = tmp_path / "packs" / "other"
    folder.mkdir(parents=True)
    (folder / "again.yml").write_text(GOOD)
    with pytest.raises(CatalogueError, match="already the name"):
        load(tmp_path, GOOD)


def test_the_cache_serves_only_the_packs_it_was_made_from(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    folder = tmp_path / "packs" / "mine"
    folder.mkdir(parents=True)
    (folder / "thing.yml").write_text(GOOD)
    first = Catalogue.load(packs=tmp_path / "packs", cache_directory=cache)
    again = Catalogue.load(packs=tmp_path / "packs", cache_directory=cache)
    assert first.digest == again.digest
    assert again["thing.show"] == first["thing.show"]
    (folder / "thing.yml").write_text(GOOD.replace("Show a thing", "Show it"))
    assert Catalogue.load(packs=tmp_path / "packs", cache_directory=cache)["thing.show"].summary == "Show it"


@pytest.mark.parametrize("damage", ["not json", "{}", '{"digest": "x", "entries": {}}'])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "cache"
    Catalogue.load(cache_directory=cache)
    (file,) = cache.glob("catalogue-*.json")
    file.write_text(damage)
    assert "disk.usage" in Catalogue.load(cache_directory=cache)


def test_a_cache_that_others_may_write_is_not_read(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    Catalogue.load(cache_directory=cache)
    (file,) = cache.glob("catalogue-*.json")
    file.write_text(file.read_text().replace("df", "rm"))
    file.chmod(0o666)
    assert programs_of(Catalogue.load(cache_directory=cache)["disk.usage"]) == {"df"}


def test_a_cached_catalogue_needs_neither_pydantic_nor_yaml(tmp_path: Path) -> None:
    Catalogue.load(cache_directory=tmp_path)
    program = (
        "import sys; from pathlib import Path; from intents.catalogue import Catalogue; "
        "Catalogue.load(cache_directory=Path(sys.argv[1]))['disk.usage']; "
        "print([name for name in ('pydantic', 'yaml', 'numpy', 'llama_cpp') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True, text=True, check=True, cwd=BUILT_IN_PACKS.parent.parent, env={**os.environ},
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_an_altered_built_in_pack_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    copy = tmp_path / "packs"
    shutil.copytree(BUILT_IN_PACKS, copy)
    monkeypatch.setattr("intents.catalogue.BUILT_IN_PACKS", copy)
    assert "disk.usage" in Catalogue.load(packs=copy)
    pack = next(copy.rglob("space.yml"))
    pack.write_text(pack.read_text().replace("df", "dd"))
    with pytest.raises(IntegrityError, match=r"space\.yml"):
        Catalogue.load(packs=copy)


def test_the_pins_are_those_of_the_packs() -> None:
    assert (BUILT_IN_PACKS / "SHA256SUMS").read_text() == pinned_hashes(), "run `make pins`"


def test_a_pack_of_ones_own_is_never_milder_than_the_programs_we_reviewed() -> None:
    mine = GOOD.replace("[cat, --,", "[frobnicate, --,")
    intent = Catalogue.load(user_packs={Path("/home/a/thing.yml"): mine.encode()})["thing.show"]
    assert intent.risk is Risk.DISRUPTIVE
    assert intent.effects == ("execution",)
    plain = Catalogue.load(user_packs={Path("/home/a/thing.yml"): GOOD.encode()})["thing.show"]
    assert plain.risk is Risk.READ


def test_a_pack_of_ones_own_cannot_take_a_built_in_name() -> None:
    mine = GOOD.replace("thing.show", "disk.usage")
    with pytest.raises(CatalogueError, match="already the name"):
        Catalogue.load(user_packs={Path("/home/a/thing.yml"): mine.encode()})


def test_a_pack_of_ones_own_cannot_take_a_built_in_sentence() -> None:
    mine = GOOD.replace("'look at {path}'", "'How full are  the disks'")
    with pytest.raises(CatalogueError, match=r"a sentence of `disk\.usage`") as caught:
        Catalogue.load(user_packs={Path("/home/a/thing.yml"): mine.encode()})
    assert caught.value.where == "/home/a/thing.yml:7"


@pytest.mark.parametrize("name", list(Catalogue.load()))
def test_every_intent_says_all_that_people_need(name: str) -> None:
    intent = Catalogue.load()[name]
    assert len(intent.examples) >= 4
    assert len(intent.near_misses) >= 2
    assert intent.summary[0].isupper()
    assert not intent.summary.endswith(".")
    for operation in operations_of(intent):
        if operation.read is not None:
            assert all(column.name for column in operation.read.columns)
        elif operation.edit is None:
            assert operation.undo is not None
            assert operation.undo.intent or operation.undo.impossible
