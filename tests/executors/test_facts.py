"""What a host is, read from outputs recorded on the distributions and from this machine."""

import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from executors.facts import gather_facts, parse_facts, parse_os_release
from executors.local import LocalTransport
from executors.transport import Cancel, Completed, Ending, Login
from intents.errors import StepError, UnreachableError

# os-release files as the official images have them (debian:12, ubuntu:24.04, rockylinux:9,
# registry.access.redhat.com/ubi8, fedora:41, alpine:3.20, opensuse/leap:15.6, archlinux).
DEBIAN = """PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
"""
UBUNTU = """PRETTY_NAME="Ubuntu 24.04.1 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION="24.04.1 LTS (Noble Numbat)"
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=noble
"""
ROCKY = """NAME="Rocky Linux"
VERSION="9.4 (Blue Onyx)"
ID="rocky"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.4"
PLATFORM_ID="platform:el9"
ANSI_COLOR="0;32"
"""
RHEL = """NAME="Red Hat Enterprise Linux"
VERSION="8.10 (Ootpa)"
ID="rhel"
ID_LIKE="fedora"
VERSION_ID="8.10"
"""
FEDORA = """NAME="Fedora Linux"
VERSION="41 (Container Image)"
ID=fedora
VERSION_ID=41
VERSION_CODENAME=""
"""
ALPINE = """NAME="Alpine Linux"
ID=alpine
VERSION_ID=3.20.3
PRETTY_NAME="Alpine Linux v3.20"
"""
SUSE = """NAME="openSUSE Leap"
VERSION="15.6"
ID="opensuse-leap"
ID_LIKE="suse opensuse"
VERSION_ID="15.6"
CPE_NAME="cpe:/o:opensuse:leap:15.6"
"""
ARCH = """NAME="Arch Linux"
PRETTY_NAME="Arch Linux"
ID=arch
BUILD_ID=rolling
VERSION_ID=20241020.0.271942
"""
ARCH_INSTALLED = ARCH.replace("VERSION_ID=20241020.0.271942\n", "")

SYSTEMD = "/run/systemd/system\n"
CASES = {
    "debian": (SYSTEMD + "/usr/bin/apt-get\n", DEBIAN, "/usr/bin/ls", ("systemd", "apt", "debian", "12", "gnu", "off")),
    "debian with dnf as well": (
        SYSTEMD + "/usr/bin/dnf\n/usr/bin/apt-get\n",
        DEBIAN,
        "/usr/bin/ls",
        ("systemd", "apt", "debian", "12", "gnu", "off"),
    ),
    "ubuntu": (
        SYSTEMD + "/usr/bin/apt-get\n",
        UBUNTU,
        "/usr/bin/ls",
        ("systemd", "apt", "ubuntu", "24.04", "gnu", "off"),
    ),
    "debian container": ("/usr/bin/apt-get\n", DEBIAN, "/usr/bin/ls", ("none", "apt", "debian", "12", "gnu", "off")),
    "rocky": (
        SYSTEMD + "/usr/bin/dnf\n/sys/fs/selinux/enforce\n",
        ROCKY,
        "/usr/bin/ls",
        ("systemd", "dnf", "rocky", "9.4", "gnu", "on"),
    ),
    "rhel": (SYSTEMD + "/usr/bin/dnf\n", RHEL, "/usr/bin/ls", ("systemd", "dnf", "rhel", "8.10", "gnu", "off")),
    "fedora": (SYSTEMD + "/usr/bin/dnf\n", FEDORA, "/usr/bin/ls", ("systemd", "dnf", "fedora", "41", "gnu", "off")),
    "alpine": (
        "/run/openrc\n/sbin/apk\n",
        ALPINE,
        "/bin/busybox",
        ("openrc", "apk", "alpine", "3.20.3", "busybox", "off"),
    ),
    "suse": (
        SYSTEMD + "/usr/bin/zypper\n",
        SUSE,
        "/usr/bin/ls",
        ("systemd", "zypper", "opensuse-leap", "15.6", "gnu", "off"),
    ),
    "arch": (
        SYSTEMD + "/usr/bin/pacman\n",
        ARCH_INSTALLED,
        "/usr/bin/ls",
        ("systemd", "pacman", "arch", "rolling", "gnu", "off"),
    ),
    "nothing known": ("", "", "", ("none", "none", "linux", "", "gnu", "off")),
}


@pytest.mark.parametrize("name", CASES)
def test_facts_of_a_distribution(name: str) -> None:
    markers, release, userland, expected = CASES[name]
    facts = parse_facts(markers=markers, os_release=release, uname="Linux h 6.1.0-26-amd64 x86_64\n", userland=userland)
    found = tuple(facts[key] for key in ("init", "packages", "os_id", "os_version", "userland", "selinux"))
    assert found == expected
    assert (facts["hostname"], facts["kernel"], facts["architecture"]) == ("h", "6.1.0-26-amd64", "x86_64")


@pytest.mark.parametrize(
    ("markers", "expected"),
    [
        ("", ("none", "none", "none", "none", "none")),
        # ls sorts what it prints.
        (
            "/usr/bin/borg\n/usr/bin/docker\n/usr/bin/podman\n/usr/bin/restic\n/usr/sbin/nft\n/usr/sbin/nginx\n/usr/sbin/ufw\n/var/lib/mysql\n/var/lib/postgresql\n",
            ("podman", "postgresql", "nginx", "restic", "ufw"),
        ),
        ("/usr/bin/docker\n/usr/sbin/httpd\n/var/lib/mysql\n", ("docker", "mysql", "httpd", "none", "none")),
        (
            "/sys/fs/cgroup/system.slice/firewalld.service\n/usr/sbin/nft\n/usr/sbin/ufw\n",
            ("none", "none", "none", "none", "firewalld"),
        ),
        ("/usr/bin/borg\n/usr/sbin/apache2\n/var/lib/pgsql\n", ("none", "postgresql", "apache2", "borg", "none")),
        ("/usr/bin/nft\n", ("none", "none", "none", "none", "nft")),
    ],
)
def test_which_of_two_programs_for_one_purpose_is_meant(markers: str, expected: tuple[str, ...]) -> None:
    facts = parse_facts(markers=markers, os_release="", uname="Linux h 6.1.0-26-amd64 x86_64\n", userland="")
    assert tuple(facts[name] for name in ("containers", "databases", "web", "backups", "firewall")) == expected


@pytest.mark.parametrize("uname", ["", "Darwin mac 23.6.0 arm64\n", "Linux only\n"])
def test_what_is_not_linux_is_refused(uname: str) -> None:
    with pytest.raises(ValueError, match="uname"):
        parse_facts(markers="", os_release="", uname=uname, userland="")


def test_os_release_expands_nothing_and_the_first_file_wins() -> None:
    text = 'ID=debian\nPRETTY_NAME="$(reboot) \\$x \\`y\\`"\nnot a line\nID=other\nX=\n'
    assert parse_os_release(text) == {"ID": "debian", "PRETTY_NAME": "$(reboot) $x `y`", "X": ""}


def test_facts_of_this_machine_are_its_own() -> None:
    facts = gather_facts(LocalTransport())
    assert facts["kernel"] == platform.release()
    assert facts["architecture"] == platform.machine()
    assert facts["hostname"] == platform.node()
    assert facts["login_uid"] == str(os.geteuid())
    assert facts["os_id"] == platform.freedesktop_os_release()["ID"]
    assert facts["userland"] in {"gnu", "busybox"}
    assert facts["init"] == ("systemd" if Path("/run/systemd/system").exists() else facts["init"])


class AnsweringTransport:
    """Gives the same answer to every vector, as a host in trouble does."""

    def __init__(self, *, ending: Ending = "exited", stdout: bytes = b"") -> None:
        self._ending = ending
        self._stdout = stdout

    @property
    def host(self) -> str:
        return "web1"

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
        size_bytes = len(self._stdout)
        return Completed(tuple(argv), self._ending, 0, None, self._stdout, b"", size_bytes, 0, 0.0)

    def login(self) -> Login:
        return Login(0, "root", "/root", "/root")

    def close(self) -> None:
        return None


def test_a_lost_connection_is_unreachable() -> None:
    with pytest.raises(UnreachableError, match="web1 went away"):
        gather_facts(AnsweringTransport(ending="lost"))


def test_a_host_that_hangs_is_told() -> None:
    with pytest.raises(StepError, match="timeout"):
        gather_facts(AnsweringTransport(ending="timeout"))


def test_nonsense_from_a_host_is_refused_and_shown_harmlessly() -> None:
    with pytest.raises(StepError) as caught:
        gather_facts(AnsweringTransport(stdout=b"\x1b[2Jhello"))
    assert "\x1b" not in str(caught.value)
