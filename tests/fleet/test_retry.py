"""`sayso retry`: only the hosts that failed, were not begun, could not be reached or are unknown, planned from what is there now."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from executors.schedule import Schedule, parse_batches
from shell.exit_status import ExitStatus
from shell.response import Response
from shell.retry_phrase import find_retry_phrase
from shell.road import Options
from tests.support.command import ROOT
from tests.support.fleet import MISSING, Fleet
from tests.support.sessions import Approver, session_in

pytestmark = [pytest.mark.sshd, pytest.mark.skipif(bool(MISSING), reason=str(MISSING))]
YES = Options(yes=True)
CRASH = """
import os, signal, sys
from pathlib import Path
from shell.journal import Journal
from shell.road import Options
from tests.support.sessions import session_in

def die(*_a, **_k):
    os.kill(os.getpid(), signal.SIGKILL)

ends = 0
end_step = Journal.end_step
def end(*a, **k):
    global ends
    ends += 1
    if ends == 2:
        die()
    end_step(*a, **k)

Journal.end_step = end
with session_in(Path(sys.argv[1]), inventories=(Path(sys.argv[2]),)) as session:
    session.run_intent("file.set_mode", [f"path={sys.argv[3]}", "mode=600"], Options(on="h1,h2,h3", yes=True))
"""


def statuses(response: Response) -> dict[str, str]:
    return {host: outcomes[-1].not_begun or outcomes[-1].status for host, outcomes in response.outcomes.items()}


def modes(fleet: Fleet, file: str) -> list[int]:
    return [(fleet.own(name) / file).stat().st_mode & 0o777 for name in ("h1", "h2", "h3")]


def test_after_a_failed_canary_the_rest_is_done_and_the_record_says_of_which(tmp_path: Path, fleet: Fleet) -> None:
    path = fleet.write("again.conf", "a\n", names=("h1", "h2", "h3"))
    person = Approver(meanwhile=lambda: (fleet.own("h1") / "again.conf").write_text("moved\n"))
    order = ("file.append_line", [f"path={path}", "line=b"])
    with session_in(tmp_path, door="terminal", person=person, inventories=(fleet.inventory,)) as session:
        first = session.run_intent(*order, Options(on="h1,h2,h3,gone"))
        assert statuses(first) == {"gone": "unreachable", "h1": "refused", "h2": "failures", "h3": "failures"}
        person.meanwhile = None
        second = session.handle("try again on the ones that failed", Options())
        assert statuses(second) == {"gone": "unreachable", "h1": "changed", "h2": "changed", "h3": "changed"}
        assert second.retry_of == first.record
        assert len(person.plans) == 2, "it is approved anew"
        third = session.retry(None, Options())
        assert third.retry_of == second.record, "what is left is left of the last try"
        assert third.status is ExitStatus.UNREACHABLE
        nothing = session.retry(first.record, Options(on="h9"))
        assert nothing.fault is not None
        assert "is left on h9" in nothing.fault.message
    assert fleet.read("again.conf") == {"h1": "moved\nb\n", "h2": "a\nb\n", "h3": "a\nb\n"}


def test_after_a_crash_of_the_controlling_machine_the_rest_is_done(tmp_path: Path, fleet: Fleet) -> None:
    path = fleet.write("crash.conf", "a\n", names=("h1", "h2", "h3"))
    for name in ("h1", "h2", "h3"):
        (fleet.own(name) / "crash.conf").chmod(0o644)
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(tmp_path), str(fleet.inventory), str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert modes(fleet, "crash.conf") == [0o600, 0o600, 0o644], "one is done, one nobody knows of, one wasn't begun"
    with session_in(tmp_path, inventories=(fleet.inventory,)) as session:
        again = session.retry(None, YES)
        assert statuses(again) == {"h2": "ok", "h3": "changed"}
        assert again.status is ExitStatus.DONE, again
        assert any("h2 isn't known" in warning for warning in again.warnings)
        assert modes(fleet, "crash.conf") == [0o600, 0o600, 0o600]
        over = session.retry(again.record, YES)
        assert over.status is ExitStatus.REFUSED
        assert over.fault is not None
        assert "nothing left" in over.fault.message


def test_an_undo_that_stopped_is_gone_on_with(tmp_path: Path, fleet: Fleet) -> None:
    path = fleet.write("undo.conf", "a\n", names=("h1", "h2", "h3"))
    schedule = Schedule(batches=parse_batches("1,1,1"), pauses=True)
    person = Approver()
    person.batches_approved = 2
    with session_in(
        tmp_path, door="terminal", person=person, inventories=(fleet.inventory,), schedule=schedule
    ) as session:
        changed = session.run_intent("file.set_mode", [f"path={path}", "mode=600"], Options(on="h1,h2,h3"))
        assert changed.status is ExitStatus.DONE, changed
        undone = session.undo(changed.record, Options())
        assert statuses(undone) == {"h3": "changed", "h2": "declined", "h1": "declined"}, (
            "what was done last goes first"
        )
        person.batches_approved = 9
        rest = session.retry(undone.record, Options())
        assert statuses(rest) == {"h2": "changed", "h1": "changed"}, rest
    assert 0o600 not in modes(fleet, "undo.conf")


def test_a_read_is_tried_again_with_its_rows_ordered_as_before(tmp_path: Path, fleet: Fleet) -> None:
    with session_in(tmp_path, inventories=(fleet.inventory,)) as session:
        session.open_hosts("h1,h2")
        with fleet.fault("h2", "slow", "uname", 20):
            first = session.run_intents([("kernel.version", ["first=1"])], Options(on="h1,h2", timeout_s=1.0))
        assert statuses(first) == {"h1": "ok", "h2": "failed"}
        second = session.retry(first.record, Options())
    assert statuses(second) == {"h2": "ok"}
    assert second.plan is not None
    assert first.plan is not None
    assert second.plan.stages[0].match.operations == first.plan.stages[0].match.operations


def test_a_plan_that_was_not_carried_out_is_nothing_to_try_again(tmp_path: Path) -> None:
    (tmp_path / "app.conf").write_text("a\n")
    with session_in(tmp_path) as session:
        dry = session.run_intent("file.set_mode", [f"path={tmp_path}/app.conf", "mode=600"], Options(dry_run=True))
        refused = session.retry(dry.record, YES)
        none = session.retry(None, YES)
    assert refused.fault is not None
    assert "Nothing of record" in refused.fault.message
    assert none.fault is not None
    assert "nothing to try again" in none.fault.message


@pytest.mark.parametrize(
    "words",
    ["retry", "Retry it.", "please try again", "try it again on the failed hosts", "retry record 12 for the rest"],
)
def test_words_that_try_again(words: str) -> None:
    assert find_retry_phrase(words) is not None


@pytest.mark.parametrize("words", ["retry the download", "try again tomorrow", "show the hosts that failed"])
def test_other_words_do_not(words: str) -> None:
    assert find_retry_phrase(words) is None
