"""How a host is reached by SSH: the value that the configuration gives and the connections take."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

TransportName: TypeAlias = Literal["paramiko", "openssh"]
"""`paramiko`: the connections are our own; `openssh`: the system's `ssh` makes them."""

SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
"""Read for the hosts that somebody names; that it exists doesn't mean that there are any."""

DEFAULT_PORT = 22
DEFAULT_CONNECT_TIMEOUT_S = 10.0
DEFAULT_LOGIN_TIMEOUT_S = 30.0
DEFAULT_IDENTITIES = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")


@dataclass(frozen=True, slots=True)
class HostAddress:
    """How a host is reached by SSH, and whose word is taken for its key.

    `name` is what people call it; `hostname` is a DNS name or an address. Keys are tried in this order:
    `identity_files` (with none: the usual files in `~/.ssh`), then the agent's others, unless `identities_only`.
    Paths are absolute.
    """

    name: str
    hostname: str
    port: int
    user: str
    identity_files: tuple[str, ...]
    known_hosts_files: tuple[str, ...]
    connect_timeout_s: float
    """How long the connection, the server's banner and the exchange of keys may take."""
    login_timeout_s: float = DEFAULT_LOGIN_TIMEOUT_S
    """How long the authentication may take: a server may have to ask a directory for the account."""
    identities_only: bool = False
    uses_default_identities: bool = True
    """Without `identity_files`: whether the usual ones are tried (`IdentityFile none`)."""
    identity_agent: str | None = None
    """The agent's socket; None for that of SSH_AUTH_SOCK, `none` for no agent."""
    certificate_files: tuple[str, ...] = ()
    host_key_alias: str | None = None
    """The name under which the host's key stands in known_hosts, instead of hostname and port."""
    jump: "HostAddress | None" = None
    """The host through whose own, checked connection this one is reached."""
    proxy_command: tuple[str, ...] = ()
    """The program whose stdin and stdout lead to the host."""
    has_compression: bool = False
    transport: TransportName = "paramiko"
    config_files: tuple[str, ...] = ()
    """What `ssh` is to read, in this order; with none of them it is told everything that stands here."""
    given: tuple[str, ...] = ()
    """Fields that don't come from these files, so that `ssh` is told them in any case."""

    @property
    def key_name(self) -> str:
        """The host's name in known_hosts: `web1`, `[web1]:2222`, or its alias."""
        if self.host_key_alias is not None:
            return self.host_key_alias.lower()
        name = self.hostname.lower()
        return name if self.port == DEFAULT_PORT else f"[{name}]:{self.port}"


def hops(address: HostAddress) -> Iterator[HostAddress]:
    """Yield the hosts on the way to `address`, the nearest first, and itself."""
    if address.jump is not None:
        yield from hops(address.jump)
    yield address
