"""A response for a person: results to one console (stdout), everything else to the other (stderr).

Nothing that came from a host, a file or a request is read as markup, and none of it reaches the
terminal before `shell.visible`. The parts are in `shell.render_*`, one subject each.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

from executors.plan import Outcome
from shell.exit_status import ExitStatus
from shell.render_explain import render_explain
from shell.render_history import render_history, render_record
from shell.render_lines import print_line
from shell.render_outcomes import render_outcomes
from shell.render_plan import render_empty_plan, render_plan
from shell.render_question import render_decline, render_question
from shell.response import Fault, Response

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "render_explain",
    "render_fault",
    "render_history",
    "render_plan",
    "render_question",
    "render_record",
    "render_response",
]


def render_response(
    response: Response,
    out: "Console",
    messages: "Console",
    *,
    plan_was_shown: bool = False,
    zone: tzinfo | None = None,
) -> None:
    """Render a response.

    Moments stand in `zone`, the local one when None. `plan_was_shown`: the person has just read the
    plan in order to approve it, so it isn't shown again.
    """
    for warning in response.warnings:
        print_line(messages, warning, lead="! ", style="yellow")
    reading = response.interpretation
    if reading is not None and reading.question is not None:
        render_question(reading.question, messages)
    if reading is not None and reading.decline is not None:
        render_decline(reading.decline, messages)
    _render_plan(response, out, messages, plan_was_shown=plan_was_shown, zone=zone)
    applied = response.plan if _was_applied(response) else None
    render_outcomes(response.outcomes, applied, out=out, messages=messages, zone=zone, tables=response.tables)
    _render_undo(response, messages)
    _render_rest(response, messages)
    if response.fault is not None:
        render_fault(response.fault, messages)


def render_fault(fault: Fault, console: "Console") -> None:
    """Render why a request ended without its result, and what to try."""
    mark, style = ("· ", "") if fault.is_chosen else ("✗ ", "bold red")
    for number, line in enumerate(fault.message.split("\n")):
        print_line(console, line, lead=mark if number == 0 else "  ", style=style)
    if fault.remedy:
        print_line(console, fault.remedy, lead="→ ")


def _was_applied(response: Response) -> bool:
    """Whether any host of the plan has an outcome; hosts that were lost before aren't in the plan."""
    stages = response.plan.stages if response.plan is not None else ()
    return any(host in response.outcomes for stage in stages for host in stage.hosts)


def _render_undo(response: Response, messages: "Console") -> None:
    """How to take a change back, where something changed that can be."""
    if response.plan is None or response.record is None:
        return
    changed = [one for outcomes in response.outcomes.values() for one in outcomes if one.status == "changed"]
    if any(one.planned is not None and one.planned.cannot_undo is None for one in changed):
        print_line(messages, f"`sayso undo {response.record}` takes it back.", style="dim")


def _render_rest(response: Response, messages: "Console") -> None:
    """Over several hosts: how many ended in which way, and how to go on with those that are left."""
    if len(response.outcomes) < 2 or response.record is None:  # noqa: PLR2004 - of one host its own line says all
        return
    ended = [_end_of(outcomes) for outcomes in response.outcomes.values() if outcomes]
    left = [word for word in ended if word not in {"ok", "changed"}]
    if not left or not any(response.outcomes) or not _was_applied(response):
        return
    counts = ", ".join(f"{number} {word}" for word, number in Counter(ended).items())
    print_line(
        messages, f"{len(ended)} hosts: {counts}. `sayso retry {response.record}` goes on with those that are left."
    )


def _end_of(outcomes: Sequence[Outcome]) -> str:
    """Return in a word how a host ended: the last of its outcomes that isn't well, else whether anything changed."""
    bad = [one for one in outcomes if one.status not in {"ok", "changed"}]
    if bad:
        return "not begun" if bad[-1].not_begun is not None else bad[-1].status
    return "changed" if any(one.status == "changed" for one in outcomes) else "ok"


def _render_plan(
    response: Response, out: "Console", messages: "Console", *, plan_was_shown: bool, zone: tzinfo | None
) -> None:
    """A plan that stayed a plan: the result of a dry run, or what was refused."""
    plan = response.plan
    if plan is None or _was_applied(response):
        return
    if plan.is_empty:
        render_empty_plan(plan, out)
    elif not plan_was_shown:
        is_result = response.fault is None and response.status in {ExitStatus.DONE, ExitStatus.UNREACHABLE}
        render_plan(plan, out if is_result else messages, zone=zone)
