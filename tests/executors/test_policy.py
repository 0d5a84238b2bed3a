"""Deny wins, a person's own rules only tighten, and no flag lifts what scripts may not do."""

import os
from pathlib import Path

import pytest

from executors.policy import Door, Policy, Question, Rule, Verdict, load_policy, require_permission
from intents.errors import PolicyError
from intents.intent import EffectName, Risk


def question(
    risk: Risk, *, door: Door = "terminal", effects: tuple[EffectName, ...] = (), intent: str = "service.stop"
) -> Question:
    return Question("ann", intent, risk, effects, ("web1",), door)


@pytest.mark.parametrize(
    ("risk", "door", "verdict"),
    [
        (Risk.READ, "terminal", Verdict.ALLOW),
        (Risk.READ, "script", Verdict.ALLOW),
        (Risk.REVERSIBLE, "terminal", Verdict.ASK),
        (Risk.REVERSIBLE, "script", Verdict.ASK),
        (Risk.DISRUPTIVE, "terminal", Verdict.ASK),
        (Risk.DISRUPTIVE, "script", Verdict.DENY),
        (Risk.DESTRUCTIVE, "terminal", Verdict.CONFIRM),
        (Risk.DESTRUCTIVE, "script", Verdict.DENY),
    ],
)
def test_the_defaults_are_safe(risk: Risk, door: Door, verdict: Verdict) -> None:
    assert Policy().decide(question(risk, door=door)).verdict is verdict


def test_effects_are_never_covered_for_scripts() -> None:
    assert Policy().decide(question(Risk.REVERSIBLE, door="script", effects=("access",))).verdict is Verdict.DENY


def test_a_deny_wins_over_a_grant() -> None:
    grant = Rule("grant", Verdict.ALLOW, intents=("service.stop",))
    deny = Rule("freeze", Verdict.DENY, hosts=("web*",))
    decision = Policy(system=(grant, deny)).decide(question(Risk.DISRUPTIVE))
    assert (decision.verdict, decision.rule) == (Verdict.DENY, "freeze")


def test_above_reversible_only_an_exact_name_grants() -> None:
    pattern = Rule("broad", Verdict.ASK, intents=("service.*",))
    exact = Rule("exact", Verdict.ASK, intents=("service.stop",))
    assert Policy(system=(pattern,)).decide(question(Risk.DISRUPTIVE, door="script")).verdict is Verdict.DENY
    assert Policy(system=(exact,)).decide(question(Risk.DISRUPTIVE, door="script")).verdict is Verdict.ASK


def test_a_persons_own_rules_only_tighten() -> None:
    loose = Policy(own=(Rule("me", Verdict.ALLOW, intents=("service.stop",)),))
    assert loose.decide(question(Risk.DISRUPTIVE, door="script")).verdict is Verdict.DENY
    strict = Policy(own=(Rule("careful", Verdict.CONFIRM, risks=(Risk.REVERSIBLE,)),))
    assert strict.decide(question(Risk.REVERSIBLE)).verdict is Verdict.CONFIRM


def test_a_grant_needs_all_hosts_and_a_deny_any() -> None:
    asked = Question("ann", "service.stop", Risk.DISRUPTIVE, (), ("web1", "db1"), "script")
    grant = Rule("web only", Verdict.ASK, intents=("service.stop",), hosts=("web*",))
    deny = Rule("no db", Verdict.DENY, hosts=("db*",))
    assert Policy(system=(grant,)).decide(asked).verdict is Verdict.DENY
    assert Policy(system=(deny,)).decide(asked).rule == "no db"


def test_nothing_runs_unapproved_whatever_the_door_did_before() -> None:
    with pytest.raises(PolicyError, match="not approved"):
        require_permission(Policy(), question(Risk.REVERSIBLE), is_approved=False)
    with pytest.raises(PolicyError, match="refused"):
        require_permission(Policy(), question(Risk.DESTRUCTIVE, door="script"), is_approved=True)
    require_permission(Policy(), question(Risk.REVERSIBLE), is_approved=True)


def test_rules_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "10-freeze.yml").write_text(
        "freeze:\n  decision: deny\n  intents: ['service.*']\n  risks: [disruptive]\n"
    )
    policy = load_policy(tmp_path / "none", tmp_path, as_root=False)
    assert policy.decide(question(Risk.DISRUPTIVE)).rule == "freeze"


@pytest.mark.parametrize(
    "text", ["a: {decision: perhaps}\n", "a: {intents: [x]}\n", "a: {decision: deny, colour: red}\n"]
)
def test_a_policy_that_cannot_be_read_stops_everything(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yml").write_text(text)
    with pytest.raises(PolicyError, match=r"x\.yml"):
        load_policy(tmp_path / "none", tmp_path, as_root=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_a_system_policy_that_others_may_write_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.yml"
    file.write_text("a: {decision: deny}\n")
    file.chmod(0o666)
    with pytest.raises(PolicyError, match="owned by root"):
        load_policy(tmp_path, tmp_path / "none", as_root=True)
