"""The open record of one request: what is written to the history as the request goes on."""

from collections.abc import Mapping
from typing import Literal, Self, TypeAlias

from history.canonical import Json
from history.redaction import PATTERNS_ONLY, Redactor, spoken_secrets
from history.store import History

AddedKind: TypeAlias = Literal["request", "interpretation", "plan", "policy", "approval", "answer", "end"]
"""The events of a record besides its steps."""

_QUOTING = frozenset({"interpretation", "answer", "end"})
"""Those that may quote the request word by word. The others name hosts and paths, which a spoken word must not hide."""


class Recording:
    """One record being written. Every call returns when its event is on disk, and may raise `HistoryError`.

    Secrets that only this request knows (a typed password) are the `redactor`'s; what looks like a secret is
    redacted in any case. Long output is cut as `history.cutting` says.
    """

    def __init__(self, history: History, record: int, *, redactor: Redactor = PATTERNS_ONLY, request: str = "") -> None:
        self._history = history
        self._redactor = redactor
        self._quoting_redactor = redactor.knowing(spoken_secrets(request))
        self._record = record

    @classmethod
    def begin(cls, history: History, request: Mapping[str, Json], *, redactor: Redactor = PATTERNS_ONLY) -> Self:
        """Begin a new record with its `request` event: the words under `request`, who asked under `user`."""
        words = request.get("request")
        return cls(
            history,
            history.new_record(request, redactor=redactor),
            redactor=redactor,
            request=words if isinstance(words, str) else "",
        )

    @property
    def record(self) -> int:
        """The record's number."""
        return self._record

    def add(self, kind: AddedKind, payload: Mapping[str, Json]) -> int:
        """Append what was understood, planned, decided, approved or answered, or how it ended; return the event's number."""
        return self._append(kind, payload)

    def begin_step(self, step: Mapping[str, Json]) -> int:
        """Write that a step is about to run; return the event's number."""
        return self._append("step_begin", step)

    def end_step(self, begun: int, outcome: Mapping[str, Json]) -> None:
        """Write how the step with that begin event ended: the outcome, with the begin's number under `begun`."""
        self._append("step_end", {**outcome, "begun": begun})

    def _append(self, kind: str, payload: Mapping[str, Json]) -> int:
        redactor = self._quoting_redactor if kind in _QUOTING else self._redactor
        return self._history.append(kind, self._record, payload, redactor=redactor).number
