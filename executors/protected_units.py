"""Which units no change may stop, disable or mask, by all names that systemd knows for them."""

import fnmatch
import posixpath
from collections.abc import Sequence

from executors.protected_processes import is_connected_by_ssh, own_lineage
from executors.state import Target
from executors.transport import Cancel
from intents.types.visible import visible

STOPPING_VERBS = frozenset("stop disable mask kill freeze clean del delete zap".split())
"""Verbs of systemctl, rc-service, rc-update and service after which a unit is gone now or at the next boot."""

PROGRAMS = frozenset("systemctl rc-service rc-update service".split())

SSH_UNITS = ("ssh.*", "sshd.*", "ssh@*", "sshd@*", "sshd-*", "dropbear.*", "dropbear@*")
ALWAYS = ("init.scope", "-.slice", "system.slice", "dbus.service", "dbus.socket", "dbus-broker.service")
_SUFFIXES = (".service", ".socket", ".scope", ".slice", ".mount", ".timer", ".target", ".path")


def refused_unit(argv: Sequence[str], target: Target, units: Sequence[str], *, cancel: Cancel | None) -> str | None:
    """Return why the vector may not take a unit away, or None."""
    words = [word for word in argv[1:] if not word.startswith("-")]
    verb = next((word for word in words if word in STOPPING_VERBS), None)
    if posixpath.basename(argv[0]) not in PROGRAMS or verb is None:
        return None
    named = [word for word in words if word != verb]
    names, main_pids = _identities(named, target, cancel)
    patterns = [*ALWAYS, *map(_with_suffix, units)]
    for name in names:
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            return f"the unit {visible(name)} is protected"
        if name in _own_units(target, cancel):
            return f"this session runs in the unit {visible(name)}"
    lineage = own_lineage(target, cancel)
    if main_pids & lineage.pids - {0, 1}:
        return f"this session was started by {visible(named[0])}"
    if is_connected_by_ssh(target, lineage):
        ssh = next((name for name in names if any(fnmatch.fnmatchcase(name, one) for one in SSH_UNITS)), None)
        if ssh is not None:
            return f"the unit {visible(ssh)} serves the SSH connection in use"
    return None


def _identities(named: Sequence[str], target: Target, cancel: Cancel | None) -> tuple[list[str], frozenset[int]]:
    """Every name of the units, also of what they trigger, and their main processes; as written where there is no systemd."""
    names = [_with_suffix(name) for name in named]
    if target.facts.get("init", "systemd") != "systemd":
        return names, frozenset()
    completed = target.transport.run(
        ("systemctl", "show", "--property=Id,Names,Triggers,MainPID", "--no-pager", "--", *names),
        timeout_s=20.0,
        cancel=cancel,
    )
    pids: set[int] = set()
    for line in completed.stdout.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        if key in {"Id", "Names", "Triggers"}:
            names += value.split()
        elif key == "MainPID" and value.isdecimal():
            pids.add(int(value))
    return list(dict.fromkeys(names)), frozenset(pids)


def _own_units(target: Target, cancel: Cancel | None) -> frozenset[str]:
    """The units of the control group in which a command of ours runs."""
    completed = target.transport.run(("cat", "--", "/proc/self/cgroup"), timeout_s=20.0, cancel=cancel)
    words = completed.stdout.decode("utf-8", "replace").replace("\n", "/").split("/")
    return frozenset(word for word in words if word.endswith(_SUFFIXES))


def _with_suffix(name: str) -> str:
    return name if name.endswith(_SUFFIXES) else f"{name}.service"
