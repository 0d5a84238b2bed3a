"""Numbered places for disposable hosts on this machine: each has one address, one link, one folder, one owner.

A slot is held by a lock on its file for as long as its owner lives. Whoever takes a slot, or comes
by one that nobody holds, first removes what a run that died has left there.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path("/run/sayso-test-hosts")
COUNT = 200
GATEWAY = "198.18.200.1"
"""This machine's own address on every link. 198.18.0.0/15 is set aside for benchmarks (RFC 2544), so nobody needs it."""
ENDS_WITHIN_S = 30.0
UNREACHABLE_METRIC = "4000000000"


class HostError(Exception):
    """A host can't be had or doesn't do what a test wants; the message says why."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One place. Everything that a host leaves on the machine carries the slot's number."""

    number: int

    @property
    def name(self) -> str:
        """The host's name."""
        return f"h{self.number}"

    @property
    def address(self) -> str:
        """The host's address; a route of its own leads there."""
        return f"198.18.201.{self.number + 1}"

    @property
    def link(self) -> str:
        """This machine's end of the link."""
        return f"sayso-{self.name}"

    @property
    def folder(self) -> Path:
        """Where the host's keys and the mount point of its file system are."""
        return FOLDER / self.name

    @property
    def file_system(self) -> Path:
        """Where the host's tmpfs is mounted, as the supervisor sees it: `upper`, `work`, `root`."""
        return self.folder / "fs"

    @property
    def control_groups(self) -> tuple[Path, ...]:
        """One group in each hierarchy that systemd uses, so that the hosts don't share their services' groups."""
        return tuple(root / f"sayso-{self.name}" for root in _hierarchies())

    def write_supervisor(self, pid: int) -> None:
        """Remember the process below which the whole host runs."""
        (self.folder / "supervisor").write_text(f"{pid} {started(pid)}")

    def empty(self) -> None:
        """End the host and remove all that it left. Safe to repeat."""
        self._end_supervisor()
        ip("link", "delete", self.link)
        ip("route", "delete", "unreachable", f"{self.address}/32", "metric", UNREACHABLE_METRIC)
        wait_for(f"the end of {self.name}'s control groups", self._has_no_groups, within_s=ENDS_WITHIN_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end_supervisor(self) -> None:
        with suppress(FileNotFoundError, ValueError):
            pid, began = (self.folder / "supervisor").read_text().split()
            if started(int(pid)) == began:
                os.kill(int(pid), signal.SIGKILL)
                wait_for(f"the end of {self.name}", lambda: is_ended(int(pid), began), within_s=ENDS_WITHIN_S)

    def _has_no_groups(self) -> bool:
        for group in self.control_groups:
            for folder, _, _ in os.walk(group, topdown=False):
                with suppress(OSError):  # busy until the last process in it is gone
                    Path(folder).rmdir()
        return not any(group.exists() for group in self.control_groups)


@contextmanager
def held_slot() -> Iterator[Slot]:
    """Hold a free slot, emptied before and afterwards. Raises `HostError` where all are taken."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    for number in range(COUNT):
        slot = Slot(number)
        with (FOLDER / f"{slot.name}.lock").open("w") as lock:
            if not _take(lock.fileno()):
                continue
            slot.empty()
            try:
                yield slot
            finally:
                slot.empty()
            return
    raise HostError(f"all {COUNT} places for hosts are taken")


def remove_leftovers() -> None:
    """Empty every slot whose owner died."""
    for lock_file in FOLDER.glob("h*.lock"):
        slot = Slot(int(lock_file.stem.removeprefix("h")))
        if slot.folder.exists():
            with lock_file.open("w") as lock:
                if _take(lock.fileno()):
                    slot.empty()


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _hierarchies() -> list[Path]:
    """Return this process's own groups in the hierarchies that systemd uses (cgroups(7)): v2, v1 `name=systemd`, or both."""
    own = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    found = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2":
            found.append(Path(place) / own.get("", "/").lstrip("/"))
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            found.append(Path(place) / own.get("name=systemd", "/").lstrip("/"))
    return found


def ip(*words: str) -> bool:
    """Run ip(8) on this machine's network; return whether it did what was asked."""
    return not subprocess.run(["ip", *words], capture_output=True, check=False).returncode


def stat_fields(pid: int) -> Sequence[str]:
    """Return the fields of proc_pid_stat(5) from the third on: 0 state, 1 parent, 19 start time."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def started(pid: int) -> str:
    """Return a process's start time in clock ticks; empty where there is no such process."""
    try:
        return stat_fields(pid)[19]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_ended(pid: int, began: str) -> bool:
    """Whether the process that started at `began` runs no more."""
    try:
        fields = stat_fields(pid)
    except (FileNotFoundError, ProcessLookupError):
        return True
    return fields[19] != began or fields[0] in "ZX"


def wait_for(what: str, is_so: Callable[[], bool], *, within_s: float) -> None:
    """Ask again and again until it is so. Raises `HostError` when it takes too long."""
    end = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > end:
            raise HostError(f"{what}: not within {within_s:g} s")
        time.sleep(0.02)  # the kernel tells none of these by itself
