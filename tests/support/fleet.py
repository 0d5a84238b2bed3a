"""Two dozen hosts by SSH at the cost of one server: each has a key, a home and a folder of its own, and faults.

One sshd tells the hosts apart by the key that logs in. What runs on a host runs in a mount namespace of its own, where
`Fleet.place` is that host's folder, as are /run and /var/lib (locks, backups).
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.sshd import MISSING as MISSING_SSHD
from tests.support.sshd import Sshd, free_port, make_key, running_sshd

_WRAPPER = """#!/bin/sh
# $1 is the host's folder. `drop` and `slow` in it name a word of the command that loses its connection, or waits.
own=$1
export HOME="$own/home"
for fault in drop slow; do
    [ -e "$own/$fault" ] || continue
    read -r word seconds < "$own/$fault"
    case $SSH_ORIGINAL_COMMAND in
        *"$word"*)
            if [ $fault = slow ]; then sleep "$seconds"; continue; fi
            if [ "$seconds" = 0.0 ]; then unheard=yes; else (sleep "$seconds"; kill -9 $PPID) & fi ;;
    esac
done
read -r holder < "$own/holder"
if [ -n "${unheard:-}" ]; then
    nsenter ENTER --mount -t "$holder" /bin/sh -c "$SSH_ORIGINAL_COMMAND" > /dev/null 2>&1
    kill -9 $PPID
    exit 1
fi
exec nsenter ENTER --mount -t "$holder" /bin/sh -c "$SSH_ORIGINAL_COMMAND"
"""
_HOLDER = """
mount --bind "$1/place" "$2" && mount --bind "$1/run" /run && mount --bind "$1/lib" /var/lib && echo ready && exec sleep 3600
"""
_FAKE = "127.0.77.250"
"""The address of the host that the client knows by another key."""
_PRIVATE = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--user", "--map-root-user", "--mount")
_ENTER = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")


def _why_not() -> str:
    if MISSING_SSHD:
        return MISSING_SSHD
    if shutil.which("unshare") is None:
        return "there is no unshare(1)"
    tried = subprocess.run([*_PRIVATE, "true"], check=False, capture_output=True)
    return "" if tried.returncode == 0 else "no private mount namespaces here"


MISSING = _why_not()
"""Why there can be no fleet here; empty when there can."""


@dataclass(frozen=True)
class Fleet:
    """The running hosts. `place` is the path that is each host's own folder there."""

    folder: Path
    server: Sshd
    names: tuple[str, ...]
    place: Path

    @property
    def inventory(self) -> Path:
        """An inventory of the hosts, of one that nobody answers for (`gone`), and of one whose key changed (`fake`)."""
        return self.folder / "hosts.ini"

    def own(self, name: str) -> Path:
        """Return the folder that stands at `place` on a host."""
        return self.folder / name / "place"

    def write(self, file: str, content: str, *, names: Sequence[str] | None = None) -> Path:
        """Put a file onto hosts; return its path there."""
        for name in self.names if names is None else names:
            (self.own(name) / file).write_text(content)
        return self.place / file

    def read(self, file: str) -> dict[str, str]:
        """Return what a file holds on each host that has it."""
        paths = {name: self.own(name) / file for name in self.names}
        return {name: path.read_text() for name, path in paths.items() if path.exists()}

    @contextmanager
    def fault(self, name: str, kind: str, word: str, seconds: float) -> Iterator[None]:
        """Let commands with `word` in them wait on a host (`slow`), or lose their connection after that time (`drop`).

        After 0 seconds it is lost when they are done, before anybody heard of it.
        """
        file = self.folder / name / kind
        file.write_text(f"{word} {seconds}\n")
        try:
            yield
        finally:
            file.unlink()


@contextmanager
def running_fleet(folder: Path, count: int) -> Iterator[Fleet]:
    """Run `count` hosts, h1 and so on, out of `folder`."""
    names = tuple(f"h{number}" for number in range(1, count + 1))
    place = folder / "srv"
    place.mkdir(parents=True)
    wrapper = folder / "on-host"
    wrapper.write_text(_WRAPPER.replace("ENTER", " ".join(_ENTER)))
    wrapper.chmod(0o755)
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(_private_mounts(folder / name, place))
        # A home without start-up files: what a developer's shell does at every login would be paid for each command.
        settings = (f"ListenAddress {_FAKE}", f"SetEnv HOME={folder / names[0] / 'home'}")
        server = stack.enter_context(running_sshd(folder / "sshd", settings=settings))
        fleet = Fleet(folder, server, names, place)
        _write_keys(fleet, wrapper)
        _write_client_files(fleet)
        yield fleet


@contextmanager
def _private_mounts(own: Path, place: Path) -> Iterator[None]:
    """Hold a mount namespace in which a host's own folders stand where all look for them."""
    for part in ("place", "run", "lib", "home"):
        (own / part).mkdir(parents=True)
    holder = subprocess.Popen([*_PRIVATE, "/bin/sh", "-c", _HOLDER, "sh", str(own), str(place)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        (own / "holder").write_text(f"{holder.pid}\n")
        yield
    finally:
        holder.kill()
        holder.communicate()


def _write_keys(fleet: Fleet, wrapper: Path) -> None:
    """A key for each host: by the key that logs in the server tells which host it is to be."""
    lines = []
    for name in fleet.names:
        make_key(fleet.folder / name / "key")
        command = f"exec {wrapper} {fleet.folder / name}"
        lines.append(f'command="{command}" {(fleet.folder / name / "key.pub").read_text()}')
    (fleet.server.directory / "authorized_keys").write_text("".join(lines))


def _write_client_files(fleet: Fleet) -> None:
    server = fleet.server
    key_type, key = (server.directory / "host_key.pub").read_text().split()[:2]
    other = (server.directory / "login_key.pub").read_text().split()[1]
    home = fleet.folder / "user"
    (home / ".ssh").mkdir(parents=True)
    known = [f"[127.0.0.1]:{server.port} {key_type} {key}", f"[{_FAKE}]:{server.port} {key_type} {other}"]
    (home / ".ssh" / "known_hosts").write_text("\n".join(known) + "\n")

    def line(name: str, address: str, key: Path, port: int) -> str:
        login = f"ansible_user={server.address.user} ansible_ssh_private_key_file={key}"
        return f"{name} ansible_host={address} ansible_port={port} {login}"

    lines = [line(name, "127.0.0.1", fleet.folder / name / "key", server.port) for name in fleet.names]
    any_key = server.directory / "login_key"
    lost = [line("fake", _FAKE, any_key, server.port), line("gone", "127.0.0.1", any_key, free_port())]
    fleet.inventory.write_text("\n".join(["[fleet]", *lines, "", "[lost]", *lost]) + "\n")
