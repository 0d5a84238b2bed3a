"""A read over several hosts whose rows were ordered, limited, counted or grouped together."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING

from executors.fleet_rows import HOSTS, FleetTable
from executors.plan import Outcome
from intents.export import exported
from intents.operations import Export
from intents.values import Json
from shell.render_lines import host_list, print_block, print_line, print_tail
from shell.render_rows import heading_of
from shell.table import layout_table
from shell.units import human_value
from shell.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

_STDERR_LINES = 3


def render_fleet_table(
    table: FleetTable,
    outcomes: Mapping[str, Outcome],
    *,
    out: "Console",
    messages: "Console",
    zone: tzinfo | None = None,
) -> None:
    """Render the table, what it comes to over all hosts, and what hosts said besides (host -> its `ok` outcome)."""
    form = next(
        (one.format for outcome in outcomes.values() for one in outcome.operations if isinstance(one, Export)), None
    )
    if form is not None:
        print_block(out, exported(table.rows, table.columns, form))
        return
    types = {column.name: column.type for column in table.columns}

    def cell(name: str, value: Json) -> str:
        if name == HOSTS.name and isinstance(value, list | tuple):
            return visible(host_list([str(one) for one in value]))
        return visible(human_value(value, types.get(name, "text"), zone=zone))

    if table.rows:
        headings = [heading_of(column, table.rows) for column in table.columns]
        cells = [[cell(column.name, row.get(column.name)) for column in table.columns] for row in table.rows]
        for line in layout_table(headings, cells, width=out.width):
            out.print(line, soft_wrap=True)
    else:
        print_line(messages, "Nothing found.")
    for name, value in table.summary.items():
        print_line(out, f"{cell(name, value)} ({name.replace('_', ' ')})", lead=f"On all {len(outcomes)} hosts: ")
    if table.total > len(table.rows):
        print_line(messages, f"{len(table.rows)} of {table.total} rows of {len(outcomes)} hosts", style="dim")
    _render_remarks(outcomes, messages)


def _render_remarks(outcomes: Mapping[str, Outcome], messages: "Console") -> None:
    for host, outcome in outcomes.items():
        if outcome.is_truncated:
            said = f"{host_list([host])}: The output was longer than is kept; this is of its beginning."
            print_line(messages, said, style="yellow")
        if outcome.stderr.strip():
            print_line(messages, f"{host_list([host])}: The command also said:", style="yellow")
            print_tail(messages, outcome.stderr, limit=_STDERR_LINES, indent=2)
