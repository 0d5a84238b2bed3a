"""What edits keep for undo can be seen, and room can be made; never without being asked."""

from pathlib import Path

import pytest

from executors.backups import LIMIT_BYTES, Backup, to_remove
from tests.support.command import Sayso

DAY_S = 86400.0


@pytest.fixture
def sayso(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Sayso:
    return Sayso(tmp_path, cache=tmp_path_factory.getbasetemp() / "sayso-cache")


def test_the_oldest_goes_first_and_only_beyond_the_limit() -> None:
    third = LIMIT_BYTES // 3
    kept = [Backup(f"/{number}", third, number * DAY_S) for number in range(5)]
    now = 10 * DAY_S
    assert [one.path for one in to_remove(kept, now=now, older_than_s=None)] == ["/0", "/1"]
    assert to_remove(kept[:3], now=now, older_than_s=None) == ()
    assert [one.path for one in to_remove(kept, now=now, older_than_s=7.5 * DAY_S)] == ["/0", "/1", "/2"]


def test_what_was_kept_today_stays_whatever_the_limit() -> None:
    kept = [Backup("/old", LIMIT_BYTES, 0.0), Backup("/new", LIMIT_BYTES, 100.0)]
    assert to_remove(kept, now=200.0, older_than_s=None) == ()


def test_wrong_words_are_one_sentence(sayso: Sayso) -> None:
    assert sayso.run("backups", "burn").status == 2
    assert sayso.run("backups", "clean", "--older-than", "purple").status == 2
    assert sayso.run("backups").status == 0
