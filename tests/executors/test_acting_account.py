"""Root never acts on a name that somebody else could swap: it acts as that account, or not at all."""

import os
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from executors.acting_account import acting_account
from executors.facts import gather_facts
from executors.local import LocalTransport
from executors.state import Target
from executors.transport import Cancel
from intents.catalogue import Catalogue
from intents.errors import StepError
from intents.values import Json
from shell.road import Options
from tests.support.sessions import session_in

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has names that others could swap")
CATALOGUE = Catalogue.load()
NOBODY = 65534
YES = Options(yes=True)


@pytest.fixture
def target() -> Target:
    transport = LocalTransport(directory="/")
    return Target("local", transport, gather_facts(transport), transport.login())


@pytest.fixture
def open_tmp(tmp_path: Path) -> Path:
    """A folder that every account may enter, all the way from /."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(folder.stat().st_mode | 0o711)
    return tmp_path


def account_for(path: Path, target: Target) -> str | None:
    intent = CATALOGUE["file.set_mode"]
    assert intent.operation.change is not None
    return acting_account(intent, intent.operation.change, {"path": str(path), "mode": "0600"}, target, None)


def test_below_roots_own_directories_root_acts(target: Target, open_tmp: Path) -> None:
    assert account_for(open_tmp / "file", target) is None
    assert account_for(Path("/etc/hosts"), target) is None


def test_below_another_accounts_directory_that_account_acts(target: Target, open_tmp: Path) -> None:
    theirs = open_tmp / "theirs"
    theirs.mkdir()
    os.chown(theirs, NOBODY, NOBODY)
    (theirs / "file").write_text("x")
    os.chown(theirs / "file", NOBODY, NOBODY)
    assert account_for(theirs / "file", target) == "nobody"


def test_where_everybody_may_write_root_refuses(target: Target, open_tmp: Path) -> None:
    shared = open_tmp / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (shared / "file").write_text("x")
    with pytest.raises(StepError, match="could swap"):
        account_for(shared / "file", target)


def test_root_backs_up_what_is_another_accounts_but_not_into_its_directories(target: Target, open_tmp: Path) -> None:
    theirs = open_tmp / "theirs"
    theirs.mkdir()
    os.chown(theirs, NOBODY, NOBODY)
    intent = CATALOGUE["backup.create"]
    assert intent.operation.change is not None
    values: dict[str, Json] = {"sources": [str(theirs / "file")], "password_file": str(theirs / "password")}
    own = {**values, "repository": str(open_tmp / "repository")}
    assert acting_account(intent, intent.operation.change, own, target, None) is None
    with pytest.raises(StepError, match="could swap"):
        acting_account(
            intent, intent.operation.change, {**values, "repository": str(theirs / "repository")}, target, None
        )


def test_a_link_is_as_safe_as_its_directory_and_what_it_leads_to(target: Target, open_tmp: Path) -> None:
    theirs = open_tmp / "theirs"
    theirs.mkdir()
    os.chown(theirs, NOBODY, NOBODY)
    (open_tmp / "to-root").symlink_to(open_tmp / "own")
    (open_tmp / "own").mkdir()
    (open_tmp / "to-them").symlink_to(theirs)
    assert account_for(open_tmp / "to-root" / "file", target) is None
    assert account_for(open_tmp / "to-them" / "file", target) == "nobody"


def test_a_sticky_directory_keeps_roots_own_names(target: Target, open_tmp: Path) -> None:
    sticky = open_tmp / "sticky"
    sticky.mkdir()
    sticky.chmod(0o1777)
    (sticky / "own").write_text("x")
    assert account_for(sticky / "own", target) is None
    (sticky / "theirs").write_text("x")
    os.chown(sticky / "theirs", NOBODY, NOBODY)
    with pytest.raises(StepError, match="could swap"):
        account_for(sticky / "theirs", target)


def test_a_file_of_root_is_never_touched_while_links_are_swapped(tmp_path: Path, open_tmp: Path) -> None:
    """Somebody swaps a directory for a link to root's own while root changes modes below it, over and over."""
    secret = open_tmp / "secret"
    secret.mkdir()
    (secret / "file").write_text("root's own")
    (secret / "file").chmod(0o600)
    theirs = open_tmp / "theirs"
    (theirs / "real").mkdir(parents=True)
    (theirs / "real" / "file").write_text("x")
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(theirs)], check=True)
    done = Cancel()

    def swap() -> None:
        name, parked = theirs / "real", theirs / "parked"
        while not done.is_set:
            name.rename(parked)
            name.symlink_to(secret)
            name.unlink()
            parked.rename(name)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        end = datetime.now(UTC).timestamp() + 4
        with session_in(tmp_path) as session:
            for number in range(200):
                mode = ("644", "640")[number % 2]
                session.run_intent("file.set_mode", [f"path={theirs}/real/file", f"mode={mode}"], YES)
                if datetime.now(UTC).timestamp() > end:
                    break
    finally:
        done.set()
        swapper.join()
    assert (secret / "file").stat().st_mode & 0o777 == 0o600
