"""What a person sees, compared with recorded screens; SAYSO_UPDATE_GOLDENS=1 records them again."""

import io
import os
import re
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from rich.cells import cell_len
from rich.console import Console

from executors.plan import Outcome
from intents.values import Column, Json
from shell.consoles import open_console
from shell.exit_status import ExitStatus
from shell.render import render_explain, render_history, render_record, render_response
from shell.table import Heading, fold, layout_table
from shell.visible import visible
from tests.support.responses import (
    EDIT_STEP,
    EVERY_KIND,
    change_plan,
    fleet_read_response,
    plan_of,
    text_response,
)

GOLDENS = Path(__file__).parent / "goldens"
WIDTHS = (40, 80, 200)


def console_of(width: int, *, use_color: bool = False) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return open_console(stream, {}, is_terminal=False, use_color=use_color, plain_width=width), stream


def rendered(kind: str, width: int, *, use_color: bool = False) -> str:
    out, out_text = console_of(width, use_color=use_color)
    messages, messages_text = console_of(width, use_color=use_color)
    render_response(EVERY_KIND[kind](), out, messages, zone=UTC)
    explain, explain_text = console_of(width, use_color=use_color)
    render_explain(EVERY_KIND[kind](), explain, zone=UTC)
    return f"-- stdout\n{out_text.getvalue()}-- stderr\n{messages_text.getvalue()}-- explain\n{explain_text.getvalue()}"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_response_is_shown_as_recorded(kind: str, width: int) -> None:
    shown = rendered(kind, width)
    golden = GOLDENS / f"{kind}_{width}.txt"
    if os.environ.get("SAYSO_UPDATE_GOLDENS") == "1":
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_only_consoles_with_colour_write_escapes(kind: str) -> None:
    assert "\x1b" not in rendered(kind, 80)
    colored = rendered(kind, 80, use_color=True)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    assert "\x1b" not in plain
    assert plain == rendered(kind, 80)


def test_a_diff_is_coloured_and_its_risk_has_a_symbol_too() -> None:
    colored = rendered("refused", 80, use_color=True)
    assert "\x1b[32m    +PermitRootLogin no\x1b[0m" in colored
    assert "\x1b[1;31mRisk: ✖ destructive\x1b[0m" in colored


@pytest.mark.parametrize("width", [1, 5, 12, 20, 40, 80])
def test_no_line_is_wider_than_the_console(width: int) -> None:
    out, text = console_of(width)
    messages, _ = console_of(width)
    render_response(fleet_read_response(), out, messages, zone=UTC)
    for line in text.getvalue().splitlines():
        assert cell_len(line) <= max(width, len("used percent"))


@given(
    cells=some.lists(some.lists(some.text(max_size=30), min_size=3, max_size=3), min_size=1, max_size=4),
    width=some.integers(8, 60),
)
def test_a_table_that_is_folded_or_listed_loses_no_character(cells: list[list[str]], width: int) -> None:
    safe = [[visible(cell) for cell in row] for row in cells]
    headings = [Heading("a"), Heading("b", is_number=True), Heading("c")]
    shown = "".join(line.plain for line in layout_table(headings, safe, width=width))
    for character in {one for row in safe for cell in row for one in cell if not one.isspace()} - set("abc"):
        assert shown.count(character) == sum(cell.count(character) for row in safe for cell in row)


@given(text=some.text(some.characters(codec="utf-8", exclude_categories=["Cc"])), width=some.integers(1, 50))
def test_folding_keeps_everything_but_blanks(text: str, width: int) -> None:
    pieces = fold(text, width)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")
    assert all(cell_len(piece) <= max(width, 2) for piece in pieces)


def test_a_long_line_is_folded_in_time_that_grows_with_its_length() -> None:
    assert len(fold("x" * 1_000_000, 80)) == 12_500


@given(text=some.text(some.characters(codec=None)))
def test_nothing_that_a_host_says_reaches_a_terminal_raw(text: str) -> None:
    outcome = replace(text_response().outcomes["local"][0], rows=({"text": text},), stderr=text, message=text)
    columns = (Column("a"), Column("b", "size"))
    tabular = replace(outcome, columns=columns, rows=({"a": text, "b": text},))
    failed = replace(outcome, status="failed", columns=(), rows=(), stdout=text)
    for one in (outcome, tabular, failed):
        out, out_text = console_of(60)
        messages, messages_text = console_of(60)
        render_response(replace(text_response(), outcomes={"local": (one,)}, warnings=(text,)), out, messages)
        for line in (out_text.getvalue() + messages_text.getvalue()).split("\n"):
            assert visible(line, keep_newlines=True) == line


def test_a_plan_that_was_just_approved_is_not_shown_again() -> None:
    out, out_text = console_of(80)
    messages, messages_text = console_of(80)
    render_response(EVERY_KIND["refused"](), out, messages, plan_was_shown=True)
    assert out_text.getvalue() == ""
    assert messages_text.getvalue().startswith("✗ Not approved")


def test_a_dry_run_is_a_result() -> None:
    dry = replace(EVERY_KIND["refused"](), fault=None, status=ExitStatus.DONE)
    out, out_text = console_of(80)
    messages, messages_text = console_of(80)
    render_response(dry, out, messages)
    assert "What will change:" in out_text.getvalue()
    assert messages_text.getvalue() == ""


def test_a_change_says_how_it_is_taken_back() -> None:
    edit = change_plan().stages[1]
    plan = plan_of(replace(edit, hosts={"local": (EDIT_STEP,)}))
    response = replace(
        EVERY_KIND["changed"](),
        plan=plan,
        outcomes={"local": (Outcome("local", "changed", planned=EDIT_STEP),)},
        status=ExitStatus.DONE,
    )
    out, out_text = console_of(80)
    messages, messages_text = console_of(80)
    render_response(response, out, messages)
    assert out_text.getvalue() == "✓ edit /etc/ssh/sshd_config  [as root]\n"
    assert messages_text.getvalue() == "`sayso undo 9` takes it back.\n"


def test_all_hosts_that_answered_the_same_give_one_table() -> None:
    fleet = fleet_read_response()
    same = dict.fromkeys(("web1", "web2"), fleet.outcomes["web1"])
    out, out_text = console_of(80)
    messages, messages_text = console_of(80)
    render_response(replace(fleet, outcomes=same), out, messages, zone=UTC)
    assert out_text.getvalue().startswith("source ")
    assert messages_text.getvalue().startswith("All 2 hosts answered the same: web1, web2\n")


HISTORY: list[dict[str, Json]] = [
    {"record": 9, "when": "2026-11-24T22:00:00+00:00", "who": "ada", "request": "restart nginx", "outcome": "changed"},
    {"record": 12, "when": 1_764_027_005, "who": "bob", "request": "show \x1b[31m", "outcome": None},
]


def test_a_history_is_a_table_in_the_persons_zone() -> None:
    out, text = console_of(100)
    render_history(HISTORY, out, zone=timezone(timedelta(hours=1)))
    assert text.getvalue().splitlines() == [
        "record  when                 who  request        outcome",
        "     9  2026-11-24 23:00:00  ada  restart nginx  changed",
        "    12  2025-11-25 00:30:05  bob  show ␛[31m     -",
    ]


def test_an_empty_history_says_so() -> None:
    out, text = console_of(100)
    render_history([], out)
    assert text.getvalue() == "The history is empty.\n"


def test_a_record_is_shown_with_all_that_it_holds() -> None:
    out, text = console_of(60)
    steps: list[Json] = [{"run": ["ls", "-l"], "stdout": "a\nb\n"}]
    render_record({"record": 9, "started_utc": "2026-11-24T22:00:00Z", "steps": steps}, out, zone=UTC)
    assert text.getvalue().splitlines() == [
        "record: 9",
        "started utc: 2026-11-24 22:00:00",
        "steps:",
        "  1.",
        "    run: ls, -l",
        "    stdout:",
        "      | a",
        "      | b",
    ]
