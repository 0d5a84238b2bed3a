"""The record of one request, written to the history as the road goes on: values in, plain JSON out."""

import threading
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from executors.plan import EditStep, Plan, PlaybookStep, RunStep
from executors.policy import Decision
from executors.undo import DoneStep
from history.errors import HistoryError
from history.recording import AddedKind, Recording
from history.store import History
from intents.errors import PlanError
from intents.interpretation import Interpretation, Question
from intents.interpreter import Answer
from intents.values import Json
from shell.exit_status import ExitStatus
from shell.process_identity import is_alive, own_process
from shell.recorded_matches import recorded_match
from shell.response import Approval, Response
from shell.retrying import Retry, find_retry
from shell.standing_changes import Changes, done_step


@dataclass(frozen=True, slots=True)
class CutOff:
    """A change that was begun and of which the history doesn't know the end."""

    record: int
    begun: int
    """The number of its `step_begin` event."""
    begun_utc: str
    is_running: bool
    """Whether the sayso that began it still runs."""
    step: DoneStep
    payload: Mapping[str, Json]
    """The `step_begin` event's own words: effect, vector or edit."""
    ended: Mapping[str, Json]
    """The `step_end` event's words, where it got that far: message, output."""


class Journal:
    """The open record of one request; also the executors' Recorder. Safe to call from worker threads."""

    def __init__(self, history: History | None) -> None:
        self._history = history
        self._recording: Recording | None = None
        self._lock = threading.Lock()

    @property
    def record(self) -> int | None:
        """The record's number, once it is begun."""
        return self._recording.record if self._recording else None

    def begin(self, request: str, *, door: str, user: str, directory: str) -> None:
        """Open a new record. Raises `HistoryError`."""
        if self._history is None:
            raise HistoryError("The history is not open.", remedy="Try again.")
        payload: dict[str, Json] = {
            "request": request,
            "door": door,
            "user": user,
            "directory": directory,
            "process": own_process(),
        }
        with self._lock:
            self._recording = Recording.begin(self._history, payload)

    def _add(self, kind: AddedKind, payload: Mapping[str, Json]) -> None:
        with self._lock:
            if self._recording is not None:
                self._recording.add(kind, payload)

    def add_interpretation(self, interpretation: Interpretation, *, retry_of: int | None = None) -> None:
        """Write what the request was taken to mean; `retry_of` is the record that it tries again."""
        self._add(
            "interpretation",
            {
                "kind": interpretation.kind,
                "confidence": interpretation.confidence,
                "stage": interpretation.stage,
                "matches": [recorded_match(match) for match in interpretation.matches],
                "question": interpretation.question.text if interpretation.question else None,
                "decline": interpretation.decline.reason if interpretation.decline else None,
                "retry_of": retry_of,
            },
        )

    def add_answer(self, question: Question, answer: Answer) -> None:
        """Write what a person answered."""
        self._add("answer", {"question": question.text, "intent": answer.intent, "values": dict(answer.values or {})})

    def add_plan(self, plan: Plan, decision: Decision) -> None:
        """Write the plan with its diffs and its hash, and what the policy said to it."""
        stages: list[Json] = []
        for stage in plan.stages:
            hosts: dict[str, Json] = {}
            for host, steps in stage.hosts.items():
                hosts[host] = [
                    {
                        "effect": planned.effect.value,
                        "diff": planned.diff,
                        "run": list(planned.step.argv) if isinstance(planned.step, RunStep) else None,
                        "edit": planned.step.path if isinstance(planned.step, EditStep) else None,
                        "playbook": planned.step.playbook if isinstance(planned.step, PlaybookStep) else None,
                    }
                    for planned in steps
                ]
            undo_of = stage.undo_of
            stages.append({"intent": stage.intent, "risk": stage.risk.word, "undo_of": undo_of, "hosts": hosts})
        facts: dict[str, Json] = {host: dict(known) for host, known in plan.facts.items()}
        left_out: list[Json] = [
            {"host": one.host, "status": one.status, "message": one.message} for one in plan.left_out
        ]
        batches: list[Json] = [list(batch) for batch in plan.batches]
        planned: dict[str, Json] = {"id": plan.id, "hash": plan.hash, "stages": stages, "facts": facts}
        self._add("plan", {**planned, "batches": batches, "left_out": left_out})
        self._add("policy", {"decision": decision.word, "rule": decision.rule})

    def add_approval(self, approval: Approval) -> None:
        """Write who approved, and how."""
        self._add("approval", dict(asdict(approval)))

    def begin_step(self, step: Mapping[str, Json]) -> int:
        """Write, synced, that a step is about to run."""
        recording = self._recording
        if recording is None:
            raise HistoryError("The history has no open record.", remedy="Try again.")
        return recording.begin_step(step)  # without our lock: what several hosts write at once is synced once

    def end_step(self, begun: int, outcome: Mapping[str, Json]) -> None:
        """Write how a step ended."""
        recording = self._recording
        if recording is not None:
            recording.end_step(begun, outcome)

    def end(self, response: Response) -> None:
        """Write how the request ended."""
        fault = response.fault
        self._add(
            "end",
            {
                "status": int(response.status),
                "what": _what_came_of_it(response),
                "fault": {"code": fault.code, "message": fault.message} if fault else None,
                "warnings": list(response.warnings),
                "model": response.model.sha256 if response.model else None,
                "timing_ms": dict(response.timing_ms),
            },
        )

    @property
    def changes(self) -> Changes:
        """What the history says of changes made and taken back. Raises `PlanError` without a history."""
        if self._history is None:
            raise PlanError("There is no history.", remedy="Nothing was changed through sayso yet.")
        return Changes(self._history)

    def retry_of(self, record: int | None) -> Retry:
        """Return what is left of a record, of the last of which something is left when None. Raises `PlanError`."""
        if self._history is None:
            raise PlanError("There is no history.", remedy="Nothing was done through sayso yet.")
        return find_retry(self._history, record, own=self.record)

    def close(self) -> None:
        """Close the history."""
        if self._history is not None:
            self._history.close()


class NoJournal(Journal):
    """Stands where the history can't be written: a read's steps go unrecorded, a change is refused before."""

    def __init__(self, error: HistoryError) -> None:
        super().__init__(None)
        self.error = error

    def begin_step(self, step: Mapping[str, Json]) -> int:
        """Return a number for a read's step; the session lets no change come here."""
        if step.get("risk") != "read":
            raise self.error
        return 0

    def end_step(self, begun: int, outcome: Mapping[str, Json]) -> None:
        """Keep nothing: there is nowhere to keep it."""


def _what_came_of_it(response: Response) -> str:
    """Return in words what the request led to, so that a list tells a change from a plan that stayed one."""
    if response.status is not ExitStatus.DONE:
        return response.status.name.lower().replace("_", " ")
    outcomes = [outcome for results in response.outcomes.values() for outcome in results]
    if any(outcome.status == "changed" for outcome in outcomes):
        return "changed"
    if outcomes:
        return "done"
    if response.plan is None:
        return "explained"
    if response.approval is not None:
        return "approved"
    return "nothing to do" if response.plan.is_empty else "dry run"


def cut_off_steps(history: History) -> list[CutOff]:
    """Return the changes of which nobody knows what they did, oldest first; those still being made are marked."""
    found = []
    for event in history.unresolved():
        if event.payload.get("risk") == "read":
            continue
        events = history.events(event.record)
        ends = (one.payload for one in events if one.kind == "step_end" and one.payload.get("begun") == event.number)
        step, ended = done_step(event.payload, {}), next(ends, {})
        is_running = not ended and is_alive(events[0].payload.get("process"))
        found.append(CutOff(event.record, event.number, event.utc, is_running, step, event.payload, ended))
    return found


def records_kept_in(path: Path, host: str, backups: Collection[str]) -> tuple[int, ...]:
    """Return the records of the history at `path` whose undo needs one of these backups of a host. Raises `HistoryError`."""
    if not backups or not path.exists():
        return ()
    kept = frozenset(backups)
    with History.open(path, read_only=True) as history:
        found = [
            event.record
            for event in history.kept_contents()
            if event.payload.get("backup") in kept and event.payload.get("host") == host
        ]
    return tuple(dict.fromkeys(found))


def open_journal(path: Path, current: Journal | None) -> Journal:
    """Return a journal on the open history of `current`, or on a newly opened one. Raises `HistoryError`."""
    if current is not None and not isinstance(current, NoJournal):
        return Journal(current._history)  # noqa: SLF001 - the same class
    return Journal(History.open(path))


def settle(
    history: History, step: CutOff, *, status: str, finding: str, after: Mapping[str, Json], backup: str | None = None
) -> None:
    """Write what was found of a step that was cut off: `changed`, `not done`, or `unknown` for good."""
    payload: dict[str, Json] = {
        "begun": step.begun,
        "host": step.step.host,
        "status": status,
        "finding": finding,
        "after": dict(after),
        "backup": backup,
    }
    history.append("recovery", step.record, payload)
