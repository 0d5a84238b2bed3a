"""A second person's approval of a saved plan: signed by somebody whom root has listed, and who isn't the requester.

The list is a root-owned file in the form of OpenSSH's allowed signers (ssh-keygen(1), ALLOWED SIGNERS): an account
and its public key a line. What is signed is one statement in RFC 8785 form over one plan file, whole.
"""

import base64
import os
import pwd
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from history.canonical import canonical, parse
from intents.errors import PlanError, RequestError
from intents.values import Json
from shell.plan_files import Requester, SavedPlan
from shell.ssh_signature import (
    DEFAULT_KEYS,
    BadSignatureError,
    Signer,
    agent_signers,
    file_signer,
    fingerprint,
    load_public,
    sign,
    verify,
)

APPROVERS = Path("/etc/sayso/approvers")
PURPOSE = "sayso plan approval"
NAMESPACE = "plan-approval@sayso"
"""The namespace of the signatures, as `ssh-keygen -Y verify -n` wants it."""
SCHEMA = 1
LIMIT_BYTES = 1024 * 1024

_WRITABLE_BY_OTHERS = 0o022
_ASK_AGAIN = "Have the plan approved again: `sayso approve FILE`."


@dataclass(frozen=True, slots=True)
class ApproverKey:
    """One line of the list: an account, and a public key (wire form) that signs for it."""

    user: str
    blob: bytes


@dataclass(frozen=True, slots=True)
class Statement:
    """What is signed. Moments are RFC 3339 in UTC; hash and digest are SHA-256 (hex)."""

    plan_id: str
    plan_hash: str
    file_sha256: str
    approver_user: str
    approver_original_uid: int
    at_utc: str
    expires_utc: str
    schema: int = SCHEMA
    purpose: str = PURPOSE


@dataclass(frozen=True, slots=True)
class Approval:
    """A statement with its armored SSH signature."""

    statement: Statement
    signature: str


@dataclass(frozen=True, slots=True)
class SecondPerson:
    """Who else approved: the account, the fingerprint of the key, and when (RFC 3339, UTC)."""

    user: str
    key: str
    at_utc: str


# -- the list


def read_approvers(path: Path = APPROVERS, *, owner: int = 0) -> tuple[ApproverKey, ...]:
    """Return the keys of the list, which only `owner` (root) may be able to write, and its folder too.

    Raises `PlanError` when it isn't there, may be written by somebody else, or has a line that isn't an account's
    plain name and a public key: a condition that isn't understood must not be passed over.
    """
    try:
        folder = path.parent.stat()
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise PlanError(
            f"Nobody can approve plans: there is no {path}.",
            remedy="root writes it: a line for each approver, the account's name and its public key.",
        ) from None
    except OSError as error:
        raise PlanError(f"{path} can't be read: {error.strerror}.", remedy="root makes it readable.") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or any(
        one.st_uid != owner or one.st_mode & _WRITABLE_BY_OTHERS for one in (status, folder)
    ):
        os.close(descriptor)
        raise PlanError(
            f"{path} or its folder may be written by somebody else than root, so it is not used.",
            remedy=f"As root: chown root: {path} {path.parent}; chmod go-w {path} {path.parent}",
        )
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(LIMIT_BYTES + 1)
    try:
        if len(content) > LIMIT_BYTES:
            raise ValueError("it is larger than 1 MiB")  # noqa: TRY301 - one sentence for all that is wrong with it
        lines = content.decode("utf-8").split("\n")
        return tuple(key for number, line in enumerate(lines, start=1) for key in _keys_of(line, number))
    except ValueError as error:
        raise PlanError(f"{path} can't be used: {error}.", remedy="Write `account key-type key`, one a line.") from None


def _keys_of(line: str, number: int) -> list[ApproverKey]:
    """Return the keys of one line: several accounts by comma. Raises `ValueError`."""
    words = line.split()
    if not words or words[0].startswith("#"):
        return []
    if len(words) < 3:  # noqa: PLR2004 - account, kind, key
        raise ValueError(f"line {number} has no account with a key")
    names, kind, encoded = words[:3]
    if set(names) & set('*?!"') or not all(names.split(",")):
        raise ValueError(f"line {number} names no plain account")
    try:
        blob = base64.b64decode(encoded, validate=True)
        load_public(blob)
    except ValueError:
        raise ValueError(f"line {number} has options, or a key that can't be used") from None
    if not blob.startswith(len(kind).to_bytes(4, "big") + kind.encode()):
        raise ValueError(f"line {number} says {kind} of another kind of key")
    return [ApproverKey(name, blob) for name in names.split(",")]


# -- signing


@contextmanager
def signer_of(
    user: str,
    approvers: Sequence[ApproverKey],
    *,
    key_file: Path | None,
    home: Path,
    passphrase: Callable[[str], str | None],
) -> Iterator[Signer]:
    """Open the key that is listed for `user`: the named file, else one of the agent's, else one of ~/.ssh.

    Raises `PlanError` when there is none, or the named one isn't listed.
    """
    listed = {key.blob for key in approvers if key.user == user}
    if not listed:
        raise PlanError(f"{user} is no approver.", remedy=f"root can add a key of {user} to {APPROVERS}.")
    if key_file is not None:
        signer = file_signer(key_file, passphrase)
        if signer.blob not in listed:
            raise PlanError(
                f"The key {key_file} ({fingerprint(signer.blob)}) isn't listed for {user}.",
                remedy="Name the key that is.",
            )
        yield signer
        return
    with agent_signers() as held:
        found = next((one for one in held if one.blob in listed), None) or _usual_signer(home, listed, passphrase)
        if found is None:
            raise PlanError(
                f"No key that is listed for {user} is in the ssh-agent or in {home / '.ssh'}.",
                remedy="Name it: --key FILE",
            )
        yield found


def _usual_signer(home: Path, listed: set[bytes], passphrase: Callable[[str], str | None]) -> Signer | None:
    """Return the first of the usual files whose public half is listed, so that no passphrase is asked for in vain."""
    for name in DEFAULT_KEYS:
        path = home / ".ssh" / name
        try:
            words = path.with_name(f"{name}.pub").read_text(encoding="utf-8").split()
            is_listed = len(words) > 1 and base64.b64decode(words[1]) in listed
        except (OSError, ValueError):
            continue
        if is_listed:
            return file_signer(path, passphrase)
    return None


def sign_approval(saved: SavedPlan, signer: Signer, *, user: str, original_uid: int, now: datetime) -> Approval:
    """Return the approval of exactly this plan file by `user`, for as long as the plan can be applied."""
    statement = Statement(
        plan_id=saved.plan.id,
        plan_hash=saved.plan.hash,
        file_sha256=saved.digest,
        approver_user=user,
        approver_original_uid=original_uid,
        at_utc=_written(now),
        expires_utc=_written(saved.expires_utc),
    )
    return Approval(statement, sign(canonical(_plain(statement)), signer, namespace=NAMESPACE))


def approval_bytes(approval: Approval) -> bytes:
    """Return what an approval file holds: one JSON object in RFC 8785 form and a line feed."""
    return canonical({"statement": _plain(approval.statement), "signature": approval.signature}) + b"\n"


def _plain(statement: Statement) -> Mapping[str, Json]:
    return dict(asdict(statement))


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


# -- verifying


def read_approval(path: Path) -> Approval:
    """Return an approval file's value; nothing of it is proven yet. Raises `RequestError` for what is no such file."""
    try:
        with path.open("rb") as stream:
            body = stream.read(LIMIT_BYTES + 1)
        value = parse(body)
        statement = value["statement"] if isinstance(value, dict) else None
        signature = value["signature"] if isinstance(value, dict) else None
        found = Statement(**statement) if isinstance(statement, dict) else None
    except OSError as error:
        raise RequestError(f"{path} can't be read: {error.strerror}.", remedy="Name an approval file.") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        found, signature = None, None
    if found is None or not isinstance(signature, str) or not _is_typed(found):
        raise RequestError(f"{path} is no approval file.", remedy="`sayso approve FILE` makes one.")
    return Approval(found, signature)


def _is_typed(statement: Statement) -> bool:
    numbers = (statement.approver_original_uid, statement.schema)
    texts = [value for name, value in asdict(statement).items() if name not in {"approver_original_uid", "schema"}]
    return all(type(one) is int for one in numbers) and all(isinstance(one, str) for one in texts)


def verify_approval(
    saved: SavedPlan, approval: Approval, approvers: Sequence[ApproverKey], *, now: datetime
) -> SecondPerson:
    """Return who approved the plan, when all of it holds; `saved` is the requester's, read and proven unaltered.

    Raises `PlanError`: the approval is for another plan, is too old, its signature doesn't fit, its key isn't
    listed for that account, or the approver is the requester by name, key or original uid.
    """
    statement = approval.statement
    _require_this_plan(saved, statement)
    _require_now(saved, statement, now)
    try:
        blob = verify(canonical(_plain(statement)), approval.signature, namespace=NAMESPACE)
    except BadSignatureError as error:
        raise PlanError(f"The approval's signature is not valid: {error}.", remedy=_ASK_AGAIN) from None
    user = statement.approver_user
    if not any(key.user == user and key.blob == blob for key in approvers):
        raise PlanError(
            f"The key of the approval ({fingerprint(blob)}) isn't listed for {user}.",
            remedy="An approver signs with a key that root has listed for them.",
        )
    require_other_account(saved.requested_by, user, statement.approver_original_uid)
    require_other_keys(saved.requested_by, user, approvers)
    return SecondPerson(user, fingerprint(blob), statement.at_utc)


def _require_this_plan(saved: SavedPlan, statement: Statement) -> None:
    if statement.schema != SCHEMA or statement.purpose != PURPOSE:
        raise PlanError("What was signed is no approval that this version knows.", remedy=_ASK_AGAIN)
    said = (statement.plan_id, statement.plan_hash, statement.file_sha256)
    if said != (saved.plan.id, saved.plan.hash, saved.digest):
        raise PlanError(f"The approval is for another plan than the one in {saved.path}.", remedy=_ASK_AGAIN)


def _require_now(saved: SavedPlan, statement: Statement, now: datetime) -> None:
    try:
        at, expires = (datetime.fromisoformat(one) for one in (statement.at_utc, statement.expires_utc))
        is_ordered = saved.created_utc <= at < expires <= saved.expires_utc
    except (TypeError, ValueError):
        is_ordered = False
    if not is_ordered:
        raise PlanError("The approval's times don't fit those of the plan.", remedy=_ASK_AGAIN)
    if now >= expires:
        raise PlanError(f"The approval expired at {statement.expires_utc}.", remedy="Make the plan again.")
    if now < at.replace(microsecond=0):
        raise PlanError(f"The approval was made in the future ({statement.at_utc}).", remedy="Correct the clock.")


def require_other_account(requester: Requester, user: str, original_uid: int) -> None:
    """Raise `PlanError` when an approver is the requester: by name, or by the uid behind the name or the login."""
    try:
        listed_uid = pwd.getpwnam(user).pw_uid
    except KeyError:
        raise PlanError(f"The approver {user} has no account here.", remedy="Ask another approver.") from None
    own = {requester.uid, requester.original_uid}
    if user == requester.user or listed_uid in own or original_uid in own:
        raise PlanError(
            f"{user} made this plan, and can't be its second person.", remedy="Ask somebody else to approve it."
        )


def require_other_keys(requester: Requester, user: str, approvers: Sequence[ApproverKey]) -> None:
    """Raise `PlanError` when a key of the approver is the requester's too: one that they hold, or that is listed for both."""
    names = {requester.user}
    for uid in (requester.uid, requester.original_uid):
        try:
            names.add(pwd.getpwuid(uid).pw_name)
        except KeyError:
            continue
    own = {key.blob for key in approvers if key.user in names}
    theirs = {key.blob for key in approvers if key.user == user}
    if own & theirs or set(requester.keys) & {fingerprint(one) for one in theirs}:
        raise PlanError(
            f"{user} and {requester.user} share a key, so they count as one person.",
            remedy="Ask an approver who has a key of their own.",
        )
