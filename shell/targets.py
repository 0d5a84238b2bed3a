"""Opens the targets of a request: which hosts, how each is reached, what it is, what it is called there."""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from executors.become import Become
from executors.facts import gather_facts
from executors.inventory import Inventory
from executors.inventory_patterns import split_pattern
from executors.inventory_sources import SourceTrust
from executors.local import LocalTransport
from executors.schedule import HOSTS_AT_ONCE
from executors.ssh_address import SYSTEM_CONFIG, HostAddress, TransportName
from executors.ssh_keys import Prompter
from executors.state import BACKUP_LIMIT_BYTES, Target
from executors.transport import Transport
from intents.errors import SaysoError, TargetError, UnreachableError
from intents.interpretation import Evidence
from intents.targets import LOCAL
from intents.types.base import ValueContext
from shell.live_names import TargetNames
from shell.places import Places

if TYPE_CHECKING:
    from executors.ssh_shared import SshShared

PAUSE_S = 0.3
"""Before a host that could not be reached is tried again, while its time isn't over."""


def host_patterns(on: str) -> list[str]:
    """Return the patterns of `--on`: this machine apart, the rest whole, so that `&` and `!` are about all of it.

    What takes hosts away never adds some: `local,!web2` is this machine, and not all others but web2.

    >>> host_patterns("local,all,!web2"), host_patterns("web:&staging"), host_patterns("local,!web2")
    (['local', 'all,!web2'], ['web,&staging'], ['local'])
    """
    terms = split_pattern(on)
    hosts = [term for term in terms if term not in {LOCAL, f"!{LOCAL}"}]
    is_here = LOCAL in terms and f"!{LOCAL}" not in terms
    if is_here and any(term.startswith("&") for term in hosts):
        raise TargetError(
            f"{on!a} narrows this machine to a group, and it is in none.",
            remedy="Leave `local` out, or ask for it by itself.",
            host=LOCAL,
        )
    if is_here and all(term.startswith("!") for term in hosts):
        hosts = []
    return ([LOCAL] if is_here else []) + ([",".join(hosts)] if hosts else [])


@dataclass(frozen=True, slots=True)
class Opened:
    """The targets that answered, the faults of those that didn't, and where the choice came from."""

    targets: tuple[Target, ...]
    faults: dict[str, SaysoError]
    evidence: Evidence

    @property
    def by_host(self) -> dict[str, Target]:
        """The targets by their hosts' names."""
        return {target.host: target for target in self.targets}

    def nobody(self, patterns: Sequence[str]) -> SaysoError:
        """Return why no host is left: none was meant, or none can be used."""
        faults = list(self.faults.values())
        if len(faults) == 1:
            return faults[0]
        if not faults:
            return TargetError(
                f"`{', '.join(patterns)}` leaves no host.", remedy="Name at least one.", host=", ".join(patterns)
            )
        return UnreachableError(
            f"None of {len(faults)} hosts can be used: {' '.join(error.message for error in faults)}",
            remedy=faults[0].remedy,
            host=", ".join(self.faults),
        )


class Targets:
    """The connections of one session: one for each host, opened when first needed, kept until the end."""

    def __init__(
        self,
        inventory_paths: Sequence[Path],
        *,
        directory: str,
        ssh_config_paths: Sequence[Path],
        connect_timeout_s: float = 10.0,
        connect_retries: int = 0,
        at_once: int = HOSTS_AT_ONCE,
        become: Become | None = None,
        backup_limit_bytes: int = BACKUP_LIMIT_BYTES,
        trust: SourceTrust | None = None,
        ssh_transport: TransportName = "paramiko",
        prompter: Prompter | None = None,
    ) -> None:
        self._trust = trust
        self._backup_limit_bytes = backup_limit_bytes
        self._become = become
        self._inventory_paths = list(inventory_paths)
        self._ssh_config_paths = list(ssh_config_paths)
        self._directory = directory
        self._connect_timeout_s = connect_timeout_s
        self._connect_retries = connect_retries
        self._at_once = at_once
        self._ssh_transport: TransportName = ssh_transport
        self._prompter = prompter
        self._shared: SshShared | None = None
        self._inventory: Inventory | None = None
        self._open: dict[str, Target] = {}
        self._names: dict[str, TargetNames] = {}

    @classmethod
    def of(cls, places: Places, *, become: Become | None = None, prompter: Prompter | None = None) -> Self:
        """Return the targets of a session's places; `prompter` can be asked for a key's passphrase."""
        return cls(
            places.inventories,
            directory=places.directory,
            ssh_config_paths=places.ssh_configs,
            connect_timeout_s=places.connect_timeout_s,
            connect_retries=places.connect_retries,
            at_once=places.schedule.hosts_at_once,
            become=become,
            backup_limit_bytes=places.backup_limit_bytes,
            trust=places.host_trust,
            ssh_transport=places.ssh_transport,
            prompter=prompter,
        )

    @property
    def shared(self) -> "SshShared":
        """What all SSH connections of the session share."""
        if self._shared is None:
            from executors.ssh_shared import SshShared

            self._shared = SshShared(self._prompter)
        return self._shared

    @property
    def inventory(self) -> Inventory:
        """The inventory, read at its first use. Raises `TargetError` for one that can't be used."""
        if self._inventory is None:
            self._inventory = Inventory.load(
                self._inventory_paths,
                self._ssh_config_paths,
                trust=self._trust,
                ssh_transport=self._ssh_transport,
            )
        return self._inventory

    def knows_hosts(self) -> bool:
        """Whether any host but this machine could be meant."""
        return bool(self._inventory_paths) or any(
            path.exists() for path in self._ssh_config_paths if path != SYSTEM_CONFIG
        )

    def local_names(self) -> TargetNames:
        """Return the live names of this machine, with the inventory's hosts."""
        return self.names_of(self.local())

    def local(self) -> Target:
        """Return this machine as a target."""
        return self._target(LOCAL, LocalTransport(directory=self._directory, become=self._become))

    def open(self, patterns: Sequence[str], evidence: Evidence) -> Opened:
        """Return the targets of host and group patterns, all of them tried at once.

        Raises `TargetError` for a pattern that resolves to nothing; a host that can't be reached, or whose
        address can't be used, is a fault of its own and stops no other.
        """
        transports: dict[str, Transport] = {}
        addresses: dict[str, HostAddress] = {}
        faults: dict[str, SaysoError] = {}
        opened: dict[str, Target] = {}
        names = self.names(patterns)
        for name in names:
            if name == LOCAL:
                transports[LOCAL] = LocalTransport(directory=self._directory, become=self._become)
                continue
            from executors.ssh import SshTransport

            try:
                addresses[name] = replace(self.inventory.address(name), connect_timeout_s=self._connect_timeout_s)
            except TargetError as error:
                faults[name] = error
                continue
            transports[name] = SshTransport(addresses[name], become=self._become, shared=self.shared)

        def connect(name: str) -> None:
            try:
                opened[name] = self._reached(name, transports[name], addresses.get(name))
            except SaysoError as error:
                faults[name] = error

        with ThreadPoolExecutor(max_workers=max(1, min(self._at_once, len(transports)))) as pool:
            list(pool.map(connect, transports))
        ordered = tuple(opened[name] for name in transports if name in opened)
        return Opened(ordered, {name: faults[name] for name in names if name in faults}, evidence)

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

    def _reached(self, name: str, transport: Transport, address: HostAddress | None) -> Target:
        """Return a target, tried again where it can't be reached; nothing but connecting is ever tried again.

        A host is waited for no longer than its time to connect, however often it is tried.
        """
        end = time.monotonic() + self._connect_timeout_s
        tries = 0
        while True:
            try:
                return self._target(name, transport, address)
            except UnreachableError:
                tries += 1
                if tries > self._connect_retries or time.monotonic() + PAUSE_S > end:
                    raise
            time.sleep(PAUSE_S)

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
        if self._shared is not None:
            self._shared.close()
            self._shared = None
