"""Rules that don't do what they say are found before somebody relies on them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from executors.policy_check import check_rules
from executors.policy_rules import Rule, Verdict
from intents.catalogue import Catalogue
from intents.intent import Risk

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
CATALOGUE = Catalogue.load()
DENY = Rule("rule", Verdict.DENY, where="x.yml:1")
ALLOW = Rule("rule", Verdict.ALLOW, where="x.yml:1")


def problems(*rules: Rule, is_system: bool = True) -> list[str]:
    found = check_rules(rules, CATALOGUE, is_system=is_system, now=NOW)
    assert all(finding.where and finding.remedy for finding in found)
    return [f"{finding.problem} {finding.remedy}" for finding in found]


@pytest.mark.parametrize(
    "rule",
    [
        replace(DENY, intents=("service.*",), arguments={}),
        replace(DENY, intents=("service.restart",), arguments={"service": ("nginx*", "redis.service")}),
        replace(ALLOW, intents=("service.restart",), hosts=("@web",)),
        replace(ALLOW, intents=("service.*",), risks=(Risk.REVERSIBLE,)),
        replace(ALLOW, intents=("user.create",), effects=("access",)),
        replace(DENY, effects=("persistence",)),
        replace(DENY, ends=NOW + timedelta(days=1)),
    ],
)
def test_a_rule_that_makes_sense_is_fine(rule: Rule) -> None:
    assert problems(rule) == []


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (replace(DENY, intents=("service.restrat",)), "Did you mean `service.restart`"),
        (replace(DENY, intents=("kubernetes.*",)), "which is no intent"),
        (replace(DENY, intents=("service.restart",), risks=(Risk.READ,)), "can never hold"),
        (replace(DENY, intents=("memory.usage",), effects=("access",)), "can never hold"),
        (replace(DENY, ends=NOW - timedelta(days=1)), "ended on"),
        (replace(ALLOW, intents=("service.restart",), hosts=("web1",), more_hosts_than=3), "wants more than 3"),
        (replace(DENY, intents=("service.restart",), arguments={"unit": ("x",)}), "parameters are: service"),
        (replace(DENY, intents=("service.restart",), arguments={"service": ("nginx",)}), "Write `nginx.service`"),
        (replace(DENY, intents=("file.set_mode",), arguments={"mode": ("rwx",)}), "which it never is"),
        (replace(DENY, intents=("service.*",), arguments={"service": ("nginx*",)}), "service.list"),
        (replace(ALLOW, intents=("service.*",)), "above reversible a pattern isn't enough"),
        (replace(ALLOW, intents=("user.create",)), "effects: [access]"),
    ],
)
def test_what_is_wrong_with_a_rule_is_told(rule: Rule, told: str) -> None:
    assert any(told in problem for problem in problems(rule)), problems(rule)


def test_an_own_rule_that_would_loosen_is_told() -> None:
    assert "only tighten" in problems(replace(ALLOW, intents=("service.restart",)), is_system=False)[0]


@pytest.mark.parametrize(
    ("deny", "is_shadowed"),
    [
        (Rule("freeze", Verdict.DENY, where="y.yml:1"), True),
        (Rule("freeze", Verdict.DENY, intents=("service.*",), where="y.yml:1"), True),
        (Rule("freeze", Verdict.DENY, intents=("service.*",), hosts=("web1",), where="y.yml:1"), False),
        (Rule("freeze", Verdict.DENY, intents=("file.*",), where="y.yml:1"), False),
        (Rule("freeze", Verdict.DENY, more_hosts_than=3, where="y.yml:1"), False),
        (Rule("freeze", Verdict.DENY, users=("ann",), where="y.yml:1"), False),
    ],
)
def test_a_rule_behind_a_denial_is_told(deny: Rule, is_shadowed: bool) -> None:  # noqa: FBT001
    found = problems(deny, replace(ALLOW, intents=("service.restart",)))
    assert any("never matters" in problem for problem in found) is is_shadowed


def test_two_rules_of_one_name_are_told() -> None:
    assert any("the name of another" in problem for problem in problems(DENY, replace(DENY, where="y.yml:1")))
