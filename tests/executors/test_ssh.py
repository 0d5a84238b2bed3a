"""SSH against a real sshd on loopback: how commands end, whose key is trusted, what a fault becomes."""

import inspect
import os
import resource
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from executors.ssh import SshTransport
from executors.ssh_address import HostAddress
from executors.ssh_connection import CIPHERS, DIGESTS, KEY_EXCHANGES
from executors.ssh_errors import REMEDIES, target_error
from executors.ssh_known_hosts import KnownHosts
from executors.transport import ENVIRONMENT, OUTPUT_LIMIT_BYTES, Cancel, Completed
from intents.errors import StepError, TargetError, UnreachableError
from tests.support.sshd import MISSING, Sshd, free_port, make_key, running_sshd
from tests.support.waiting import comes_true

pytestmark = [pytest.mark.sshd, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

LARGE_BYTES = 300 * 1024 * 1024
ADDRESS = HostAddress("web1", "192.0.2.1", 22, "admin", (), ("/nowhere/known_hosts",), 1.0)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """One server for the tests that leave it as it is."""
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def own_sshd(tmp_path: Path) -> Iterator[Sshd]:
    """A server for a test that changes it."""
    with running_sshd(tmp_path / "sshd") as server:
        yield server


@pytest.fixture
def ssh(sshd: Sshd) -> Iterator[SshTransport]:
    transport = SshTransport(sshd.address)
    yield transport
    transport.close()


def _processes_with(word: str) -> list[int]:
    """Return the running processes that have `word` as an argument of their own (a shell's -c text doesn't count)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (
                word.encode() in (folder / "cmdline").read_bytes().split(b"\0")
                and b"Z" not in (folder / "stat").read_bytes().rpartition(b")")[2][:3]
            ):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _sleep_seconds() -> str:
    """Return a long sleep that no other test has, so that its process can be found."""
    return f"{300 + secrets.randbelow(1 << 40) / (1 << 40):.12f}"


def _run_in_thread(
    ssh: SshTransport, argv: list[str], cancel: Cancel | None = None
) -> tuple[threading.Thread, list[Completed]]:
    results: list[Completed] = []
    thread = threading.Thread(target=lambda: results.append(ssh.run(argv, timeout_s=60, cancel=cancel)))
    thread.start()
    return thread, results


@pytest.mark.parametrize(
    ("argv", "code"), [(["true"], 0), (["false"], 1), (["expr", "a", "+", "1"], 2), (["env", "--nope"], 125)]
)
def test_exit_codes_come_through(ssh: SshTransport, argv: list[str], code: int) -> None:
    done = ssh.run(argv)
    assert (done.ending, done.exit_code, done.signal) == ("exited", code, None)


def test_arguments_arrive_byte_for_byte(ssh: SshTransport) -> None:
    words = [
        "",
        "a b",
        "it's",
        '"',
        "$(id)",
        "`id`",
        "$HOME",
        "\\",
        "\\\\",
        "a\nb",
        "-n",
        "*",
        "é😀",
        "~",
        "!x",
        "caf\udce9",
        "x=y",
    ]
    done = ssh.run(["printf", "%s\\0", *words])
    assert [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]] == words


def test_three_megabytes_of_input_come_back(ssh: SshTransport) -> None:
    data = secrets.token_bytes(3 * 1024 * 1024)
    done = ssh.run(["cat"], stdin=data)
    assert done.stdout == data
    assert done.exit_code == 0


def test_a_large_file_as_input_is_streamed(ssh: SshTransport, tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as made:
        made.truncate(LARGE_BYTES)
    ssh.run(["true"])
    with (tmp_path / "large").open("rb") as source:
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        done = ssh.run(["wc", "-c"], stdin=source, timeout_s=100)
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert int(done.stdout) == LARGE_BYTES
    assert grown_kib < 32 * 1024


def test_a_file_for_a_command_that_stops_reading_is_no_fault(ssh: SshTransport, tmp_path: Path) -> None:
    path = tmp_path / "content"
    path.write_bytes(b"first\n" + bytes(5_000_000))
    with path.open("rb") as source:
        done = ssh.run(["head", "-n", "1"], stdin=source, timeout_s=20)
    assert (done.exit_code, done.stdout) == (0, b"first\n")


def test_without_input_the_command_reads_the_end_of_the_file(ssh: SshTransport) -> None:
    done = ssh.run(["cat"], timeout_s=10)
    assert (done.ending, done.stdout) == ("exited", b"")


def test_input_for_a_command_that_does_not_read_it_is_no_fault(ssh: SshTransport) -> None:
    assert ssh.run(["true"], stdin=bytes(5_000_000), timeout_s=20).exit_code == 0


def test_five_megabytes_on_both_streams_at_once(ssh: SshTransport, tmp_path: Path) -> None:
    size = 5 * 1024 * 1024
    (tmp_path / "data").write_bytes(bytes(size))
    # tee copies to stdout and to the file given, which is stderr here.
    done = ssh.run(["tee", "/dev/stderr"], stdin=(tmp_path / "data").read_bytes(), timeout_s=60)
    assert (len(done.stdout), len(done.stderr), done.exit_code) == (size, size, 0)


def test_output_beyond_the_limit_is_counted_and_dropped(ssh: SshTransport) -> None:
    size = OUTPUT_LIMIT_BYTES + 1_000_000
    done = ssh.run(["head", "-c", str(size), "/dev/zero"], timeout_s=60)
    assert (len(done.stdout), done.stdout_size_bytes, done.is_truncated) == (OUTPUT_LIMIT_BYTES, size, True)


def test_a_flood_without_end_is_ended_at_the_deadline(ssh: SshTransport) -> None:
    done = ssh.run(["yes"], timeout_s=1)
    assert done.ending == "timeout"
    assert len(done.stdout) <= OUTPUT_LIMIT_BYTES


def test_output_is_passed_on_as_it_comes(ssh: SshTransport) -> None:
    parts: list[bytes] = []
    done = ssh.run(["seq", "3"], on_output=parts.append)
    assert b"".join(parts) == done.stdout == b"1\n2\n3\n"


def test_the_environment_is_ours_with_home_and_user(ssh: SshTransport) -> None:
    variables = dict(entry.split("=", 1) for entry in ssh.run(["env", "-0"]).stdout.decode().split("\0") if entry)
    assert {name: variables.pop(name) for name in ENVIRONMENT} == ENVIRONMENT
    assert set(variables) == {"HOME", "USER"}


def test_the_login_is_the_account_on_the_host(ssh: SshTransport) -> None:
    login = ssh.login()
    assert (login.uid, login.user) == (os.getuid(), ssh.run(["id", "-un"]).stdout.decode().strip())
    assert login.home == str(Path("~").expanduser())
    assert Path(login.directory).is_absolute()


def test_a_signal_is_not_taken_for_a_lost_connection(ssh: SshTransport) -> None:
    seconds = _sleep_seconds()
    thread, results = _run_in_thread(ssh, ["sleep", seconds])
    assert comes_true(lambda: bool(_sleeping(seconds)))
    for pid in _sleeping(seconds):
        os.kill(pid, signal.SIGKILL)
    thread.join(20)
    assert (results[0].ending, results[0].signal, results[0].exit_code) == ("signalled", signal.SIGKILL, None)


def _sleeping(seconds: str) -> list[int]:
    return [pid for pid in _processes_with(seconds) if _processes_with("sleep") and _is_sleep(pid)]


def _is_sleep(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text() == "sleep\n"
    except OSError:
        return False


def test_a_timeout_ends_the_command_on_the_host(ssh: SshTransport) -> None:
    seconds = _sleep_seconds()
    done = ssh.run(["sleep", seconds], timeout_s=1)
    assert (done.ending, done.exit_code) == ("timeout", None)
    assert done.duration_s < 8
    assert comes_true(lambda: not _processes_with(seconds), within_s=2)


@pytest.mark.parametrize(
    "wrapper", [["env", "--ignore-signal=TERM"], ["timeout", "--foreground", "400"]], ids=["deaf", "child"]
)
def test_a_timeout_also_ends_what_ignores_a_polite_request_and_children(ssh: SshTransport, wrapper: list[str]) -> None:
    seconds = _sleep_seconds()
    done = ssh.run([*wrapper, "sleep", seconds], timeout_s=1)
    assert done.ending == "timeout"
    assert comes_true(lambda: not _processes_with(seconds), within_s=3)


def test_a_cancel_ends_the_command_on_the_host(ssh: SshTransport) -> None:
    seconds, cancel = _sleep_seconds(), Cancel()
    thread, results = _run_in_thread(ssh, ["sleep", seconds], cancel)
    assert comes_true(lambda: bool(_sleeping(seconds)))
    cancel.set()
    thread.join(20)
    assert results[0].ending == "cancelled"
    assert comes_true(lambda: not _processes_with(seconds), within_s=2)


def test_a_command_is_not_left_running_when_taking_its_output_fails(ssh: SshTransport) -> None:
    seconds = _sleep_seconds()

    def fail(data: bytes) -> None:
        raise RuntimeError(data)

    with pytest.raises(RuntimeError):
        ssh.run(["tail", "-f", "-s", seconds, "/etc/passwd"], on_output=fail)
    assert comes_true(lambda: not _processes_with(seconds), within_s=3)


def test_paramiko_is_loaded_only_when_a_host_is_reached() -> None:
    code = "import sys, executors.ssh, executors.inventory; sys.exit('paramiko' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0


def test_a_timeout_ends_the_command_also_where_only_one_session_is_allowed(tmp_path: Path) -> None:
    seconds = _sleep_seconds()
    with running_sshd(tmp_path / "sshd", settings=("MaxSessions 1",)) as server:
        ssh = SshTransport(server.address)
        assert ssh.run(["sleep", seconds], timeout_s=1).ending == "timeout"
        assert comes_true(lambda: not _processes_with(seconds), within_s=2)
        ssh.close()


def test_a_command_goes_beside_another_where_only_one_session_is_allowed(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "sshd", settings=("MaxSessions 1",)) as server:
        ssh = SshTransport(server.address)
        cancel = Cancel()
        started = threading.Event()
        holder = threading.Thread(
            target=lambda: ssh.run(
                ["tail", "-f", "/etc/passwd"], cancel=cancel, on_output=lambda _data: started.set(), timeout_s=30
            )
        )
        holder.start()
        assert started.wait(10)
        assert [ssh.run(["true"]).exit_code for _ in range(3)] == [0, 0, 0]
        assert ssh._further, "by another connection, for the lock keeps the first one's only session"
        cancel.set()
        holder.join()
        ssh.close()


def test_a_server_that_freezes_midway_is_given_up_and_replaced(own_sshd: Sshd) -> None:
    ssh = SshTransport(own_sshd.address_with(connect_timeout_s=1.0))
    assert ssh.run(["true"]).exit_code == 0
    own_sshd.freeze_connections()
    started = time.monotonic()
    assert ssh.run(["true"], timeout_s=5).exit_code == 0
    assert time.monotonic() - started < 6
    ssh.close()


def test_an_uninterruptible_command_ends_by_itself_after_a_cancel(ssh: SshTransport) -> None:
    cancel, parts = Cancel(), []

    def cancel_at_first_output(data: bytes) -> None:
        parts.append(data)
        cancel.set()

    done = ssh.run(["seq", "100000"], cancel=cancel, uninterruptible=True, on_output=cancel_at_first_output)
    assert (done.ending, done.exit_code) == ("exited", 0)
    assert b"".join(parts).endswith(b"100000\n")


def test_a_cancel_that_is_already_set_starts_nothing() -> None:
    cancel = Cancel()
    cancel.set()
    assert SshTransport(ADDRESS).run(["true"], cancel=cancel).ending == "cancelled"


def test_a_connection_that_goes_away_midway_is_lost_and_the_next_command_connects_again(own_sshd: Sshd) -> None:
    ssh, seconds = SshTransport(own_sshd.address), _sleep_seconds()
    thread, results = _run_in_thread(ssh, ["sleep", seconds])
    assert comes_true(lambda: bool(_sleeping(seconds)))
    own_sshd.kill_connections()
    thread.join(20)
    for pid in _sleeping(seconds):
        os.kill(pid, signal.SIGKILL)
    assert (results[0].ending, results[0].exit_code, results[0].signal) == ("lost", None, None)
    assert ssh.run(["true"]).exit_code == 0
    ssh.close()


def test_one_connection_serves_all_commands_also_at_once(own_sshd: Sshd) -> None:
    ssh = SshTransport(own_sshd.address)
    ssh.run(["true"])
    threads = [_run_in_thread(ssh, ["printf", str(number)]) for number in range(5)]
    for thread, _ in threads:
        thread.join(20)
    assert [results[0].stdout for _, results in threads] == [b"0", b"1", b"2", b"3", b"4"]
    ssh.close()
    log = (own_sshd.directory / "sshd.log").read_text()
    assert log.count("Accepted publickey") == 1


def test_a_background_child_that_holds_the_streams_does_not_hold_the_answer(ssh: SshTransport) -> None:
    seconds = _sleep_seconds()
    done = ssh.run(["setsid", "--fork", "sleep", seconds], timeout_s=20)
    for pid in _sleeping(seconds):
        os.kill(pid, signal.SIGKILL)
    assert (done.ending, done.exit_code) == ("exited", 0)
    assert done.duration_s < 10


def test_a_missing_program_is_a_step_error(ssh: SshTransport) -> None:
    with pytest.raises(StepError, match="needs `no-such-program`, which isn't installed on target") as caught:
        ssh.run(["no-such-program", "x"])
    assert (caught.value.exit_code, caught.value.host) == (127, "target")


@pytest.mark.parametrize(
    "program", ["/tmp/evil", "./evil", "../bin/ls", "/ls", "a=b", "-x", "", "/usr/bin/../../tmp/x"]
)
def test_a_program_outside_the_trusted_folders_is_refused_unsent(program: str) -> None:
    with pytest.raises(StepError, match="not a program of the trusted folders"):
        SshTransport(ADDRESS).run([program])


def test_a_nul_and_an_oversized_command_are_refused(ssh: SshTransport) -> None:
    with pytest.raises(StepError, match="NUL"):
        ssh.run(["printf", "a\0b"])
    with pytest.raises(StepError, match="bytes long"):
        ssh.run(["printf", "x" * 200_000])


def test_acting_as_the_account_of_the_login_needs_no_sudo(ssh: SshTransport) -> None:
    done = ssh.run(["id", "-un"], as_user=ssh.login().user)
    assert done.stdout.decode().strip() == ssh.login().user


@pytest.mark.parametrize("account", ["-u", "#0", "a b", "x;y"])
def test_an_account_that_is_no_name_is_refused(ssh: SshTransport, account: str) -> None:
    with pytest.raises(StepError, match="not an account's name"):
        ssh.run(["id"], as_user=account)


def test_an_account_that_sudo_does_not_give_is_a_step_error(ssh: SshTransport) -> None:
    with pytest.raises(StepError, match="no-such-account") as caught:
        ssh.run(["id"], as_user="no-such-account")
    assert "sudo" in caught.value.remedy


def test_a_sudo_that_wants_a_password_is_told_as_that(ssh: SshTransport) -> None:
    completed = Completed(("id",), "exited", 1, None, b"", b"", 0, 0, 0.1)
    error = ssh._not_let_through(b"sudo: a password is required\n", completed, "root")
    assert isinstance(error, StepError)
    assert "for which sudo wants a password" in error.message
    assert "NOPASSWD" in error.remedy


def test_noise_of_the_login_is_not_output(tmp_path: Path) -> None:
    noise = tmp_path / "noisy"
    noise.write_text('#!/bin/sh\necho noise; echo noise >&2; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n')
    noise.chmod(0o755)
    with running_sshd(tmp_path / "sshd", settings=(f"ForceCommand {noise}",)) as server:
        ssh = SshTransport(server.address)
        done = ssh.run(["printf", "mine"])
        ssh.close()
    assert (done.stdout, done.stderr) == (b"mine", b"")


def test_a_login_that_starts_nothing_is_a_step_error(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "sshd", settings=("ForceCommand printf '\\033[2Jnot available'; exit 1",)) as server:
        ssh = SshTransport(server.address)
        with pytest.raises(StepError, match="didn't start the command") as caught:
            ssh.run(["true"])
        ssh.close()
    assert "\x1b" not in str(caught.value)


def test_a_flood_before_the_start_is_ended_and_kept_small(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "sshd", settings=("ForceCommand exec yes",)) as server:
        ssh = SshTransport(server.address)
        done = ssh.run(["true"], timeout_s=1)
        ssh.close()
    assert (done.ending, done.stdout) == ("timeout", b"")


def test_an_unknown_host_key_is_refused_with_its_fingerprint(sshd: Sshd, tmp_path: Path) -> None:
    address = sshd.address_with(known_hosts_files=(str(tmp_path / "none"),))
    with pytest.raises(TargetError, match="is not known") as caught:
        SshTransport(address).run(["true"])
    assert not isinstance(caught.value, UnreachableError)
    assert sshd.fingerprint() in caught.value.message
    assert f"ssh -p {sshd.port}" in caught.value.remedy
    line = next(part for part in caught.value.remedy.split(": ") if part.startswith("["))
    assert line.split()[:2] == [f"[127.0.0.1]:{sshd.port}", "ssh-ed25519"]
    (tmp_path / "none").write_text(line)
    assert SshTransport(address).run(["true"]).exit_code == 0


def test_a_changed_host_key_is_refused_loudly(own_sshd: Sshd) -> None:
    own_sshd.change_host_key()
    with pytest.raises(TargetError, match=r"WARNING.*HAS CHANGED") as caught:
        SshTransport(own_sshd.address).run(["true"])
    assert own_sshd.fingerprint() in caught.value.message
    assert not isinstance(caught.value, UnreachableError)


def test_a_revoked_host_key_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    line = (sshd.directory / "known_hosts").read_text()
    (tmp_path / "known").write_text(f"{line}@revoked {line}")
    with pytest.raises(TargetError, match="HAS BEEN REVOKED"):
        SshTransport(sshd.address_with(known_hosts_files=(str(tmp_path / "known"),))).run(["true"])


def test_hashed_known_hosts_are_understood(sshd: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text((sshd.directory / "known_hosts").read_text())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True)
    assert known.read_text().startswith("|1|")
    ssh = SshTransport(sshd.address_with(known_hosts_files=(str(known),)))
    assert ssh.run(["true"]).exit_code == 0
    ssh.close()


def test_lines_that_make_no_sense_trust_nobody(tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_bytes(b"# x\n\nhost\nhost ssh-ed25519 ***\n\xff\xfe ssh-rsa AAAA\n@cert-authority * ssh-ed25519 AAAA\n")
    assert KnownHosts.load((str(known),)).judge("host", b"key") == "certified"


def test_a_wrong_login_key_is_unreachable(sshd: Sshd, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    with pytest.raises(UnreachableError, match="refused the login"):
        SshTransport(sshd.address_with(identity_files=(str(tmp_path / "other"),))).run(["true"])


def test_too_many_keys_are_told_as_that(own_sshd: Sshd, tmp_path: Path) -> None:
    for number in range(8):
        make_key(tmp_path / f"key{number}")
    files = tuple(str(tmp_path / f"key{number}") for number in range(8))
    with pytest.raises(UnreachableError, match=r"ended the connection.*6 key") as caught:
        SshTransport(own_sshd.address_with(identity_files=files)).run(["true"])
    assert "IdentityFile" in caught.value.remedy


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_other_kinds_of_keys_log_in(own_sshd: Sshd, tmp_path: Path, kind: str) -> None:
    make_key(tmp_path / "key", kind=kind)
    (own_sshd.directory / "authorized_keys").write_text((tmp_path / "key.pub").read_text())
    ssh = SshTransport(own_sshd.address_with(identity_files=(str(tmp_path / "key"),)))
    assert ssh.run(["true"]).exit_code == 0
    ssh.close()


def test_a_missing_and_an_encrypted_key_are_our_side_of_the_fault(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    make_key(tmp_path / "locked", passphrase="secret word")
    (tmp_path / "junk").write_text("junk")
    for name, said in (("locked", "is encrypted"), ("absent", "can't be read"), ("junk", "isn't a usable private key")):
        with pytest.raises(TargetError, match=said) as caught:
            SshTransport(sshd.address_with(identity_files=(str(tmp_path / name),))).run(["true"])
        assert not isinstance(caught.value, UnreachableError)


def test_an_encrypted_key_is_used_through_the_agent(
    own_sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    make_key(key)
    (own_sshd.directory / "authorized_keys").write_text((tmp_path / "key.pub").read_text())
    agent_socket = str(tmp_path / "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", agent_socket], stdout=subprocess.DEVNULL)
    try:
        assert comes_true(lambda: Path(agent_socket).exists())
        monkeypatch.setenv("SSH_AUTH_SOCK", agent_socket)
        subprocess.run(["ssh-add", "-q", str(key)], check=True, capture_output=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(key)], check=True, capture_output=True
        )
        ssh = SshTransport(own_sshd.address_with(identity_files=(str(key),)))
        assert ssh.run(["true"]).exit_code == 0
        ssh.close()
        ssh = SshTransport(own_sshd.address_with(identity_files=()))
        assert ssh.run(["env"]).stdout.count(b"SSH_AUTH_SOCK") == 0
        ssh.close()
    finally:
        agent.terminate()
        agent.wait()


def test_nobody_listening_is_unreachable_at_once(sshd: Sshd) -> None:
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="nobody listens"):
        SshTransport(sshd.address_with(port=free_port())).run(["true"])
    assert time.monotonic() - started < 3


def test_a_name_that_does_not_resolve_is_unreachable(sshd: Sshd) -> None:
    with pytest.raises(UnreachableError, match=r"can't be resolved|can't be reached"):
        SshTransport(sshd.address_with(hostname="no such host.invalid")).run(["true"])


@pytest.mark.parametrize(
    "said", [b"", b"\x1b[2J\x1b]0;owned\x07 hello\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-frozen\r\n"]
)
def test_a_server_that_never_gets_to_a_handshake_is_unreachable_in_time(
    sshd: Sshd, said: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepted: list[socket.socket] = []

        def serve() -> None:
            client, _ = listening.accept()
            accepted.append(client)
            client.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        started = time.monotonic()
        with pytest.raises(UnreachableError) as caught:
            SshTransport(sshd.address_with(port=listening.getsockname()[1], connect_timeout_s=1.0)).run(["true"])
        thread.join(10)
        accepted[0].close()
    assert time.monotonic() - started < 8
    assert "\x1b" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_black_hole_is_unreachable_after_the_connect_timeout(sshd: Sshd) -> None:
    """A listening socket with a full backlog drops further connection requests, as a black hole does."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            started = time.monotonic()
            with pytest.raises(UnreachableError, match="didn't answer within 1 s"):
                SshTransport(sshd.address_with(port=port, connect_timeout_s=1.0)).run(["true"])
    assert time.monotonic() - started < 4


def test_every_exception_of_paramiko_is_mapped() -> None:
    classes = {
        name
        for name, member in vars(paramiko.ssh_exception).items()
        if inspect.isclass(member) and issubclass(member, Exception)
    }
    assert classes == set(REMEDIES)


@pytest.mark.parametrize("name", sorted(REMEDIES))
def test_each_exception_of_paramiko_becomes_ours_with_a_remedy(name: str) -> None:
    kind = getattr(paramiko.ssh_exception, name)
    error = kind.__new__(kind)
    Exception.__init__(error, "told\x1b[2J")
    for attribute in ("code", "text", "hostname", "command", "error", "explanation", "allowed_types"):
        if not hasattr(error, attribute):
            setattr(error, attribute, "told")
    error.key = error.expected_key = paramiko.ECDSAKey.generate()
    ours = target_error(error, ADDRESS)
    assert ours.host == "web1"
    assert ours.remedy
    assert "{" not in ours.remedy
    assert "\x1b" not in str(ours)


def test_weak_algorithms_are_not_offered() -> None:
    offered = " ".join((*KEY_EXCHANGES, *CIPHERS, *DIGESTS))
    for weak in ("sha1", "md5", "3des", "cbc", "group14", "group1-"):
        assert weak not in offered
