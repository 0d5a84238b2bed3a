"""A name from a host forges no line of any screen: not of a diff, its header, an outcome, a listing or the history."""

import io
import json
from dataclasses import replace
from datetime import UTC
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as some
from rich.console import Console

from executors.command_planning import rows_diff
from executors.diffs import state_diff, unified_diff
from executors.plan import EditStep, Effect, Outcome, OutcomeStatus, PlannedStep, RunStep, Touched
from intents.intent import Risk
from intents.interpretation import Argument, Evidence, Match
from intents.values import Column, Json
from shell.consoles import open_console
from shell.contract import dump
from shell.exit_status import ExitStatus
from shell.plan_difference import difference
from shell.render import render_explain, render_history, render_plan, render_record, render_response
from shell.response import Fault, Response
from shell.road import Options
from shell.visible import visible
from tests.support.responses import plan_of, stage_of
from tests.support.sessions import session_in

FORGED = (
    "✓ forged",
    "= forged",
    "+++ /forged",
    "--- /forged",
    "+forged",
    "-forged",
    "@@ forged",
    "Risk: forged",
    "forged",
)
BREAKS = (
    "\n",
    "\r",
    "\r\n",
    "\v",
    "\f",
    "\x85",
    "\u2028",
    "\u2029",
    "\n\n  ",
    "\x1b[1A\x1b[2K\r",
    "\x1b[2J",
    "\u202e",
    "\x9b2J",
)

FEW = settings(max_examples=40, deadline=None)
names = some.builds(
    lambda begin, gap, forged, end: f"/srv/{begin}{gap}{forged}{end}",
    some.text(some.characters(codec=None, exclude_characters="\0/"), max_size=5),
    some.sampled_from(BREAKS),
    some.sampled_from(FORGED),
    some.sampled_from(("", "\n", "\u202c")),
)


def wide_console() -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return open_console(stream, {}, is_terminal=False, use_color=False, plain_width=10_000), stream


def assert_unforged(text: str) -> None:
    for line in text.split("\n"):
        assert visible(line) == line
        assert not line.strip().removeprefix("| ").startswith(FORGED), line


def steps_about(name: str) -> tuple[PlannedStep, ...]:
    """An edit, a deletion of many, and a change of state, as they are planned."""
    columns = (Column("action"), Column("path", "path"))
    edit = PlannedStep(
        EditStep(name, "0" * 64, None, link=name), Effect.WILL_CHANGE, diff=unified_diff(b"a\n", None, name),
        reason=f"{name} is a link", leads_to={name: name},
    )  # fmt: skip
    deletion = PlannedStep(
        RunStep(("rm", "--", name)), Effect.WILL_CHANGE,
        diff=rows_diff([{"action": "delete", "path": name}, {"action": "delete", "path": "/srv/b"}], columns),
        touched=(Touched("open files", (name,)),), cannot_undo=f"{name} is gone then",
    )  # fmt: skip
    state = PlannedStep(
        RunStep(("chmod", "600", name)), Effect.WILL_CHANGE, diff=state_diff({"name": name}, {"name": "b"}, name),
        before={"name": name},
    )  # fmt: skip
    return edit, deletion, state


def responses_about(name: str) -> list[Response]:
    match = Match("file.delete", {"path": Argument(name, Evidence("request", text=name))}, 1.0)
    steps = steps_about(name)
    plan = plan_of(stage_of(match, Risk.DESTRUCTIVE, *steps))
    statuses: tuple[OutcomeStatus, ...] = ("changed", "failed", "refused", "unknown", "ok")
    found = [Response(name, ExitStatus.REFUSED, plan=plan, fault=Fault("plan", "It was refused.", "Look."))]
    found += [
        Response(name, ExitStatus.DONE, plan=plan, record=1, warnings=(name,), outcomes={
            "local": tuple(Outcome("local", status, message="it ended", stderr="said", planned=step) for step in steps)
        })
        for status in statuses
    ]  # fmt: skip
    listing = Outcome("local", "ok", columns=(Column("path", "path"),), rows=({"path": name}, {"path": "/srv/b"}))
    table = replace(
        listing, columns=(Column("path", "path"), Column("size", "size")), rows=({"path": name, "size": 1},)
    )
    read = plan_of(stage_of(match, Risk.READ, PlannedStep(RunStep(("ls", name)), Effect.READ)))
    found += [Response(name, ExitStatus.DONE, plan=read, outcomes={"local": (one,)}) for one in (listing, table)]
    return found


@FEW
@given(name=names)
def test_no_name_forges_a_line_of_a_screen(name: str) -> None:
    for response in responses_about(name):
        out, out_text = wide_console()
        messages, messages_text = wide_console()
        render_response(response, out, messages, zone=UTC)
        render_explain(response, out, zone=UTC)
        if response.plan is not None:
            render_plan(response.plan, out)
        assert_unforged(out_text.getvalue() + messages_text.getvalue())


@FEW
@given(name=names)
def test_no_name_forges_a_line_of_the_history(name: str) -> None:
    out, text = wide_console()
    record: dict[str, Json] = {
        "request": name, "path": name, "run": ["rm", name], "before": {"path": name}, "rows": [{"path": name}],
        "diff": unified_diff(b"a\n", b"b\n", name),
    }  # fmt: skip
    render_history([{"record": 1, "request": name, "hosts": name}], out, zone=UTC)
    render_record(record, out, zone=UTC)
    assert_unforged(text.getvalue())


@FEW
@given(name=names)
def test_no_name_forges_a_line_of_what_moved(name: str) -> None:
    steps = steps_about(name)
    match = Match("file.delete", {"path": Argument(name, Evidence("request"))}, 1.0)
    moved = [replace(one, reason=name, before={"name": "other"}, leads_to={name: "/b"}) for one in reversed(steps)]
    before, after = (plan_of(stage_of(match, Risk.DESTRUCTIVE, *some_steps)) for some_steps in (steps, moved))
    out, text = wide_console()
    messages, messages_text = wide_console()
    fault = Fault("plan", difference(before, after), "Look.")
    render_response(Response("x", ExitStatus.REFUSED, fault=fault), out, messages)
    assert_unforged(text.getvalue() + messages_text.getvalue())


@FEW
@given(name=names)
def test_json_keeps_every_name_exactly(name: str) -> None:
    document = json.loads(dump(responses_about(name)[1]))
    first, second, _ = document["plan"]["stages"][0]["hosts"]["local"]
    assert first["edit"]["path"] == name
    assert second["run"] == ["rm", "--", name]


def test_a_deletion_shows_a_hostile_name_as_one_line(tmp_path: Path) -> None:
    """From the real listing of a real folder to the screen."""
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "a\n+++ \u202efake").write_text("x")
    (folder / "z").write_text("x")
    (folder / "b").write_text("x")
    with session_in(tmp_path) as session:
        response = session.run_intent("file.delete_directory", [f"path={folder}"], Options(dry_run=True))
    out, text = wide_console()
    assert response.plan is not None
    render_plan(response.plan, out)
    assert_unforged(text.getvalue())
    assert "\u202e" not in text.getvalue()
    gone = [line.strip() for line in text.getvalue().split("\n") if line.strip().startswith("-delete")]
    assert gone == sorted(gone)
