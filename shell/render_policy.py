"""The policy for a person: what is in force, the grants, what is wrong with rules, and why a rule decides."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from executors.grants import Grant
from executors.policy import Decision, Door, Policy, Question, Rule, Verdict, Weighed, default_decision
from executors.policy_check import Finding
from executors.policy_rules import argument_texts
from intents.intent import Risk
from intents.values import Json
from shell.render_lines import host_list, print_line
from shell.table import Heading, layout_table
from shell.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_DOORS: tuple[Door, ...] = ("terminal", "script")
_MARKS = {True: "✓", False: "✗", None: "?"}


def render_policy(policy: Policy, folders: Sequence[tuple[str, str]], console: "Console", *, now: datetime) -> None:
    """Render the defaults, where rules and grants come from, the rules, and the grants."""
    print_line(console, "Without any rule", style="bold")
    _table(console, ["", *SHOWN_DOORS], [[what, *words] for what, words in default_words()])
    print_line(console, "")
    for what, state in folders:
        print_line(console, f"{what}: {state}")
    rules = [("system", rule) for rule in policy.system] + [("own", rule) for rule in policy.own]
    if rules:
        print_line(console, "")
        print_line(console, "Rules; what denies wins, one's own only tighten", style="bold")
        rows = [[whose, rule.name, rule.verdict.word, told_conditions(rule), rule.where] for whose, rule in rules]
        _table(console, ["whose", "rule", "decision", "when", "where"], rows)
    if policy.grants:
        print_line(console, "")
        render_grants(policy.grants, console, now=now)


def default_words() -> list[tuple[str, list[str]]]:
    """Return (kind of request, the default's word for each of `SHOWN_DOORS`)."""
    kinds: list[tuple[str, Question]] = [(risk.word, _asked(risk)) for risk in Risk]
    granting = Question("", "", Risk.REVERSIBLE, ("access",), ("local",), "terminal")
    kinds.append(("grants or discloses", granting))
    return [(what, [default_decision(_by(question, door)).word for door in SHOWN_DOORS]) for what, question in kinds]


def _asked(risk: Risk) -> Question:
    return Question("", "", risk, (), ("local",), "terminal")


def _by(question: Question, door: Door) -> Question:
    return replace(question, door=door)


def told_conditions(rule: Rule) -> str:
    """Return a rule's conditions as they stand in its file: "intents service.*; hosts @web; from ..."."""
    parts = [
        ("intents", rule.intents), ("risks", [risk.word for risk in rule.risks]), ("effects", rule.effects),
        *((name, patterns) for name, patterns in rule.arguments.items()),
        ("hosts", rule.hosts), ("users", rule.users), ("doors", rule.doors),
        ("times", [window.text for window in rule.times]),
        ("from", [f"{rule.begins:%Y-%m-%d %H:%M}"] if rule.begins else []),
        ("until", [f"{rule.ends:%Y-%m-%d %H:%M}"] if rule.ends else []),
        ("more hosts than", [str(rule.more_hosts_than)] if rule.more_hosts_than is not None else []),
    ]  # fmt: skip
    return "; ".join(f"{name} {', '.join(words)}" for name, words in parts if words) or "always"


def listed_rule(rule: Rule, source: str) -> dict[str, Json]:
    """Return a rule as JSON."""
    return {
        "name": rule.name, "source": source, "decision": rule.verdict.word, "intents": list(rule.intents),
        "risks": [risk.word for risk in rule.risks], "effects": list(rule.effects),
        "arguments": {name: list(patterns) for name, patterns in rule.arguments.items()},
        "hosts": list(rule.hosts), "more_hosts_than": rule.more_hosts_than, "users": list(rule.users),
        "doors": list(rule.doors), "times": [window.text for window in rule.times],
        "from": rule.begins.isoformat() if rule.begins else None, "until": rule.ends.isoformat() if rule.ends else None,
        "why": rule.why, "where": rule.where,
    }  # fmt: skip


def grant_sentence(grant: Grant) -> str:
    """Return what a grant allows: "service.restart (service nginx.service) on @web, until 2026-12-04 00:00"."""
    values = ", ".join(f"{name} {' and '.join(argument_texts(value))}" for name, value in grant.arguments.items())
    what = f"{grant.intent} ({values})" if values else grant.intent
    return f"{what} on {host_list(grant.hosts)}, until {grant.until_utc.astimezone():%Y-%m-%d %H:%M %Z}".rstrip()


def grant_state(grant: Grant, now: datetime) -> str:
    """Return `in force`, `expired` or `not yet`."""
    if grant.is_in_force(now):
        return "in force"
    return "expired" if now >= grant.until_utc else "not yet"


def listed_grant(grant: Grant, now: datetime) -> dict[str, Json]:
    """Return a grant as JSON."""
    return {
        "id": grant.id, "intent": grant.intent, "arguments": dict(grant.arguments), "hosts": list(grant.hosts),
        "until_utc": grant.until_utc.isoformat(), "created_utc": grant.created_utc.isoformat(),
        "created_by": grant.created_by, "note": grant.note, "source": "system" if grant.is_system else "own",
        "state": grant_state(grant, now),
    }  # fmt: skip


def render_grants(grants: Sequence[Grant], console: "Console", *, now: datetime) -> None:
    """Render grants as a table, those in force first."""
    if not grants:
        print_line(console, "There are no grants.")
        return
    ordered = sorted(grants, key=lambda grant: (not grant.is_in_force(now), grant.until_utc))
    rows = [
        [
            one.id,
            grant_state(one, now),
            "scripts too" if one.is_system else "terminal",
            grant_sentence(one),
            one.created_by,
            one.note,
        ]
        for one in ordered
    ]
    _table(console, ["grant", "state", "counts at", "what it allows", "given by", "note"], rows)


def render_findings(findings: Sequence[Finding], checked: Sequence[str], console: "Console") -> None:
    """Render what is wrong, or that nothing is."""
    for finding in findings:
        print_line(console, f"{finding.where}: {finding.problem}.".replace("..", "."), lead="✗ ", style="bold")
        print_line(console, finding.remedy, indent=2)
    if not findings:
        print_line(console, f"Nothing is wrong: {', '.join(checked) or 'there are no policy files'}.")


def render_why(
    question: Question, decision: Decision, weighed: Sequence[Weighed], counsel: Sequence[str], console: "Console"
) -> None:
    """Render one door's decision: the verdict, each rule with its conditions, what would change the answer."""
    who = {"terminal": "At a terminal", "script": "In a script"}.get(question.door, question.door)
    print_line(console, f"{who}: {VERDICT_SENTENCES[decision.verdict]}", style="bold")
    print_line(console, f"decided by {decision.rule}" + (f": {decision.why}" if decision.why else ""), indent=2)
    default = default_decision(question)
    if decision.rule != default.rule:
        print_line(console, f"without rules and grants: {default.word} ({default.rule})", indent=2)
    for one in weighed:
        part = "has no part in it" if one.part == "nothing" else one.part
        print_line(console, f"{one.name} ({one.source}, {one.verdict.word}) {part}", indent=2, lead="- ")
        for condition in one.conditions:
            print_line(console, condition.told, indent=6, lead=f"{_MARKS[condition.answer]} ")
        if one.remark:
            print_line(console, one.remark, indent=6)
    if counsel:
        print_line(console, "What would change the answer:", indent=2)
        for sentence in counsel:
            print_line(console, sentence, indent=4, lead="- ")


VERDICT_SENTENCES: dict[Verdict, str] = {
    Verdict.ALLOW: "it runs without being asked about",
    Verdict.ASK: "it asks (a script needs --yes)",
    Verdict.CONFIRM: "the object's name has to be typed",
    Verdict.TWO_PEOPLE: "a second person has to approve",
    Verdict.DENY: "it is refused",
}


def _table(console: "Console", names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    kept = [place for place, _ in enumerate(names) if any(row[place] for row in rows)]
    cells = [[visible(row[place]) for place in kept] for row in rows]
    for line in layout_table([Heading(names[place]) for place in kept], cells, width=console.width):
        console.print(line, soft_wrap=True)
