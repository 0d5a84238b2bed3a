"""Whoever may write a directory swaps names in it while root edits below it: nothing outside of it ever changes.

What is outside holds the same content as what was meant, so that no checksum tells the two apart.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from executors.edit_planning import carry_out_edit
from executors.file_state import FileHost
from executors.local import LocalTransport
from executors.plan import EditStep, Effect, PlannedStep
from executors.state import Target
from executors.step_planning import plan_steps
from executors.transport import Cancel, Completed
from intents.catalogue import Catalogue
from intents.errors import SaysoError, StepError

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be made to write where others can't")
CATALOGUE = Catalogue.load()
NOBODY = 65534
CONTENT = b"one\n"
MORE_COMMANDS_THAN_AN_EDIT_HAS = 60


class Place:
    """Another account's directory, root's own, and the names that are swapped between the two."""

    def __init__(self, folder: Path, what: str) -> None:
        self.secret = folder / "secret"
        self.theirs = folder / "theirs"
        self.secret.mkdir(mode=0o700)
        (self.theirs / "real").mkdir(parents=True)
        for directory in (self.secret, self.theirs / "real"):
            (directory / "file").write_bytes(CONTENT)
            (directory / "file").chmod(0o600)
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(self.theirs)], check=True)
        self.name = self.theirs / "real" if what == "directory" else self.theirs / "real" / "file"
        self.leads_to = self.secret if what == "directory" else self.secret / "file"
        self.parked = self.theirs / "parked"
        self.was = self.outside()

    def swap_in(self) -> None:
        """Put the link in place of what is there."""
        if not self.name.is_symlink() and self.name.exists():
            self.name.rename(self.parked)
        if not self.name.is_symlink():
            self.name.symlink_to(self.leads_to)
            os.lchown(self.name, NOBODY, NOBODY)

    def swap_back(self) -> None:
        """Put back what was there."""
        if self.name.is_symlink():
            self.name.unlink()
        if self.parked.exists() and not self.name.exists():
            self.parked.rename(self.name)

    def outside(self) -> list[tuple[str, bytes, int, int, int]]:
        """Return all that is to stay as it is."""
        found = []
        for path in sorted(self.secret.iterdir()):
            status = path.lstat()
            found.append((path.name, path.read_bytes(), status.st_mode, status.st_uid, status.st_ino))
        return found


@pytest.fixture
def open_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that every account may enter, with a store of backups for each account that edits."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(folder.stat().st_mode | 0o711)

    def store(host: FileHost, **_more: object) -> str:
        path = tmp_path / f"store-{host.as_user}"
        path.mkdir(exist_ok=True)
        os.chown(path, NOBODY if host.as_user == "nobody" else 0, 0)
        return str(path)

    monkeypatch.setattr("executors.file_replace._default_backup_directory", store)
    return tmp_path


class Counting(LocalTransport):
    """This machine, with something done before each command, of which the number is told."""

    def __init__(self, before: Callable[[int], object]) -> None:
        super().__init__(directory="/")
        self.commands = 0
        self._before = before

    def run(self, argv: Any, **options: Any) -> Completed:  # noqa: ANN401 - handed on as they are
        self._before(self.commands)
        self.commands += 1
        return super().run(argv, **options)


def edit(place: Place, transport: LocalTransport, operation: str) -> None:
    """Plan and carry out, as root, an edit of what lies at the name."""
    target = Target("local", transport, {}, transport.login())
    path = str(place.theirs / "real" / "file")
    if operation == "append":
        (planned,) = plan_steps(CATALOGUE["file.append_line"], {"path": path, "line": "two"}, target, cancel=None)
    elif operation == "create":
        values = {"path": f"{path}.new", "content": "two"}
        (planned,) = plan_steps(CATALOGUE["file.create"], values, target, cancel=None)
    else:
        (read,) = plan_steps(CATALOGUE["file.append_line"], {"path": path, "line": "two"}, target, cancel=None)
        assert isinstance(read.step, EditStep)
        gone = EditStep(path, read.step.before_sha256, None, as_user=read.step.as_user)
        planned = PlannedStep(gone, Effect.WILL_CHANGE, before=read.before)
    assert isinstance(planned.step, EditStep)
    carry_out_edit(planned, planned.step, target, None)


def swap_if(place: Place, is_in: range, command: int) -> None:
    """Put the link in place for these commands, and what was there for all others."""
    if command in is_in:
        place.swap_in()
    else:
        place.swap_back()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "operation"),
    [("directory", "append"), ("directory", "create"), ("directory", "delete"), ("file", "append"), ("file", "delete")],
)
def test_a_swap_at_any_command_changes_nothing_outside(open_tmp: Path, what: str, operation: str) -> None:
    """For each command of the edit: swapped in just before it and back after it, from it on, and until it."""
    folder = open_tmp / "plain"
    folder.mkdir()
    plain = Counting(lambda _: None)
    place = Place(folder, what)
    edit(place, plain, operation)
    assert (place.theirs / "real" / "file").exists() is (operation != "delete")
    assert 0 < plain.commands < MORE_COMMANDS_THAN_AN_EDIT_HAS
    for at in range(plain.commands):
        spans = {"for one": range(at, at + 1), "from it on": range(at, sys.maxsize), "until it": range(at + 1)}
        for name, is_in in spans.items():
            folder = open_tmp / f"{at} {name}"
            folder.mkdir()
            place = Place(folder, what)
            transport = Counting(partial(swap_if, place, is_in))
            with suppress(SaysoError):
                edit(place, transport, operation)
            assert place.outside() == place.was, f"swapped at command {at}, {name}"


@pytest.mark.parametrize("what", ["directory", "file"])
def test_swapping_all_the_time_changes_nothing_outside(open_tmp: Path, what: str) -> None:
    place = Place(open_tmp, what)
    done = Cancel()

    def swap() -> None:
        while not done.is_set:
            with suppress(OSError):
                place.swap_in()
            with suppress(OSError):
                place.swap_back()

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            with suppress(SaysoError):
                edit(place, LocalTransport(directory="/"), "append")
    finally:
        done.set()
        swapper.join()
    assert place.outside() == place.was


def test_the_owner_of_a_file_in_a_sticky_directory_edits_it_and_root_never_does(open_tmp: Path) -> None:
    sticky = open_tmp / "sticky"
    sticky.mkdir()
    sticky.chmod(0o1777)
    file = sticky / "file"
    file.write_bytes(CONTENT)
    os.chown(file, NOBODY, NOBODY)
    transport = LocalTransport(directory="/")
    target = Target("local", transport, {}, transport.login())
    values = {"path": str(file), "line": "two"}
    (planned,) = plan_steps(CATALOGUE["file.append_line"], values, target, cancel=None)
    assert isinstance(planned.step, EditStep)
    assert planned.step.as_user == "nobody"
    with pytest.raises(StepError, match="in which nobody or others can swap files"):
        carry_out_edit(planned, replace(planned.step, as_user=None), target, None)
    carry_out_edit(planned, planned.step, target, None)
    assert (file.read_bytes(), file.owner()) == (b"one\ntwo\n", "nobody")


def test_a_directory_that_comes_with_a_file_belongs_to_whom_its_parent_belongs(open_tmp: Path) -> None:
    place = Place(open_tmp, "directory")
    path = place.theirs / "new.d" / "file"
    transport = LocalTransport(directory="/")
    target = Target("local", transport, {}, transport.login())
    values = {"path": str(path), "content": "two"}
    (planned,) = plan_steps(CATALOGUE["file.create"], values, target, cancel=None)
    assert isinstance(planned.step, EditStep)
    assert (planned.step.as_user, planned.step.makes_directory) == ("nobody", True)
    carry_out_edit(planned, planned.step, target, None)
    assert (path.read_bytes(), path.owner(), path.parent.owner()) == (b"two\n", "nobody", "nobody")
