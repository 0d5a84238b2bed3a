"""One request over a fleet of 23 hosts, in which nearly everything is wrong that can be."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from executors.ssh import SshTransport
from intents.errors import HostKeyError, StepError
from playbooks.library import find_playbook
from shell.exit_status import ExitStatus
from shell.response import Response
from shell.road import Options
from shell.session import Session
from tests.support.host_slots import wait_for
from tests.support.hosts import MISSING, Host, requires_hosts, several_hosts
from tests.support.light_hosts import LightFleet, light_fleet
from tests.support.sessions import Approver, session_in

pytestmark = [pytest.mark.sshd, requires_hosts]

LIGHT, SYSTEMD = 20, 3
PATIENT_S = 60.0
IMPATIENT_S = 8.0
"""Long enough for 20 logins at once on a machine that has other things to do, short enough to wait for."""
SLOW_S = 0.5


@dataclass(frozen=True)
class Fleet:
    """The hosts of both kinds; as sayso meets them they are `n1` ... and the names of the systemd hosts."""

    light: LightFleet
    systemd: list[Host]

    @property
    def names(self) -> set[str]:
        return {host.name for host in self.light.hosts} | {host.name for host in self.systemd}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    if MISSING:
        pytest.skip(MISSING)
    with (
        light_fleet(tmp_path_factory.mktemp("light"), LIGHT) as light,
        several_hosts(systemd=SYSTEMD) as systemd,
    ):
        yield Fleet(light, systemd)


@pytest.fixture
def open_session(tmp_path: Path, fleet: Fleet) -> Iterator[Callable[[float], Session]]:
    config = tmp_path / "ssh_config"
    config.write_text(fleet.light.ssh_config() + "".join(host.ssh_config(host.name, "ops") for host in fleet.systemd))
    opened: list[Session] = []

    def make(connect_timeout_s: float) -> Session:
        places = {"ssh_configs": (config,), "connect_timeout_s": connect_timeout_s, "connect_retries": 0}
        opened.append(session_in(tmp_path, door="terminal", person=Approver(), **places))
        return opened[-1]

    yield make
    for session in opened:
        session.close()


def test_a_read_of_all_hosts_has_a_row_of_each(fleet: Fleet, open_session: Callable[[float], Session]) -> None:
    response = _read(open_session(PATIENT_S))
    assert response.status is ExitStatus.DONE, response.fault
    assert {host for host, status in _statuses(response).items() if status == "ok"} == fleet.names


def test_hosts_with_faults_stop_no_other_and_each_says_what_is_wrong(
    fleet: Fleet, open_session: Callable[[float], Session]
) -> None:
    refusing, frozen, slow, changed = fleet.light.hosts[:4]
    no_link, no_python, full = fleet.systemd
    try:
        refusing.refuse_connections()
        frozen.freeze()
        slow.delay_banner(SLOW_S)
        changed.change_key()
        no_link.cut()
        no_python.hide_python()
        full.fill_disk()
        response = _read(open_session(IMPATIENT_S))
    finally:
        for host in fleet.light.hosts[:4]:
            host.heal()
        fleet.light.trust_host_keys()
        no_link.restore()
        no_python.show_python()
        full.empty_disk()
    assert response.status is ExitStatus.UNREACHABLE, response.fault
    statuses = _statuses(response)
    gone = {refusing.name, frozen.name, changed.name, no_link.name}
    assert {host for host, status in statuses.items() if status == "ok"} == fleet.names - gone
    assert {host for host, status in statuses.items() if status == "unreachable"} == gone
    said = {host: response.outcomes[host][0].message for host in gone}
    assert "nobody listens on that port" in said[refusing.name]
    assert f"didn't answer within {IMPATIENT_S:g} s" in said[frozen.name]
    assert "HAS CHANGED" in said[changed.name]
    assert no_link.name in said[no_link.name]


def test_a_connection_that_drops_midway_is_lost_on_one_host_alone(fleet: Fleet) -> None:
    dropping, other = (SshTransport(host.address) for host in fleet.light.hosts[4:6])
    marks = [host.home / "began" for host in fleet.light.hosts[4:6]]
    with ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(transport.run, ["sh", "-c", f"touch {mark}; exec sleep {seconds}"])
            for transport, mark, seconds in zip((dropping, other), marks, (30, 0), strict=True)
        ]
        wait_for("the middle", lambda: all(mark.exists() for mark in marks), within_s=30.0)
        fleet.light.hosts[4].drop_connections()
        endings = [run.result().ending for run in runs]
    dropping.close()
    other.close()
    assert endings == ["lost", "exited"]


def test_another_host_key_of_a_whole_host_is_refused(fleet: Fleet) -> None:
    host = fleet.systemd[0]
    known = host.slot.folder / "known_hosts"
    before = known.read_text()
    host.change_host_key()
    transport = SshTransport(host.address)
    with pytest.raises(HostKeyError, match="HAS CHANGED"):
        transport.run(["true"])
    assert known.read_text() == before
    host.trust_host_key()
    assert transport.run(["true"]).ending == "exited"
    transport.close()


def test_a_host_without_python_says_so_before_a_playbook_begins(fleet: Fleet) -> None:
    from executors.ansible import check_playbook
    from executors.plan import PlaybookStep

    playbook, host = find_playbook("limit_journal"), fleet.systemd[1]
    step = PlaybookStep(playbook.name, (("max_bytes", "100M"),), playbook.sha256)
    host.hide_python()
    try:
        with pytest.raises(StepError, match="python3"):
            check_playbook(playbook, step, host.target())
    finally:
        host.show_python()


def _read(session: Session) -> Response:
    return session.run_intent("system.uptime", [], Options(on="all"))


def _statuses(response: Response) -> Mapping[str, str]:
    return {host: outcomes[0].status for host, outcomes in response.outcomes.items()}
