"""What applying a plan needs besides the plan: who asks and approved, what may be run, and how access is proven."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from executors.become import Password
from executors.plan import EditStep, Outcome, PlannedStep, Stage
from executors.policy import Door, Policy, Question, require_permission
from executors.policy_rules import argument_texts
from executors.protected import NOTHING_MORE, Protected
from executors.recorder import Recorder
from executors.state import Target
from executors.transport import Cancel, Transport
from intents.intent import Intent
from intents.values import Json

Prove = Callable[[], Transport | None]
"""Returns a new connection after a new authentication (or this machine's, after a person's yes), or None."""


class Watcher:
    """Told how a run goes, from any thread. Here nothing is done with it."""

    def batch(self, number: int, batches: Sequence[Sequence[str]]) -> None:
        """Hear that a batch of hosts begins, the `number`-th (from 0) of `batches`."""

    def task(self, host: str, line: str) -> None:
        """Hear that a task of a playbook has ended on a host: `changed: Write the site`."""

    def outcome(self, outcome: Outcome) -> None:
        """Hear that a step has ended."""

    def host(self, host: str, outcomes: Sequence[Outcome]) -> None:
        """Hear that nothing more is done on a host."""

    def interrupted(self, level: int, running: Sequence[str]) -> None:
        """Hear of an interrupt: 0 lets these hosts finish, 1 ends what may be cut off there, 2 leaves them."""

    def ended(self) -> None:
        """Hear that the run is over."""


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """The lock-out guard of a run. `proof_for` gives a target's proof, or None where nobody could give one."""

    proof_for: Callable[[Target, float], Prove | None]
    limit_s: int = 120
    """How long a change that can cut off access stands without proof."""


@dataclass(frozen=True, slots=True)
class Run:
    """One application of a plan: who asks, through which door, and in what way it was approved."""

    catalogue: Mapping[str, Intent]
    targets: Mapping[str, Target]
    policy: Policy
    recorder: Recorder
    user: str
    door: Door
    is_approved: bool
    is_confirmed: bool = False
    """Whether a person typed the object's name."""
    second_person: str | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Host -> the inventory's groups that it is in."""
    holder: Mapping[str, str] = field(default_factory=dict)
    """What is told to others while this run holds a lock: user, host, record."""
    guard: GuardSettings | None = None
    protected: Protected = NOTHING_MORE
    secrets: Mapping[str, Password] = field(default_factory=dict)
    """What was given for the steps' secrets, by their names; in this process's memory alone."""
    cancel: Cancel = field(default_factory=Cancel)
    watcher: Watcher = field(default_factory=Watcher)
    goes_on: Callable[[Mapping[str, tuple[Outcome, ...]], Sequence[str]], bool] | None = None
    """Asks a person, between two batches, whether to go on: what is done so far, which hosts are left."""

    def require_permission(self, stage: Stage) -> None:
        """Ask the policy about a stage now. Raises `PolicyError`."""
        question = question_of(
            stage, user=self.user, door=self.door, groups=self.groups, at=datetime.now().astimezone()
        )
        require_permission(
            self.policy,
            question,
            is_approved=self.is_approved,
            is_confirmed=self.is_confirmed,
            second_person=self.second_person,
        )


def question_of(
    stage: Stage, *, user: str, door: Door, groups: Mapping[str, tuple[str, ...]], at: datetime
) -> Question:
    """Return what the policy is asked about a stage: its values are those of all its steps, its paths also where they lead."""
    arguments: dict[str, Json] = dict(stage.match.values())
    steps = [planned for some in stage.hosts.values() for planned in some]
    for name in stage.match.references:
        found = [planned.arguments[name] for planned in steps if name in planned.arguments]
        if found and stage.envelope is None:
            arguments[name] = [
                one for value in found for one in (value if isinstance(value, list | tuple) else [value])
            ]
    return Question(
        user,
        stage.intent,
        stage.risk,
        stage.effects,
        tuple(stage.hosts),
        door,
        arguments=arguments,
        at=at,
        groups=groups,
        leads_to=_leads_of(stage, steps, arguments),
    )


def _leads_of(stage: Stage, steps: Iterable[PlannedStep], arguments: Mapping[str, Json]) -> dict[str, tuple[str, ...]]:
    """One path may lead to different places on different hosts. What is put back is put where it was taken from."""
    found: dict[str, tuple[str, ...]] = {}
    given = [text for value in arguments.values() if value is not None for text in argument_texts(value)]
    for planned in steps:
        leads = dict(planned.leads_to)
        if stage.undo_of is not None and isinstance(planned.step, EditStep) and planned.step.path not in given:
            leads |= {text: planned.step.path for text in given if text.startswith("/")}
        for path, real in leads.items():
            found[path] = tuple(dict.fromkeys((*found.get(path, ()), real)))
    return found
