"""Who may do what through which door: decided by typed rules, below every front end.

The shipped defaults are safe by themselves. `/etc/sayso/policy.d/*.yml` is the system's floor: what
it denies can't be lifted, and only its rules, which name an intent, may grant more than the
defaults do. A person's own policy only tightens. A standing grant answers the default's question, never a
rule's.

This is a guard rail inside one's own process, not a wall: whoever can run sayso can also run the
programs that it runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from executors.grants import SYSTEM_GRANTS, Grant, load_grants
from executors.policy_file import load_rules
from executors.policy_rules import DOORS, Condition, Door, Question, Rule, Verdict
from intents.errors import PolicyError
from intents.intent import Risk

__all__ = [
    "DOORS", "SYSTEM_GRANTS", "SYSTEM_POLICY", "Condition", "Decision", "Door", "Grant", "Policy", "Question", "Rule",
    "Verdict", "Weighed", "default_decision", "load_policy", "require_permission",
]  # fmt: skip

SYSTEM_POLICY = Path("/etc/sayso/policy.d")


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy says to a question, and which rule said it."""

    verdict: Verdict
    rule: str
    """A rule's name, `grant ID`, or `default: ...`."""
    why: str = ""
    is_named: bool = False
    """Whether the system names this very intent, by a rule or a grant; else `--yes` covers no more than what is
    reversible, and nothing that grants or discloses."""

    @property
    def word(self) -> Literal["allow", "ask", "confirm", "two_people", "deny"]:
        """The word of the JSON contract."""
        return self.verdict.word


Part = Literal["denies", "loosens", "tightens", "stands in for the default", "nothing"]


@dataclass(frozen=True, slots=True)
class Weighed:
    """One rule or grant as a decision saw it: whose it is, what it says, what part it had, and why."""

    name: str
    source: Literal["system", "own"]
    verdict: Verdict
    part: Part
    """`nothing`: its conditions don't hold, or it would not change what is decided already."""
    conditions: tuple[Condition, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force: the system's floor, a person's own, which only tighten, and the standing grants."""

    system: tuple[Rule, ...] = ()
    own: tuple[Rule, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    grants: tuple[Grant, ...] = ()
    """Root's and one's own, also those that have expired."""

    def decide(self, question: Question) -> Decision:
        """Return the decision.

        1. Any rule that denies wins. 2. The base is the strictest of the system's rules that name the
        intent, else a grant, else the default. 3. Every other rule that is stricter raises it. The order
        of rules has no influence on the verdict.
        """
        denied = next((rule for rule in self._rules() if _denies(rule, question)), None)
        if denied is not None:
            return Decision(Verdict.DENY, denied.name, denied.why or f"the rule `{denied.name}` denies it")
        decision = self._base(question)
        for rule in self._rules():
            if rule.verdict > decision.verdict and rule.tightens(question):
                decision = Decision(rule.verdict, rule.name, rule.why, is_named=decision.is_named)
        return decision

    def _rules(self) -> Iterator[Rule]:
        yield from self.system
        yield from self.own

    def _base(self, question: Question) -> Decision:
        held = [rule for rule in self.system if _may_loosen(rule, question) and rule.loosens(question)]
        if held:
            strictest = max(held, key=lambda rule: rule.verdict)
            is_named = any(rule.names_exactly(question.intent) for rule in held)
            return Decision(strictest.verdict, strictest.name, strictest.why, is_named=is_named)
        default = default_decision(question)
        grant = next((one for one in self.grants if _may_stand_in(one, default) and one.covers(question)), None)
        if grant is None:
            return default
        return Decision(
            Verdict.ALLOW, grant.rule, f"allowed until {grant.until_utc:%Y-%m-%d %H:%M} UTC", grant.is_system
        )

    def weigh(self, question: Question) -> tuple[Weighed, ...]:
        """Return every rule and grant with the part that it has in the decision, for a person who asks why."""
        base = self._base(question)
        rules = [_weigh_rule(rule, question, base, source="system") for rule in self.system]
        rules += [_weigh_rule(rule, question, base, source="own") for rule in self.own]
        return (*rules, *(_weigh_grant(grant, question, base) for grant in self.grants))


def _denies(rule: Rule, question: Question) -> bool:
    return rule.verdict is Verdict.DENY and rule.tightens(question)


def _may_loosen(rule: Rule, question: Question) -> bool:
    """Whether a system's rule is one that can take the default's place for this question.

    Above reversible it has to name the intent; what the request grants or discloses, it has to name as well: a
    rule for appending to files must not quietly let a script append to authorized_keys.
    """
    if rule.verdict is Verdict.DENY:
        return False
    needs_name = question.risk > Risk.REVERSIBLE or bool(question.effects)
    return (not needs_name or rule.names_exactly(question.intent)) and set(question.effects) <= {*rule.effects}


def _may_stand_in(grant: Grant, default: Decision) -> bool:
    """A grant answers what the default asks; root's also lifts what the default keeps scripts from."""
    return default.verdict is Verdict.ASK or (grant.is_system and default.verdict is Verdict.DENY)


def _weigh_rule(rule: Rule, question: Question, base: Decision, *, source: Literal["system", "own"]) -> Weighed:
    strict = rule.conditions(question, loosens=False)
    if rule.tightens(question):
        if rule.verdict is Verdict.DENY:
            return Weighed(rule.name, source, rule.verdict, "denies", strict)
        if rule.verdict > base.verdict:
            return Weighed(rule.name, source, rule.verdict, "tightens", strict)
        if rule.name == base.rule:
            return Weighed(rule.name, source, rule.verdict, "loosens", rule.conditions(question, loosens=True))
    return Weighed(rule.name, source, rule.verdict, "nothing", strict, _remark(rule, question, source=source))


def _remark(rule: Rule, question: Question, *, source: Literal["system", "own"]) -> str:
    """Return why a rule that holds has no part in the decision; nothing for one that doesn't hold."""
    if not rule.tightens(question):
        return ""
    if source == "own":
        return "one's own rules only tighten"
    if not rule.loosens(question):
        return "holds for a part of the request only, or can't be told for sure, so it loosens nothing"
    if not _may_loosen(rule, question):
        if not set(question.effects) <= {*rule.effects}:
            return f"loosens nothing that touches {', '.join(question.effects)}, unless its `effects` say so"
        return f"loosens a {question.risk.word} request only where it names `{question.intent}` exactly"
    return "another rule that names the intent is stricter"


def _weigh_grant(grant: Grant, question: Question, base: Decision) -> Weighed:
    conditions = grant.conditions(question)
    source: Literal["system", "own"] = "system" if grant.is_system else "own"
    part: Part = "stands in for the default" if base.rule == grant.rule else "nothing"
    holds = all(one.answer is True for one in conditions)
    remark = "the default doesn't ask here, or a rule answers" if holds and part == "nothing" else ""
    return Weighed(grant.rule, source, Verdict.ALLOW, part, conditions, remark)


def default_decision(question: Question) -> Decision:
    """Return what holds without any rule file.

    Reads are free. At a terminal changes ask, destructive ones want the object's name typed. A
    script's `--yes` answers an ask, so there only reversible changes without effects ask at all.
    """
    if question.risk is Risk.READ and not question.effects:
        return Decision(Verdict.ALLOW, "default: reads are free")
    if question.door != "terminal":
        return _default_without_a_person(question)
    if question.risk is Risk.DESTRUCTIVE:
        return Decision(Verdict.CONFIRM, "default: destructive operations are confirmed by typing")
    return Decision(Verdict.ASK, "default: changes ask")


def _default_without_a_person(question: Question) -> Decision:
    if question.risk <= Risk.REVERSIBLE and not question.effects:
        return Decision(Verdict.ASK, "default: scripts need --yes")
    what = (
        f"{question.risk.word} operations"
        if not question.effects
        else f"operations that touch {', '.join(question.effects)}"
    )
    naming = f"names `{question.intent}`"
    if question.effects:
        naming += f" and the effects {', '.join(question.effects)}"
    return Decision(
        Verdict.DENY,
        "default: scripts change only what is reversible",
        f"scripts can't run {what} without a rule in {SYSTEM_POLICY} that {naming}",
    )


def require_permission(
    policy: Policy,
    question: Question,
    *,
    is_approved: bool,
    is_confirmed: bool = False,
    second_person: str | None = None,
) -> None:
    """Raise `PolicyError` unless the step may run now: allowed, or approved in the way that the policy wants.

    `is_confirmed`: a person typed the object's name. `second_person`: who else approved; it has to be somebody other than
    the question's user. Called immediately before each step, whatever the front end did before.
    """
    decision = policy.decide(question)
    if decision.verdict is Verdict.DENY:
        raise PolicyError(
            f"`{question.intent}` is refused: {decision.why or decision.rule}.",
            remedy="Ask whoever keeps the policy, or do it at a terminal if the rule allows that.",
            rule=decision.rule,
        )
    if decision.verdict is Verdict.ALLOW:
        return
    if not is_approved:
        raise PolicyError(
            f"`{question.intent}` was not approved.", remedy="Approve the plan first.", rule=decision.rule
        )
    if decision.verdict is Verdict.CONFIRM and not is_confirmed:
        raise PolicyError(
            f"`{question.intent}` was approved, but not confirmed by typing the object's name.",
            remedy="Approve the plan at a terminal.",
            rule=decision.rule,
        )
    if decision.verdict is Verdict.TWO_PEOPLE and (not second_person or second_person == question.user):
        raise PolicyError(
            f"`{question.intent}` needs the approval of a second person.",
            remedy="Let somebody else approve the saved plan with `sayso approve`.",
            rule=decision.rule,
        )


def load_policy(
    system: Path, own: Path, *, as_root: bool, system_grants: Path | None = None, own_grants: Path | None = None
) -> Policy:
    """Return the policy of the folders; a folder that isn't there has no rules, and no grants.

    Raises `PolicyError` for a file that can't be read as rules or as a grant, and for one that others
    may write (the system's; one's own grants; as root every one), also by way of its folders.
    """
    grants = load_grants(system_grants, is_system=True) if system_grants else ()
    if own_grants:
        grants += load_grants(own_grants, is_system=False)
    return Policy(
        load_rules(system, must_be_root=True), load_rules(own, must_be_root=True if as_root else None), grants=grants
    )
