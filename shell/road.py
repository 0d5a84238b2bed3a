"""One request on its way: the options, the journal, and the response as far as it has come."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from executors.plan import LeftOut, Outcome
from executors.policy import SYSTEM_POLICY, Decision, Verdict
from history.errors import HistoryError
from intents.errors import SaysoError
from shell.exit_status import ExitStatus, combined
from shell.host_values import left_out
from shell.journal import Journal, NoJournal
from shell.response import Fault, Response
from shell.targets import Opened


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller says besides the request."""

    on: str | None = None
    dry_run: bool = False
    explain: bool = False
    yes: bool = False
    expect: str | None = None
    timeout_s: float | None = None
    secret_file: Path | None = None
    """Where a script keeps the one secret that its change wants."""


class Road:
    """One request on its way: the options, the journal, and the response as far as it has come."""

    def __init__(self, request: str, options: Options, response: Response) -> None:
        self.request = request
        self.options = options
        self.response = response
        self.journal: Journal = NoJournal(HistoryError("The history is not open.", remedy="Try again."))
        self.second_person: str | None = None
        """Who else approved the plan, where it was saved and signed."""
        self.before_applying: Callable[[], None] = lambda: None
        """What has to succeed once everything is approved and before anything runs."""

    def warn(self, text: str) -> None:
        """Add a warning."""
        self.response = replace(self.response, warnings=(*self.response.warnings, text))

    def timing(self, name: str, started: float) -> None:
        """Note how long a part took."""
        elapsed = round((time.perf_counter() - started) * 1000, 3)
        self.response = replace(self.response, timing_ms={**self.response.timing_ms, name: elapsed})

    def unreachable(self, opened: Opened) -> None:
        """Turn hosts that can't be reached into outcomes; the others go on."""
        if opened.targets:
            self.leave_out(left_out(opened.faults))

    def leave_out(self, hosts: Sequence[LeftOut]) -> None:
        """Turn hosts that have no part in the plan into outcomes."""
        lost = {one.host: (Outcome(one.host, one.status, message=one.message),) for one in hosts}
        self.response = replace(self.response, outcomes={**self.response.outcomes, **lost})

    def finished(self, *, was_interrupted: bool = False) -> Response:
        """Return the response with the status that its outcomes give."""
        statuses = [status_of_outcome(one) for outcomes in self.response.outcomes.values() for one in outcomes]
        if was_interrupted:
            statuses.append(ExitStatus.INTERRUPTED)
        return replace(self.response, status=combined(statuses))

    def refused(self, decision: Decision, *, was_asked: bool) -> Response:
        """Return the response of a plan that may not run."""
        if decision.verdict is Verdict.DENY:
            fault = Fault("policy", f"Refused: {decision.why or decision.rule}.", "Nothing was changed.")
        elif decision.verdict is Verdict.TWO_PEOPLE and self.second_person is None:
            fault = Fault(
                "not_approved",
                f"The rule `{decision.rule}` wants two people, so nothing was changed.",
                "`sayso plan -o FILE ...`, let a second person sign it with `sayso approve FILE`, then `sayso apply FILE "
                "--approval FILE.approval`.",
            )
        else:
            fault = self._not_approved(decision, was_asked=was_asked)
        return replace(self.response, status=ExitStatus.REFUSED, fault=fault)

    def _not_approved(self, decision: Decision, *, was_asked: bool) -> Fault:
        """Say what would approve it: a person, `--yes` where it wasn't given, or the rule that `--yes` would need."""
        nothing = "Not approved, so nothing was changed"
        if was_asked:
            return Fault("not_approved", f"{nothing}.", "Ask again when you want it.", is_chosen=True)
        if not self.options.yes:
            return Fault("not_approved", f"{nothing}.", "Approve it at a terminal, or add --yes where that suffices.")
        stages = self.response.plan.stages if self.response.plan is not None else ()
        names = ", ".join(dict.fromkeys(stage.intent for stage in stages))
        effects = list(dict.fromkeys(effect for stage in stages for effect in stage.effects))
        what = self.response.plan.risk.word if self.response.plan is not None else "this"
        why = f"--yes doesn't cover what is {what}" + (f" and touches {', '.join(effects)}" if effects else "")
        wanted = "ask"
        if decision.verdict is Verdict.CONFIRM:  # a name that is typed stands for having looked
            why, wanted = f"--yes doesn't answer where a name has to be typed ({decision.rule})", "allow"
        rule = f"intents: [{names}], decision: {wanted}" + (f", effects: [{', '.join(effects)}]" if effects else "")
        return Fault(
            "not_approved",
            f"{nothing}: {why}.",
            f"Approve it at a terminal; for scripts, root writes a rule in {SYSTEM_POLICY} with {rule}.",
        )

    def failed(self, error: SaysoError) -> Response:
        """Return the response of an expected fault."""
        fault = Fault(error.code, error.message, error.remedy)
        return replace(self.response, status=status_of(error), fault=fault)

    def failed_history(self, error: HistoryError) -> Response:
        """Return the response where the history can't be written: no record, no change."""
        fault = Fault("history", f"{error.message} Without a record nothing is changed.", error.remedy)
        return replace(self.response, status=ExitStatus.INTEGRITY, fault=fault)


_STATUSES = {
    "request": ExitStatus.USAGE,
    "value": ExitStatus.USAGE,
    "settings": ExitStatus.USAGE,
    "usage": ExitStatus.USAGE,
    "target": ExitStatus.USAGE,
    "unreachable": ExitStatus.UNREACHABLE,
    "host_key": ExitStatus.UNREACHABLE,
    "plan": ExitStatus.REFUSED,
    "policy": ExitStatus.REFUSED,
    "catalogue": ExitStatus.INTEGRITY,
    "integrity": ExitStatus.INTEGRITY,
    "model": ExitStatus.INTEGRITY,
}


def status_of_outcome(outcome: Outcome) -> ExitStatus:
    """Return the exit status that an outcome alone would give; hosts that others' failures kept from beginning add none.

    >>> status_of_outcome(Outcome("web9", "refused", not_begun="failures")).name
    'FAILED'
    """
    if outcome.not_begun is not None:
        return ExitStatus.REFUSED if outcome.not_begun == "declined" else ExitStatus.FAILED
    words = {"unreachable": ExitStatus.UNREACHABLE, "refused": ExitStatus.REFUSED}
    words |= {"failed": ExitStatus.FAILED, "unknown": ExitStatus.FAILED}
    return words.get(outcome.status, ExitStatus.DONE)


def status_of(error: SaysoError) -> ExitStatus:
    """Return the exit status of an expected fault."""
    return _STATUSES.get(error.code, ExitStatus.FAILED)
