"""What people say about rows becomes the operation that they mean."""

from datetime import UTC, datetime

import pytest

from intents.operations import Count, Filter, Group, Limit, RowOperation, Sort
from intents.row_phrases import RowPhraseReader
from intents.types.base import ValueContext
from intents.values import Column
from intents.words import stem

CONTEXT = ValueContext(datetime(2026, 11, 24, 23, 0, tzinfo=UTC), "/home/alice", "/home/alice")
COLUMNS = (
    Column("user", "text", ("account",)),
    Column("uid", "integer"),
    Column("size", "size"),
    Column("state", "text", (), "", ("UP", "DOWN")),
)


def said(text: str, *, order: tuple[str, ...] = (), known: str = "") -> list[RowOperation]:
    reader = RowPhraseReader(COLUMNS, order=order, known_stems=frozenset(map(stem, known.split())))
    return [phrase.operation for phrase in reader.read(text, (), CONTEXT)]


@pytest.mark.parametrize(
    "text", ["how many processes does each user run", "processes per user", "group them by user", "of each account"]
)
def test_each_of_something_is_a_group_and_its_count_is_in_it(text: str) -> None:
    assert said(text) == [Group("user")]


def test_how_many_alone_is_a_count() -> None:
    assert said("how many are there") == [Count()]


@pytest.mark.parametrize(
    ("text", "descending"), [("sorted by uid", False), ("sorted by size", True), ("by user", None)]
)
def test_amounts_come_largest_first_and_numbers_that_name_things_in_their_order(
    text: str,
    descending: bool | None,  # noqa: FBT001 - a table
) -> None:
    expected = [] if descending is None else [Sort(text.rpartition(" ")[2], descending)]
    assert said(text) == expected


def test_a_superlative_is_kept_where_the_intent_lists_by_name() -> None:
    wanted = [Sort("size", descending=True), Limit(20)]
    assert said("the 20 biggest ones", order=("user",), known="biggest") == wanted
    assert said("the 20 biggest ones", order=("-size",), known="biggest") == [Limit(20)]


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("which are up", Filter("state", "=", "UP")),
        ("only the down ones", Filter("state", "=", "DOWN")),
        ("except the Down ones", Filter("state", "!=", "DOWN")),
    ],
)
def test_a_value_is_found_in_any_case(text: str, operation: RowOperation) -> None:
    assert said(text) == [operation]
