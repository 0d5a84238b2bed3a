"""`sayso hosts test` and `facts`: whether each host can be worked on, and what it is. Logs in, changes nothing."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from executors.facts import gather_facts
from executors.inventory import Inventory
from executors.ssh_config import HostAddress
from executors.transport import Transport
from intents.errors import HostKeyError, SaysoError
from intents.values import Json
from shell.facts_kept import keep_facts

AT_ONCE = 10
HostKeyState: TypeAlias = Literal["trusted", "not trusted", "not seen"]


@dataclass(frozen=True, slots=True)
class Probe:
    """How one host answered: its facts, or the fault."""

    host: str
    login: str | None = None
    latency_ms: float | None = None
    """From the first packet to the answer of the first command, a login included."""
    facts: Mapping[str, str] | None = None
    fault: SaysoError | None = None

    @property
    def host_key(self) -> HostKeyState:
        """What is known of the host's key: a login comes after it was found to be trusted."""
        if self.fault is None:
            return "trusted"
        return "not trusted" if isinstance(self.fault, HostKeyError) else "not seen"

    def listed(self) -> dict[str, Json]:
        """Return the JSON object of `hosts test --json`."""
        fault = self.fault
        return {
            "host": self.host,
            "ok": fault is None,
            "login": self.login,
            "latency_ms": None if self.latency_ms is None else round(self.latency_ms, 1),
            "host_key": self.host_key,
            "error": None if fault is None else {"code": fault.code, "message": fault.message, "try": fault.remedy},
        }


def probe_hosts(
    names: Sequence[str], inventory: Inventory, connect: Callable[[HostAddress], Transport], cache: Path
) -> tuple[Probe, ...]:
    """Log in on each host, several at once, and look what it is; one that fails stops no other.

    What hosts are is kept in `cache`, for `sayso hosts facts`.
    """

    def probe(name: str) -> Probe:
        started = time.perf_counter()
        try:
            transport = connect(inventory.address(name))
        except SaysoError as fault:
            return Probe(name, fault=fault)
        try:
            login = transport.login()
            latency_ms = (time.perf_counter() - started) * 1000
            facts = gather_facts(transport)
        except SaysoError as fault:
            return Probe(name, fault=fault)
        finally:
            transport.close()
        keep_facts(cache, name, facts)
        return Probe(name, login.user, latency_ms, facts)

    with ThreadPoolExecutor(max_workers=max(1, min(AT_ONCE, len(names)))) as pool:
        return tuple(pool.map(probe, names))
