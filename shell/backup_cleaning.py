"""Making room among the backups: what goes, which records lose their undo, who allows it, and that it is on record."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from executors.backups import CLEANING, Backup, remove_backups, store_of
from executors.policy import Decision, Verdict
from executors.state import Target
from history.errors import HistoryError
from history.store import History
from intents.errors import PolicyError
from intents.intent import Risk
from intents.values import Json
from shell.answering import Answering
from shell.command_json import write_json
from shell.consent import decide_operation
from shell.exit_status import ExitStatus
from shell.history_commands import HistoryFaultError
from shell.journal import records_kept_in
from shell.places import settings_of
from shell.render_lines import host_list, print_line
from shell.terminal import Terminal
from shell.units import human_size


@dataclass(frozen=True, slots=True)
class _Cleaning:
    """What is to go on one host, and the records that can't be undone without it."""

    target: Target
    gone: Sequence[Backup]
    records: tuple[int, ...]

    @property
    def size(self) -> str:
        return human_size(sum(one.size_bytes for one in self.gone))

    @property
    def lost(self) -> str:
        """What is lost with it, as a sentence."""
        if not self.records:
            return "no record of this history needs them"
        word, numbers = ("records", ", ".join(map(str, self.records)))
        return f"{word if len(self.records) > 1 else 'record'} {numbers} can't be undone after that"


def clean(target: Target, gone: Sequence[Backup], answering: Answering, options: argparse.Namespace) -> None:
    """Show what goes, have it allowed as what it is (nothing brings it back), remove it, and say so.

    Raises `PolicyError` where nobody may or does allow it, and what the history raises: without a record nothing goes.
    """
    file = settings_of(answering.environment, options).history
    try:
        records = records_kept_in(file, target.host, [one.path for one in gone])
        cleaning = _Cleaning(target, gone, records)
        _show(cleaning, answering)
        if options.dry_run or not gone:
            _report(cleaning, answering, is_removed=False)
            return
        approval = _require_approval(cleaning, answering, yes=options.yes)
        with History.open(file) as history:
            _remove(cleaning, history, answering, approval)
    except HistoryError as error:
        raise HistoryFaultError(f"{error.message} Without a record nothing is removed.", remedy=error.remedy) from None
    _report(cleaning, answering, is_removed=True)


def _show(cleaning: _Cleaning, answering: Answering) -> None:
    _, messages = answering.environment.consoles()
    where = host_list([cleaning.target.host])
    if not cleaning.gone:
        print_line(messages, f"{where}: nothing to remove.")
        return
    for one in cleaning.gone:
        print_line(messages, one.path, indent=2, lead="- ")
    print_line(messages, f"{where}: {len(cleaning.gone)} contents, {cleaning.size}; {cleaning.lost}.")


def _require_approval(cleaning: _Cleaning, answering: Answering, *, yes: bool) -> str:
    """Return how it was approved. Raises `PolicyError`."""
    session, host = answering.session, cleaning.target.host
    decision = decide_operation(CLEANING, Risk.DESTRUCTIVE, host, session.policy, session.asker_of([host]))
    if decision.verdict is Verdict.ALLOW:
        return decision.rule
    if decision.verdict is Verdict.ASK and yes and decision.is_named:
        return "--yes"
    if decision.verdict in {Verdict.ASK, Verdict.CONFIRM} and _is_wanted(cleaning, decision, answering):
        return "terminal"
    raise _refused(decision, yes=yes)


def _refused(decision: Decision, *, yes: bool) -> PolicyError:
    if decision.verdict is Verdict.DENY:
        said = " (--yes doesn't cover what nothing brings back)" if yes else ""
        return PolicyError(
            f"Nothing was removed: {decision.why or decision.rule}{said}.",
            remedy="Do it at a terminal, if the policy allows that.",
            rule=decision.rule,
        )
    if decision.verdict is Verdict.TWO_PEOPLE:
        return PolicyError(
            f"Nothing was removed: the rule `{decision.rule}` wants two people, and this can't be signed by a second one.",
            remedy=f"Have the rule leave out `{CLEANING}`.",
            rule=decision.rule,
        )
    return PolicyError(
        "Nothing was removed: it was not approved.", remedy="Approve it at a terminal.", rule=decision.rule
    )


def _is_wanted(cleaning: _Cleaning, decision: Decision, answering: Answering) -> bool:
    terminal = Terminal.open() if answering.is_interactive else None
    if terminal is None:
        return False
    with terminal:
        if decision.verdict is Verdict.CONFIRM:
            return terminal.ask_typed(store_of(cleaning.target))
        return terminal.ask_yes_no("Remove them?")


def _remove(cleaning: _Cleaning, history: History, answering: Answering, approval: str) -> None:
    environment, host = answering.environment, cleaning.target.host
    record = history.new_record(
        {"request": "backups clean", "user": environment.user, "directory": environment.directory}
    )
    history.append("approval", record, {"user": environment.user, "how": approval})
    begun = history.append("step_begin", record, {"host": host, "intent": CLEANING, "risk": "destructive"})
    remove_backups(cleaning.target, cleaning.gone)
    removed: dict[str, Json] = {
        "begun": begun.number,
        "host": host,
        "status": "ok",
        "rows": [one.path for one in cleaning.gone],
        "records": list(cleaning.records),
    }
    history.append("step_end", record, removed)
    history.append("end", record, {"status": int(ExitStatus.DONE), "what": "changed"})


def _report(cleaning: _Cleaning, answering: Answering, *, is_removed: bool) -> None:
    environment = answering.environment
    if answering.as_json:
        contents: list[Json] = [{"path": one.path, "size": one.size_bytes} for one in cleaning.gone]
        told: dict[str, Json] = {
            "host": cleaning.target.host, "contents": contents, "records": list(cleaning.records),
            "is_removed": is_removed,
        }  # fmt: skip
        write_json(environment, "backups clean", told)
    elif is_removed:
        where = host_list([cleaning.target.host])
        lost = cleaning.lost.replace(" after that", " any more")
        out, _ = environment.consoles()
        print_line(out, f"{where}: removed {len(cleaning.gone)} contents, {cleaning.size}; {lost}.", lead="✓ ")
