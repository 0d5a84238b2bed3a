"""`sayso recover`: changes that were cut off, what became of each, and what can be done about it."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from executors.guard import Leftover
from executors.recovery import Examination, Finding
from history.errors import HistoryError
from history.store import History
from intents.errors import PlanError, RequestError, SaysoError
from intents.values import Json
from shell.answering import Answering
from shell.command_json import write_json
from shell.environment import Environment
from shell.exit_status import ExitStatus
from shell.history_commands import HistoryFaultError
from shell.journal import CutOff, cut_off_steps, settle
from shell.places import settings_of
from shell.render_lines import host_list, print_line
from shell.terminal import Terminal

_STATUSES = {Finding.DONE: "changed", Finding.NOT_DONE: "not done"}
"""What is written of a finding; of the other two the outcome stays unknown, and somebody has seen it."""


@dataclass(frozen=True, slots=True)
class _Examined:
    cut_off: CutOff
    examination: Examination


def run_recover(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    """Show every change whose end nobody saw, with what its host says now; settle them where asked.

    Ends with 1 while the outcome of any is open. `--yes` writes down what was found.
    """
    record = _record_of(words)
    try:
        return _recover(record, environment, options)
    except HistoryError as error:
        raise HistoryFaultError(error.message, remedy=error.remedy) from None


def _recover(record: int | None, environment: Environment, options: argparse.Namespace) -> ExitStatus:
    settings = settings_of(environment, options)
    if not settings.history.exists():
        return _nothing(environment)
    with Answering(environment, options) as answering, History.open(settings.history) as history:
        found = [step for step in cut_off_steps(history) if record in {None, step.record}]
        if record is not None and not found:
            raise PlanError(f"Record {record} has no change that was cut off.", remedy="`sayso recover` lists them.")
        if not found:
            return _nothing(environment)
        examined = [_Examined(step, answering.session.examine(step)) for step in found if not step.is_running]
        if not options.json:
            _show([step for step in found if step.is_running], examined, environment)
        _show_guards(answering.session.guards_left(dict.fromkeys(step.step.host for step in found)), environment)
        settled = [_settle(one, history, answering, environment, yes=options.yes) for one in examined]
        for one, written in zip(examined, settled, strict=True) if options.json else ():
            write_json(environment, "recover", _listed(one, written))
    return ExitStatus.DONE if all(settled) else ExitStatus.FAILED


def _record_of(words: Sequence[str]) -> int | None:
    match list(words):
        case []:
            return None
        case [number] if number.isdecimal():
            return int(number)
    raise RequestError(f"`recover {' '.join(words)}` is no command.", remedy="There are: recover, recover RECORD.")


def _nothing(environment: Environment) -> ExitStatus:
    _, messages = environment.consoles()
    print_line(messages, "No change was cut off.")
    return ExitStatus.DONE


def _show(running: list[CutOff], examined: list[_Examined], environment: Environment) -> None:
    out, _ = environment.consoles()
    for step in running:
        print_line(out, f"record {step.record}: {_what(step)} is still being done by another sayso", lead="… ")
    for one in examined:
        step = one.cut_off
        print_line(out, f"record {step.record}, begun {step.begun_utc}: {_what(step)}", lead="? ", style="bold")
        print_line(out, f"{one.examination.finding.value}: {one.examination.reason}", indent=2)
        for line in _told(step).splitlines():
            print_line(out, line, indent=4)


def _show_guards(left: list[tuple[str, Leftover]], environment: Environment) -> None:
    """Rollbacks that a cut-off change left armed: they run by themselves, and then nothing of the change stays."""
    _, messages = environment.consoles()
    for host, guard in left:
        when = (
            f"runs by itself within {guard.limit_s} s of {guard.since_utc}"
            if guard.is_waiting
            else "has run, or is gone"
        )
        print_line(messages, f"{host_list([host])}: the rollback {guard.guard_id} {when}", lead="! ", style="yellow")


def _told(step: CutOff) -> str:
    """Return what the step printed until it was cut off: of a playbook, each task with how it ended."""
    told = step.ended.get("stdout")
    return told if isinstance(told, str) else ""


def _listed(one: _Examined, settled: str | None) -> dict[str, Json]:
    step = one.cut_off
    return {
        "record": step.record,
        "begun_utc": step.begun_utc,
        "host": step.step.host,
        "intent": step.step.intent,
        "arguments": dict(step.step.arguments),
        "finding": one.examination.finding.value,
        "reason": one.examination.reason,
        "stdout": _told(one.cut_off),
        "settled": settled,
    }


def _what(step: CutOff) -> str:
    values = ", ".join(f"{name} {value}" for name, value in step.step.arguments.items())
    return f"{step.step.intent} ({values}) on {host_list([step.step.host])}"


def _settle(
    one: _Examined, history: History, answering: Answering, environment: Environment, *, yes: bool
) -> str | None:
    """Return what was written of the step, by `--yes` or as the person at the terminal chooses; None while it is open."""
    if yes:
        return _write(one, history, answering, environment)
    terminal = Terminal.open() if answering.is_interactive else None
    if terminal is None:
        return None
    offers = ["leave it open", f"write down that it was {one.examination.finding.value}"]
    if one.examination.finding is not Finding.DONE:
        offers.append("plan it again")
    elif one.cut_off.payload.get("cannot_undo") is None:
        offers.append("take it back")
    with terminal:
        chosen = terminal.ask_choice(f"Record {one.cut_off.record}: what now?", offers)
    if not chosen:
        return None
    written = _write(one, history, answering, environment)
    if offers[chosen] == "take it back":
        answering.undo(one.cut_off.record)
    elif offers[chosen] == "plan it again":
        answering.repeat(one.cut_off.step)
    return written


def _write(one: _Examined, history: History, answering: Answering, environment: Environment) -> str:
    """Write down what was found, once what the cut-off edit left has been taken away; say both, and return the status."""
    finding = one.examination.finding
    removed: Sequence[str] = ()
    if finding is not Finding.CANNOT_KNOW:
        try:
            removed = answering.session.clear_leftovers(one.cut_off)
        except SaysoError as error:
            said = f"record {one.cut_off.record}: its temporary files may still be there. {error}"
            print_line(environment.consoles()[1], said, lead="! ", style="yellow")
    status = _STATUSES.get(finding, "unknown")
    settle(
        history,
        one.cut_off,
        status=status,
        finding=f"{finding.value}: {one.examination.reason}",
        after=one.examination.now,
        backup=one.examination.backup,
    )
    if not answering.as_json:
        said = f"record {one.cut_off.record}: written down as {finding.value}"
        said += f"; removed {len(removed)} temporary files that it left" if removed else ""
        print_line(environment.consoles()[0], said, lead="✓ ")
    return status
