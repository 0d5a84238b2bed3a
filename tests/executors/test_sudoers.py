"""The sudoers file lets through exactly the vectors that sayso runs as root, as sudo itself judges them."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from executors.policy import Policy, Rule, Verdict
from executors.sudoers import Sudoers, least_sudoers, write_sudoers
from intents.catalogue import Catalogue
from intents.errors import StepError

CATALOGUE = Catalogue.load()
SYSTEMD = {"init": "systemd", "packages": "apt", "userland": "gnu"}
USER = "nobody"

PACK = b"""\
clock.set:
  summary: Set the clock's unit
  risk: reversible
  parameters:
    unit: {type: "name:unit", required: true, description: A unit}
    lines: {type: count, default: 10, description: Lines}
    kind: {type: choice, choices: {plain: "p#1", other: o}, description: Kind}
    names: {type: package, many: true, required: true, description: Names}
  examples: ["set the clock of {unit}", "clock {unit} {names}", "clock {unit} {names} {lines}", "clock {names} by {kind}"]
  near_misses:
    - {text: what time is it, intent: time.show}
    - {text: buy a clock, intent: null}
  state: {run: [systemctl, show, --no-pager, --, "{unit}"], parse: kv, columns: [{name: ActiveState}]}
  change:
    run: [systemctl, set, "--lines={lines}", {given: kind, then: ["--kind={kind}"], else: ["--none"]}, --, "{unit}", "{names...}"]
    as_user: root
  expect: {ActiveState: active}
  undo: {impossible: It is only a clock.}
"""


def found_in_bin(name: str) -> str:
    return f"/usr/sbin/{name}" if name in {"usermod", "userdel", "useradd"} else f"/usr/bin/{name}"


def least(
    policy: Policy | None = None, catalogue: Catalogue = CATALOGUE, facts: Mapping[str, str] = SYSTEMD
) -> Sudoers:
    return least_sudoers(USER, catalogue, policy or Policy(), facts, find_program=found_in_bin)


def text_of(sudoers: Sudoers) -> str:
    return write_sudoers(sudoers, host="box", on="2026-11-25")


def judged(tmp_path: Path, text: str, *vectors: list[str]) -> list[bool]:
    """Return for each vector whether sudo would let the user run it as root, with this file in a namespace of its own."""
    file = tmp_path / "sudoers"
    file.write_text(text)
    file.chmod(0o440)
    found: list[bool] = []
    for vector in vectors:
        script = 'mount --bind "$1" /etc/sudoers && shift && exec sudo -n -l -U "$@"'
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", str(file), USER, "-u", "root", "--", *vector],
            check=False, capture_output=True,
        )  # fmt: skip
        assert b"mount" not in done.stderr, done.stderr
        found.append(done.returncode == 0)
    return found


@pytest.fixture(scope="module")
def with_pack(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return Catalogue.load(user_packs={tmp_path_factory.mktemp("pack") / "clock.yml": PACK})


@pytest.mark.skipif(shutil.which("visudo") is None, reason="needs sudo's visudo")
def test_visudo_finds_no_fault(with_pack: Catalogue) -> None:
    text = text_of(least(catalogue=with_pack))
    done = subprocess.run(["visudo", "-c", "-f", "-"], input=text.encode(), check=False, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SAYSO_CLOCK_SET" in text


namespaces = pytest.mark.skipif(
    os.geteuid() != 0
    or shutil.which("sudo") is None
    or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0,
    reason="needs root, sudo and mount namespaces",
)


@namespaces
def test_sudo_lets_through_what_sayso_runs_and_nothing_near_it(tmp_path: Path) -> None:
    start = ["/usr/bin/systemctl", "start", "--no-ask-password", "--"]
    allowed = [
        [*start, "nginx.service"],
        [*start, "getty@tty1.service"],
        ["/usr/sbin/usermod", "--expiredate=1970-01-02", "--", "ann"],
    ]
    refused = [
        [*start, "nginx.service", "redis.service"],
        [*start, "nginx.service redis.service"],
        [*start, "--root=/x"],
        [*start, "/tmp/evil.service"],
        [*start, "debug-shell.service"],
        [*start, "debug-shell"],
        [*start],
        ["/usr/bin/systemctl", "start", "nginx.service"],
        ["/usr/bin/systemctl", "link", "--no-ask-password", "--", "nginx.service"],
        ["/usr/sbin/usermod", "--expiredate=1970-01-02", "--", "root"],
        ["/usr/sbin/usermod", "--expiredate=1970-01-02", "--", "ann\n-o"],
        ["/usr/bin/id"],
    ]
    answers = judged(tmp_path, text_of(least()), *allowed, *refused)
    assert answers == [True] * len(allowed) + [False] * len(refused)


@namespaces
def test_every_kind_of_word_becomes_a_pattern(tmp_path: Path, with_pack: Catalogue) -> None:
    start = ["/usr/bin/systemctl", "set", "--lines=5"]
    allowed = [
        [*start, "--none", "--", "a.service", "one"],
        [*start, "--kind=p#1", "--", "a.service", "one", "two"],
    ]
    refused = [
        [*start, "--kind=x", "--", "a.service", "one"],
        [*start, "--", "a.service", "one"],
        [*start, "--none", "--", "a.service"],
        ["/usr/bin/systemctl", "set", "--lines=5x", "--none", "--", "a.service", "one"],
        ["/usr/bin/systemctl", "set", "--none", "--", "a.service", "one"],
    ]
    answers = judged(tmp_path, text_of(least(catalogue=with_pack)), *allowed, *refused)
    assert answers == [True] * len(allowed) + [False] * len(refused)


def test_what_scripts_may_do_needs_no_password() -> None:
    by_name = {entry.intent: entry for entry in least().entries}
    assert not by_name["service.start"].needs_password
    assert by_name["service.restart"].needs_password
    nightly = Policy(system=(Rule("nightly", Verdict.ASK, intents=("service.restart",)),))
    assert not {entry.intent: entry for entry in least(nightly).entries}["service.restart"].needs_password


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (Rule("freeze", Verdict.DENY, intents=("service.restart",)), "`freeze` denies it"),
        (
            Rule("nginx", Verdict.DENY, intents=("service.restart",), arguments={"service": ("nginx*",)}),
            "some of its values",
        ),
        (Rule("pair", Verdict.TWO_PEOPLE, intents=("service.restart",)), "two people"),
    ],
)
def test_what_the_policy_keeps_back_sudo_keeps_back(rule: Rule, told: str) -> None:
    found = least(Policy(system=(rule,)))
    assert "service.restart" not in {entry.intent for entry in found.entries}
    (left_out,) = [one for one in found.left_out if one.intent == "service.restart"]
    assert told in left_out.reason
    assert f"#   service.restart: {left_out.reason}" in text_of(found)


def test_what_cannot_be_held_narrowly_is_left_out_and_says_why() -> None:
    reasons = {one.intent: one.reason for one in least().left_out}
    assert "edits a file" in reasons["file.append_line"]
    assert "grants access" in reasons["user.create"]
    assert "playbook" in reasons["log.limit_journal"]


def test_a_program_that_is_not_there_is_left_out() -> None:
    def find(name: str) -> str:
        raise StepError(f"This needs `{name}`, which isn't installed.", remedy="Install it.", host="local")

    found = least_sudoers(USER, CATALOGUE, Policy(), SYSTEMD, find_program=find)
    assert found.entries == ()
    assert any("isn't installed" in one.reason for one in found.left_out)


def test_no_intent_that_runs_as_the_person_is_in_it() -> None:
    named = {entry.intent for entry in least().entries} | {one.intent for one in least().left_out}
    assert "disk.usage" not in named
    assert "file.delete" not in named


@pytest.mark.parametrize("user", ["ann ALL=(ALL) ALL", "a,b", "%wheel", "", "a\nb"])
def test_a_name_that_would_write_rules_is_refused(user: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        least_sudoers(user, CATALOGUE, Policy(), SYSTEMD, find_program=found_in_bin)
