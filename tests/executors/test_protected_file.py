"""What else is protected stands in the policy's own files."""

import os
from pathlib import Path

import pytest

from executors.protected_file import load_protected
from intents.errors import PolicyError
from shell.exit_status import ExitStatus
from shell.road import Options
from tests.support.sessions import session_in

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the system's policy has to be root's")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "system-policy.d"
    path.mkdir(mode=0o755)
    return path


def write(folder: Path, text: str) -> None:
    (folder / "own.yml").write_text(text)
    (folder / "own.yml").chmod(0o644)


def test_a_protected_path_is_refused_whatever_is_approved(tmp_path: Path, folder: Path) -> None:
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    (ledger / "book").write_text("1\n")
    (ledger / "book").chmod(0o644)
    write(folder, f"protected: {{paths: [{ledger}]}}\nfree: {{decision: allow, intents: [file.set_mode]}}\n")
    with session_in(tmp_path) as session:
        refused = session.run_intent("file.set_mode", [f"path={ledger}/book", "mode=600"], Options(yes=True))
        assert refused.status is ExitStatus.REFUSED
        assert refused.fault is not None
        assert "protected" in refused.fault.message
    assert (ledger / "book").stat().st_mode & 0o777 == 0o644


def test_the_entry_is_no_rule_and_others_are_read_as_ever(folder: Path) -> None:
    write(folder, "protected: {units: [db.service], accounts: [deploy]}\n")
    protected = load_protected(folder, must_be_root=True)
    assert (protected.units, protected.accounts, protected.paths) == (("db.service",), ("deploy",), ())


@pytest.mark.parametrize(
    "text", ["protected: [a]", "protected: {path: [/a]}", "protected: {paths: /a}", "protected: {paths: [a/b]}"]
)
def test_an_entry_that_means_nothing_stops_everything(folder: Path, text: str) -> None:
    write(folder, f"{text}\n")
    with pytest.raises(PolicyError):
        load_protected(folder, must_be_root=True)
