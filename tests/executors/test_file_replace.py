"""The edit of one file by argument vectors: on real files, with GNU's programs and with busybox's."""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from executors.file_replace import (
    EditCutOffError,
    _default_backup_directory,
    read_file,
    replace_file,
)
from executors.file_state import FileHost
from executors.local import LocalTransport
from executors.safe_directories import acts_as_root
from executors.ssh import SshTransport
from executors.transport import Cancel, Completed, Login, Transport
from intents.errors import PlanError, StepError
from tests.support.sshd import MISSING, Sshd, running_sshd

IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root: other accounts, mounts")
HAS_BUSYBOX = shutil.which("busybox", path="/usr/local/bin:/usr/bin:/bin") is not None
BUSYBOX_APPLETS = {"stat", "cat", "readlink", "sha256sum", "mkdir", "cp", "dd", "mv", "rm", "sync", "chmod"}


class OtherTransport:
    """This machine, with each vector looked at (and changed) before it runs."""

    def __init__(self, change: Callable[[tuple[str, ...]], tuple[str, ...] | Completed]) -> None:
        self._local = LocalTransport()
        self._change = change

    @property
    def host(self) -> str:
        return "other"

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | BinaryIO | None = None,
        as_user: str | None = None,
        timeout_s: float = 60.0,
        cancel: Cancel | None = None,
        on_output: Callable[[bytes], None] | None = None,
        uninterruptible: bool = False,
    ) -> Completed:
        changed = self._change(tuple(argv))
        if isinstance(changed, Completed):
            return changed
        return self._local.run(
            changed,
            stdin=stdin,
            as_user=as_user,
            timeout_s=timeout_s,
            cancel=cancel,
            on_output=on_output,
            uninterruptible=uninterruptible,
        )

    def login(self) -> Login:
        return self._local.login()

    def close(self) -> None:
        self._local.close()


def with_busybox(argv: tuple[str, ...]) -> tuple[str, ...]:
    return ("busybox", *argv) if argv[0] in BUSYBOX_APPLETS else argv


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(
    params=[
        "gnu",
        pytest.param("busybox", marks=pytest.mark.skipif(not HAS_BUSYBOX, reason="busybox isn't installed")),
        pytest.param("ssh", marks=[pytest.mark.sshd, pytest.mark.skipif(bool(MISSING), reason=MISSING)]),
    ]
)
def transport(request: pytest.FixtureRequest) -> Iterator[Transport]:
    """This machine, with GNU's programs and busybox's, and over SSH."""
    if request.param == "ssh":
        transport = SshTransport(request.getfixturevalue("sshd").address)
        yield transport
        transport.close()
    else:
        yield LocalTransport() if request.param == "gnu" else OtherTransport(with_busybox)


@pytest.fixture
def backups(tmp_path: Path) -> str:
    return str(tmp_path / "state" / "backups")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def candidates(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if path.name.startswith(".sayso-")]


def test_reading_tells_content_and_attributes(transport: Transport, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\xff\0x")
    path.chmod(0o640)
    state = read_file(transport, str(path))
    assert (state.exists, state.kind, state.content, state.sha256) == (True, "file", b"\xff\0x", sha256(b"\xff\0x"))
    assert (state.mode, state.size_bytes, state.links) == (0o640, 3, 1)
    assert (state.owner, state.group) == (path.owner(), path.group())
    assert state.target is None


def test_reading_what_is_not_there(transport: Transport, tmp_path: Path) -> None:
    state = read_file(transport, str(tmp_path / "absent"))
    assert (state.exists, state.kind, state.content, state.sha256) == (False, "absent", b"", None)


def test_directories_pipes_and_relative_paths_are_not_read(transport: Transport, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, reason in ((tmp_path, "a directory"), (tmp_path / "pipe", "pipe"), ("/dev/zero", "a device")):
        with pytest.raises(StepError, match=reason):
            read_file(transport, str(path))
    for name in ("relative", "/tmp/..", "/tmp/", "/tmp/a\0b"):
        with pytest.raises(StepError, match="absolute path"):
            read_file(transport, name)


def test_a_large_file_is_not_read(transport: Transport, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(16 * 1024 * 1024 + 1)
    with pytest.raises(StepError, match="larger than 16 MiB"):
        read_file(transport, str(path))


def test_a_link_is_refused_by_the_name_of_its_target(transport: Transport, tmp_path: Path, backups: str) -> None:
    (tmp_path / "real").write_bytes(b"a\n")
    (tmp_path / "link").symlink_to("real")
    for call in (
        lambda: read_file(transport, str(tmp_path / "link")),
        lambda: replace_file(
            transport,
            str(tmp_path / "link"),
            before_sha256=sha256(b"a\n"),
            after=b"b\n",
            backup_directory=backups,
        ),
    ):
        with pytest.raises(StepError, match="symbolic link") as caught:
            call()
        assert str(tmp_path / "real") in caught.value.remedy
    followed = read_file(transport, str(tmp_path / "link"), follow=True)
    assert (followed.content, followed.target) == (b"a\n", str(tmp_path / "real"))
    assert (tmp_path / "link").is_symlink()


def test_content_is_replaced_and_undone_with_all_attributes(transport: Transport, tmp_path: Path, backups: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old\n" * 1000)
    path.chmod(0o4751)
    if IS_ROOT:
        os.chown(path, 12345, 23456)
        path.chmod(0o4751)
    before = path.stat()
    replaced = replace_file(
        transport, str(path), before_sha256=sha256(b"old\n" * 1000), after=b"new", backup_directory=backups
    )
    assert path.read_bytes() == b"new"
    assert replaced.after_sha256 == sha256(b"new")
    assert replaced.backup is not None
    assert attributes(path.stat()) == attributes(before)
    assert path.stat().st_ino != before.st_ino, "readers of the old file keep it whole"
    assert candidates(tmp_path) == []
    old = read_file(transport, replaced.backup).content
    replace_file(transport, str(path), before_sha256=sha256(b"new"), after=old, backup_directory=backups)
    assert path.read_bytes() == b"old\n" * 1000
    assert attributes(path.stat()) == attributes(before)


def attributes(status: os.stat_result) -> tuple[int, int, int]:
    return (status.st_mode, status.st_uid, status.st_gid)


def test_the_backup_lies_under_its_checksum_in_a_private_directory(
    transport: Transport, tmp_path: Path, backups: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old\n")
    replaced = replace_file(
        transport, str(path), before_sha256=sha256(b"old\n"), after=b"new\n", backup_directory=backups
    )
    assert replaced.backup == f"{backups}/{sha256(b'old' + bytes([10]))}"
    assert Path(backups, sha256(b"old\n")).read_bytes() == b"old\n"
    assert stat.S_IMODE(Path(backups).stat().st_mode) == 0o700
    assert [path.name for path in Path(backups).iterdir()] == [sha256(b"old\n")]


def test_extended_attributes_and_acl_stay(tmp_path: Path, backups: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old\n")
    try:
        os.setxattr(path, "user.sayso", b"kept")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    if shutil.which("setfacl"):
        subprocess.run(["setfacl", "-m", "u:nobody:rw", str(path)], check=True)
    before = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    replace_file(LocalTransport(), str(path), before_sha256=sha256(b"old\n"), after=b"new\n", backup_directory=backups)
    assert {name: os.getxattr(path, name) for name in os.listxattr(path)} == before
    assert path.read_bytes() == b"new\n"


def test_a_new_file_is_made_and_undone(transport: Transport, tmp_path: Path, backups: str) -> None:
    path = tmp_path / "new"
    replaced = replace_file(transport, str(path), before_sha256=None, after=b"x\n", backup_directory=backups)
    assert replaced.backup is None
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"x\n", 0o644)
    assert candidates(tmp_path) == []
    path.write_bytes(b"somebody's\n")
    with pytest.raises(PlanError, match="has changed"):
        replace_file(transport, str(path), before_sha256=sha256(b"x\n"), after=None, backup_directory=backups)
    path.write_bytes(b"x\n")
    undone = replace_file(transport, str(path), before_sha256=sha256(b"x\n"), after=None, backup_directory=backups)
    assert (undone.after_sha256, path.exists()) == (None, False)


def test_a_deletion_is_undone_with_its_mode(transport: Transport, tmp_path: Path, backups: str) -> None:
    path = tmp_path / "gone"
    path.write_bytes(b"x\n")
    path.chmod(0o600)
    gone = replace_file(transport, str(path), before_sha256=sha256(b"x\n"), after=None, backup_directory=backups)
    assert gone.backup is not None
    assert not path.exists()
    replace_file(transport, str(path), before_sha256=None, after=b"x\n", backup_directory=backups, like=gone.backup)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"x\n", 0o600)


@pytest.mark.parametrize(
    "name", ["-rf", "a b", "new\nline", "it's", 'say "x"', "$HOME", "*", "back\\slash", "\udcff", "é"]
)
def test_any_file_name_is_just_a_name(transport: Transport, tmp_path: Path, backups: str, name: str) -> None:
    path = tmp_path / f"{name} dir" / name
    path.parent.mkdir()
    path.write_bytes(b"old\n")
    replace_file(transport, str(path), before_sha256=sha256(b"old\n"), after=b"new\n", backup_directory=backups)
    assert path.read_bytes() == b"new\n"
    assert len(list(path.parent.iterdir())) == 1


def test_what_moved_since_the_plan_is_said_and_nothing_changes(
    transport: Transport, tmp_path: Path, backups: str
) -> None:
    path = tmp_path / "file"
    for content, before, sentence in (
        (b"other\n", sha256(b"old\n"), "has changed since the plan"),
        (b"other\n", None, "has come into being"),
        (None, sha256(b"old\n"), "has disappeared"),
    ):
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(PlanError, match=sentence):
            replace_file(transport, str(path), before_sha256=before, after=b"new\n", backup_directory=backups)
        assert (path.read_bytes() if path.exists() else None) == content
    assert not Path(backups).exists()


@pytest.mark.parametrize("is_new", [False, True])
def test_a_change_at_the_last_moment_is_not_overwritten(tmp_path: Path, backups: str, *, is_new: bool) -> None:
    path = tmp_path / "file"
    if not is_new:
        path.write_bytes(b"old\n")

    def meddle(argv: tuple[str, ...]) -> tuple[str, ...]:
        if argv[0] == "dd":
            path.write_bytes(b"meddled\n")
        return argv

    with pytest.raises(PlanError):
        replace_file(
            OtherTransport(meddle),
            str(path),
            before_sha256=None if is_new else sha256(b"old\n"),
            after=b"new\n",
            backup_directory=backups,
        )
    assert path.read_bytes() == b"meddled\n"
    assert candidates(tmp_path) == []


def test_creation_does_not_replace_what_came_between_check_and_rename(tmp_path: Path, backups: str) -> None:
    path = tmp_path / "file"

    def meddle(argv: tuple[str, ...]) -> tuple[str, ...]:
        if argv[0] == "mv":
            path.write_bytes(b"meddled\n")
        return argv

    with pytest.raises(PlanError, match="has come into being"):
        replace_file(OtherTransport(meddle), str(path), before_sha256=None, after=b"new\n", backup_directory=backups)
    assert path.read_bytes() == b"meddled\n"
    assert candidates(tmp_path) == []


def test_a_file_with_two_names_is_refused(transport: Transport, tmp_path: Path, backups: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old\n")
    (tmp_path / "second").hardlink_to(path)
    with pytest.raises(StepError, match="2 names"):
        replace_file(transport, str(path), before_sha256=sha256(b"old\n"), after=b"n", backup_directory=backups)
    assert (tmp_path / "second").read_bytes() == b"old\n"


def test_a_refusing_parser_leaves_the_file_untouched(transport: Transport, tmp_path: Path, backups: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"{}")
    before = path.stat()
    with pytest.raises(StepError, match="json parser refuses the new content") as caught:
        replace_file(
            transport,
            str(path),
            before_sha256=sha256(b"{}"),
            after=b"{",
            validator="by_path",
            backup_directory=backups,
        )
    assert "Nothing was changed" in str(caught.value)
    assert (path.read_bytes(), path.stat().st_ino, path.stat().st_mtime_ns) == (
        b"{}",
        before.st_ino,
        before.st_mtime_ns,
    )
    assert candidates(tmp_path) == []


def test_a_file_that_never_was_strict_json_is_not_held_to_it(tmp_path: Path, backups: str) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(b"{} // comment")
    replaced = replace_file(
        LocalTransport(),
        str(path),
        before_sha256=sha256(b"{} // comment"),
        after=b"{} // new",
        validator="by_path",
        backup_directory=backups,
    )
    assert replaced.validation == "not checked: the file was no valid json before either"


@pytest.mark.skipif(shutil.which("findmnt") is None, reason="findmnt isn't installed")
def test_a_refusing_program_leaves_the_file_untouched(tmp_path: Path, backups: str) -> None:
    path = tmp_path / "fstab"
    good, bad = b"tmpfs /tmp tmpfs defaults 0 0\n", b"tmpfs /no/such/place nosuchfs defaults 0 0\n"
    path.write_bytes(good)
    with pytest.raises(StepError, match="findmnt refuses") as caught:
        replace_file(
            LocalTransport(),
            str(path),
            before_sha256=sha256(good),
            after=bad,
            validator="fstab",
            backup_directory=backups,
        )
    assert "as it is now" not in str(caught.value)
    assert ".sayso-" not in str(caught.value)
    assert path.read_bytes() == good
    assert candidates(tmp_path) == []
    replaced = replace_file(
        LocalTransport(),
        str(path),
        before_sha256=sha256(good),
        after=good + b"# x\n",
        validator="fstab",
        backup_directory=backups,
    )
    assert replaced.validation == "checked by findmnt"
    path.write_bytes(bad)
    with pytest.raises(StepError, match="as it is now is refused too"):
        replace_file(
            LocalTransport(),
            str(path),
            before_sha256=sha256(bad),
            after=bad + b"# x\n",
            validator="fstab",
            backup_directory=backups,
        )


def test_a_missing_validator_is_said(tmp_path: Path, backups: str) -> None:
    def without_findmnt(argv: tuple[str, ...]) -> tuple[str, ...]:
        return ("no-such-findmnt", *argv[1:]) if argv[0] == "findmnt" else argv

    path = tmp_path / "fstab"
    path.write_bytes(b"a")
    replaced = replace_file(
        OtherTransport(without_findmnt),
        str(path),
        before_sha256=sha256(b"a"),
        after=b"b",
        validator="fstab",
        backup_directory=backups,
    )
    assert replaced.validation == "not checked: This needs `no-such-findmnt`, which isn't installed."
    assert path.read_bytes() == b"b"


def test_a_cancel_leaves_the_file_and_nothing_beside_it(tmp_path: Path, backups: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old\n")
    cancel = Cancel()

    def cancel_at_the_write(argv: tuple[str, ...]) -> tuple[str, ...]:
        if argv[0] == "dd":
            cancel.set()
        return argv

    with pytest.raises(StepError, match="cancelled"):
        replace_file(
            OtherTransport(cancel_at_the_write),
            str(path),
            before_sha256=sha256(b"old\n"),
            after=b"new\n",
            backup_directory=backups,
            cancel=cancel,
        )
    assert path.read_bytes() == b"old\n"
    assert candidates(tmp_path) == []


@pytest.mark.parametrize(("program", "may_have_changed"), [("dd", False), ("mv", True)])
def test_a_lost_connection_says_whether_the_file_may_have_changed(
    tmp_path: Path, backups: str, program: str, *, may_have_changed: bool
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old\n")

    def lose(argv: tuple[str, ...]) -> tuple[str, ...] | Completed:
        if argv[0] == program and ".sayso-" in " ".join(argv):
            return Completed(argv, "lost", None, None, b"", b"", 0, 0, 0.0)
        return argv

    with pytest.raises(EditCutOffError) as caught:
        replace_file(
            OtherTransport(lose),
            str(path),
            before_sha256=sha256(b"old\n"),
            after=b"new\n",
            backup_directory=backups,
        )
    assert caught.value.may_have_changed is may_have_changed


@needs_root
def test_root_does_not_write_where_somebody_else_can_swap_files(tmp_path: Path, backups: str) -> None:
    theirs = tmp_path / "theirs"
    (theirs / "deep").mkdir(parents=True)
    path = theirs / "deep" / "file"
    path.write_bytes(b"old\n")
    (tmp_path / "way").symlink_to(theirs)
    for owner, group, mode in ((12345, 0, 0o755), (0, 5, 0o775), (0, 0, 0o757)):
        os.chown(theirs, owner, group)
        theirs.chmod(mode)
        for name in (path, tmp_path / "way" / "deep" / "file"):
            with pytest.raises(StepError, match="swap files"):
                replace_file(
                    LocalTransport(),
                    str(name),
                    before_sha256=sha256(b"old\n"),
                    after=b"new\n",
                    backup_directory=backups,
                )
    assert path.read_bytes() == b"old\n"


@needs_root
def test_an_account_edits_its_own_file_and_cannot_edit_others(backups: str) -> None:
    directory = Path(tempfile.mkdtemp())
    try:
        directory.chmod(0o777)
        (directory / "theirs").write_bytes(b"old\n")
        (directory / "own").write_bytes(b"old\n")
        shutil.chown(directory / "own", "nobody", "nogroup")
        store = str(directory / "store")
        replace_file(
            LocalTransport(),
            str(directory / "own"),
            before_sha256=sha256(b"old\n"),
            after=b"new\n",
            as_user="nobody",
            backup_directory=store,
        )
        assert ((directory / "own").read_bytes(), (directory / "own").owner()) == (b"new\n", "nobody")
        assert Path(store).owner() == "nobody"
        with pytest.raises(StepError, match=r"belongs to root|Permission denied|denied"):
            replace_file(
                LocalTransport(),
                str(directory / "theirs"),
                before_sha256=sha256(b"old\n"),
                after=b"new\n",
                as_user="nobody",
                backup_directory=store,
            )
        assert ((directory / "theirs").read_bytes(), (directory / "theirs").owner()) == (b"old\n", "root")
        directory.chmod(0o755)
        with pytest.raises(StepError, match="Permission denied") as caught:
            replace_file(
                LocalTransport(),
                str(directory / "own"),
                before_sha256=sha256(b"new\n"),
                after=b"newer\n",
                as_user="nobody",
                backup_directory=store,
            )
        assert "permissions" in caught.value.remedy
        assert (directory / "own").read_bytes() == b"new\n"
    finally:
        shutil.rmtree(directory)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 64 KiB."""
    directory = tempfile.mkdtemp(dir="/mnt")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "tmpfs", directory], check=False)
    if mounted.returncode != 0:
        Path(directory).rmdir()
        pytest.skip("mounting isn't allowed here")
    try:
        yield Path(directory)
    finally:
        subprocess.run(["umount", directory], check=True)
        Path(directory).rmdir()


@needs_root
def test_a_full_disk_leaves_the_file_whole(small_disk: Path, backups: str) -> None:
    path = small_disk / "file"
    path.write_bytes(b"old\n")
    with pytest.raises(StepError, match="No space left") as caught:
        replace_file(
            LocalTransport(),
            str(path),
            before_sha256=sha256(b"old\n"),
            after=b"x" * 100_000,
            backup_directory=backups,
        )
    assert "Free some space" in caught.value.remedy
    assert path.read_bytes() == b"old\n"
    assert list(small_disk.iterdir()) == [path]


@needs_root
def test_a_read_only_file_system_is_said(small_disk: Path, backups: str) -> None:
    path = small_disk / "file"
    path.write_bytes(b"old\n")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StepError, match="Read-only file system"):
        replace_file(LocalTransport(), str(path), before_sha256=sha256(b"old\n"), after=b"x", backup_directory=backups)


def test_a_directory_that_does_not_exist_is_said(transport: Transport, tmp_path: Path, backups: str) -> None:
    with pytest.raises(StepError, match="No such file"):
        replace_file(transport, str(tmp_path / "no" / "file"), before_sha256=None, after=b"x", backup_directory=backups)


def test_a_lost_backup_is_no_model(tmp_path: Path, backups: str) -> None:
    with pytest.raises(StepError, match="is gone"):
        replace_file(
            LocalTransport(),
            str(tmp_path / "new"),
            before_sha256=None,
            after=b"x",
            backup_directory=backups,
            like=str(tmp_path / "gone"),
        )
    assert list(tmp_path.iterdir()) == []


@needs_root
def test_backups_lie_with_the_account_that_acts() -> None:
    local = LocalTransport()
    assert default_store(FileHost(local)) == "/var/lib/sayso/backups"
    assert default_store(FileHost(local, "root")) == "/var/lib/sayso/backups"
    home = pwd.getpwnam("nobody").pw_dir
    assert default_store(FileHost(local, "nobody")) == f"{home}/.local/state/sayso/backups"
    with pytest.raises(StepError, match="no account"):
        default_store(FileHost(local, "no-such-account"))


def default_store(host: FileHost) -> str:
    return _default_backup_directory(host, is_root=acts_as_root(host))
