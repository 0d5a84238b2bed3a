"""Who says yes: the Protocols by which the session asks a person, and the one for scripts that never ask."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from executors.plan import Outcome, Plan
from executors.policy import Decision
from intents.interpretation import Question
from intents.interpreter import Answer


class Person(Protocol):
    """Somebody who can be asked."""

    def approves(self, plan: Plan, decision: Decision) -> bool:
        """Show the plan and return whether it may run."""
        ...

    @property
    def can_be_asked(self) -> bool:
        """Whether anybody is there at all."""
        ...

    def ask_password(self, prompt: str) -> str | None:
        """Ask for a password without showing it; None where nobody gives one. May be called from any thread."""
        ...

    def confirms_access(self, within_s: float) -> bool:
        """Ask, within the time, whether access is still there after a change that could have cut it off."""
        ...

    def answers(self, question: Question) -> Answer | None:
        """Ask the question; None when it stays open."""
        ...

    def goes_on(self, done: Mapping[str, Sequence[Outcome]], left: Sequence[str]) -> bool:
        """Ask between two batches whether to go on: what was done on which hosts, and which are left."""
        ...


class Nobody:
    """A script: nothing is asked, so nothing is approved and every question stays open."""

    def approves(self, plan: Plan, decision: Decision) -> bool:  # noqa: ARG002 - the Protocol's signature
        """Return False: nobody is there to approve."""
        return False

    @property
    def can_be_asked(self) -> bool:
        """Whether anybody is there: no."""
        return False

    def ask_password(self, prompt: str) -> str | None:  # noqa: ARG002 - the Protocol's signature
        """Return None: nobody is there to give one."""
        return None

    def confirms_access(self, within_s: float) -> bool:  # noqa: ARG002 - the Protocol's signature
        """Return False: nobody is there to confirm."""
        return False

    def answers(self, question: Question) -> Answer | None:  # noqa: ARG002 - the Protocol's signature
        """Return None: nobody is there to answer."""
        return None

    def goes_on(self, done: Mapping[str, Sequence[Outcome]], left: Sequence[str]) -> bool:  # noqa: ARG002 - the Protocol's signature
        """Return False: nobody is there to say yes."""
        return False
