"""Every fault of a host with a read, a command and an edit: the right word, the right exit status, nobody else touched by it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from executors.schedule import Schedule, Share
from history.store import History
from shell.exit_status import ExitStatus
from shell.road import Options
from shell.session import Session
from tests.support.fleet import MISSING, Fleet
from tests.support.sessions import Approver, places_in, session_in

pytestmark = [pytest.mark.sshd, pytest.mark.skipif(bool(MISSING), reason=str(MISSING))]
SLOW_S = 30.0
LIMIT_S = 2.0


@dataclass(frozen=True)
class Order:
    """A request, and a word of the one command that does it, at which a host is slow or is lost."""

    intent: str
    pairs: tuple[str, ...]
    word: str


ORDERS = {
    "read": Order("file.largest", ("path={place}",), "-printf"),
    "command": Order("file.set_mode", ("path={file}", "mode=600"), "00600"),
    "edit": Order("file.append_line", ("path={file}", "line=b"), ".sayso-"),
}
FAULTS = ("unreachable", "changed key", "drops midway", "slow")
EXPECTED: dict[tuple[str, str], tuple[set[str], ExitStatus]] = {
    **{("unreachable", order): ({"unreachable"}, ExitStatus.UNREACHABLE) for order in ORDERS},
    **{("changed key", order): ({"unreachable"}, ExitStatus.UNREACHABLE) for order in ORDERS},
    ("drops midway", "read"): ({"unknown", "failed"}, ExitStatus.FAILED),
    ("drops midway", "command"): ({"unknown"}, ExitStatus.FAILED),
    # Before the new file takes the old one's place nothing is changed, and that is known.
    ("drops midway", "edit"): ({"unreachable"}, ExitStatus.UNREACHABLE),
    ("slow", "read"): ({"failed"}, ExitStatus.FAILED),
    ("slow", "command"): ({"unknown"}, ExitStatus.FAILED),
    ("slow", "edit"): ({"unknown", "failed"}, ExitStatus.FAILED),
}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def session(fleet: Fleet, state: Path) -> Iterator[Session]:
    """One session for all faults: what it keeps of a lost connection must not harm the next request."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(fleet.folder / "user"))
        schedule = Schedule(max_failures=Share(100, is_percentage=True))
        with session_in(
            state,
            door="terminal",
            person=Approver(),
            inventories=(fleet.inventory,),
            schedule=schedule,
            connect_timeout_s=LIMIT_S,
        ) as opened:
            opened.open_hosts("fleet")
            yield opened


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_host_with_a_fault_gets_its_word_and_the_others_are_done(
    fleet: Fleet, session: Session, state: Path, fault: str, order: str
) -> None:
    bad = {"unreachable": "gone", "changed key": "fake"}.get(fault, "h9")
    file = fleet.write(f"{order}.conf", "a\n", names=("h7", "h8", "h9", "h10"))
    for name in ("h7", "h8", "h9", "h10"):
        (fleet.own(name) / file.name).chmod(0o644)
    asked = ORDERS[order]
    pairs = [pair.format(place=fleet.place, file=file) for pair in asked.pairs]
    with ExitStack() as stack:
        if fault in {"drops midway", "slow"}:
            kind, seconds = ("drop", 0.0) if fault == "drops midway" else ("slow", SLOW_S)
            stack.enter_context(fleet.fault("h9", kind, asked.word, seconds))
        started = time.monotonic()
        done = session.run_intent(asked.intent, pairs, Options(on=f"h7,h8,h10,{bad}", timeout_s=LIMIT_S))
        took_s = time.monotonic() - started
    words, status = EXPECTED[fault, order]
    ends = {host: some[-1].status for host, some in done.outcomes.items()}
    well = "ok" if order == "read" else "changed"
    assert {host: ends[host] for host in ends if host != bad} == dict.fromkeys(("h7", "h8", "h10"), well), done
    assert ends[bad] in words, done.outcomes[bad]
    assert done.outcomes[bad][-1].message.rstrip().endswith((".", "`")), "what happened and what to try"
    assert done.status is status
    assert took_s < SLOW_S - 5, "a slow host is waited for no longer than its limit"
    content = "a\nb\n" if order == "edit" else "a\n"
    assert {fleet.read(file.name)[name] for name in ("h7", "h8", "h10")} == {content}
    if ends[bad] == "unknown":
        with History.open(places_in(state).history, read_only=True) as history:
            assert "h9" in {event.payload["host"] for event in history.unresolved()}
