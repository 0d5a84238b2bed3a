"""What the executors need of the audit record: written before a step runs, and again after."""

from collections.abc import Mapping
from typing import Protocol

from intents.values import Json


class Recorder(Protocol):
    """The open record of one request. Both calls return only when the event is on disk.

    Either may raise; a step whose begin can't be written must not run.
    """

    def begin_step(self, step: Mapping[str, Json]) -> int:
        """Write that a step is about to run; return the event's number."""
        ...

    def end_step(self, begun: int, outcome: Mapping[str, Json]) -> None:
        """Write how the step with that begin event ended."""
        ...
