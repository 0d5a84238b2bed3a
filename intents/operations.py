"""Row operations: filter, group, aggregate, sort, limit and columns, the same for every read.

They replace the pipe into grep, sort, head, cut and wc. Operations are values; `apply_operations`
is pure. The order of evaluation is fixed, whatever the order of the words:
filter -> group / unique / count / aggregate -> sort -> limit -> columns.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from intents.values import Json

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


RowOperation: TypeAlias = Filter | Sort | Limit | Count | Aggregate | Group | Unique | Columns
