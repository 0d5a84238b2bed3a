"""Runs the vectors of the catalogue on real tools, in an environment that keeps them to a place of the test's own.

The account of a vector (`as_user`) is not taken: everything runs as whoever runs the test.
"""

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from executors.state import run_step, unmet
from intents.catalogue import Catalogue
from intents.grounding import default_value
from intents.intent import Command, Intent, Operation, Read
from intents.parsers import parse_output
from intents.rules import check_value
from intents.types.base import ValueContext
from intents.values import Json, Row

CATALOGUE = Catalogue.load()
LIMIT_S = 60.0
_CONTEXT = ValueContext(datetime(2026, 11, 24, 23, 0, tzinfo=UTC), "/", "/")


@dataclass(frozen=True)
class RealTools:
    """The catalogue's intents on the tools of this machine."""

    environment: Mapping[str, str]
    facts: Mapping[str, str] = field(default_factory=dict)

    def values(self, name: str, given: Mapping[str, Json]) -> dict[str, Json]:
        """Return checked values, with the defaults of what isn't given."""
        intent = CATALOGUE[name]
        for parameter, value in given.items():
            check_value(intent, parameter, value)
        defaults = {
            parameter.name: default_value(parameter, _CONTEXT)
            for parameter in intent.parameters.values()
            if parameter.default is not None
        }
        return {**defaults, **given}

    def operation(self, name: str) -> Operation:
        """Return the operation that these facts choose."""
        return CATALOGUE[name].operation_for(self.facts)

    def run(self, intent: Intent, command: Command, values: Mapping[str, Json]) -> bytes:
        """Run one command as the catalogue makes it, and return what it printed."""
        step = run_step(intent, command, values, interrupt="kill")
        base = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC0"}
        done = subprocess.run(
            step.argv, input=step.stdin or b"", capture_output=True, env={**base, **self.environment}, cwd="/", timeout=120, check=False
        )  # fmt: skip
        assert done.returncode in step.ok_exit_codes, (step.argv, done.stdout, done.stderr)
        return done.stdout

    def rows(self, name: str, read: Read | None, values: Mapping[str, Json]) -> list[Row]:
        """Return the rows of one of an intent's reads."""
        assert read is not None
        return parse_output(read.parser, self.run(CATALOGUE[name], read.command, values), read.columns)

    def read(self, name: str, /, **given: Json) -> list[Row]:
        """Return the rows of a read intent."""
        return self.rows(name, self.operation(name).read, self.values(name, given))

    def would(self, name: str, /, **given: Json) -> list[Row]:
        """Return what the dry run of a change says."""
        return self.rows(name, self.operation(name).simulate, self.values(name, given))

    def state(self, name: str, /, **given: Json) -> Row:
        """Return the state that a change looks at; empty where there is none."""
        rows = self.rows(name, self.operation(name).state, self.values(name, given))
        return rows[0] if rows else {}

    def refusal(self, name: str, /, **given: Json) -> list[str]:
        """Return why a change would be refused in the state of now."""
        values = self.values(name, given)
        return unmet(CATALOGUE[name], self.operation(name).needs, values, before=None, now=self.state(name, **given))

    def change(self, name: str, /, **given: Json) -> tuple[Row, Row]:
        """Make a change that is still to be made, and return the states before and after; the after is as expected."""
        intent, operation, values = CATALOGUE[name], self.operation(name), self.values(name, given)
        before = self.state(name, **given) if operation.state else {}
        if operation.state is not None:
            assert unmet(intent, operation.needs, values, before=None, now=before) == []
            assert operation.always or unmet(intent, operation.expect, values, before=None, now=before) != []
        assert operation.change is not None
        self.run(intent, operation.change, values)
        after: Row = {}
        end = time.monotonic() + operation.expect_within_s
        while operation.state is not None:
            after = self.state(name, **given)
            lacking = unmet(intent, operation.expect, values, before=before, now=after)
            if not lacking:
                break
            assert time.monotonic() < end, (lacking, after)
            time.sleep(0.01)
        if operation.simulate is not None and not operation.always:
            assert self.rows(name, operation.simulate, values) == []
        return before, after
