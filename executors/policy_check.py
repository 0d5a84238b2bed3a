"""What is wrong with rules that can be read: unknown intents, rules that never hold or never matter.

Nothing here decides anything; it tells whoever keeps a policy that a rule doesn't do what it says.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from executors.backups import CLEANING
from executors.policy_rules import GROUP_MARK, UNIX_GROUP_MARK, Rule, Verdict
from intents.errors import ValueRejected
from intents.intent import Intent, Risk
from intents.types.base import ValueContext
from intents.types.resemblance import nearest

_WILD = "*?["
_PATH_TYPES = frozenset({"path", "glob", "mount", "device"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where (`file:line`), what, and what to do."""

    where: str
    problem: str
    remedy: str


def check_rules(
    rules: Sequence[Rule], catalogue: Mapping[str, Intent], *, is_system: bool, now: datetime
) -> tuple[Finding, ...]:
    """Return what is wrong with rules that are in force together, in their order. `now` is aware."""
    return tuple(finding for rule in rules for finding in _check(rule, rules, catalogue, is_system=is_system, now=now))


def _check(
    rule: Rule, rules: Sequence[Rule], catalogue: Mapping[str, Intent], *, is_system: bool, now: datetime
) -> Iterator[Finding]:
    meant = [intent for name, intent in catalogue.items() if not rule.intents or _any(name, rule.intents)]
    for problem, remedy in (
        *_unknown_intents(rule, catalogue),
        *_never_holds(rule, meant, now),
        *_arguments(rule, meant),
        *_loosens_nothing(rule, meant, is_system=is_system),
        *_overlapped(rule, rules),
    ):
        yield Finding(rule.where, f"the rule `{rule.name}` {problem}", remedy)


def _unknown_intents(rule: Rule, catalogue: Mapping[str, Intent]) -> Iterator[tuple[str, str]]:
    for pattern in rule.intents:
        if not any(fnmatchcase(name, pattern) for name in (*catalogue, CLEANING)):
            closest = nearest(pattern, catalogue)
            yield f"names `{pattern}`, which is no intent", f"Did you mean `{closest}`? `sayso intents` lists them."


def _never_holds(rule: Rule, meant: Sequence[Intent], now: datetime) -> Iterator[tuple[str, str]]:
    if rule.ends is not None and rule.ends <= now:
        yield f"ended on {rule.ends:%Y-%m-%d %H:%M}", "Remove it, or give it a later `until`."
    if rule.risks and meant and not any(set(_risks(intent)) & set(rule.risks) for intent in meant):
        has = ", ".join(sorted({risk.word for intent in meant for risk in _risks(intent)}))
        yield "can never hold: none of its intents has such a risk", f"They are {has}."
    if rule.effects and meant and not any(_may_touch(intent, rule.effects) for intent in meant):
        yield f"can never hold: none of its intents touches {', '.join(rule.effects)}", "Remove `effects` from it."
    if rule.more_hosts_than is not None and rule.hosts and not any(_is_wild(host) for host in rule.hosts):
        fixed = len(set(rule.hosts))
        if rule.verdict is not Verdict.DENY and fixed <= rule.more_hosts_than:
            yield f"names {fixed} hosts and wants more than {rule.more_hosts_than}", "Lower `more_hosts_than`."


def _arguments(rule: Rule, meant: Sequence[Intent]) -> Iterator[tuple[str, str]]:
    for name, patterns in rule.arguments.items():
        having = [intent for intent in meant if name in intent.parameters]
        lacking = [intent.name for intent in meant if name not in intent.parameters]
        if meant and not having:
            known = ", ".join(sorted({one for intent in meant for one in intent.parameters})) or "none"
            yield f"compares `{name}`, which none of its intents has", f"Their parameters are: {known}."
        elif lacking and rule.verdict is Verdict.DENY:
            yield (
                f"denies {', '.join(lacking)} whatever is asked: they have no `{name}`, so it can't be decided",
                "Name in `intents` those that have it.",
            )
        for intent in having:
            yield from _values(intent, name, patterns)


def _values(intent: Intent, name: str, patterns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """A value without a wildcard has to be the canonical one, or it fits nothing."""
    kind = intent.parameters[name].type
    for pattern in patterns:
        if any(mark in pattern for mark in _WILD):
            continue
        try:
            value = kind.parse(pattern, ValueContext(datetime.now().astimezone(), "/", "/root"))
        except ValueRejected as error:
            yield f"compares `{name}` with `{pattern}`, which it never is", error.message
            continue
        if isinstance(value, str) and value != pattern:
            yield f"compares `{name}` with `{pattern}`, which {intent.name} calls `{value}`", f"Write `{value}`."


def _loosens_nothing(rule: Rule, meant: Sequence[Intent], *, is_system: bool) -> Iterator[tuple[str, str]]:
    """Say what an `allow` (or an `ask` for scripts alone) would have to say to loosen what it names."""
    for_scripts = rule.verdict is Verdict.ASK and set(rule.doors) == {"script"}
    if rule.verdict is not Verdict.ALLOW and not for_scripts:
        return
    if not is_system:
        yield (
            f"says `{rule.verdict.word}`, but one's own rules only tighten",
            "A standing grant (`sayso policy grant`) or a rule of the system can do that.",
        )
        return
    risky = [
        intent.name
        for intent in meant
        if max(_risks(intent)) > Risk.REVERSIBLE and not rule.names_exactly(intent.name) and _may_be(intent, rule)
    ]
    if risky:
        shown = ", ".join(risky[:5]) + (" and others" if len(risky) > 5 else "")  # noqa: PLR2004 - enough to see
        yield (
            f"loosens nothing for {shown}: above reversible a pattern isn't enough",
            "Name them exactly, or limit `risks`.",
        )
    for intent in meant:
        missing = set(intent.effects) - set(rule.effects)
        if rule.names_exactly(intent.name) and missing:
            yield (
                f"loosens nothing for {intent.name}, which touches {', '.join(sorted(missing))}",
                f"If that is meant, add `effects: [{', '.join(sorted(intent.effects))}]`.",
            )


def _overlapped(rule: Rule, rules: Sequence[Rule]) -> Iterator[tuple[str, str]]:
    if any(other.name == rule.name and other.where != rule.where for other in rules):
        yield "has the name of another rule, so that nobody can tell which of them decided", "Give it another name."
    for other in rules:
        if (
            other is not rule
            and other.verdict is Verdict.DENY
            and rule.verdict is not Verdict.DENY
            and _covers(other, rule)
        ):
            yield f"never matters: whenever it holds, `{other.name}` ({other.where}) denies", "Remove one of the two."
            return


def _covers(deny: Rule, rule: Rule) -> bool:
    """Whether `deny` holds whenever `rule` does, as far as that can be seen from the words."""
    if deny.times or deny.begins or deny.ends or deny.more_hosts_than is not None:
        return False
    pairs = (
        (deny.intents, rule.intents), (deny.hosts, rule.hosts), (deny.users, rule.users), (deny.doors, rule.doors),
        (deny.effects, rule.effects), ([risk.word for risk in deny.risks], [risk.word for risk in rule.risks]),
        *((patterns, rule.arguments.get(name, ())) for name, patterns in deny.arguments.items()),
    )  # fmt: skip
    return all(not wide or (bool(narrow) and all(_any(one, wide) for one in narrow)) for wide, narrow in pairs)


def _any(word: str, patterns: Sequence[str]) -> bool:
    return any(word == pattern or fnmatchcase(word, pattern) for pattern in patterns)


def _is_wild(word: str) -> bool:
    return word.startswith((GROUP_MARK, UNIX_GROUP_MARK)) or any(mark in word for mark in _WILD)


def _risks(intent: Intent) -> list[Risk]:
    return [intent.risk, *(rule.risk for rule in intent.risk_rules)]


def _may_be(intent: Intent, rule: Rule) -> bool:
    """Whether the rule's `risks` let it be about the intent above reversible."""
    return not rule.risks or any(risk in rule.risks for risk in _risks(intent) if risk > Risk.REVERSIBLE)


def _may_touch(intent: Intent, effects: Sequence[str]) -> bool:
    """Whether it declares one of the effects, or takes a path, from which effects may follow."""
    has_path = any(parameter.type.name in _PATH_TYPES for parameter in intent.parameters.values())
    return has_path or bool(set(intent.effects) & set(effects))
