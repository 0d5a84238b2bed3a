"""What the stages of a plan planned so far will lead to on one host: states by the vectors that read them, and files."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from executors.foreseen_files import FileForecast, NotForeseenError
from executors.foreseen_reads import ForeseenTransport
from executors.path_uses import CHANGING, uses_of_vector
from executors.plan import EditStep, RunStep
from executors.stat_forecast import UNKNOWN, UNKNOWN_NUMBER
from executors.state import Target, read_state, run_step
from executors.transport import Cancel
from intents.intent import Intent, Read
from intents.values import Json, Row


class Forecast:
    """One host as it will be when the stages planned so far have run. Planning the next stage reads it by `target`."""

    def __init__(self, target: Target) -> None:
        self._files = FileForecast(target.login)
        self._transport = ForeseenTransport(target.transport, self._files)
        self._rows: dict[tuple[str, ...], Row] = {}
        self._taken: list[Callable[[], None]] = []
        self.target: Target = replace(target, transport=self._transport)
        """The host, read as it will be."""

    @property
    def has_answered(self) -> bool:
        """Whether anything that was read since `begin_step` is only foreseen."""
        return self._transport.has_answered

    def begin_step(self) -> None:
        """Forget what the steps before have read."""
        self._transport.has_answered = False

    def read(self, intent: Intent, state: Read, values: Mapping[str, Json], cancel: Cancel | None) -> tuple[Row, bool]:
        """Return what a state will be, with `(new)` for what only the run can tell, and whether that is foreseen.

        Files are told by what each step does to them; any other state by what the step that reads it alike promises.
        Raises `NotForeseenError` where neither can tell, else what `read_state` raises.
        """
        argv = run_step(intent, state.command, values, interrupt="kill").argv
        promised = self._rows.get(argv)
        self.begin_step()
        try:
            if promised is not None and not self._transport.is_affected(argv):
                return promised, True
            return with_unknown(read_state(intent, state, values, self.target, cancel)), self.has_answered
        except NotForeseenError:
            if promised is None:
                raise
            return promised, True

    def take_command(self, step: RunStep, reading: tuple[str, ...], after: Row, *, is_gone: bool) -> None:
        """Take what a command leads to. `reading` is the vector of its state, `after` what that will tell.

        `is_gone`: the command promises that what it is about is gone.
        """

        def take() -> None:
            self._files.take_command(step, after, is_gone=is_gone)
            self._forget({use.path for use in uses_of_vector(step.argv) if use.use in CHANGING})
            if reading:
                self._rows[reading] = after

        self._taken.append(take)

    def take_edit(self, step: EditStep, content: bytes | None) -> None:
        """Take what an edit leads to; `content` is what the file will hold, None where nobody knows it."""

        def take() -> None:
            self._files.take_edit(step, content)
            self._forget({step.path})

        self._taken.append(take)

    def end_step(self) -> None:
        """Go on to the host as it will be after the steps that were taken."""
        for take in self._taken:
            take()
        self._taken.clear()

    def _forget(self, changed: set[str]) -> None:
        """A state that is read from a path which another step changes is told by its files from then on."""
        self._rows = {argv: row for argv, row in self._rows.items() if not changed.intersection(argv)}


def with_unknown(row: Row) -> Row:
    """Return a row with `(new)` for each value that only the run can tell.

    >>> with_unknown({"kind": "file", "size": UNKNOWN_NUMBER})
    {'kind': 'file', 'size': '(new)'}
    """
    return {name: UNKNOWN if value == UNKNOWN_NUMBER else value for name, value in row.items()}


def agrees(known: object, now: object) -> bool:
    """Whether a value is the one that was foreseen; what nobody could foresee may be any."""
    return known in (now, UNKNOWN)
