"""What edits keep for undo can be seen, and room can be made; never without being asked."""

import argparse
import io
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from executors.backups import LIMIT_BYTES, Backup, to_remove
from executors.policy_check import check_rules
from executors.policy_rules import Rule, Verdict
from history.store import History
from intents.catalogue import Catalogue
from intents.errors import PolicyError
from shell.answering import Answering
from shell.backup_cleaning import clean
from shell.environment import Environment
from shell.exit_status import ExitStatus
from shell.road import Options, status_of
from tests.support.command import Sayso
from tests.support.sessions import session_in

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


class Person:
    """Somebody with a history, one edit in it, and its backup, at a terminal or without one; only that backup is touched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / "app.conf"
        path.write_text("a\n")
        with session_in(folder) as session:
            done = session.run_intent("file.append_line", [f"path={path}", "line=b"], Options(yes=True))
            (outcome,) = done.outcomes["local"]
            self.record = done.record
            (self.target,) = session.open_hosts("local")
        assert outcome.backup is not None
        self.backup = Path(outcome.backup)

    def clean(self, *, yes: bool = False, dry_run: bool = False, as_json: bool = False) -> str:
        """Return what was said; raises as the command does."""
        surroundings = Environment.of_process()
        out, messages = io.StringIO(), io.StringIO()
        environment = replace(surroundings, stdout=out, stderr=messages, variables={})
        gone = [Backup(str(self.backup), 2, 0.0)] if self.backup.exists() else []
        options = argparse.Namespace(yes=yes, dry_run=dry_run, json=as_json, model=None, config=None)
        environment = replace(environment, variables={"SAYSO_HISTORY": str(self.folder / "state" / "history.db")})
        with session_in(self.folder) as session:
            answering = SimpleNamespace(environment=environment, session=session, as_json=as_json, is_interactive=False)
            clean(self.target, gone, cast("Answering", answering), options)
        return out.getvalue() + messages.getvalue()


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def allow(folder: Path, decision: str) -> None:
    rules = folder / "system-policy.d"
    rules.mkdir()
    (rules / "room.yml").write_text(f"room: {{decision: {decision}, intents: [backups.clean]}}\n")


def test_what_nothing_brings_back_is_not_approved_by_yes_alone(person: Person) -> None:
    with pytest.raises(PolicyError, match="--yes doesn't cover") as caught:
        person.clean(yes=True)
    assert "that names `backups.clean`" in caught.value.message
    assert status_of(caught.value) is ExitStatus.REFUSED
    assert person.backup.exists()


def test_a_plan_says_which_records_lose_their_undo(person: Person) -> None:
    assert f"1 contents, 2 B; record {person.record} can't be undone after that." in person.clean(dry_run=True)
    told = json.loads(person.clean(dry_run=True, as_json=True).splitlines()[0])
    assert (told["records"], told["is_removed"]) == ([person.record], False)
    assert person.backup.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="a system policy must be root's")
def test_a_rule_that_names_it_lets_a_script_clean_and_it_is_said_and_recorded(person: Person) -> None:
    allow(person.folder, "ask")
    with pytest.raises(PolicyError, match="was not approved"):
        person.clean()
    said = person.clean(yes=True)
    assert f"✓ this machine: removed 1 contents, 2 B; record {person.record} can't be undone any more." in said
    assert not person.backup.exists()
    with History.open(person.folder / "state" / "history.db", read_only=True) as history:
        kinds = [event.kind for event in history.events(history.records(limit=1)[0].record)]
    assert kinds == ["request", "approval", "step_begin", "step_end", "end"]
    assert "nothing to remove" in person.clean(yes=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="a system policy must be root's")
def test_two_people_are_refused_for_what_nobody_can_sign(person: Person) -> None:
    allow(person.folder, "two_people")
    with pytest.raises(PolicyError, match="wants two people"):
        person.clean(yes=True)
    assert person.backup.exists()


def test_a_rule_about_cleaning_is_no_slip_of_the_pen() -> None:
    rule = Rule("room", Verdict.ASK, ("backups.clean",))
    assert check_rules([rule], Catalogue.load(), is_system=True, now=datetime.now(UTC)) == ()
