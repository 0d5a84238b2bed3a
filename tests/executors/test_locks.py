"""Locks on a target: two controllers exclude each other, who is refused is told by whom, and no lock outlives its holder."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from executors.local import LocalTransport
from executors.locks import (
    ROOT_DIRECTORY,
    LockedError,
    _Place,
    hold_locks,
    holder_of,
    holder_vector,
    lock_file_name,
    resources_of,
)
from executors.ssh import SshTransport
from executors.state import Target
from executors.transport import Cancel, Completed, Login, Transport
from intents.catalogue import Catalogue
from intents.errors import StepError
from tests.support.sshd import MISSING, Sshd, running_sshd

FACTS = {"userland": "gnu", "hostname": "box"}
ANN = {"user": "ann", "host": "desk", "record": "12"}
BOB = {"user": "bob", "host": "laptop", "record": "3"}
CONTROLLER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from executors.local import LocalTransport
from executors.locks import hold_locks
from executors.ssh import SshTransport
from executors.ssh_config import HostAddress
from executors.state import Target
from executors.transport import Cancel, Login
transport = {transport}
target = Target("box", transport, {facts!r}, Login(1000, "tester", {home!r}, "/"))
with hold_locks(target, ["service:nginx"], as_user=None, lease_s=60, holder={holder!r}, cancel=Cancel()) as held:
    print("held" if not held.warning else held.warning, flush=True)
    sys.stdin.read()
"""


class Counting:
    """A transport that counts what it starts, and may not find a program."""

    def __init__(self, transport: Transport, *, missing: str = "") -> None:
        self.transport = transport
        self.missing = missing
        self.started: list[tuple[str, ...]] = []

    @property
    def host(self) -> str:
        return self.transport.host

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
        self.started.append(tuple(argv))
        words = [f"{word}-that-is-missing" if word == self.missing else word for word in argv]
        return self.transport.run(
            words,
            stdin=stdin,  # type: ignore[arg-type, unused-ignore]  # whatever the transport takes
            as_user=as_user,
            timeout_s=timeout_s,
            cancel=cancel,
            on_output=on_output,
            uninterruptible=uninterruptible,
        )

    def login(self) -> Login:
        return self.transport.login()

    def close(self) -> None:
        self.transport.close()


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """This machine, with an account's locks below a directory of the test."""
    return _target(LocalTransport(), tmp_path)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    if MISSING:
        pytest.skip(MISSING)
    with running_sshd(tmp_path / "sshd") as server:
        yield server


def _target(transport: object, home: Path, **facts: str) -> Target:
    login = Login(1000, "tester", str(home), "/")
    return Target("box", transport, {**FACTS, **facts}, login)  # type: ignore[arg-type]  # real ones, and one that counts


def _hold(
    target: Target,
    *resources: str,
    holder: Mapping[str, str] = ANN,
    wait_s: float = 0.3,
    lease_s: float = 60.0,
    cancel: Cancel | None = None,
) -> "_Holding":
    return _Holding(target, resources, holder, wait_s, lease_s, cancel or Cancel())


class _Holding:
    """`hold_locks` with what these tests have in common; entering gives the warning."""

    def __init__(
        self,
        target: Target,
        resources: Sequence[str],
        holder: Mapping[str, str],
        wait_s: float,
        lease_s: float,
        cancel: Cancel,
    ) -> None:
        self._context = hold_locks(
            target, resources, as_user=None, lease_s=lease_s, holder=holder, cancel=cancel, wait_s=wait_s
        )

    def __enter__(self) -> str:
        return self._context.__enter__().warning

    def __exit__(self, *details: object) -> None:
        self._context.__exit__(None, None, None)


def _controller(home: Path, transport: str = "LocalTransport()", holder: Mapping[str, str] = BOB) -> str:
    root = str(Path(__file__).parents[2])
    return CONTROLLER.format(root=root, transport=transport, facts=FACTS, home=str(home), holder=dict(holder))


def _over_ssh(server: Sshd) -> str:
    address = server.address
    return (
        f"SshTransport(HostAddress('box', '127.0.0.1', {address.port}, {address.user!r}, {address.identity_files!r}, "
        f"{address.known_hosts_files!r}, 10.0))"
    )


def _started(program: str) -> "subprocess.Popen[bytes]":
    """Start a controller in a process of its own; return when it says that it holds."""
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def test_a_second_change_of_the_same_thing_is_refused_and_told_who_is_at_it(target: Target) -> None:
    with _hold(target, "service:nginx") as warning:
        assert warning == ""
        with pytest.raises(LockedError) as refused, _hold(target, "service:nginx", holder=BOB):
            pass
    assert refused.value.code == "locked"
    assert "service:nginx on box is being changed by ann from desk (record 12, since 20" in refused.value.message
    assert "Wait" in refused.value.remedy


def test_another_thing_is_not_locked_with_it(target: Target) -> None:
    with _hold(target, "service:nginx"), _hold(target, "service:redis") as warning:
        assert warning == ""


def test_a_lock_is_free_after_its_block_and_after_a_fault_in_it(target: Target) -> None:
    def fail() -> None:
        with _hold(target, "a"):
            raise ZeroDivisionError

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            fail()
    with _hold(target, "a", wait_s=2.0) as warning:
        assert warning == ""


def test_who_comes_second_waits_a_short_time(target: Target) -> None:
    order: list[str] = []
    entered, leave = threading.Event(), threading.Event()

    def first() -> None:
        with _hold(target, "a"):
            entered.set()
            leave.wait(10)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert entered.wait(10)
    threading.Timer(0.3, leave.set).start()
    with _hold(target, "a", holder=BOB, wait_s=10.0):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_a_lock_costs_one_command_start_once_its_directory_is_there(tmp_path: Path) -> None:
    counting = Counting(LocalTransport())
    target = _target(counting, tmp_path)
    with _hold(target, "a", "b", "c"):
        pass
    counting.started.clear()
    with _hold(target, "d", "e", "f") as warning:
        assert warning == ""
        assert [vector[0] for vector in counting.started] == ["timeout"]


def test_several_locks_are_taken_in_one_order_so_that_nobody_waits_forever(target: Target) -> None:
    faults: list[BaseException] = []

    def work(*resources: str) -> None:
        try:
            for _ in range(4):
                with _hold(target, *resources, wait_s=20.0) as warning:
                    assert warning == ""
        except BaseException as error:  # noqa: BLE001 - asserted below
            faults.append(error)

    threads = [threading.Thread(target=work, args=names) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []


def test_of_several_locks_the_refusal_names_the_one_that_is_held(target: Target) -> None:
    with (
        _hold(target, "b"),
        pytest.raises(LockedError, match="b on box is being changed by ann"),
        _hold(target, "a", "b", holder=BOB),
    ):
        pass
    with _hold(target, "a", wait_s=2.0) as warning:
        assert warning == "", "what was refused holds nothing"


def test_two_processes_exclude_each_other_and_a_killed_one_holds_nothing(target: Target, tmp_path: Path) -> None:
    process = _started(_controller(tmp_path))
    try:
        with pytest.raises(LockedError, match="bob from laptop"), _hold(target, "service:nginx"):
            pass
    finally:
        _kill(process)
    with _hold(target, "service:nginx", wait_s=10.0) as warning:
        assert warning == ""


@pytest.mark.sshd
def test_two_controllers_over_ssh_exclude_each_other_and_a_killed_one_holds_nothing(sshd: Sshd, tmp_path: Path) -> None:
    process = _started(_controller(tmp_path, _over_ssh(sshd)))
    transport = SshTransport(sshd.address)
    target = _target(transport, tmp_path)
    try:
        with pytest.raises(LockedError, match="bob from laptop"), _hold(target, "service:nginx"):
            pass
        _kill(process)
        with _hold(target, "service:nginx", wait_s=20.0) as warning:
            assert warning == ""
    finally:
        transport.close()


@pytest.mark.sshd
def test_a_local_change_and_one_over_ssh_exclude_each_other(sshd: Sshd, target: Target, tmp_path: Path) -> None:
    transport = SshTransport(sshd.address)
    remote = _target(transport, tmp_path)
    try:
        with _hold(target, "a"), pytest.raises(LockedError, match="ann from desk"), _hold(remote, "a", holder=BOB):
            pass
        with _hold(remote, "a", wait_s=10.0):
            assert transport.run(["true"]).exit_code == 0, "the step itself runs over the same connection"
            with pytest.raises(LockedError), _hold(target, "a"):
                pass
    finally:
        transport.close()


@pytest.mark.sshd
def test_a_lost_connection_frees_the_lock(sshd: Sshd, target: Target, tmp_path: Path) -> None:
    transport = SshTransport(sshd.address)
    try:
        with _hold(_target(transport, tmp_path), "a"):
            sshd.kill_connections()
            with _hold(target, "a", wait_s=20.0) as warning:
                assert warning == ""
    finally:
        transport.close()


@pytest.mark.parametrize("userland", ["gnu", "busybox"])
def test_a_lock_ends_with_its_lease_when_nobody_ends_it(tmp_path: Path, target: Target, userland: str) -> None:
    """The holder is started with its output kept open and then left alone, as by a controller that hangs."""
    programs = tmp_path / "programs"
    programs.mkdir()
    if userland == "busybox":
        busybox = shutil.which("busybox")
        if busybox is None:
            pytest.skip("busybox isn't installed")
        for name in ("timeout", "find", "tee", "tail"):
            (programs / name).symlink_to(busybox)
    directory = tmp_path / ".local/state/sayso/locks"
    directory.mkdir(parents=True)
    vector = holder_vector(
        [f"{directory}/{lock_file_name('a', hostname='box')}"], lease_s=1, is_busybox=userland == "busybox"
    )
    environment = {"PATH": f"{programs}:{os.environ['PATH']}"}
    holder = subprocess.Popen(
        vector, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdin.write(b'{"user": "hung"}\n')
    holder.stdin.close()
    assert [holder.stdout.readline() for _ in range(2)] == [b'{"user": "hung"}\n'] * 2
    with pytest.raises(LockedError, match="hung"), _hold(target, "a", wait_s=0.0):
        pass
    with _hold(target, "a", wait_s=20.0) as warning:
        assert warning == ""
    holder.wait()
    holder.stdout.close()
    assert holder.stderr is not None
    holder.stderr.close()


def test_what_a_dead_holder_left_in_its_file_locks_nothing(target: Target, tmp_path: Path) -> None:
    directory = tmp_path / ".local/state/sayso/locks"
    directory.mkdir(parents=True)
    file = directory / lock_file_name("a", hostname="box")
    file.write_bytes(b'{"user": "dead"}\n' * 1000)
    with _hold(target, "a") as warning:
        assert warning == ""
        assert b"dead" not in file.read_bytes()
        assert b'"user": "ann"' in file.read_bytes()


@pytest.mark.parametrize(
    "resource", ["file:/etc/../../x", "a\nb", "$(touch x)", "-n", "'\";{}", "ü\u202e", "\udcff", "", "x" * 5000, "."]
)
def test_a_hostile_resource_is_one_file_in_the_directory(target: Target, tmp_path: Path, resource: str) -> None:
    directory = tmp_path / ".local/state/sayso/locks"
    with _hold(target, resource) as warning:
        assert warning == ""
        (only,) = directory.iterdir()
        assert only.name == lock_file_name(resource, hostname="box")
        with pytest.raises(LockedError) as refused, _hold(target, resource, wait_s=0.0):
            pass
        assert refused.value.message.isprintable()


def test_different_resources_have_different_files_also_when_they_read_alike() -> None:
    names = {lock_file_name(name) for name in ("file:/a", "file:a", "file-a", "file:/a ", "FILE:/a")}
    assert len(names) == 5
    assert lock_file_name("a", hostname="x") != lock_file_name("a", hostname="y")


def test_a_hostile_holder_is_shown_with_visible_marks(target: Target) -> None:
    hostile = {"user": "\x1b[2Jroot\n\u202e", "host": "h" * 5000, "record": "1"}
    with (
        _hold(target, "a", holder=hostile),
        pytest.raises(LockedError) as refused,
        _hold(target, "a", wait_s=0.0),
    ):
        pass
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 400


def test_a_file_that_is_no_record_of_a_holder_names_nobody() -> None:
    for text in (b"", b"[]", b"{}", b"\xff\xfe", b'{"user": null}', b"[" * 100_000, b"1"):
        assert holder_of(text) == "somebody else"


def test_a_cancel_while_waiting_ends_the_wait_and_begins_nothing(target: Target) -> None:
    cancel = Cancel()
    threading.Timer(0.2, cancel.set).start()
    started = time.monotonic()
    with (
        _hold(target, "a"),
        pytest.raises(LockedError, match="nothing was begun"),
        _hold(target, "a", wait_s=60.0, cancel=cancel),
    ):
        pass
    assert time.monotonic() - started < 10


def test_a_cancel_before_takes_no_lock(target: Target) -> None:
    cancel = Cancel()
    cancel.set()
    with pytest.raises(LockedError), _hold(target, "a", cancel=cancel):
        pass
    with _hold(target, "a") as warning:
        assert warning == ""


@pytest.mark.parametrize("missing", ["flock", "timeout", "tail"])
def test_a_target_without_the_programs_warns_and_goes_on(tmp_path: Path, missing: str) -> None:
    with _hold(_target(Counting(LocalTransport(), missing=missing), tmp_path), "a") as warning:
        assert warning.startswith("Nothing on box is locked while this runs (")


def test_a_home_in_which_nothing_can_be_written_warns_and_goes_on() -> None:
    with _hold(_target(LocalTransport(), Path("/proc/nowhere")), "a") as warning:
        assert warning.startswith("Nothing on box is locked while this runs (")


def test_roots_locks_lie_where_nobody_else_can_make_a_directory(target: Target) -> None:
    assert ROOT_DIRECTORY == "/run/sayso/locks"
    assert _Place(target, "root", Cancel()).directory() == ROOT_DIRECTORY
    root = replace(target, login=Login(0, "root", "/root", "/"))
    assert _Place(root, None, Cancel()).directory() == ROOT_DIRECTORY
    assert _Place(target, None, Cancel()).directory().startswith(target.login.home)
    with pytest.raises(StepError, match="no home directory"):
        _Place(target, "nobody-of-that-name", Cancel()).directory()


def test_every_change_of_the_catalogue_locks_something_that_its_first_argument_names() -> None:
    catalogue = Catalogue.load()
    changes = [intent for name in catalogue if (intent := catalogue[name]).is_change]
    assert changes
    for intent in changes:
        values = {
            name: {"name:unit": "a.service", "name:service": "a.service", "package": "htop"}.get(
                parameter.type.name, f"/v/{name}"
            )
            for name, parameter in intent.parameters.items()
            if not parameter.many
        }
        (resource, *more) = resources_of(intent, values, {"init": "systemd", "packages": "apt", "userland": "gnu"})
        assert more == []
        assert resource
    restart = catalogue["service.restart"]
    name = next(iter(restart.parameters))
    several: list[str] = ["nginx.service", "redis.service"]
    assert resources_of(restart, {name: "nginx.service"}, {}) == ("service:nginx.service",)
    assert resources_of(restart, {name: several}, {}) == ("service:nginx.service", "service:redis.service")
    assert resources_of(replace(restart, lock="packages"), {name: "x"}, {}) == ("packages",)
