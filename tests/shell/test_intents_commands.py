"""`sayso intents new` and `check`: a pack of one's own from nothing to trusted, and what is refused on the way."""

from pathlib import Path

import pytest

from tests.support.command import Sayso


@pytest.fixture
def sayso(tmp_path: Path) -> Sayso:
    return Sayso(tmp_path)


def test_a_new_pack_is_checked_trusted_and_runs(sayso: Sayso, tmp_path: Path) -> None:
    made = sayso.run("intents", "new", "stamp.collect")
    assert made.status == 0
    path = next(word.rstrip(":") for word in made.stdout.split() if word.rstrip(":").endswith("stamp_collect.yml"))
    assert Path(path).stat().st_mode & 0o777 == 0o600
    checked = sayso.run("intents", "check", path)
    assert (checked.status, checked.stdout) == (0, "")
    assert "1 intent: nothing to object to." in checked.stderr
    assert sayso.run("intents", "trust", path).status == 0
    (tmp_path / "letter").write_text("four")
    ran = sayso.run("run", "stamp.collect", f"path={tmp_path / 'letter'}", "--json")
    assert ran.status == 0
    assert '"size": 4' in ran.stdout


def test_what_is_objected_to_is_said_with_its_place_and_ends_with_1(sayso: Sayso) -> None:
    made = sayso.run("intents", "new", "stamp.collect")
    path = Path(next(word.rstrip(":") for word in made.stdout.split() if word.rstrip(":").endswith(".yml")))
    path.write_text(path.read_text().replace(", description: The file}", "}"))
    checked = sayso.run("intents", "check", str(path))
    assert checked.status == 1
    assert "stamp_collect.yml:3: `stamp.collect`: its column `path` has no description" in checked.stdout


def test_nothing_is_overwritten_and_no_built_in_name_is_taken(sayso: Sayso) -> None:
    assert sayso.run("intents", "new", "stamp.collect").status == 0
    again = sayso.run("intents", "new", "stamp.collect")
    assert again.status == 2
    assert "is already there" in again.stderr
    taken = sayso.run("intents", "new", "file.show")
    assert taken.status == 2
    assert "already the name of an intent" in taken.stderr


def test_a_file_that_is_not_there_is_said(sayso: Sayso) -> None:
    checked = sayso.run("intents", "check", "/nowhere/pack.yml")
    assert checked.status == 2
    assert "There is no file /nowhere/pack.yml" in checked.stderr


def test_the_built_in_catalogue_has_nothing_to_object_to(sayso: Sayso) -> None:
    checked = sayso.run("intents", "check", "--all")
    assert (checked.status, checked.stdout) == (0, "")
