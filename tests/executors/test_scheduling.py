"""When a host's turn comes and when it doesn't: batches, limits, interrupts, the time that a host may take."""

import threading
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executors.plan import Outcome, OutcomeStatus
from executors.run import Watcher
from executors.schedule import Schedule, Share, parse_batches
from executors.scheduling import FleetRun, Interrupts, Outcomes, has_failed
from executors.transport import Cancel

HOSTS = [f"h{number}" for number in range(1, 31)]
WAIT_S = 20.0


class Fleet:
    """Hosts that answer at once, but for those that a test says otherwise of."""

    def __init__(self, *, fails: Sequence[str] = (), status: OutcomeStatus = "failed") -> None:
        self.begun: list[str] = []
        self.batches: list[int] = []
        self.cancel = Cancel()
        self.interrupts = Interrupts()
        self.levels: list[int] = []
        self.special: dict[str, Callable[[Cancel], Outcomes]] = {}
        self._fails = set(fails)
        self._status = status
        self.asked: list[tuple[str, ...]] = []
        self.answers: list[bool] = []

    def work(self, host: str, cancel: Cancel) -> Outcomes:
        self.begun.append(host)
        if host in self.special:
            return self.special[host](cancel)
        return (Outcome(host, self._status if host in self._fails else "changed"),)

    def goes_on(self, done: Mapping[str, Outcomes], left: Sequence[str]) -> bool:
        del done
        self.asked.append(tuple(left))
        return self.answers.pop(0)

    def go(self, schedule: Schedule, hosts: Sequence[str] = HOSTS, *, is_change: bool = True) -> dict[str, Outcomes]:
        fleet = self

        class Levels(Watcher):
            def batch(self, number: int, batches: Sequence[Sequence[str]]) -> None:
                fleet.batches.append(len(batches[number]))

            def interrupted(self, level: int, running: Sequence[str]) -> None:
                fleet.levels.append(level)

        run = FleetRun(
            self.work,
            schedule,
            is_change=is_change,
            cancel=self.cancel,
            interrupts=self.interrupts,
            watcher=Levels(),
            goes_on=self.goes_on,
        )
        return run.go(hosts)


def words(outcomes: Mapping[str, Outcomes]) -> list[str]:
    return [some[-1].not_begun or some[-1].status for some in outcomes.values()]


def test_one_host_then_a_tenth_then_the_rest_in_the_plans_order() -> None:
    fleet = Fleet()
    done = fleet.go(Schedule())
    assert fleet.batches == [1, 3, 26]
    assert fleet.begun[0] == "h1"
    assert set(fleet.begun[1:4]) == {"h2", "h3", "h4"}
    assert list(done) == HOSTS
    assert set(words(done)) == {"changed"}


@pytest.mark.parametrize("status", ["failed", "unreachable", "refused", "unknown"])
def test_a_canary_that_does_not_end_well_stops_all_others(status: OutcomeStatus) -> None:
    fleet = Fleet(fails=["h1"], status=status)
    done = fleet.go(Schedule())
    assert fleet.begun == ["h1"]
    assert words(done) == [status, *["failures"] * 29]
    assert done["h2"][0].message == "Not begun: stopped after 1 failure (h1)."


def test_a_failure_after_the_canary_stops_nobody() -> None:
    fleet = Fleet(fails=["h2", "h9"])
    assert words(fleet.go(Schedule())).count("changed") == 28


def test_a_later_batch_that_fails_whole_stops_the_rest() -> None:
    fleet = Fleet(fails=["h2", "h3", "h4"])
    assert words(fleet.go(Schedule())).count("failures") == 26


@pytest.mark.parametrize(("limit", "begun"), [("0", 2), ("2", 5), ("10%", 7)])
def test_a_limit_stops_once_it_is_exceeded_and_the_canary_counts_like_the_others(limit: str, begun: int) -> None:
    fleet = Fleet(fails=["h2", "h3", "h5", "h7"] if limit != "0" else ["h2"])
    done = fleet.go(Schedule(batches=parse_batches("100%"), max_failures=Share.parse(limit), hosts_at_once=1))
    assert len(fleet.begun) == begun
    assert sum(has_failed(some) and some[-1].not_begun is None for some in done.values()) == (
        Share.parse(limit).at_most(30) + 1
    )


def test_a_read_has_no_canary_and_no_failure_stops_it() -> None:
    fleet = Fleet(fails=HOSTS)
    fleet.go(Schedule(max_failures=Share(0)), is_change=False)
    assert sorted(fleet.begun) == sorted(HOSTS)
    assert fleet.batches == [30]


def test_no_more_than_the_bound_run_at_once() -> None:
    fleet = Fleet()
    running, most = 0, 0
    lock, full = threading.Lock(), threading.Barrier(5)

    def count(_cancel: Cancel) -> Outcomes:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        full.wait(WAIT_S)
        with lock:
            running -= 1
        return (Outcome("x", "ok"),)

    fleet.special = dict.fromkeys(HOSTS, count)
    fleet.go(Schedule(hosts_at_once=5), is_change=False)
    assert most == 5


def test_a_person_who_does_not_go_on_leaves_the_rest_unbegun() -> None:
    fleet = Fleet()
    fleet.answers = [True, False]
    done = fleet.go(Schedule(pauses=True))
    assert [len(left) for left in fleet.asked] == [29, 26]
    assert words(done) == [*["changed"] * 4, *["declined"] * 26]


def test_the_first_interrupt_lets_the_running_finish_and_begins_no_other() -> None:
    fleet = Fleet()

    def finish(cancel: Cancel) -> Outcomes:
        fleet.interrupts.press()
        return (Outcome("h1", "unknown" if cancel.wait(0.05) else "changed"),)

    fleet.special = {"h1": finish}
    assert words(fleet.go(Schedule())) == ["changed", *["interrupt"] * 29]
    assert fleet.levels == [0]


def test_the_second_interrupt_ends_what_runs() -> None:
    fleet = Fleet()

    def run_on(cancel: Cancel) -> Outcomes:
        fleet.interrupts.press()
        fleet.interrupts.press()
        return (Outcome("h1", "unknown" if cancel.wait(WAIT_S) else "changed"),)

    fleet.special = {"h1": run_on}
    assert words(fleet.go(Schedule())) == ["unknown", *["interrupt"] * 29]


def test_the_third_interrupt_waits_for_nothing() -> None:
    fleet = Fleet()
    over = threading.Event()

    def never(_cancel: Cancel) -> Outcomes:
        for _ in range(3):
            fleet.interrupts.press()
        over.wait(WAIT_S)
        return (Outcome("h1", "changed"),)

    fleet.special = {"h1": never}
    done = fleet.go(Schedule())
    over.set()
    assert words(done)[0] == "unknown"
    assert "sayso recover" in done["h1"][0].message


def test_the_first_interrupt_ends_a_read() -> None:
    fleet = Fleet()

    def read_on(cancel: Cancel) -> Outcomes:
        fleet.interrupts.press()
        return (Outcome("h1", "failed" if cancel.wait(WAIT_S) else "ok"),)

    fleet.special = {"h1": read_on}
    assert words(fleet.go(Schedule(hosts_at_once=1), is_change=False)) == ["failed", *["interrupt"] * 29]


def test_a_host_that_takes_too_long_is_ended_and_told_and_no_other_is() -> None:
    fleet = Fleet()

    def hang(cancel: Cancel) -> Outcomes:
        return (Outcome("h2", "unknown" if cancel.wait(WAIT_S) else "changed", message="It was stopped."),)

    fleet.special = {"h2": hang}
    done = fleet.go(Schedule(host_timeout_s=0.1), is_change=False)
    assert "took longer than the 0.1 s" in done["h2"][0].message
    assert words(done).count("changed") == 29


def test_what_is_no_outcome_is_raised_once_the_others_have_ended() -> None:
    fleet = Fleet()
    ended: list[str] = []

    def breaks(_cancel: Cancel) -> Outcomes:
        raise OSError("the history is full")

    def slow(cancel: Cancel) -> Outcomes:
        cancel.wait(0.05)
        ended.append("h2")
        return (Outcome("h2", "changed"),)

    fleet.special = {"h1": breaks, "h2": slow}
    with pytest.raises(OSError, match="full"):
        fleet.go(Schedule(batches=parse_batches("2"), hosts_at_once=2))
    assert ended == ["h2"]
    assert set(fleet.begun) == {"h1", "h2"}


@given(
    st.lists(st.integers(1, 40) | st.integers(1, 100).map(lambda one: f"{one}%"), min_size=1, max_size=4),
    st.integers(1, 300),
)
def test_batches_hold_every_host_once_in_order(sizes: list[int | str], count: int) -> None:
    hosts = [f"n{number}" for number in range(count)]
    batches = Schedule(batches=parse_batches(",".join(str(size) for size in sizes))).batches_of(hosts)
    assert [host for batch in batches for host in batch] == hosts
    assert all(batches)


@pytest.mark.parametrize("text", ["", "0", "1,,2", "101%", "-1", "ten", "1%%", "5.5%"])
def test_what_is_no_batch_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"batch|neither"):
        parse_batches(text)


def test_a_child_token_is_set_with_its_parent_and_alone() -> None:
    parent = Cancel()
    first, second = parent.child(), parent.child()
    first.set()
    assert (first.is_set, second.is_set, parent.is_set) == (True, False, False)
    parent.set()
    assert second.is_set
    assert parent.child().is_set
