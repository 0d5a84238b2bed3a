"""One fleet for all tests of a process: its hosts are many, and cost one server."""

from collections.abc import Iterator

import pytest

from tests.support.fleet import Fleet, running_fleet
from tests.support.sessions import Approver

HOSTS = 24


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("fleet"), HOSTS) as running:
        yield running


@pytest.fixture(autouse=True)
def home(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the client the fleet's known hosts."""
    if "fleet" in request.fixturenames:
        fleet: Fleet = request.getfixturevalue("fleet")
        monkeypatch.setenv("HOME", str(fleet.folder / "user"))


@pytest.fixture
def person() -> Approver:
    return Approver()
