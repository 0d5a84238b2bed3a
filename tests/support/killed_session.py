"""Runs one change in a process that kills itself, as a power cut would, at a boundary of its first step.

Arguments: folder, ssh_config, boundary, intent, and its `key=value` pairs. The host is called `box`.
"""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from intents.values import Json
from shell.journal import Journal
from shell.road import Options
from tests.support.sessions import Approver, session_in

BOUNDARIES = ("before begin", "after begin", "before end", "after end")


class _DyingJournal:
    """The two writes around a step, with the end of this process before or after one of them."""

    def __init__(self, boundary: str) -> None:
        self._boundary = boundary
        self._begin_step = Journal.begin_step
        self._end_step = Journal.end_step

    def install(self) -> None:
        def begin_step(journal: Journal, step: Mapping[str, Json]) -> int:
            self._die_at("before begin")
            begun = self._begin_step(journal, step)
            self._die_at("after begin")
            return begun

        def end_step(journal: Journal, begun: int, outcome: Mapping[str, Json]) -> None:
            self._die_at("before end")
            self._end_step(journal, begun, outcome)
            self._die_at("after end")

        Journal.begin_step = begin_step  # type: ignore[method-assign, assignment]  # this process exists for that
        Journal.end_step = end_step  # type: ignore[method-assign, assignment]  # the same

    def _die_at(self, boundary: str) -> None:
        if boundary == self._boundary:
            os.kill(os.getpid(), signal.SIGKILL)


def main(folder: str, config: str, boundary: str, intent: str, *pairs: str) -> None:
    """Carry the change out until the boundary."""
    _DyingJournal(boundary).install()
    place = Path(folder)
    with session_in(place, door="terminal", person=Approver(), ssh_configs=(Path(config),)) as session:
        session.run_intent(intent, pairs, Options(on="box"))


if __name__ == "__main__":
    main(*sys.argv[1:])
