"""Row operations replace the pipe: same rows, same result, in one fixed order."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.errors import ValueRejected
from intents.operations import (
    Aggregate,
    Columns,
    Count,
    Filter,
    Group,
    Limit,
    RowOperation,
    Sort,
    Unique,
    apply_operations,
)
from intents.values import Column, Row

COLUMNS = (Column("name"), Column("size", "size"), Column("state"))
ROWS: tuple[Row, ...] = (
    {"name": "web10", "size": 5, "state": "failed"},
    {"name": "web9", "size": 70, "state": "running"},
    {"name": "db", "size": None, "state": "failed"},
    {"name": "cache", "size": 12, "state": "running"},
)


def names(operations: Sequence[RowOperation], order: Sequence[str] = ()) -> list[object]:
    return [row["name"] for row in apply_operations(ROWS, COLUMNS, operations, order=order).rows]


def test_the_order_of_the_words_does_not_matter() -> None:
    operations: list[RowOperation] = [Limit(1), Sort("size", descending=True), Filter("state", "=", "running")]
    assert names(operations) == names(operations[::-1]) == ["web9"]


def test_missing_values_come_last_and_pass_no_comparison() -> None:
    assert names([Sort("size")]) == ["web10", "cache", "web9", "db"]
    assert names([Sort("size", descending=True)])[-1] == "db"
    assert names([Filter("size", "<", 1000)]) == ["web10", "web9", "cache"]
    assert names([Filter("size", "is empty", None)]) == ["db"]


def test_names_with_numbers_sort_as_people_do() -> None:
    assert names([Sort("name")]) == ["cache", "db", "web9", "web10"]


def test_the_default_order_holds_until_something_sorts() -> None:
    assert names([], order=["-size"])[0] == "web9"
    assert names([Sort("name")], order=["-size"])[0] == "cache"


def test_count_group_unique_and_aggregates() -> None:
    assert apply_operations(ROWS, COLUMNS, [Filter("state", "=", "FAILED"), Count()]).rows == ({"count": 2},)
    assert apply_operations(ROWS, COLUMNS, [Group("state")]).rows[0] == {"state": "failed", "count": 2}
    assert [row["state"] for row in apply_operations(ROWS, COLUMNS, [Unique("state")]).rows] == ["failed", "running"]
    total = apply_operations(ROWS, COLUMNS, [Aggregate("sum", "size")])
    assert total.rows == ({"sum_size": 87},)
    assert total.columns[0].unit == "bytes"
    assert apply_operations([], COLUMNS, [Aggregate("average", "size")]).rows == ({"average_size": None},)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (Filter("name", "contains", "EB"), ["web10", "web9"]),
        (Filter("name", "starts", "c"), ["cache"]),
        (Filter("name", "ends", "9"), ["web9"]),
        (Filter("name", "in", ["db", "cache"]), ["db", "cache"]),
        (Filter("state", "!=", "failed"), ["web9", "cache"]),
        (Filter("size", ">=", 12), ["web9", "cache"]),
    ],
)
def test_each_test_of_a_filter(operation: Filter, expected: list[str]) -> None:
    assert names([operation]) == expected


def test_a_limit_says_how_many_there_were() -> None:
    table = apply_operations(ROWS, COLUMNS, [Limit(2)])
    assert (len(table.rows), table.total) == (2, 4)
    assert names([Limit(1, last=True)]) == ["cache"]


def test_columns_are_kept_in_the_order_asked_for() -> None:
    table = apply_operations(ROWS, COLUMNS, [Columns(("size", "name"))])
    assert [column.name for column in table.columns] == ["size", "name"]
    assert list(table.rows[0]) == ["size", "name"]


def test_an_unknown_column_is_refused_with_those_that_are_there() -> None:
    with pytest.raises(ValueRejected, match="name, size, state"):
        apply_operations(ROWS, COLUMNS, [Sort("colour")])


@given(
    st.lists(st.fixed_dictionaries({"size": st.none() | st.integers(), "name": st.text()}), max_size=20), st.booleans()
)
def test_sorting_keeps_every_row_and_orders_what_is_there(rows: list[Row], descending: bool) -> None:  # noqa: FBT001
    table = apply_operations(rows, [Column("size", "size"), Column("name")], [Sort("size", descending)])
    assert sorted(map(repr, table.rows)) == sorted(map(repr, rows))
    sizes = [size for row in table.rows if isinstance(size := row["size"], int)]
    assert sizes == sorted(sizes, reverse=descending)
