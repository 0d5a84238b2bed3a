"""Runs one command and writes what it cost, with every process that it left behind: masters of shared connections too.

    measured.py RESULT.json (time | memory) COMMAND...

`time`: wall_s until the command ended, cpu_s of it and all its descendants. `memory`: peak_mb, the largest sum of the
proportional sizes (Pss) of its processes that was seen; looking costs time, so both aren't measured at once.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
LOOK_EVERY_S = 0.04


def main() -> int:
    """Run the command and write the figures; returns its exit status."""
    result, what, *command = sys.argv[1:]
    # prctl(2): processes whose parent ends come to us, so that nothing is lost from the count.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ended, peaks_kb = threading.Event(), [0]
    started = time.perf_counter()
    process = subprocess.Popen(command)
    if what == "memory":
        watcher = threading.Thread(target=watch, args=(process.pid, ended, peaks_kb))
        watcher.start()
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - started
    cpu_s = used.ru_utime + used.ru_stime
    ended.set()
    if what == "memory":
        watcher.join()
    cpu_s += end_what_is_left()
    figures = {"wall_s": wall_s, "cpu_s": cpu_s} if what == "time" else {"peak_mb": max(peaks_kb) / 1024}
    Path(result).write_text(json.dumps(figures), encoding="utf-8")
    return os.waitstatus_to_exitcode(status)


def end_what_is_left() -> float:
    """End the processes that were left behind and return the processor time that they had used."""
    cpu_s = 0.0
    while True:
        for pid in children_of().get(os.getpid(), []):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        try:
            _, _, used = os.wait4(-1, 0)
        except ChildProcessError:
            return cpu_s
        cpu_s += used.ru_utime + used.ru_stime


def watch(root: int, ended: threading.Event, peaks_kb: list[int]) -> None:
    """Look at the processes below `root` until the end."""
    while not ended.wait(LOOK_EVERY_S):
        children, waiting, total_kb = children_of(), [root], 0
        while waiting:
            pid = waiting.pop()
            total_kb += proportional_kb(pid)
            waiting += children.get(pid, [])
        peaks_kb.append(total_kb)


def children_of() -> dict[int, list[int]]:
    """Return parent -> its children, of the whole machine (proc_pid_stat(5))."""
    found: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - many times a second
        if name.isdigit():
            with suppress(OSError):
                fields = Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(")")[2].split()
                found.setdefault(int(fields[1]), []).append(int(name))
    return found


def proportional_kb(pid: int) -> int:
    """Return the proportional set size of a process, 0 once it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
