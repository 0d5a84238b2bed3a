"""Locks on a target's resources, held on the target itself, so that two controllers don't interleave.

A lock is an flock(2) on a small file, held by a process on the target for as long as a change
takes. Its chain `timeout LEASE flock -n FILE find FILE -exec tee FILE ; -exec tail -f FILE ;` is one
command without a shell: `tee` writes into the file who holds it, `tail` prints that (which tells
us that the lock is held and recorded) and then stays. The kernel frees the lock when the chain
ends: after a release, after the lease, or when the connection goes away and GNU tail finds its
output closed. A holder's file is never removed: two could hold a lock on "the same" file otherwise.

Root's locks lie in a directory below /run that only root can make; every other account's in its
own home. So a lock excludes those who act as the same account. Without flock on the target a
change goes on and carries a warning: the state that its plan was made from is compared anyway.
"""

import hashlib
import json
import math
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from executors.file_state import last_line
from executors.homes import home_of
from executors.state import Target
from executors.transport import Cancel, Completed
from intents.errors import SaysoError, StepError, UnreachableError
from intents.intent import Intent
from intents.template import render_word
from intents.types.visible import visible
from intents.values import Json

ROOT_DIRECTORY = "/run/sayso/locks"
"""Not below /run/lock, where every account may make a directory first (it is 1777 on Debian)."""
USER_DIRECTORY = ".local/state/sayso/locks"
"""Below the home directory. $XDG_RUNTIME_DIR isn't there for every login, and two places exclude nobody."""

WAIT_S = 5.0
"""How long a lock that is held is waited for."""
PAUSES_S = (0.1, 0.2, 0.4, 0.8)
"""Between two tries; the last one repeats. busybox's flock can't wait with a limit itself."""
ANSWER_LIMIT_S = 20.0
"""How long a holder may take to say that it holds, or doesn't."""
RELEASE_WAIT_S = 0.06
"""How long a release is waited for. GNU's tail also ends when nobody takes its output any more, so that it
needn't be; the transport itself waits until the whole process group is gone, which costs up to 2 s."""
BUSYBOX_RELEASE_WAIT_S = 3.0
"""busybox's tail would stay for the lease, were the connection closed before it has been ended."""
TICK_S = 0.02
MOST_FILES = 64
"""More resources than this are locked by their noun alone: the vector has a limit."""

_ROOT_UID = 0
_NOT_FOUND_CODES = frozenset({126, 127})
_SHOWN_CHARACTERS = 60


class LockedError(StepError):
    """Somebody else is changing the same resource. Nothing was begun."""

    code = "locked"


@dataclass(frozen=True, slots=True)
class Held:
    """What is held while the block runs. `warning`: why nothing is, in a sentence; empty when it is."""

    resources: tuple[str, ...]
    warning: str = ""


def resources_of(intent: Intent, values: Mapping[str, Json], facts: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a change locks: its declared lock; the file that it edits; else noun and first argument.

    `("packages",)`, `("file:/etc/hosts",)`, `("service:nginx.service", "service:redis.service")`
    for a first argument of several values, `("clock",)` for an intent without arguments.
    """
    if intent.lock is not None:
        return (intent.lock,)
    edit = intent.operation_for(facts).edit
    if edit is not None:
        return tuple(f"file:{path}" for path in render_word(edit.path, intent.parameters, values))
    noun = intent.name.partition(".")[0]
    first = next((values[name] for name in intent.parameters if values.get(name) is not None), None)
    several = first if isinstance(first, list | tuple) else () if first is None else (first,)
    if not several or len(several) > MOST_FILES:
        return (noun,)
    return tuple(f"{noun}:{one}" for one in several)


def lock_file_name(resource: str, *, hostname: str = "") -> str:
    """Return the file name of a resource's lock: a readable part, and a hash that tells every two apart.

    `hostname` is the target's own name: a home directory may be shared by several hosts.

    >>> lock_file_name("file:/etc/ssh/sshd_config")
    'file-etc-ssh-sshd_config-6efcdf35863c8f4d.lock'
    """
    readable = re.sub(r"[^A-Za-z0-9_]+", "-", resource).strip("-")[:40]
    digest = hashlib.sha256(f"{hostname}\0{resource}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"{readable or 'lock'}-{digest}.lock"


@contextmanager
def hold_locks(
    target: Target,
    resources: Sequence[str],
    *,
    as_user: str | None,
    lease_s: float,
    holder: Mapping[str, str],
    cancel: Cancel,
    wait_s: float = WAIT_S,
) -> Iterator[Held]:
    """Hold the locks of `resources` on the target while the block runs; one command start on the target.

    They are taken in sorted order, so that two changes never wait for each other. `lease_s`: when
    the locks end by themselves should we not end them, so more than the block can take. `holder`
    (`user`, `host`, `record`) is told to whoever is refused.

    Raises `LockedError` when somebody else still holds one after `wait_s`, or `cancel` is set while
    waiting; `UnreachableError` when the target can't be reached.
    """
    wanted = tuple(sorted(set(resources)))
    place = _Place(target, as_user, cancel)
    try:
        files = place.files(wanted)
        attempt = _take(place, wanted, files, lease_s=lease_s, holder=holder, wait_s=wait_s)
    except LockedError:
        raise
    except StepError as error:
        # The program isn't there, or sudo refuses: what the change itself needs is its own affair.
        yield Held(wanted, _warning(target, error.message))
        return
    if not attempt.is_held:
        said = "flock isn't installed" if attempt.has_no_program else attempt.said
        yield Held(wanted, _warning(target, said))
        return
    try:
        yield Held(wanted)
    finally:
        attempt.release()


def _warning(target: Target, why: str) -> str:
    return f"Nothing on {target.host} is locked while this runs ({why.rstrip('.')}): somebody else may change it meanwhile."


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the locks of one account on one target lie."""

    target: Target
    as_user: str | None
    cancel: Cancel

    @property
    def is_busybox(self) -> bool:
        """Whether timeout and tail are busybox's."""
        return self.target.facts.get("userland") == "busybox"

    def files(self, resources: Sequence[str]) -> tuple[str, ...]:
        directory = self.directory()
        hostname = "" if directory == ROOT_DIRECTORY else self.target.facts.get("hostname", "")
        return tuple(f"{directory}/{lock_file_name(resource, hostname=hostname)}" for resource in resources)

    def directory(self) -> str:
        login = self.target.login
        account = self.as_user or login.user
        if account == "root" or (account == login.user and login.uid == _ROOT_UID):
            return ROOT_DIRECTORY
        home = login.home if account == login.user else home_of(self.target.transport, account)
        return f"{home.rstrip('/')}/{USER_DIRECTORY}"

    def make(self, directory: str) -> Completed:
        """Make the directory; once after each boot for root's."""
        return self.run("mkdir", "-p", "-m", "0700", "--", directory)

    def run(self, *argv: str) -> Completed:
        return self.target.transport.run(argv, as_user=self.as_user, timeout_s=ANSWER_LIMIT_S, cancel=self.cancel)


@dataclass(slots=True)
class _Attempt:
    """One holder on the target, in a thread of its own, from its start to its release."""

    place: _Place
    vector: tuple[str, ...]
    text: bytes
    token: bytes
    lease_s: float
    cancel: Cancel = field(default_factory=Cancel)
    _known: threading.Event = field(default_factory=threading.Event)
    _seen: bytearray = field(default_factory=bytearray)
    _thread: threading.Thread | None = None
    completed: Completed | None = None
    error: BaseException | None = None
    is_held: bool = False

    def start(self) -> None:
        """Start the holder; return once it holds, has ended, or was told to end."""
        self._thread = threading.Thread(target=self._hold, name=f"lock-{self.place.target.host}", daemon=True)
        self._thread.start()
        try:
            self._wait_until_known()
        except BaseException:
            self.release()  # a Ctrl-C as well: nobody else would end the holder before its lease
            raise
        if self.error is not None:
            raise self.error

    def _wait_until_known(self) -> None:
        limit = time.monotonic() + ANSWER_LIMIT_S
        while not self._known.wait(TICK_S):
            if self.place.cancel.is_set:
                self.release()
                return
            if time.monotonic() > limit:
                host = self.place.target.host
                raise UnreachableError(f"{host} gives no answer.", remedy="Check the host.", host=host)

    def release(self) -> None:
        """Tell the holder to end, and wait a little until it has."""
        self.cancel.set()
        if self._thread is not None:
            self._thread.join(BUSYBOX_RELEASE_WAIT_S if self.place.is_busybox else RELEASE_WAIT_S)

    @property
    def is_busy(self) -> bool:
        """Whether flock said, by its exit code alone, that somebody else holds one of the files."""
        done = self.completed
        return done is not None and done.exit_code == 1 and not done.stdout and not done.stderr

    @property
    def is_without_directory(self) -> bool:
        done = self.completed
        return done is not None and not self.has_no_program and b"No such file or directory" in done.stderr

    @property
    def has_no_program(self) -> bool:
        return self.completed is not None and self.completed.exit_code in _NOT_FOUND_CODES

    @property
    def said(self) -> str:
        done = self.completed
        return "no answer" if done is None else last_line(done.stderr) or f"its holder ended: {done.ending}"

    def _hold(self) -> None:
        try:
            self.completed = self.place.target.transport.run(
                self.vector,
                stdin=self.text,
                as_user=self.place.as_user,
                timeout_s=self.lease_s + ANSWER_LIMIT_S,
                cancel=self.cancel,
                on_output=self._on_output,
            )
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            self.error = error
        finally:
            self._known.set()

    def _on_output(self, data: bytes) -> None:
        """`tee` prints the text once, `tail` a second time: from the file, and with the lock held by what stays."""
        if self.is_held:
            return
        self._seen += data
        if self._seen.count(self.token) > 1:
            self.is_held = True
            self._known.set()


def _take(
    place: _Place,
    resources: Sequence[str],
    files: Sequence[str],
    *,
    lease_s: float,
    holder: Mapping[str, str],
    wait_s: float,
) -> _Attempt:
    """Return the attempt that holds, or the one that shows why nothing can be locked."""
    limit = time.monotonic() + wait_s
    pauses = list(PAUSES_S)
    has_made_directory = False
    while True:
        attempt = _attempt(place, files, lease_s=lease_s, holder=holder)
        attempt.start()
        if attempt.is_held and not place.cancel.is_set:
            return attempt
        if attempt.is_held or place.cancel.is_set:
            attempt.release()
            raise _interrupted(place, resources)
        if attempt.completed is not None and attempt.completed.ending == "lost":
            raise UnreachableError(
                f"The connection to {place.target.host} went away before the change began.",
                remedy="Check the host, and ask again.",
                host=place.target.host,
            )
        if attempt.is_without_directory and not has_made_directory:
            has_made_directory = True
            place.make(files[0].rpartition("/")[0])
            continue
        if not attempt.is_busy:
            return attempt
        if time.monotonic() >= limit:
            raise _locked(place, resources, files)
        if place.cancel.wait(min(pauses[0], max(0.0, limit - time.monotonic()))):
            raise _interrupted(place, resources)
        pauses = pauses[1:] or pauses


def _attempt(place: _Place, files: Sequence[str], *, lease_s: float, holder: Mapping[str, str]) -> _Attempt:
    token = secrets.token_hex(16)
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {name: text[:_SHOWN_CHARACTERS] for name, text in holder.items()}
    text = json.dumps({**told, "since": since, "lease_s": math.ceil(lease_s), "token": token}) + "\n"
    vector = holder_vector(files, lease_s=lease_s, is_busybox=place.is_busybox)
    return _Attempt(place, vector, text.encode("ascii"), token.encode("ascii"), lease_s)


def holder_vector(files: Sequence[str], *, lease_s: float, is_busybox: bool) -> tuple[str, ...]:
    """Return the holder's command; its standard input is the line that says who holds.

    GNU's timeout ends its whole process group, which is ours when it stands first. busybox's
    ends one process, so there it stands before `tail`, whose end is the end of all.

    >>> " ".join(holder_vector(["/l/a"], lease_s=30, is_busybox=False))
    'timeout 30 flock -n /l/a find /l/a -exec tee /l/a ; -exec tail -n +1 -f /l/a ;'
    """
    lease = ("timeout", str(max(1, math.ceil(lease_s))))
    locks = tuple(word for file in files for word in ("flock", "-n", file))
    stays = ("tail", "-n", "+1", "-f", files[0])
    chain = (*locks, "find", files[0], "-exec", "tee", *files, ";", "-exec")
    return (*chain, *lease, *stays, ";") if is_busybox else (*lease, *chain, *stays, ";")


def _interrupted(place: _Place, resources: Sequence[str]) -> LockedError:
    return LockedError(
        f"Interrupted while waiting for {_shown(resources)} on {place.target.host}; nothing was begun.",
        remedy="Ask again when you want it.",
        host=place.target.host,
    )


def _locked(place: _Place, resources: Sequence[str], files: Sequence[str]) -> LockedError:
    """Say who holds it. Of several files the one that flock refuses is looked for."""
    busy = resources[0], files[0]
    try:
        for resource, file in zip(resources, files, strict=True):
            if len(files) > 1 and place.run("flock", "-n", file, "true").exit_code != 1:
                continue
            busy = resource, file
            break
        who = holder_of(place.run("tail", "-n", "1", "--", busy[1]).stdout)
    except SaysoError:
        who = "somebody else"
    return LockedError(
        f"{visible(busy[0])} on {place.target.host} is being changed by {who}. Nothing was begun.",
        remedy="Wait until that is done, and ask again. The lock ends with its holder.",
        host=place.target.host,
    )


def holder_of(text: bytes) -> str:
    r"""Return who a lock file names, safe to show; a file that can't be read names nobody.

    >>> holder_of(b'{"user": "ann", "host": "desk", "record": "12", "since": "2026-01-01T10:00:00Z"}\n')
    'ann from desk (record 12, since 2026-01-01T10:00:00Z)'
    >>> holder_of(b"\xff")
    'somebody else'
    """
    try:
        told = json.loads(text[: 16 * 1024])
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not told.get("user"):
        return "somebody else"
    known = {
        name: visible(str(told.get(name) or "?"))[:_SHOWN_CHARACTERS] for name in ("user", "host", "record", "since")
    }
    return "{user} from {host} (record {record}, since {since})".format(**known)


def _shown(resources: Sequence[str]) -> str:
    return visible(", ".join(resources))[:200]
