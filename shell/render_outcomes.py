"""What became of a plan, for a person: changes, failures with what to try, what was not begun."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import TYPE_CHECKING

from executors.fleet_rows import FleetTable
from executors.plan import Outcome, OutcomeStatus, Plan, PlannedStep, Stage
from intents.intent import Risk
from shell.render_fleet import render_fleet_table
from shell.render_lines import host_list, print_line, print_tail
from shell.render_plan import step_words
from shell.render_rows import render_reads
from shell.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

_MARKS: dict[OutcomeStatus, tuple[str, str]] = {
    "ok": ("=", ""),
    "changed": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "unreachable": ("!", "bold red"),
    "refused": ("⊘", "bold yellow"),
    "unknown": ("?", "bold red"),
}
_OUTPUT_LINES = 10


@dataclass(frozen=True, slots=True)
class _Line:
    """What is said about one step; equal lines of several hosts are said once."""

    status: OutcomeStatus | None
    words: str
    output: str = ""


def render_outcomes(
    outcomes: Mapping[str, Sequence[Outcome]],
    plan: Plan | None,
    *,
    out: "Console",
    messages: "Console",
    zone: tzinfo | None = None,
    tables: Sequence[FleetTable] = (),
) -> None:
    """Render the outcomes stage by stage: rows and changes to `out`, everything else to `messages`."""
    stages = plan.stages if plan is not None else ()
    for place, stage in enumerate(stages):
        of_stage = {
            host: [outcome for outcome in outcomes.get(host, ()) if outcome.stage == place] for host in stage.hosts
        }
        table = next((one for one in tables if one.stage == place), None)
        _render_stage(stage, of_stage, table, out=out, messages=messages, zone=zone)
    others = {host: outcomes[host] for host in outcomes if not any(host in stage.hosts for stage in stages)}
    _print_lines({host: [_line(None, one) for one in several] for host, several in others.items()}, out, messages)


def _render_stage(
    stage: Stage,
    outcomes: Mapping[str, Sequence[Outcome]],
    table: FleetTable | None,
    *,
    out: "Console",
    messages: "Console",
    zone: tzinfo | None,
) -> None:
    is_read = stage.risk is Risk.READ or any(outcome.columns for several in outcomes.values() for outcome in several)
    reads: dict[str, Outcome] = {}
    lines: dict[str, list[_Line]] = {}
    for host, several in outcomes.items():
        for outcome in several:
            if is_read and outcome.status == "ok":
                reads[host] = outcome
            else:
                lines.setdefault(host, []).append(_line(outcome.planned, outcome))
        lines.setdefault(host, []).extend(_line(planned, None) for planned in stage.hosts[host][len(several) :])
    if table is not None:
        render_fleet_table(table, reads, out=out, messages=messages, zone=zone)
    elif reads:
        render_reads(reads, out=out, messages=messages, zone=zone)
    _print_lines(lines, out, messages)


def _line(planned: PlannedStep | None, outcome: Outcome | None) -> _Line:
    # Marked here already, for lines are told apart below: a file's name must not begin one.
    words = visible(step_words(planned.step)) if planned is not None else ""
    if outcome is None:
        return _Line(None, f"not begun: {words}")
    if outcome.status == "ok":
        return _Line("ok", outcome.message or words)
    if outcome.status == "changed":
        return _Line("changed", f"{words}{f', {outcome.message}' if outcome.message else ''}")
    said = outcome.stderr.strip() or outcome.stdout.strip()
    # A failure's sentence already quotes short output; it isn't said twice.
    output = "" if said in outcome.message else said
    step = f"\n{words}" if words else ""
    return _Line(outcome.status, f"{outcome.status}: {outcome.message}{step}", output)


def _print_lines(lines: Mapping[str, Sequence[_Line]], out: "Console", messages: "Console") -> None:
    """Lines that say the same but for their host's name stand once, for all of their hosts."""
    hosts_of: dict[_Line, dict[str, _Line]] = {}
    for host, several in lines.items():
        for line in several:
            same = replace(line, words=re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w.-]*\w)", "the host", line.words))
            hosts_of.setdefault(same, {})[host] = line
    for same, said in hosts_of.items():
        _print_line(same if len(said) > 1 else next(iter(said.values())), list(said), out, messages)


def _print_line(line: _Line, hosts: Sequence[str], out: "Console", messages: "Console") -> None:
    mark, style = ("·", "dim") if line.status is None else _MARKS[line.status]
    console = out if line.status in {"ok", "changed"} else messages
    where = "" if list(hosts) == ["local"] else f"{host_list(hosts)}: "
    first, *further = line.words.split("\n")
    print_line(console, f"{where}{first}", lead=f"{mark} ", style=style)
    for words in further:
        print_line(console, words, indent=4)
    print_tail(console, line.output, limit=_OUTPUT_LINES, indent=4)
