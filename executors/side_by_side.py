"""The same work on several hosts at the same time, results in their order; an interrupt ends what has begun."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from executors.transport import Cancel
from intents.errors import SaysoError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def side_by_side(
    work: Callable[[_Item], _Result], items: Sequence[_Item], *, at_once: int, cancel: Cancel | None
) -> list[_Result | SaysoError]:
    """Return what `work` gave for each item, or the expected fault that it raised there.

    Anything else that it raises ends the whole. A `KeyboardInterrupt` sets `cancel`, waits for what has
    begun and goes on its way.
    """

    def guarded(item: _Item) -> _Result | SaysoError:
        try:
            return work(item)
        except SaysoError as error:
            return error

    if len(items) <= 1:
        return [guarded(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(at_once, len(items))) as pool:
        begun = [pool.submit(guarded, item) for item in items]
        try:
            return [one.result() for one in begun]
        except BaseException:
            if cancel is not None:
                cancel.set()
            for one in begun:
                one.cancel()
            raise
