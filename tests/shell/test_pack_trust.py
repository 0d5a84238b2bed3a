"""A pack of one's own is inert until exactly its content was trusted."""

import os
from pathlib import Path

import pytest

from intents.errors import CatalogueError, RequestError
from shell.ownership import ForeignFileError
from shell.pack_trust import trust_pack, trusted_packs

PACK = """\
note.show:
  summary: Show the note of the day
  risk: read
  examples: ['read the note of the day', 'what does the note say', 'note of the day please', 'daily note']
  near_misses:
    - {text: write a note, intent: null}
    - {text: delete the note, intent: null}
  read:
    run: [cat, --, /etc/motd]
    parse: text
    columns: [{name: text}]
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "packs"
    folder.mkdir()
    path = folder / "note.yml"
    path.write_text(PACK)
    path.chmod(0o644)
    return path


def test_an_untrusted_pack_is_inert_and_said_so(tmp_path: Path, pack: Path) -> None:
    packs, warnings = trusted_packs(tmp_path, os.getuid())
    assert packs == {}
    assert len(warnings) == 1
    assert f"sayso intents trust {pack}" in warnings[0]


def test_a_trusted_pack_is_used_until_it_changes(tmp_path: Path, pack: Path) -> None:
    assert trust_pack(tmp_path, pack, os.getuid()) == ("note.show",)
    packs, warnings = trusted_packs(tmp_path, os.getuid())
    assert (list(packs), warnings) == ([pack], ())
    pack.write_text(PACK.replace("/etc/motd", "/etc/shadow"))
    packs, warnings = trusted_packs(tmp_path, os.getuid())
    assert packs == {}
    assert "has changed" in warnings[0]


def test_a_wrong_pack_cannot_be_trusted(tmp_path: Path, pack: Path) -> None:
    pack.write_text(PACK.replace("[cat,", "[sh,"))
    with pytest.raises(CatalogueError, match="`sh`"):
        trust_pack(tmp_path, pack, os.getuid())
    assert trusted_packs(tmp_path, os.getuid())[0] == {}


def test_only_files_of_the_packs_folder_can_be_trusted(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.yml"
    elsewhere.write_text(PACK)
    with pytest.raises(RequestError, match="is not in"):
        trust_pack(tmp_path, elsewhere, os.getuid())


def test_a_pack_that_others_may_write_is_refused(tmp_path: Path, pack: Path) -> None:
    trust_pack(tmp_path, pack, os.getuid())
    pack.chmod(0o666)
    with pytest.raises(ForeignFileError, match=r"note\.yml"):
        trusted_packs(tmp_path, os.getuid())
