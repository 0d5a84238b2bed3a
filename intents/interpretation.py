"""What a request was taken to mean: matches, a question, or a decline.

Spans count code points of the request: `request[start:end]` is the text they stand for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from intents.operations import ExportFormat, RowOperation
from intents.values import Json

Span: TypeAlias = tuple[int, int]
EvidenceSource: TypeAlias = Literal["request", "conversation", "inventory", "default", "answer", "history"]


def overlap(one: Span, other: Span) -> bool:
    """Whether two spans share a code point.

    >>> overlap((0, 3), (2, 5)), overlap((0, 3), (3, 5))
    (True, False)
    """
    return one[0] < other[1] and other[0] < one[1]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where an argument comes from: the words of the request, or the other source that is named."""

    source: EvidenceSource
    span: Span | None = None
    text: str | None = None
    note: str | None = None
    """What was read into it, e.g. `corrected from "postgress"`; shown to the person."""


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter's value for one request, in the type's canonical form, with its evidence."""

    value: Json
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class RowReference:
    """A parameter's values are those of a column of an earlier match's rows, on each host its own."""

    match: int
    """The earlier match's place in the request, from 0."""
    column: str
    """Empty where the rows are taken as one text."""
    format: ExportFormat | None = None
    """All rows as one text of this form; None for the values of the column."""


@dataclass(frozen=True, slots=True)
class Match:
    """One vetted operation that the request asks for."""

    intent: str
    arguments: Mapping[str, Argument]
    confidence: float
    operations: tuple[RowOperation, ...] = ()
    operations_evidence: tuple[Evidence, ...] = ()
    references: Mapping[str, RowReference] = field(default_factory=dict)
    """Parameter name -> where its values come from, for those that have no argument."""
    declared_by: str | None = None
    """The intent before it that declares it as its next step; None for what the request asks for itself."""

    def values(self) -> dict[str, Json]:
        """Return parameter name -> value, without the evidence."""
        return {name: argument.value for name, argument in self.arguments.items()}


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a question: what it says, and the request or value that it stands for."""

    text: str
    intent: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Something is missing or two readings are close; a person can answer, a script is refused.

    `parameter` names what is missing when the intent is sure (`intent` is set then).
    """

    text: str
    choices: tuple[Choice, ...] = ()
    intent: str | None = None
    parameter: str | None = None


@dataclass(frozen=True, slots=True)
class Decline:
    """The request is out of scope, or not clear enough to offer anything."""

    reason: str
    nearest: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One intent with the score that the model gave it; for `--explain`."""

    intent: str
    score: float
    nearest_example: str


@dataclass(frozen=True, slots=True)
class TargetPhrase:
    """The hosts that the request itself names, resolved; `hosts` is never empty."""

    hosts: tuple[str, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Interpretation:
    """The whole reading of one request: exactly one of `matches`, `question` and `decline` is set."""

    request: str
    confidence: float
    matches: tuple[Match, ...] = ()
    question: Question | None = None
    decline: Decline | None = None
    target: TargetPhrase | None = None
    ignored: tuple[str, ...] = ()
    """Words of a read that were not used; shown as a warning. Always empty for a change."""
    candidates: tuple[Candidate, ...] = ()
    stage: str = ""
    """Which rule decided: one sentence for `--explain`."""
    timing_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def kind(self) -> Literal["match", "question", "decline"]:
        """The word of the JSON contract."""
        if self.matches:
            return "match"
        return "question" if self.question else "decline"
