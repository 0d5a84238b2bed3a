"""A real OpenSSH server on a free loopback port, with keys and configuration of its own."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from executors.ssh_config import HostAddress

STARTS_WITHIN_S = 10.0

KEYS_ONLY = (
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "StrictModes no",
    "UsePAM no",
    "UseDNS no",
)
"""Settings of every server of the tests."""


def sshd_program() -> str | None:
    """Return the path of sshd, which isn't on an ordinary account's PATH."""
    return shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


MISSING = "" if sshd_program() and shutil.which("ssh-keygen") else "OpenSSH's server isn't installed (openssh-server)"
"""Why tests that need a server can't run; empty when they can."""


@dataclass
class Sshd:
    """One server. `directory` holds its keys, its configuration, its log and the client's files."""

    directory: Path
    port: int
    settings: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def address(self) -> HostAddress:
        """How the server is reached by an account that it lets in and that knows its key."""
        return HostAddress(
            name="target",
            hostname="127.0.0.1",
            port=self.port,
            user=getpass.getuser(),
            identity_files=(str(self.directory / "login_key"),),
            known_hosts_files=(str(self.directory / "known_hosts"),),
            connect_timeout_s=10.0,
        )

    def address_with(self, **changes: object) -> HostAddress:
        """Return `address` with some fields changed."""
        return replace(self.address, **changes)  # type: ignore[arg-type]  # a test's own business

    def trust_host_key(self) -> None:
        """Write the server's present key into the client's known_hosts."""
        key_type, key = (self.directory / "host_key.pub").read_text().split()[:2]
        (self.directory / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {key_type} {key}\n")

    def fingerprint(self) -> str:
        """Return the SHA256 fingerprint of the server's present key, as ssh-keygen has it."""
        told = subprocess.run(
            ["ssh-keygen", "-l", "-f", str(self.directory / "host_key.pub")], check=True, capture_output=True, text=True
        )
        return told.stdout.split()[1]

    def change_host_key(self) -> None:
        """Give the server another key, at the same port; known_hosts keeps the old one."""
        self.stop()
        make_key(self.directory / "host_key")
        self.start()

    def kill_connections(self) -> None:
        """Kill the server's processes for open connections, as a crash would; it goes on listening."""
        self._signal_connections(signal.SIGKILL)

    def freeze_connections(self) -> None:
        """Stop the server's processes for open connections: the kernel still answers, they don't."""
        self._signal_connections(signal.SIGSTOP)

    def _signal_connections(self, number: signal.Signals) -> None:
        assert self.process is not None
        for pid in sshd_descendants(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def start(self) -> None:
        """Start and wait until it answers."""
        program = sshd_program()
        assert program is not None
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        configuration = self.directory / "sshd_config"
        configuration.write_text("\n".join((*self.settings, *self._own_settings())) + "\n")
        log = self.directory / "sshd.log"
        self.process = subprocess.Popen([program, "-D", "-f", str(configuration), "-E", str(log)])
        _wait_for_banner(self.port, self.process, log)

    def stop(self) -> None:
        """Stop listening, and end what is connected."""
        if self.process is not None:
            self.kill_connections()
            self.process.terminate()
            self.process.wait()
            self.process = None

    def _own_settings(self) -> tuple[str, ...]:
        return (
            "ListenAddress 127.0.0.1",
            f"Port {self.port}",
            f"HostKey {self.directory / 'host_key'}",
            f"AuthorizedKeysFile {self.directory / 'authorized_keys'}",
            f"PidFile {self.directory / 'sshd.pid'}",
            *KEYS_ONLY,
            "MaxStartups 100",
        )


def make_key(path: Path, *, kind: str = "ed25519", passphrase: str = "") -> None:
    """Write a new key pair to `path` and `path.pub`."""
    for old in (path, Path(f"{path}.pub")):
        old.unlink(missing_ok=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", str(path)],
        check=True,
        capture_output=True,
    )


@contextmanager
def running_sshd(directory: Path, *, settings: tuple[str, ...] = ()) -> Iterator[Sshd]:
    """Run a server out of `directory`; `settings` are lines of sshd_config that go first and so win."""
    directory.mkdir(parents=True, exist_ok=True)
    make_key(directory / "host_key")
    make_key(directory / "login_key")
    shutil.copy(directory / "login_key.pub", directory / "authorized_keys")
    server = Sshd(directory, free_port(), settings)
    server.trust_host_key()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """Return a loopback port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_banner(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"sshd ended: {log.read_text()}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=STARTS_WITHIN_S) as probe:
                if probe.recv(4) == b"SSH-":
                    return
        except OSError:
            time.sleep(0.01)  # nobody listens yet, and a listening socket can't be waited for otherwise
    raise RuntimeError(f"sshd isn't ready after {STARTS_WITHIN_S} s: {log.read_text()}")


def sshd_descendants(root: int) -> list[int]:
    """Return the pids below `root` that are sshd's own: not the commands, which have their own name."""
    parents: dict[int, tuple[int, str]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            before, _, after = (folder / "stat").read_text().rpartition(")")
        except OSError:
            continue
        parents[int(folder.name)] = (int(after.split()[1]), before.partition("(")[2])
    found: list[int] = []
    waiting = [root]
    while waiting:
        parent = waiting.pop()
        mine = [pid for pid, (above, name) in parents.items() if above == parent and name.startswith("sshd")]
        found += mine
        waiting += mine
    return found
