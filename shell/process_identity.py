"""Which process wrote a record, told so that it can be asked later whether that one still runs."""

import os
from collections.abc import Mapping
from pathlib import Path

from intents.values import Json

_START_TIME = 22
"""The field of /proc/PID/stat that holds the start time in clock ticks since boot (proc(5))."""


def own_process() -> dict[str, Json]:
    """Return this process's number, start time and boot: a number alone is used again."""
    return {"pid": os.getpid(), "started": _started(os.getpid()), "boot": _boot()}


def is_alive(process: Json) -> bool:
    """Whether the process that `own_process` described still runs on this machine."""
    if not isinstance(process, Mapping):
        return False
    pid, started = process.get("pid"), process.get("started")
    if not isinstance(pid, int) or started is None or process.get("boot") != _boot():
        return False
    return _started(pid) == started


def _started(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    after_name = text.rpartition(")")[2].split()  # the name, field 2, may hold blanks and brackets
    index = _START_TIME - 3
    return after_name[index] if len(after_name) > index else None


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
