"""Answers of many hosts for a person: the usual one once, the differences, rows of all hosts together, hosts that failed alike."""

import io
from dataclasses import replace

from executors.fleet_rows import HOSTS, FleetTable
from executors.plan import Outcome
from intents.intent import Risk
from intents.interpretation import Match
from intents.values import Column, Row
from shell.consoles import open_console
from shell.exit_status import ExitStatus
from shell.render import render_response
from shell.response import Response
from tests.support.responses import fleet_read_response, plan_of, read_response, stage_of

HOSTS_OF_WEB = tuple(f"web{number}" for number in range(1, 11))


def shown(response: Response) -> tuple[str, str]:
    out, messages = io.StringIO(), io.StringIO()
    consoles = [
        open_console(stream, {}, is_terminal=False, use_color=False, plain_width=100) for stream in (out, messages)
    ]
    render_response(response, *consoles)
    return out.getvalue(), messages.getvalue()


def read_of(rows: dict[str, tuple[Row, ...]], columns: tuple[Column, ...]) -> Response:
    one = read_response()
    assert one.plan is not None
    step = one.plan.stages[0].hosts["local"][0]
    match = Match("disk.usage", {}, 1.0)
    outcomes = {
        host: (Outcome(host, "ok", columns=columns, rows=some, total_rows=len(some), planned=step),)
        for host, some in rows.items()
    }
    plan = plan_of(stage_of(match, Risk.READ, step, hosts=tuple(rows)))
    return replace(one, plan=plan, outcomes=outcomes, hosts=tuple(rows), warnings=())


def test_a_text_that_differs_on_one_host_of_ten_is_a_diff() -> None:
    usual: tuple[Row, ...] = ({"line": "server a"}, {"line": "server b"})
    rows = dict.fromkeys(HOSTS_OF_WEB, usual) | {"web7": ({"line": "server a"}, {"line": "server c"})}
    out, _ = shown(read_of(rows, (Column("line"),)))
    assert out.splitlines()[:3] == [
        "9 hosts answered the same, 1 differs. The same on 9 hosts: web[1-6,8-10]:",
        "server a",
        "server b",
    ]
    assert "web7 differs:" in out
    assert "  -server b\n  +server c" in out


def test_rows_that_differ_are_told_as_more_and_missing() -> None:
    columns = (Column("name"), Column("version"))
    usual: tuple[Row, ...] = ({"name": "openssl", "version": "3.0.11"}, {"name": "curl", "version": "8"})
    rows = dict.fromkeys(HOSTS_OF_WEB, usual)
    rows |= {"web2": ({"name": "openssl", "version": "3.0.9"}, usual[1])}
    out, _ = shown(read_of(rows, columns))
    assert out.count("curl") == 1, "what is the same is said once"
    assert "-  openssl  3.0.11\n+  openssl  3.0.9" in out


def test_rows_of_all_hosts_stand_in_one_table_with_what_they_come_to() -> None:
    rows: tuple[Row, ...] = ({"host": "web2", "used": 95.0}, {"host": "web1", "used": 90.0})
    table = FleetTable(0, (Column("host"), Column("used", "percentage")), rows, 212, {"count": 212})
    out, messages = shown(replace(fleet_read_response(), tables=(table,)))
    assert [line.split()[0] for line in out.splitlines()[:3]] == ["host", "web2", "web1"]
    assert "On all 3 hosts: 212 (count)" in out
    assert "2 of 212 rows of 3 hosts" in messages


def test_the_hosts_of_a_value_are_named() -> None:
    rows: tuple[Row, ...] = (
        {"version": "3", "count": 10, "hosts": list(HOSTS_OF_WEB)},
        {"version": "2", "hosts": ["db1"]},
    )
    table = FleetTable(0, (Column("version"), Column("count", "integer"), HOSTS), rows, 2)
    out, _ = shown(replace(fleet_read_response(), tables=(table,)))
    assert "10 hosts: web[1-10]" in out
    assert "db1" in out


def test_hosts_that_failed_alike_stand_together_with_how_to_go_on() -> None:
    one = read_of(dict.fromkeys(HOSTS_OF_WEB, ()), (Column("line"),))
    outcomes = {
        host: (Outcome(host, "unreachable", message=f"{host} doesn't answer. Check that {host} is up."),)
        for host in HOSTS_OF_WEB[1:]
    }
    _, messages = shown(replace(one, status=ExitStatus.UNREACHABLE, outcomes={**one.outcomes, **outcomes}, record=12))
    assert messages.count("doesn't answer") == 1
    assert "9 hosts: web[2-10]: unreachable: the host doesn't answer." in messages
    assert "10 hosts: 1 ok, 9 unreachable. `sayso retry 12` goes on with those that are left." in messages
