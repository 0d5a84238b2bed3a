"""The person at the terminal: sees the plan or the question, answers on the terminal device."""

from collections.abc import Mapping, Sequence

from executors.plan import Outcome, Plan
from executors.policy import Decision, Verdict
from executors.scheduling import has_failed
from intents.interpretation import Choice, Question
from intents.interpreter import Answer
from shell.environment import Environment
from shell.render_lines import host_list
from shell.render_plan import render_plan
from shell.terminal import Terminal


class TerminalPerson:
    """Asks on the controlling terminal; without one, nobody can be asked."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def approves(self, plan: Plan, decision: Decision) -> bool:
        """Show the plan and ask; what destroys needs the object's name typed."""
        _, messages = self._environment.consoles()
        render_plan(plan, messages)
        terminal = Terminal.open()
        if terminal is None:
            return False
        with terminal:
            if decision.verdict >= Verdict.CONFIRM:
                return terminal.ask_typed(object_of(plan))
            return terminal.ask_yes_no("Do it?")

    @property
    def can_be_asked(self) -> bool:
        """Whether anybody is there: whoever sits at the terminal."""
        return True

    def ask_password(self, prompt: str) -> str | None:
        """Ask for a password on the terminal, without echo."""
        terminal = Terminal.open()
        if terminal is None:
            return None
        with terminal:
            return terminal.ask_password(prompt)

    def confirms_access(self, within_s: float) -> bool:
        """Ask whether the person still gets in, and wait no longer than the guard does."""
        terminal = Terminal.open()
        if terminal is None:
            return False
        with terminal:
            return terminal.ask_yes_no(
                f"Log in anew from elsewhere. Does it work? (rolled back in {within_s:.0f} s unless you say yes)",
                limit_s=within_s,
            )

    def answers(self, question: Question) -> Answer | None:
        """Ask the question; a choice may name an intent or a value, free text is a value."""
        terminal = Terminal.open()
        if terminal is None:
            return None
        with terminal:
            if question.parameter is not None:
                return self._value(terminal, question)
            orders = [choice for choice in question.choices if choice.intent is not None]
            if not orders or question.intent is not None:
                return None
            chosen = terminal.ask_choice(question.text, [choice.text for choice in orders])
            return None if chosen is None else Answer(orders[chosen].intent)

    def goes_on(self, done: Mapping[str, Sequence[Outcome]], left: Sequence[str]) -> bool:
        """Ask between two batches whether to go on."""
        failed = sum(has_failed(outcomes) for outcomes in done.values())
        ended = f"{len(done)} {'host' if len(done) == 1 else 'hosts'} done" + (
            f", {failed} of them failed" if failed else ""
        )
        terminal = Terminal.open()
        if terminal is None:
            return False
        with terminal:
            return terminal.ask_yes_no(f"{ended}. Go on with {host_list(left)}?")

    def _value(self, terminal: Terminal, question: Question) -> Answer | None:
        values: list[Choice] = [choice for choice in question.choices if choice.value is not None]
        hint = f" (e.g. {', '.join(choice.text for choice in values)})" if values else ""
        text = terminal.ask_text(f"{question.text}{hint}")
        if text is None or question.parameter is None:
            return None
        return Answer(question.intent, {question.parameter: text})


def object_of(plan: Plan) -> str:
    """Return what a person types to confirm: the first argument of the plan's riskiest stage, and how many hosts it is for."""
    stage = max(plan.stages, key=lambda one: one.risk)
    values = stage.match.values()
    first = next(iter(values.values()), stage.intent)
    name = str(first[0]) if isinstance(first, list | tuple) and first else str(first)
    return name if len(plan.hosts) == 1 else f"{name} on {len(plan.hosts)} hosts"
