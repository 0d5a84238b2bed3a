"""Waits for what comes about by itself."""

import time
from collections.abc import Callable


def comes_true(condition: Callable[[], object], *, within_s: float = 10.0, every_s: float = 0.01) -> bool:
    """Ask until `condition` holds; return whether it did."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(every_s)
    return True
