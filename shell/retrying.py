"""What of a record is left to be tried again: on which hosts it failed, was never begun, or nobody knows.

Told from the record's events alone, so that it holds for one that was cut off with its process as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from history.event import Event
from history.store import History
from intents.errors import PlanError
from intents.interpretation import Match
from intents.values import Json
from shell.process_identity import is_alive
from shell.recorded_matches import match_of

LOOK_BACK = 500
"""How many records are looked through for the last one of which something is left."""

_DONE = frozenset({"ok", "changed"})
_ALREADY_SO = "already so"
NOT_BEGUN = "not begun"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Retry:
    """What is to be planned again. `hosts` maps each host to how it stands with it."""

    record: int
    matches: tuple[Match, ...]
    hosts: Mapping[str, str]
    undo_of: int | None = None
    """The record that was to be taken back, of an undo."""


def find_retry(history: History, record: int | None, *, own: int | None) -> Retry:
    """Return what is left of a record; of the last of which something is left when None. `own` is the record in hand.

    Raises `PlanError` where nothing is left, where nothing was carried out, and for one that is still going on.
    """
    if record is not None:
        story = _Story.of(history.events(record))
        _require_retriable(story, record)
        left = story.left()
        if not left:
            raise PlanError(
                f"Record {record} has nothing left to try again.", remedy="`sayso history` shows the others."
            )
        return story.retry(record, left)
    followed: set[int] = set()
    for summary in history.records(limit=LOOK_BACK):
        if summary.record == own:
            continue
        story = _Story.of(history.events(summary.record))
        if story.retry_of is not None:
            followed.add(story.retry_of)
        if summary.record in followed or not story.was_carried_out or story.is_going_on:
            continue
        left = story.left()
        if left:
            return story.retry(summary.record, left)
    raise PlanError("There is nothing to try again.", remedy="`sayso history` shows what was done.")


def _require_retriable(story: "_Story", record: int) -> None:
    if story.is_going_on:
        raise PlanError(f"Record {record} is still being worked on by another sayso.", remedy="Wait for it to end.")
    if not story.was_carried_out:
        raise PlanError(f"Nothing of record {record} was carried out.", remedy="Ask for it again.")


@dataclass(slots=True)
class _Story:
    """What the events of one record tell."""

    process: Json = None
    matches: Sequence[Json] = ()
    retry_of: int | None = None
    undo_of: int | None = None
    was_approved: bool = False
    has_ended: bool = False
    to_do: dict[str, int] = field(default_factory=dict)
    """Host -> how many steps the plan has for it, without those that were already so."""
    left_out: dict[str, str] = field(default_factory=dict)
    begun: dict[int, str] = field(default_factory=dict)
    """Number of a `step_begin` -> its host."""
    ended: dict[int, str] = field(default_factory=dict)
    """Number of a `step_begin` -> how the step ended."""

    @classmethod
    def of(cls, events: Sequence[Event]) -> "_Story":
        story = cls()
        for event in events:
            story._hear(event)
        return story

    def _hear(self, event: Event) -> None:
        payload = event.payload
        match event.kind:
            case "request":
                self.process = payload.get("process")
            case "interpretation":
                matches, retry_of = payload.get("matches"), payload.get("retry_of")
                self.matches = matches if isinstance(matches, list) else ()
                self.retry_of = retry_of if isinstance(retry_of, int) else None
            case "plan":
                self._hear_plan(payload)
            case "approval":
                self.was_approved = True
            case "step_begin":
                self.begun[event.number] = str(payload.get("host"))
            case "step_end" | "recovery":
                number = payload.get("begun")
                if isinstance(number, int):
                    self.ended[number] = str(payload.get("status"))
            case "end":
                self.has_ended = True

    def _hear_plan(self, payload: Mapping[str, Json]) -> None:
        self.to_do.clear()
        for stage in _list(payload.get("stages")):
            undo_of, hosts = stage.get("undo_of"), stage.get("hosts")
            self.undo_of = undo_of if isinstance(undo_of, int) else self.undo_of
            for host, steps in hosts.items() if isinstance(hosts, Mapping) else ():
                open_steps = [one for one in _list(steps) if one.get("effect") != _ALREADY_SO]
                self.to_do[host] = self.to_do.get(host, 0) + len(open_steps)
        self.left_out = {str(one.get("host")): str(one.get("status")) for one in _list(payload.get("left_out"))}

    @property
    def was_carried_out(self) -> bool:
        return self.was_approved or bool(self.begun)

    @property
    def is_going_on(self) -> bool:
        return not self.has_ended and is_alive(self.process)

    def left(self) -> dict[str, str]:
        """Return host -> how it stands, of those on which not everything ended well; in the plan's order."""
        states = {host: self._state(host) for host in self.to_do} | self.left_out
        return {host: state for host, state in states.items() if state not in _DONE}

    def _state(self, host: str) -> str:
        ends = [self.ended.get(number, UNKNOWN) for number, on in self.begun.items() if on == host]
        bad = [status for status in ends if status not in _DONE]
        if bad:
            return bad[-1]
        return "ok" if len(ends) >= self.to_do[host] else NOT_BEGUN

    def retry(self, record: int, left: Mapping[str, str]) -> Retry:
        matches = tuple(match_of(one, record) for one in self.matches)
        return Retry(record, matches, left, self.undo_of)


def _list(value: Json) -> list[Mapping[str, Json]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []
