"""`sayso history`: what was asked and done, one record in full, and whether the record is whole."""

from collections.abc import Mapping, Sequence

from history.anchor import read_anchor
from history.errors import HistoryError
from history.event import Event
from history.store import History
from history.summaries import RecordSummary
from history.verification import VerifyReport
from intents.errors import RequestError, SaysoError
from intents.values import Json
from shell.command_json import write_json
from shell.environment import Environment
from shell.exit_status import ExitStatus
from shell.process_identity import is_alive
from shell.render_history import render_history, render_record
from shell.render_lines import print_line
from shell.settings import Settings

SHOWN_RECORDS = 20
_DIGITS = 19
"""Numbers with fewer digits fit SQLite's integers."""


class HistoryFaultError(SaysoError):
    """The history can't be read. The administrator: see the remedy."""

    code = "integrity"


def run_history(words: Sequence[str], environment: Environment, settings: Settings, *, as_json: bool) -> ExitStatus:
    """Carry out `history`, `history N`, `history show RECORD` or `history verify`."""
    try:
        return _run(list(words), environment, settings, as_json=as_json)
    except HistoryError as error:
        raise HistoryFaultError(error.message, remedy=error.remedy) from None


def _run(words: list[str], environment: Environment, settings: Settings, *, as_json: bool) -> ExitStatus:
    _check_words(words)
    if not settings.history.exists() and read_anchor(settings.history) is None:
        if words[:1] == ["show"]:
            raise _no_record(int(words[1]))
        _show_empty(words, environment, as_json=as_json)
        return ExitStatus.DONE
    with History.open(settings.history, read_only=True) as history:
        match words:
            case []:
                return _list(history, SHOWN_RECORDS, environment, as_json=as_json)
            case ["show", number]:
                return _show(history, int(number), environment, as_json=as_json)
            case ["verify"]:
                return _verify(history, environment, as_json=as_json)
            case _:
                return _list(history, int(words[0]), environment, as_json=as_json)


def _show_empty(words: list[str], environment: Environment, *, as_json: bool) -> None:
    if not as_json:
        print_line(environment.consoles()[0], "The history is empty.")
    elif words == ["verify"]:
        write_json(environment, "history verify", _verified(VerifyReport(0, None, (), 0), ()))


def _check_words(words: list[str]) -> None:
    """Raise `RequestError` for what is no command, also while there is no history yet."""
    match words:
        case [] | ["verify"]:
            return
        case [number] | ["show", number] if number.isdecimal() and len(number) < _DIGITS:
            return
    raise RequestError(
        f"`history {' '.join(words)}` is no command.",
        remedy="There are: history, history N, history show RECORD, history verify.",
    )


def _no_record(number: int) -> RequestError:
    return RequestError(f"There is no record {number}.", remedy="`sayso history` shows the numbers.")


def _list(history: History, limit: int, environment: Environment, *, as_json: bool) -> ExitStatus:
    records = history.records(limit=limit)
    if as_json:
        for record in records:
            write_json(environment, "history", _listed(record))
        return ExitStatus.DONE
    out, _ = environment.consoles()
    render_history([_listed(record) for record in records], out)
    return ExitStatus.DONE


def _listed(record: RecordSummary) -> dict[str, Json]:
    return {
        "record": record.record,
        "when": record.started_utc,
        "who": record.user,
        "request": record.request,
        "intent": ", ".join(record.intents),
        "hosts": ", ".join(record.hosts),
        "outcome": _outcome(record),
    }


def _outcome(record: RecordSummary) -> str:
    if record.status is None:
        if is_alive(record.process):
            return "going on"
        return "cut off" if record.has_begun else "ended without a change"
    if record.what is not None:
        return record.what
    if isinstance(record.status, int) and record.status in set(ExitStatus):
        return ExitStatus(record.status).name.lower().replace("_", " ")
    return str(record.status)


def _show(history: History, number: int, environment: Environment, *, as_json: bool) -> ExitStatus:
    events = history.events(number)
    if not events:
        raise _no_record(number)
    out, _ = environment.consoles()
    for event in events:
        shown: Mapping[str, Json] = {"event": event.number, "when": event.utc, "kind": event.kind, **event.payload}
        if as_json:
            write_json(environment, "history show", {**shown, "hash": event.hash})
        else:
            print_line(out, f"{event.kind}", style="bold")
            render_record({name: value for name, value in shown.items() if name != "kind"}, out)
    return ExitStatus.DONE


def _verify(history: History, environment: Environment, *, as_json: bool) -> ExitStatus:
    kept = history.kept_head()
    report = history.verify(known_heads=() if kept is None else (kept,))
    unfinished = history.unresolved()
    status = ExitStatus.DONE if report.is_intact else ExitStatus.INTEGRITY
    if as_json:
        write_json(environment, "history verify", _verified(report, unfinished))
        return status
    out, messages = environment.consoles()
    for event in unfinished:
        print_line(
            messages,
            f"Event {event.number} (record {event.record}) was begun and what it did is unknown; `sayso recover` looks.",
            lead="! ",
        )
    if report.is_intact:
        print_line(out, f"The history is whole: {report.event_count} events.")
        return status
    for fault in report.faults:
        print_line(messages, fault.message, lead="✗ ", style="bold red")
    if report.fault_count > len(report.faults):
        print_line(messages, f"and {report.fault_count - len(report.faults)} more", lead="✗ ", style="bold red")
    return status


def _verified(report: VerifyReport, unresolved: Sequence[Event]) -> dict[str, Json]:
    head: Json = None if report.head is None else {"number": report.head.number, "hash": report.head.hash}
    faults: list[Json] = [
        {"kind": fault.kind, "number": fault.number, "message": fault.message} for fault in report.faults
    ]
    open_steps: list[Json] = [{"event": event.number, "record": event.record} for event in unresolved]
    return {
        "is_intact": report.is_intact,
        "event_count": report.event_count,
        "head": head,
        "faults": faults,
        "fault_count": report.fault_count,
        "unresolved": open_steps,
    }
