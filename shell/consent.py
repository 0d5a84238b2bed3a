"""Who allows a plan: the policy alone, `--yes`, the person at the terminal, or two people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from executors.plan import Effect, Plan
from executors.policy import Decision, Door, Policy, Question, Verdict
from executors.run import question_of
from intents.intent import Risk
from shell.approval import Person
from shell.response import Approval


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, through which door, and which inventory groups the hosts are in."""

    user: str
    door: Door
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def decide(plan: Plan, policy: Policy, asker: Asker) -> Decision:
    """Return the strictest decision over the plan's stages.

    A diff that was summarised can't be approved by having been seen, so there at least the object's
    name is typed.
    """
    now = datetime.now().astimezone()
    decisions = [
        policy.decide(question_of(stage, user=asker.user, door=asker.door, groups=asker.groups, at=now))
        for stage in plan.stages
    ]
    strictest = max(decisions, key=lambda decision: decision.verdict)
    if strictest.verdict is Verdict.ASK and _is_summarised(plan):
        return Decision(Verdict.CONFIRM, "default: a diff too long to show is confirmed by typing")
    return strictest


def decide_operation(operation: str, risk: Risk, host: str, policy: Policy, asker: Asker) -> Decision:
    """Return what the policy says to an operation of a command that is no intent."""
    now = datetime.now().astimezone()
    return policy.decide(Question(asker.user, operation, risk, (), (host,), asker.door, at=now, groups=asker.groups))


def approve(
    plan: Plan,
    decision: Decision,
    asker: Asker,
    person: Person,
    *,
    yes: bool,
    second: str | None,
) -> Approval | None:
    """Return who approved and how; None where the policy needs nobody, or nobody did.

    `--yes` answers what only asks; above reversible, and for what grants or discloses, only where a
    policy rule names the intent. Where two people are needed, `second` is the other one.
    """
    if decision.verdict in {Verdict.ALLOW, Verdict.DENY}:
        return None
    needs_two = decision.verdict is Verdict.TWO_PEOPLE
    if needs_two and second is None:
        return None
    at_utc = datetime.now(UTC).isoformat(timespec="seconds")
    if yes and (needs_two or (decision.verdict is Verdict.ASK and _yes_suffices(plan, decision))):
        return Approval(asker.user, "--yes", at_utc, second)
    if person.approves(plan, decision):
        return Approval(asker.user, "terminal", at_utc, second)
    return None


def _yes_suffices(plan: Plan, decision: Decision) -> bool:
    plain = all(stage.risk.word in {"read", "reversible"} and not stage.effects for stage in plan.stages)
    return plain or decision.is_named


def _is_summarised(plan: Plan) -> bool:
    return any(
        planned.is_summary and planned.effect is not Effect.ALREADY_SO
        for stage in plan.stages
        for steps in stage.hosts.values()
        for planned in steps
    )
