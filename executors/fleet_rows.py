"""Row operations over the rows of all hosts together: "the five fullest disks" are five of the fleet, not of each host.

A host does what can be done there (filters, its own first rows), so that little travels and is held; the rest is done
here, once all have answered. Where a later stage of the plan takes up a read's rows, each host's rows stay its own: a value
from one host is an argument on that host only.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from executors.plan import Outcome, Plan, Stage
from intents.intent import Intent, Read
from intents.operations import (
    Aggregate,
    Columns,
    Count,
    Export,
    Filter,
    Group,
    Limit,
    RowOperation,
    Sort,
    Unique,
    apply_operations,
)
from intents.values import Column, Json, Row

HOSTS = Column("hosts", "list")
_REDUCING = Count | Aggregate | Group | Unique
_ALL_ROWS = Limit(sys.maxsize)
"""Keeps a read's own limit from counting on each host."""


@dataclass(frozen=True, slots=True)
class FleetTable:
    """The rows of one read over several hosts, after all operations.

    A row has its `host`, or as `hosts` those that have the value that it stands for. `summary` is what a count, a sum
    and the like come to over all hosts; empty otherwise.
    """

    stage: int
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: int
    summary: Row = field(default_factory=dict)


def host_column(columns: Sequence[Column]) -> Column:
    """Return the column that says of which host a row is; the rows may have a `host` of their own (a login's origin).

    >>> host_column([Column("user"), Column("host")]).name
    'on_host'
    """
    return Column("on_host" if any(column.name == "host" for column in columns) else "host")


def is_across(plan: Plan) -> bool:
    """Whether the operations of a plan concern the rows of all hosts together."""
    return len(plan.hosts) > 1 and not plan.is_change and not any(stage.match.references for stage in plan.stages)


def waits_for_all(stage: Stage, read: Read | None) -> bool:
    """Whether the rows of a stage can be told only once all hosts have answered."""
    operations = stage.match.operations
    has_own_limit = (
        read is not None and read.limit is not None and not any(isinstance(one, Filter) for one in operations)
    )
    return has_own_limit or any(isinstance(one, _REDUCING | Sort | Limit | Columns) for one in operations)


def for_one_host(stage: Stage) -> Stage:
    """Return the stage with what can be done on each host by itself, without losing a row that counts in the end."""
    operations = stage.match.operations
    if any(isinstance(one, _REDUCING) for one in operations):
        kept: tuple[RowOperation, ...] = (*(one for one in operations if isinstance(one, Filter)), _ALL_ROWS)
    else:
        kept = tuple(one for one in operations if isinstance(one, Filter | Sort | Limit))
    return replace(stage, match=replace(stage.match, operations=kept))


def across_hosts(
    plan: Plan,
    outcomes: Mapping[str, tuple[Outcome, ...]],
    catalogue: Mapping[str, Intent],
    facts: Mapping[str, Mapping[str, str]],
) -> tuple[dict[str, tuple[Outcome, ...]], tuple[FleetTable, ...]]:
    """Return the outcomes with the rows that each host has in the end, and a table for each read that has operations."""
    found, tables = dict(outcomes), []
    for place, stage in enumerate(plan.stages) if is_across(plan) else ():
        read = {
            host: outcome
            for host in stage.hosts
            for outcome in outcomes.get(host, ())
            if outcome.stage == place and outcome.status == "ok" and outcome.planned is not None
        }
        if not read:
            continue
        operation = catalogue[stage.intent].operation_for(facts[next(iter(read))]).read
        order, limit = (operation.order, operation.limit) if operation is not None else ((), None)
        own, table = _combined(place, stage.match.operations, read, order, limit)
        for host, outcome in own.items():
            found[host] = tuple(outcome if one is read[host] else one for one in found[host])
        tables += [] if table is None else [table]
    return found, tuple(tables)


def _combined(
    place: int, operations: Sequence[RowOperation], read: Mapping[str, Outcome], order: Sequence[str], limit: int | None
) -> tuple[dict[str, Outcome], FleetTable | None]:
    asked = [one for one in operations if not isinstance(one, Filter | Export)]
    is_one_row_each = all(outcome.total_rows == 1 for outcome in read.values())
    if is_one_row_each and not any(isinstance(one, Filter) for one in operations):
        # "How many cores" of an answer of one row wants that row, not its number.
        asked = [one for one in asked if not isinstance(one, Count)]
    read = {host: replace(outcome, operations=tuple(operations)) for host, outcome in read.items()}
    columns = list({column.name: column for outcome in read.values() for column in outcome.columns}.values())
    reducing = next((one for one in asked if isinstance(one, _REDUCING)), None)
    if reducing is not None:
        return _reduced(place, reducing, asked, read, columns)
    if not order and not any(isinstance(one, Sort) for one in asked):
        # Rows without an order (lines of a log) have no first ones over all hosts: each host shows its own.
        asked, limit = [one for one in asked if isinstance(one, Columns)], None
    has_filter = any(isinstance(one, Filter) for one in operations)
    limit = None if has_filter else limit
    is_limited = limit is not None or any(isinstance(one, Limit) for one in asked)
    if not is_limited and not asked:
        return dict(read), None
    tag = host_column(columns)
    tagged = [{tag.name: host, **row} for host, outcome in read.items() for row in outcome.rows]
    chosen = [Columns((tag.name, *one.names)) if isinstance(one, Columns) else one for one in asked]
    table = apply_operations(tagged, [tag, *columns], chosen, order=order if is_limited else (), limit=limit)
    total = sum(outcome.total_rows for outcome in read.values())
    own = {
        host: replace(
            outcome,
            columns=tuple(column for column in table.columns if column != tag),
            rows=tuple(_without(tag.name, row) for row in table.rows if row[tag.name] == host),
        )
        for host, outcome in read.items()
    }
    return own, FleetTable(place, table.columns, table.rows, total)


def _reduced(
    place: int,
    reducing: Count | Aggregate | Group | Unique,
    asked: Sequence[RowOperation],
    read: Mapping[str, Outcome],
    columns: Sequence[Column],
) -> tuple[dict[str, Outcome], FleetTable]:
    """Count, sum up or group: on each host as for that host alone, and over all of them."""
    tables = {host: apply_operations(outcome.rows, columns, asked) for host, outcome in read.items()}
    own = {
        host: replace(outcome, columns=tables[host].columns, rows=tables[host].rows, total_rows=tables[host].total)
        for host, outcome in read.items()
    }
    every_row = [row for outcome in read.values() for row in outcome.rows]
    if isinstance(reducing, Count | Aggregate):
        whole = apply_operations(every_row, columns, [reducing])
        tag = host_column(whole.columns)
        rows: list[Row] = [{tag.name: host, **row} for host, table in tables.items() for row in table.rows]
        return own, FleetTable(place, (tag, *whole.columns), tuple(rows), len(rows), whole.rows[0])
    grouped = apply_operations(every_row, columns, [reducing])
    hosts = _hosts_by_value(reducing.column, read, columns)
    rows = [{**row, HOSTS.name: hosts.get(repr(row[reducing.column]), [])} for row in grouped.rows]
    rest = [one for one in asked if isinstance(one, Sort | Limit)]
    table = apply_operations(rows, [*grouped.columns, HOSTS], rest)
    return own, FleetTable(place, table.columns, table.rows, len(rows))


def _hosts_by_value(column: str, read: Mapping[str, Outcome], columns: Sequence[Column]) -> dict[str, list[Json]]:
    """Return value (as `repr`) -> the hosts that have it."""
    found: dict[str, list[Json]] = {}
    for host, outcome in read.items():
        for row in apply_operations(outcome.rows, columns, [Unique(column)]).rows:
            found.setdefault(repr(row[column]), []).append(host)
    return found


def _without(name: str, row: Row) -> Row:
    return {other: value for other, value in row.items() if other != name}
