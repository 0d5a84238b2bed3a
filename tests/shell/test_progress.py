"""What a person sees while a playbook runs: each task as it ends, on one host and on several."""

import io
from dataclasses import replace

from executors.plan import Effect, PlannedStep, PlaybookStep
from shell.progress import progress_of
from tests.support.plans import plan_of

STEP = PlannedStep(PlaybookStep("limit_journal", (("max_bytes", "1"),), "0" * 64), Effect.WILL_CHANGE)


def test_on_one_host_each_task_has_a_line_and_nothing_in_it_steers_the_terminal() -> None:
    stream = io.StringIO()
    progress_of(plan_of(STEP, host="web1"), stream).task("web1", "changed: Set \x1b[2Jthe limit")
    assert stream.getvalue().startswith("  changed: Set ")
    assert stream.getvalue().endswith("the limit\n")
    assert "\x1b" not in stream.getvalue()


def test_on_several_hosts_the_last_task_stands_behind_the_bar() -> None:
    plan = plan_of(STEP, host="web1")
    (stage,) = plan.stages
    stream = io.StringIO()
    progress = progress_of(replace(plan, stages=(replace(stage, hosts={"web1": (STEP,), "web2": (STEP,)}),)), stream)
    progress.task("web2", "changed: Set the limit of the journal's size")
    drawn = stream.getvalue().rpartition("\r")[2]
    assert "0/2 hosts" in drawn
    assert "web2: changed: Set the limit" in drawn
    assert "\n" not in drawn
    progress.ended()
