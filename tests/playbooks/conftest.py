"""A disposable host for each module here, and sessions that reach it as `box` (root) and `ops`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shell.session import Session
from tests.support.hosts import MISSING, Host, is_built, systemd_host
from tests.support.sessions import Approver, session_in

HERE = Path(__file__).parent
RUN_LIMIT_S = 300
"""A playbook is tried, applied and tried again, each with some twenty tasks over SSH."""
BUILD_LIMIT_S = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests here the time that they take, and that of building the hosts' tree where it isn't there yet."""
    limit_s = RUN_LIMIT_S if MISSING or is_built() else RUN_LIMIT_S + BUILD_LIMIT_S
    for item in items:
        if item.path.is_relative_to(HERE) and "host" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(limit_s))


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    if MISSING:
        pytest.skip(MISSING)
    with systemd_host() as running:
        yield running


@pytest.fixture
def session(tmp_path: Path, host: Host) -> Iterator[Session]:
    config = tmp_path / "ssh_config"
    config.write_text(host.ssh_config("box", "root") + host.ssh_config("ops", "ops"))
    with session_in(tmp_path, door="terminal", person=Approver(), ssh_configs=(config,)) as opened:
        yield opened
