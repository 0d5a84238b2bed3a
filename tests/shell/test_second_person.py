"""Two people: keys that root listed, real signatures, and every way in which one person could be both."""

import argparse
import base64
import json
import os
import pty
import select
import shutil
import subprocess
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from executors.plan import Plan
from history.store import History
from intents.errors import PlanError, RequestError, SaysoError
from intents.intent import Risk
from shell import approve_command
from shell.approve_command import SUFFIX, run_approve
from shell.environment import Environment
from shell.plan_files import (
    Requester,
    SavedPlan,
    account_of,
    read_foreign_plan_file,
    read_plan_file,
    write_plan_file,
)
from shell.second_person import (
    NAMESPACE,
    Approval,
    ApproverKey,
    SecondPerson,
    approval_bytes,
    read_approval,
    read_approvers,
    sign_approval,
    signer_of,
    verify_approval,
)
from shell.ssh_signature import BadSignatureError, file_signer, fingerprint, sign, verify
from shell.terminal import Terminal
from tests.support.plans import NOW, as_account, edit_step, plan_of

PATIENCE_S = 20.0
REQUESTER = Requester("alice", 4001, 4001, "controller")
APPROVER = "daemon"
"""An account that every Linux has: the name in the list must be one."""
APPROVER_UID = 1
NEEDS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="takes on other accounts, which only root may")


def nothing_asked(question: str) -> str | None:
    raise AssertionError(question)


def key_in(folder: Path, name: str = "id_ed25519", *, kind: str = "ed25519", passphrase: str = "") -> Path:
    """Return a real key of ssh-keygen's."""
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path), "-C", "a comment"], check=True)
    return path


def public(key: Path) -> str:
    return key.with_name(key.name + ".pub").read_text(encoding="ascii").strip()


class Office:
    """A list of approvers, a plan that alice saved, and what can be made of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.list = folder / "etc" / "approvers"
        self.list.parent.mkdir(mode=0o755)
        self.key = key_in(folder)
        self.write(f"{APPROVER} {public(self.key)}\n")
        self.saved = self.save(REQUESTER)

    def write(self, text: str, mode: int = 0o644) -> None:
        self.list.write_text(text)
        self.list.chmod(mode)

    def save(self, requester: Requester, plan: Plan | None = None, name: str = "fix.plan") -> SavedPlan:
        path = self.folder / name
        path.unlink(missing_ok=True)
        made = replace(requester, uid=os.getuid())
        state = self.folder / "state"
        write_plan_file(path, plan or plan_of(), requester=made, state=state, catalogue="c" * 64, now=NOW)
        # As the requester would read it, whoever runs the tests.
        saved = read_plan_file(path, requester=made, state=state, now=NOW)
        return replace(saved, requested_by=requester)

    def keys(self) -> tuple[ApproverKey, ...]:
        return read_approvers(self.list, owner=os.getuid())

    def approval(self, *, user: str = APPROVER, uid: int = APPROVER_UID, key: Path | None = None) -> Approval:
        signer = file_signer(key or self.key, nothing_asked)
        return sign_approval(self.saved, signer, user=user, original_uid=uid, now=NOW)

    def verified(self, approval: Approval, saved: SavedPlan | None = None, *, after_min: int = 5) -> SecondPerson:
        now = NOW + timedelta(minutes=after_min)
        return verify_approval(saved or self.saved, approval, self.keys(), now=now)

    def refused(self, approval: Approval, saved: SavedPlan | None = None, *, after_min: int = 5) -> str:
        with pytest.raises(PlanError) as caught:
            self.verified(approval, saved, after_min=after_min)
        assert caught.value.remedy
        assert "\n" not in caught.value.message
        return caught.value.message


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_a_listed_approver_is_the_second_person(office: Office) -> None:
    path = office.folder / "approval"
    path.write_bytes(approval_bytes(office.approval()))
    second = office.verified(read_approval(path))
    shown = subprocess.run(["ssh-keygen", "-l", "-f", str(office.key)], check=True, capture_output=True, text=True)
    assert second == SecondPerson(APPROVER, shown.stdout.split()[1], "2026-03-01T12:00:00Z")


@pytest.mark.parametrize(
    ("kind", "bits"),
    [("ed25519", ()), ("ecdsa", ("256",)), ("ecdsa", ("384",)), ("ecdsa", ("521",)), ("rsa", ("2048",))],
)
def test_openssh_itself_verifies_and_makes_these_signatures(tmp_path: Path, kind: str, bits: tuple[str, ...]) -> None:
    key = tmp_path / "key"
    size = ["-b", *bits] if bits else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-f", str(key)], check=True)
    signer = file_signer(key, nothing_asked)
    ours = tmp_path / "ours.sig"
    ours.write_text(sign(b"message", signer, namespace=NAMESPACE))
    (tmp_path / "allowed").write_text(f"{APPROVER} {public(key)}\n")
    command = ["ssh-keygen", "-Y", "verify", "-f", str(tmp_path / "allowed"), "-I", APPROVER, "-n", NAMESPACE]
    subprocess.run([*command, "-s", str(ours)], input=b"message", check=True, capture_output=True)
    theirs = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", NAMESPACE],
        input=b"message", check=True, capture_output=True,
    ).stdout.decode()  # fmt: skip
    assert verify(b"message", theirs, namespace=NAMESPACE) == signer.blob
    with pytest.raises(BadSignatureError, match="doesn't fit"):
        verify(b"massage", theirs, namespace=NAMESPACE)
    with pytest.raises(BadSignatureError, match="something else"):
        verify(b"message", theirs, namespace="file")


def test_a_changed_byte_of_a_signature_is_refused(office: Office) -> None:
    message = b"message"
    signature = sign(message, file_signer(office.key, nothing_asked), namespace=NAMESPACE)
    raw = bytearray(base64.b64decode("".join(signature.strip().split("\n")[1:-1])))
    own = file_signer(office.key, nothing_asked).blob
    for at in range(len(raw)):
        changed = bytes(raw[:at]) + bytes([raw[at] ^ 1]) + bytes(raw[at + 1 :])
        armored = f"-----BEGIN SSH SIGNATURE-----\n{base64.b64encode(changed).decode()}\n-----END SSH SIGNATURE-----\n"
        try:
            signed_by = verify(message, armored, namespace=NAMESPACE)
        except BadSignatureError:
            continue
        # What `reserved` says is not signed for; it says nothing about who signed what.
        assert signed_by == own


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----",
        "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----",
        "-----BEGIN SSH SIGNATURE-----\n!\n-----END SSH SIGNATURE-----",
    ],
)
def test_what_is_no_signature_is_refused(office: Office, text: str) -> None:
    assert "signature is not valid" in office.refused(replace(office.approval(), signature=text))


# -- one person who would be two


def test_the_requester_is_no_second_person_by_name_uid_or_login(office: Office) -> None:
    approval = office.approval()
    for requester in (
        replace(REQUESTER, user=APPROVER),
        replace(REQUESTER, uid=APPROVER_UID),
        replace(REQUESTER, original_uid=APPROVER_UID),
        replace(REQUESTER, user="root", uid=0, original_uid=APPROVER_UID),
    ):
        assert "made this plan" in office.refused(approval, replace(office.saved, requested_by=requester))


def test_an_approval_from_the_requesters_own_login_is_refused(office: Office) -> None:
    assert "made this plan" in office.refused(office.approval(uid=REQUESTER.original_uid))


def test_a_key_of_both_makes_them_one(office: Office) -> None:
    line = public(office.key)
    office.write(f"{APPROVER} {line}\nalice {line}\n")
    assert "share a key" in office.refused(office.approval())
    office.write(f"alice,{APPROVER} {line}\n")
    assert "share a key" in office.refused(office.approval())


def test_another_shared_key_than_the_one_that_signed_counts_too(office: Office) -> None:
    other = public(key_in(office.folder, "other"))
    office.write(f"{APPROVER} {public(office.key)}\n{APPROVER} {other}\nalice {other}\n")
    assert "share a key" in office.refused(office.approval())


def test_the_key_of_the_requesters_login_counts_though_they_are_root_now(office: Office) -> None:
    line = public(office.key)
    office.write(f"{APPROVER} {line}\nbin {line}\n")
    saved = replace(office.saved, requested_by=Requester("root", 0, 2, "controller"))
    assert "share a key" in office.refused(office.approval(), saved)


def test_a_key_that_the_requester_holds_is_refused(office: Office) -> None:
    own = fingerprint(file_signer(office.key, nothing_asked).blob)
    saved = replace(office.saved, requested_by=replace(REQUESTER, keys=("SHA256:another", own)))
    assert "share a key" in office.refused(office.approval(), saved)


def test_an_approver_without_an_account_is_refused(office: Office) -> None:
    office.write(f"nobody-of-this-name {public(office.key)}\n")
    assert "no account here" in office.refused(office.approval(user="nobody-of-this-name"))


# -- another key, plan or time


def test_a_key_that_is_not_listed_is_refused(office: Office) -> None:
    stranger = key_in(office.folder, "stranger")
    assert "isn't listed for daemon" in office.refused(office.approval(key=stranger))
    office.write(f"bin {public(office.key)}\n{APPROVER} {public(stranger)}\n")
    assert "isn't listed for daemon" in office.refused(office.approval()), "bin's key doesn't sign for daemon"


@pytest.mark.parametrize(
    "change",
    [
        {"plan_id": "0" * 16}, {"plan_hash": "0" * 64}, {"file_sha256": "0" * 64}, {"purpose": "something else"},
        {"schema": 2}, {"approver_user": "bin"}, {"approver_original_uid": 77}, {"at_utc": "2026-03-01T12:00:01Z"},
        {"expires_utc": "2026-03-01T12:59:59Z"}, {"at_utc": "now"}, {"expires_utc": "2026-03-01T12:30:00"},
    ],
)  # fmt: skip
def test_a_changed_statement_is_refused(office: Office, change: dict[str, str | int]) -> None:
    approval = office.approval()
    changed = replace(approval.statement, **change)  # type: ignore[arg-type]  # the fields have these types
    assert office.refused(replace(approval, statement=changed))


def test_an_approval_is_for_one_plan_file_alone(office: Office) -> None:
    approval = office.approval()
    same_plan = office.save(REQUESTER, office.saved.plan, "again.plan")
    assert same_plan.digest == office.saved.digest, "the same content is the same plan"
    longer = replace(office.saved, digest="1" * 64)
    assert "for another plan" in office.refused(approval, longer)
    assert "for another plan" in office.refused(approval, office.save(REQUESTER, plan_of(edit_step(after=b"x"))))


def test_an_approval_ends_with_the_plan_and_has_no_future(office: Office) -> None:
    approval = office.approval()
    assert office.verified(approval, after_min=59)
    assert "expired at 2026-03-01T13:00:00Z" in office.refused(approval, after_min=60)
    later = sign_approval(
        office.saved,
        file_signer(office.key, nothing_asked),
        user=APPROVER,
        original_uid=1,
        now=NOW + timedelta(minutes=9),
    )
    assert "in the future" in office.refused(later)
    early = replace(office.saved, created_utc=NOW + timedelta(minutes=1))
    assert "times don't fit" in office.refused(approval, early)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"statement":{},"signature":""}',
        b'{"statement":{"x":1},"signature":"s"}',
        b"[" * 200_000,
    ],
)
def test_what_is_no_approval_file_is_a_matter_of_usage(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "approval"
    with pytest.raises(RequestError, match="can't be read"):
        read_approval(path)
    path.write_bytes(content)
    with pytest.raises(RequestError, match="no approval file"):
        read_approval(path)


def test_statements_of_other_types_are_no_approval(office: Office) -> None:
    path = office.folder / "approval"
    value = json.loads(approval_bytes(office.approval()))
    for name, other in (("approver_original_uid", "1"), ("plan_id", 1), ("schema", True)):
        path.write_text(json.dumps({**value, "statement": {**value["statement"], name: other}}))
        with pytest.raises(RequestError, match="no approval file"):
            read_approval(path)


# -- the list


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o622])
def test_a_list_that_others_may_write_is_not_used(office: Office, mode: int) -> None:
    office.list.chmod(mode)
    with pytest.raises(PlanError, match="may be written by somebody else"):
        office.keys()
    office.list.chmod(0o644)
    office.list.parent.chmod(0o777)
    with pytest.raises(PlanError, match="may be written by somebody else"):
        office.keys()


def test_a_list_of_another_owner_or_kind_is_not_used(office: Office) -> None:
    with pytest.raises(PlanError, match="may be written by somebody else"):
        read_approvers(office.list, owner=os.getuid() + 1)
    office.list.rename(office.folder / "real")
    with pytest.raises(PlanError, match="Nobody can approve plans"):
        office.keys()
    office.list.symlink_to(office.folder / "real")
    with pytest.raises(PlanError, match="can't be read"):
        office.keys()
    office.list.unlink()
    office.list.mkdir()
    with pytest.raises(PlanError, match="may be written by somebody else"):
        office.keys()


def test_comments_and_blank_lines_are_passed_over(office: Office) -> None:
    office.write(f"# who may\n\n{APPROVER},bin {public(office.key)}\n")
    listed = office.keys()
    assert [key.user for key in listed] == [APPROVER, "bin"]


@pytest.mark.parametrize(
    "line",
    [
        "daemon", "daemon ssh-ed25519", "* {key}", "d?emon {key}", "!daemon {key}", "daemon, {key}",
        "daemon cert-authority {key}", 'daemon valid-before="20200101" {key}', "daemon ssh-ed25519 AAAA",
        "daemon ssh-rsa {blob}", "\udcff {key}",
    ],
)  # fmt: skip
def test_a_line_that_is_not_understood_stops_the_whole_list(office: Office, line: str) -> None:
    key = public(office.key)
    text = f"bin {key}\n" + line.format(key=key, blob=key.split()[1]) + "\n"
    office.list.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(PlanError, match="can't be used"):
        office.keys()


def test_a_weak_key_is_not_listed(office: Office) -> None:
    numbers = b"\x00\x00\x00\x07ssh-rsa\x00\x00\x00\x03\x01\x00\x01" + b"\x00\x00\x00\x81\x00" + b"\xff" * 128
    office.write(f"{APPROVER} ssh-rsa {base64.b64encode(numbers).decode()}\n")
    with pytest.raises(PlanError, match="line 1"):
        office.keys()


# -- the keys that sign


def test_an_encrypted_key_asks_for_its_passphrase(tmp_path: Path) -> None:
    key = key_in(tmp_path, passphrase="correct horse")
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return "correct horse"

    signature = sign(b"m", file_signer(key, ask), namespace=NAMESPACE)
    assert verify(b"m", signature, namespace=NAMESPACE)
    assert asked == [f"Passphrase of {key}:"]
    with pytest.raises(PlanError, match="passphrase is another"):
        file_signer(key, lambda _question: "wrong")
    with pytest.raises(PlanError, match="is encrypted"):
        file_signer(key, lambda _question: None)


def test_a_key_file_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    key = key_in(tmp_path)
    key.chmod(0o644)
    with pytest.raises(PlanError, match="may be used by others"):
        file_signer(key, nothing_asked)
    key.chmod(0o600)
    key.write_text("nonsense")
    with pytest.raises(PlanError, match="can't be used as a key"):
        file_signer(key, nothing_asked)
    with pytest.raises(PlanError, match="can't be read"):
        file_signer(tmp_path / "missing", nothing_asked)


def test_a_named_key_must_be_listed_for_its_owner(office: Office) -> None:
    stranger = key_in(office.folder, "stranger")
    with (
        pytest.raises(PlanError, match="isn't listed for daemon"),
        signer_of(APPROVER, office.keys(), key_file=stranger, home=office.folder, passphrase=nothing_asked),
    ):
        raise AssertionError
    with (
        pytest.raises(PlanError, match="bin is no approver"),
        signer_of("bin", office.keys(), key_file=office.key, home=office.folder, passphrase=nothing_asked),
    ):
        raise AssertionError


def test_the_listed_one_of_the_usual_keys_is_found(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    home = office.folder / "home"
    (home / ".ssh").mkdir(parents=True)
    key_in(home / ".ssh", "id_ed25519", passphrase="never asked for")
    listed = key_in(home / ".ssh", "id_ecdsa", kind="ecdsa")
    office.write(f"{APPROVER} {public(listed)}\n")
    with signer_of(APPROVER, office.keys(), key_file=None, home=home, passphrase=nothing_asked) as signer:
        assert signer.where == str(listed)
    listed.unlink()
    listed.with_name("id_ecdsa.pub").unlink()
    with (
        pytest.raises(PlanError, match="No key that is listed"),
        signer_of(APPROVER, office.keys(), key_file=None, home=home, passphrase=nothing_asked),
    ):
        raise AssertionError


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A real ssh-agent of its own; its socket's path must be short."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    socket = folder / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it says where it listens once it does
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    yield socket
    process.stdout.close()
    process.terminate()
    process.wait(PATIENCE_S)
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_the_agents_key_signs(office: Office, agent: Path, kind: str) -> None:
    key = key_in(office.folder, "agents", kind=kind)
    subprocess.run(["ssh-add", "-q", str(key)], check=True, env={**os.environ, "SSH_AUTH_SOCK": str(agent)})
    key.unlink()
    office.write(f"{APPROVER} {public(key)}\n")
    with signer_of(APPROVER, office.keys(), key_file=None, home=office.folder, passphrase=nothing_asked) as signer:
        assert signer.where == "the ssh-agent"
        approval = sign_approval(office.saved, signer, user=APPROVER, original_uid=APPROVER_UID, now=NOW)
    assert office.verified(approval).user == APPROVER


# -- the command


class Seat:
    """`sayso approve` in a pseudo-terminal of its own, as the account `uid`."""

    def __init__(self, office: Office, path: Path, *, uid: int, key: Path | None, home: Path) -> None:
        self.shown = ""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            status = 1
            try:
                status = approve_in_child(office, path, uid, key, home)
            except BaseException:  # noqa: BLE001 - the forked test run must end here
                os.write(2, traceback.format_exc().encode())
            finally:
                os._exit(status)

    def wait_for(self, text: str) -> None:
        limit = time.monotonic() + PATIENCE_S
        while text not in self.shown:
            assert time.monotonic() < limit, self.shown
            assert self._read(), f"{text!r} was not shown, only {self.shown!r}"

    def _read(self) -> bool:
        if not select.select([self.master], [], [], 0.2)[0]:
            return True
        try:
            more = os.read(self.master, 4096)
        except OSError:
            return False
        self.shown += more.decode("utf-8", "replace")
        return bool(more)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def end(self) -> int:
        limit = time.monotonic() + PATIENCE_S
        while self._read():
            assert time.monotonic() < limit, self.shown
        os.close(self.master)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def approve_in_child(office: Office, path: Path, uid: int, key: Path | None, home: Path) -> int:
    if uid != os.getuid():
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    try:
        return int(approve(office, path, key, home))
    except SaysoError as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        return 4


def approve(office: Office, path: Path, key: Path | None, home: Path) -> int:
    stream = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the child's own terminal
    base = Environment.of_process()
    below = replace(base.paths, state=home / "state", config=home / "config")
    environment = replace(
        base, stdout=stream, stderr=stream, directory=str(home), home=str(home), paths=below,
        variables={"TERM": "dumb", "COLUMNS": "200"},
    )  # fmt: skip
    options = argparse.Namespace(json=False, key=str(key) if key else None, model=None, config=None)
    try:
        return run_approve([str(path)], environment, options, approvers=office.list, owner=office.list.stat().st_uid)
    finally:
        stream.flush()


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Office, Path, Path]]:
    """An office that other accounts can look into, a plan that is in time, and the approver's home."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    office = Office(folder)
    home = folder / "home"
    home.mkdir(mode=0o700)
    path = home / "fix.plan"
    monkeypatch.setattr(approve_command, "original_uid", lambda uid, _variables: APPROVER_UID if uid == 0 else uid)
    yield office, path, home
    shutil.rmtree(folder)


def hand_over(office: Office, path: Path, home: Path, *, uid: int, plan: Plan | None = None) -> SavedPlan:
    """Save a plan now, and give a copy of it and a key to the approver."""
    source = office.folder / "fresh.plan"
    made = replace(REQUESTER, uid=os.getuid(), original_uid=REQUESTER.original_uid)
    saved = write_plan_file(
        source, plan or plan_of(), requester=made, state=office.folder / "state", catalogue="c", now=datetime.now(UTC)
    )
    shutil.copyfile(source, path)
    shutil.copyfile(office.key, home / "key")
    (home / "key").chmod(0o600)
    if uid != os.getuid():
        for one in (home, path, home / "key"):
            os.chown(one, uid, uid)
    return saved


@NEEDS_ROOT
@pytest.mark.parametrize("uid", [0, APPROVER_UID], ids=["through sudo", "as the account itself"])
def test_the_approver_sees_the_plan_says_yes_and_signs(
    desk: tuple[Office, Path, Path], uid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, path, home = desk
    saved = hand_over(office, path, home, uid=uid)
    import_all_that_it_needs(office, path, monkeypatch)
    made_by_root = replace(saved, requested_by=replace(saved.requested_by, uid=4001))
    seat = Seat(office, path, uid=uid, key=home / "key", home=home)
    seat.wait_for("Approve it as daemon? [y/N]")
    for shown in (
        "Requested by: uid 4001 as alice (uid 0) on controller",
        "Request: add line b",
        "/etc/app.conf",
        "+b",
    ):
        assert shown in seat.shown, seat.shown
    seat.type("y\n")
    assert seat.end() == 0, seat.shown
    written = path.with_name(path.name + SUFFIX)
    assert f"sayso apply FILE --approval {written}" in seat.shown
    now = datetime.now(UTC)
    second = verify_approval(made_by_root, read_approval(written), office.keys(), now=now)
    assert second.user == APPROVER
    with History.open(home / "state" / "history.db", read_only=True) as history:
        kinds = [(one.kind, one.payload) for one in history.events(next(iter(history.records(limit=1))).record)]
    assert [kind for kind, _ in kinds] == ["request", "plan", "policy", "approval", "end"]
    assert kinds[1][1]["hash"] == saved.plan.hash
    assert kinds[3][1]["user"] == APPROVER


@NEEDS_ROOT
def test_without_a_yes_nothing_is_signed(desk: tuple[Office, Path, Path]) -> None:
    office, path, home = desk
    hand_over(office, path, home, uid=0)
    seat = Seat(office, path, uid=0, key=home / "key", home=home)
    seat.wait_for("[y/N]")
    seat.type("\n")
    assert seat.end() == 4
    assert "nothing was signed" in seat.shown
    assert not path.with_name(path.name + SUFFIX).exists()


@NEEDS_ROOT
def test_what_destroys_or_was_summarised_is_typed(desk: tuple[Office, Path, Path]) -> None:
    office, path, home = desk
    for plan in (plan_of(risk=Risk.DESTRUCTIVE), plan_of(replace(edit_step(), is_summary=True))):
        (office.folder / "fresh.plan").unlink(missing_ok=True)
        hand_over(office, path, home, uid=0, plan=plan)
        seat = Seat(office, path, uid=0, key=home / "key", home=home)
        seat.wait_for("Type /etc/app.conf to go on:")
        seat.type("y\n")
        assert seat.end() == 4


def import_all_that_it_needs(office: Office, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter's own files may lie where another account can't go; what is imported before stays."""
    with monkeypatch.context() as without_terminal:
        without_terminal.setattr(Terminal, "open", lambda: None)
        assert "no terminal" in refusal(office, path, office.folder)


def refusal(office: Office, path: Path, home: Path) -> str:
    with pytest.raises(SaysoError) as caught:
        approve(office, path, home / "key", home)
    return caught.value.message


@NEEDS_ROOT
def test_the_command_refuses_whom_it_must_before_asking(
    desk: tuple[Office, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    office, path, home = desk
    hand_over(office, path, home, uid=0)
    monkeypatch.setattr(Terminal, "open", lambda: None)
    assert "no terminal to ask at" in refusal(office, path, home)
    path.with_name(path.name + SUFFIX).touch()
    assert "is there already" in refusal(office, path, home)
    path.with_name(path.name + SUFFIX).unlink()
    office.write(f"bin {public(office.key)}\n")
    assert "daemon is not on the list" in refusal(office, path, home)
    office.write(f"daemon,alice {public(office.key)}\n")
    assert "share a key" in refusal(office, path, home)
    office.write(f"daemon {public(office.key)}\nroot {public(key_in(office.folder, 'roots'))}\n")
    monkeypatch.setattr(approve_command, "original_uid", lambda _uid, _variables: 0)
    assert "root made this plan" in refusal(office, path, home)
    assert account_of(0) == "root"


@NEEDS_ROOT
def test_another_account_can_look_at_a_copy_but_not_at_the_key(desk: tuple[Office, Path, Path]) -> None:
    office, path, home = desk
    hand_over(office, path, home, uid=APPROVER_UID)
    assert as_account(APPROVER_UID, lambda: read_foreign_plan_file(path, now=datetime.now(UTC)).plan.request) == (
        "add line b"
    )
    assert "Permission denied" in as_account(APPROVER_UID, (office.folder / "state" / "plan.key").read_bytes)
