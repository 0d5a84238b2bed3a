"""Hundreds of SSH hosts in one process: each has its own port, host key, home and faults, and costs nothing while idle.

One thread listens on every host's port and starts a real `sshd -i` for each connection, which is what a
listening sshd does as well. They are this machine as the account that runs the tests sees it: for
what must not touch it (a full disk, no Python, sudo with a password) there is `tests.support.hosts`.

    with light_fleet(folder, 100) as fleet:
        fleet.hosts[3].refuse_connections()
"""

import contextlib
import getpass
import os
import selectors
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from executors.ssh_config import HostAddress
from tests.support.sshd import KEYS_ONLY, make_key, sshd_descendants, sshd_program

BACKLOG = 64
"""How many connections of one host wait for being accepted."""

SETTINGS = (*KEYS_ONLY, "PrintLastLog no", "PidFile none")


@dataclass(eq=False)
class LightHost:
    """One host. Its faults hold for connections that are made after they were set; `heal` ends them."""

    name: str
    folder: Path
    login_key: Path
    known_hosts: Path
    port: int = 0
    banner_delay_s: float = 0.0
    is_frozen: bool = False
    connections: int = 0
    """How many were made until now."""
    _servers: "list[subprocess.Popen[bytes]]" = field(default_factory=list, repr=False)
    _held: list[socket.socket] = field(default_factory=list, repr=False)
    _listener: socket.socket | None = field(default=None, repr=False)
    _selector: selectors.BaseSelector | None = field(default=None, repr=False)

    # -- how it is reached

    @property
    def address(self) -> HostAddress:
        """How the one account gets in; the key is known."""
        return HostAddress(
            name=self.name,
            hostname="127.0.0.1",
            port=self.port,
            user=getpass.getuser(),
            identity_files=(str(self.login_key),),
            known_hosts_files=(str(self.known_hosts),),
            connect_timeout_s=10.0,
        )

    @property
    def home(self) -> Path:
        """Its account's HOME, which nobody else has."""
        return self.folder / "home"

    def ssh_config(self) -> str:
        """Return a block for ssh_config(5)."""
        return (
            f"Host {self.name}\n  HostName 127.0.0.1\n  Port {self.port}\n  User {getpass.getuser()}\n"
            f"  IdentityFile {self.login_key}\n  IdentitiesOnly yes\n  UserKnownHostsFile {self.known_hosts}\n"
        )

    def known_hosts_line(self) -> str:
        """Return the line of known_hosts for the key that it shows now."""
        key_type, key = (self.folder / "host_key.pub").read_text().split()[:2]
        return f"[127.0.0.1]:{self.port} {key_type} {key}\n"

    # -- faults

    def refuse_connections(self) -> None:
        """Listen no more: nobody answers on the port."""
        if self._listener is not None and self._selector is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None

    def freeze(self) -> None:
        """Accept connections and say nothing, not even the banner."""
        self.is_frozen = True

    def delay_banner(self, seconds: float) -> None:
        """Say nothing for so long, then be an ordinary server."""
        self.banner_delay_s = seconds

    def drop_connections(self) -> None:
        """Kill the server of every open connection, as a crash would; what runs there may go on."""
        for server in self._servers:
            for pid in (server.pid, *sshd_descendants(server.pid)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def change_key(self) -> None:
        """Show another key from now on; known_hosts keeps the old one."""
        write_host_key(self.folder / "host_key")

    def heal(self) -> None:
        """End the faults, but for the other key."""
        self.is_frozen, self.banner_delay_s = False, 0.0
        if self._listener is None and self._selector is not None:
            self.listen(self._selector)

    # -- its life

    def listen(self, selector: selectors.BaseSelector) -> None:
        """Take connections, at the port that it had before if it had one."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - the name of the method says what is meant
        self.port = listener.getsockname()[1]
        self._listener, self._selector = listener, selector
        selector.register(listener, selectors.EVENT_READ, self)

    def accept(self) -> None:
        """Give the connection that waits a server of its own, at once or later."""
        if self._listener is None:
            return
        with suppress(OSError):  # the client may have gone, or the host may refuse meanwhile
            connected, _ = self._listener.accept()
            self.connections += 1
            if self.is_frozen:
                self._held.append(connected)
            elif self.banner_delay_s:
                later = threading.Timer(self.banner_delay_s, self._serve, [connected])
                later.daemon = True
                later.start()
            else:
                self._serve(connected)

    def close(self) -> None:
        """End the host and what is connected to it."""
        self.refuse_connections()
        self.drop_connections()
        for server in self._servers:
            server.wait()
        for connected in self._held:
            connected.close()

    def _serve(self, connected: socket.socket) -> None:
        self._servers = [server for server in self._servers if server.poll() is None]
        argv = [str(sshd_program()), "-i", "-f", str(self.folder / "sshd_config"), "-E", str(self.folder / "sshd.log")]
        with connected:
            connected.setblocking(True)  # noqa: FBT003 - as above
            ends = connected.fileno()
            self._servers.append(subprocess.Popen(argv, stdin=ends, stdout=ends, stderr=subprocess.DEVNULL))


class LightFleet:
    """Hosts that share a client's key, its known_hosts and the thread that listens for them."""

    def __init__(self, folder: Path, count: int) -> None:
        """Prepare `count` hosts below `folder`, called `n1`, `n2` and so on, and listen."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.login_key = folder / "login_key"
        self.known_hosts = folder / "known_hosts"
        make_key(self.login_key)
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self.hosts = [self._host(number) for number in range(1, count + 1)]
        self.trust_host_keys()
        self._thread = threading.Thread(target=self._listen, name="light-hosts", daemon=True)
        self._thread.start()

    def trust_host_keys(self) -> None:
        """Write the keys that the hosts show now into known_hosts."""
        self.known_hosts.write_text("".join(host.known_hosts_line() for host in self.hosts))

    def ssh_config(self) -> str:
        """Return the hosts for ssh_config(5)."""
        return "".join(host.ssh_config() for host in self.hosts)

    def inventory(self, group: str = "light") -> str:
        """Return the hosts as one group of an Ansible inventory (INI). The known hosts stand in no inventory."""
        lines = [
            f"{host.name} ansible_host=127.0.0.1 ansible_port={host.port} ansible_user={getpass.getuser()} "
            f"ansible_ssh_private_key_file={self.login_key}"
            for host in self.hosts
        ]
        return "\n".join((f"[{group}]", *lines, ""))

    def close(self) -> None:
        """End all hosts."""
        self._wake.send(b"x")
        self._thread.join()
        for host in self.hosts:
            host.close()
        self._selector.close()
        self._wake.close()
        self._woken.close()

    def _host(self, number: int) -> LightHost:
        folder = self.folder / f"n{number}"
        (folder / "home").mkdir(parents=True)
        host = LightHost(f"n{number}", folder, self.login_key, self.known_hosts)
        write_host_key(folder / "host_key")
        settings = (
            *SETTINGS,
            f"HostKey {folder / 'host_key'}",
            f"AuthorizedKeysFile {self.login_key}.pub",
            f'SetEnv "HOME={folder / "home"}"',
        )
        (folder / "sshd_config").write_text("\n".join(settings) + "\n")
        host.listen(self._selector)
        return host

    def _listen(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                key.data.accept()


@contextmanager
def light_fleet(folder: Path, count: int) -> Iterator[LightFleet]:
    """Run `count` hosts out of `folder`, which is new or empty."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with contextlib.closing(LightFleet(folder, count)) as fleet:
        yield fleet


def write_host_key(path: Path) -> None:
    """Write a new ed25519 key pair in OpenSSH's form, without starting ssh-keygen: it is a millisecond for each host."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(private)
    Path(f"{path}.pub").write_bytes(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b"\n")
