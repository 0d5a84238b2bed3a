"""Ways to a host through others, the system's `ssh` as the client, and keys that are locked or certified; real servers on loopback."""

import gc
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from executors.ssh import SshTransport
from executors.ssh_address import HostAddress
from executors.ssh_config import SshConfig
from executors.ssh_known_hosts import KnownHosts
from executors.ssh_shared import SshShared
from intents.errors import HostKeyError, TargetError, UnreachableError
from tests.support.sshd import MISSING, Sshd, free_port, make_key, running_sshd
from tests.support.typist import Typist

pytestmark = [
    pytest.mark.sshd,
    pytest.mark.skipif(
        bool(MISSING) or shutil.which("ssh") is None, reason=MISSING or "OpenSSH's client isn't installed"
    ),
]
TRANSPORTS = pytest.mark.parametrize("kind", ["paramiko", "openssh"])


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server that is reached through others, too."""
    with running_sshd(tmp_path_factory.mktemp("target")) as server:
        yield server


@pytest.fixture(scope="module")
def bastion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A jump host."""
    with running_sshd(tmp_path_factory.mktemp("bastion")) as server:
        yield server


@pytest.fixture
def own_bastion(tmp_path: Path) -> Iterator[Sshd]:
    """A jump host for a test that changes it."""
    with running_sshd(tmp_path / "bastion") as server:
        yield server


def _block(name: str, server: Sshd, *more: str) -> str:
    folder = server.directory
    return "\n  ".join(
        (
            f"Host {name}",
            "HostName 127.0.0.1",
            f"Port {server.port}",
            f"IdentityFile {folder / 'login_key'}",
            "IdentitiesOnly yes",
            f"UserKnownHostsFile {folder / 'known_hosts'}",
            "GlobalKnownHostsFile /dev/null",
            *more,
            "",
        )
    )


def _address(folder: Path, text: str, name: str, kind: str = "paramiko") -> HostAddress:
    path = folder / "config"
    path.write_text(text)
    path.chmod(0o600)
    address = SshConfig.load([path]).address(name, given={"transport": kind})
    return replace(address, connect_timeout_s=20.0)


def _logins(server: Sshd) -> int:
    return (server.directory / "sshd.log").read_text().count("Accepted publickey")


# -- through other hosts


@TRANSPORTS
def test_a_host_is_reached_through_a_chain_of_jump_hosts(
    tmp_path: Path, own_bastion: Sshd, bastion: Sshd, target: Sshd, kind: str
) -> None:
    text = _block("outer", own_bastion) + _block("inner", bastion) + _block("web1", target, "ProxyJump outer,inner")
    ssh = SshTransport(_address(tmp_path, text, "web1", kind))
    before = _logins(bastion)
    assert ssh.run(["printf", "%s", "hello"]).stdout == b"hello"
    assert (_logins(own_bastion), _logins(bastion) - before) == (1, 1)
    ssh.close()


@TRANSPORTS
def test_hosts_behind_one_jump_host_share_one_login_there(
    tmp_path: Path, own_bastion: Sshd, target: Sshd, kind: str
) -> None:
    text = _block("bastion", own_bastion) + _block("web1 web2 web3", target, "ProxyJump bastion")
    shared = SshShared()
    hosts = [SshTransport(_address(tmp_path, text, f"web{number}", kind), shared=shared) for number in (1, 2, 3)]
    results: list[bytes] = []
    first, *others = hosts
    results.append(first.run(["true"]).stdout)
    threads = [threading.Thread(target=lambda host=host: results.append(host.run(["true"]).stdout)) for host in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (results, _logins(own_bastion)) == ([b"", b"", b""], 1)
    for host in hosts:
        host.close()
    shared.close()


def test_hosts_that_connect_at_once_wait_for_one_login_at_the_jump_host(
    tmp_path: Path, own_bastion: Sshd, target: Sshd
) -> None:
    text = _block("bastion", own_bastion) + _block("web*", target, "ProxyJump bastion")
    shared = SshShared()
    hosts = [SshTransport(_address(tmp_path, text, f"web{number}"), shared=shared) for number in range(6)]
    threads = [threading.Thread(target=host.login) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert _logins(own_bastion) == 1
    own_bastion.kill_connections()
    assert hosts[0].run(["true"]).exit_code == 0, "a jump host's connection that is gone is made anew"
    shared.close()


@TRANSPORTS
def test_the_jump_hosts_key_is_checked_whatever_the_configuration_says(
    tmp_path: Path, bastion: Sshd, target: Sshd, kind: str
) -> None:
    (tmp_path / "nobody").write_text("")
    careless = ("StrictHostKeyChecking no", f"UserKnownHostsFile {tmp_path / 'nobody'}")
    block = _block("bastion", bastion).replace(
        f"UserKnownHostsFile {bastion.directory / 'known_hosts'}", "\n  ".join(careless)
    )
    text = block + _block("web1", target, "ProxyJump bastion")
    with pytest.raises(TargetError):
        SshTransport(_address(tmp_path, text, "web1", kind)).run(["true"])
    assert (tmp_path / "nobody").read_text() == "", "a key is never learned"


def test_a_key_of_the_host_behind_the_jump_host_is_checked_as_well(tmp_path: Path, bastion: Sshd, target: Sshd) -> None:
    changed = target.directory.parent / "wrong_known_hosts"
    make_key(tmp_path / "other")
    changed.write_text(f"[127.0.0.1]:{target.port} " + (tmp_path / "other.pub").read_text())
    text = _block("bastion", bastion) + _block("web1", target, "ProxyJump bastion").replace(
        str(target.directory / "known_hosts"), str(changed)
    )
    with pytest.raises(HostKeyError, match="HAS CHANGED"):
        SshTransport(_address(tmp_path, text, "web1")).run(["true"])


@TRANSPORTS
def test_a_host_that_the_jump_host_does_not_reach_is_unreachable(
    tmp_path: Path, bastion: Sshd, target: Sshd, kind: str
) -> None:
    text = _block("bastion", bastion) + _block("web1", target, "ProxyJump bastion").replace(
        f"Port {target.port}", f"Port {free_port()}"
    )
    with pytest.raises(UnreachableError, match="web1"):
        SshTransport(_address(tmp_path, text, "web1", kind)).run(["true"])


PROXY = """#!{python}
import os, socket, sys, threading
there = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def send():
    while piece := os.read(0, 65536):
        there.sendall(piece)
    there.shutdown(socket.SHUT_WR)
threading.Thread(target=send, daemon=True).start()
while piece := there.recv(65536):
    os.write(1, piece)
"""


@TRANSPORTS
def test_a_proxy_command_leads_to_the_host_and_ends_with_the_connection(
    tmp_path: Path, target: Sshd, kind: str
) -> None:
    program = tmp_path / "proxy"
    program.write_text(PROXY.format(python=sys.executable))
    program.chmod(0o755)
    ssh = SshTransport(_address(tmp_path, _block("web1", target, f"ProxyCommand {program} %h %p"), "web1", kind))
    assert ssh.run(["printf", "x"]).stdout == b"x"
    words = [str(program), "127.0.0.1", str(target.port)]
    assert _is_running(words)
    ssh.close()
    end = time.monotonic() + 5
    while _is_running(words) and time.monotonic() < end:
        time.sleep(0.02)
    assert not _is_running(words)


def _is_running(words: list[str]) -> bool:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
        except OSError:
            continue
        if found[1:] == words:
            return True
    return False


def test_a_proxy_program_that_others_may_write_is_refused(tmp_path: Path, target: Sshd) -> None:
    program = tmp_path / "proxy"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o777)
    with pytest.raises(TargetError, match="others may write"):
        SshTransport(_address(tmp_path, _block("web1", target, f"ProxyCommand {program} %h"), "web1")).run(["true"])


# -- host keys


def _openssh(server: Sshd, **changes: object) -> SshTransport:
    return SshTransport(replace(server.address, transport="openssh", connect_timeout_s=5.0, **changes))  # type: ignore[arg-type]


def test_ssh_refuses_an_unknown_key_with_its_fingerprint(tmp_path: Path, target: Sshd) -> None:
    with pytest.raises(HostKeyError, match="is not known") as caught:
        _openssh(target, known_hosts_files=(str(tmp_path / "none"),)).run(["true"])
    assert target.fingerprint() in caught.value.message
    assert f"ssh -p {target.port}" in caught.value.remedy
    assert not (tmp_path / "none").exists()


def test_ssh_refuses_a_changed_and_a_revoked_key_loudly(tmp_path: Path, target: Sshd) -> None:
    make_key(tmp_path / "other")
    known = tmp_path / "known"
    known.write_text(f"[127.0.0.1]:{target.port} " + (tmp_path / "other.pub").read_text())
    with pytest.raises(HostKeyError, match=r"WARNING.*HAS CHANGED") as caught:
        _openssh(target, known_hosts_files=(str(known),)).run(["true"])
    assert target.fingerprint() in caught.value.message
    line = (target.directory / "known_hosts").read_text()
    known.write_text(f"{line}@revoked {line}")
    with pytest.raises(HostKeyError, match="REVOKED"):
        _openssh(target, known_hosts_files=(str(known),)).run(["true"])


def test_a_certified_host_is_reached_by_ssh_and_named_as_such_otherwise(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "sshd") as server:
        make_key(tmp_path / "authority")
        key = server.directory / "host_key"
        _keygen("-s", str(tmp_path / "authority"), "-I", "host", "-h", "-n", "127.0.0.1", f"{key}.pub")
        server.settings = (f"HostCertificate {key}-cert.pub",)
        server.stop()
        server.start()
        known = tmp_path / "known"
        known.write_text(f"@cert-authority [127.0.0.1]:* {(tmp_path / 'authority.pub').read_text()}")
        ssh = _openssh(server, known_hosts_files=(str(known),))
        assert ssh.run(["true"]).exit_code == 0
        ssh.close()
        with pytest.raises(HostKeyError, match="certificate authority") as caught:
            SshTransport(server.address_with(known_hosts_files=(str(known),))).run(["true"])
    assert "sayso_transport=openssh" in caught.value.remedy


@TRANSPORTS
def test_a_host_key_alias_names_the_key(tmp_path: Path, target: Sshd, kind: str) -> None:
    known = tmp_path / "known"
    known.write_text("cluster " + (target.directory / "host_key.pub").read_text())
    ssh = SshTransport(
        replace(target.address, transport=kind, known_hosts_files=(str(known),), host_key_alias="cluster")  # type: ignore[arg-type]
    )
    assert ssh.run(["true"]).exit_code == 0
    ssh.close()


def test_a_key_that_is_known_without_the_port_is_good(tmp_path: Path, target: Sshd) -> None:
    known = tmp_path / "known"
    known.write_text("127.0.0.1 " + (target.directory / "host_key.pub").read_text())
    ssh = SshTransport(target.address_with(known_hosts_files=(str(known),)))
    assert ssh.run(["true"]).exit_code == 0
    ssh.close()


def test_a_key_under_another_name_and_an_authority_are_told_apart(tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text(
        "[a]:22 ssh-ed25519 AAAA\n@cert-authority *.example ssh-ed25519 AAAA\n@revoked * ssh-ed25519 BBBB\n"
    )
    hosts = KnownHosts.load((str(known),))
    verdicts = [hosts.judge(name, b"\0\0\0") for name in ("b", "web.example", "[web.example]:2222")]
    assert verdicts == ["unknown", "certified", "unknown"]


# -- keys to log in with


def _keygen(*arguments: str) -> None:
    subprocess.run(["ssh-keygen", "-q", *arguments], check=True, capture_output=True)


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    """A server that lets in a key with a passphrase, and no agent."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with running_sshd(tmp_path / "sshd") as server:
        make_key(tmp_path / "locked", passphrase="open sesame")
        shutil.copy(tmp_path / "locked.pub", server.directory / "authorized_keys")
        yield server


def test_a_passphrase_is_asked_for_once_for_all_hosts(locked: Sshd, tmp_path: Path) -> None:
    person = Typist("wrong", "open sesame")
    shared = SshShared(person)
    address = locked.address_with(identity_files=(str(tmp_path / "locked"),))
    for name in ("web1", "web2"):
        ssh = SshTransport(replace(address, name=name), shared=shared)
        assert ssh.run(["true"]).exit_code == 0
        ssh.close()
    assert len(person.prompts) == 2
    assert str(tmp_path / "locked") in person.prompts[0]
    assert "not the passphrase" in person.prompts[1]
    shared.close()


def test_a_passphrase_that_nobody_types_is_refused_for_every_host(locked: Sshd, tmp_path: Path) -> None:
    person = Typist()
    address = locked.address_with(identity_files=(str(tmp_path / "locked"),))
    shared = SshShared(person)
    for _ in range(2):
        with pytest.raises(TargetError, match="is encrypted") as caught:
            SshTransport(address, shared=shared).run(["true"])
    assert len(person.prompts) == 1
    assert "ssh-add" in caught.value.remedy


def test_an_open_key_is_tried_before_anybody_is_asked(locked: Sshd, tmp_path: Path) -> None:
    shutil.copy(locked.directory / "login_key.pub", locked.directory / "authorized_keys")
    person = Typist("open sesame")
    files = (str(tmp_path / "absent"), str(tmp_path / "locked"), str(locked.directory / "login_key"))
    ssh = SshTransport(locked.address_with(identity_files=files), shared=SshShared(person))
    assert ssh.run(["true"]).exit_code == 0
    ssh.close()
    assert person.prompts == []


@TRANSPORTS
@pytest.mark.parametrize("kind_of_key", ["ed25519", "ecdsa", "rsa"])
def test_a_certificate_of_the_user_logs_in(tmp_path: Path, kind: str, kind_of_key: str) -> None:
    make_key(tmp_path / "authority")
    with running_sshd(tmp_path / "sshd", settings=(f"TrustedUserCAKeys {tmp_path / 'authority.pub'}",)) as server:
        (server.directory / "authorized_keys").write_text("")
        make_key(tmp_path / "key", kind=kind_of_key)
        _keygen("-s", str(tmp_path / "authority"), "-I", "me", "-n", server.address.user, str(tmp_path / "key.pub"))
        (tmp_path / "key-cert.pub").rename(tmp_path / "elsewhere")
        files = {"identity_files": (str(tmp_path / "key"),), "certificate_files": (str(tmp_path / "elsewhere"),)}
        ssh = SshTransport(replace(server.address, transport=kind, **files))  # type: ignore[arg-type]
        assert ssh.run(["true"]).exit_code == 0
        ssh.close()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """An agent's socket."""
    path = str(tmp_path / "agent")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    end = time.monotonic() + 10
    while not Path(path).exists() and time.monotonic() < end:
        time.sleep(0.01)
    yield path
    process.terminate()
    process.wait()


@TRANSPORTS
def test_the_agent_that_the_configuration_names_is_used_and_not_forwarded(
    target: Sshd, agent: str, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    environment = {**os.environ, "SSH_AUTH_SOCK": agent}
    subprocess.run(["ssh-add", "-q", str(target.directory / "login_key")], check=True, env=environment)
    shutil.copy(target.directory / "login_key.pub", tmp_path / "public.pub")
    block = _block("web1", target, f"IdentityAgent {agent}", "ForwardAgent yes")
    text = block.replace(str(target.directory / "login_key"), str(tmp_path / "public.pub"))
    ssh = SshTransport(_address(tmp_path, text, "web1", kind))
    found = ssh.run(["find", "/proc/self/environ", "/proc/self", "-maxdepth", "0"])
    assert found.exit_code == 0
    assert b"SSH_AUTH_SOCK" not in ssh.run(["sh", "-c", "tr '\\0' '\\n' </proc/$PPID/environ"]).stdout
    ssh.close()


def test_a_login_that_the_server_does_not_decide_about_is_given_up_in_time(tmp_path: Path) -> None:
    with running_sshd(
        tmp_path / "sshd", settings=("AuthorizedKeysCommand /usr/bin/sleep 30", "AuthorizedKeysCommandUser root")
    ) as server:
        (server.directory / "authorized_keys").write_text("")
        started = time.monotonic()
        with pytest.raises(UnreachableError, match="within 1 s"):
            SshTransport(server.address_with(login_timeout_s=1.0)).run(["true"])
        assert time.monotonic() - started < 8


@TRANSPORTS
def test_compression_is_a_choice(tmp_path: Path, target: Sshd, kind: str) -> None:
    ssh = SshTransport(_address(tmp_path, _block("web1", target, "Compression yes"), "web1", kind))
    assert ssh.run(["head", "-c", "300000", "/dev/zero"]).stdout == bytes(300000)
    ssh.close()


# -- the system's ssh


def test_match_exec_is_ssh_s_own_affair(tmp_path: Path, target: Sshd) -> None:
    block = _block("web1", target).replace("Host web1", 'Match originalhost web1 exec "true"')
    ssh = SshTransport(_address(tmp_path, block, "web1", "openssh"))
    assert ssh.run(["printf", "x"]).stdout == b"x"
    ssh.close()
    with pytest.raises(TargetError, match="Match exec"):
        _address(tmp_path, block, "web1")


def test_one_login_serves_many_commands_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "sshd") as server:
        shared = SshShared()
        ssh = SshTransport(replace(server.address, transport="openssh"), shared=shared)
        for _ in range(3):
            assert ssh.run(["true"]).exit_code == 0
        folder = shared.control_folder()
        assert (_logins(server), folder.stat().st_mode & 0o777) == (1, 0o700)
        ssh.close()
        shared.close()
        assert not folder.exists()


def test_a_connection_of_ssh_that_goes_away_midway_is_lost_and_made_anew(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "sshd") as server:
        ssh = SshTransport(replace(server.address, transport="openssh"))
        started, results = threading.Event(), []
        thread = threading.Thread(
            target=lambda: results.append(
                ssh.run(["tail", "-f", "/etc/passwd"], on_output=lambda _data: started.set(), timeout_s=30)
            )
        )
        thread.start()
        assert started.wait(10)
        server.kill_connections()
        thread.join(20)
        assert (results[0].ending, results[0].exit_code, results[0].signal) == ("lost", None, None)
        assert ssh.run(["true"]).exit_code == 0
        ssh.close()


@pytest.mark.parametrize(
    ("changes", "said"), [({"port": 1}, "can't be reached"), ({"hostname": "no-such.invalid"}, "can't be reached")]
)
def test_a_host_that_ssh_does_not_reach_is_unreachable(target: Sshd, changes: dict[str, object], said: str) -> None:
    with pytest.raises(UnreachableError, match=said) as caught:
        _openssh(target, **changes).run(["true"])
    assert not isinstance(caught.value, HostKeyError)


def test_a_refused_login_and_a_refused_configuration_are_told_as_that(tmp_path: Path, target: Sshd) -> None:
    make_key(tmp_path / "other")
    with pytest.raises(UnreachableError, match="refused the login"):
        _openssh(target, identity_files=(str(tmp_path / "other"),)).run(["true"])
    with pytest.raises(TargetError, match="refuses the configuration"):
        SshTransport(_address(tmp_path, _block("web1", target, "NoSuchOption yes"), "web1", "openssh")).run(["true"])


def test_a_hostile_banner_never_reaches_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    banner = tmp_path / "banner"
    banner.write_text("\x1b[2J\x1b]0;owned\x07 welcome\n")
    with running_sshd(tmp_path / "sshd", settings=(f"Banner {banner}",)) as server:
        for kind in ("paramiko", "openssh"):
            ssh = SshTransport(replace(server.address, transport=kind))
            assert ssh.run(["true"]).stderr == b""
            ssh.close()
            make_key(tmp_path / "other")
            wrong = replace(server.address, transport=kind, identity_files=(str(tmp_path / "other"),))
            with pytest.raises(UnreachableError) as caught:
                SshTransport(wrong).run(["true"])
            assert "\x1b" not in str(caught.value)
    assert "\x1b" not in "".join(capfd.readouterr())


@TRANSPORTS
def test_an_address_without_files_tells_ssh_the_whole_way(
    own_bastion: Sshd, bastion: Sshd, target: Sshd, kind: str
) -> None:
    outer = replace(own_bastion.address, name="outer")
    inner = replace(bastion.address, name="inner", jump=outer)
    before = _logins(own_bastion)
    ssh = SshTransport(replace(target.address, jump=inner, transport=kind))  # type: ignore[arg-type]
    assert ssh.run(["printf", "x"]).stdout == b"x"
    assert _logins(own_bastion) == before + 1
    ssh.close()


def test_a_folder_that_nobody_closes_goes_with_its_owner() -> None:
    shared = SshShared()
    folder = shared.control_folder()
    del shared
    gc.collect()
    assert not folder.exists()
