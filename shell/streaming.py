"""`--stream`: the answer as JSON Lines while hosts finish. Events `plan`, `row`, `outcome`, and at last `end`.

`shell/schema/sayso-1-stream.schema.json` describes them. Events may be added, never changed, within a version.
"""

import json
import threading
from collections.abc import Iterator
from typing import TextIO

from executors.fleet_rows import is_across, waits_for_all
from executors.plan import Outcome, Plan
from executors.run import Watcher
from intents.values import Json, Row
from shell.contract import SCHEMA_VERSION, IntentLookup, outcome_json, plain, plan_json, to_json
from shell.response import Response


class Stream:
    """Writes the events of one request after the other."""

    def __init__(self, stream: TextIO, find_intent: IntentLookup) -> None:
        self._stream = stream
        self._find_intent = find_intent
        self._lock = threading.Lock()
        self._plan: Plan | None = None
        self._told: set[tuple[str, int]] = set()
        """Host and stage of the outcomes that were written as they came."""
        self._waiting: set[int] = set()
        """The stages whose rows can be told only once all hosts have answered."""

    def watch(self, plan: Plan) -> Watcher:
        """Write the plan that is about to be carried out; return what writes its outcomes as they come."""
        stream = self
        self._begin(plan)

        class Events(Watcher):
            def outcome(self, outcome: Outcome) -> None:
                stream.tell(outcome)

        return Events()

    def _begin(self, plan: Plan) -> None:
        self._plan = plan
        self._write("plan", {"request": plan.request, "plan": plan_json(plan)})
        for place, stage in enumerate(plan.stages) if is_across(plan) else ():
            intent = self._find_intent(stage.intent)
            operations = [intent.operation_for(plan.facts.get(host, {})) for host in stage.hosts] if intent else []
            if intent is None or any(waits_for_all(stage, one.read) for one in operations):
                self._waiting.add(place)

    def tell(self, outcome: Outcome) -> None:
        """Write one outcome, after its rows. May be called from any thread."""
        self._told.add((outcome.host, outcome.stage))
        if outcome.stage not in self._waiting:
            self._rows(outcome)
        self._write("outcome", {"host": outcome.host, "outcome": without_rows(outcome_json(outcome))})

    def end(self, response: Response) -> None:
        """Write what was not told yet, and the end; then the next request may come."""
        if response.plan is not None and self._plan is None:
            self._write("plan", {"request": response.request, "plan": plan_json(response.plan)})
        for host, place, row in self._last_rows(response):
            self._write("row", {"host": host, "stage": place, "row": row})
        for host, outcomes in response.outcomes.items():
            for outcome in outcomes:
                if (host, outcome.stage) not in self._told:
                    if outcome.stage not in self._waiting:
                        self._rows(outcome)
                    self._write("outcome", {"host": host, "outcome": without_rows(outcome_json(outcome))})
        document = to_json(response, find_intent=self._find_intent)
        outcomes_json: dict[str, Json] = {
            host: [without_rows(outcome_json(one)) for one in some] for host, some in response.outcomes.items()
        }
        self._write("end", {"response": {**document, "plan": None, "outcomes": outcomes_json}})
        self._plan = None
        self._told.clear()
        self._waiting.clear()

    def _last_rows(self, response: Response) -> Iterator[tuple[Json, int, Json]]:
        """Yield the rows that waited for all hosts: of the table where there is one, else of each host."""
        tables = {table.stage: table for table in response.tables}
        for place in sorted(self._waiting):
            if place in tables:
                for row in tables[place].rows:
                    yield _host_of(row), place, plain(row)
                continue
            for host, outcomes in response.outcomes.items():
                for outcome in outcomes:
                    if outcome.stage == place:
                        yield from ((host, place, plain(row)) for row in outcome.rows)

    def _rows(self, outcome: Outcome) -> None:
        for row in outcome.rows:
            self._write("row", {"host": outcome.host, "stage": outcome.stage, "row": plain(row)})

    def _write(self, event: str, content: dict[str, Json]) -> None:
        line = json.dumps({"schema": SCHEMA_VERSION, "event": event, **content}, ensure_ascii=True, allow_nan=False)
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()


def without_rows(outcome: dict[str, Json]) -> dict[str, Json]:
    """Return an outcome without what its `row` events have told."""
    return {**outcome, "rows": []}


def _host_of(row: Row) -> Json:
    return row.get("on_host", row.get("host"))
