"""Row operations: filter, group, aggregate, sort, limit and columns, the same for every read.

They replace the pipe into grep, sort, head, cut and wc. Operations are values; `apply_operations`
is pure. The order of evaluation is fixed, whatever the order of the words:
filter -> group / unique / count / aggregate -> sort -> limit -> columns -> export.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from intents.errors import ValueRejected
from intents.values import Column, Json, Row

FilterTest: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "contains", "starts", "ends", "in", "is empty"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Keep the rows whose column passes the test; `value` is in the column's unit."""

    column: str
    test: FilterTest
    value: Json


@dataclass(frozen=True, slots=True)
class Sort:
    """Order the rows by one column; stable, missing values last."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """Keep the first (or last) `count` rows."""

    count: int
    last: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """Replace the rows by one row with their number."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Replace the rows by one row: the sum, average, minimum or maximum of a numeric column."""

    function: Literal["sum", "average", "minimum", "maximum"]
    column: str


@dataclass(frozen=True, slots=True)
class Group:
    """One row for each value of a column, with the number of its rows; most frequent first."""

    column: str


@dataclass(frozen=True, slots=True)
class Unique:
    """The distinct values of a column, in order of first appearance."""

    column: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Keep only these columns, in this order."""

    names: tuple[str, ...]


ExportFormat: TypeAlias = Literal["csv", "json"]


@dataclass(frozen=True, slots=True)
class Export:
    """Show the rows as CSV or JSON text instead of a table."""

    format: ExportFormat


RowOperation: TypeAlias = Filter | Sort | Limit | Count | Aggregate | Group | Unique | Columns | Export


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with their columns. `total` is how many there were before a limit cut them."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: int


_ORDER: tuple[type, ...] = (Filter, Group, Unique, Count, Aggregate, Sort, Limit, Columns, Export)


def apply_operations(
    rows: Sequence[Row],
    columns: Sequence[Column],
    operations: Sequence[RowOperation],
    *,
    order: Sequence[str] = (),
    limit: int | None = None,
) -> Table:
    """Return the table after the operations, in their fixed order of evaluation.

    `order` is the read's default order (column names, `-` for descending), used when no operation
    sorts; `limit` its natural one, used when no operation limits or filters. Raises `ValueRejected` for an operation on a column that isn't there.

    >>> rows = [{"name": "a", "size": 5}, {"name": "b", "size": 9}]
    >>> columns = [Column("name"), Column("size", "size")]
    >>> apply_operations(rows, columns, [Limit(1), Sort("size", descending=True)]).rows
    ({'name': 'b', 'size': 9},)
    """
    table = Table(tuple(columns), tuple(rows), len(rows))
    sorts = any(isinstance(operation, Sort) for operation in operations)
    reshapes = any(isinstance(operation, Group | Unique | Count | Aggregate) for operation in operations)
    if not sorts and not reshapes:
        for name in reversed(order):
            table = _sorted(table, Sort(name.removeprefix("-"), name.startswith("-")))
    for operation in sorted(operations, key=lambda one: _ORDER.index(type(one))):
        table = _apply(table, operation)
    if limit is not None and not any(isinstance(one, Limit | Filter) for one in operations) and not reshapes:
        table = _apply(table, Limit(limit))
    return table


def _apply(table: Table, operation: RowOperation) -> Table:
    match operation:
        case Filter():
            result = _filtered(table, operation)
        case Group(column=name):
            result = _grouped(table, name)
        case Unique(column=name):
            column = _column(table, name)
            values = list(dict.fromkeys(_hashable(row.get(name)) for row in table.rows))
            result = Table((column,), tuple({name: value} for value in values), len(values))
        case Count():
            result = Table((Column("count", "integer"),), ({"count": len(table.rows)},), 1)
        case Aggregate():
            result = _aggregated(table, operation)
        case Sort():
            result = _sorted(table, operation)
        case Limit(count=count, last=last):
            kept = table.rows[-count:] if last and count else table.rows[:count]
            result = Table(table.columns, kept, table.total)
        case Columns(names=names):
            chosen = tuple(_column(table, name) for name in names)
            result = Table(chosen, tuple({name: row.get(name) for name in names} for row in table.rows), table.total)
        case Export():
            result = table
    return result


def _column(table: Table, name: str) -> Column:
    for column in table.columns:
        if column.name == name:
            return column
    known = ", ".join(column.name for column in table.columns)
    raise ValueRejected(f"There is no column `{name}` in this answer.", remedy=f"Its columns are: {known}.")


def _hashable(value: Json) -> Json:
    return ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else value


def _filtered(table: Table, operation: Filter) -> Table:
    column = _column(table, operation.column)
    kept = tuple(row for row in table.rows if _passes(row.get(column.name), operation.test, operation.value))
    return Table(table.columns, kept, len(kept))


def _passes(value: Json, test: FilterTest, wanted: Json) -> bool:
    """A missing value passes only `is empty` and `!=`; text is compared without regard to case."""
    if test == "is empty":
        return value is None or value in ("", [], ())
    if value is None:
        return test == "!="
    if isinstance(value, list | tuple):
        return any(_passes(one, test, wanted) for one in value)
    if test == "in":
        return isinstance(wanted, list | tuple) and any(_passes(value, "=", one) for one in wanted)
    if isinstance(value, int | float) and isinstance(wanted, int | float):
        return _compares(value, test, wanted)
    return _compares_text(str(value).casefold(), test, str(wanted).casefold())


def _compares(value: float, test: FilterTest, wanted: float) -> bool:
    results: dict[str, bool] = {
        "=": value == wanted,
        "!=": value != wanted,
        "<": value < wanted,
        "<=": value <= wanted,
        ">": value > wanted,
        ">=": value >= wanted,
    }
    return results.get(test, False)


def _compares_text(value: str, test: FilterTest, wanted: str) -> bool:
    results: dict[str, bool] = {
        "=": value == wanted,
        "!=": value != wanted,
        "contains": wanted in value,
        "starts": value.startswith(wanted),
        "ends": value.endswith(wanted),
    }
    return results.get(test, False)


def _grouped(table: Table, name: str) -> Table:
    column = _column(table, name)
    counts = Counter(_hashable(row.get(name)) for row in table.rows)
    rows = tuple({name: value, "count": count} for value, count in counts.most_common())
    return Table((column, Column("count", "integer")), rows, len(rows))


def _aggregated(table: Table, operation: Aggregate) -> Table:
    column = _column(table, operation.column)
    numbers = [value for row in table.rows if isinstance(value := row.get(column.name), int | float)]
    functions: dict[str, Callable[[list[int | float]], float]] = {
        "sum": sum,
        "average": lambda values: sum(values) / len(values),
        "minimum": min,
        "maximum": max,
    }
    result = functions[operation.function](numbers) if numbers else None
    named = Column(f"{operation.function}_{column.name}", column.type)
    return Table((named,), ({named.name: result},), 1)


def _sorted(table: Table, operation: Sort) -> Table:
    name = _column(table, operation.column).name
    present = [row for row in table.rows if row.get(name) is not None]
    missing = [row for row in table.rows if row.get(name) is None]
    present.sort(key=lambda row: _natural(row.get(name)), reverse=operation.descending)
    return Table(table.columns, (*present, *missing), table.total)


def _natural(value: Json) -> tuple[int, tuple[tuple[int, float, str], ...]]:
    """Order numbers as numbers, and text with numbers in it ("web9" < "web10") as people do."""
    if isinstance(value, bool | int | float):
        return (0, ((0, float(value), ""),))
    parts = re.split(r"([0-9]+)", str(value).casefold())
    return (1, tuple((0, float(part), "") if part.isdigit() else (1, 0.0, part) for part in parts))
