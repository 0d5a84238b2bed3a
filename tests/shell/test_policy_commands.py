"""`sayso policy` tells what is in force and why, and gives grants that count, exactly as the road asks for them."""

import io
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from executors.grants import new_grant, save_grant
from history.store import History
from intents.errors import PolicyError, RequestError, SaysoError
from shell.cli import parse_arguments
from shell.environment import Environment, Paths
from shell.exit_status import ExitStatus
from shell.policy_commands import run_policy
from shell.policy_places import PolicyPlaces
from shell.road import Options
from tests.support.command import Sayso
from tests.support.sessions import session_in

INVENTORY = "[web]\nweb1 ansible_host=192.0.2.1\nweb2 ansible_host=192.0.2.2\n\n[db]\ndb1 ansible_host=192.0.2.3\n"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="a system policy must be root's")


@dataclass
class Said:
    """What one command wrote, and how it ended."""

    status: ExitStatus
    out: str
    messages: str

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Desk:
    """A person at a keyboard without a terminal, with folders of their own, and a system's."""

    def __init__(self, folder: Path, *, uid: int | None = None) -> None:
        self.folder = folder
        self.uid = os.geteuid() if uid is None else uid
        self.places = PolicyPlaces(
            folder / "etc" / "policy.d",
            folder / "own" / "policy.d",
            folder / "etc" / "grants.d",
            folder / "own" / "grants.d",
        )
        self.places.own.mkdir(parents=True)
        if os.geteuid() == 0:  # what lies there must be root's
            self.places.system.mkdir(parents=True)
            self.places.system_grants.mkdir()
        inventory = folder / "hosts.ini"
        inventory.write_text(INVENTORY)
        inventory.chmod(0o600)

    def run(self, *words: str) -> Said:
        """Carry out `sayso WORDS...`, which begin with options and `policy`."""
        invocation = parse_arguments(["--inventory", str(self.folder / "hosts.ini"), *words])
        out, messages = io.StringIO(), io.StringIO()
        config = self.folder / "own"
        environment = Environment(
            io.StringIO(), out, messages, stdin_is_terminal=False, stdout_is_terminal=False, stderr_is_terminal=False,
            variables={}, directory=str(self.folder), home=str(self.folder), user="ann", uid=self.uid, original_user=None,
            paths=Paths(config, self.folder / "state", self.folder / "cache", self.folder / "run"),
        )  # fmt: skip
        assert invocation.command == "policy"
        status = run_policy(invocation.words, environment, invocation.options, places=self.places)
        return Said(status, out.getvalue(), messages.getvalue())

    def rule(self, text: str, *, own: bool = False) -> Path:
        path = (self.places.own if own else self.places.system) / "10.yml"
        path.write_text(text)
        return path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


NGINX = ("policy", "grant", "service.restart", "service=nginx.service")
FREEZE = "freeze:\n  decision: deny\n  intents: ['service.*']\n  hosts: ['@web']\n  why: the audit runs\n"


@as_root
def test_what_is_in_force_is_shown(desk: Desk) -> None:
    path = desk.rule(FREEZE)
    desk.rule("careful: {decision: confirm, risks: [reversible]}\n", own=True)
    desk.run("--on", "web", "--yes", *NGINX, "until=3 days")
    shown = desk.run("policy")
    assert shown.status is ExitStatus.DONE
    for expected in (
        "destructive",
        "confirm",
        "freeze",
        "intents service.*; hosts @web",
        f"{path}:1",
        "careful",
        "in force",
    ):
        assert expected in shown.out, expected
    (told,) = desk.run("--json", "policy").lines
    assert told["defaults"]["disruptive"] == {"terminal": "ask", "script": "deny"}  # type: ignore[index]
    assert [rule["name"] for rule in told["rules"]] == ["freeze", "careful"]  # type: ignore[attr-defined]


@as_root
def test_explain_tells_the_rule_the_conditions_and_what_would_change_it(desk: Desk) -> None:
    path = desk.rule(FREEZE)
    told = desk.run("--on", "web1", "policy", "explain", "service.restart", "service=nginx.service").out
    assert "At a terminal: it is refused" in told
    assert "decided by freeze: the audit runs" in told
    assert "✓ the host web1 fits @web" in told
    assert f"the rule `freeze` in {path}:1, which is root's" in told
    elsewhere = desk.run("--json", "--on", "db1", "policy", "explain", "service.restart").lines
    assert [(line["door"], line["decision"]) for line in elsewhere] == [("terminal", "ask"), ("script", "deny")]


@as_root
def test_explain_says_what_is_not_known(desk: Desk) -> None:
    desk.rule("nginx: {decision: deny, intents: [service.restart], arguments: {service: ['nginx*']}}\n")
    told = desk.run("policy", "explain", "service.restart").out
    assert "? `service` isn't given" in told
    assert "giving service=" in told
    assert "it asks" in desk.run("policy", "explain", "service.restart", "service=redis.service").out


def test_explain_counts_what_a_path_implies(desk: Desk) -> None:
    plain = desk.run("--json", "policy", "explain", "file.append_line", "path=/srv/app.conf", "line=x").lines
    cron = desk.run("--json", "policy", "explain", "file.append_line", "path=/etc/cron.d/x", "line=x").lines
    assert [line["decision"] for line in plain] == ["ask", "ask"]
    assert [line["decision"] for line in cron] == ["ask", "deny"]


@as_root
def test_check_finds_what_is_wrong_and_where(desk: Desk) -> None:
    assert desk.run("policy", "check").status is ExitStatus.DONE
    path = desk.rule("a: {decision: deny, intents: [service.restrat]}\nb:\n  decision: deny\n  colour: red\n")
    found = desk.run("policy", "check")
    assert found.status is ExitStatus.USAGE
    assert f"{path}:1: the rule `a` names `service.restrat`" in found.out
    assert f"{path}:4: the rule `b`" in found.out
    assert {line["where"] for line in desk.run("--json", "policy", "check").lines} == {f"{path}:1", f"{path}:4"}


@as_root
def test_check_finds_files_that_others_may_write_and_that_nobody_reads(desk: Desk) -> None:
    path = desk.rule("a: {decision: deny}\n")
    path.chmod(0o666)
    (desk.places.system / "README").write_text("rules\n")
    found = desk.run("policy", "check")
    assert found.status is ExitStatus.USAGE
    assert "others may write it" in found.out
    assert "README: is not read" in found.out


def test_check_takes_a_file_or_a_folder_before_it_is_put_in_force(desk: Desk) -> None:
    draft = desk.folder / "draft"
    draft.mkdir()
    (draft / "rules.yml").write_text("a: {decision: allow, intents: ['service.*']}\n")
    for named in ("draft", "draft/rules.yml"):
        assert "pattern isn't enough" in desk.run("policy", "check", named).out
    with pytest.raises(RequestError, match="There is no"):
        desk.run("policy", "check", "nothing.yml")


def test_a_grant_is_given_listed_counted_and_revoked(desk: Desk) -> None:
    asked = ("--json", "--on", "web1", "policy", "explain", "service.restart", "service=nginx.service")
    assert desk.run(*asked).lines[0]["decision"] == "ask"
    (given,) = desk.run("--json", "--on", "web", "--yes", *NGINX, "until=3 days", "note=it leaks").lines
    assert (given["hosts"], given["state"], given["note"]) == (["@web"], "in force", "it leaks")
    assert given["arguments"] == {"service": "nginx.service"}
    terminal, script = desk.run(*asked).lines
    assert (terminal["decision"], terminal["rule"]) == ("allow", f"grant {given['id']}")
    assert script["decision"] == "deny"
    assert desk.run("--json", "--on", "db1", *asked[3:]).lines[0]["decision"] == "ask"
    assert str(given["id"]) in desk.run("policy", "grants").out
    assert "Revoked" in desk.run("policy", "revoke", str(given["id"])).out
    assert desk.run(*asked).lines[0]["decision"] == "ask"
    assert "no grants" in desk.run("policy", "grants").out


@as_root
def test_roots_grants_count_for_scripts(desk: Desk) -> None:
    desk.run("--on", "web1", "--yes", *NGINX, "until=3 days", "scope=system")
    told = desk.run("--json", "--on", "web1", "policy", "explain", "service.restart", "service=nginx.service").lines
    assert [line["decision"] for line in told] == ["allow", "allow"]


def test_without_root_nobody_grants_for_scripts(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="Only root"):
        Desk(tmp_path, uid=os.geteuid() or 1000).run("--yes", *NGINX, "until=3 days", "scope=system", "--on", "web1")


@as_root
def test_a_grant_that_a_rule_makes_useless_says_so(desk: Desk) -> None:
    desk.rule("careful: {decision: ask, intents: [service.restart]}\n")
    given = desk.run("--on", "web1", "--yes", *NGINX, "until=3 days")
    assert "the rule `careful` says ask" in given.messages


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("grant", "service.restart", "service=nginx.service"), "has to end"),
        (("grant", "service.restart", "service=nginx.service", "until=yesterday"), "to come"),
        (("grant", "service.restart", "service=nginx.service", "until=200 days"), "longer than 90 days"),
        (("grant", "service.restart", "until=friday"), "needs `service`"),
        (("grant", "service.restrat", "until=friday"), "Did you mean `service.restart`"),
        (("grant", "file.delete", "path=/srv/x", "until=friday"), "destroys"),
        (("grant", "user.create", "name=bob", "until=friday"), "touches access"),
        (("grant", "file.append_line", "path=/etc/cron.d/x", "line=a", "until=friday"), "touches execution"),
        (("grant", "service.list", "until=friday"), "only reads"),
        (("grant", "service.restart", "service=nginx.service", "until=friday", "scope=all"), "neither own nor system"),
        (("grant",), "what it is for"),
        (("revoke",), "one ID"),
        (("revoke", "g00000000"), "no grant"),
        (("explain",), "name of an intent"),
        (("explain", "service.restart", "colour=red"), "no argument"),
        (("sudoers", "ann ALL"), "user's name"),
        (("sudoers", "a", "b"), "no command"),
        (("allow",), "There are: policy"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(desk: Desk, words: tuple[str, ...], told: str) -> None:
    with pytest.raises(SaysoError) as caught:
        desk.run("--yes", "--on", "web1", "policy", *words)
    assert told in str(caught.value)
    assert not desk.places.own_grants.exists()


@pytest.mark.parametrize(
    ("on", "told"), [("web*", "can't be for"), ("all,!db1", "can't be for"), ("webb", "Did you mean")]
)
def test_a_grant_names_hosts_or_groups(desk: Desk, on: str, told: str) -> None:
    with pytest.raises(SaysoError) as caught:
        desk.run("--yes", "--on", on, *NGINX, "until=friday")
    assert told in str(caught.value)


def test_without_a_terminal_and_without_yes_nothing_is_granted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shell.terminal.Terminal.open", lambda: None)
    with pytest.raises(PolicyError, match="Nothing was granted"):
        desk.run("--on", "web1", *NGINX, "until=friday")
    assert not desk.places.own_grants.exists()


def test_what_is_granted_runs_without_being_asked_about_and_the_record_names_the_grant(tmp_path: Path) -> None:
    file = tmp_path / "app.conf"
    file.write_text("a = 1\n")
    file.chmod(0o644)
    folder = tmp_path / "own-grants"
    now = datetime.now(UTC)
    grant = new_grant(
        "file.set_mode",
        {"path": str(file), "mode": "0600"},
        ("local",),
        until=now + timedelta(days=1),
        now=now,
        created_by="ann",
    )
    pairs = [f"path={file}", "mode=600"]
    with session_in(tmp_path, door="terminal", own_grants=folder) as session:
        assert session.run_intent("file.set_mode", pairs, Options()).status is ExitStatus.REFUSED
    save_grant(folder, grant)
    with session_in(tmp_path, door="terminal", own_grants=folder) as session:
        done = session.run_intent("file.set_mode", pairs, Options())
        elsewhere = session.run_intent("file.set_mode", [f"path={tmp_path}", "mode=750"], Options())
    assert (done.status, done.rule) == (ExitStatus.DONE, f"grant {grant.id}")
    assert file.stat().st_mode & 0o777 == 0o600
    assert elsewhere.status is ExitStatus.REFUSED
    assert elsewhere.rule != done.rule
    with History.open(tmp_path / "state" / "history.db", read_only=True) as history:
        rules = [event.payload["rule"] for event in history.events(done.record or 0) if event.kind == "policy"]
    assert rules == [f"grant {grant.id}"]
    with session_in(tmp_path, door="script", own_grants=folder) as session:
        file.chmod(0o644)
        assert session.run_intent("file.set_mode", pairs, Options()).status is ExitStatus.REFUSED


def test_an_expired_grant_is_listed_as_such(desk: Desk) -> None:
    then = datetime.now(UTC) - timedelta(days=30)
    old = new_grant("service.restart", {}, ("local",), until=then + timedelta(days=1), now=then, created_by="ann")
    save_grant(desk.places.own_grants, old)
    assert [line["state"] for line in desk.run("--json", "policy", "grants").lines] == ["expired"]
    assert "expired" in desk.run("policy", "grants").out


@pytest.mark.skipif(shutil.which("visudo") is None, reason="needs sudo's visudo")
def test_the_sudoers_file_is_one_that_visudo_takes(desk: Desk) -> None:
    written = desk.run("policy", "sudoers", "ann")
    done = subprocess.run(["visudo", "-c", "-f", "-"], input=written.out.encode(), check=False, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "can't be held narrowly" in written.messages
    (told,) = desk.run("--json", "policy", "sudoers", "ann").lines
    assert told["user"] == "ann"


def test_the_command_line_has_it(tmp_path: Path) -> None:
    sayso = Sayso(tmp_path)
    given = sayso.run("--yes", "policy", "grant", "file.set_mode", "path=/srv/x", "mode=0600", "--until", "3 days")
    assert given.status == 0, given.everything
    (file,) = (sayso.config / "grants.d").iterdir()
    assert file.stem in sayso.run("policy", "grants").stdout
    assert sayso.run("policy", "revoke", file.stem).status == 0
    assert sayso.run("policy", "check").status == 0
    assert sayso.run("policy", "nonsense").status == 2


@pytest.mark.model
def test_a_request_in_english_becomes_a_grant(tmp_path: Path) -> None:
    sayso = Sayso(tmp_path)
    sayso.config.mkdir(parents=True)
    (sayso.config / "inventory.ini").write_text(INVENTORY)
    (sayso.config / "inventory.ini").chmod(0o600)
    given = sayso.run(
        "--json", "--yes", "policy", "grant", "always allow me to make the directory /srv/cache on web1 until tomorrow"
    )
    assert given.status == 0, given.everything
    told = json.loads(given.stdout)
    assert (told["intent"], told["hosts"]) == ("file.make_directory", ["web1"])
    assert told["arguments"]["path"] == "/srv/cache"


def test_what_is_protected_is_said_whatever_the_rules_say(desk: Desk) -> None:
    asked = ("policy", "explain", "file.delete", "path=/boot/vmlinuz")
    assert "Refused: protected (" in desk.run(*asked).out
    for line in desk.run("--json", *asked).lines:
        assert line["decision"] == "deny"
        assert str(line["rule"]).startswith("protected: ")
        assert "/boot, which is protected" in str(line["protected"])
    plain = desk.run("--json", "policy", "explain", "file.delete", f"path={desk.folder}/x").lines[0]
    assert (plain["protected"], plain["protected_unknown"]) == (None, None)


def test_what_cannot_be_told_of_protection_is_said_too(desk: Desk) -> None:
    unknown = desk.run("--json", "policy", "explain", "file.delete").lines[0]
    assert "depends on path" in str(unknown["protected_unknown"])
    elsewhere = desk.run("--json", "--on", "db1", "policy", "explain", "file.delete", "path=/boot/x").lines[0]
    assert "when the plan is made" in str(elsewhere["protected_unknown"])


def test_a_link_is_explained_by_where_it_leads(desk: Desk) -> None:
    (desk.folder / "alias").symlink_to("/boot/config")
    line = desk.run("--json", "policy", "explain", "file.append_line", f"path={desk.folder}/alias", "line=x").lines[0]
    assert line["leads_to"] == {f"{desk.folder}/alias": ["/boot/config"]}
    assert line["protected"]
