"""Protected things are refused by what they are, on real files, links and bind mounts; the rest of a host is played."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import pytest

from executors.host_paths import HostPaths
from executors.installation import installation
from executors.local import LocalTransport
from executors.path_uses import uses_of_vector
from executors.protected import Protected, refuse_protected
from executors.protected_accounts import refused_account
from executors.protected_network import refused_interface
from executors.protected_processes import own_lineage, refused_process
from executors.protected_units import refused_unit
from executors.ssh_config import HostAddress
from executors.state import Target
from executors.transport import Cancel, Completed, Login, Transport
from intents.catalogue import Catalogue
from intents.errors import PolicyError
from intents.intent import Word
from intents.values import Json

CATALOGUE = Catalogue.load()
ADDRESS = HostAddress("web1", "192.0.2.1", 22, "ops", (), (), 1.0)


@dataclass
class Played:
    """A host whose answers were recorded: the longest prefix of the vector that is known answers."""

    answers: Mapping[tuple[str, ...], str]
    host: str = "web1"
    asked: list[tuple[str, ...]] = field(default_factory=list)

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
        vector = tuple(argv)
        self.asked.append(vector)
        known = [prefix for prefix in self.answers if vector[: len(prefix)] == prefix]
        text = self.answers[max(known, key=len)] if known else ""
        if vector[0] == "ps":  # the listing holds the command itself
            text += f"  900   800 ps  {' '.join(vector)}\n"
        if vector[:2] == ("getent", "passwd"):
            lines = [line for line in text.splitlines() if {*line.split(":")[:3:2]} & {*vector[2:]}]
            text = "".join(f"{line}\n" for line in lines)
        return Completed(vector, "exited", 0, None, text.encode(), b"", len(text), 0, 0.0)

    def login(self) -> Login:
        return Login(1000, "ops", "/home/ops", "/home/ops")

    def close(self) -> None:
        """Nothing is held."""


PASSWD = (
    "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/sh\nops:x:1000:1000::/home/ops:/bin/bash\n"
    "ann:x:1001:1001::/home/ann:/bin/bash\nbob:x:1002:1002::/home/bob:/bin/bash\n"
)
PROCESSES = (
    "    1     0 systemd         /sbin/init\n    2     0 kthreadd        [kthreadd]\n"
    "   40     2 kworker/0:1     [kworker/0:1]\n  300     1 sshd            sshd: /usr/sbin/sshd -D\n"
    "  700   300 sshd            sshd: ops [priv]\n  800   700 sshd            sshd: ops@notty\n"
    "  500     1 nginx           nginx: master\n"
)
HOST = {
    ("getent", "passwd"): PASSWD,
    ("getent", "group"): "sudo:x:27:ann\nwheel:x:10:\n",
    ("ps",): PROCESSES,
    ("cat", "--", "/proc/self/cgroup"): "0::/user.slice/user-1000.slice/session-7.scope\n",
    ("systemctl", "show"): "Id=nginx.service\nNames=nginx.service\nMainPID=500\n",
}


def played(host: str = "web1", **kept: str) -> Target:
    answers = {**HOST, **{tuple(key.split("_")): text for key, text in kept.items()}}
    transport = Played(answers, host)
    return Target(host, transport, {"init": "systemd"}, transport.login(), ADDRESS if host == "web1" else None)


def local(transport: Transport | None = None) -> Target:
    used = transport or LocalTransport()
    return Target("local", used, {}, used.login())


def is_refused(intent: str, host: Target, besides: Protected | None = None, /, **values: Json) -> bool:
    found: list[PolicyError] = []
    try:
        refuse_protected(CATALOGUE[intent], values, host, besides or Protected(), cancel=None)
    except PolicyError as error:
        found.append(error)
    assert all(one.rule.startswith("protected: ") and one.message.endswith(".") for one in found)
    return bool(found)


# -- paths, on this machine


@pytest.mark.parametrize("path", ["/", "/etc", "/usr", "/bin", "/usr/bin", "/proc", "/boot", "/boot/grub/grub.cfg"])
def test_the_systems_folders_are_not_changed_as_a_whole(path: str) -> None:
    assert is_refused("file.set_mode", local(), path=path, mode="0777")
    assert is_refused("file.delete", local(), path=path)
    assert is_refused("file.remove_directory", local(), path=path)


def test_a_file_in_etc_and_a_copy_from_a_protected_place_are_ordinary(tmp_path: Path) -> None:
    assert not is_refused("file.append_line", local(), path="/etc/hosts", line="x")
    assert not is_refused("file.delete", local(), path="/etc/motd")
    assert not is_refused("file.copy", local(), source="/boot/config", target=str(tmp_path / "new"))
    assert not is_refused("file.copy", local(), source="/etc", target=str(tmp_path / "new"))
    assert is_refused("file.copy", local(), source=str(tmp_path / "new"), target="/boot/config")
    assert not is_refused("file.make_directory", local(), path="/sayso-new-folder", mode="0755")
    assert not is_refused("user.create", local(), name="ann", shell="/bin/bash")  # noqa: S604 - an account's login shell


def test_a_read_is_never_refused_and_asks_nothing() -> None:
    target = played()
    assert not is_refused("file.list", target, path="/")
    assert isinstance(target.transport, Played)
    assert target.transport.asked == []


def test_links_and_process_roots_lead_to_what_is_protected(tmp_path: Path) -> None:
    (tmp_path / "etc").symlink_to("/etc")
    (tmp_path / "boot").symlink_to("/boot")
    assert is_refused("file.set_mode", local(), path=str(tmp_path / "etc"), mode="0777")
    assert is_refused("file.append_line", local(), path=str(tmp_path / "boot" / "x" / "y"), line="x")
    assert is_refused("file.set_mode", local(), path="/proc/self/root/etc", mode="0777")
    assert not is_refused("file.append_line", local(), path=str(tmp_path / "etc" / "hosts"), line="x")


def test_a_link_swapped_after_the_plan_is_refused_at_the_step(tmp_path: Path) -> None:
    own, plain = tmp_path / "own", tmp_path / "plain"
    own.mkdir()
    plain.mkdir()
    link = tmp_path / "link"
    link.symlink_to(plain)
    protected = Protected(local_paths=(str(own),))
    assert not is_refused("file.append_line", local(), protected, path=str(link / "file"), line="x")
    link.unlink()
    link.symlink_to(own)
    assert is_refused("file.append_line", local(), protected, path=str(link / "file"), line="x")


def test_saysos_own_files_are_refused_also_by_a_hard_link_and_from_above(tmp_path: Path) -> None:
    history = tmp_path / "state" / "history.db"
    history.parent.mkdir()
    history.write_text("x")
    protected = Protected(local_paths=(str(history),))
    os.link(history, tmp_path / "other-name")
    assert is_refused("file.delete", local(), protected, path=str(tmp_path / "other-name"))
    assert is_refused("file.delete", local(), protected, path=str(history))
    assert is_refused("file.copy", local(), protected, source="/etc/hosts", target=str(tmp_path / "state"))
    assert not is_refused("file.set_mode", local(), protected, path=str(tmp_path / "state"), mode="0700")
    assert is_refused("file.append_line", local(), path=f"{installation().trees[0]}/plan.py", line="x")
    assert is_refused("file.append_line", local(), path="/etc/sayso/policy.d/x.yml", line="x")
    assert is_refused("file.delete", local(), path="/var/lib/sayso/backups/x")


@dataclass
class Inside:
    """This machine from within a process's mount namespace."""

    pid: int
    real: LocalTransport = field(default_factory=LocalTransport)
    host: str = "local"

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
        return self.real.run(("nsenter", f"--mount=/proc/{self.pid}/ns/mnt", "--", *argv), timeout_s=timeout_s)

    def login(self) -> Login:
        return self.real.login()

    def close(self) -> None:
        self.real.close()


@pytest.fixture
def bound(tmp_path: Path) -> Iterator[tuple[Target, Path]]:
    """A private mount namespace in which /etc stands a second time below the folder."""
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("nsenter") is None:
        pytest.skip("a private mount namespace needs root, unshare and nsenter")
    place = tmp_path / "bound"
    place.mkdir()
    script = 'mount --bind /etc "$1" && echo ready && read -r end'
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(place)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        if holder.stdout.readline() != b"ready\n":
            pytest.skip("this machine allows no mounts")
        yield local(Inside(holder.pid)), place
        holder.stdin.close()


def test_a_bind_mount_is_known_by_what_it_shows(bound: tuple[Target, Path]) -> None:
    target, place = bound
    assert HostPaths(target.transport).resolve(f"{place}/passwd") == "/etc/passwd"
    assert is_refused("file.set_mode", target, path=str(place), mode="0777")
    assert is_refused("file.delete", target, path=f"{place}/sayso/policy.d/x.yml")
    assert not is_refused("file.append_line", target, path=f"{place}/hosts", line="x")
    assert is_refused("file.copy", target, source="/etc/hosts", target=str(place.parent))  # a mount lies within


@pytest.mark.parametrize(
    ("argv", "use"),
    [
        (["rm", "-rf", "--", "/a"], "sweep"),
        (["rm", "-f", "--", "/a"], "change"),
        (["chmod", "-R", "0700", "--", "/a"], "sweep"),
        (["chown", "ann", "--", "/a"], "change"),
        (["mv", "--", "/a", "/b"], "sweep"),
        (["umount", "--", "/a"], "unmount"),
        (["dd", "if=/srv/x", "of=/a"], "change"),
        (["tar", "-czf", "/srv/x.tgz", "--", "/a"], "show"),
        (["tar", "-xf", "/srv/x.tgz", "-C", "/a"], "sweep"),
        (["cp", "--target-directory=/a", "--", "/srv/x"], "change"),
        (["restic", "--repo=/srv/backups", "backup", "--", "/a"], "show"),
        (["restic", "--repo=/a", "backup", "--", "/etc"], "create"),
        (["restic", "--repo=/srv/backups", "--password-file=/a", "forget"], "name"),
        (["restic", "--repo=/srv/backups", "restore", "--target=/a", "--", "latest"], "sweep"),
        (["pg_dump", "--dbname=shop", "--file=/a"], "change"),
        (["pg_restore", "--dbname=shop", "--", "/a"], "show"),
        (["git", "-C", "/a", "pull"], "sweep"),
        (["some-new-tool", "/a"], "sweep"),
    ],
)
def test_what_a_program_does_with_a_path(argv: list[str], use: str) -> None:
    assert [one.use for one in uses_of_vector(argv) if one.path == "/a"] == [use]


# -- units


def test_sshd_is_not_stopped_over_ssh_by_any_of_its_names() -> None:
    recorded = "Id=ssh.service\nNames=ssh.service sshd.service\nMainPID=300\n"
    over = played(systemctl_show=recorded)
    for intent in ("service.stop", "service.disable"):
        assert is_refused(intent, over, service="sshd.service")
    for intent in ("service.start", "service.enable", "service.restart"):
        assert not is_refused(intent, over, service="ssh.service")
    renamed = played(systemctl_show="Id=remote-login.service\nNames=remote-login.service\nMainPID=300\n")
    assert refused_unit(("systemctl", "stop", "--", "remote-login"), renamed, (), cancel=None)
    socket = played(systemctl_show="Id=login.socket\nNames=login.socket\nTriggers=ssh.service\n")
    assert refused_unit(("systemctl", "mask", "login.socket"), socket, (), cancel=None)


def test_other_units_may_be_stopped_unless_they_carry_the_session_or_policy_says_no() -> None:
    assert not is_refused("service.stop", played(), service="nginx.service")
    assert is_refused("service.stop", played(), Protected(units=("nginx",)), service="nginx.service")
    scope = played(systemctl_show="Id=session-7.scope\nNames=session-7.scope\n")
    assert refused_unit(("systemctl", "stop", "session-7.scope"), scope, (), cancel=None)


def test_sshd_may_be_stopped_where_nobody_came_through_it() -> None:
    console = (
        PROCESSES.replace("800   700", "800     1")
        .replace("sshd: ops@notty", "bash")
        .replace("800     1 sshd", "800     1 bash")
    )
    here = played("local", ps=console, systemctl_show="Id=ssh.service\nNames=ssh.service\nMainPID=300\n")
    assert refused_unit(("systemctl", "stop", "ssh.service"), here, (), cancel=None) is None


# -- accounts


@pytest.mark.parametrize(
    ("user", "refused"), [("root", True), ("toor", True), ("ops", True), ("ann", True), ("bob", False)]
)
def test_root_oneself_and_the_last_administrator_stay(user: str, refused: bool) -> None:  # noqa: FBT001 - a table
    assert is_refused("user.delete", played(), user=user) is refused
    assert is_refused("user.lock", played(), user=user) is refused
    assert not is_refused("user.unlock", played(), user=user)


def test_an_administrator_who_is_not_the_last_may_go_and_the_policys_accounts_stay() -> None:
    two = played(getent_group="sudo:x:27:ann,bob\n")
    assert not is_refused("user.delete", two, user="ann")
    gone = played(getent_group="sudo:x:27:ann,left\n")
    assert is_refused("user.delete", gone, user="ann")
    assert is_refused("user.delete", played(), Protected(accounts=("bob",)), user="bob")


@pytest.mark.parametrize(
    ("argv", "refused"),
    [
        (("usermod", "--lock", "--", "0"), True),
        (("gpasswd", "-d", "ann", "sudo"), True),
        (("deluser", "ann", "sudo"), True),
        (("usermod", "-G", "users", "ann"), True),
        (("usermod", "-aG", "users", "root"), False),
        (("groupdel", "sudo"), True),
        (("chsh", "-s", "/usr/sbin/nologin", "ops"), True),
        (("chsh", "-s", "/bin/zsh", "ops"), False),
        (("chown", "root", "/srv/x"), False),
    ],
)
def test_what_takes_from_an_account(argv: tuple[str, ...], refused: bool) -> None:  # noqa: FBT001 - a table
    assert (refused_account(argv, played(), (), cancel=None) is not None) is refused


# -- processes


@pytest.mark.parametrize(
    ("argv", "refused"),
    [
        (("kill", "-TERM", "--", "1"), True),
        (("kill", "40"), True),
        (("kill", "300"), True),
        (("kill", "800"), True),
        (("kill", "-9", "--", "-1"), True),
        (("kill", "500"), False),
        (("pkill", "--", "ssh"), True),
        (("pkill", "--", "nginx"), False),
        (("killall", "sshd"), True),
        (("pkill", "-u", "ops"), True),
        (("pkill", "-u", "bob", "vim"), False),
        (("loginctl", "terminate-user", "root"), True),
    ],
)
def test_what_serves_the_session_gets_no_signal(argv: tuple[str, ...], refused: bool) -> None:  # noqa: FBT001 - a table
    assert (refused_process(argv, played(), (), cancel=None) is not None) is refused


def test_our_own_process_is_found_among_the_real_ones() -> None:
    assert {1, os.getpid(), os.getppid()} <= own_lineage(local(), None).pids


# -- network


@pytest.mark.parametrize(
    ("argv", "refused"),
    [
        (("ip", "link", "set", "br0", "down"), True),
        (("ip", "link", "set", "eth0", "down"), True),
        (("ip", "addr", "flush", "dev", "eth1"), True),
        (("ifdown", "br0"), True),
        (("ip", "route", "del", "default"), True),
        (("ip", "link", "set", "br0", "up"), False),
        (("ip", "link", "set", "wlan0", "down"), False),
    ],
)
def test_the_way_to_the_host_stays(argv: tuple[str, ...], refused: bool) -> None:  # noqa: FBT001 - a table
    assert (refused_interface(argv, played_network(), cancel=None) is not None) is refused


def played_network() -> Target:
    target = played()
    assert isinstance(target.transport, Played)
    network = {
        ("ip", "-o", "route"): "default via 10.0.0.1 dev br0 proto dhcp\n",
        ("ss",): "0 0 192.0.2.1:22 198.51.100.7:51000\n",
        (
            "ip",
            "-o",
            "addr",
        ): "1: lo    inet 127.0.0.1/8 scope host lo\n3: eth1    inet 192.0.2.1/24 scope global eth1\n",
        (
            "ip",
            "-o",
            "link",
        ): "2: eth0: <UP> mtu 1500 master br0 state UP\n3: eth1: <UP> mtu 1500\n4: br0: <UP> mtu 1500\n",
    }
    return replace(target, transport=Played({**HOST, **network}))


def test_an_edit_is_judged_by_the_path_that_it_renders() -> None:
    plain = CATALOGUE["file.append_line"]
    assert plain.operation.edit is not None
    fixed = replace(plain, operation=replace(plain.operation, edit=replace(plain.operation.edit, path=Word("/boot/x"))))
    with pytest.raises(PolicyError):
        refuse_protected(fixed, {"line": "x"}, local(), Protected(), cancel=None)
