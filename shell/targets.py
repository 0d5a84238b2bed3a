"""Opens the targets of a request: which hosts, how each is reached, what it is, what it is called there."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from executors.become import Become
from executors.facts import gather_facts
from executors.inventory import Inventory
from executors.inventory_patterns import split_pattern
from executors.inventory_sources import SourceTrust
from executors.local import LocalTransport
from executors.ssh_config import HostAddress
from executors.state import BACKUP_LIMIT_BYTES, Target
from executors.transport import Transport
from intents.errors import SaysoError
from intents.interpretation import Evidence
from intents.targets import LOCAL
from intents.types.base import ValueContext
from shell.live_names import TargetNames

CONNECTING_AT_ONCE = 10


def host_patterns(on: str) -> list[str]:
    """Return the patterns of `--on`: this machine apart, the rest whole, so that `&` and `!` are about all of it.

    >>> host_patterns("local,all,!web2"), host_patterns("web:&staging")
    (['local', 'all,!web2'], ['web,&staging'])
    """
    terms = split_pattern(on)
    hosts = [term for term in terms if term != LOCAL]
    return ([LOCAL] if LOCAL in terms else []) + ([",".join(hosts)] if hosts else [])


@dataclass(frozen=True, slots=True)
class Opened:
    """The targets that answered, the faults of those that didn't, and where the choice came from."""

    targets: tuple[Target, ...]
    faults: dict[str, SaysoError]
    evidence: Evidence


class Targets:
    """The connections of one session: one for each host, opened when first needed, kept until the end."""

    def __init__(
        self,
        inventory_paths: Sequence[Path],
        *,
        directory: str,
        ssh_config_paths: Sequence[Path],
        connect_timeout_s: float = 10.0,
        become: Become | None = None,
        backup_limit_bytes: int = BACKUP_LIMIT_BYTES,
        trust: SourceTrust | None = None,
    ) -> None:
        self._trust = trust
        self._backup_limit_bytes = backup_limit_bytes
        self._become = become
        self._inventory_paths = list(inventory_paths)
        self._ssh_config_paths = list(ssh_config_paths)
        self._directory = directory
        self._connect_timeout_s = connect_timeout_s
        self._inventory: Inventory | None = None
        self._open: dict[str, Target] = {}
        self._names: dict[str, TargetNames] = {}

    @property
    def inventory(self) -> Inventory:
        """The inventory, read at its first use. Raises `TargetError` for one that can't be used."""
        if self._inventory is None:
            self._inventory = Inventory.load(self._inventory_paths, self._ssh_config_paths, trust=self._trust)
        return self._inventory

    def knows_hosts(self) -> bool:
        """Whether any host but this machine could be meant."""
        return bool(self._inventory_paths) or any(path.exists() for path in self._ssh_config_paths)

    def local_names(self) -> TargetNames:
        """Return the live names of this machine, with the inventory's hosts."""
        return self.names_of(self.local())

    def local(self) -> Target:
        """Return this machine as a target."""
        return self._target(LOCAL, LocalTransport(directory=self._directory, become=self._become))

    def open(self, patterns: Sequence[str], evidence: Evidence) -> Opened:
        """Return the targets of host and group patterns, all of them tried at once.

        Raises `TargetError` for a pattern that resolves to nothing; a host that can't be reached is a
        fault of its own and stops no other.
        """
        transports: dict[str, Transport] = {}
        addresses: dict[str, HostAddress] = {}
        for pattern in patterns:
            if pattern == LOCAL:
                transports[LOCAL] = LocalTransport(directory=self._directory, become=self._become)
                continue
            for address in self.inventory.resolve(pattern):
                from executors.ssh import SshTransport

                addresses[address.name] = replace(address, connect_timeout_s=self._connect_timeout_s)
                transports[address.name] = SshTransport(addresses[address.name], become=self._become)
        faults: dict[str, SaysoError] = {}
        opened: dict[str, Target] = {}

        def connect(name: str) -> None:
            try:
                opened[name] = self._target(name, transports[name], addresses.get(name))
            except SaysoError as error:
                faults[name] = error

        with ThreadPoolExecutor(max_workers=max(1, min(CONNECTING_AT_ONCE, len(transports)))) as pool:
            list(pool.map(connect, transports))
        ordered = tuple(opened[name] for name in transports if name in opened)
        return Opened(ordered, {name: faults[name] for name in transports if name in faults}, evidence)

    def groups_of(self, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return host -> the inventory's groups that it is in, parents included; this machine is in none."""
        return {name: () if name == LOCAL else self.inventory.groups_of(name) for name in names}

    def new_connection(self, address: HostAddress) -> Transport:
        """Return a connection to a host that shares nothing with those that are open."""
        from executors.ssh import SshTransport

        return SshTransport(address, become=self._become)

    def names(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the hosts that patterns stand for, each once; connects to nobody. Raises `TargetError`."""
        found: dict[str, None] = {}
        for pattern in patterns:
            found.update(dict.fromkeys([LOCAL] if pattern == LOCAL else self.inventory.members(pattern)))
        return tuple(found)

    def _target(self, name: str, transport: Transport, address: HostAddress | None = None) -> Target:
        if name not in self._open:
            login = transport.login()
            self._open[name] = Target(
                name,
                transport,
                gather_facts(transport),
                login,
                address,
                backup_limit_bytes=self._backup_limit_bytes,
            )
        return self._open[name]

    def names_of(self, target: Target) -> TargetNames:
        """Return the live names of a target."""
        if target.host not in self._names:
            hosts = self.inventory.host_names() if self.knows_hosts() else ()
            groups = self.inventory.group_names() if self.knows_hosts() else ()
            self._names[target.host] = TargetNames(target.transport, hosts, groups)
        return self._names[target.host]

    def forget_names(self) -> None:
        """Look units, accounts and the like up anew: a request before, or somebody else, may have made some."""
        self._names.clear()

    def context(self, target: Target, now: datetime) -> ValueContext:
        """Return what values of a request for this target are read against."""
        return ValueContext(now, target.login.directory, target.login.home, self.names_of(target))

    def close(self) -> None:
        """Close every connection."""
        for target in self._open.values():
            target.transport.close()
        self._open.clear()
