"""Ends the processes of a run of Ansible on this machine.

ansible-runner 2.4 kills the process group of `ansible-playbook` alone, and ansible-core 2.19
gives each worker a session of its own: workers and their modules went on (measured).
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

GRACE_S = 2.0
"""How long they have between SIGTERM and SIGKILL."""
_TICK_S = 0.05


def end_processes(folder: Path) -> None:
    """End the run whose private folder this is: our child with it in its environment, and all that descend from it.

    What acts as root by sudo is not ours to end, and goes on. A daemon that the run has started
    descends from init by now, and is left alone.
    """
    found = _processes_of(folder)
    _signal(found, signal.SIGTERM)
    limit = time.monotonic() + GRACE_S
    while time.monotonic() < limit and any(_is_alive(pid, started) for pid, started in found.items()):
        time.sleep(_TICK_S)
    _signal({pid: started for pid, started in found.items() if _is_alive(pid, started)}, signal.SIGKILL)


def _processes_of(folder: Path) -> dict[int, str]:
    """Return pid -> start time (which tells a process from a later one with its number)."""
    children: dict[int, list[int]] = {}
    for pid in [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]:
        fields = _stat(pid)
        if fields:
            children.setdefault(int(fields[1]), []).append(pid)
    waiting = [pid for pid in children.get(os.getpid(), []) if _has_in_environment(pid, folder)]
    found: dict[int, str] = {}
    while waiting:
        pid = waiting.pop()
        fields = _stat(pid)
        if fields:
            found[pid] = fields[19]
        waiting += children.get(pid, [])
    return found


def _stat(pid: int) -> list[str]:
    """Return the fields after the name (proc_pid_stat(5)): state, parent, ..., start time at 19; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _is_alive(pid: int, started: str) -> bool:
    fields = _stat(pid)
    return bool(fields) and fields[19] == started and fields[0] != "Z"


def _has_in_environment(pid: int, folder: Path) -> bool:
    with suppress(OSError):
        return f"ANSIBLE_HOME={folder}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False


def _signal(pids: dict[int, str], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
