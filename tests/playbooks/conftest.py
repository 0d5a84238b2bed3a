"""A disposable host for each module here, and sessions that reach it as `box` (root) and `ops`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shell.session import Session
from tests.support.hosts import MISSING, Host, systemd_host
from tests.support.sessions import Approver, session_in


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
