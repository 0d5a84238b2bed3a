"""One systemd host for each process of the tests, and the time that the first build of their tree takes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hosts import MISSING, Host, is_built, systemd_host

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
