"""A policy file is read to its last word, or refused with file, line and what to write."""

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest

from executors.policy_check import check_rules
from executors.policy_file import KEYS, load_rules, read_rules
from executors.policy_rules import Verdict
from executors.policy_times import controller_zone, parse_date, parse_window
from intents.catalogue import Catalogue
from intents.errors import PolicyError
from intents.intent import Risk

FULL = """\
web-restarts:
  decision: two_people
  intents: [service.restart, "service.re*"]
  risks: [disruptive]
  effects: [access]
  arguments: {service: ["nginx*", redis.service], port: [80, true]}
  hosts: [web1, "@web"]
  more_hosts_than: 10
  users: [ann, "%wheel"]
  doors: [terminal, script, mcp]
  times: ["mon-fri 09:00-17:00", sat]
  from: 2026-11-01
  until: 2026-12-31
  why: the audit wants it
"""


def written(folder: Path, text: str, name: str = "10-rules.yml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_every_condition_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, FULL)
    (rule,) = load_rules(tmp_path, must_be_root=None)
    assert (rule.name, rule.verdict, rule.where) == ("web-restarts", Verdict.TWO_PEOPLE, f"{path}:1")
    assert rule.intents == ("service.restart", "service.re*")
    assert (rule.risks, rule.effects, rule.doors) == ((Risk.DISRUPTIVE,), ("access",), ("terminal", "script", "mcp"))
    assert rule.arguments == {"service": ("nginx*", "redis.service"), "port": ("80", "true")}
    assert (rule.hosts, rule.users, rule.more_hosts_than) == (("web1", "@web"), ("ann", "%wheel"), 10)
    assert [window.text for window in rule.times] == ["mon-fri 09:00-17:00", "sat"]
    assert rule.begins == parse_date("2026-11-01", is_end=False)
    assert rule.ends == parse_date("2027-01-01", is_end=False), "the last day counts as a whole"
    assert rule.why == "the audit wants it"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("  host: [web1]", "Did you mean `hosts`"),
        ("  intents: []", "no list of words"),
        ("  intents: service.restart", "no list of words"),
        ("  risks: [risky]", "read, reversible, disruptive, destructive"),
        ("  effects: [root]", "execution, access, persistence, secrets"),
        ("  doors: [window]", "terminal, script, mcp"),
        ("  hosts: [{a: b}]", "plain words"),
        ("  hosts: [null]", "plain words"),
        ("  times: [noon]", "mon-fri 09:00-17:00"),
        ("  times: ['09:00-09:00']", "no minute lies"),
        ("  times: ['9-17']", "mon-fri 09:00-17:00"),
        ("  times: ['25:00-26:00']", "00:00 to 24:00"),
        ("  from: someday", "2026-12-31"),
        ("  more_hosts_than: many", "whole number"),
        ("  more_hosts_than: -1", "whole number"),
        ("  why: [a]", "quotes"),
        ("  arguments: {service: ['nginx*']}", "Add `intents`"),
        ("  arguments: [a]", 'service: ["nginx*"]'),
    ],
)
def test_a_wrong_word_is_told_with_its_line(tmp_path: Path, line: str, told: str) -> None:
    path = written(tmp_path, f"careful:\n  decision: deny\n{line}\n")
    with pytest.raises(PolicyError) as caught:
        load_rules(tmp_path, must_be_root=None)
    assert f"{path}:3: the rule `careful`" in str(caught.value)
    assert told in str(caught.value)


def test_a_rule_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    written(tmp_path, "a:\n  decision: deny\n  from: 2026-12-02\n  until: 2026-12-01\n")
    with pytest.raises(PolicyError, match="ends before it begins"):
        load_rules(tmp_path, must_be_root=None)


def test_the_other_rules_of_a_file_are_read_when_one_is_wrong(tmp_path: Path) -> None:
    path = written(tmp_path, "a: {decision: deny}\nb: {decision: maybe}\nc: deny\n")
    read = read_rules(path, must_be_root=None)
    assert [rule.name for rule in read.rules] == ["a"]
    assert len(read.faults) == 2


@pytest.mark.parametrize("name", ["x.yml", "x.yaml"])
def test_both_endings_of_yaml_count(tmp_path: Path, name: str) -> None:
    written(tmp_path, "a: {decision: deny}\n", name)
    assert load_rules(tmp_path, must_be_root=None)


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
@pytest.mark.parametrize("place", ["file", "folder", "parent"])
@pytest.mark.parametrize("fault", ["owner", "mode"])
def test_as_root_neither_file_nor_folders_may_be_others(tmp_path: Path, place: str, fault: str) -> None:
    folder = tmp_path / "etc" / "policy.d"
    folder.mkdir(parents=True)
    path = written(folder, "a: {decision: deny}\n")
    assert load_rules(folder, must_be_root=True)
    changed = {"file": path, "folder": folder, "parent": folder.parent}[place]
    if fault == "owner":
        os.chown(changed, 65534, -1)
    else:
        changed.chmod(0o777)
    with pytest.raises(PolicyError, match="not owned by root, or others may write it"):
        load_rules(folder, must_be_root=True)


def test_a_named_pipe_among_the_rules_holds_nothing_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.yml")
    with pytest.raises(PolicyError, match="not a regular file"):
        load_rules(tmp_path, must_be_root=None)


def test_a_folder_that_cannot_be_listed_is_no_empty_one(tmp_path: Path) -> None:
    folder = tmp_path / "policy.d"
    folder.write_text("a file where the folder should be")
    with pytest.raises(PolicyError, match="can't be read"):
        load_rules(folder, must_be_root=None)


@pytest.mark.parametrize(
    ("window", "moment", "holds"),
    [
        ("mon-fri 09:00-17:00", "2026-11-25 09:00", True),
        ("mon-fri 09:00-17:00", "2026-11-25 17:00", False),
        ("mon-fri 09:00-17:00", "2026-11-28 12:00", False),
        ("sat,sun", "2026-11-29 23:59", True),
        ("fri 22:00-06:00", "2026-11-28 03:00", True),
        ("fri 22:00-06:00", "2026-11-27 03:00", False),
        ("fri-mon 08:00-24:00", "2026-11-30 23:59", True),
        ("22:00-06:00", "2026-11-25 12:00", False),
    ],
)
def test_windows_hold_when_they_say(window: str, moment: str, holds: bool) -> None:  # noqa: FBT001
    assert parse_window(window).contains(parse_date(moment, is_end=False)) is holds


def test_the_guides_examples_are_rules_in_which_nothing_is_wrong(tmp_path: Path) -> None:
    guide = (Path(__file__).resolve().parent.parent.parent / "docs" / "policy.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    written(tmp_path, "".join(blocks))
    rules = load_rules(tmp_path, must_be_root=None)
    assert len(rules) == 4
    now = parse_date("2026-11-25", is_end=False)
    assert check_rules(rules, Catalogue.load(), is_system=True, now=now) == ()
    words = re.findall(r"^\| (`[^|]*`) \|", guide, re.MULTILINE)
    assert {word for cell in words for word in re.findall(r"`(\w+)`", cell)} == set(KEYS)


def test_a_date_with_an_offset_keeps_it() -> None:
    moment = parse_date("2026-12-31T18:00+02:00", is_end=True)
    assert moment.utcoffset() == timedelta(hours=2)
    assert parse_date("2026-12-31", is_end=True).tzinfo == controller_zone()
