"""`--explain`: how a request was read, what else it could have been, and the vectors that would run."""

import shlex
from datetime import tzinfo
from typing import TYPE_CHECKING

from shell.render_lines import evidence_words, host_list, print_line
from shell.render_plan import render_match, same_steps, step_words
from shell.render_question import render_decline, render_question
from shell.response import Response
from shell.table import Heading, layout_table
from shell.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

    from intents.interpretation import Interpretation

_INDENT = 2


def render_explain(response: Response, console: "Console", *, zone: tzinfo | None = None) -> None:
    """Render the interpretation with its candidates and, where there is a plan, its argument vectors."""
    reading = response.interpretation
    if reading is None:
        print_line(console, "It was not interpreted.")
        return
    _render_reading(response, reading, console, zone)
    _render_candidates(reading, console)
    if response.vectors:
        print_line(console, "Argument vectors (none was run):")
        for vector in response.vectors:
            print_line(console, shlex.join(vector), indent=_INDENT)
    if response.plan is not None:
        print_line(console, "Vectors:")
        for stage in response.plan.stages:
            for hosts, steps in same_steps(stage.hosts):
                where = f"{host_list(hosts)}: " if len(stage.hosts) > 1 else ""
                for planned in steps:
                    print_line(console, f"{where}{step_words(planned.step)}", indent=_INDENT)


def _render_reading(response: Response, reading: "Interpretation", console: "Console", zone: tzinfo | None) -> None:
    for match in reading.matches:
        render_match(match, console, lead="Understood: ", zone=zone)
    if reading.question is not None:
        render_question(reading.question, console)
    if reading.decline is not None:
        render_decline(reading.decline, console)
    print_line(console, f"{reading.confidence:.2f}", lead="Confidence: ")
    if reading.stage:
        print_line(console, reading.stage, lead="Decided by: ")
    if reading.ignored:
        print_line(console, ", ".join(reading.ignored), lead="Ignored: ", style="yellow")
    hosts, evidence = response.hosts, response.host_evidence
    if not hosts and reading.target is not None:
        hosts, evidence = reading.target.hosts, reading.target.evidence
    if hosts:
        origin = f"  ({evidence_words(evidence)})" if evidence else ""
        print_line(console, f"{host_list(hosts)}{origin}", lead="Where: ")


def _render_candidates(reading: "Interpretation", console: "Console") -> None:
    if not reading.candidates:
        return
    print_line(console, "Candidates:")
    headings = [Heading("intent"), Heading("score", is_number=True), Heading("nearest example")]
    cells = [[visible(one.intent), f"{one.score:.3f}", visible(one.nearest_example)] for one in reading.candidates]
    for line in layout_table(headings, cells, width=console.width - _INDENT):
        line.pad_left(_INDENT)
        console.print(line, soft_wrap=True)
