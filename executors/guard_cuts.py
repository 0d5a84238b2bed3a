"""Which changes can cut off the person who makes them: declared by the intent, or seen in what the step does.

Too many is fine here (a guard costs a second), too few is not: when in doubt a step cuts access.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from executors.plan import EditStep, Effect, PlannedStep, RunStep
from executors.state import Target
from intents.intent import AccessKind, Intent
from intents.types.visible import visible
from intents.values import Json

PATHS: tuple[tuple[str, AccessKind], ...] = (
    ("/etc/ssh", "ssh"),
    ("/etc/hosts.deny", "ssh"),
    ("/etc/hosts.allow", "ssh"),
    ("/etc/nftables", "firewall"),
    ("/etc/ufw", "firewall"),
    ("/etc/default/ufw", "firewall"),
    ("/etc/firewalld", "firewall"),
    ("/etc/iptables", "firewall"),
    ("/etc/sysconfig/iptables", "firewall"),
    ("/etc/sysconfig/nftables", "firewall"),
    ("/etc/network", "network"),
    ("/etc/netplan", "network"),
    ("/etc/NetworkManager", "network"),
    ("/etc/systemd/network", "network"),
    ("/etc/sysconfig/network", "network"),
    ("/etc/sudoers", "sudo"),
    ("/etc/doas.conf", "sudo"),
    ("/etc/pam.d", "pam"),
    ("/etc/pam.conf", "pam"),
    ("/etc/security", "pam"),
    ("/etc/passwd", "pam"),
    ("/etc/shadow", "pam"),
    ("/etc/group", "pam"),
    ("/etc/gshadow", "pam"),
    ("/etc/shells", "pam"),
    ("/etc/nologin", "pam"),
    ("/etc/nsswitch.conf", "pam"),
    ("/etc/sssd", "pam"),
)
"""A path that is this file, lies below this directory, or begins with this name (`nftables.conf`, `sudoers.d`)."""

UNITS: Mapping[str, AccessKind] = {
    **dict.fromkeys(("ssh", "sshd", "dropbear"), "ssh"),
    **dict.fromkeys(("nftables", "iptables", "ip6tables", "netfilter-persistent", "ufw", "firewalld"), "firewall"),
    **dict.fromkeys(
        ("networking", "network", "NetworkManager", "systemd-networkd", "wpa_supplicant", "dhcpcd", "wicked"), "network"
    ),
    **dict.fromkeys(("sssd", "nscd", "nslcd", "winbind", "systemd-logind"), "pam"),
}
"""Units, without `.service` or `.socket`."""

PROGRAMS: Mapping[str, AccessKind] = {
    **dict.fromkeys(
        ("nft", "iptables", "ip6tables", "iptables-restore", "ip6tables-restore", "ufw", "firewall-cmd", "ipset"),
        "firewall",
    ),
    **dict.fromkeys(("ip", "ifup", "ifdown", "ifconfig", "nmcli", "netplan", "networkctl", "route"), "network"),
    **dict.fromkeys(("pam-auth-update", "authselect", "authconfig"), "pam"),
}
ACCOUNT_PROGRAMS = frozenset(
    (
        "usermod",
        "userdel",
        "deluser",
        "passwd",
        "chage",
        "chpasswd",
        "gpasswd",
        "delgroup",
        "groupdel",
        "groupmod",
        "chsh",
    )
)
"""They cut access when they name the account in use."""
SERVICE_PROGRAMS = frozenset(("systemctl", "service", "rc-service", "rc-update"))
HARMLESS_VERBS = frozenset(("start", "enable", "unmask", "status", "show", "add"))

_MEANING: Mapping[AccessKind, str] = {
    "ssh": "by which people log in over SSH",
    "firewall": "which decides who may connect",
    "network": "by which the host is reached",
    "sudo": "which decides who may act as root",
    "pam": "which decides who may log in",
}


@dataclass(frozen=True, slots=True)
class Cut:
    """How a step can cut off access: the kinds, why in a sentence, and the units that it acts on."""

    kinds: tuple[AccessKind, ...]
    reason: str
    units: tuple[str, ...] = ()


def cuts_access(intent: Intent, values: Mapping[str, Json], planned: PlannedStep, target: Target) -> str | None:
    """Return why a step can cut off the person who makes it, in a sentence; None when it can't."""
    cut = cut_of(intent, values, planned, target)
    return None if cut is None else cut.reason


def cut_of(intent: Intent, _values: Mapping[str, Json], planned: PlannedStep, target: Target) -> Cut | None:
    """Return how a step can cut off access, or None. A read and what is already so never can."""
    if not intent.is_change or planned.effect in {Effect.READ, Effect.ALREADY_SO}:
        return None
    step = planned.step
    seen: Cut | None = None
    if isinstance(step, EditStep):
        seen = _of_edit(step)
    elif isinstance(step, RunStep):
        seen = _of_command(step, target)
    if not intent.cuts:
        return seen
    meanings = " and ".join(dict.fromkeys(f"{kind}, {_MEANING[kind]}" for kind in intent.cuts))
    kinds = tuple(dict.fromkeys((*intent.cuts, *(seen.kinds if seen else ()))))
    return Cut(kinds, f"It changes {meanings}.", seen.units if seen else ())


def kind_of_path(path: str) -> AccessKind | None:
    """Return what a file decides.

    >>> kind_of_path("/etc/ssh/sshd_config.d/10-local.conf"), kind_of_path("/etc/sudoers.d/ops")
    ('ssh', 'sudo')
    >>> kind_of_path("/home/ann/.ssh/authorized_keys"), kind_of_path("/etc/hosts")
    ('ssh', None)
    """
    normal = posixpath.normpath(path)
    if posixpath.basename(posixpath.dirname(normal)) == ".ssh":
        return "ssh"
    return next((kind for prefix, kind in PATHS if normal.startswith(prefix)), None)


def _of_edit(step: EditStep) -> Cut | None:
    kind = kind_of_path(step.path)
    if kind is None:
        return None
    return Cut((kind,), f"It changes {visible(step.path)}, {_MEANING[kind]}.")


def _of_command(step: RunStep, target: Target) -> Cut | None:
    program = posixpath.basename(step.argv[0])
    words = step.argv[1:]
    if program in SERVICE_PROGRAMS and not HARMLESS_VERBS.intersection(words):
        units = tuple(word for word in words if _unit_kind(word) is not None)
        kinds = tuple(dict.fromkeys(kind for kind in map(_unit_kind, units) if kind is not None))
        if units:
            return Cut(kinds, f"It acts on {', '.join(map(visible, units))}, {_MEANING[kinds[0]]}.", units)
    if program in PROGRAMS:
        kind = PROGRAMS[program]
        return Cut((kind,), f"It changes the host's {kind}, {_MEANING[kind]}.")
    if program in ACCOUNT_PROGRAMS and target.login.user in words:
        return Cut(("pam",), f"It changes the account in use, {visible(target.login.user)}.")
    for word in words:
        decides = kind_of_path(word) if word.startswith("/") else None
        if decides is not None:
            return Cut((decides,), f"It acts on {visible(word)}, {_MEANING[decides]}.")
    return None


def _unit_kind(word: str) -> AccessKind | None:
    name, _, suffix = word.rpartition(".")
    return UNITS.get(name if suffix in {"service", "socket"} else word)
