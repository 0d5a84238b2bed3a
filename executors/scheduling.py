"""Works on the hosts of a plan: batch by batch, so many at once, until all are done or something says stop.

What is done on a host is the caller's; here it is decided when a host is begun, and what an interrupt
and a failure mean for those that are not. One thread for each host that is worked on.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from queue import SimpleQueue
from typing import TypeAlias

from executors.plan import NotBegun, Outcome
from executors.run import Watcher
from executors.schedule import Schedule
from executors.transport import Cancel

Outcomes: TypeAlias = tuple[Outcome, ...]
Work: TypeAlias = Callable[[str, Cancel], Outcomes]
"""Works on one host until it is done or its token is set."""

SHOWN_FAILURES = 3


class Interrupts:
    """Presses of Ctrl-C (or SIGTERM) while a plan is carried out. `press` may be called by a signal handler.

    The first begins no further host, and lets those that were begun finish; of a read it ends them. The
    second ends whatever may be cut off. After the third nothing is waited for.
    """

    def __init__(self) -> None:
        self.count = 0
        self._events: SimpleQueue[tuple[str, Outcomes | BaseException] | None] = SimpleQueue()

    def press(self) -> None:
        """Count one more. Safe in a signal handler: `SimpleQueue.put` is reentrant (Python's docs of queue)."""
        self.count += 1
        self._events.put(None)

    def wait(self) -> tuple[str, Outcomes | BaseException] | None:
        """Return the next host that ended, or None for a press."""
        try:
            return self._events.get()
        except KeyboardInterrupt:  # nobody has given us the signals
            self.count += 1
            return None

    def ended(self, host: str, result: Outcomes | BaseException) -> None:
        """Say that a host's work has ended; called from its thread."""
        self._events.put((host, result))


class FleetRun:
    """One walk over the hosts of a plan. Call `go` once."""

    def __init__(
        self,
        work: Work,
        schedule: Schedule,
        *,
        is_change: bool,
        cancel: Cancel,
        interrupts: Interrupts,
        watcher: Watcher,
        goes_on: Callable[[Mapping[str, Outcomes], Sequence[str]], bool] | None = None,
    ) -> None:
        self._work = work
        self._schedule = schedule
        self._is_change = is_change
        self._cancel = cancel
        self._interrupts = interrupts
        self._watcher = watcher
        self._goes_on = goes_on
        self._running: set[str] = set()
        self._results: dict[str, Outcomes] = {}
        self._fault: BaseException | None = None
        self._stopped: tuple[NotBegun, str] | None = None
        self._presses_seen = 0

    def go(self, hosts: Sequence[str]) -> dict[str, Outcomes]:
        """Return the outcomes of all hosts, in their order; raises what the work itself let through, once all have ended."""
        batches = self._schedule.batches_of(hosts) if self._is_change else [tuple(hosts)]
        for number, batch in enumerate(batches):
            if number and self._stopped is None and self._schedule.pauses:
                self._ask([host for later in batches[number:] for host in later])
            if self._stopped is None:
                self._watcher.batch(number, batches)
                self._go_over(batch, total=len(hosts))
                self._judge(batch, is_canary=number == 0 and len(batches) > 1)
        if self._fault is not None:
            raise self._fault
        return {host: self._results.get(host) or self._not_begun(host) for host in hosts}

    def _go_over(self, batch: Sequence[str], *, total: int) -> None:
        waiting = deque(batch)
        while True:
            while waiting and self._stopped is None and len(self._running) < self._schedule.hosts_at_once:
                self._begin(waiting.popleft())
            if not self._running:
                return
            event = self._interrupts.wait()
            if event is None:
                self._interrupted()
            else:
                self._ended(*event, total=total)

    def _begin(self, host: str) -> None:
        self._running.add(host)
        threading.Thread(target=self._on_host, args=(host,), name=f"host {host}", daemon=True).start()

    def _on_host(self, host: str) -> None:
        """Work on one host in its own thread, no longer than a host may take."""
        limit_s = self._schedule.host_timeout_s
        own = self._cancel.child()
        timer = threading.Timer(limit_s, own.set) if limit_s is not None else None
        try:
            if timer is not None:
                timer.daemon = True
                timer.start()
            outcomes = self._work(host, own)
            is_late = own.is_set and not self._cancel.is_set
            self._interrupts.ended(host, _told_late(outcomes, limit_s) if is_late else outcomes)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for it
            self._interrupts.ended(host, error)
        finally:
            if timer is not None:
                timer.cancel()

    def _ended(self, host: str, result: Outcomes | BaseException, *, total: int) -> None:
        if host not in self._running:
            return  # it was given up
        self._running.discard(host)
        if isinstance(result, BaseException):
            self._fault = self._fault or result
            self._stopped = self._stopped or ("failures", "stopped by an error")
            return
        self._results[host] = result
        self._watcher.host(host, result)
        limit = self._schedule.max_failures
        if self._is_change and limit is not None and len(self._failed()) > limit.at_most(total):
            self._stop_after_failures()

    def _judge(self, batch: Sequence[str], *, is_canary: bool) -> None:
        """Stop before the next batch where the one that ended shows that it would go the same way."""
        if self._schedule.max_failures is not None or not self._is_change:
            return
        failed = [host for host in batch if has_failed(self._results.get(host, ()))]
        if failed and (is_canary or len(failed) == len(batch)):
            self._stop_after_failures()

    def _stop_after_failures(self) -> None:
        failed = self._failed()
        shown = ", ".join(failed[:SHOWN_FAILURES]) + (" and others" if len(failed) > SHOWN_FAILURES else "")
        what = "1 failure" if len(failed) == 1 else f"{len(failed)} failures"
        self._stopped = self._stopped or ("failures", f"stopped after {what} ({shown})")

    def _failed(self) -> list[str]:
        return [host for host, outcomes in self._results.items() if has_failed(outcomes)]

    def _ask(self, further: Sequence[str]) -> None:
        if self._goes_on is None or not self._goes_on(self._results, further):
            self._stopped = ("declined", "the next batch was not approved")

    def _interrupted(self) -> None:
        self._presses_seen += 1
        cancels_at = 2 if self._is_change else 1
        self._stopped = self._stopped or ("interrupt", "it was interrupted before")
        if self._presses_seen >= cancels_at:
            self._cancel.set()
        self._watcher.interrupted(self._presses_seen - cancels_at + 1, sorted(self._running))
        if self._presses_seen > cancels_at:
            for host in self._running:
                message = "It was left while it was still being worked on. `sayso recover` tells what became of it."
                self._results[host] = (Outcome(host, "unknown", message=message),)
            self._running.clear()

    def _not_begun(self, host: str) -> Outcomes:
        why, words = self._stopped or ("interrupt", "it was interrupted before")
        return (not_begun(host, why, words),)


def not_begun(host: str, why: NotBegun, words: str) -> Outcome:
    """Return the outcome of a host on which nothing was begun."""
    return Outcome(host, "refused", message=f"Not begun: {words}.", not_begun=why)


def has_failed(outcomes: Sequence[Outcome]) -> bool:
    """Whether anything on a host ended otherwise than well."""
    return any(outcome.status not in {"ok", "changed"} for outcome in outcomes)


def _told_late(outcomes: Outcomes, limit_s: float | None) -> Outcomes:
    """Say of what was ended by the host's own limit why it was."""
    if limit_s is None or not outcomes or not has_failed(outcomes):
        return outcomes
    last = outcomes[-1]
    message = f"{last.message} The host took longer than the {limit_s:g} s that it may (host_timeout_s)."
    return (*outcomes[:-1], replace(last, message=message.strip()))
