"""Protected things: what no change may take away, whatever is approved. Checked in code, on the target, by identity.

    paths      `/`, the system's top folders and mount points as a whole; `/boot`, and sayso's own files and program
               (packages, environment, console script, interpreter) with all below
    units      sshd's service and socket while connected through it, the units that we run in, and the policy's: no stop
    accounts   root, the account in use, the last administrator: not deleted, locked, renamed or put out of their group
    processes  pid 1, kernel threads, our own process, its parents, the sshd that serves us: no signal
    network    the interface of the connection or of the default route: not down, not emptied

A read is never refused, nor is what only adds: starting, enabling, unlocking, copying from a protected place, a file
in `/etc`. What a program does is read off its vector by the tables of the modules beside this one.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from executors.host_paths import HostPaths
from executors.installation import installation
from executors.path_uses import vectors_of_change
from executors.protected_accounts import refused_account
from executors.protected_network import refused_interface
from executors.protected_paths import refused_path
from executors.protected_processes import refused_process
from executors.protected_units import refused_unit
from executors.state import Target
from executors.transport import Cancel
from intents.errors import PolicyError
from intents.intent import Intent
from intents.targets import LOCAL
from intents.values import Json


@dataclass(frozen=True, slots=True)
class Protected:
    """What is protected besides what always is."""

    paths: tuple[str, ...] = ()
    """Absolute, on every host, with all below."""
    local_paths: tuple[str, ...] = ()
    """The same, on this machine only: sayso's configuration, history, model, packs."""
    units: tuple[str, ...] = ()
    """Units that are not to be stopped, disabled or masked."""
    accounts: tuple[str, ...] = ()
    """Accounts that are treated as the one in use."""


NOTHING_MORE = Protected()
"""Only what always is protected."""


def refuse_protected(
    intent: Intent,
    values: Mapping[str, Json],
    target: Target,
    protected: Protected,
    *,
    cancel: Cancel | None = None,
    host_paths: HostPaths | None = None,
) -> None:
    """Raise `PolicyError` where the step would take away something protected; else return.

    For the plan, and once more immediately before the step: links may have moved. `host_paths` is shared
    with what else asks about these paths in the same moment. Reads the target, and
    only what the step's arguments call for. Raises `StepError` or `UnreachableError` where that fails.
    """
    if not intent.is_change:
        return
    paths = [*protected.paths, *_own_paths(target)]
    program: tuple[str, ...] = ()
    if target.transport.host == LOCAL:
        paths += protected.local_paths
        program = installation().trees
    host = host_paths or HostPaths(target.transport, cancel)
    found = refused_path(intent, values, target, paths, program=program, host=host)
    for argv in vectors_of_change(intent, values, target.facts):
        found = found or refused_unit(argv, target, protected.units, cancel=cancel)
        found = found or refused_account(argv, target, protected.accounts, cancel=cancel)
        found = found or refused_process(argv, target, protected.accounts, cancel=cancel)
        found = found or refused_interface(argv, target, cancel=cancel)
    if found is not None:
        raise PolicyError(
            f"`{intent.name}` is refused on {target.host}: {found}.",
            remedy="It is protected whatever is approved; if it has to be, do it by hand, with a second way in at hand.",
            rule=f"protected: {found}",
        )


def _own_paths(target: Target) -> tuple[str, ...]:
    """What sayso keeps on every host: policy, grants, guards, backups, history."""
    home = target.login.home
    below = (".config/sayso", ".local/state/sayso", ".local/share/sayso")
    own = tuple(posixpath.join(home, name) for name in below) if home.startswith("/") and home != "/" else ()
    return ("/etc/sayso", "/var/lib/sayso", *own)
