"""Deny wins, a person's own rules only tighten, and no flag lifts what scripts may not do."""

import itertools
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executors.policy import (
    DOORS,
    Door,
    Grant,
    Policy,
    Question,
    Rule,
    Verdict,
    default_decision,
    load_policy,
    require_permission,
)
from executors.policy_rules import unix_groups
from executors.policy_times import controller_zone, parse_window
from intents.errors import PolicyError
from intents.intent import EffectName, Risk
from intents.values import Json

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=controller_zone())  # a Wednesday


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


def asked(
    arguments: Mapping[str, Json] | None = None, *, hosts: tuple[str, ...] = ("web1",), at: datetime | None = NOW
) -> Question:
    groups = {"web1": ("web",), "web2": ("web",), "db1": ("db",)}
    return Question(
        "ann",
        "service.restart",
        Risk.DISRUPTIVE,
        (),
        hosts,
        "terminal",
        arguments=arguments or {},
        at=at,
        groups=groups,
    )


def denies(rule: Rule, question: Question) -> bool:
    return Policy(system=(rule,)).decide(question).verdict is Verdict.DENY


def allows(rule: Rule, question: Question) -> bool:
    return Policy(system=(rule,)).decide(question).verdict is Verdict.ALLOW


RESTART = Rule("rule", Verdict.ALLOW, intents=("service.restart",))
FREEZE = Rule("rule", Verdict.DENY, intents=("service.restart",))


@pytest.mark.parametrize(
    ("services", "grants", "refuses"),
    [
        (["nginx.service"], True, True),
        (["nginx.service", "redis.service"], False, True),
        (["redis.service"], False, False),
        ("nginx.service", True, True),
        (None, False, True),
        ([], False, True),
    ],
)
def test_a_grant_needs_every_value_to_fit_and_a_deny_one(services: Json, grants: bool, refuses: bool) -> None:  # noqa: FBT001
    patterns = {"service": ("nginx*",)}
    question = asked({"service": services})
    assert allows(replace(RESTART, arguments=patterns), question) is grants
    assert denies(replace(FREEZE, arguments=patterns), question) is refuses


def test_an_argument_that_is_not_known_denies_and_grants_nothing() -> None:
    patterns = {"service": ("nginx*",)}
    assert denies(replace(FREEZE, arguments=patterns), asked())
    assert not allows(replace(RESTART, arguments=patterns), asked())


def test_numbers_and_truth_are_compared_as_they_are_written() -> None:
    for value, pattern in ((8080, "80*"), (True, "true"), (1.5, "1.5")):
        assert allows(replace(RESTART, arguments={"value": (pattern,)}), asked({"value": value}))


def test_groups_of_hosts_are_those_of_the_inventory() -> None:
    assert allows(replace(RESTART, hosts=("@web",)), asked(hosts=("web1", "web2")))
    assert not allows(replace(RESTART, hosts=("@web",)), asked(hosts=("web1", "db1")))
    assert denies(replace(FREEZE, hosts=("@db",)), asked(hosts=("web1", "db1")))
    assert not denies(replace(FREEZE, hosts=("@db",)), asked(hosts=("web1",)))
    assert not denies(replace(FREEZE, hosts=("@db",)), asked(hosts=("local",)))
    assert allows(replace(RESTART, hosts=("@all",)), asked(hosts=("web1", "db1")))
    assert not allows(replace(RESTART, hosts=("@all",)), asked(hosts=("local",)))


def test_a_host_whose_groups_are_not_known_is_denied_and_not_granted() -> None:
    assert denies(replace(FREEZE, hosts=("@db",)), asked(hosts=("strange",)))
    assert not allows(replace(RESTART, hosts=("@web",)), asked(hosts=("strange",)))


def test_more_hosts_than_a_number_are_confirmed() -> None:
    careful = Policy(system=(Rule("many", Verdict.CONFIRM, more_hosts_than=2),))
    assert careful.decide(asked(hosts=("web1", "web2"))).verdict is Verdict.ASK
    assert careful.decide(asked(hosts=("web1", "web2", "db1"))).verdict is Verdict.CONFIRM


def test_windows_of_the_week_and_dates_limit_a_rule() -> None:
    office = replace(FREEZE, times=(parse_window("mon-fri 09:00-17:00"),))
    assert denies(office, asked())
    assert not denies(office, asked(at=NOW + timedelta(days=3)))
    assert not denies(office, asked(at=NOW + timedelta(hours=7)))
    assert denies(office, asked(at=None)), "at an unknown time it can't be told"
    assert not allows(replace(RESTART, times=office.times), asked(at=None))
    dated = replace(FREEZE, begins=NOW, ends=NOW + timedelta(days=1))
    assert denies(dated, asked())
    assert not denies(dated, asked(at=NOW - timedelta(seconds=1)))
    assert not denies(dated, asked(at=NOW + timedelta(days=1)))


def test_the_zone_of_whoever_asks_moves_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    night = replace(FREEZE, times=(parse_window("00:00-06:00"),))
    at = datetime(2026, 11, 25, 3, 0, tzinfo=controller_zone())
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "Pacific/Kiritimati")
        time.tzset()
        is_denied = denies(night, asked(at=at.astimezone(UTC)))
    time.tzset()
    assert is_denied


def test_users_are_named_or_members_of_a_unix_group() -> None:
    groups = unix_groups("root")
    assert groups
    question = replace(asked(), user="root")
    assert allows(replace(RESTART, users=(f"%{groups[0]}",)), question)
    assert not denies(replace(FREEZE, users=("%no-such-group",)), question)
    assert denies(replace(FREEZE, users=("%wheel",)), replace(question, user="no-such-account"))
    assert not allows(replace(RESTART, users=("%*",)), replace(question, user="no-such-account"))


def test_a_pattern_of_the_floor_tightens_above_reversible_though_it_grants_nothing() -> None:
    for verdict in (Verdict.CONFIRM, Verdict.TWO_PEOPLE):
        floor = Policy(system=(Rule("careful", verdict, intents=("service.*",)),))
        assert floor.decide(asked()).verdict is verdict


def test_the_strictest_of_the_floors_rules_wins() -> None:
    rules = (RESTART, replace(RESTART, name="two", verdict=Verdict.TWO_PEOPLE), replace(RESTART, verdict=Verdict.ASK))
    for order in itertools.permutations(rules):
        assert Policy(system=order).decide(asked()).rule == "two"


def test_naming_an_intent_does_not_name_what_it_grants() -> None:
    script = replace(asked(), door="script", intent="file.append_line", effects=("execution", "persistence"))
    rule = Rule("nightly", Verdict.ASK, intents=("file.append_line",))
    assert Policy(system=(rule,)).decide(script).verdict is Verdict.DENY
    assert Policy(system=(replace(rule, effects=("execution",)),)).decide(script).verdict is Verdict.DENY
    named = Policy(system=(replace(rule, effects=("execution", "persistence")),)).decide(script)
    assert (named.verdict, named.is_named) == (Verdict.ASK, True)


def test_only_a_system_rule_that_names_the_intent_is_said_to_name_it() -> None:
    own = Policy(own=(Rule("mine", Verdict.ASK, intents=("service.restart",)),))
    assert not own.decide(asked()).is_named
    assert not Policy(system=(Rule("wide", Verdict.ASK, intents=("service.*",)),)).decide(asked()).is_named
    assert Policy(system=(replace(RESTART, verdict=Verdict.ASK),)).decide(asked()).is_named


def test_typing_and_two_people_are_wanted_where_the_policy_says_so() -> None:
    confirm = Policy(system=(replace(RESTART, verdict=Verdict.CONFIRM),))
    with pytest.raises(PolicyError, match="not confirmed"):
        require_permission(confirm, asked(), is_approved=True)
    require_permission(confirm, asked(), is_approved=True, is_confirmed=True)
    two = Policy(system=(replace(RESTART, verdict=Verdict.TWO_PEOPLE),))
    for second in (None, "", "ann"):
        with pytest.raises(PolicyError, match="second person"):
            require_permission(two, asked(), is_approved=True, is_confirmed=True, second_person=second)
    with pytest.raises(PolicyError, match="not approved"):
        require_permission(two, asked(), is_approved=False, second_person="bob")
    require_permission(two, asked(), is_approved=True, second_person="bob")
    assert two.decide(asked()).word == "two_people"


def test_a_rules_own_reason_is_told() -> None:
    freeze = Policy(system=(replace(FREEZE, why="change freeze until the audit is over"),))
    with pytest.raises(PolicyError, match="until the audit is over"):
        require_permission(freeze, asked(), is_approved=True)


def test_explaining_says_which_part_each_rule_has() -> None:
    policy = Policy(
        system=(
            RESTART,
            Rule("wide", Verdict.ALLOW, intents=("service.*",)),
            replace(FREEZE, name="no db", hosts=("db*",)),
        ),
        own=(Rule("mine", Verdict.CONFIRM, risks=(Risk.DISRUPTIVE,)), Rule("loose", Verdict.ALLOW)),
    )
    parts = {one.name: (one.part, one.remark) for one in policy.weigh(asked())}
    assert parts["rule"] == ("loosens", "")
    assert parts["mine"] == ("tightens", "")
    assert parts["no db"] == ("nothing", "")
    assert parts["wide"][0] == parts["loose"][0] == "nothing"
    assert "only where it names `service.restart` exactly" in parts["wide"][1]
    assert "only tighten" in parts["loose"][1]
    assert next(one for one in policy.weigh(asked(hosts=("db1",))) if one.name == "no db").part == "denies"


INTENTS = ("service.restart", "file.append_line")
EFFECTS: tuple[tuple[EffectName, ...], ...] = ((), ("access",), ("execution", "persistence"), ("secrets",))
rules = st.builds(
    Rule,
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(Verdict),
    intents=st.sampled_from([(), ("service.*",), ("service.restart",), ("file.append_line", "service.*"), ("*",)]),
    risks=st.sampled_from([(), (Risk.DISRUPTIVE,), (Risk.READ, Risk.DESTRUCTIVE)]),
    effects=st.sampled_from([(), ("access",), ("execution", "persistence", "secrets")]),
    hosts=st.sampled_from([(), ("web*",), ("@db",), ("local",)]),
    users=st.sampled_from([(), ("ann",), ("%no-such-group",)]),
    doors=st.sampled_from([(), ("terminal",), ("script",)]),
    arguments=st.sampled_from([{}, {"service": ("nginx*",)}]),
    times=st.sampled_from([(), (parse_window("sat,sun"),), (parse_window("mon-fri"),)]),
    more_hosts_than=st.sampled_from([None, 1]),
)
grants = st.builds(
    Grant,
    st.just("g00000000"),
    st.sampled_from(INTENTS),
    st.sampled_from([{}, {"service": "nginx.service"}]),
    st.sampled_from([("web1",), ("@web", "local"), ("@all",)]),
    st.just(NOW + timedelta(days=1)),
    st.sampled_from([NOW, NOW + timedelta(hours=1)]),
    st.just("ann"),
    is_system=st.booleans(),
)
questions = st.builds(
    Question,
    st.sampled_from(["ann", "root"]),
    st.sampled_from(INTENTS),
    st.sampled_from(Risk),
    st.sampled_from(EFFECTS),
    st.sampled_from([("web1",), ("web1", "db1"), ("local",), ("strange",)]),
    st.sampled_from(DOORS),
    arguments=st.sampled_from([{}, {"service": "nginx.service"}, {"service": ["redis.service"]}]),
    at=st.sampled_from([None, NOW]),
    groups=st.just({"web1": ("web",), "db1": ("db",)}),
)
some_rules = st.lists(rules, max_size=4)


@given(st.data())
def test_no_order_of_rules_changes_the_verdict(data: st.DataObject) -> None:
    system, own = data.draw(some_rules), data.draw(some_rules)
    question, given_grants = data.draw(questions), tuple(data.draw(st.lists(grants, max_size=2)))
    verdict = Policy(tuple(system), tuple(own), grants=given_grants).decide(question).verdict
    mixed = Policy(
        tuple(data.draw(st.permutations(system))),
        tuple(data.draw(st.permutations(own))),
        grants=tuple(data.draw(st.permutations(given_grants))),
    )
    assert mixed.decide(question).verdict is verdict


@given(some_rules, some_rules, st.lists(grants, max_size=2), questions)
def test_no_own_rule_ever_loosens(
    system: list[Rule], own: list[Rule], given_grants: list[Grant], question: Question
) -> None:
    floor = Policy(tuple(system), grants=tuple(given_grants)).decide(question)
    both = Policy(tuple(system), tuple(own), grants=tuple(given_grants)).decide(question)
    assert both.verdict >= floor.verdict


@given(some_rules, some_rules, st.lists(grants, max_size=2), questions)
def test_nothing_lifts_the_floors_deny(
    system: list[Rule], own: list[Rule], given_grants: list[Grant], question: Question
) -> None:
    if not any(rule.verdict is Verdict.DENY and rule.tightens(question) for rule in system):
        return
    policy = Policy(tuple(system), tuple(own), grants=tuple(given_grants))
    with pytest.raises(PolicyError, match="refused"):
        require_permission(policy, question, is_approved=True, is_confirmed=True, second_person="bob")


@given(some_rules, st.lists(grants, max_size=3), questions)
def test_own_grants_never_loosen_what_a_rule_says_nor_anything_for_scripts(
    system: list[Rule], given_grants: list[Grant], question: Question
) -> None:
    own = tuple(replace(grant, is_system=False) for grant in given_grants)
    before, after = Policy(tuple(system)).decide(question), Policy(tuple(system), grants=own).decide(question)
    if after.verdict < before.verdict:
        assert question.door == "terminal"
        assert before == default_decision(question)
        assert before.verdict is Verdict.ASK
        assert question.risk < Risk.DESTRUCTIVE
        assert not question.effects


def test_no_script_goes_above_reversible_without_an_exact_system_rule() -> None:
    """Exhaustive: every verdict and form of a rule, whosever it is, for every risk, effect and door without a person."""
    forms = [(), ("*",), ("service.*",), ("service.restart",)]
    named_effects: list[tuple[str, ...]] = [(), ("access",), ("execution", "persistence"), ("secrets",)]
    doors: tuple[Door, ...] = ("script", "mcp")
    for verdict, names, effects, risk, touched, door, is_system in itertools.product(
        Verdict, forms, named_effects, Risk, EFFECTS, doors, (True, False)
    ):
        if risk <= Risk.REVERSIBLE and not touched:
            continue
        rule = Rule("rule", verdict, intents=names, effects=effects)
        policy = Policy(system=(rule,)) if is_system else Policy(own=(rule,))
        decision = policy.decide(Question("ann", "service.restart", risk, touched, ("web1",), door))
        is_named = is_system and names == ("service.restart",) and set(touched) <= set(effects)
        assert decision.verdict is Verdict.DENY or is_named
