"""This machine as a transport: real processes, accounts and signals."""

import os
import resource
import shutil
import stat
import subprocess
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from executors.accounts import NOT_ALLOWED_PREFIXES, sudo_error
from executors.local import LocalTransport
from executors.programs import find_program
from executors.transport import ENVIRONMENT, OUTPUT_LIMIT_BYTES, Cancel, Transport
from intents.errors import StepError

LARGE_BYTES = 300 * 1024 * 1024

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: other accounts, files owned by root")


def is_alive(process_id: int) -> bool:
    """Whether a process runs; one that waits to be reaped by its new parent doesn't."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until_gone(process_id: int) -> None:
    deadline = time.monotonic() + 5
    while is_alive(process_id):
        assert time.monotonic() < deadline, f"process {process_id} is still there"
        threading.Event().wait(0.01)


@pytest.fixture
def transport() -> Transport:
    return LocalTransport()


@pytest.fixture
def root_directory() -> Iterator[Path]:
    """A directory in which programs could be trusted: every directory above it is root's."""
    path = Path(tempfile.mkdtemp(dir="/root"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def make_program(path: Path, *, mode: int = 0o755) -> Path:
    path.write_bytes(b"#!/bin/sh\nexit 0\n")
    path.chmod(mode)
    return path


def test_output_and_exit_code_come_back(transport: Transport) -> None:
    completed = transport.run(["sh", "-c", "printf out; printf err >&2; exit 7"])
    assert (completed.ending, completed.exit_code, completed.signal) == ("exited", 7, None)
    assert (completed.stdout, completed.stderr) == (b"out", b"err")
    assert completed.argv == ("sh", "-c", "printf out; printf err >&2; exit 7")
    assert not completed.is_truncated


def test_words_reach_the_program_as_they_are(transport: Transport) -> None:
    words = ["a b", "$HOME", "`id`", "'", '"', "*", "", "a\nb", "\udcff", "-n", ";", "é"]
    completed = transport.run(["printf", "%s\\0", *words])
    assert completed.stdout.split(b"\0")[:-1] == [os.fsencode(word) for word in words]


def test_environment_is_the_fixed_one(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD_NOT", "x")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("HOME", "/nonexistent")
    login = transport.login()
    found = dict(pair.split("=", 1) for pair in transport.run(["env", "-0"]).stdout.decode().split("\0")[:-1])
    assert found == {**ENVIRONMENT, "HOME": login.home, "USER": login.user, "LOGNAME": login.user}
    assert found["LC_ALL"] == "C.UTF-8"


def test_commands_start_in_the_root_directory(transport: Transport) -> None:
    assert transport.run(["pwd"]).stdout == b"/\n"


def test_commands_have_no_terminal_and_a_session_of_their_own(transport: Transport) -> None:
    fields = transport.run(["cat", "/proc/self/stat"]).stdout.rsplit(b")", 1)[1].split()
    session, terminal = int(fields[3]), int(fields[4])
    assert session != os.getsid(0)
    assert terminal == 0


def test_a_fake_program_in_the_current_directory_or_path_is_never_run(
    transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "df"
    fake.write_text("#!/bin/sh\necho fake\n", encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert subprocess.run(["df"], check=True, capture_output=True).stdout == b"fake\n"
    completed = transport.run(["df", "/"])
    assert completed.exit_code == 0
    assert b"Filesystem" in completed.stdout
    for named in ("./df", str(fake), "../bin/df"):
        with pytest.raises(StepError, match="directory for the system's programs"):
            transport.run([named])


def test_missing_program_says_its_name(transport: Transport) -> None:
    with pytest.raises(StepError, match="needs `no-such-program`, which isn't installed") as caught:
        transport.run(["no-such-program", "-a"])
    assert "Install" in caught.value.remedy
    assert caught.value.host == "local"


def test_nul_in_an_argument_is_refused(transport: Transport) -> None:
    with pytest.raises(StepError, match="NUL"):
        transport.run(["echo", "a\0b"])


def test_stdin_reaches_the_program_whole(transport: Transport) -> None:
    content = os.urandom(1 << 20)
    assert transport.run(["cat"], stdin=content).stdout == content
    assert transport.run(["cat"], stdin=b"").stdout == b""


def test_stdin_is_empty_when_none_is_given(transport: Transport) -> None:
    completed = transport.run(["cat"], timeout_s=5)
    assert (completed.ending, completed.stdout) == ("exited", b"")


def test_stdin_that_nobody_reads_does_no_harm(transport: Transport) -> None:
    assert transport.run(["true"], stdin=b"x" * (1 << 20)).exit_code == 0


def test_a_large_file_as_stdin_is_streamed(transport: Transport, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as made:
        made.truncate(LARGE_BYTES)
    with path.open("rb") as source:
        source.seek(5)
        tracemalloc.start()
        completed = transport.run(["wc", "-c"], stdin=source)
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert int(completed.stdout) == LARGE_BYTES - 5, "from where it stands to its end"
    assert peak_bytes < 8 * 1024 * 1024


def test_a_file_that_nobody_reads_to_its_end_does_no_harm(transport: Transport, tmp_path: Path) -> None:
    path = tmp_path / "content"
    path.write_bytes(b"first\n" + bytes(5_000_000))
    with path.open("rb") as source:
        completed = transport.run(["head", "-n", "1"], stdin=source)
    assert (completed.exit_code, completed.stdout) == (0, b"first\n")


def test_long_output_is_counted_and_cut_within_bounded_memory(transport: Transport) -> None:
    size_bytes = 200 * 1024 * 1024
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    completed = transport.run(["head", "-c", str(size_bytes), "/dev/zero"])
    assert completed.exit_code == 0
    assert completed.stdout_size_bytes == size_bytes
    assert len(completed.stdout) == OUTPUT_LIMIT_BYTES
    assert completed.is_truncated
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 100 * 1024


def test_endless_output_ends_at_the_timeout(transport: Transport) -> None:
    completed = transport.run(["yes"], timeout_s=0.5)
    assert (completed.ending, completed.exit_code) == ("timeout", None)
    assert completed.stdout.startswith(b"y\ny\n")
    assert len(completed.stdout) <= OUTPUT_LIMIT_BYTES
    assert completed.duration_s < 2


def test_both_streams_are_drained_at_once(transport: Transport) -> None:
    script = "head -c 5000000 /dev/zero >&2; head -c 5000000 /dev/zero"
    completed = transport.run(["sh", "-c", script], timeout_s=20)
    assert (completed.stdout_size_bytes, completed.stderr_size_bytes) == (5_000_000, 5_000_000)


def test_output_is_told_as_it_comes(transport: Transport) -> None:
    cancel = Cancel()
    seen: list[bytes] = []

    def on_output(chunk: bytes) -> None:
        seen.append(chunk)
        cancel.set()

    completed = transport.run(["sh", "-c", "echo early; sleep 60"], cancel=cancel, on_output=on_output, timeout_s=30)
    assert completed.ending == "cancelled"
    assert seen == [b"early\n"]
    assert completed.duration_s < 10


def test_an_error_of_the_listener_ends_the_command(transport: Transport) -> None:
    seen: list[int] = []

    def on_output(chunk: bytes) -> None:
        seen.append(int(chunk))
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        transport.run(["sh", "-c", "echo $$; exec sleep 60"], on_output=on_output)
    assert not is_alive(seen[0])


def test_timeout_ends_grandchildren_that_ignore_a_polite_request(transport: Transport) -> None:
    script = "(trap '' TERM; echo $(exec sh -c 'echo $PPID'); while :; do sleep 1; done) & wait"
    completed = transport.run(["sh", "-c", script], timeout_s=0.5)
    assert completed.ending == "timeout"
    assert completed.duration_s < 5
    wait_until_gone(int(completed.stdout.split()[0]))


def test_a_background_child_that_holds_the_pipes_keeps_nobody_waiting(transport: Transport) -> None:
    completed = transport.run(["sh", "-c", "sleep 30 & echo $!"], timeout_s=20)
    child = int(completed.stdout)
    try:
        assert (completed.ending, completed.exit_code) == ("exited", 0)
        assert completed.duration_s < 5
        assert is_alive(child), "what a command leaves behind goes on"
    finally:
        os.kill(child, 9)


def test_a_command_that_closes_its_streams_is_waited_for(transport: Transport) -> None:
    completed = transport.run(["sh", "-c", "exec >&- 2>&-; sleep 0.3; exit 3"])
    assert completed.exit_code == 3
    assert completed.duration_s >= 0.3


def test_cancel_ends_the_command(transport: Transport) -> None:
    cancel = Cancel()
    timer = threading.Timer(0.2, cancel.set)
    timer.start()
    completed = transport.run(["sleep", "60"], cancel=cancel)
    timer.join()
    assert (completed.ending, completed.exit_code, completed.signal) == ("cancelled", None, 15)
    assert completed.duration_s < 10


def test_a_set_cancel_starts_nothing(transport: Transport, tmp_path: Path) -> None:
    cancel = Cancel()
    cancel.set()
    completed = transport.run(["touch", str(tmp_path / "made")], cancel=cancel, uninterruptible=True)
    assert completed.ending == "cancelled"
    assert not (tmp_path / "made").exists()


def test_an_uninterruptible_command_ends_by_itself(transport: Transport) -> None:
    cancel = Cancel()
    completed = transport.run(
        ["sh", "-c", "echo go; sleep 0.3; echo done"],
        cancel=cancel,
        uninterruptible=True,
        on_output=lambda _: cancel.set(),
    )
    assert (completed.ending, completed.stdout) == ("exited", b"go\ndone\n")


def test_an_uninterruptible_command_still_has_its_timeout(transport: Transport) -> None:
    assert transport.run(["sleep", "60"], uninterruptible=True, timeout_s=0.2).ending == "timeout"


def test_a_command_ended_by_a_signal_says_so(transport: Transport) -> None:
    completed = transport.run(["sh", "-c", "kill -SEGV $$"])
    assert (completed.ending, completed.exit_code, completed.signal) == ("signalled", None, 11)


def test_login_is_the_own_account_and_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    login = LocalTransport().login()
    assert (login.uid, login.directory) == (os.geteuid(), str(tmp_path))
    assert Path(login.home).is_absolute()


def test_an_unknown_account_is_refused(transport: Transport) -> None:
    with pytest.raises(StepError, match="no account 'nobody-of-that-name'"):
        transport.run(["id"], as_user="nobody-of-that-name")


@needs_root
def test_root_takes_on_another_account_with_its_groups_and_home(transport: Transport) -> None:
    completed = transport.run(["env", "-0"], as_user="nobody")
    found = dict(pair.split("=", 1) for pair in completed.stdout.decode().split("\0")[:-1])
    assert (found["USER"], found["LOGNAME"]) == ("nobody", "nobody")
    assert found["HOME"] != "/root"
    groups = subprocess.run(["id", "-G", "nobody"], check=True, capture_output=True, text=True).stdout
    assert transport.run(["id", "-u"], as_user="nobody").stdout == transport.run(["id", "-u", "nobody"]).stdout
    assert transport.run(["id", "-G"], as_user="nobody").stdout.decode() == groups
    status = transport.run(["cat", "/proc/self/status"], as_user="nobody").stdout.decode()
    assert "CapEff:\t0000000000000000" in status


@needs_root
def test_the_group_of_another_account_is_ended_too(transport: Transport) -> None:
    completed = transport.run(["sleep", "60"], as_user="nobody", timeout_s=0.2)
    assert (completed.ending, completed.signal) == ("timeout", 15)


@needs_root
def test_root_as_root_runs_directly(transport: Transport) -> None:
    assert transport.run(["id", "-u"], as_user="root").stdout == b"0\n"


@needs_root
def test_a_trusted_program_is_found_through_links(root_directory: Path) -> None:
    make_program(root_directory / "real")
    (root_directory / "alias").symlink_to("real")
    (root_directory / "loop").symlink_to("loop")
    assert find_program("alias", directories=[str(root_directory)]) == str(root_directory / "alias")
    with pytest.raises(StepError, match="circle"):
        find_program("loop", directories=[str(root_directory)])


@needs_root
@pytest.mark.parametrize("mode", [0o775, 0o757, 0o644, 0o4777])
def test_a_program_that_others_can_write_or_nobody_can_run_is_not_trusted(root_directory: Path, mode: int) -> None:
    make_program(root_directory / "tool", mode=mode)
    with pytest.raises(StepError, match="can't be trusted"):
        find_program("tool", directories=[str(root_directory)])


@needs_root
def test_a_program_of_somebody_else_is_passed_over_for_the_real_one(root_directory: Path) -> None:
    os.chown(make_program(root_directory / "df"), 12345, 12345)
    with pytest.raises(StepError, match="12345"):
        find_program("df", directories=[str(root_directory)])
    assert find_program("df", directories=[str(root_directory), "/usr/bin"]) == "/usr/bin/df"


@needs_root
def test_a_directory_that_others_can_write_is_not_trusted(root_directory: Path, tmp_path: Path) -> None:
    inner = root_directory / "bin"
    inner.mkdir()
    make_program(inner / "tool")
    (root_directory / "way").symlink_to(inner / "tool")
    inner.chmod(inner.stat().st_mode | stat.S_IWOTH)
    for name, directory in (("tool", inner), ("way", root_directory)):
        with pytest.raises(StepError, match="writable by others"):
            find_program(name, directories=[str(directory)])


@needs_root
def test_a_link_into_a_directory_of_somebody_else_is_not_trusted(root_directory: Path) -> None:
    theirs = root_directory / "theirs"
    theirs.mkdir()
    (theirs / "step").symlink_to("/usr/bin/df")
    os.chown(theirs, 12345, 12345)
    (root_directory / "df").symlink_to(theirs / "step")
    with pytest.raises(StepError, match="12345"):
        find_program("df", directories=[str(root_directory)])


@pytest.mark.parametrize(
    ("stderr", "sentence", "remedy"),
    [
        (b"sudo: a password is required\n", "sudo wants a password", "Run `sudo -v`"),
        (
            b"sudo: a terminal is required to read the password; either use the -S option\n",
            "sudo wants a password",
            "Run `sudo -v`",
        ),
        (
            b"Sorry, user nobody is not allowed to execute '/usr/bin/df' as root on web1.\n",
            "not allowed to execute",
            "`sudo -l`",
        ),
        (b"sudo: unknown user \x1b[2Jx\n", "unknown user", "`sudo -l`"),
    ],
)
def test_what_sudo_says_becomes_a_sentence(stderr: bytes, sentence: str, remedy: str) -> None:
    # As sudo 1.9.13 writes them.
    assert stderr.startswith(NOT_ALLOWED_PREFIXES)
    error = sudo_error(stderr, as_user="root", host="local", argv=("df",))
    assert sentence in error.message
    assert remedy in error.remedy
    assert "\x1b" not in str(error)
    assert error.exit_code == 1


@needs_root
def test_a_command_of_root_that_writes_like_sudo_is_no_sudo_error(transport: Transport) -> None:
    completed = transport.run(["sh", "-c", "echo 'sudo: a password is required' >&2; exit 1"], as_user="root")
    assert completed.exit_code == 1
