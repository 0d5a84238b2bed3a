"""An account without a place for backups and locks is told so while the change is planned."""

import os
from pathlib import Path

import pytest

from executors.local import LocalTransport
from executors.plan import PlannedStep
from executors.state import Target
from executors.step_planning import plan_steps
from intents.catalogue import Catalogue
from intents.errors import PlanError
from intents.values import Json
from shell.exit_status import ExitStatus
from shell.road import status_of
from tests.support.plans import as_account

CATALOGUE = Catalogue.load()
NOBODY = 65534
"""An account that has no home (`/nonexistent`) and owns nothing."""
NEEDS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="takes on another account, which only root may")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path
    while folder != Path("/tmp"):  # so that the other account gets to it
        folder.chmod(0o755)
        folder = folder.parent
        if folder == Path("/"):
            break
    path = tmp_path / "shared" / "app.conf"
    path.parent.mkdir()
    path.write_text("a\n")
    for one in (path, path.parent):
        os.chown(one, NOBODY, NOBODY)
    return path


def plan(intent: str, **values: Json) -> PlannedStep:
    transport = LocalTransport()
    (planned,) = plan_steps(CATALOGUE[intent], values, Target("local", transport, {}, transport.login()), cancel=None)
    return planned


@NEEDS_ROOT
def test_an_edit_without_a_place_for_its_backup_is_refused_in_the_plan(file: Path) -> None:
    said = as_account(NOBODY, lambda: plan("file.append_line", path=str(file), line="b"))
    assert said.startswith("PlanError: The content from before can't be kept on local")
    assert "can't write its state folder /nonexistent/.local/state/sayso" in said
    assert status_of(PlanError("x", remedy="y")) is ExitStatus.REFUSED


@NEEDS_ROOT
def test_a_change_without_a_lock_says_so_in_the_plan(file: Path) -> None:
    said = as_account(NOBODY, lambda: plan("file.set_mode", path=str(file), mode="0600").reason)
    assert "nothing is locked while it runs" in said


def test_who_has_a_place_hears_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "app.conf"
    path.write_text("a\n")
    assert "locked" not in plan("file.set_mode", path=str(path), mode="0600").reason
