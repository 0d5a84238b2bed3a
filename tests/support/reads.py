"""Runs the read of an intent for real on this machine, as the catalogue has it."""

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime

from executors.state import parser_options, run_step
from intents.catalogue import Catalogue
from intents.grounding import default_value
from intents.intent import Intent, Read
from intents.parsers import parse_output
from intents.rules import check_value
from intents.types.base import ValueContext
from intents.values import Json, Row

CATALOGUE = Catalogue.load()
CONTEXT = ValueContext(datetime(2026, 11, 24, 23, 0, tzinfo=UTC), "/home/alice", "/home/alice")


def with_defaults(intent: Intent, values: Mapping[str, Json]) -> dict[str, Json]:
    """Return the checked values and the defaults of the parameters that aren't among them."""
    for name, value in values.items():
        check_value(intent, name, value)
    defaults = {
        name: default_value(parameter, CONTEXT)
        for name, parameter in intent.parameters.items()
        if parameter.default is not None
    }
    return {**defaults, **values}


def run_read(intent: Intent, read: Read, values: Mapping[str, Json]) -> list[Row]:
    """Return the rows of a read; a failed one fails the test with what its command said."""
    step = run_step(intent, read.command, values, interrupt="kill")
    done = subprocess.run(
        step.argv, capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC0"}, cwd="/", check=False
    )
    assert done.returncode in step.ok_exit_codes, done
    return parse_output(read.parser, done.stdout, read.columns, parser_options(intent, read, values))


def read_for_real(name: str, /, **values: Json) -> list[Row]:
    """Return the rows of the read intent `name` with these canonical values, in the order of its parser."""
    intent = CATALOGUE[name]
    assert intent.operation.read is not None
    return run_read(intent, intent.operation.read, with_defaults(intent, values))
