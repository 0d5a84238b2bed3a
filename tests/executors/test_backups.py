"""The store of backups keeps to its limit when a backup is written: the oldest go, or nothing is changed."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from executors.backups import KEPT_S, list_backups, make_room
from executors.edit_planning import carry_out_edit
from executors.file_replace import Replaced, replace_file
from executors.file_state import FileHost
from executors.local import LocalTransport
from executors.plan import EditStep, Effect, PlannedStep
from executors.state import Target
from executors.transport import Completed
from intents.errors import StepError

LIMIT_BYTES = 1000


class LaterHost(LocalTransport):
    """This machine, on which the clock is ahead: what is kept now is old."""

    def __init__(self, ahead_s: float, programs: tuple[str, ...] = ()) -> None:
        super().__init__(directory="/")
        self._ahead_s = ahead_s
        self._programs = programs

    def run(self, argv: Sequence[str], **options: Any) -> Completed:  # noqa: ANN401 - handed on as they are
        done = super().run(("busybox", *argv) if argv[0] in self._programs else argv, **options)
        if argv[0] != "date":
            return done
        now = b"%d\n" % (int(done.stdout) + self._ahead_s)
        return Completed(tuple(argv), "exited", 0, None, now, b"", len(now), 0, 0.0)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def edited(folder: Path, store: Path, size_bytes: int, *, host: LocalTransport, name: str = "file") -> Replaced:
    """Edit a new file of this size, whose backup is as large."""
    path = folder / name
    before = name.encode()[:1] * size_bytes
    path.write_bytes(before)
    return replace_file(
        host,
        str(path),
        before_sha256=hashlib.sha256(before).hexdigest(),
        after=b"after\n",
        backup_directory=str(store),
        backup_limit_bytes=LIMIT_BYTES,
    )


def sizes(store: Path) -> list[int]:
    return sorted(path.stat().st_size for path in store.iterdir())


def test_what_is_older_than_a_day_goes_when_another_backup_does_not_fit(tmp_path: Path, store: Path) -> None:
    today, later = LocalTransport(), LaterHost(KEPT_S + 60)
    assert edited(tmp_path, store, 600, host=today, name="a").dropped_backups == 0
    assert edited(tmp_path, store, 400, host=later, name="b").dropped_backups == 0, "it fits to the byte"
    assert edited(tmp_path, store, 350, host=later, name="c").dropped_backups == 1, "one is enough"
    assert len(sizes(store)) == 2
    assert 350 in sizes(store)


def test_a_file_that_is_old_itself_was_kept_today(tmp_path: Path, store: Path) -> None:
    kept = edited(tmp_path, store, 600, host=LocalTransport(), name="a")
    assert kept.backup is not None
    os.utime(kept.backup, (0, 0))
    with pytest.raises(StepError, match="full"):
        edited(tmp_path, store, 500, host=LocalTransport(), name="b")
    assert sizes(store) == [600]


def test_nothing_from_the_last_day_goes_and_the_file_stays(tmp_path: Path, store: Path) -> None:
    edited(tmp_path, store, 600, host=LocalTransport(), name="a")
    with pytest.raises(StepError, match="store of backups is full") as caught:
        edited(tmp_path, store, 500, host=LocalTransport(), name="b")
    assert "Nothing was changed" in caught.value.message
    assert "sayso backups clean" in caught.value.remedy
    assert (tmp_path / "b").read_bytes() == b"b" * 500
    assert sizes(store) == [600]


def test_a_backup_larger_than_the_whole_store_is_refused_and_nothing_goes_for_it(tmp_path: Path, store: Path) -> None:
    edited(tmp_path, store, 600, host=LocalTransport(), name="a")
    with pytest.raises(StepError, match="would be larger") as caught:
        edited(tmp_path, store, LIMIT_BYTES + 1, host=LaterHost(KEPT_S + 60), name="b")
    assert "backup_limit_bytes" in caught.value.remedy
    assert (tmp_path / "b").read_bytes() == b"b" * (LIMIT_BYTES + 1)
    assert sizes(store) == [600]


def test_a_content_that_is_there_already_needs_no_room(tmp_path: Path, store: Path) -> None:
    for _ in range(2):
        edited(tmp_path, store, 600, host=LocalTransport(), name="a")
    assert sizes(store) == [600]


@pytest.mark.skipif(shutil.which("busybox") is None, reason="busybox isn't installed")
def test_busybox_tells_the_same(tmp_path: Path, store: Path) -> None:
    edited(tmp_path, store, 600, host=LocalTransport(), name="a")
    host = FileHost(LaterHost(KEPT_S + 60, ("find", "stat", "date", "rm")))
    (gone,) = make_room(host, str(store), "/x", "0" * 64, 500, limit_bytes=LIMIT_BYTES)
    assert (gone.size_bytes, sizes(store)) == (600, [])


def test_the_outcome_says_that_older_backups_went(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executors.file_replace._default_backup_directory", lambda *_given, **_more: str(store))
    edited(tmp_path, store, 600, host=LocalTransport(), name="a")
    transport = LaterHost(KEPT_S + 60)
    target = Target("local", transport, {}, transport.login(), backup_limit_bytes=LIMIT_BYTES)
    (tmp_path / "b").write_bytes(b"b" * 500)
    step = EditStep(str(tmp_path / "b"), hashlib.sha256(b"b" * 500).hexdigest(), b"after\n")
    outcome = carry_out_edit(PlannedStep(step, Effect.WILL_CHANGE), step, target, None)
    assert outcome.message == "1 of the oldest backups went to make room: what they are of can't be undone"
    assert sizes(store) == [500]


def test_a_kept_content_is_listed_with_the_time_at_which_it_was_kept(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old"
    path.write_bytes(b"old")
    os.utime(path, (0, 0))
    sha256 = hashlib.sha256(b"old").hexdigest()
    replace_file(LocalTransport(), str(path), before_sha256=sha256, after=b"new", backup_directory=str(store))
    monkeypatch.setattr("executors.backups.store_of", lambda _target: str(store))
    transport = LocalTransport()
    (kept,) = list_backups(Target("local", transport, {}, transport.login()))
    assert (Path(kept.path).name, kept.size_bytes) == (sha256, 3)
    assert Path(kept.path).stat().st_mtime == 0
    assert kept.kept_at >= int((tmp_path / "old").stat().st_ctime) - 60
