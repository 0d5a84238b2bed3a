"""What a person sees while a plan runs: a bar over several hosts, lines of steps on one, and what Ctrl-C will do."""

import io
from dataclasses import replace

from executors.plan import Outcome
from intents.intent import Risk
from shell.host_names import folded
from shell.person import object_of
from shell.progress import progress_of
from tests.support.responses import RESTART, RESTART_STEP, plan_of, stage_of

HOSTS = tuple(f"web{number}" for number in range(1, 21))
PLAN = plan_of(stage_of(RESTART, Risk.DISRUPTIVE, RESTART_STEP, hosts=HOSTS))


def test_over_several_hosts_a_bar_counts_and_goes_away() -> None:
    stream = io.StringIO()
    progress = progress_of(PLAN, stream)
    progress.batch(0, PLAN.batches)
    progress.host("web1", (Outcome("web1", "changed"),))
    progress.batch(1, PLAN.batches)
    progress.host("web2", (Outcome("web2", "failed"),))
    drawn = stream.getvalue().split("\r\x1b[K")
    assert drawn[1].endswith("0/20 hosts: 0 well  batch 1 of 3")
    assert drawn[-1].endswith("2/20 hosts: 1 well, 1 failed  batch 2 of 3")
    progress.ended()
    assert stream.getvalue().endswith("\r\x1b[K"), "the line is taken away before the result is written"


def test_an_interrupt_says_what_is_waited_for_and_what_the_next_one_does() -> None:
    stream = io.StringIO()
    progress = progress_of(PLAN, stream)
    progress.interrupted(0, ["web3"])
    progress.interrupted(1, ["web3"])
    progress.interrupted(2, ["web3"])
    told = [line for line in stream.getvalue().splitlines() if line]
    assert told == [
        "No further host is begun. Finishing on web3; Ctrl-C once more ends it there.",
        "Ending what may be cut off on web3; Ctrl-C once more leaves it.",
        "Left while still running: web3.",
    ]


def test_on_one_host_each_step_of_several_has_a_line() -> None:
    stage = stage_of(RESTART, Risk.DISRUPTIVE, RESTART_STEP, RESTART_STEP)
    stream = io.StringIO()
    progress = progress_of(plan_of(stage), stream)
    for _ in range(2):
        progress.outcome(Outcome("local", "changed", planned=RESTART_STEP))
    assert stream.getvalue() == "[1/2] this machine: changed\n[2/2] this machine: changed\n"


def test_what_is_confirmed_by_its_name_says_on_how_many_hosts() -> None:
    assert object_of(PLAN) == "nginx.service on 20 hosts"
    assert object_of(replace(PLAN, stages=(stage_of(RESTART, Risk.DISRUPTIVE, RESTART_STEP),))) == "nginx.service"


def test_numbered_names_are_drawn_together_and_none_is_lost() -> None:
    assert folded(HOSTS) == "web[1-20]"
    assert folded(["db1", "web01", "web02", "web10", "router", "db3"]) == "db[1,3], web[01-02,10], router"
    assert folded(["a1.example.org", "a2.example.org", "a2.example.net"]) == "a[1-2].example.org, a2.example.net"
