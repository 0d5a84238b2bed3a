"""Signals while a plan is carried out: SIGINT and SIGTERM are counted instead of breaking in anywhere."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_to(press: Callable[[], None]) -> Iterator[None]:
    """Call `press` for each signal until the block ends; one that is ignored (nohup) stays so.

    Outside of the main thread nothing is changed: Python handles signals in that one alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def told(_number: int, _frame: object) -> None:
        press()

    kept = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in kept.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, told)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def interrupt() -> None:
    """Break in, as Python does by itself; inside of `signals_to` for what waits for a person.

    Raises `KeyboardInterrupt`.
    """
    raise KeyboardInterrupt
