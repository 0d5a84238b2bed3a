"""Reads for a person: rows as a table that fits, text as it is; hosts that answered the same stand together."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

from executors.fleet_rows import host_column
from executors.plan import Outcome
from intents.export import exported
from intents.operations import Aggregate, Count, Export, ExportFormat
from intents.values import Column, Json, Row
from shell.render_differences import (
    Groups,
    different_rows,
    majority_of,
    render_head,
    render_text_difference,
)
from shell.render_lines import host_list, print_block, print_line, print_tail
from shell.table import Heading, layout_table
from shell.units import human_value
from shell.visible import NEWLINE_MARK, visible

if TYPE_CHECKING:
    from rich.console import Console

_NUMBERS = frozenset({"integer", "number", "size", "duration", "percentage"})
_STDERR_LINES = 3


def render_reads(
    outcomes: Mapping[str, Outcome], *, out: "Console", messages: "Console", zone: tzinfo | None = None
) -> None:
    """Render what one read gave on each of its hosts (host -> its `ok` outcome)."""
    groups = same_answers(outcomes)
    form = next(
        (one.format for outcome in outcomes.values() for one in outcome.operations if isinstance(one, Export)), None
    )
    if form is not None:
        print_block(out, _exported(outcomes, form))
    elif all(_is_text(outcome) for _, outcome in groups):
        _render_texts(groups, len(outcomes), out)
    elif len({outcome.columns for _, outcome in groups}) == 1:
        _render_table(groups, len(outcomes), out, messages, zone)
    else:
        for hosts, outcome in groups:
            print_line(messages, f"{host_list(hosts)}:", style="bold")
            _render_table([(hosts, outcome)], 1, out, messages, zone)
    for hosts, outcome in groups:
        _render_remarks(hosts, outcome, len(outcomes), messages)


def _exported(outcomes: Mapping[str, Outcome], form: ExportFormat) -> str:
    """All hosts' rows as one text, with the host in front where there are several."""
    columns = list({column.name: column for outcome in outcomes.values() for column in outcome.columns}.values())
    if len(outcomes) > 1:
        tag = host_column(columns)
        rows = [{tag.name: host, **row} for host, outcome in outcomes.items() for row in outcome.rows]
        return exported(rows, [tag, *columns], form)
    return exported([row for outcome in outcomes.values() for row in outcome.rows], columns, form)


def same_answers(outcomes: Mapping[str, Outcome]) -> list[tuple[tuple[str, ...], Outcome]]:
    """Hosts with the same answer in one entry, in the order of their first host."""
    groups: dict[str, list[str]] = {}
    for host, outcome in outcomes.items():
        answer = repr((outcome.columns, outcome.rows, outcome.total_rows, outcome.stdout, outcome.stderr))
        groups.setdefault(answer, []).append(host)
    return [(tuple(hosts), outcomes[hosts[0]]) for hosts in groups.values()]


def _is_text(outcome: Outcome) -> bool:
    """One column of text is a list of lines; so is output that has no columns."""
    return len(outcome.columns) <= 1 and all(column.type in {"text", "path", "address"} for column in outcome.columns)


def _text_of(outcome: Outcome) -> str:
    if not outcome.columns:
        return outcome.stdout
    column, cells = outcome.columns[0], [_cell(row.get(outcome.columns[0].name)) for row in outcome.rows]
    if column.type == "text" and len(cells) == 1:  # a text is shown in lines of its own
        return cells[0].removesuffix("\n")
    if column.type == "text":
        return "\n".join(cell.removesuffix("\n").replace("\n", NEWLINE_MARK) for cell in cells)
    return "\n".join(map(visible, cells))


def _cell(value: Json) -> str:
    return human_value(value)


def _render_texts(groups: Sequence[tuple[tuple[str, ...], Outcome]], host_count: int, out: "Console") -> None:
    usual = majority_of(groups)
    if usual is not None:
        _render_texts_by_difference(groups, usual, out)
        return
    for hosts, outcome in groups:
        if host_count > 1:
            print_line(out, f"{host_list(hosts)}:", style="bold")
        text = _text_of(outcome)
        if text:
            print_block(out, text)


def _render_texts_by_difference(groups: Groups, usual: int, out: "Console") -> None:
    render_head(groups, usual, out)
    text = _text_of(groups[usual][1])
    if text:
        print_block(out, text)
    for place, (hosts, outcome) in enumerate(groups):
        if place != usual:
            render_text_difference(hosts, _text_of(outcome), text, out)


def _render_table_by_difference(groups: Groups, usual: int, out: "Console", zone: tzinfo | None) -> None:
    """The usual rows, then those of the other hosts that are more (`+`) or missing (`-`) there."""
    render_head(groups, usual, out)
    columns, rows = groups[usual][1].columns, groups[usual][1].rows

    def cells(row: Row) -> list[str]:
        return [visible(human_value(row.get(column.name), column.type, zone=zone)) for column in columns]

    for line in layout_table(
        [heading_of(column, rows) for column in columns], [cells(row) for row in rows], width=out.width
    ):
        out.print(line, soft_wrap=True)
    for place, (hosts, outcome) in enumerate(groups):
        if place == usual:
            continue
        print_line(out, f"{host_list(hosts)} {'differs' if len(hosts) == 1 else 'differ'}:", style="bold")
        headings = [Heading(""), *(heading_of(column, [*rows, *outcome.rows]) for column in columns)]
        signed = [[sign, *cells(row)] for sign, row in different_rows(outcome.rows, rows)]
        for line in layout_table(headings, signed, width=out.width, has_header=False) if signed else ():
            out.print(line, soft_wrap=True)


def _render_table(
    groups: Sequence[tuple[tuple[str, ...], Outcome]],
    host_count: int,
    out: "Console",
    messages: "Console",
    zone: tzinfo | None,
) -> None:
    usual = majority_of(groups)
    if usual is not None and groups[usual][1].rows:
        _render_table_by_difference(groups, usual, out, zone)
        return
    columns = groups[0][1].columns
    has_host = len(groups) > 1
    if host_count > 1 and not has_host:
        print_line(messages, f"All {host_count} hosts answered the same: {host_list(groups[0][0])}")
    rows = [(hosts, row) for hosts, outcome in groups for row in outcome.rows]
    if len(rows) == 1 and len(columns) == 1 and not has_host and _is_one_number(groups[0][1]):
        print_block(out, visible(human_value(rows[0][1].get(columns[0].name), columns[0].type, zone=zone)))
        return
    if not rows:
        return
    headings = [Heading(visible(host_column(columns).name.replace("_", " ")))] if has_host else []
    headings += [heading_of(column, [row for _, row in rows]) for column in columns]
    cells = [
        ([visible(host_list(hosts))] if has_host else [])
        + [visible(human_value(row.get(column.name), column.type, zone=zone)) for column in columns]
        for hosts, row in rows
    ]
    for line in layout_table(headings, cells, width=out.width):
        out.print(line, soft_wrap=True)


def _is_one_number(outcome: Outcome) -> bool:
    return any(isinstance(operation, Count | Aggregate) for operation in outcome.operations)


def heading_of(column: Column, rows: Sequence[Row]) -> Heading:
    """A column of numbers stands right, unless it holds text after all."""
    is_number = column.type in _NUMBERS and not any(isinstance(row.get(column.name), str) for row in rows)
    return Heading(visible(column.name.replace("_", " ")), is_number=is_number, is_whole=column.type == "moment")


def _render_remarks(hosts: tuple[str, ...], outcome: Outcome, host_count: int, messages: "Console") -> None:
    """What the rows don't say: none, a limit, cut output, and what the command said besides."""
    where = f"{host_list(hosts)}: " if host_count > 1 else ""
    if not outcome.rows and not outcome.stdout:
        print_line(messages, f"{where}Nothing found.")
    elif outcome.total_rows > len(outcome.rows):
        print_line(messages, f"{where}{len(outcome.rows)} of {outcome.total_rows} rows", style="dim")
    if outcome.is_truncated:
        print_line(messages, f"{where}The output was longer than is kept; this is its beginning.", style="yellow")
    if outcome.stderr.strip():
        print_line(messages, f"{where}The command also said:", style="yellow")
        print_tail(messages, outcome.stderr, limit=_STDERR_LINES, indent=2)
