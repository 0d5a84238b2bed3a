"""Which processes no change may signal: pid 1, the kernel's, our own with its parents, and the sshd that serves us."""

import posixpath
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from executors.protected_accounts import Identity, identities_of
from executors.state import Target
from executors.transport import Cancel
from intents.errors import StepError

SIGNALLING = frozenset("kill pkill killall renice skill snice".split())
_KERNEL_THREADS = 2
_FIELDS = 4


@dataclass(frozen=True, slots=True)
class Running:
    """One process: its number, its parent's, its short name, its arguments."""

    pid: int
    parent: int
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """The processes that are protected."""

    processes: tuple[Running, ...]

    @property
    def pids(self) -> frozenset[int]:
        """Their numbers."""
        return frozenset(one.pid for one in self.processes)


def own_lineage(target: Target, cancel: Cancel | None) -> Lineage:
    """Return pid 1, the kernel's threads, and the started command's own parents. Raises `StepError`.

    The listing holds the very command that makes it, known by a word that was made up for it.
    """
    word = f"P{secrets.token_hex(8)}"
    argv: tuple[str, ...] = ("ps", "-e", "-o", f"pid={word}", "-o", "ppid=", "-o", "comm=", "-o", "args=")
    if target.facts.get("userland") == "busybox":  # it takes no empty header
        argv = ("ps", "-e", "-o", f"pid={word},ppid,comm,args")
    completed = target.transport.run(argv, timeout_s=20.0, cancel=cancel)
    running = parse_processes(completed.stdout)
    own = [one for one in running.values() if word in one.arguments]
    if completed.exit_code != 0 or not own:
        raise StepError(
            f"The processes of {target.host} can't be listed.",
            remedy="Without that nobody knows which of them serve this session; check `ps` there.",
            host=target.host,
            argv=argv,
        )
    return Lineage(tuple(lineage_of(own, running)))


def parse_processes(text: bytes) -> dict[int, Running]:
    r"""Return pid -> process.

    >>> parse_processes(b"  PID\n    7     1 sshd   sshd: ann [priv]\n")[7]
    Running(pid=7, parent=1, name='sshd', arguments='sshd: ann [priv]')
    """
    found = {}
    for line in text.decode("utf-8", "replace").split("\n"):
        words = line.split(None, _FIELDS - 1)
        if len(words) >= _FIELDS - 1 and words[0].isdecimal() and words[1].isdecimal():
            found[int(words[0])] = Running(int(words[0]), int(words[1]), words[2], (words[3:] or [""])[0])
    return found


def lineage_of(own: Sequence[Running], running: dict[int, Running]) -> list[Running]:
    """Return `own` with all parents, pid 1 and the kernel's threads, of all processes."""
    kept = {one.pid: one for one in running.values() if one.pid == 1 or _KERNEL_THREADS in {one.pid, one.parent}}
    if running.get(_KERNEL_THREADS, Running(0, 0, "", "")).name != "kthreadd":  # inside a container 2 is anybody
        kept = {1: running[1]} if 1 in running else {}
    for one in own:
        place: Running | None = one
        while place is not None and place.pid not in kept:
            kept[place.pid] = place
            place = running.get(place.parent)
    return list(kept.values())


def is_connected_by_ssh(target: Target, lineage: Lineage) -> bool:
    """Whether the commands come through SSH: to another host, or because a person is logged in here by it."""
    return target.transport.host != "local" or any(one.name.startswith("sshd") for one in lineage.processes)


def refused_process(
    argv: Sequence[str], target: Target, accounts: Sequence[str], *, cancel: Cancel | None
) -> str | None:
    """Return why the vector may not signal a process, or None."""
    program, words = posixpath.basename(argv[0]), argv[1:]
    if program == "loginctl" and {"kill-user", "terminate-user"}.intersection(words):
        return _refused_owner(words, target, accounts, cancel)
    if program not in SIGNALLING:
        return None
    owner = _refused_owner(_after(words, ("-u", "-U", "--uid", "--euid", "--user")), target, accounts, cancel)
    if owner is not None:
        return owner
    lineage = own_lineage(target, cancel)
    if program in {"kill", "renice"}:
        return _refused_number(words, lineage)
    return _refused_name(program, words, lineage)


def _refused_number(words: Sequence[str], lineage: Lineage) -> str | None:
    behind = words[words.index("--") + 1 :] if "--" in words else words
    if "--" in words and any(re.fullmatch("-[0-9]+", word) for word in behind):
        return "a whole group of processes can't be told from those that serve this session"
    hit = next((int(word) for word in behind if word.isdecimal() and int(word) in {0, 1} | lineage.pids), None)
    return None if hit is None else f"process {hit} is the system's, or serves this session"


def _refused_name(program: str, words: Sequence[str], lineage: Lineage) -> str | None:
    """pkill(1) takes a regular expression, of the name or with -f of the arguments; killall(1) takes a name."""
    patterns = [word for word in words if not word.startswith("-")]
    whole = "-f" in words or "--full" in words
    for one in lineage.processes:
        for pattern in patterns:
            if _hits(program, pattern, one.arguments if whole else one.name):
                return f"`{pattern}` would signal process {one.pid} ({one.name}), which is the system's, or serves this session"
    return None


def _hits(program: str, pattern: str, text: str) -> bool:
    if program != "pkill":
        return pattern in {text, posixpath.basename(text)}
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return True


def _refused_owner(words: Sequence[str], target: Target, accounts: Sequence[str], cancel: Cancel | None) -> str | None:
    named = [word for word in words if not word.startswith("-")]
    for identity in identities_of([*named, *accounts], target, cancel) if named else ():
        is_named = identity.name in named or str(identity.uid) in named
        if is_named and _is_own(identity, target, accounts):
            return f"the processes of {identity.name} serve this session, or the system"
    return None


def _is_own(identity: Identity, target: Target, accounts: Sequence[str]) -> bool:
    return identity.uid in {0, target.login.uid} or identity.name in accounts


def _after(words: Sequence[str], options: Sequence[str]) -> list[str]:
    found = [words[place + 1] for place, word in enumerate(words[:-1]) if word in options]
    found += [word.partition("=")[2] for word in words if word.partition("=")[0] in options and "=" in word]
    return [name for text in found for name in text.split(",") if name]
