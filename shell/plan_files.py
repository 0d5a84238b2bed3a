"""Plans in files: saved for later, whole and dated, bound to who made them, each good for one run.

A plan file is one JSON object in RFC 8785 form, followed by a line feed. A keyed hash over it (HMAC-SHA-256, the
key in the person's state folder) tells whether it was altered, also by somebody who can write the file but not
the key. Nothing in it is ever run: what is applied is planned again from its matches, and must be the same plan.
"""

import errno
import hashlib
import hmac
import os
import pwd
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from executors.plan import Plan
from executors.plan_codec import decode_plan, encode_plan
from executors.plan_hash import plan_hash
from history.canonical import canonical, parse
from intents.errors import PlanError, RequestError
from intents.values import Json

KIND = "sayso plan"
SCHEMA = 2
KEY_NAME = "plan.key"
"""The key of the keyed hash, below the state folder."""
USED_PLANS = "used-plans"
"""The folder of the marks of plans that were used, below the state folder."""
LIFE = timedelta(hours=1)
"""How long a plan can be applied unless it is said otherwise."""
LONGEST_LIFE = timedelta(days=30)
LIMIT_BYTES = 64 * 1024 * 1024
"""A larger file is no plan that a person has read."""
MARK_LIFE = timedelta(days=90)
"""How long a plan's mark is kept after the plan expired: a clock that is set back must not make it new."""

_MEMBERS = {"kind", "schema", "plan", "requested_by", "created_utc", "expires_utc", "catalogue"}
_KEY_BYTES = 32
_OTHERS = 0o077
_PLAN_ID = re.compile(r"[0-9a-f]{8,64}")
_NO_LOGIN_UID = 2**32 - 1  # what the kernel gives where nobody logged in (proc(5), loginuid)
_ROOT = 0
_REMEDY = "Make the plan again."


@dataclass(frozen=True, slots=True)
class Requester:
    """Who made a plan: the account, the one that logged in before any sudo, and where."""

    user: str
    uid: int
    original_uid: int
    host: str
    keys: tuple[str, ...] = ()
    """The fingerprints (`SHA256:…`) of the keys that they can sign with: none of them makes a second person."""


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan as it stands in a file. `digest` is the SHA-256 (hex) of all that the file says."""

    path: Path
    plan: Plan
    requested_by: Requester
    created_utc: datetime
    expires_utc: datetime
    catalogue: str
    digest: str


def original_uid(uid: int, variables: Mapping[str, str], *, login_file: Path = Path("/proc/self/loginuid")) -> int:
    """Return the uid that logged in: the kernel's, which sudo and su leave as it is, else sudo's or doas's word to root, else `uid`."""
    with suppress(OSError, ValueError):
        known = int(login_file.read_text(encoding="ascii"))
        if known != _NO_LOGIN_UID:
            return known
    if uid != _ROOT:
        return uid
    said = variables.get("SUDO_UID", "")
    if said.isascii() and said.isdecimal():
        return int(said)
    with suppress(KeyError, ValueError):  # doas(1) says the name alone
        return pwd.getpwnam(variables.get("DOAS_USER", "")).pw_uid
    return uid


# -- writing


def write_plan_file(
    path: Path,
    plan: Plan,
    *,
    requester: Requester,
    state: Path,
    catalogue: str,
    now: datetime,
    life: timedelta = LIFE,
) -> SavedPlan:
    """Write a new plan file (0600) and return what it says. `catalogue` is the catalogue's digest (hex).

    Raises `RequestError` when the file is there already or can't be made, or the life is unusable, and `PlanError`
    when the plan is too large or the key can't be used.
    """
    if not timedelta(0) < life <= LONGEST_LIFE:
        raise RequestError(
            "A plan expires after a time above 0 and of at most 30 days.", remedy="Write e.g. --expires 2h."
        )
    created = now.astimezone(UTC).replace(microsecond=0)
    content: dict[str, Json] = {
        "kind": KIND,
        "schema": SCHEMA,
        "plan": encode_plan(plan),
        "requested_by": asdict(requester),
        "created_utc": _written(created),
        "expires_utc": _written(created + life),
        "catalogue": catalogue,
    }
    body = canonical({**content, "mac": _mac(_own_key(state, requester.uid), content)}) + b"\n"
    if len(body) > LIMIT_BYTES:
        raise PlanError(f"The plan is larger than {LIMIT_BYTES >> 20} MiB.", remedy="Ask for less at once.")
    saved = _saved(path, content)
    write_new_file(path, body, mode=0o600)
    return saved


def require_new_file(path: Path) -> None:
    """Raise `RequestError` where a new file can't be made at `path`, as far as that can be told without making it."""
    if os.path.lexists(path):
        raise _is_there(path)
    if not path.parent.is_dir():
        raise RequestError(f"There is no folder {path.parent}.", remedy="Make it, or name another file.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise RequestError(f"{path.parent} can't be written by this account.", remedy="Name a file elsewhere.")


def _is_there(path: Path) -> RequestError:
    return RequestError(
        f"{path} is there already, and is left as it is.", remedy="Name a new file, or remove that one."
    )


def write_new_file(path: Path, body: bytes, *, mode: int) -> None:
    """Write a file that isn't there yet, to the disk, with exactly this mode; on a failure nothing is left.

    Raises `RequestError`.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        raise _is_there(path) from None
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(body)
            stream.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        _sync_folder(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: Exception) -> RequestError:
    why = error.strerror if isinstance(error, OSError) else error
    return RequestError(f"{path} can't be written: {why}.", remedy="Check the path, its folder and the space there.")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


# -- reading


def read_plan_file(path: Path, *, requester: Requester, state: Path, now: datetime) -> SavedPlan:
    """Return the plan that this person saved there, unused and in time; `requester` is who asks now.

    Raises `RequestError` for what is no plan file, and `PlanError` for one that may not be used: it is a link, is
    somebody else's, may be read or written by others, was altered, has expired, was used, or was made by another
    person or on another machine.
    """
    body = _read(path, private_to=requester.uid)
    content = _content(path, body)
    key = _existing_key(state, requester.uid)
    mac = content.pop("mac", None)
    if key is None:
        raise PlanError(f"The key is gone that would tell whether {path} was altered.", remedy=_REMEDY)
    if not isinstance(mac, str) or not hmac.compare_digest(mac.encode(), _mac(key, content).encode()):
        raise _altered(path)
    saved = _saved(path, content)
    _require_same_person(saved, requester)
    require_in_time(saved, now)
    if _mark_of(saved, state).exists():
        raise _used(saved)
    return saved


def read_foreign_plan_file(path: Path, *, now: datetime) -> SavedPlan:
    """Return the plan that somebody else saved and handed over, to look at; whether it was altered since can't be told.

    The plan's hash is computed again from what will be shown, so that the two belong together. Raises as
    `read_plan_file`.
    """
    content = _content(path, _read(path, private_to=None))
    content.pop("mac", None)
    saved = _saved(path, content)
    require_in_time(saved, now)
    return saved


def require_in_time(saved: SavedPlan, now: datetime) -> None:
    """Raise `PlanError` unless `now` is between the file's making and its expiry."""
    if now < saved.created_utc:
        raise PlanError(
            f"The clock says {_moment(now)}, before {saved.path} was made ({_moment(saved.created_utc)}), so its age "
            "can't be told.",
            remedy="Correct the clock, or make the plan again.",
        )
    if now >= saved.expires_utc:
        raise PlanError(f"The plan in {saved.path} expired at {_moment(saved.expires_utc)}.", remedy=_REMEDY)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _read(path: Path, *, private_to: int | None) -> bytes:
    """Return the bytes of a regular file within the limit; with `private_to`, of nobody's but that uid's (or root's)."""
    try:
        # Without O_NONBLOCK a named pipe would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        status = os.fstat(descriptor)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.ELOOP:
            raise PlanError(f"{path} is a link.", remedy="Name the plan file itself.") from None
        why = error.strerror if isinstance(error, OSError) else error
        raise RequestError(f"{path} can't be read: {why}.", remedy="Name a plan file.") from None
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise PlanError(f"{path} is no regular file.", remedy="Name a plan file.")
    with os.fdopen(descriptor, "rb") as stream:
        if private_to is not None:
            _require_private(path, status, private_to)
        body = stream.read(LIMIT_BYTES + 1)
    if len(body) > LIMIT_BYTES:
        raise PlanError(f"{path} is larger than {LIMIT_BYTES >> 20} MiB, so it is no plan file.", remedy=_REMEDY)
    return body


def _require_private(path: Path, status: os.stat_result, uid: int) -> None:
    if status.st_uid not in {uid, _ROOT}:
        raise PlanError(
            f"{path} belongs to {account_of(status.st_uid)}.", remedy="Apply a plan that you made yourself."
        )
    if status.st_mode & _OTHERS:
        raise PlanError(
            f"{path} may be read or written by others (mode {stat.S_IMODE(status.st_mode):04o}, not 0600).",
            remedy="Make the plan again, and keep its file to yourself.",
        )


def account_of(uid: int) -> str:
    """Return the account's name, or its number in words where it has none.

    >>> account_of(0), account_of(4_000_000_000)
    ('root', 'uid 4000000000')
    """
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _content(path: Path, body: bytes) -> dict[str, Json]:
    """Return the file's one object, which must be written exactly as it would be written again."""
    try:
        value = parse(body)
        is_exact = canonical(value) + b"\n" == body
    except (ValueError, RecursionError):
        value, is_exact = None, False
    is_ours = isinstance(value, dict) and value.get("kind") == KIND
    if not is_ours and f'"kind":"{KIND}"'.encode() not in body:
        raise RequestError(f"{path} is no plan file.", remedy="`sayso plan -o FILE` makes one.")
    if not isinstance(value, dict) or not is_ours or not is_exact:
        raise _altered(path)
    if value.get("schema") != SCHEMA:
        raise PlanError(f"{path} was made by another version of sayso.", remedy="Make the plan again with this one.")
    return value


def _altered(path: Path) -> PlanError:
    return PlanError(f"{path} was altered since it was made, or was made by another account.", remedy=_REMEDY)


def _saved(path: Path, content: Mapping[str, Json]) -> SavedPlan:
    """Return the value of a file's content (without its keyed hash). Raises `PlanError` when it isn't whole."""
    if set(content) != _MEMBERS:
        raise PlanError(f"{path} isn't whole.", remedy=_REMEDY)
    plan = decode_plan(content["plan"])
    if not _PLAN_ID.fullmatch(plan.id) or not _has_own_hash(plan):
        raise PlanError(f"The plan in {path} doesn't fit its own hash.", remedy=_REMEDY)
    catalogue = content["catalogue"]
    try:
        created, expires = (_parsed(content[name]) for name in ("created_utc", "expires_utc"))
        requested_by = _requester(content["requested_by"])
    except (TypeError, ValueError):
        raise PlanError(f"{path} isn't whole.", remedy=_REMEDY) from None
    if not isinstance(catalogue, str) or not created < expires <= created + LONGEST_LIFE:
        raise PlanError(f"{path} isn't whole.", remedy=_REMEDY)
    digest = hashlib.sha256(canonical(content)).hexdigest()
    return SavedPlan(path, plan, requested_by, created, expires, catalogue, digest)


def _parsed(value: Json) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"{value!r} is no moment")
    return moment


def _requester(value: Json) -> Requester:
    if not isinstance(value, dict):
        raise TypeError("no object")
    keys = value.get("keys")
    if not isinstance(keys, list | tuple) or not all(isinstance(one, str) for one in keys):
        raise TypeError("keys are named by their fingerprints")
    found = Requester(**{**value, "keys": tuple(keys)})
    texts, numbers = (found.user, found.host), (found.uid, found.original_uid)
    if not all(isinstance(one, str) for one in texts) or not all(type(one) is int for one in numbers):
        raise TypeError("a requester's fields are of other types")
    return found


def _has_own_hash(plan: Plan) -> bool:
    """Whether the hash is that of the stages and facts which the plan shows."""
    try:
        return plan_hash(plan.stages, plan.facts, plan.schedule) == plan.hash
    except (TypeError, ValueError):
        return False


def _require_same_person(saved: SavedPlan, requester: Requester) -> None:
    made_by = saved.requested_by
    if made_by.original_uid != requester.original_uid:
        raise PlanError(
            f"{saved.path} was made by {account_of(made_by.original_uid)}, who logged in as somebody else than you.",
            remedy="Apply a plan that you made yourself.",
        )
    if made_by.uid != requester.uid:
        raise PlanError(
            f"{saved.path} was made as {made_by.user}, and you are {requester.user} now.",
            remedy=f"Apply it as {made_by.user}, or make the plan again.",
        )
    if made_by.host != requester.host:
        raise PlanError(
            f"{saved.path} was made on {made_by.host}, and this is {requester.host}.",
            remedy="Apply it there, or make the plan again here.",
        )


# -- the key


def _mac(key: bytes, content: Mapping[str, Json]) -> str:
    return hmac.new(key, canonical(content), hashlib.sha256).hexdigest()


def _own_key(state: Path, uid: int) -> bytes:
    """Return the person's key, made when there is none. Raises `PlanError`."""
    found = _existing_key(state, uid)
    if found is not None:
        return found
    fresh = state / f"{KEY_NAME}.{secrets.token_hex(8)}"
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new_file(fresh, secrets.token_bytes(_KEY_BYTES), mode=0o600)
        # A link is made whole or not at all, and never over another: of two processes at once both use one key.
        with suppress(FileExistsError):
            os.link(fresh, state / KEY_NAME)
    except (OSError, RequestError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise PlanError(
            f"The key of plan files can't be made in {state}: {why}.", remedy="Check that folder."
        ) from None
    finally:
        fresh.unlink(missing_ok=True)
    made = _existing_key(state, uid)
    if made is None:
        raise PlanError(f"The key of plan files in {state} went away.", remedy="Try again.")
    return made


def _existing_key(state: Path, uid: int) -> bytes | None:
    path = state / KEY_NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise PlanError(f"The key {path} can't be read: {error.strerror}.", remedy="Check that file.") from None
    try:
        status = os.fstat(descriptor)
        is_own = stat.S_ISREG(status.st_mode) and status.st_uid == uid and not status.st_mode & _OTHERS
        key = os.read(descriptor, _KEY_BYTES + 1) if is_own else b""
    finally:
        os.close(descriptor)
    if len(key) != _KEY_BYTES:
        raise PlanError(
            f"The key {path} isn't a file of yours alone with {_KEY_BYTES} bytes, so it proves nothing.",
            remedy="Remove it; plans that were saved before have to be made again.",
        )
    return key


# -- used once


def claim(saved: SavedPlan, *, state: Path, now: datetime) -> None:
    """Mark the plan as used, on the disk, before anything of it runs; of several processes at once one wins.

    Raises `PlanError` for all others, and when the mark can't be written.
    """
    require_in_time(saved, now)
    mark = _mark_of(saved, state)
    try:
        if not mark.parent.is_dir():  # where a file is in the way, making it would say "exists" as a used plan does
            mark.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):
                mark.parent.mkdir(mode=0o700)
        descriptor = os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(_written(saved.expires_utc) + "\n")
            stream.flush()
            os.fsync(descriptor)
        _sync_folder(mark.parent)
    except FileExistsError:
        raise _used(saved) from None
    except OSError as error:
        raise PlanError(
            f"It can't be written down that the plan in {saved.path} is used ({mark.parent}: {error.strerror}).",
            remedy="Check that folder and the space there; then make the plan again.",
        ) from None
    _remove_old_marks(mark.parent, now)


def _mark_of(saved: SavedPlan, state: Path) -> Path:
    return state / USED_PLANS / saved.plan.id


def _used(saved: SavedPlan) -> PlanError:
    return PlanError(f"The plan in {saved.path} was used before; a plan is good for one run.", remedy=_REMEDY)


def _remove_old_marks(folder: Path, now: datetime) -> None:
    """Drop the marks of plans that expired long ago; what can't be read or removed stays."""
    for mark in folder.iterdir():
        with suppress(OSError, ValueError):
            expired = _parsed(mark.read_text(encoding="ascii").strip())
            if _PLAN_ID.fullmatch(mark.name) and now > expired + MARK_LIFE:
                mark.unlink()
