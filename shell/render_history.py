"""The history for a person: a list of records, and one record in full. Takes plain JSON values only."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from intents.values import Json
from shell.render_lines import print_line
from shell.table import Heading, layout_table
from shell.units import MISSING, human_value
from shell.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = ("record", "when", "who", "door", "request", "outcome")
_NUMBERS = frozenset({"record"})
_INDENT = 2
_BLOCKS = frozenset({"diff", "stdout", "stderr", "message", "reason", "finding", "cut_text"})
"""Fields that hold texts of several lines."""


def render_history(records: Sequence[Mapping[str, Json]], console: "Console", *, zone: tzinfo | None = None) -> None:
    """Render records as a table, in the order in which they come.

    Every record is a mapping; `record` (its number), `when` (RFC 3339 or epoch seconds), `who`,
    `door`, `request`, `outcome` come first, further keys after them. A column that no record has is
    left out.
    """
    if not records:
        print_line(console, "The history is empty.")
        return
    present = {name for record in records for name in record}
    further = dict.fromkeys(name for record in records for name in record if name not in _COLUMNS)
    names = [name for name in _COLUMNS if name in present] + list(further)
    headings = [Heading(visible(name.replace("_", " ")), is_number=name in _NUMBERS) for name in names]
    cells = [[visible(_cell(name, record.get(name), zone)) for name in names] for record in records]
    for line in layout_table(headings, cells, width=console.width):
        console.print(line, soft_wrap=True)


def render_record(record: Mapping[str, Json], console: "Console", *, zone: tzinfo | None = None) -> None:
    """Render one record in full: its fields by name, lists and mappings indented below theirs."""
    _render_fields(record, console, 0, zone)


def _render_fields(fields: Mapping[str, Json], console: "Console", indent: int, zone: tzinfo | None) -> None:
    for name, value in fields.items():
        lead = f"{visible(name.replace('_', ' '))}: "
        if isinstance(value, Mapping) and value:
            print_line(console, "", indent=indent, lead=lead, style="bold")
            _render_fields(value, console, indent + _INDENT, zone)
        elif isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
            print_line(console, "", indent=indent, lead=lead, style="bold")
            _render_items(value, console, indent + _INDENT, zone)
        else:
            is_block = isinstance(value, str) and name in _BLOCKS
            _render_value(_cell(name, value, zone), console, indent, lead, is_block=is_block)


def _render_items(items: Sequence[Json], console: "Console", indent: int, zone: tzinfo | None) -> None:
    for number, item in enumerate(items, start=1):
        if isinstance(item, Mapping):
            print_line(console, f"{number}.", indent=indent)
            _render_fields(item, console, indent + _INDENT, zone)
        else:
            print_line(console, human_value(item, zone=zone), indent=indent, lead=f"{number}. ")


def _render_value(text: str, console: "Console", indent: int, lead: str, *, is_block: bool) -> None:
    """A text of several lines stands below its name, each line behind a bar; of a name a line feed is a mark."""
    lines = text.removesuffix("\n").split("\n") if is_block else [text]
    if len(lines) == 1:
        print_line(console, lines[0], indent=indent, lead=lead)
        return
    print_line(console, "", indent=indent, lead=lead)
    for line in lines:
        print_line(console, line.replace("\t", "    "), indent=indent + _INDENT, lead="| ")


def _cell(name: str, value: Json, zone: tzinfo | None) -> str:
    if name == "when" or name.endswith("_utc"):
        return _moment(value, zone)
    return human_value(value, zone=zone)


def _moment(value: Json, zone: tzinfo | None) -> str:
    """Moments stand in the person's zone; what is no moment stands as it is."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return human_value(value, "moment", zone=zone)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return MISSING if value is None else str(value)
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return aware.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
