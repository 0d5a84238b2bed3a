"""A session on real files in a temporary folder, and people who answer as a test says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from executors.plan import Outcome, Plan
from executors.policy import Decision, Door
from intents.interpretation import Question
from intents.interpreter import Answer
from shell.approval import Person
from shell.places import Places
from shell.session import Session


class Approver:
    """Approves every plan, after `meanwhile` happened; keeps what was shown."""

    def __init__(self, *, says_yes: bool = True, meanwhile: Callable[[], object] | None = None) -> None:
        self.says_yes = says_yes
        self.meanwhile = meanwhile
        self.plans: list[Plan] = []
        self.questions: list[Question] = []
        self.answer: Answer | None = None
        self.password: str | None = None
        self.prompts: list[str] = []
        self.batches_approved = 0
        self.asked_about: list[tuple[str, ...]] = []

    def approves(self, plan: Plan, decision: Decision) -> bool:
        del decision
        self.plans.append(plan)
        if self.meanwhile is not None:
            self.meanwhile()
        return self.says_yes

    @property
    def can_be_asked(self) -> bool:
        return self.password is not None

    def ask_password(self, prompt: str) -> str | None:
        self.prompts.append(prompt)
        return self.password

    def confirms_access(self, within_s: float) -> bool:
        del within_s
        return self.says_yes

    def goes_on(self, done: Mapping[str, Sequence[Outcome]], left: Sequence[str]) -> bool:
        del done
        self.asked_about.append(tuple(left))
        return len(self.asked_about) <= self.batches_approved

    def answers(self, question: Question) -> Answer | None:
        self.questions.append(question)
        return self.answer


def places_in(folder: Path, **changes: object) -> Places:
    """Return places below `folder`; nothing of the account that runs the tests is touched."""
    base = Places(
        directory=str(folder),
        user="tester",
        uid=1000,
        cache=folder / "cache",
        history=folder / "state" / "history.db",
        own_policy=folder / "policy.d",
        system_policy=folder / "system-policy.d",
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # a test names real fields


def session_in(folder: Path, *, door: Door = "script", person: Person | None = None, **changes: object) -> Session:
    """Return a session whose files are all below `folder`."""
    return Session(places_in(folder, **changes), door=door, person=person)
