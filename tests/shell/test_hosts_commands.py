"""`sayso hosts`: hosts of one's own, what is known of each, whether it answers, and trust."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from intents.errors import RequestError, TargetError
from intents.values import Json
from shell.hosts_file import check_name, parse_pairs
from shell.targets import host_patterns
from tests.support.command import ROOT, Finished, Sayso
from tests.support.inventories import write_tree
from tests.support.sshd import MISSING, Sshd, running_sshd

INVENTORY = """\
[web]
web1 ansible_host=192.0.2.1 db_password=hunter2 color=blue
web2 ansible_port=2200
[db]
db1 ansible_ssh_common_args='-o ProxyCommand=id'
[site:children]
web
db
[site:vars]
ansible_user=deploy
"""


@pytest.fixture
def sayso(tmp_path: Path) -> Sayso:
    write_tree(tmp_path, {"hosts.ini": INVENTORY, "group_vars/web.yml": "color: red\nport: 80\n"})
    return Sayso(tmp_path)


SCHEMA = json.loads((ROOT / "shell" / "schema" / "sayso-commands-1.schema.json").read_text(encoding="utf-8"))


def _lines(finished: Finished) -> list[dict[str, Json]]:
    """Return the objects of the lines, each of which has to be as the schema says."""
    lines: list[dict[str, Json]] = [json.loads(line) for line in finished.stdout.splitlines()]
    for line in lines:
        Draft202012Validator(SCHEMA).validate(line)
    return lines


def test_hosts_are_listed_with_address_groups_and_file(sayso: Sayso) -> None:
    done = sayso.run("--inventory", "hosts.ini", "hosts", "list", "--json")
    assert done.status == 0, done.stderr
    first, second, third = _lines(done)
    assert first == {
        "schema": 1,
        "command": "hosts list",
        "host": "web1",
        "address": "192.0.2.1",
        "port": 22,
        "user": "deploy",
        "groups": ["web", "site"],
        "source": str(sayso.folder / "hosts.ini"),
        "error": None,
    }
    assert second["port"] == 2200
    assert third["address"] is None
    assert "ansible_ssh_common_args" in str(third["error"])
    table = sayso.run("--inventory", "hosts.ini", "hosts", "list", "web:!web2")
    assert "deploy@192.0.2.1" in table.stdout
    assert "web2" not in table.stdout


def test_without_any_host_it_says_how_one_becomes_known(sayso: Sayso) -> None:
    done = sayso.run("hosts")
    assert done.status == 0
    assert "sayso hosts add" in done.stderr


def test_one_host_is_shown_with_the_file_of_each_variable_and_without_its_secrets(sayso: Sayso) -> None:
    done = sayso.run("--inventory", "hosts.ini", "hosts", "show", "web1")
    assert done.status == 0, done.stderr
    assert "hunter2" not in done.everything
    assert "deploy@192.0.2.1" in done.stdout
    assert "group_vars/web.yml" in done.stdout
    (shown,) = _lines(sayso.run("--inventory", "hosts.ini", "hosts", "show", "web1", "--json"))
    variables = shown["variables"]
    assert isinstance(variables, dict)
    assert variables["color"] == {"value": "blue", "source": str(sayso.folder / "hosts.ini")}
    assert variables["port"] == {"value": 80, "source": str(sayso.folder / "group_vars" / "web.yml")}


def test_a_host_is_added_changed_and_removed(sayso: Sayso) -> None:
    file = sayso.config / "hosts.yml"
    added = sayso.run("hosts", "add", "mail1", "address=192.0.2.7", "port=2222", "user=ops", "groups=mail,eu-west")
    assert added.status == 0, added.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    (shown,) = _lines(sayso.run("hosts", "list", "eu-west", "--json"))
    assert (shown["address"], shown["port"], shown["user"], shown["groups"]) == (
        "192.0.2.7",
        2222,
        "ops",
        ["mail", "eu-west"],
    )
    assert "Changed" in sayso.run("hosts", "add", "mail1", "port=22").stderr
    (shown,) = _lines(sayso.run("hosts", "list", "mail1", "--json"))
    assert (shown["address"], shown["port"]) == ("192.0.2.7", 22)
    assert yaml.safe_load(file.read_text())["mail"] == {"hosts": {"mail1": None}}
    assert sayso.run("hosts", "remove", "mail1").status == 0
    assert sayso.run("hosts", "list", "--json").stdout == ""


def test_added_hosts_are_known_beside_any_inventory_which_goes_first(sayso: Sayso) -> None:
    sayso.run("hosts", "add", "own1", "address=192.0.2.8")
    done = sayso.run("--inventory", "hosts.ini", "hosts", "add", "web1", "address=192.0.2.9")
    assert "Another inventory" in done.stderr
    hosts = {line["host"]: line for line in _lines(sayso.run("--inventory", "hosts.ini", "hosts", "--json"))}
    assert hosts["own1"]["address"] == "192.0.2.8"
    assert hosts["web1"]["address"] == "192.0.2.1"


@pytest.mark.parametrize("name", ["local", "localhost", "all", "web[1:3]", "-oProxyCommand=id", "two words", "..", ""])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(RequestError):
        check_name(name)


@pytest.mark.parametrize(
    "pair",
    [
        "ansible_ssh_common_args=x", "port=0", "port=65536", "port=1e3", "address=two words", "address=-x", "address=a[1:2]",
        "user=-x", "user=", "identity=/no/such/key", "identity=key", "groups=all", "groups=a b", "nothing",
    ],
)  # fmt: skip
def test_what_says_nothing_of_a_host_is_refused(pair: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError):
        parse_pairs([pair], str(tmp_path))


@pytest.mark.parametrize("words", ["add", "burn web1", "untrust /nowhere", "trust /no/such/file", "show a b"])
def test_what_is_no_command_is_one_sentence_and_changes_nothing(sayso: Sayso, words: str) -> None:
    done = sayso.run("hosts", *words.split())
    assert done.status == 2
    assert "Traceback" not in done.everything
    assert not (sayso.config / "hosts.yml").exists()


def test_a_host_of_another_file_is_removed_there(sayso: Sayso) -> None:
    done = sayso.run("--inventory", "hosts.ini", "hosts", "remove", "web1")
    assert done.status == 2
    assert str(sayso.folder / "hosts.ini") in done.stderr


def test_a_kept_file_that_somebody_edited_is_left_alone(sayso: Sayso) -> None:
    write_tree(sayso.config, {"hosts.yml": "all: {hosts: {a: }, vars: {x: 1}}\n"})
    assert sayso.run("hosts", "add", "one").status == 6
    assert "vars" in (sayso.config / "hosts.yml").read_text()


@pytest.mark.parametrize(
    ("on", "patterns"),
    [
        ("local", ["local"]),
        ("local,web", ["local", "web"]),
        ("web:local:!web2", ["local", "web,!web2"]),
        ("local:!web2", ["local"]),
        ("all:!local", ["all"]),
        ("!web2", ["!web2"]),
        ("web[0:2]", ["web[0:2]"]),
        ("::1", ["::1"]),
    ],
)
def test_this_machine_stands_apart_and_nothing_that_is_taken_away_adds_hosts(on: str, patterns: list[str]) -> None:
    assert host_patterns(on) == patterns


def test_this_machine_is_in_no_group() -> None:
    with pytest.raises(TargetError, match="in none"):
        host_patterns("local:&web")


SCRIPT = '#!/bin/sh\necho \'{"g": {"hosts": ["scripted"]}, "_meta": {"hostvars": {}}}\'\n'


def test_a_script_runs_once_it_is_trusted_and_until_it_changes(sayso: Sayso) -> None:
    write_tree(sayso.folder, {"inv/script": SCRIPT, "inv/static": "plain\n", "inv/group_vars/g.yml": "a: 1\n"})
    listing = ("--inventory", "inv", "hosts", "list")
    refused = sayso.run(*listing)
    assert refused.status != 0
    assert f"sayso hosts trust {sayso.folder}/inv/script" in refused.stderr
    assert "3 files" in sayso.run("hosts", "trust", "inv").stderr
    done = sayso.run(*listing)
    assert done.status == 0, done.stderr
    assert "scripted" in done.stdout
    write_tree(sayso.folder, {"inv/script": SCRIPT + "# changed\n"})
    assert "has changed since it was trusted" in sayso.run(*listing).stderr
    states = {Path(str(line["path"])).name: line["state"] for line in _lines(sayso.run("hosts", "trust", "--json"))}
    assert states == {"script": "changed", "static": "trusted", "g.yml": "trusted"}
    assert sayso.run("hosts", "untrust", "inv").status == 0
    assert "No inventory" in sayso.run("hosts", "trust").stdout


def test_a_file_that_others_may_write_cannot_be_trusted(sayso: Sayso) -> None:
    write_tree(sayso.folder, {"script": SCRIPT})
    (sayso.folder / "script").chmod(0o777)
    assert sayso.run("hosts", "trust", "script").status == 6


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.mark.sshd
@pytest.mark.skipif(bool(MISSING), reason=str(MISSING))
def test_each_host_is_tried_and_what_fails_says_what_to_do(sayso: Sayso, server: Sshd) -> None:
    address = server.address
    said = (
        f"address={address.hostname}",
        f"port={address.port}",
        f"user={address.user}",
        f"identity={address.identity_files[0]}",
    )
    assert sayso.run("hosts", "add", "good", *said).status == 0
    unknown = sayso.run("hosts", "test", "good", "--json")
    assert unknown.status == 5
    (line,) = _lines(unknown)
    assert (line["ok"], line["host_key"]) == (False, "not trusted")
    shown = re.search(r"SHA256:[\w+/]+", json.dumps(line["error"]))
    assert shown is not None
    fingerprint = shown[0]
    nobody = sayso.run("hosts", "trust-key", "good", prefix=("setsid",))
    assert nobody.status == 5
    assert "trust-key good FINGERPRINT" in nobody.stderr
    assert "not SHA256:wrong" in sayso.run("hosts", "trust-key", "good", "SHA256:wrong").stderr
    known = sayso.folder / "home" / ".ssh" / "known_hosts"
    assert not known.exists()
    known.parent.mkdir(exist_ok=True)
    known.write_text("# without an end")
    learned = sayso.run("hosts", "trust-key", "good", fingerprint)
    assert learned.status == 0, learned.stderr
    key = Path(address.known_hosts_files[0]).read_text().split()[1:3]
    assert known.read_text().splitlines()[1].split()[1:3] == key
    assert "known already" in sayso.run("hosts", "trust-key", "good").stderr
    assert sayso.run("hosts", "add", "gone", "address=127.0.0.1", "port=1").status == 0
    done = sayso.run("hosts", "test")
    assert done.status == 5
    assert "trusted" in done.stdout
    assert "FAILED" in done.stdout
    assert "✗ gone:" in done.stderr
    assert "✗ good" not in done.stderr
    (line,) = _lines(sayso.run("hosts", "test", "good", "--json"))
    assert (line["ok"], line["login"], line["host_key"]) == (True, address.user, "trusted")
    facts = sayso.run("hosts", "facts", "good")
    assert facts.status == 0, facts.stderr
    assert "ago" in facts.stdout
    (kept,) = _lines(sayso.run("hosts", "facts", "good", "--json"))
    assert isinstance(kept["facts"], dict)
    assert kept["facts"]["login_user"] == address.user
