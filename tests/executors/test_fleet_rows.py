"""Rows of several hosts, ordered, limited, counted and grouped together."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executors.fleet_rows import FleetTable, across_hosts, for_one_host, is_across
from executors.plan import Effect, Outcome, Plan, PlannedStep, RunStep, Stage
from intents.catalogue import Catalogue
from intents.intent import Intent, Risk
from intents.interpretation import Match
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
from intents.values import Column, Json, Row
from tests.support.responses import plan_of

COLUMNS = (Column("mount", "path"), Column("used", "percentage"))
READ = PlannedStep(RunStep(("df",)), Effect.READ)
DISKS: dict[str, list[Row]] = {
    "web1": [{"mount": "/", "used": 10.0}, {"mount": "/srv", "used": 90.0}],
    "web2": [{"mount": "/", "used": 50.0}, {"mount": "/srv", "used": 95.0}],
    "db1": [{"mount": "/", "used": 91.0}],
}


@pytest.fixture(scope="module")
def catalogue() -> Mapping[str, Intent]:
    return Catalogue.load()


def combined(
    catalogue: Mapping[str, Intent],
    rows: Mapping[str, Sequence[Row]],
    *operations: RowOperation,
    columns: Sequence[Column] = COLUMNS,
    intent: str = "disk.usage",
) -> tuple[dict[str, tuple[Outcome, ...]], tuple[FleetTable, ...]]:
    """Run the operations as a plan over these hosts does: on each host what `for_one_host` leaves, then all together."""
    stage = Stage(intent, Risk.READ, (), Match(intent, {}, 1.0, operations), dict.fromkeys(rows, (READ,)))
    plan = plan_of(stage)
    outcomes = {}
    for host, some in rows.items():
        table = apply_operations(some, columns, for_one_host(stage).match.operations)
        outcomes[host] = (
            Outcome(host, "ok", columns=table.columns, rows=table.rows, total_rows=table.total, planned=READ),
        )
    return across_hosts(plan, outcomes, catalogue, {host: {} for host in rows})


def test_the_fullest_of_the_fleet_are_ordered_and_cut_over_all_hosts(catalogue: Mapping[str, Intent]) -> None:
    outcomes, (table,) = combined(catalogue, DISKS, Sort("used", descending=True), Limit(3))
    assert [(row["host"], row["mount"]) for row in table.rows] == [("web2", "/srv"), ("db1", "/"), ("web1", "/srv")]
    assert table.total == 5
    assert [row["mount"] for row in outcomes["web1"][0].rows] == ["/srv"], "each host keeps its own of them"
    assert outcomes["web1"][0].operations == (Sort("used", descending=True), Limit(3))


def test_a_count_is_told_for_each_host_and_for_all(catalogue: Mapping[str, Intent]) -> None:
    outcomes, (table,) = combined(catalogue, DISKS, Filter("used", ">", 80), Count())
    assert [(row["host"], row["count"]) for row in table.rows] == [("web1", 1), ("web2", 1), ("db1", 1)]
    assert table.summary == {"count": 3}
    assert outcomes["db1"][0].rows == ({"count": 1},)


def test_an_average_is_that_of_all_rows_not_of_the_hosts_averages(catalogue: Mapping[str, Intent]) -> None:
    _, (table,) = combined(catalogue, DISKS, Aggregate("average", "used"))
    assert table.summary["average_used"] == pytest.approx((10 + 90 + 50 + 95 + 91) / 5)


def test_grouping_by_a_value_tells_which_hosts_have_another(catalogue: Mapping[str, Intent]) -> None:
    versions: dict[str, list[Row]] = {f"web{n}": [{"version": "3.0.11"}] for n in range(1, 20)}
    versions["web7"] = [{"version": "3.0.9"}]
    outcomes, (table,) = combined(catalogue, versions, Group("version"), columns=(Column("version"),))
    assert [(row["version"], row["count"]) for row in table.rows] == [("3.0.11", 18), ("3.0.9", 1)]
    assert table.rows[1]["hosts"] == ["web7"]
    _, (once,) = combined(catalogue, versions, Unique("version"), columns=(Column("version"),))
    assert [row["version"] for row in once.rows] == ["3.0.11", "3.0.9"]
    assert outcomes["web7"][0].rows == ({"version": "3.0.9", "count": 1},)


def test_how_many_of_an_answer_of_one_row_is_that_row(catalogue: Mapping[str, Intent]) -> None:
    cores: dict[str, list[Row]] = {"a": [{"cores": 2}], "b": [{"cores": 4}]}
    outcomes, tables = combined(catalogue, cores, Count(), columns=(Column("cores", "integer"),))
    assert tables == ()
    assert outcomes["b"][0].rows == ({"cores": 4},)


def test_a_column_that_is_called_host_is_not_lost(catalogue: Mapping[str, Intent]) -> None:
    logins: dict[str, list[Row]] = {"a": [{"user": "x", "host": "10.0.0.1"}], "b": [{"user": "a", "host": "10.0.0.2"}]}
    _, (table,) = combined(catalogue, logins, Sort("user"), columns=(Column("user"), Column("host")))
    assert table.rows == (
        {"on_host": "b", "user": "a", "host": "10.0.0.2"},
        {"on_host": "a", "user": "x", "host": "10.0.0.1"},
    )


def test_columns_that_are_not_shown_may_be_ordered_by(catalogue: Mapping[str, Intent]) -> None:
    _, (table,) = combined(catalogue, DISKS, Sort("used"), Limit(1), Columns(("mount",)))
    assert table.rows == ({"host": "web1", "mount": "/"},)


def test_without_operations_every_host_keeps_its_rows(catalogue: Mapping[str, Intent]) -> None:
    outcomes, tables = combined(catalogue, DISKS, Filter("used", ">", 60))
    assert tables == ()
    assert [row["used"] for row in outcomes["web1"][0].rows] == [90.0]


def test_a_change_and_a_read_that_is_taken_up_keep_their_rows_apart() -> None:
    def plan(risk: Risk, match: Match) -> Plan:
        return plan_of(Stage("x.y", risk, (), match, {"a": (READ,), "b": (READ,)}))

    assert is_across(plan(Risk.READ, Match("x.y", {}, 1.0)))
    assert not is_across(plan(Risk.REVERSIBLE, Match("x.y", {}, 1.0)))


values: st.SearchStrategy[Json] = st.none() | st.integers(0, 5)


def test_the_last_lines_of_a_log_are_those_of_each_host(catalogue: Mapping[str, Intent]) -> None:
    lines: dict[str, list[Row]] = {host: [{"line": f"{host} {n}"} for n in range(5)] for host in ("a", "b")}
    outcomes, tables = combined(catalogue, lines, Limit(2, last=True), columns=(Column("line"),), intent="file.show")
    assert tables == ()
    assert [row["line"] for row in outcomes["a"][0].rows] == ["a 3", "a 4"]
    assert [row["line"] for row in outcomes["b"][0].rows] == ["b 3", "b 4"]


@given(
    found=st.dictionaries(st.sampled_from(["a", "b", "c"]), st.lists(values, max_size=6), min_size=2),
    count=st.integers(1, 5),
    descending=st.booleans(),
)
def test_what_a_host_leaves_out_beforehand_is_never_missed(
    catalogue: Mapping[str, Intent], found: dict[str, list[Json]], count: int, *, descending: bool
) -> None:
    rows = {host: [{"used": one} for one in some] for host, some in found.items()}
    operations = (Sort("used", descending=descending), Limit(count))
    _, (table,) = combined(catalogue, rows, *operations, columns=(Column("used", "integer"),))
    every = [row for some in rows.values() for row in some]
    expected = apply_operations(every, [Column("used", "integer")], operations)
    assert [row["used"] for row in table.rows] == [row["used"] for row in expected.rows]
    assert table.total == expected.total
