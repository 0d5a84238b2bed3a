"""What a request means on its first host must be what it means on the others; else they are left out, and told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import pytest

from executors.plan import LeftOut
from executors.state import Target
from executors.transport import Cancel
from intents.catalogue import Catalogue
from intents.intent import Intent
from intents.interpretation import Argument, Evidence, Match
from intents.types.base import ValueContext
from intents.values import Json
from shell.host_values import same_everywhere

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Host:
    """A host with the units and the home that it has."""

    host: str
    units: tuple[str, ...] = ()
    home: str = "/home/ann"

    def names(self, kind: str) -> Sequence[str]:
        return self.units if kind == "unit" else ()


@pytest.fixture(scope="module")
def catalogue() -> Mapping[str, Intent]:
    return Catalogue.load()


def checked(
    catalogue: Mapping[str, Intent], intent: str, name: str, said: str, value: Json, *hosts: Host
) -> tuple[list[str], list[LeftOut]]:
    match = Match(intent, {name: Argument(value, Evidence("request", (0, len(said)), said))}, 1.0)

    def context_of(target: Target) -> ValueContext:
        host = cast("Host", target)
        return ValueContext(NOW, host.home, host.home, host)

    meant, out = same_everywhere(
        [match], catalogue, cast("list[Target]", list(hosts)), context_of=context_of, at_once=4, cancel=Cancel()
    )
    return [target.host for target in meant], out


def test_a_host_without_the_unit_is_left_out_and_told(catalogue: Mapping[str, Intent]) -> None:
    meant, (out,) = checked(
        catalogue, "service.restart", "service", "nginx", "nginx.service",
        Host("web1", ("nginx.service",)), Host("db1", ("postgresql.service",)), Host("web2", ("nginx.service",)),
    )  # fmt: skip
    assert meant == ["web1", "web2"]
    assert (out.host, out.status) == ("db1", "refused")
    assert out.message.startswith("On db1: There is no systemd unit")


def test_a_word_that_is_another_unit_there_is_never_made_the_first_hosts(catalogue: Mapping[str, Intent]) -> None:
    meant, (out,) = checked(
        catalogue, "service.restart", "service", "postgress", "postgresql.service",
        Host("db1", ("postgresql.service",)), Host("db2", ("postgresql@16.service", "postgress.service", "postgresql.service")),
    )  # fmt: skip
    assert meant == ["db1"]
    assert "postgresql.service on db1, and postgress.service on db2" in out.message


def test_a_path_below_the_home_is_another_where_the_home_is(catalogue: Mapping[str, Intent]) -> None:
    meant, (out,) = checked(
        catalogue, "file.info", "path", "~/app.conf", "/home/ann/app.conf",
        Host("web1"), Host("web2", home="/root"), Host("web3"),
    )  # fmt: skip
    assert meant == ["web1", "web3"]
    assert out.status == "failed", "a read"
    assert "/root/app.conf on web2" in out.message


def test_a_name_in_full_means_the_same_everywhere(catalogue: Mapping[str, Intent]) -> None:
    hosts = [Host(f"web{number}", ("nginx.service", f"other{number}.service")) for number in range(5)]
    meant, out = checked(catalogue, "service.restart", "service", "nginx", "nginx.service", *hosts)
    assert (len(meant), out) == (5, [])
