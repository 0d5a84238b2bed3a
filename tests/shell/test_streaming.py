"""`--stream`: events as they come, each by the published schema, and nothing told twice or lost."""

import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from executors.plan import Outcome
from intents.catalogue import Catalogue
from shell.response import Response
from shell.streaming import Stream
from tests.support.command import Sayso
from tests.support.responses import EVERY_KIND, fleet_read_response

FOLDER = Path(__file__).parents[2] / "shell" / "schema"
EVENTS = jsonschema.Draft202012Validator(json.loads((FOLDER / "sayso-1-stream.schema.json").read_text()))
ANSWER = jsonschema.Draft202012Validator(json.loads((FOLDER / "sayso-1.schema.json").read_text()))


def events_of(response: Response, *, as_they_come: tuple[Outcome, ...] = ()) -> list[dict[str, Any]]:
    out = io.StringIO()
    stream = Stream(out, Catalogue.load().get)
    if as_they_come and response.plan is not None:
        watcher = stream.watch(response.plan)
        for outcome in as_they_come:
            watcher.outcome(outcome)
    stream.end(response)
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_event_of_every_kind_of_answer_fits_the_schemas(kind: str) -> None:
    events = events_of(EVERY_KIND[kind]())
    for event in events:
        EVENTS.validate(event)
    assert [event["event"] for event in events].count("end") == 1
    assert events[-1]["event"] == "end"
    ANSWER.validate(events[-1]["response"])


def test_outcomes_are_told_once_as_they_come_and_the_rest_at_the_end() -> None:
    response = fleet_read_response()
    web1, web2 = response.outcomes["web1"][0], response.outcomes["web2"][0]
    events = events_of(response, as_they_come=(web2, web1))
    told = [event["host"] for event in events if event["event"] == "outcome"]
    assert told == ["web2", "web1", "db1", "db2"]
    rows = [event for event in events if event["event"] == "row"]
    expected = sum(len(outcome.rows) for outcomes in response.outcomes.values() for outcome in outcomes)
    assert len(rows) == expected
    assert events[0]["event"] == "plan"


def test_the_command_streams(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    sayso = Sayso(tmp_path, cache=tmp_path_factory.getbasetemp() / "sayso-cache")
    (tmp_path / "app.conf").write_text("a\nb\n")
    done = sayso.run("--stream", "run", "file.show", "path=app.conf")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.status == 0, done
    assert events[0]["event"] == "plan"
    assert [event["event"] for event in events][-2:] == ["outcome", "end"]
    assert done.stderr == ""
    wrong = sayso.run("--stream", "run")
    assert (wrong.status, json.loads(wrong.stdout)["event"]) == (2, "end")
