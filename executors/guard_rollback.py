"""What takes a change back without us: argument vectors, and copies that lie on the host itself.

Made before the change, from the state as it is then. Vectors run in order, each whatever became of
the one before; absolute programs only.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from executors.guard_cuts import UNITS, Cut, kind_of_path
from executors.guard_host import GUARD_DIRECTORY, RootHost
from executors.homes import home_of
from executors.plan import EditStep, PlannedStep, PlaybookStep, RunStep
from executors.state import Target
from intents.errors import PlanError
from intents.intent import AccessKind
from playbooks.library import find_playbook

ACCOUNT_FILES = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid")

_UNITS_OF: Mapping[AccessKind, tuple[str, ...]] = {
    kind: tuple(f"{unit}.service" for unit, its in UNITS.items() if its == kind) for kind in UNITS.values()
}
_RESTARTED = frozenset(("networking.service", "network.service"))
"""They have nothing to reload: what a changed file did is undone by a restart."""
_RULESET_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Rollback:
    """The vectors that take a change back, and the directories of copies that are removed after it."""

    guard_id: str
    vectors: tuple[tuple[str, ...], ...]
    directories: tuple[tuple[str, str], ...] = ()
    """`(account, directory)`: removed as that account."""

    def and_then(self, later: "Rollback") -> "Rollback":
        """Return both, `later` last, what they have in common once."""
        vectors = tuple(dict.fromkeys((*self.vectors, *later.vectors)))
        return Rollback(self.guard_id, vectors, tuple(dict.fromkeys((*self.directories, *later.directories))))


def new_guard_id() -> str:
    """Return a name for a guard that nobody can foresee: 16 hexadecimal digits."""
    return secrets.token_hex(8)


def rollback_for_step(
    planned: PlannedStep, cut: Cut, target: Target, *, guard_id: str, inverse: Sequence[Sequence[str]] = ()
) -> Rollback:
    """Return what takes a step back that cuts access as `cut` says. `inverse`: the vectors of its undo, if any.

    Raises `PlanError` when nothing would: such a change isn't made without somebody at the console.
    """
    parts = []
    if isinstance(planned.step, EditStep):
        parts.append(rollback_for_edit(planned.step, target, guard_id=guard_id))
    if inverse:
        parts.append(rollback_for_command(inverse, target, guard_id=guard_id))
    parts += _rollbacks_for_named_files(planned, cut, target, guard_id)
    if cut.units:
        parts.append(rollback_for_units(cut.units, target, guard_id=guard_id))
    if "firewall" in cut.kinds:
        parts.append(rollback_for_firewall(target, guard_id=guard_id))
    whole = Rollback(guard_id, ())
    for part in parts:
        whole = whole.and_then(part)
    if not whole.vectors:
        raise PlanError(
            f"{cut.reason} Nothing is known that would take it back on {target.host} by itself.",
            remedy="Do it by hand, at the host's console.",
        )
    return whole


def _rollbacks_for_named_files(planned: PlannedStep, cut: Cut, target: Target, guard_id: str) -> list[Rollback]:
    """Return what puts the files back that a command names, or that a playbook says it changes."""
    step = planned.step
    effective: list[Rollback] = []
    files: list[str] = []
    if isinstance(step, PlaybookStep):
        files += find_playbook(step.playbook).guarded_files
        host = RootHost(target.transport)
        effective += [Rollback(guard_id, _make_effective(host, target, kind)) for kind in cut.kinds if files]
    elif isinstance(step, RunStep):
        files += [word for word in step.argv[1:] if word.startswith("/") and kind_of_path(word)]
        files += ACCOUNT_FILES if "pam" in cut.kinds else ()
    return [rollback_for_files(files, target, guard_id=guard_id), *effective] if files else []


def rollback_for_edit(step: EditStep, target: Target, *, guard_id: str) -> Rollback:
    """Return what puts the file back as it is now (or removes it again), and makes its service read it.

    Copies the file first, with all its attributes. Raises `StepError` when that fails.
    """
    host = RootHost(target.transport)
    login = target.login
    account = step.as_user or ("root" if login.uid == 0 else login.user)
    directory = _directory(target, account, guard_id)
    restore = _file_vectors(host, step.path, account, directory, guard_id)
    kind = kind_of_path(step.path)
    effective = () if kind is None else _make_effective(host, target, kind)
    directories = ((account, directory),)
    return Rollback(guard_id, (*host.absolute(restore), *effective), directories)


def rollback_for_files(paths: Sequence[str], target: Target, *, guard_id: str) -> Rollback:
    """Return what puts files of root's back that a command may change. Directories are left out."""
    host = RootHost(target.transport)
    directory = _directory(target, "root", guard_id)
    listed = host.run("stat", "-c", "%F\t%n", "--", *paths, doing="Looking at the files", ok=(0, 1))
    kinds = dict(line.split("\t", 1)[::-1] for line in listed.stdout.decode("utf-8", "surrogateescape").splitlines())
    vectors: list[tuple[str, ...]] = []
    for path in paths:
        if kinds.get(path, "regular file").startswith("regular") and (path in kinds or path not in ACCOUNT_FILES):
            vectors += _file_vectors(host, path, "root", directory, guard_id)
    return Rollback(guard_id, host.absolute(vectors), (("root", directory),))


def rollback_for_command(inverse: Sequence[Sequence[str]], target: Target, *, guard_id: str) -> Rollback:
    """Return the inverse vectors with absolute programs. Raises `StepError` when one isn't on the host."""
    return Rollback(guard_id, RootHost(target.transport).absolute(inverse))


def rollback_for_units(units: Sequence[str], target: Target, *, guard_id: str) -> Rollback:
    """Return what brings units back to how they are now: running or not, enabled or not, masked or not."""
    host = RootHost(target.transport)
    if target.facts.get("init") != "systemd":
        names = [unit.removesuffix(".service") for unit in units]
        program = "rc-service" if target.facts.get("init") == "openrc" else "service"
        return Rollback(guard_id, host.absolute([(program, name, "restart") for name in names]))
    vectors: list[tuple[str, ...]] = []
    for unit, state in _unit_states(host, units).items():
        if state.get("LoadState") not in {"loaded", "masked"}:
            continue
        is_masked = state.get("LoadState") == "masked"
        vectors.append(("systemctl", "mask" if is_masked else "unmask", unit))
        if state.get("UnitFileState") in {"enabled", "disabled"}:
            vectors.append(("systemctl", state["UnitFileState"].removesuffix("d"), unit))
        is_active = state.get("ActiveState") in {"active", "reloading", "activating"}
        vectors.append(("systemctl", "reload-or-restart" if is_active else "stop", unit))
    return Rollback(guard_id, host.absolute(vectors))


def rollback_for_firewall(target: Target, *, guard_id: str) -> Rollback:
    """Return what loads the rules again that hold now: nftables', and those that iptables keeps in it.

    Raises `StepError` when they can't be read, `PlanError` when no program for them is there or what was saved can't be
    loaded again.
    """
    host = RootHost(target.transport)
    directory = _directory(target, "root", guard_id)
    found = host.find_programs("nft", "iptables-save", "iptables-restore", "ip6tables-save", "ip6tables-restore")
    host.make_directory(directory)
    vectors: list[tuple[str, ...]] = []
    if "nft" in found:
        listed = host.run("nft", "list", "ruleset", doing="Reading the firewall's rules", timeout_s=_RULESET_LIMIT_S)
        saved = f"{directory}/ruleset.nft"
        host.write(saved, reloadable_ruleset(listed.stdout.decode("utf-8", "surrogateescape")))
        host.run("nft", "-c", "-f", saved, doing="Checking the saved rules", timeout_s=_RULESET_LIMIT_S)
        vectors.append((found["nft"], "-f", saved))
    for family in ("iptables", "ip6tables"):
        if f"{family}-save" not in found or f"{family}-restore" not in found:
            continue
        listed = host.run(f"{family}-save", doing="Reading the firewall's rules", timeout_s=_RULESET_LIMIT_S)
        if listed.stdout.strip() or "nft" not in found:
            saved = f"{directory}/{family}.rules"
            host.write(saved, listed.stdout.decode("utf-8", "surrogateescape"))
            vectors.append((found[f"{family}-restore"], saved))
    if not vectors:
        raise PlanError(
            f"{target.host} has neither nft nor iptables, so that its rules can't be saved.",
            remedy="Install nftables, or change the rules at the host's console.",
        )
    return Rollback(guard_id, tuple(vectors), (("root", directory),))


def reloadable_ruleset(listed: str) -> str:
    r"""Return `nft list ruleset` as a file for `nft -f` that replaces everything by it.

        Tables that iptables keeps there (nft says so in a line above each) can't be read back by nft;
        iptables-restore loads them.

        >>> listed = "# Warning: table ip nat is managed by iptables-nft, do not touch!\ntable ip nat {\n}\n"
    >>> reloadable_ruleset(listed + "table inet own {\n\tchain a {\n\t}\n}\n")
    'flush ruleset\ntable inet own {\n\tchain a {\n\t}\n}\n'
    """
    kept: list[str] = []
    is_foreign = False
    for line in listed.splitlines():
        if re.match(r"# Warning: table .* is managed by iptables", line):
            is_foreign = True
        elif not is_foreign:
            kept.append(line)
        elif line == "}":
            is_foreign = False
    return "\n".join(("flush ruleset", *kept, ""))


def _directory(target: Target, account: str, guard_id: str) -> str:
    if account == "root":
        return f"{GUARD_DIRECTORY}/{guard_id}"
    login = target.login
    home = login.home if account == login.user else home_of(target.transport, account)
    return f"{home.rstrip('/')}/.local/state/sayso/guard/{guard_id}"


def _file_vectors(host: RootHost, path: str, account: str, directory: str, guard_id: str) -> list[tuple[str, ...]]:
    """Copy the file as it is now; return what puts it back whole, or removes it if it isn't there.

    As the account that makes the edit: root would follow links that others put in their directories.
    """
    acting = () if account == "root" else ("runuser", "-u", account, "--")
    if host.run("stat", "--", path, doing=f"Looking at {path}", ok=(0, 1), as_user=account).exit_code == 1:
        return [(*acting, "rm", "-f", "--", path)]
    copy = f"{directory}/{hashlib.sha256(path.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"
    beside = f"{path.rpartition('/')[0]}/.sayso-guard-{guard_id}"
    host.make_directory(directory, as_user=account)
    host.run("cp", "-a", "-T", "--", path, copy, doing=f"Copying {path}", as_user=account, timeout_s=120.0)
    host.run("sync", "--", copy, doing=f"Copying {path}", ok=(0, 1), as_user=account)
    return [
        (*acting, "cp", "-a", "-T", "--", copy, beside),
        (*acting, "mv", "-f", "-T", "--", beside, path),
    ]


def _make_effective(host: RootHost, target: Target, kind: AccessKind) -> tuple[tuple[str, ...], ...]:
    """Return what makes the services of this kind that run now read their files again."""
    units = _UNITS_OF.get(kind, ())
    if not units:
        return ()
    if target.facts.get("init") != "systemd":
        program = "rc-service" if target.facts.get("init") == "openrc" else "service"
        found = host.find_programs(program)
        names = ("sshd", "ssh") if kind == "ssh" else ()
        return tuple((found[program], name, "restart") for name in names if program in found)
    # An alias (sshd.service on Debian) has the same Id; a service that doesn't run now isn't started.
    states = _unit_states(host, units).values()
    active = dict.fromkeys(state["Id"] for state in states if state.get("ActiveState") == "active" and "Id" in state)
    return host.absolute(
        [("systemctl", "restart" if unit in _RESTARTED else "reload-or-restart", unit) for unit in active]
    )


def _unit_states(host: RootHost, units: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return unit -> `{"Id": "ssh.service", "LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"}`."""
    names = [unit if re.search(r"\.(service|socket)$", unit) else f"{unit}.service" for unit in units]
    properties = "--property=Id,LoadState,ActiveState,UnitFileState"
    completed = host.run("systemctl", "show", properties, "--", *names, doing="Reading the units' state")
    blocks = completed.stdout.decode("utf-8", "replace").strip("\n").split("\n\n")
    states = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in blocks]
    return dict(zip(names, states, strict=False))
