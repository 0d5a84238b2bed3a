"""The plain values that travel between the floors: JSON, rows and their columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None

Row: TypeAlias = Mapping[str, Json]
"""One row of a read: column name -> value in the column's unit."""

ColumnType: TypeAlias = Literal[
    "text", "integer", "number", "size", "duration", "moment", "percentage", "boolean", "address", "path", "list"
]

UNITS: Mapping[ColumnType, str | None] = {
    "text": None,
    "integer": None,
    "number": None,
    "size": "bytes",
    "duration": "seconds",
    "moment": "seconds since 1970-01-01 UTC",
    "percentage": "percent",
    "boolean": None,
    "address": None,
    "path": None,
    "list": None,
}
"""The unit in which a column of each type holds its numbers."""


@dataclass(frozen=True, slots=True)
class Column:
    """One typed column of a read.

    `says` are the words by which people mean this column ("full" for a used percentage); the
    column's own name, with `_` read as a space, always counts.
    """

    name: str
    type: ColumnType = "text"
    says: tuple[str, ...] = ()
    description: str = ""
    values: tuple[str, ...] = ()
    """The values it can have, where they are few ("running", "failed"); people name them to filter."""

    @property
    def unit(self) -> str | None:
        """The unit of the column's numbers, or None."""
        return UNITS[self.type]
