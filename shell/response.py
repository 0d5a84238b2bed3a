"""What came of one request: the value that every front end renders, and JSON prints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from executors.fleet_rows import FleetTable
from executors.plan import Outcome, Plan
from intents.encoder import ModelIdentity
from intents.interpretation import Evidence, Interpretation
from shell.exit_status import ExitStatus

Decision = Literal["allow", "ask", "confirm", "two_people", "deny"]


@dataclass(frozen=True, slots=True)
class Approval:
    """Who allowed a plan and how: typed at the terminal, or by `--yes`."""

    user: str
    how: Literal["terminal", "--yes", "grant"]
    at_utc: str
    second_person: str | None = None
    """Who else approved, where policy wants two people."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request ended without its result: the stable word, one sentence, what to try."""

    code: str
    message: str
    remedy: str
    is_chosen: bool = False
    """Whether the person ended it (said no, pressed Ctrl-C): then nothing went wrong."""


INTERRUPTED = Fault(
    "interrupted",
    "Interrupted; what had begun is in the history.",
    "Run `sayso history` to see it.",
    is_chosen=True,
)
"""What a Ctrl-C ends a request with."""


@dataclass(frozen=True, slots=True)
class Response:
    """One request's whole answer.

    `outcomes` maps host -> its outcomes in the plan's order. `kind` of the JSON contract is
    `error` when there is a fault and no interpretation.
    """

    request: str
    status: ExitStatus
    interpretation: Interpretation | None = None
    hosts: tuple[str, ...] = ()
    host_evidence: Evidence | None = None
    plan: Plan | None = None
    decision: Decision | None = None
    rule: str = ""
    approval: Approval | None = None
    outcomes: Mapping[str, tuple[Outcome, ...]] = field(default_factory=dict)
    tables: tuple[FleetTable, ...] = ()
    """Of reads over several hosts that have row operations: what these gave over the rows of all of them."""
    vectors: tuple[tuple[str, ...], ...] = ()
    """With `--explain`: the argument vectors that the matches stand for; nothing of it was run."""
    warnings: tuple[str, ...] = ()
    fault: Fault | None = None
    record: int | None = None
    retry_of: int | None = None
    """The record that this one tries again."""
    model: ModelIdentity | None = None
    timing_ms: Mapping[str, float] = field(default_factory=dict)
