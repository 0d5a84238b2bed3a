"""A change over two dozen real hosts: the canary, the batches, hosts that differ, fail, or can't be reached."""

import time
from collections.abc import Iterator

import pytest

from executors.schedule import Schedule, Share, parse_batches
from shell.exit_status import ExitStatus
from shell.response import Response
from shell.road import Options
from shell.session import Session
from tests.support.fleet import MISSING, Fleet
from tests.support.sessions import Approver, session_in

pytestmark = [pytest.mark.sshd, pytest.mark.skipif(bool(MISSING), reason=str(MISSING))]
EVERYWHERE = Options(on="fleet", yes=True)


@pytest.fixture(scope="module")
def kept(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """One session for the module: its connections are opened once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(fleet.folder / "user"))
        with session_in(
            tmp_path_factory.mktemp("session"), inventories=(fleet.inventory,), connect_timeout_s=3.0
        ) as session:
            yield session


def statuses(response: Response) -> dict[str, str]:
    return {host: outcomes[-1].not_begun or outcomes[-1].status for host, outcomes in response.outcomes.items()}


def test_a_change_goes_to_one_host_then_a_tenth_then_the_rest(kept: Session, fleet: Fleet) -> None:
    path = fleet.write("all.conf", "a\n")
    done = kept.run_intent("file.set_mode", [f"path={path}", "mode=600"], EVERYWHERE)
    assert done.status is ExitStatus.DONE, done
    assert done.plan is not None
    assert [len(batch) for batch in done.plan.batches] == [1, 3, 20]
    assert list(done.outcomes) == list(fleet.names)
    assert {(fleet.own(name) / "all.conf").stat().st_mode & 0o777 for name in fleet.names} == {0o600}


def test_hosts_without_the_file_are_left_out_of_the_plan_and_the_others_are_done(kept: Session, fleet: Fleet) -> None:
    path = fleet.write("some.conf", "a\n", names=("h2", "h3"))
    done = kept.run_intent("file.set_mode", [f"path={path}", "mode=600"], Options(on="h1,h2,h3,gone,fake", yes=True))
    assert done.plan is not None
    assert {one.host: one.status for one in done.plan.left_out} == {
        "h1": "failed",
        "gone": "unreachable",
        "fake": "unreachable",
    }
    assert statuses(done) == {
        "h1": "failed",
        "gone": "unreachable",
        "fake": "unreachable",
        "h2": "changed",
        "h3": "changed",
    }
    assert done.status is ExitStatus.FAILED


def test_a_canary_that_failed_leaves_the_others_untouched(fleet: Fleet, kept: Session) -> None:
    path = fleet.write("canary.conf", "a\n", names=("h1", "h2", "h3"))
    person = Approver(meanwhile=lambda: (fleet.own("h1") / "canary.conf").write_text("moved\n"))
    with session_in(fleet.folder, door="terminal", person=person, inventories=(fleet.inventory,)) as session:
        done = session.run_intent("file.append_line", [f"path={path}", "line=b"], Options(on="h1,h2,h3"))
    assert statuses(done) == {"h1": "refused", "h2": "failures", "h3": "failures"}
    assert fleet.read("canary.conf") == {"h1": "moved\n", "h2": "a\n", "h3": "a\n"}
    assert done.status is ExitStatus.REFUSED


def test_batches_of_ones_own_and_a_person_between_them(fleet: Fleet, kept: Session) -> None:
    path = fleet.write("paused.conf", "a\n", names=("h1", "h2", "h3", "h4"))
    person = Approver()
    person.batches_approved = 1
    schedule = Schedule(batches=parse_batches("1,2,100%"), pauses=True)
    with session_in(
        fleet.folder, door="terminal", person=person, inventories=(fleet.inventory,), schedule=schedule
    ) as session:
        done = session.run_intent("file.set_mode", [f"path={path}", "mode=600"], Options(on="h1,h2,h3,h4"))
    assert person.asked_about == [("h2", "h3", "h4"), ("h4",)]
    assert statuses(done) == {"h1": "changed", "h2": "changed", "h3": "changed", "h4": "declined"}
    assert done.status is ExitStatus.REFUSED
    assert "not approved" in done.outcomes["h4"][0].message


def test_a_host_whose_earlier_step_failed_drops_out_and_the_others_go_on(fleet: Fleet, kept: Session) -> None:
    first = fleet.write("one.conf", "a\n", names=("h1", "h2", "h3"))
    fleet.write("two.conf", "a\n", names=("h1", "h2", "h3"))
    person = Approver(meanwhile=lambda: (fleet.own("h2") / "one.conf").chmod(0o777))
    operations = [
        ("file.set_mode", [f"path={first}", "mode=600"]),
        ("file.set_mode", [f"path={fleet.place / 'two.conf'}", "mode=600"]),
    ]
    schedule = Schedule(max_failures=Share(1))
    with session_in(
        fleet.folder, door="terminal", person=person, inventories=(fleet.inventory,), schedule=schedule
    ) as session:
        done = session.run_intents(operations, Options(on="h1,h2,h3"))
    assert [outcome.status for outcome in done.outcomes["h2"]] == ["refused"]
    assert [outcome.status for outcome in done.outcomes["h3"]] == ["changed", "changed"]
    assert (fleet.own("h2") / "two.conf").stat().st_mode & 0o777 != 0o600


def test_a_read_of_all_goes_on_without_the_lost_and_a_slow_host_delays_nobody_beyond_its_time(
    fleet: Fleet, kept: Session
) -> None:
    kept.run_intent("kernel.version", [], EVERYWHERE)
    with fleet.fault("h5", "slow", "uname", 30):
        started = time.monotonic()
        done = kept.run_intent("kernel.version", [], Options(on="all", timeout_s=2.0))
        took_s = time.monotonic() - started
    expected = {**dict.fromkeys(fleet.names, "ok"), "h5": "failed", "gone": "unreachable", "fake": "unreachable"}
    assert statuses(done) == expected
    assert done.status is ExitStatus.FAILED
    assert took_s < 25


def test_a_host_that_takes_longer_than_a_host_may_is_ended(fleet: Fleet, kept: Session) -> None:
    schedule = Schedule(host_timeout_s=1.0)
    with session_in(fleet.folder, inventories=(fleet.inventory,), schedule=schedule) as session:
        session.open_hosts("h1,h2")
        with fleet.fault("h2", "slow", "uname", 30):
            done = session.run_intent("kernel.version", [], Options(on="h1,h2"))
    assert statuses(done) == {"h1": "ok", "h2": "failed"}
    assert "took longer than the 1 s" in done.outcomes["h2"][0].message


def test_the_largest_files_of_the_fleet_are_so_many_in_all(fleet: Fleet, kept: Session) -> None:
    for number, name in enumerate(("h1", "h2", "h3"), start=1):
        (fleet.own(name) / "sized").mkdir()
        for size in (number, 10 * number):
            (fleet.own(name) / "sized" / f"f{size}").write_bytes(b"x" * size * 1000)
    asked = ("file.largest", [f"path={fleet.place / 'sized'}", "first=2"])
    done = kept.run_intents([asked], Options(on="h1,h2,h3"))
    (table,) = done.tables
    assert [(row["host"], row["size"]) for row in table.rows] == [("h3", 30_000), ("h2", 20_000)]
    assert table.total == 6
    assert done.outcomes["h1"][0].rows == ()
