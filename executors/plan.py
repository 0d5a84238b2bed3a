"""Plans: what will be done on which host, with its effect and diff, as immutable values."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, TypeAlias

from executors.schedule import Schedule
from intents.intent import EffectName, Interrupt, Risk
from intents.interpretation import Evidence, Match
from intents.operations import RowOperation
from intents.values import Column, Json, Row


class Effect(Enum):
    """What a step will do to its host. Never silently "ok"."""

    READ = "read"
    WILL_CHANGE = "will change"
    ALREADY_SO = "already so"
    CANNOT_KNOW = "cannot know"


@dataclass(frozen=True, slots=True)
class RunStep:
    """Run one argument vector."""

    argv: tuple[str, ...]
    as_user: str | None = None
    stdin: bytes | None = None
    ok_exit_codes: tuple[int, ...] = (0,)
    timeout_s: float = 60.0
    interrupt: Interrupt = "kill"
    makes: str | None = None
    """The file that the program makes and that is in the vector: written privately, and put there when it is whole."""
    secrets: tuple[tuple[str, int], ...] = ()
    """What is asked for once the plan is approved ("password of anna"), and after how many bytes of `stdin` it goes in."""


@dataclass(frozen=True, slots=True)
class EditStep:
    """Replace one file's content (or create or delete the file), atomically, with a backup.

    `before_sha256` is None where the file is absent. The new content is `after`; or, of a file too large to
    hold, it is made on the way from `streamed`; or it is that of the backup `restores`. With none of the
    three the file is deleted. All fields are plain, so that the plan's hash covers each.
    """

    path: str
    before_sha256: str | None
    after: bytes | None
    validator: str | None = None
    as_user: str | None = None
    interrupt: Interrupt = "wait"
    streamed: tuple[tuple[str, str], ...] = ()
    """`operation` and the edit's arguments by name; empty where `after` holds the content."""
    restores: str | None = None
    """The path of the backup, on the file's host, that is put back."""
    later_sha256: str | None = None
    """SHA-256 (hex) of the content that `streamed` or `restores` must come to."""
    mode: int | None = None
    """The permission bits of a file that is created; None means 0644."""
    makes_directory: bool = False
    """The file's directory comes with the file: it is made before, and when the file is deleted, removed if empty."""
    link: str | None = None
    """The symbolic link that was named and followed to `path`."""

    @property
    def after_sha256(self) -> str | None:
        """SHA-256 (hex) of the content that the file will have; None where it will be deleted."""
        return self.later_sha256 if self.after is None else hashlib.sha256(self.after).hexdigest()

    @property
    def is_deletion(self) -> bool:
        """Whether the file will be gone."""
        return self.after is None and self.later_sha256 is None


@dataclass(frozen=True, slots=True)
class PlaybookStep:
    """Run one of our playbooks. `sha256` (hex) is that of its files when the plan was made."""

    playbook: str
    variables: tuple[tuple[str, str], ...]
    sha256: str
    as_user: str | None = None
    timeout_s: float = 300.0
    interrupt: Interrupt = "wait"


Step: TypeAlias = RunStep | EditStep | PlaybookStep


@dataclass(frozen=True, slots=True)
class Touched:
    """What else a step touches: shown before approval, of no weight in what is decided."""

    label: str
    """What it is: "services that depend on it"."""
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The change that a step of an undo takes back: the request that it was, and what it left behind."""

    intent: str
    arguments: Mapping[str, Json]
    left: Mapping[str, Json] = field(default_factory=dict)
    """What has to be as the change left it, also when the step's turn comes; empty where nothing is known of it."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step with what is known of its effect on one host."""

    step: Step
    effect: Effect
    diff: str = ""
    """Unified diff of the file, or of the state as `key: value` lines; empty for reads."""
    reason: str = ""
    """Why it is already so, or why the effect can't be known; else what will happen, in words."""
    before: Mapping[str, Json] = field(default_factory=dict)
    """The state before (one row), for verification and undo."""
    cannot_undo: str | None = None
    touched: tuple[Touched, ...] = ()
    is_summary: bool = False
    """Whether the diff leaves something out, so that it can't be approved by having been seen."""
    arguments: Mapping[str, Json] = field(default_factory=dict)
    """The values that this step has besides its stage's: taken from the rows of an earlier stage."""
    is_predicted: bool = False
    """Whether the state before is what an earlier stage of the plan will lead to, not what was read."""
    effects: tuple[EffectName, ...] = ()
    """What the step grants or discloses: as its intent declares, and as its paths imply."""
    leads_to: Mapping[str, str] = field(default_factory=dict)
    """Path as given in an argument -> where it leads on the host (links, `..`, mounts), of those that lead elsewhere."""
    guard: str | None = None
    """Why the change can cut off the person who makes it, so that a rollback is armed before it."""
    takes_back: TakenBack | None = None
    """For the inverse of a command: what it takes back; else None."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is approved of a stage whose arguments only an earlier stage's run will tell.

    Outside of it nothing runs: more values than `maximum`, or a value that the parameter doesn't take.
    """

    parameter: str
    source: int
    """The earlier stage's place in the plan, from 0."""
    column: str
    maximum: int


@dataclass(frozen=True, slots=True)
class Stage:
    """The steps of one match over its hosts.

    With an `envelope` the hosts have no steps yet: they are planned when the stage's turn comes.
    """

    intent: str
    risk: Risk
    effects: tuple[EffectName, ...]
    match: Match
    hosts: Mapping[str, tuple[PlannedStep, ...]]
    undo_of: int | None = None
    """The record whose edit this stage takes back; None for an ordinary stage."""
    envelope: Envelope | None = None

    def values_of(self, planned: PlannedStep) -> dict[str, Json]:
        """Return the argument values of one of its steps."""
        return {**self.match.values(), **planned.arguments}


OutcomeStatus: TypeAlias = Literal["ok", "changed", "failed", "unreachable", "refused", "unknown"]

NotBegun: TypeAlias = Literal["failures", "interrupt", "declined"]
"""Why a host was never begun: others failed, somebody interrupted, the next batch was not approved."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A host that was asked for and has no part in the plan, with what its outcome is."""

    host: str
    status: OutcomeStatus
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Stages in order. `hash` (SHA-256, hex) covers everything that decides what will run."""

    id: str
    hash: str
    request: str
    created_utc: str
    stages: tuple[Stage, ...]
    facts: Mapping[str, Mapping[str, str]]
    host_evidence: Evidence
    schedule: Schedule = field(default_factory=Schedule)
    left_out: tuple[LeftOut, ...] = ()
    """Hosts that can't be reached, or on which it can't be done; the others go without them."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """All hosts of its stages, in order."""
        return tuple(dict.fromkeys(host for stage in self.stages for host in stage.hosts))

    @property
    def batches(self) -> list[tuple[str, ...]]:
        """The hosts on which there is something to do, in the order in which they are begun; all at once for a read."""
        busy = [host for host in self.hosts if self.has_work(host)]
        return self.schedule.batches_of(busy) if self.is_change else [tuple(busy)]

    def has_work(self, host: str) -> bool:
        """Whether anything is to be done on a host, as far as can be known before."""
        return any(
            stage.envelope is not None or any(one.effect is not Effect.ALREADY_SO for one in stage.hosts[host])
            for stage in self.stages
            if host in stage.hosts
        )

    @property
    def risk(self) -> Risk:
        """The highest risk of its stages."""
        return max((stage.risk for stage in self.stages), default=Risk.READ)

    @property
    def is_change(self) -> bool:
        """Whether any stage is a change, whatever its effect."""
        return self.risk is not Risk.READ

    @property
    def is_empty(self) -> bool:
        """Whether it is a change plan of which every effect is "already so"."""
        has_open = any(stage.envelope is not None for stage in self.stages)
        return (
            self.is_change
            and not has_open
            and all(
                planned.effect is Effect.ALREADY_SO
                for stage in self.stages
                for steps in stage.hosts.values()
                for planned in steps
            )
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step did on a host. `rows` are of a read, after the row operations."""

    host: str
    status: OutcomeStatus
    message: str = ""
    """For everything but ok and changed: what happened and what to try."""
    exit_code: int | None = None
    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    total_rows: int = 0
    """How many rows there were before a limit ("5 of 212")."""
    operations: tuple[RowOperation, ...] = ()
    stdout: str = ""
    stderr: str = ""
    is_truncated: bool = False
    duration_s: float = 0.0
    before: Mapping[str, Json] = field(default_factory=dict)
    after: Mapping[str, Json] = field(default_factory=dict)
    backup: str | None = None
    """Where the edit's backup lies on its host."""
    stage: int = 0
    """The place of its stage in the plan, from 0."""
    planned: PlannedStep | None = None
    """The step that it is of; None for a host of which no step could be begun."""
    not_begun: NotBegun | None = None
    """Why nothing was begun on the host, of one that would have had its turn later."""
