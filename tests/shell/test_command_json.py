"""With --json every command prints JSON Lines alone on stdout, each by the published schema."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from history.anchor import anchor_of
from tests.support.command import Finished, Sayso

SCHEMA: dict[str, Any] = json.loads(
    Path(__file__).parents[2].joinpath("shell", "schema", "sayso-commands-1.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
ONE_OPERATION = ("run", "file.info", "path=.")


@pytest.fixture(scope="module")
def sayso(tmp_path_factory: pytest.TempPathFactory) -> Sayso:
    """One person's folders, with a request in the history and an edit that keeps a backup."""
    folder = tmp_path_factory.mktemp("person")
    sayso = Sayso(folder, cache=tmp_path_factory.getbasetemp() / "sayso-cache")
    assert sayso.run(*ONE_OPERATION).status == 0
    (folder / "app.conf").write_text("a\n")
    assert sayso.run("--yes", "run", "file.append_line", "path=app.conf", "line=b").status == 0
    return sayso


def lines_of(done: Finished, command: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in done.stdout.splitlines()]
    for one in found:
        VALIDATOR.validate(one)
        assert one["command"] == command
    return found


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("words", "command", "at_least"),
    [
        (("intents",), "intents", 300),
        (("intents", "search", "disk"), "intents", 2),
        (("intents", "show", "file.delete"), "intents", 1),
        (("intents", "check", "--all"), "intents check", 1),
        (("config",), "config", 1),
        (("history",), "history", 2),
        (("history", "show", "1"), "history show", 3),
        (("history", "verify"), "history verify", 1),
        (("policy",), "policy", 1),
        (("policy", "check"), "policy check", 0),
        (("policy", "explain", "service.restart", "service=nginx"), "policy explain", 2),
        (("policy", "sudoers"), "policy sudoers", 1),
        (("policy", "grants"), "policy grants", 0),
        (("recover",), "recover", 0),
        (("backups",), "backups", 0),
        (("backups", "clean", "--older-than", "1000d"), "backups clean", 1),
        (("model",), "model", 1),
    ],
)
def test_a_command_prints_lines_by_the_schema_and_nothing_else(
    sayso: Sayso, words: tuple[str, ...], command: str, at_least: int
) -> None:
    done = sayso.run("--json", *words)
    assert done.status == 0, done.everything
    assert len(lines_of(done, command)) >= at_least


def test_every_form_of_the_schema_is_what_some_command_prints(sayso: Sayso, tmp_path: Path) -> None:
    """What changes something is tried here, in order; the others above."""
    (made,) = lines_of(sayso.run("--json", "intents", "new", "stamp.collect"), "intents new")
    (trusted,) = lines_of(sayso.run("--json", "intents", "trust", made["path"]), "intents trust")
    assert trusted["intents"] == ["stamp.collect"]
    wanted = ("policy", "grant", "service.restart", "service=nginx", "until=3 days")
    (given,) = lines_of(sayso.run("--json", "--yes", *wanted), "policy grant")
    (taken,) = lines_of(sayso.run("--json", "policy", "revoke", given["id"]), "policy revoke")
    assert taken["revoked"] == given["id"]
    (learnt,) = lines_of(sayso.run("--json", "correct", "disk.usage", "how stuffed is it"), "correct")
    assert learnt["intent"] == "disk.usage"
    assert tmp_path.is_dir()


def test_a_setting_says_where_it_comes_from(sayso: Sayso) -> None:
    done = sayso.run("--json", "config", variables={"SAYSO_TIMEOUT": "30"})
    (told,) = lines_of(done, "config")
    assert told["settings"]["timeout_s"] == {"value": "30", "from": "environment SAYSO_TIMEOUT"}


def test_a_tampered_history_is_told_with_its_faults_and_6(tmp_path: Path) -> None:
    sayso = Sayso(tmp_path)
    (empty,) = lines_of(sayso.run("--json", "history", "verify"), "history verify")
    assert (empty["is_intact"], empty["event_count"], empty["head"]) == (True, 0, None)
    assert sayso.run(*ONE_OPERATION).status == 0
    anchor = anchor_of(sayso.history)
    anchor.write_text(json.dumps({"number": 1, "hash": "0" * 64}))
    done = sayso.run("--json", "history", "verify")
    assert done.status == 6
    (told,) = lines_of(done, "history verify")
    assert not told["is_intact"]
    assert told["faults"]


def test_a_fault_of_a_command_is_an_object_too(sayso: Sayso) -> None:
    done = sayso.run("--json", "intents", "show", "no.such")
    assert done.status == 2
    assert json.loads(done.stdout)["error"]["code"] == "request"
