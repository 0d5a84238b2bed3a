"""What a person sees while a plan of several steps is carried out: one line for each step that ended."""

import threading
from collections.abc import Callable
from typing import TextIO

from executors.plan import Effect, Outcome, Plan
from shell.visible import visible


def progress_of(plan: Plan, stream: TextIO) -> Callable[[Outcome], None] | None:
    """Return what is called with each outcome, from any thread; None for a plan that is over at once.

    Of stages whose steps only the run will tell, the number is not known: then it isn't said.
    """
    steps = [planned for stage in plan.stages for some in stage.hosts.values() for planned in some]
    to_do = sum(planned.effect is not Effect.ALREADY_SO for planned in steps)
    is_open = any(stage.envelope is not None for stage in plan.stages)
    if to_do < 2 and not is_open:  # noqa: PLR2004 - one step needs no list
        return None
    lock = threading.Lock()
    ended = 0

    def tell(outcome: Outcome) -> None:
        nonlocal ended
        if outcome.planned is None or outcome.planned.effect is Effect.ALREADY_SO:
            return
        with lock:
            ended += 1
            count = f"{ended}" if is_open else f"{ended}/{to_do}"
            where = "this machine" if outcome.host == "local" else visible(outcome.host)
            stream.write(f"[{count}] {where}: {outcome.status}\n")
            stream.flush()

    return tell
