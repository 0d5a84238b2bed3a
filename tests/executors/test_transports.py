"""What every transport holds to, over all of them: this machine, SSH by paramiko, SSH by the system's `ssh`."""

import os
import resource
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from executors.local import LocalTransport
from executors.ssh import SshTransport
from executors.transport import ENVIRONMENT, OUTPUT_LIMIT_BYTES, Cancel, Completed, Transport
from intents.errors import StepError
from tests.support.sshd import MISSING, Sshd, running_sshd
from tests.support.waiting import comes_true

NAMES = ("local", "paramiko", "openssh")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """One server for all."""
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="module", params=NAMES)
def transport(request: pytest.FixtureRequest) -> Iterator[Transport]:
    """Each transport, connected once for the tests of this file."""
    if request.param == "local":
        yield LocalTransport()
        return
    if MISSING or shutil.which("ssh") is None:
        pytest.skip(MISSING or "OpenSSH's client isn't installed")
    address = request.getfixturevalue("sshd").address
    opened = SshTransport(replace(address, transport=request.param))
    yield opened
    opened.close()


def _seconds() -> str:
    """Return a long sleep that no other test has, so that its process can be found."""
    return f"{300 + secrets.randbelow(1 << 40) / (1 << 40):.12f}"


def _sleeping(seconds: str) -> list[int]:
    """Return the processes that are the sleep itself, and none that hands it on."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            state = (folder / "stat").read_bytes().rpartition(b")")[2][:3]
            if (folder / "comm").read_text() == "sleep\n" and seconds.encode() in words and b"Z" not in state:
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _in_thread(
    transport: Transport, argv: Sequence[str], **options: object
) -> tuple[threading.Thread, list[Completed]]:
    results: list[Completed] = []
    thread = threading.Thread(target=lambda: results.append(transport.run(argv, **options)))  # type: ignore[arg-type]
    thread.start()
    return thread, results


@pytest.mark.parametrize(
    ("argv", "code"),
    [(["true"], 0), (["false"], 1), (["expr", "a", "+", "1"], 2), (["env", "sh", "-c", "exit 128"], 128), (["env", "sh", "-c", "exit 255"], 255)],
)  # fmt: skip
def test_exit_codes_come_through(transport: Transport, argv: list[str], code: int) -> None:
    done = transport.run(argv)
    assert (done.ending, done.exit_code, done.signal) == ("exited", code, None)


def test_arguments_arrive_byte_for_byte(transport: Transport) -> None:
    words = ["", "a b", "it's", '"', "$(id)", "`id`", "$HOME", "\\", "\\\\", "a\nb", "-n", "*", "é😀", "~", "!x", "\udce9", "x=y"]  # fmt: skip
    done = transport.run(["printf", "%s\\0", *words])
    assert [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]] == words


def test_three_megabytes_of_input_come_back(transport: Transport) -> None:
    data = secrets.token_bytes(3 * 1024 * 1024)
    done = transport.run(["cat"], stdin=data, timeout_s=60)
    assert (done.stdout == data, done.exit_code) == (True, 0)


def test_without_input_the_command_reads_the_end_of_the_file(transport: Transport) -> None:
    done = transport.run(["cat"], timeout_s=10)
    assert (done.ending, done.stdout) == ("exited", b"")


def test_input_that_nobody_reads_is_no_fault(transport: Transport) -> None:
    assert transport.run(["true"], stdin=bytes(5_000_000), timeout_s=20).exit_code == 0


def test_five_megabytes_on_both_streams_at_once(transport: Transport) -> None:
    size = 5 * 1024 * 1024
    done = transport.run(["tee", "/dev/stderr"], stdin=bytes(size), timeout_s=60)
    assert (len(done.stdout), len(done.stderr), done.exit_code) == (size, size, 0)


def test_a_gigabyte_of_output_takes_little_memory(transport: Transport) -> None:
    size = 1024 * 1024 * 1024 if isinstance(transport, LocalTransport) else 256 * 1024 * 1024
    transport.run(["true"])
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = transport.run(["head", "-c", str(size), "/dev/zero"], timeout_s=100)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert (done.stdout_size_bytes, len(done.stdout), done.is_truncated) == (size, OUTPUT_LIMIT_BYTES, True)
    assert grown_kib < 96 * 1024


def test_a_flood_without_end_is_ended_at_the_deadline(transport: Transport) -> None:
    done = transport.run(["yes"], timeout_s=1)
    assert (done.ending, len(done.stdout) <= OUTPUT_LIMIT_BYTES) == ("timeout", True)


def test_output_is_passed_on_as_it_comes(transport: Transport) -> None:
    parts: list[bytes] = []
    done = transport.run(["seq", "3"], on_output=parts.append)
    assert b"".join(parts) == done.stdout == b"1\n2\n3\n"


def test_what_is_complained_about_arrives_whole(transport: Transport) -> None:
    done = transport.run(["env", "sh", "-c", "printf %s abc >&2; exit 3"])
    assert (done.stderr, done.stdout, done.exit_code) == (b"abc", b"", 3)


def test_the_environment_is_ours_with_home_and_user(transport: Transport) -> None:
    variables = dict(entry.split("=", 1) for entry in transport.run(["env", "-0"]).stdout.decode().split("\0") if entry)
    assert {name: variables.pop(name) for name in ENVIRONMENT} == ENVIRONMENT
    assert set(variables) <= {"HOME", "USER", "LOGNAME"}


def test_the_login_is_the_account(transport: Transport) -> None:
    login = transport.login()
    assert (login.uid, login.home) == (os.getuid(), str(Path("~").expanduser()))
    assert transport.run(["id", "-un"], as_user=login.user).stdout.decode().strip() == login.user


def test_a_signal_is_told_with_its_number(transport: Transport) -> None:
    seconds = _seconds()
    thread, results = _in_thread(transport, ["sleep", seconds])
    assert comes_true(lambda: _sleeping(seconds))
    for pid in _sleeping(seconds):
        os.kill(pid, signal.SIGKILL)
    thread.join(20)
    assert (results[0].ending, results[0].signal, results[0].exit_code) == ("signalled", signal.SIGKILL, None)


@pytest.mark.parametrize("wrapper", [[], ["env", "--ignore-signal=TERM"], ["timeout", "--foreground", "400"]])
def test_a_timeout_ends_the_command_and_its_children(transport: Transport, wrapper: list[str]) -> None:
    seconds = _seconds()
    done = transport.run([*wrapper, "sleep", seconds], timeout_s=1)
    assert (done.ending, done.exit_code, done.duration_s < 8) == ("timeout", None, True)
    assert comes_true(lambda: not _sleeping(seconds), within_s=3)


def test_a_cancel_ends_the_command(transport: Transport) -> None:
    seconds, cancel = _seconds(), Cancel()
    thread, results = _in_thread(transport, ["sleep", seconds], cancel=cancel)
    assert comes_true(lambda: _sleeping(seconds))
    cancel.set()
    thread.join(20)
    assert results[0].ending == "cancelled"
    assert comes_true(lambda: not _sleeping(seconds), within_s=3)


def test_a_cancel_that_is_set_starts_nothing(transport: Transport) -> None:
    cancel = Cancel()
    cancel.set()
    assert transport.run(["sleep", "5"], cancel=cancel).ending == "cancelled"


def test_an_uninterruptible_command_ends_by_itself(transport: Transport) -> None:
    cancel, parts = Cancel(), []

    def cancel_at_first_output(data: bytes) -> None:
        parts.append(data)
        cancel.set()

    done = transport.run(["seq", "100000"], cancel=cancel, uninterruptible=True, on_output=cancel_at_first_output)
    assert (done.ending, b"".join(parts).endswith(b"100000\n")) == ("exited", True)


def test_several_commands_run_at_once(transport: Transport) -> None:
    threads = [_in_thread(transport, ["printf", str(number)]) for number in range(5)]
    for thread, _ in threads:
        thread.join(20)
    assert [results[0].stdout for _, results in threads] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_missing_program_is_a_step_error(transport: Transport) -> None:
    with pytest.raises(StepError, match="no-such-program"):
        transport.run(["no-such-program", "x"])


@pytest.mark.parametrize("program", ["/tmp/evil", "./evil", "../bin/ls", ""])
def test_a_program_outside_the_trusted_folders_is_refused(transport: Transport, program: str) -> None:
    with pytest.raises(StepError):
        transport.run([program])


def test_a_nul_is_refused(transport: Transport) -> None:
    with pytest.raises(StepError, match="NUL"):
        transport.run(["printf", "a\0b"])
