"""The plan screen: what a person reads before saying yes.

Its order is fixed: what was understood, where it runs, what will change, what can't be undone, what
else is touched, how bad a mistake would be. It shows the plan itself, nothing that was said about it.
"""

import shlex
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

from executors.plan import EditStep, Effect, Envelope, Plan, PlannedStep, PlaybookStep, RunStep, Stage, Step
from intents.interpretation import Argument, Evidence, Match
from intents.operations import Aggregate, Columns, Count, Export, Filter, Group, Limit, RowOperation, Sort, Unique
from intents.values import Json
from shell.render_lines import EFFECT_SENTENCES, RISK_MARKS, evidence_words, host_list, print_line
from shell.table import Heading, layout_table
from shell.units import human_value
from shell.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

_INDENT = 2
SHOWN_HOSTS = 3
"""A batch of so many hosts is told by name in the order; of a larger one the number is."""


def render_plan(plan: Plan, console: "Console", *, zone: tzinfo | None = None) -> None:
    """Render a plan for approval, or as the result of a dry run."""
    if plan.is_empty:
        render_empty_plan(plan, console)
        return
    for number, stage in enumerate(plan.stages, start=1):
        mark = f"{number}. " if len(plan.stages) > 1 else ""
        render_match(stage.match, console, lead=f"{mark}{_lead(stage)}: ", zone=zone)
        if stage.undo_of is not None:
            print_line(console, f"takes back what record {stage.undo_of} did", indent=_INDENT)
        origin = evidence_words(plan.host_evidence)
        print_line(console, f"{host_list(list(stage.hosts))}  ({origin})", lead="Where: ")
        if stage.envelope is not None:
            render_envelope(stage.envelope, console)
        else:
            _render_steps(stage, console)
    _render_left_out(plan, console)
    _render_batches(plan, console)
    _render_not_undoable(plan, console)
    _render_touched(plan, console)
    _render_risk(plan, console)


def _lead(stage: Stage) -> str:
    return "Understood" if stage.match.declared_by is None else f"Belongs to {stage.match.declared_by}"


def render_empty_plan(plan: Plan, console: "Console") -> None:
    """Say why nothing is to be done."""
    reasons: dict[str, list[str]] = {}
    for stage in plan.stages:
        for host, steps in stage.hosts.items():
            for planned in steps:
                hosts = reasons.setdefault(planned.reason or "everything is as it should be", [])
                hosts += [] if host in hosts else [host]
    for reason, hosts in reasons.items():
        where = "" if hosts == ["local"] else f" ({host_list(hosts)})"
        print_line(console, f"{reason}{where}", lead="Plan is empty: ")


def render_match(match: Match, console: "Console", *, lead: str, zone: tzinfo | None = None) -> None:
    """Render the intent, its arguments with the words that they came from, and the row operations."""
    print_line(console, match.intent, lead=lead, style="bold")
    cells = [_argument_cells(name, argument, zone) for name, argument in match.arguments.items()]
    cells += [
        ["rows", visible(operation_words(operation)), visible(evidence_words(evidence) if evidence else "")]
        for operation, evidence in zip(match.operations, _evidences(match), strict=True)
    ]
    if cells:
        headings = [Heading("argument"), Heading("value"), Heading("origin")]
        for line in layout_table(headings, cells, width=console.width - _INDENT, has_header=False):
            line.pad_left(_INDENT)
            console.print(line, soft_wrap=True)


def _argument_cells(name: str, argument: Argument, zone: tzinfo | None) -> list[str]:
    shown = human_value(argument.value, zone=zone)
    return [visible(name), visible(shown), visible(evidence_words(argument.evidence))]


def _evidences(match: Match) -> list[Evidence | None]:
    """One for each operation, None where the match says none."""
    missing = len(match.operations) - len(match.operations_evidence)
    return [*match.operations_evidence[: len(match.operations)], *[None] * missing]


def operation_words(operation: RowOperation) -> str:
    """Return a row operation as a few words.

    >>> operation_words(Filter("used_percent", ">", 80)), operation_words(Limit(5)), operation_words(Sort("size", True))
    ('where used percent > 80', 'the first 5', 'by size, largest first')
    """
    match operation:
        case Filter(column=column, test=test, value=value):
            words = f"where {_spoken(column)} {test} {_value_words(value)}".rstrip()
        case Sort(column=column, descending=descending):
            words = f"by {_spoken(column)}{', largest first' if descending else ''}"
        case Limit(count=count, last=last):
            words = f"the {'last' if last else 'first'} {count}"
        case Count():
            words = "how many"
        case Aggregate(function=function, column=column):
            words = f"{function} of {_spoken(column)}"
        case Group(column=column):
            words = f"how many for each {_spoken(column)}"
        case Unique(column=column):
            words = f"each {_spoken(column)} once"
        case Columns(names=names):
            words = f"only {', '.join(_spoken(name) for name in names)}"
        case Export(format=form):
            words = f"as {form.upper()}"
    return words


def _spoken(column: str) -> str:
    return column.replace("_", " ")


def _value_words(value: Json) -> str:
    return "" if value is None else human_value(value)


def render_envelope(envelope: Envelope, console: "Console") -> None:
    """Say what is approved of a stage whose values only the run will tell."""
    print_line(console, "What will change:")
    print_line(
        console,
        f"once for each {_spoken(envelope.column)} of what step {envelope.source + 1} shows, as {envelope.parameter}; "
        f"at most {envelope.maximum}, and nothing beyond that",
        indent=_INDENT,
        lead="? ",
    )


def _render_steps(stage: Stage, console: "Console") -> None:
    """The steps of each host; hosts with the same steps stand together."""
    groups = same_steps(stage.hosts)
    is_change = stage.risk.value > 0
    print_line(console, "What will change:" if is_change else "What will be read:")
    for hosts, steps in groups:
        if len(stage.hosts) > 1:
            print_line(console, f"on {host_list(hosts)}:", indent=_INDENT, style="bold")
        for planned in steps:
            _render_step(planned, console, indent=_INDENT if len(stage.hosts) == 1 else 2 * _INDENT)


def same_steps(hosts: Mapping[str, Sequence[PlannedStep]]) -> list[tuple[tuple[str, ...], Sequence[PlannedStep]]]:
    """Return the hosts that get the same steps, with those steps, in the order of their first host."""
    groups: dict[str, list[str]] = {}
    for host, steps in hosts.items():
        shown = repr([(one.step, one.effect, one.diff, one.reason, one.cannot_undo, one.leads_to) for one in steps])
        groups.setdefault(shown, []).append(host)
    return [(tuple(names), hosts[names[0]]) for names in groups.values()]


def _render_step(planned: PlannedStep, console: "Console", *, indent: int) -> None:
    if planned.effect is Effect.ALREADY_SO:
        print_line(console, f"already so: {planned.reason}", indent=indent, lead="= ", style="dim")
        return
    print_line(console, step_words(planned.step), indent=indent, lead="$ " if _is_run(planned.step) else "~ ")
    for given, real in planned.leads_to.items():
        print_line(console, f"{given} is a link, or below one: it leads to {real}", indent=indent + _INDENT, lead="→ ")
    if planned.effect is Effect.CANNOT_KNOW:
        why = planned.reason or "the present state can't be read"
        print_line(
            console, f"what it will change can't be known: {why}", indent=indent + _INDENT, lead="? ", style="yellow"
        )
    elif planned.reason:
        print_line(console, planned.reason, indent=indent + _INDENT)
    if isinstance(planned.step, RunStep) and planned.step.secrets:
        for name, _ in planned.step.secrets:
            print_line(console, f"{name}: will be set (asked for when approved)", indent=indent + _INDENT)
    elif isinstance(planned.step, RunStep) and planned.step.stdin is not None:
        print_line(console, f"is given {len(planned.step.stdin)} bytes on its standard input", indent=indent + _INDENT)
    if isinstance(planned.step, EditStep) and planned.step.validator:
        print_line(console, f"checked by {planned.step.validator} before it takes effect", indent=indent + _INDENT)
    render_diff(planned.diff, console, indent=indent + _INDENT)


def _is_run(step: Step) -> bool:
    return isinstance(step, RunStep)


def step_words(step: Step) -> str:
    """Return a step as one line: words quoted for reading (not for pasting), and the account in brackets.

    >>> step_words(RunStep(("systemctl", "restart", "my unit.service"), as_user="root"))
    "systemctl restart 'my unit.service'  [as root]"
    """
    account = f"  [as {step.as_user}]" if step.as_user else ""
    if isinstance(step, RunStep):
        return shlex.join(step.argv) + account
    if isinstance(step, PlaybookStep):
        variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in step.variables)
        return f"playbook {step.playbook} {variables}".rstrip() + account
    verb = "create" if step.before_sha256 is None else "delete" if step.is_deletion else "edit"
    return f"{verb} {shlex.quote(step.path)}{account}"


def render_diff(diff: str, console: "Console", *, indent: int) -> None:
    """Print a unified diff, coloured by its first characters; lines are folded, never cut."""
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in diff.removesuffix("\n").split("\n") if diff else ():
        is_head = line.startswith(("--- ", "+++ "))
        print_diff_line(console, line, indent=indent, style="bold" if is_head else styles.get(line[:1], ""))


def print_diff_line(console: "Console", line: str, *, indent: int, style: str) -> None:
    """Print one line of a diff; where it is folded, `…` keeps the rest from looking like an unchanged line."""
    shown = line.replace("\t", "    ")
    print_line(console, shown[1:], indent=indent, lead=shown[:1], style=style, further="…")


def _render_left_out(plan: Plan, console: "Console") -> None:
    """Hosts that were asked for and have no part in it; those with the same cause stand together."""
    causes: dict[str, list[str]] = {}
    for one in plan.left_out:
        causes.setdefault(one.message.replace(one.host, "the host"), []).append(one.host)
    messages = {one.host: one.message for one in plan.left_out}
    for cause, hosts in causes.items():
        words = messages[hosts[0]] if len(hosts) == 1 else cause
        print_line(console, f"{host_list(hosts)}: {words}", lead="Left out: ", style="yellow")


def _render_batches(plan: Plan, console: "Console") -> None:
    """In which order a change goes over its hosts, and when it stops."""
    batches = plan.batches
    if not plan.is_change or len(plan.hosts) == 1 or len(batches) < 1:
        return
    sizes = [host_list(batch) if len(batch) <= SHOWN_HOSTS else f"{len(batch)} more" for batch in batches]
    print_line(console, ", then ".join(sizes), lead="Order: ")
    print_line(console, _stop_words(plan), indent=_INDENT)


def _stop_words(plan: Plan) -> str:
    limit, total = plan.schedule.max_failures, sum(len(batch) for batch in plan.batches)
    if limit is not None:
        allowed = limit.at_most(total)
        words = f"no further host is begun once more than {allowed} of {total} have failed"
    elif len(plan.batches) > 1:
        words = "no further host is begun if any of the first batch fails, or all of a later one"
    else:
        words = "all are begun, whichever fail"
    return f"{words}; you are asked before each further batch" if plan.schedule.pauses else words


def _render_not_undoable(plan: Plan, console: "Console") -> None:
    if not plan.is_change:
        return
    reasons: dict[str, list[str]] = {}
    for host, planned in _changing(plan):
        if planned.cannot_undo is not None:
            hosts = reasons.setdefault(planned.cannot_undo, [])
            hosts += [] if host in hosts else [host]
    for reason, hosts in reasons.items():
        where = f" ({host_list(hosts)})" if _has_many_hosts(plan) else ""
        print_line(console, f"{reason}{where}", lead="Can't be undone: ", style="bold")


def _render_touched(plan: Plan, console: "Console") -> None:
    """What else a change touches: services that depend on it, sessions that will drop, free space."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for host, planned in _changing(plan):
        for touched in planned.touched:
            hosts = found.setdefault((touched.label, touched.lines), [])
            hosts += [] if host in hosts else [host]
    for (label, lines), hosts in found.items():
        where = f" ({host_list(hosts)})" if _has_many_hosts(plan) else ""
        print_line(console, f"{label}{where}:", lead="Also touched: ")
        for line in lines:
            print_line(console, line, indent=_INDENT, lead="· ")
    for reason in dict.fromkeys(planned.guard for _, planned in _changing(plan) if planned.guard):
        print_line(
            console,
            f"{reason} A rollback is armed first, and runs by itself unless a new login works.",
            lead="Guarded: ",
        )


def _changing(plan: Plan) -> list[tuple[str, PlannedStep]]:
    return [
        (host, planned)
        for stage in plan.stages
        for host, steps in stage.hosts.items()
        for planned in steps
        if planned.effect is not Effect.ALREADY_SO
    ]


def _has_many_hosts(plan: Plan) -> bool:
    return len({host for stage in plan.stages for host in stage.hosts}) > 1


def _render_risk(plan: Plan, console: "Console") -> None:
    mark, color = RISK_MARKS[plan.risk]
    print_line(console, f"{mark} {plan.risk.word}", lead="Risk: ", style=color)
    effects = dict.fromkeys(effect for stage in plan.stages for effect in stage.effects)
    for effect in effects:
        print_line(console, EFFECT_SENTENCES[effect], lead="  ! ", style="bold yellow")
