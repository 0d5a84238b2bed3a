"""The rows of `tests/hosts/changes/*.yml`: a change of the catalogue on a real host, there and back again."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from executors.command_planning import SIMULATED
from executors.diffs import state_diff
from executors.plan import EditStep, Effect, Outcome, PlannedStep, RunStep
from intents.catalogue import Catalogue
from shell.exit_status import ExitStatus
from shell.response import Response
from shell.road import Options
from shell.session import Session
from tests.support.host_snapshot import Snapshot
from tests.support.hosts import Host, systemd_host
from tests.support.sessions import Approver

ROWS = Path(__file__).parents[1] / "hosts" / "changes"


@dataclass(frozen=True)
class Case:
    intent: str
    name: str
    arguments: Mapping[str, str | Sequence[str]]
    changes: Sequence[str]
    prepare: Sequence[Sequence[str]] = ()
    account: str = "ops"
    again: str = "already so"
    stays: Mapping[str, str] = field(default_factory=dict)
    once: str = ""

    @property
    def pairs(self) -> list[str]:
        return [
            f"{key}={value}"
            for key, values in self.arguments.items()
            for value in ([values] if isinstance(values, str) else values)
        ]


def _cases() -> list[Case]:
    tables: list[dict[str, list[dict[str, Any]]]] = [
        yaml.safe_load(path.read_text()) for path in sorted(ROWS.glob("*.yml"))
    ]
    return [Case(intent, **row) for table in tables for intent, rows in table.items() for row in rows]


CASES = _cases()
CATALOGUE = Catalogue.load()
ALONE = frozenset({"package", "firewall", "network", "ssh", "time"})
"""Nouns whose rows leave what goes on by itself, or cut off who comes after."""


def is_playbook(case: Case) -> bool:
    """Whether the row's change is made by Ansible, which takes ten times as long."""
    return CATALOGUE[case.intent].operation.playbook is not None


class Hosts:
    """A host for all rows that leave nothing running; one that isn't as it was is given up."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._shared: Host | None = None
        self._fresh: Snapshot | None = None

    def shared(self) -> Host:
        """Return the host of such rows, started where there is none."""
        if self._shared is None:
            self._shared = self._open.enter_context(systemd_host())
            self._fresh = self._shared.snapshot()
        return self._shared

    def settle(self) -> None:
        """Give the host up where a row left something: what it had prepared, or what can't be taken back."""
        if self._shared is not None and self._fresh is not None and self._fresh.difference(self._shared.snapshot()):
            self.close()

    def close(self) -> None:
        """End it; the next row gets a new one."""
        self._shared = self._fresh = None
        self._open.close()


def leaves_something_running(case: Case) -> bool:
    """Whether what the row installs, starts or cuts off could be a difference of the next one (a log shipper, a rule)."""
    noun = case.intent.partition(".")[0]
    installs = any("apt-get" in argv for argv in case.prepare)
    return installs or noun in ALONE or is_playbook(case)


def go_round(case: Case, host: Host, session: Session, person: Approver) -> None:
    """Plan, apply, ask again and undo one row, and look at the host in between."""
    for argv in case.prepare:
        host.run_inside(*argv)
    before = host.snapshot()
    while_planning: list[str] = []
    person.meanwhile = lambda: while_planning.extend(before.difference(host.snapshot()))

    done = session.run_intent(case.intent, case.pairs, Options(on=case.account))
    assert done.status is ExitStatus.DONE, (done.fault, done.outcomes)
    assert len(person.plans) == 1
    assert while_planning == [], "planning changed the host"
    steps = _steps(done)
    assert {step.effect for step in steps} <= {Effect.WILL_CHANGE, Effect.CANNOT_KNOW}, steps
    assert {outcome.status for outcome in done.outcomes[case.account]} == {"changed"}
    _assert_only(before.difference(host.snapshot()), case.changes)
    for step, outcome in zip(steps, done.outcomes[case.account], strict=True):
        _assert_came_true(step, outcome, host)

    again = session.run_intent(case.intent, case.pairs, Options(on=case.account, dry_run=True))
    if case.again == "already so":
        assert again.status is ExitStatus.DONE, again.fault
        assert {step.effect for step in _steps(again)} == {Effect.ALREADY_SO}
    elif case.again == "always":
        assert Effect.ALREADY_SO not in {step.effect for step in _steps(again)}
    else:
        assert again.status is not ExitStatus.DONE

    person.meanwhile = None
    undone = session.undo(done.record, Options())
    if all(step.cannot_undo for step in steps):
        assert undone.status is ExitStatus.REFUSED, undone
        return
    assert undone.status is ExitStatus.DONE, (undone.fault, undone.outcomes)
    left = before.difference(host.snapshot())
    assert [line for line in left if not line.startswith(tuple(case.stays))] == [], "undo left something"

    once_more = session.undo(undone.record, Options(on=case.account, dry_run=True))
    if case.once:
        assert once_more.status is ExitStatus.REFUSED, once_more
        return
    assert once_more.status is ExitStatus.DONE, ("an undo can be taken back", once_more.fault)


def _steps(response: Response) -> list[PlannedStep]:
    assert response.plan is not None, response.fault
    return [step for stage in response.plan.stages for steps in stage.hosts.values() for step in steps]


def _assert_came_true(step: PlannedStep, outcome: Outcome, host: Host) -> None:
    """What the plan showed is what there is: the file's content, or each line of the state but "a new one"."""
    if isinstance(step.step, EditStep):
        path = host.path(step.step.path)
        assert (path.read_bytes() if path.exists() else None) == step.step.after
    elif isinstance(step.step, RunStep) and SIMULATED not in step.before:
        now = state_diff({}, outcome.after, "now").splitlines()
        promised = [line for line in step.diff.splitlines()[2:] if line.startswith("+") and not line.endswith("(new)")]
        assert [line for line in promised if line not in now] == []


def _assert_only(lines: Sequence[str], expected: Sequence[str]) -> None:
    """Each line begins with one of the expected texts, and each of these begins a line."""
    assert [line for line in lines if not line.startswith(tuple(expected))] == [], "it changed more than its row says"
    assert [text for text in expected if not any(line.startswith(text) for line in lines)] == [], lines
