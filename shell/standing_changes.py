"""Which changes of the history still stand: without what was taken back, with what undoing an undo made again."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from executors.left_behind import MovedError
from executors.undo import DoneStep
from history.store import History
from intents.errors import PlanError
from intents.values import Json

LOOK_BACK = 500
"""How many records `undo` looks through, the newest first."""

_Hosts = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A record with those of its steps that nobody has taken back, in the order in which they ended."""

    record: int
    steps: Sequence[DoneStep]
    depth: int
    """0 for a change, 1 for an undo, 2 for the undo of an undo (which is the change once more), and so on."""
    taken_back_by: int | None = None
    """The last record that took any of its steps back."""


@dataclass(slots=True)
class Changes:
    """What the history says of changes made and taken back."""

    history: History
    _depths: dict[int, int] = field(default_factory=dict)

    def last(self, hosts: _Hosts, *, before: int | None = None) -> Standing:
        """Return the last change that still stands; with `hosts` only what was changed there, with `before` an older one.

        Raises `PlanError` when there is none.
        """
        for one in self._standing(hosts):
            if one.steps and one.depth % 2 == 0 and (before is None or one.record < before):
                return one
        raise PlanError("There is no change to take back.", remedy="`sayso history` shows what was done.")

    def of(self, record: int, hosts: _Hosts) -> Standing:
        """Return what still stands of a record. Raises `PlanError` when nothing of it does, saying why."""
        if not self.history.events(record):
            raise PlanError(f"There is no record {record}.", remedy="`sayso history` shows the numbers.")
        if not _on_hosts(done_steps(self.history, record), hosts):
            raise PlanError(f"Record {record} changed nothing.", remedy="`sayso history` shows what was done.")
        for one in self._standing(hosts):
            if one.record == record and one.steps:
                return one
            if one.record == record:
                raise PlanError(
                    f"Record {record} was taken back already, by record {one.taken_back_by}.",
                    remedy=f"`sayso undo {one.taken_back_by}` makes that change again.",
                )
        return Standing(record, _on_hosts(done_steps(self.history, record), hosts), 0)

    @contextmanager
    def explaining(self, standing: Standing, hosts: _Hosts, *, was_named: bool) -> Iterator[None]:
        """Raise a `PlanError` from within with what to do about it: which record is in the way, and which would be next."""
        try:
            yield
        except PlanError as error:
            remedy = self._remedy(error, standing, hosts, was_named=was_named)
            raise PlanError(error.message, remedy=remedy) from error

    def _remedy(self, error: PlanError, standing: Standing, hosts: _Hosts, *, was_named: bool) -> str:
        remedy = error.remedy
        later = self._later_on_the_same(standing, hosts)
        if later is not None:
            remedy = f"Record {later} changed the same since: take that back first, with `sayso undo {later}`."
        elif isinstance(error, MovedError):
            remedy = f"No later record did that, so it was changed without sayso. {remedy}"
        if not was_named:
            try:
                older = self.last(hosts, before=standing.record)
                remedy += f" To leave it as it is and take back the change before it: `sayso undo {older.record}`."
            except PlanError:
                remedy += " It is the only change that stands."
        return remedy

    def _later_on_the_same(self, standing: Standing, hosts: _Hosts) -> int | None:
        things = _things(standing.steps)
        for one in self._standing(hosts):
            if one.record <= standing.record:
                return None
            if things & _things(one.steps):
                return one.record
        return None

    def _standing(self, hosts: _Hosts) -> Iterator[Standing]:
        """Yield the records that changed something, the newest first: what took one back is known before it."""
        taken: dict[int, Counter[str]] = {}
        taken_by: dict[int, int] = {}
        for summary in self.history.records(limit=LOOK_BACK):
            number = summary.record
            done = _on_hosts(done_steps(self.history, number), hosts)
            if not done:
                continue
            left = _without(done, taken.get(number, Counter()))
            for step in left:
                if step.undo_of is not None:
                    taken.setdefault(step.undo_of, Counter())[_taken_key(step)] += 1
                    taken_by.setdefault(step.undo_of, number)
            yield Standing(number, left, self._depth(done[0]), taken_by.get(number))

    def _depth(self, step: DoneStep) -> int:
        if step.undo_of is None:
            return 0
        if step.undo_of not in self._depths:
            taken = done_steps(self.history, step.undo_of)
            self._depths[step.undo_of] = self._depth(taken[0]) if taken else 0
        return 1 + self._depths[step.undo_of]


def _on_hosts(steps: Sequence[DoneStep], hosts: _Hosts) -> list[DoneStep]:
    return [step for step in steps if hosts is None or step.host in hosts]


def _key(host: str, intent: str, arguments: Mapping[str, Json]) -> str:
    return json.dumps([host, intent, dict(arguments)], sort_keys=True, default=str)


def _taken_key(step: DoneStep) -> str:
    """Return which step an undo took back; of a record that doesn't say it, all of the host."""
    if step.takes_back is not None:
        return _key(step.host, *step.takes_back)
    return step.host if step.edit_path is None else _key(step.host, step.intent, step.arguments)


def _without(steps: Sequence[DoneStep], taken: Counter[str]) -> list[DoneStep]:
    """Return the steps that aren't among those taken back; of equal ones the last were taken back first."""
    left, rest = [], Counter(taken)
    for step in reversed(steps):
        key = _key(step.host, step.intent, step.arguments)
        if rest[step.host]:
            continue
        if rest[key]:
            rest[key] -= 1
            continue
        left.append(step)
    return left[::-1]


def _things(steps: Sequence[DoneStep]) -> set[tuple[str, str]]:
    """Return what the steps are about, with its host: the paths among their arguments, else noun and first argument."""
    found: set[tuple[str, str]] = set()
    for step in steps:
        texts = [one for one in (step.edit_path, *step.arguments.values()) if isinstance(one, str)]
        paths = [one for one in texts if one.startswith("/")]
        noun = step.intent.partition(".")[0]
        found |= {(step.host, one) for one in paths or [f"{noun}:{text}" for text in texts[:1]]}
    return found


def done_steps(history: History, record: int) -> list[DoneStep]:
    """Return the steps of a record that changed something, in the order in which they ended."""
    begun: dict[int, Mapping[str, Json]] = {}
    done: list[DoneStep] = []
    for event in history.events(record):
        if event.kind == "step_begin":
            begun[event.number] = event.payload
        elif event.kind in {"step_end", "recovery"} and event.payload.get("status") == "changed":
            number = event.payload.get("begun")
            step = begun.get(number) if isinstance(number, int) else None
            if step is not None:
                done.append(done_step(step, event.payload))
    return done


def done_step(step: Mapping[str, Json], outcome: Mapping[str, Json]) -> DoneStep:
    """Return a change as its two events tell it."""
    edit = step.get("edit")
    return DoneStep(
        host=str(step["host"]),
        intent=str(step["intent"]),
        arguments=_mapping(step.get("arguments")),
        before=_mapping(step.get("before")),
        after=_mapping(outcome.get("after")),
        backup=_text(outcome.get("backup")),
        edit_path=_text(edit.get("path")) if isinstance(edit, Mapping) else None,
        as_user=_text(step.get("as_user")),
        undo_of=number if isinstance(number := step.get("undo_of"), int) else None,
        made_directory=isinstance(edit, Mapping) and edit.get("made_directory") is True,
        takes_back=_taken_back(step.get("takes_back")),
    )


def _taken_back(value: Json) -> tuple[str, Mapping[str, Json]] | None:
    if not isinstance(value, Mapping) or not isinstance(value.get("intent"), str):
        return None
    return str(value["intent"]), _mapping(value.get("arguments"))


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
