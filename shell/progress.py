"""What a person sees on stderr while a plan is carried out: how far it is, and what an interrupt will do.

On a single host one line for each step and each task of a playbook that ended; over several hosts one line that is written over.
"""

import threading
from collections.abc import Sequence
from typing import TextIO

from executors.plan import Effect, Outcome, Plan
from executors.run import Watcher
from executors.scheduling import has_failed
from shell.render_lines import host_list
from shell.visible import visible

_BAR_WIDTH = 24
_TASK_WIDTH = 30
_CLEAR_LINE = "\r\x1b[K"


def progress_of(plan: Plan, stream: TextIO) -> Watcher:
    """Return what is told how a plan goes, for a terminal; a plan that is over at once is told nothing of."""
    if len(plan.hosts) > 1:
        return HostBar(plan, stream)
    return StepLines(plan, stream)


class _Progress(Watcher):
    """What both forms have in common: one writer at a time, and what is said to an interrupt."""

    def __init__(self, plan: Plan, stream: TextIO) -> None:
        self._plan = plan
        self._stream = stream
        self._lock = threading.Lock()

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def interrupted(self, level: int, running: Sequence[str]) -> None:
        """Say what is still waited for, and what the next interrupt does."""
        if not running:
            return
        where = host_list(running)
        words = {
            0: f"No further host is begun. Finishing on {where}; Ctrl-C once more ends it there.",
            1: f"Ending what may be cut off on {where}; Ctrl-C once more leaves it.",
        }
        with self._lock:
            self._write(f"\n{words.get(level, f'Left while still running: {where}.')}\n")


class StepLines(_Progress):
    """One line for each step that ended, of a plan with several."""

    def __init__(self, plan: Plan, stream: TextIO) -> None:
        super().__init__(plan, stream)
        steps = [planned for stage in plan.stages for some in stage.hosts.values() for planned in some]
        self._to_do = sum(planned.effect is not Effect.ALREADY_SO for planned in steps)
        # Of stages whose steps only the run will tell, the number is not known: then it isn't said.
        self._is_open = any(stage.envelope is not None for stage in plan.stages)
        self._ended = 0

    def task(self, host: str, line: str) -> None:  # noqa: ARG002 - there is only one
        """Write how a task of a playbook ended."""
        with self._lock:
            self._write(f"  {visible(line)}\n")

    def outcome(self, outcome: Outcome) -> None:
        """Write the step's line."""
        is_short = self._to_do < 2 and not self._is_open  # noqa: PLR2004 - one step needs no list
        if is_short or outcome.planned is None or outcome.planned.effect is Effect.ALREADY_SO:
            return
        with self._lock:
            self._ended += 1
            count = f"{self._ended}" if self._is_open else f"{self._ended}/{self._to_do}"
            self._write(f"[{count}] {host_list([outcome.host])}: {outcome.status}\n")


class HostBar(_Progress):
    """One line that is written over: a bar, how many hosts ended well and how many failed, the batch."""

    def __init__(self, plan: Plan, stream: TextIO) -> None:
        super().__init__(plan, stream)
        self._total = sum(len(batch) for batch in plan.batches)
        self._well = 0
        self._failed = 0
        self._batch = ""
        self._task = ""
        self._is_drawn = False

    def batch(self, number: int, batches: Sequence[Sequence[str]]) -> None:
        """Draw which batch begins, where there are several."""
        with self._lock:
            self._batch = f"  batch {number + 1} of {len(batches)}" if len(batches) > 1 else ""
            self._draw()

    def task(self, host: str, line: str) -> None:
        """Draw how a task of a playbook ended, cut so that the line stays one."""
        with self._lock:
            self._task = f"  {visible(f'{host}: {line}')[:_TASK_WIDTH]}"
            self._draw()

    def host(self, host: str, outcomes: Sequence[Outcome]) -> None:  # noqa: ARG002 - counted, not named
        """Draw that one more host has ended."""
        with self._lock:
            if has_failed(outcomes):
                self._failed += 1
            else:
                self._well += 1
            self._draw()

    def ended(self) -> None:
        """Take the line away."""
        with self._lock:
            if self._is_drawn:
                self._write(_CLEAR_LINE)
                self._is_drawn = False

    def _draw(self) -> None:
        ended = self._well + self._failed
        filled = _BAR_WIDTH * ended // max(1, self._total)
        bar = "#" * filled + "-" * (_BAR_WIDTH - filled)
        failed = f", {self._failed} failed" if self._failed else ""
        self._write(
            f"{_CLEAR_LINE}[{bar}] {ended}/{self._total} hosts: {self._well} well{failed}{self._batch}{self._task}"
        )
        self._is_drawn = True
