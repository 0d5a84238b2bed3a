"""The lock-out guard: a rollback that waits on the target and runs by itself unless a new login disarms it.

It survives a reboot, needs nothing of us once it is armed, and removes its own files. Disarming it
is the proof that the host can still be reached *and* administered: a new connection, a new
authentication, and root on it. What a rollback does is `executors.guard_rollback`'s.
"""

import contextlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from executors.guard_host import GUARD_DIRECTORY, RootHost
from executors.guard_rollback import Rollback, new_guard_id
from executors.guard_units import (
    CRON_DIRECTORY,
    UNIT_DIRECTORY,
    WANTS_DIRECTORY,
    cron_entry,
    rollback_script,
    service_unit,
    timer_unit,
    unit_name,
)
from executors.plan import Outcome
from executors.ssh import SshTransport
from executors.ssh_config import HostAddress
from executors.state import Target
from executors.transport import Cancel, Transport
from intents.errors import PlanError, SaysoError, StepError

__all__ = [
    "Armed", "Leftover", "arm", "disarm", "guarded", "new_guard_id", "prove_by_login", "roll_back_now", "status",
]  # fmt: skip

LIMIT_S = 120
"""How long a change that cuts access may stand without proof."""
CRON_SHORTEST_S = 90
"""cron looks once a minute, so that the proof needs more time than that."""
LOGIN_PAUSE_S = 1.0
"""Between two tries to log in: a service that restarts refuses for a moment."""
SETTLE_S = 20
"""How long after the limit the rollback itself may take before its end is called unknown."""
TICK_S = 0.5


@dataclass(frozen=True, slots=True)
class Armed:
    """A guard that waits on a host. `deadline`: by `time.monotonic()`, when it fires at the earliest."""

    guard_id: str
    host: str
    limit_s: int
    by: str
    """`systemd` or `cron`."""
    deadline: float
    files: tuple[str, ...]
    """Everything that the guard has put on the host, but for copies in other accounts' directories."""
    directories: tuple[tuple[str, str], ...] = ()

    @property
    def left_s(self) -> float:
        """Seconds until it fires, 0 when it may have."""
        return max(0.0, self.deadline - time.monotonic())


@dataclass(frozen=True, slots=True)
class Leftover:
    """A guard found on a host: for `recover`. `note` is what it was armed with (record, user, why)."""

    guard_id: str
    limit_s: int
    since_utc: str
    is_waiting: bool
    """Whether it will still fire by itself."""
    note: Mapping[str, str]


def arm(
    target: Target,
    rollback: Rollback,
    *,
    limit_s: int = LIMIT_S,
    note: Mapping[str, str] | None = None,
    cancel: Cancel | None = None,
) -> Armed:
    """Arm the rollback on the target and return when it is certain to fire by itself.

    Raises `PlanError` when none can be armed there (no root, no systemd and no cron, a read-only
    /etc): the change may not begin then. Raises `UnreachableError` when the host goes away.
    """
    host = RootHost(target.transport, cancel)
    is_systemd = target.facts.get("init") == "systemd"
    directory = f"{GUARD_DIRECTORY}/{rollback.guard_id}"
    files = _systemd_files(rollback.guard_id) if is_systemd else _cron_files(rollback.guard_id)
    limit_s = limit_s if is_systemd else max(limit_s, CRON_SHORTEST_S)
    directories = tuple(one for one in rollback.directories if one != ("root", directory))
    armed = Armed(
        rollback.guard_id,
        target.host,
        limit_s,
        "systemd" if is_systemd else "cron",
        0.0,
        (*files, directory),
        directories,
    )
    about = {
        "id": rollback.guard_id,
        "limit_s": limit_s,
        "since_utc": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "note": dict(note or {}),
    }
    try:
        host.make_directory(directory)
        host.write(f"{directory}/guard.json", json.dumps(about) + "\n")
        deadline = _arm_systemd(host, rollback, armed) if is_systemd else _arm_cron(host, rollback, armed)
    except BaseException as error:
        with contextlib.suppress(SaysoError):
            _remove(RootHost(target.transport), armed)
        if isinstance(error, StepError):
            raise PlanError(
                f"This can cut you off from {target.host}, and no automatic rollback can be armed there: {error.message}",
                remedy="Mend that first, or make the change at the host's console. Nothing was changed.",
            ) from error
        raise
    return replace(armed, deadline=deadline)


def disarm(armed: Armed, transport: Transport) -> bool:
    """Take the guard away over `transport`, which must be a new connection; return whether it was in time.

    False: the rollback runs or has run. Raises `StepError` or `UnreachableError` when it is not
    certain that the guard is gone; it may still fire then.
    """
    host = RootHost(transport)
    name = unit_name(armed.guard_id)
    if armed.by == "systemd":
        host.run("systemctl", "stop", f"{name}.timer", doing="Disarming the guard", ok=(0, 5))
        if _systemd_state(host, f"{name}.service", "LoadState", "ActiveState", "ExecMainStartTimestampMonotonic") != {
            "LoadState": "loaded",
            "ActiveState": "inactive",
            "ExecMainStartTimestampMonotonic": "0",
        }:
            return False
    elif not _is_any_there(host, armed.files[-1:]):
        return False
    _remove(host, armed)
    if _is_any_there(host, armed.files):
        raise StepError(
            f"The guard on {armed.host} is still there.", remedy=f"Remove it by hand: {name}.", host=armed.host
        )
    return True


def roll_back_now(armed: Armed, transport: Transport) -> None:
    """Let the rollback run at once instead of after the limit. Raises `StepError`, `UnreachableError`."""
    host = RootHost(transport)
    if armed.by == "systemd":
        service = f"{unit_name(armed.guard_id)}.service"
        host.run("systemctl", "start", "--no-block", service, doing="Taking the change back", timeout_s=10.0)
    else:
        host.run("sh", f"{armed.files[-1]}/rollback", doing="Taking the change back", timeout_s=120.0)


def status(target: Target) -> tuple[Leftover, ...]:
    """Return the guards that are left on a host, waiting or not. Raises `StepError` without root."""
    host = RootHost(target.transport)
    found = host.run(
        "find", GUARD_DIRECTORY, "-name", "guard.json", "-exec", "cat", "{}", ";", doing="Looking for guards", ok=(0, 1)
    )
    left = []
    for line in found.stdout.decode("utf-8", "replace").splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
            told = json.loads(line)
            guard_id, note = str(told["id"]), {str(key): str(value) for key, value in told["note"].items()}
            is_waiting = _is_waiting(host, target, guard_id)
            left.append(Leftover(guard_id, int(told["limit_s"]), str(told["since_utc"]), is_waiting, note))
    return tuple(left)


def prove_by_login(
    address: HostAddress,
    *,
    within_s: float,
    cancel: Cancel | None = None,
    connect: Callable[[HostAddress], Transport] = SshTransport,
) -> Callable[[], Transport]:
    """Return a proof for `guarded`: a new connection with a new authentication, tried for `within_s`.

    The proof raises the last `SaysoError` when nobody is let in.
    """

    def prove() -> Transport:
        limit = time.monotonic() + within_s
        while True:
            fresh = connect(address)
            try:
                fresh.login()
            except SaysoError:
                fresh.close()
                if time.monotonic() + LOGIN_PAUSE_S > limit or (cancel is not None and cancel.is_set):
                    raise
                time.sleep(LOGIN_PAUSE_S)
            else:
                return fresh

    return prove


def guarded(
    target: Target,
    rollback: Rollback,
    step: Callable[[], Outcome],
    *,
    prove: Callable[[], Transport | None],
    limit_s: int = LIMIT_S,
    note: Mapping[str, str] | None = None,
    cancel: Cancel | None = None,
) -> Outcome:
    """Arm, let `step` run, ask for the proof; return the step's outcome, or one that says "Rolled back".

    `prove` gives the new connection (local: `target.transport`, after the person's yes) before the
    limit is over, or None or a `SaysoError` when there is none. Whatever else is raised (Ctrl-C)
    leaves the guard armed: it fires.

    Raises what `arm` raises, before anything has changed.
    """
    armed = arm(target, rollback, limit_s=limit_s, note=note, cancel=cancel)
    try:
        outcome, fault = step(), None
    except SaysoError as error:
        outcome, fault = Outcome(target.host, "failed", message=str(error)), error
    why = _why_not_proven(armed, target, prove)
    if why is None and fault is not None:
        raise fault
    if why is None:
        return outcome
    with contextlib.suppress(SaysoError):
        # The old connection may still stand; else the host does it by itself.
        roll_back_now(armed, target.transport)
    return _rolled_back(armed, outcome, target, why)


def _why_not_proven(armed: Armed, target: Target, prove: Callable[[], Transport | None]) -> str | None:
    """Ask for the proof and disarm over it. Returns None when the guard is gone in time, else what failed."""
    try:
        fresh = prove()
    except SaysoError as error:
        return f"a new login failed ({error.message.rstrip('.')})"
    if fresh is None:
        return "nobody confirmed in time that access is still there"
    try:
        return None if disarm(armed, fresh) else "the proof came after the time limit"
    except SaysoError as error:
        return f"over a new login the guard can't be disarmed ({error.message.rstrip('.')})"
    finally:
        if fresh is not target.transport:
            fresh.close()


def _rolled_back(armed: Armed, outcome: Outcome, target: Target, why: str) -> Outcome:
    """Wait for the rollback's end as far as it can be seen from here."""
    end = time.monotonic() + armed.left_s + SETTLE_S
    while time.monotonic() < end:
        with contextlib.suppress(SaysoError):
            if not _is_any_there(RootHost(target.transport), armed.files):
                message = f"Rolled back: {why}. What the guard saved on {target.host} is restored."
                return replace(outcome, status="failed", message=message)
        time.sleep(TICK_S)
    message = (
        f"{target.host} rolls back by itself, but doesn't answer yet ({why}). "
        "Look at it again in a moment, with `sayso recover`."
    )
    return replace(outcome, status="unknown", message=message)


def _systemd_files(guard_id: str) -> tuple[str, ...]:
    name = unit_name(guard_id)
    return (f"{UNIT_DIRECTORY}/{name}.service", f"{UNIT_DIRECTORY}/{name}.timer", f"{WANTS_DIRECTORY}/{name}.timer")


def _cron_files(guard_id: str) -> tuple[str, ...]:
    return (f"{CRON_DIRECTORY}/{unit_name(guard_id)}",)


def _removal(armed: Armed) -> list[tuple[str, ...]]:
    """Return the vectors that remove everything that the guard has put on the host."""
    elsewhere = [("runuser", "-u", account, "--", "rm", "-rf", "--", path) for account, path in armed.directories]
    return [*elsewhere, ("rm", "-rf", "--", *armed.files)]


def _remove(host: RootHost, armed: Armed) -> None:
    for account, path in armed.directories:
        host.run("rm", "-rf", "--", path, doing="Removing the guard's copies", as_user=account)
    if armed.by == "systemd":
        # Together with the unit's link; `disable` would leave the timer to whoever reads it next.
        timer = f"{unit_name(armed.guard_id)}.timer"
        host.run("systemctl", "stop", timer, doing="Removing the guard", ok=(0, 5))
    host.run("rm", "-rf", "--", *armed.files, doing="Removing the guard")
    if armed.by == "systemd":
        host.run("systemctl", "daemon-reload", doing="Removing the guard", timeout_s=60.0)


def _arm_systemd(host: RootHost, rollback: Rollback, armed: Armed) -> float:
    """Write, enable and start the units; return the deadline."""
    name = unit_name(rollback.guard_id)
    service, timer, _ = _systemd_files(rollback.guard_id)
    cleanup = [("systemctl", "stop", f"{name}.timer"), *_removal(armed)]
    vectors = (*rollback.vectors, *host.absolute(cleanup))
    timeout_program = host.absolute([("timeout",)])[0][0]
    host.write(service, service_unit(rollback.guard_id, vectors, timeout_program=timeout_program))
    host.write(timer, timer_unit(rollback.guard_id, limit_s=armed.limit_s))
    deadline = time.monotonic() + armed.limit_s
    host.run("systemctl", "enable", "--now", f"{name}.timer", doing="Arming the guard", timeout_s=60.0)
    host.run("sync", "--", UNIT_DIRECTORY, WANTS_DIRECTORY, armed.files[-1], doing="Arming the guard", ok=(0, 1))
    loaded = _systemd_state(host, f"{name}.service", "LoadState", "ActiveState", "NeedDaemonReload")
    waiting = _systemd_state(host, f"{name}.timer", "ActiveState", "SubState", "UnitFileState")
    if loaded != {"LoadState": "loaded", "ActiveState": "inactive", "NeedDaemonReload": "no"} or waiting != {
        "ActiveState": "active",
        "SubState": "waiting",
        "UnitFileState": "enabled",
    }:
        raise StepError(
            f"systemd doesn't wait as it should (service {loaded}, timer {waiting}).",
            remedy="Look at `systemctl status`.",
            host=armed.host,
        )
    return deadline


def _arm_cron(host: RootHost, rollback: Rollback, armed: Armed) -> float:
    """Write the script and the entry of cron, which must be running; return the deadline."""
    _require_cron(host)
    directory = armed.files[-1]
    script = f"{directory}/rollback"
    vectors = (*rollback.vectors, *host.absolute(_removal(armed)))
    timeout_program = host.absolute([("timeout",)])[0][0]
    host.write(script, rollback_script(vectors, timeout_program=timeout_program))
    deadline = time.monotonic() + armed.limit_s
    now_s = int(host.run("date", "+%s", doing="Reading the host's clock").stdout)
    # cron reads the host's own time zone; our commands' is UTC.
    due_s = math.ceil((now_s + armed.limit_s) / 60) * 60
    moment = host.run("env", "-u", "TZ", "date", "-d", f"@{due_s}", "+%M %H %d %m", doing="Reading the host's clock")
    host.write(armed.files[0], cron_entry(script=script, moment=moment.stdout.decode("ascii", "replace").strip()))
    host.run("chmod", "0644", "--", armed.files[0], doing="Arming the guard")
    host.run("sync", "--", CRON_DIRECTORY, directory, doing="Arming the guard", ok=(0, 1))
    return deadline


def _require_cron(host: RootHost) -> None:
    """Raise `StepError` unless a cron runs that reads /etc/cron.d: busybox's doesn't."""
    programs = host.find_programs("cron", "crond")
    if programs and host.run("pgrep", "-x", "cron|crond", doing="Looking for cron", ok=(0, 1)).exit_code == 0:
        real = host.run("readlink", "-f", "--", *programs.values(), doing="Looking for cron").stdout
        if b"busybox" not in real:
            return
    raise StepError(
        "Neither systemd nor a cron that reads /etc/cron.d runs there.",
        remedy="Start one of them.",
        host=host.transport.host,
    )


def _systemd_state(host: RootHost, unit: str, *properties: str) -> dict[str, str]:
    told = host.run("systemctl", "show", f"--property={','.join(properties)}", "--", unit, doing="Looking at the guard")
    return dict(line.partition("=")[::2] for line in told.stdout.decode("utf-8", "replace").splitlines())


def _is_waiting(host: RootHost, target: Target, guard_id: str) -> bool:
    if target.facts.get("init") != "systemd":
        return _is_any_there(host, _cron_files(guard_id))
    return _systemd_state(host, f"{unit_name(guard_id)}.timer", "ActiveState") == {"ActiveState": "active"}


def _is_any_there(host: RootHost, paths: Sequence[str]) -> bool:
    return bool(host.run("stat", "-c", "%n", "--", *paths, doing="Looking at the guard", ok=(0, 1)).stdout)
