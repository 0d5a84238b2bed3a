"""Which accounts no change may take away: root, the one in use, the last administrator; by number, not by name."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from executors.state import Target
from executors.transport import Cancel
from intents.types.visible import visible

ADMINISTRATORS = ("sudo", "wheel", "admin")
PROGRAMS = frozenset("userdel deluser usermod passwd chage gpasswd chsh chpasswd groupdel delgroup groupmod".split())
"""Programs that act on the account that they name. Others (chown, crontab) only name it."""

TAKING = frozenset("-L --lock -e --expiredate --expire -E --login -d --delete --uid -r --remove -R".split())
"""Options of usermod after which an account can do less than before."""
_PASSWD_FIELDS = 7
_GROUP_FIELDS = 4
_NO_LOGIN = ("nologin", "false", "sync", "halt", "shutdown")


@dataclass(frozen=True, slots=True)
class Identity:
    """An account as the host's database has it."""

    name: str
    uid: int


def identities_of(words: Sequence[str], target: Target, cancel: Cancel | None) -> tuple[Identity, ...]:
    """Return the accounts that the words name, by name or number, in one command; those that aren't there are left out."""
    asked = [word for word in dict.fromkeys(words) if word and not word.startswith("-")]
    if not asked:
        return ()
    completed = target.transport.run(("getent", "passwd", *asked), timeout_s=20.0, cancel=cancel)
    found = []
    for line in completed.stdout.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) == _PASSWD_FIELDS and fields[2].isdecimal():
            found.append(Identity(fields[0], int(fields[2])))
    return tuple(dict.fromkeys(found))


def refused_account(
    argv: Sequence[str], target: Target, accounts: Sequence[str], *, cancel: Cancel | None
) -> str | None:
    """Return why the vector may not act on an account, or None."""
    program, words = posixpath.basename(argv[0]), argv[1:]
    if program not in PROGRAMS:
        return None
    plain = [word for word in words if word and not word.startswith("-")]
    if program in {"groupdel", "delgroup", "groupmod"}:
        group = next((word for word in plain if word in {*ADMINISTRATORS, "root"}), None)
        return None if group is None else f"the group {group} decides who may act as root"
    if not _takes(program, words):
        return None
    named = plain[-1:] if program not in {"deluser", "gpasswd"} else plain
    own = {one.uid for one in identities_of(accounts, target, cancel)} | {target.login.uid}
    reasons = (_reason(one, own, target, cancel) for one in identities_of(named, target, cancel))
    return next((reason for reason in reasons if reason is not None), None)


def _reason(identity: Identity, own: set[int], target: Target, cancel: Cancel | None) -> str | None:
    name = visible(identity.name)
    if identity.uid == 0:
        return f"{name} is the root account"
    if identity.uid in own:
        return f"{name} is the account in use"
    group = _last_of(identity, target, cancel)
    return None if group is None else f"{name} is the last member of {group}"


def _takes(program: str, words: Sequence[str]) -> bool:
    """Whether the account can do less afterwards. In doubt it does."""
    options = {word.partition("=")[0] for word in words if word.startswith("-")}
    if program == "passwd":
        return not options & {"-u", "--unlock", "-S", "--status"}
    if program == "chage":
        return not options & {"-l", "--list"} and not any("=-1" in word or word == "-1" for word in words)
    if program == "gpasswd":
        return bool(options & {"-d", "--delete", "-M", "--members", "-r", "-R"})
    if program == "chsh":
        return any(posixpath.basename(word) in _NO_LOGIN for word in words)
    return program != "usermod" or _usermod_takes(words, options)


def _usermod_takes(words: Sequence[str], options: set[str]) -> bool:
    if any(posixpath.basename(word.rpartition("=")[2]) in _NO_LOGIN for word in words):
        return True
    if options & {"-U", "--unlock"}:
        return False
    adds = bool(options & {"-a", "--append", "-aG"})
    return bool(options & (TAKING | {"-l", "-u"})) or (bool(options & {"-G", "--groups"}) and not adds)


def _last_of(identity: Identity, target: Target, cancel: Cancel | None) -> str | None:
    """The administrators' group of which the account is a member, where no group of them has another."""
    completed = target.transport.run(("getent", "group", *ADMINISTRATORS), timeout_s=20.0, cancel=cancel)
    members: dict[str, set[str]] = {}
    for line in completed.stdout.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) == _GROUP_FIELDS:
            members[fields[0]] = {name for name in fields[3].split(",") if name}
    groups = [group for group, names in members.items() if identity.name in names]
    others = set[str]().union(*members.values()) - {identity.name}
    if not groups or identities_of(sorted(others), target, cancel):
        return None
    return groups[0]
