"""One systemd host for each process of the tests, and the time that the first build of their tree takes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shell.session import Session
from tests.support.change_rows import Case, Hosts, leaves_something_running
from tests.support.hosts import MISSING, Host, is_built, systemd_host
from tests.support.sessions import Approver, session_in

HERE = Path(__file__).parent
BUILD_LIMIT_S = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests here the time to build the tree, where it isn't there yet."""
    if MISSING or is_built():
        return
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(BUILD_LIMIT_S))


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """A host that the tests share: each leaves it as it was, or uses names of its own."""
    if MISSING:
        pytest.skip(MISSING)
    with systemd_host() as running:
        yield running


@pytest.fixture(scope="module")
def row_hosts() -> Iterator[Hosts]:
    made = Hosts()
    yield made
    made.close()


@pytest.fixture
def row_host(request: pytest.FixtureRequest, row_hosts: Hosts) -> Iterator[Host]:
    """A host for the test's row: of its own, or that of all rows that leave nothing running."""
    case: Case = request.node.callspec.params["case"]
    if leaves_something_running(case):
        with systemd_host() as running:
            yield running
        return
    yield row_hosts.shared()
    row_hosts.settle()


@pytest.fixture
def row_person() -> Approver:
    made = Approver()
    made.password = "correct horse 9"
    return made


@pytest.fixture(scope="module")
def row_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def row_session(tmp_path: Path, row_cache: Path, row_host: Host, row_person: Approver) -> Iterator[Session]:
    config = tmp_path / "ssh_config"
    config.write_text(row_host.ssh_config("ops", "ops") + row_host.ssh_config("root", "root"))
    with session_in(tmp_path, door="terminal", person=row_person, cache=row_cache, ssh_configs=(config,)) as opened:
        yield opened
