"""Disposable real Linux hosts on this machine: systemd as PID 1, or sshd alone, each with its own everything.

A host has its own file system (an overlay whose changes are in memory), processes, network, control
groups, host key and sshd. It is reached from this machine, and has no way out. Its accounts are
root and `ops` (with sudo). It needs root and a few programs of Debian; `MISSING` says what lacks.

    process of the tests ── link `sayso-hN` ── eth0 of the host: 198.18.201.N+1
"""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import pytest

from executors.facts import gather_facts
from executors.ssh import SshTransport
from executors.ssh_config import HostAddress
from executors.state import Target
from tests.support.host_slots import (
    GATEWAY,
    UNREACHABLE_METRIC,
    HostError,
    Slot,
    held_slot,
    ip,
    is_ended,
    remove_leftovers,
    started,
    stat_fields,
    wait_for,
)
from tests.support.host_snapshot import Snapshot, take_snapshot
from tests.support.host_tree import USER, USER_ID, is_built, tree
from tests.support.sshd import make_key

__all__ = [
    "MISSING",
    "Host",
    "HostError",
    "Snapshot",
    "is_built",
    "light_host",
    "requires_hosts",
    "several_hosts",
    "systemd_host",
]

Kind: TypeAlias = Literal["systemd", "light"]
Account: TypeAlias = Literal["root", "ops"]

APT_PACKAGES = ("debootstrap", "systemd-container", "iproute2", "openssh-client", "util-linux")
"""What this machine needs, by the names of Debian's packages."""
PROGRAMS = ("debootstrap", "systemd-nspawn", "ip", "ssh-keygen", "unshare", "nsenter")
BOOTS_WITHIN_S = 60.0
STARTED_AT_ONCE = 4
DISK_SIZE_BYTES = 256 << 20
SUDO_RULE = f"{USER} ALL=(ALL) NOPASSWD: ALL\n"
SUDO_RULE_WITH_PASSWORD = f"{USER} ALL=(ALL) ALL\n"

SUPERVISOR = r"""
set -eu
folder=$1 base=$2 size=$3 address=$4 gateway=$5 groups=$6
shift 6
for group in $groups; do echo 0 > "$group/cgroup.procs"; done
echo ready
read -r start
printf 'link set lo up\nlink set eth0 up\naddr add %s/32 dev eth0\nroute add %s dev eth0\nroute add default via %s\n' \
    "$address" "$gateway" "$gateway" | ip -batch -
mount -t tmpfs -o "size=$size,mode=755" sayso "$folder/fs"
mkdir "$folder/fs/upper" "$folder/fs/work" "$folder/fs/root"
cp -a "$folder/seed/." "$folder/fs/upper/"
mount -t overlay -o "lowerdir=$base,upperdir=$folder/fs/upper,workdir=$folder/fs/work,redirect_dir=off,metacopy=off" \
    sayso "$folder/fs/root"
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o mode=755 sayso /run/systemd/nspawn
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
{
    status=133
    while [ "$status" = 133 ]; do
        status=0
        systemd-nspawn --quiet --directory="$folder/fs/root" --register=no --keep-unit --link-journal=no \
            --resolv-conf=off --timezone=off --network-namespace-path=/proc/self/ns/net --capability=CAP_NET_ADMIN \
            "$@" < /dev/null >&2 || status=$?
    done
} &
read -r end || :
"""
"""Process 1 of a PID namespace around the host; all in it ends with this process.

It joins the host's control groups, waits for its link, mounts its file system, boots it, and boots
it again when it asked for that (systemd-nspawn --keep-unit then exits with 133). Its input ends
when the tests' process does, however that ended, and so does the host.
"""

BOOT: Mapping[Kind, tuple[str, ...]] = {
    "systemd": ("--boot",),
    "light": ("--as-pid2", "sh", "-c", "mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e"),
}

STATE_READS: Mapping[str, tuple[str, ...]] = {
    # Whether a unit is enabled or masked is a link below /etc, so it is among the files.
    "units": ("systemctl", "list-units", "--all", "--no-legend", "--plain", "--type=service,timer,socket"),
    "packet rules": ("nft", "--stateless", "list", "ruleset"),
}
TRANSIENT_UNITS = ("user@", "user-runtime-dir@", "systemd-", "run-", "ssh@", "dbus", "modprobe@", "apt-", "polkit")
"""Beginnings of the names of units that come and go by themselves."""


def _missing() -> str:
    if os.geteuid() != 0:
        return "test hosts need root (namespaces, mounts)"
    lacking = [program for program in PROGRAMS if not shutil.which(program)]
    if lacking:
        return f"test hosts need {', '.join(lacking)} (apt-get install {' '.join(APT_PACKAGES)})"
    probe = [
        "unshare",
        "--mount",
        "--net",
        "--pid",
        "--fork",
        "--propagation=private",
        "mount",
        "-t",
        "tmpfs",
        "none",
        "/mnt",
    ]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    return f"test hosts need namespaces: {done.stderr.strip()}" if done.returncode else ""


MISSING = _missing()
"""Why there can be no hosts here; empty where there can."""

requires_hosts = pytest.mark.skipif(bool(MISSING), reason=MISSING or "hosts are there")
"""Marks a test that needs hosts."""


@dataclass
class Host:
    """A running host. It ends with the context that made it."""

    slot: Slot
    kind: Kind
    base: Path
    supervisor: "subprocess.Popen[str]" = field(repr=False)
    _transports: dict[Account, SshTransport] = field(default_factory=dict, repr=False)

    # -- as sayso meets it

    @property
    def name(self) -> str:
        """Its name, in plans and as its host name."""
        return self.slot.name

    @property
    def address(self) -> HostAddress:
        """How root gets in; the key is known."""
        return self.address_of("root")

    def address_of(self, user: Account) -> HostAddress:
        """How an account gets in."""
        folder = self.slot.folder
        return HostAddress(
            name=self.name,
            hostname=self.slot.address,
            port=22,
            user=user,
            identity_files=(str(folder / "login_key"),),
            known_hosts_files=(str(folder / "known_hosts"),),
            connect_timeout_s=10.0,
        )

    def transport(self, user: Account = "root") -> SshTransport:
        """Return a real connection of its own, closed with the host."""
        if user not in self._transports:
            self._transports[user] = SshTransport(self.address_of(user))
        return self._transports[user]

    def target(self, user: Account = "root") -> Target:
        """Return the host as a target, with the facts that it has now."""
        transport = self.transport(user)
        return Target(self.name, transport, gather_facts(transport), transport.login(), self.address_of(user))

    def inventory(self, user: Account = "root") -> str:
        """Return a line for an inventory in Ansible's INI form."""
        address = self.address_of(user)
        return (
            f"{self.name} ansible_host={address.hostname} ansible_port={address.port} ansible_user={user} "
            f"ansible_ssh_private_key_file={address.identity_files[0]}\n"
        )

    def ssh_config(self, name: str, user: Account = "root") -> str:
        """Return a block for ssh_config(5) that leads to an account of the host by a name."""
        address = self.address_of(user)
        return (
            f"Host {name}\n  HostName {address.hostname}\n  User {user}\n  IdentityFile {address.identity_files[0]}\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {address.known_hosts_files[0]}\n"
        )

    # -- behind sayso's back

    def run_inside(
        self, *argv: str, stdin: str | None = None, user: Account = "root", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the host without SSH; raises `HostError` with its words when `check` and it failed."""
        account = () if user == "root" else ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--")
        done = subprocess.run(
            [
                *(
                    "nsenter",
                    f"--target={self.init()}",
                    "--mount",
                    "--uts",
                    "--ipc",
                    "--net",
                    "--pid",
                    "--root",
                    "--wd",
                ),
                "--",
                *account,
                *argv,
            ],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
            timeout=BOOTS_WITHIN_S,
            check=False,
        )
        if check and done.returncode:
            raise HostError(f"{' '.join(argv)} in {self.name} exited {done.returncode}: {done.stderr.strip()[-400:]}")
        return done

    def path(self, inside: str) -> Path:
        """Return one of its files as this machine sees it (links in it lead elsewhere: for plain files)."""
        return Path(f"/proc/{self.init()}/root") / inside.lstrip("/")

    def init(self) -> int:
        """Return the pid, out here, of the host's own process 1. Raises `HostError` where it isn't up."""
        found = self._find_init()
        if found is None:
            raise HostError(f"{self.name} is not up: {self.console()[-400:]}")
        return found

    def console(self) -> str:
        """Return what the host wrote to its console."""
        return (self.slot.folder / "console.log").read_text(errors="replace")

    def snapshot(self) -> Snapshot:
        """Return what the host is now: files, units, packet rules."""
        return take_snapshot(self.base, self._outside(self.slot.file_system / "upper"), self._states())

    # -- faults

    def reboot(self) -> None:
        """Boot anew and wait for it; its files stay."""
        before = self.init()
        self.run_inside("systemctl", "reboot", check=False)
        wait_for(f"the end of {self.name}", lambda: self._find_init() != before, within_s=BOOTS_WITHIN_S)
        self.wait_until_up()

    def cut(self) -> None:
        """Take its link down: open connections hang, new ones find no route."""
        ip("link", "set", self.slot.link, "down")

    def restore(self) -> None:
        """Bring its link up again."""
        _raise_link(self.slot)

    def drop_connections(self) -> None:
        """Kill the sshd of every open connection, as a crash would; what runs there may go on.

        All are found before the first is killed: the end of one ends another, which then can't be looked at.
        """
        listeners = set(self._listeners())
        found = {pid: started(pid) for pid in self._named("sshd") if pid not in listeners}
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(
            f"the end of the connections to {self.name}",
            lambda: all(is_ended(pid, began) for pid, began in found.items()),
            within_s=BOOTS_WITHIN_S,
        )

    def fill_disk(self) -> None:
        """Leave no byte free on /."""
        disk = os.statvfs(self._outside(self.slot.file_system))
        self._resize_disk((disk.f_blocks - disk.f_bfree) * disk.f_frsize)

    def empty_disk(self) -> None:
        """Give / its space back."""
        self._resize_disk(DISK_SIZE_BYTES)

    def set_read_only(self, folder: str) -> None:
        """Make a folder answer "read-only file system" to every write, root's too."""
        self.run_inside("mount", "--bind", folder, folder)
        self.run_inside("mount", "-o", "remount,bind,ro", folder)

    def set_writable(self, folder: str) -> None:
        """Take `set_read_only` back."""
        self.run_inside("umount", folder)

    def ask_sudo_password(self, *, is_asked: bool = True) -> None:
        """Make sudo ask `ops` for the password (which is `ops`), or not."""
        _write(self.path(f"etc/sudoers.d/{USER}"), SUDO_RULE_WITH_PASSWORD if is_asked else SUDO_RULE, mode=0o440)

    def hide_python(self) -> None:
        """Take the system's Python away; `show_python` gives it back."""
        self.run_inside("mv", "/usr/bin/python3", "/usr/bin/python3.hidden")

    def show_python(self) -> None:
        """Take `hide_python` back."""
        self.run_inside("mv", "/usr/bin/python3.hidden", "/usr/bin/python3")

    def change_host_key(self) -> None:
        """Show another host key from now on; the client's known_hosts keeps the old one."""
        key = self.path("etc/ssh/ssh_host_ed25519_key")
        make_key(key)
        for listener in self._listeners():
            os.kill(listener, signal.SIGHUP)  # sshd(8): it reads its files again
        new = " ".join(Path(f"{key}.pub").read_text().split()[:2])
        wait_for(f"the new key of {self.name}", lambda: new in self._shown_key(), within_s=BOOTS_WITHIN_S)

    def trust_host_key(self) -> None:
        """Write the key that it shows now into the client's known_hosts."""
        _write(self.slot.folder / "known_hosts", self._shown_key())

    def freeze(self) -> None:
        """Stop every sshd: the kernel still takes connections, nobody says a word on them."""
        for pid in self._named("sshd"):
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Take `freeze` back."""
        for pid in self._named("sshd"):
            os.kill(pid, signal.SIGCONT)

    # -- its life

    def wait_until_up(self) -> None:
        """Wait until people may log in. Raises `HostError` with the console's end when that takes too long."""
        try:
            wait_for(f"the start of {self.name}", self._is_up, within_s=BOOTS_WITHIN_S)
        except HostError as error:
            raise HostError(f"{error}; its console says: {self.console()[-600:]}") from error
        if self.kind == "systemd":
            self.run_inside("systemctl", "is-system-running", "--wait", check=False)  # until every unit has started

    def close(self) -> None:
        """Close the connections to it."""
        for transport in self._transports.values():
            transport.close()

    def _is_up(self) -> bool:
        """Whether sshd answers and pam_nologin(8) lets people in, which systemd allows a little later."""
        init = self._find_init()
        if self.supervisor.poll() is not None:
            raise HostError(f"{self.name} ended")
        if init is None or Path(f"/proc/{init}/root/run/nologin").exists():
            return False
        with suppress(OSError), socket.create_connection((self.slot.address, 22), timeout=1.0) as probe:
            return probe.recv(4) == b"SSH-"
        return False

    def _find_init(self) -> int | None:
        """NSpid of proc_pid_status(5) lists a process's pid in each namespace; the innermost one is the host's."""
        for pid in self._processes():
            with suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text()
                pids = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
                if len(pids) == NAMESPACES and pids[-1] == "1":
                    return pid
        return None

    def _named(self, name: str) -> list[int]:
        return [pid for pid in self._processes() if _name(pid) == name]

    def _listeners(self) -> list[int]:
        """The sshd that no other sshd has started."""
        servers, found = self._named("sshd"), []
        for pid in servers:
            with suppress(OSError):
                if int(stat_fields(pid)[1]) not in servers:
                    found.append(pid)
        return found

    def _shown_key(self) -> str:
        """Return the key that it shows as a line of known_hosts; empty while it shows none."""
        argv = ["ssh-keyscan", "-T", "2", "-t", "ed25519", self.slot.address]
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout

    def _processes(self) -> list[int]:
        children: dict[int, list[int]] = {}
        for name in (folder.name for folder in Path("/proc").glob("[0-9]*")):
            with suppress(OSError):
                children.setdefault(int(stat_fields(int(name))[1]), []).append(int(name))
        found, waiting = [], [self.supervisor.pid]
        while waiting:
            below = children.get(waiting.pop(), [])
            found += below
            waiting += below
        return found

    def _outside(self, path: Path) -> Path:
        """Return a path in the supervisor's mounts, as this machine sees it."""
        return Path(f"/proc/{self.supervisor.pid}/root{path}")

    def _resize_disk(self, size_bytes: int) -> None:
        argv = ["mount", "-o", f"remount,size={size_bytes}", str(self.slot.file_system)]
        subprocess.run(
            ["nsenter", f"--mount=/proc/{self.supervisor.pid}/ns/mnt", "--", *argv], check=True, capture_output=True
        )

    def _states(self) -> dict[str, str]:
        if self.kind == "light":
            return {}
        states = {}
        for line in self.run_inside(*STATE_READS["units"]).stdout.splitlines():
            name, _, active, *_ = line.split()
            if not name.startswith(TRANSIENT_UNITS) and active != "inactive":
                states[f"unit {name}"] = active
        states["packet rules"] = self.run_inside(*STATE_READS["packet rules"]).stdout
        return states


NAMESPACES = 3
"""PID namespaces that a process of a host stands in: this machine's, the supervisor's, the host's."""


@contextmanager
def systemd_host() -> Iterator[Host]:
    """Run a host with systemd, ready for logins. Raises `HostError` or `TreeError`."""
    with _host("systemd") as host:
        yield host


@contextmanager
def light_host() -> Iterator[Host]:
    """Run a host with sshd alone, ready for logins: no init system. Raises `HostError` or `TreeError`."""
    with _host("light") as host:
        yield host


@contextmanager
def several_hosts(*, systemd: int = 0, light: int = 0) -> Iterator[list[Host]]:
    """Run hosts of both kinds, started at the same time, those with systemd first."""
    systemd_kind: Kind = "systemd"
    light_kind: Kind = "light"
    kinds = [systemd_kind] * systemd + [light_kind] * light
    tree()
    with ExitStack() as stack, ThreadPoolExecutor(max_workers=STARTED_AT_ONCE) as pool:
        contexts = [_host(kind) for kind in kinds]
        starting = [pool.submit(stack.enter_context, context) for context in contexts]
        yield [one.result() for one in starting]


@contextmanager
def _host(kind: Kind) -> Iterator[Host]:
    base = tree()
    remove_leftovers()
    with held_slot() as slot, ExitStack() as stack:
        _prepare(slot)
        host = Host(slot, kind, base, _start_supervisor(slot, kind, base))
        stack.callback(_end_supervisor, host.supervisor)
        stack.callback(host.close)
        host.wait_until_up()
        yield host


def _prepare(slot: Slot) -> None:
    """Write what the host has besides the tree, and the client's files beside it."""
    slot.folder.mkdir(mode=0o700)
    slot.file_system.mkdir()
    make_key(slot.folder / "login_key")
    seed = slot.folder / "seed"
    login_key = (slot.folder / "login_key.pub").read_text()
    (seed / "etc/ssh").mkdir(parents=True)
    make_key(seed / "etc/ssh/ssh_host_ed25519_key")
    key_type, key = (seed / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2]
    _write(slot.folder / "known_hosts", f"{slot.address} {key_type} {key}\n")
    _write(seed / "etc/hostname", f"{slot.name}\n")
    _write(seed / "etc/hosts", f"127.0.0.1 localhost\n{slot.address} {slot.name}\n")
    _write(seed / "etc/machine-id", os.urandom(16).hex() + "\n", mode=0o444)
    _write(seed / f"etc/sudoers.d/{USER}", SUDO_RULE, mode=0o440)
    _write(seed / "root/.ssh/authorized_keys", login_key, mode=0o600)
    _write(seed / f"home/{USER}/.ssh/authorized_keys", login_key, mode=0o600, owner=USER_ID)
    for folder, mode, owner in (
        ("root", 0o700, 0),
        ("root/.ssh", 0o700, 0),
        (f"home/{USER}", 0o755, USER_ID),
        (f"home/{USER}/.ssh", 0o700, USER_ID),
        ("etc/sudoers.d", 0o750, 0),
    ):
        (seed / folder).chmod(mode)
        os.chown(seed / folder, owner, owner)


def _write(path: Path, text: str, *, mode: int = 0o644, owner: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    os.chown(path, owner, owner)


def _start_supervisor(slot: Slot, kind: Kind, base: Path) -> "subprocess.Popen[str]":
    for group in slot.control_groups:
        group.mkdir(exist_ok=True)
    namespaces = ("--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation=private")
    words = (
        str(slot.folder),
        str(base),
        str(DISK_SIZE_BYTES),
        slot.address,
        GATEWAY,
        " ".join(map(str, slot.control_groups)),
    )
    with (slot.folder / "console.log").open("w") as console:
        process = subprocess.Popen(
            [
                "unshare",
                *namespaces,
                "sh",
                "-c",
                SUPERVISOR,
                "supervisor",
                *words,
                f"--machine={slot.name}",
                *BOOT[kind],
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=console,
            text=True,
            start_new_session=True,
        )
    slot.write_supervisor(process.pid)
    assert process.stdin is not None
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise HostError(f"{slot.name} doesn't start: {(slot.folder / 'console.log').read_text()[-400:]}")
    _make_link(slot, process.pid)
    process.stdin.write("start\n")
    process.stdin.flush()
    return process


def _make_link(slot: Slot, pid: int) -> None:
    """Connect the host. A guard route keeps its packets on this machine whenever the link is down."""
    made = (
        ip("route", "add", "unreachable", f"{slot.address}/32", "metric", UNREACHABLE_METRIC)
        and ip("link", "add", slot.link, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
        and ip("addr", "add", f"{GATEWAY}/32", "dev", slot.link)
    )
    if not made:
        raise HostError(f"there can't be a link to {slot.name} ({slot.address})")
    _raise_link(slot)


def _raise_link(slot: Slot) -> None:
    ip("link", "set", slot.link, "up")
    ip("route", "replace", f"{slot.address}/32", "dev", slot.link, "src", GATEWAY)


def _end_supervisor(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""
