"""What a host is: its init system, package manager, distribution, userland, kernel and login.

The same constant questions over every transport; what is answered is read by pure functions.
"""

import re
from collections.abc import Mapping

from executors.transport import Completed, Transport
from intents.errors import StepError, UnreachableError

_MARKERS: Mapping[str, tuple[str, str]] = {
    "/run/systemd/system": ("init", "systemd"),  # sd_booted(3)
    "/run/openrc": ("init", "openrc"),
    "/usr/bin/apt-get": ("packages", "apt"),
    "/usr/bin/dnf": ("packages", "dnf"),
    "/usr/bin/zypper": ("packages", "zypper"),
    "/sbin/apk": ("packages", "apk"),
    "/usr/bin/pacman": ("packages", "pacman"),
    "/sys/fs/selinux/enforce": ("selinux", "on"),
    "/usr/bin/podman": ("containers", "podman"),
    "/usr/bin/docker": ("containers", "docker"),  # podman-docker puts a script of this name beside podman
    "/var/lib/postgresql": ("databases", "postgresql"),  # Debian, Alpine
    "/var/lib/pgsql": ("databases", "postgresql"),  # RHEL, SUSE
    "/var/lib/mysql": ("databases", "mysql"),  # MariaDB's as well
    "/usr/sbin/nginx": ("web", "nginx"),
    "/usr/sbin/apache2": ("web", "apache2"),  # Debian
    "/usr/sbin/httpd": ("web", "httpd"),  # RHEL, Alpine
    "/usr/bin/restic": ("backups", "restic"),
    "/usr/bin/borg": ("backups", "borg"),
    # The control group of a unit is there while it runs; the second is that of version 1.
    "/sys/fs/cgroup/system.slice/firewalld.service": ("firewall", "firewalld"),
    "/sys/fs/cgroup/systemd/system.slice/firewalld.service": ("firewall", "firewalld"),
    "/usr/sbin/ufw": ("firewall", "ufw"),  # it may be switched off, which no file tells
    "/usr/sbin/nft": ("firewall", "nft"),
    "/usr/bin/nft": ("firewall", "nft"),  # Arch
}
"""A file that exists -> the fact that it shows, the more telling first."""

_STACKS = ("containers", "databases", "web", "backups", "firewall")
"""Facts of which the first marker that is there decides; `none` without any."""

_PACKAGES_OF: Mapping[str, str] = {
    "debian": "apt",
    "ubuntu": "apt",
    "fedora": "dnf",
    "rhel": "dnf",
    "centos": "dnf",
    "suse": "zypper",
    "opensuse": "zypper",
    "sles": "zypper",
    "alpine": "apk",
    "arch": "pacman",
}
"""ID or ID_LIKE of os-release(5) -> package manager: a Debian can have dnf installed as well."""

QUESTIONS = (
    'for file do [ -e "$file" ] && printf "%s\\n" "$file"; done; printf "\\0"; '
    'cat -- /etc/os-release /usr/lib/os-release 2>/dev/null; printf "\\0"; '
    'uname -s -n -r -m; printf "\\0"; readlink -f -- /bin/ls'
)
"""Run by `sh -c` with the markers as arguments: all in one go, because each command over SSH costs some 10 ms."""
FACTS_ARGV = ("sh", "-c", QUESTIONS, "sayso", *_MARKERS)

_UNAME_FIELDS = 4
_TIMEOUT_S = 20.0


def gather_facts(transport: Transport) -> Mapping[str, str]:
    """Return the facts of the transport's host, all as text.

    Keys: init, packages, os_id, os_version, userland, kernel, architecture, hostname, selinux
    (`on` or `off`), containers (podman, docker), databases (postgresql, mysql), web (nginx, apache2, httpd),
    backups (restic, borg), firewall (firewalld where it runs, ufw, nft), each of these five `none` without any;
    login_uid, login_user.

    Raises `StepError` when the host lacks the most ordinary programs, `UnreachableError` when it
    can't be reached or the connection goes away midway.
    """
    markers, release, uname, userland, *_ = *_text(transport, FACTS_ARGV).split("\0"), "", "", "", ""
    login = transport.login()
    try:
        facts = parse_facts(markers=markers, os_release=release, uname=uname, userland=userland)
    except ValueError as error:
        raise StepError(
            f"{transport.host} doesn't say what it is: {error}.",
            remedy="sayso works on Linux hosts with the usual programs (ls, cat, uname, readlink).",
            host=transport.host,
            argv=FACTS_ARGV[:1],
        ) from error
    return {**facts, "login_uid": str(login.uid), "login_user": login.user}


def parse_facts(*, markers: str, os_release: str, uname: str, userland: str) -> dict[str, str]:
    r"""Return the facts that the outputs show; raises `ValueError` when `uname` is not Linux's.

    >>> facts = parse_facts(
    ...     markers="/run/openrc\n/sbin/apk\n",
    ...     os_release='ID=alpine\nVERSION_ID=3.20.3\n',
    ...     uname="Linux box 6.6.54-0-virt x86_64\n",
    ...     userland="/bin/busybox\n",
    ... )
    >>> [facts[name] for name in ("init", "packages", "os_id", "userland", "selinux")]
    ['openrc', 'apk', 'alpine', 'busybox', 'off']
    """
    words = uname.split()
    if len(words) != _UNAME_FIELDS or words[0] != "Linux":
        raise ValueError(f"uname printed {uname.strip()[:80]!a}")
    release = parse_os_release(os_release)
    shown = [_MARKERS[line] for line in markers.splitlines() if line in _MARKERS]
    init = [value for name, value in shown if name == "init"]
    return {
        "init": next(iter(init), "none"),
        "packages": _packages(release, [value for name, value in shown if name == "packages"]),
        "os_id": release.get("ID", "linux"),  # the default that os-release(5) gives
        "os_version": release.get("VERSION_ID") or release.get("BUILD_ID", ""),
        "userland": "busybox" if userland.strip().endswith("/busybox") else "gnu",
        "kernel": words[2],
        "architecture": words[3],
        "hostname": words[1],
        "selinux": "on" if ("selinux", "on") in shown else "off",
        **_stacks(shown),
    }


def parse_os_release(text: str) -> dict[str, str]:
    r"""Return the assignments of an os-release file; of two files in a row the first one wins.

    os-release(5): shell-compatible `NAME=value`, quoted by `"` or `'` where needed, with `\` before
    `$ " \ ` and the backtick inside double quotes. Nothing is expanded.

    >>> parse_os_release('ID="rocky"\n# comment\nVERSION_ID=\'9.4\'\nNAME="A \\"B\\""\n')
    {'ID': 'rocky', 'VERSION_ID': '9.4', 'NAME': 'A "B"'}
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = re.fullmatch(r"\s*([A-Z][A-Z0-9_]*)=(.*?)\s*", line)
        if match is None:
            continue
        value = match[2]
        if len(value) > 1 and value[0] == value[-1] == "'":
            value = value[1:-1]
        elif len(value) > 1 and value[0] == value[-1] == '"':
            value = re.sub(r'\\([$"\\`])', r"\1", value[1:-1])
        found.setdefault(match[1], value)
    return found


def _stacks(shown: list[tuple[str, str]]) -> dict[str, str]:
    """Of two that are installed side by side the one that is named first above."""
    return {
        stack: next((value for name, value in _MARKERS.values() if name == stack and (name, value) in shown), "none")
        for stack in _STACKS
    }


def _packages(release: Mapping[str, str], installed: list[str]) -> str:
    """The one that belongs to the distribution, where it is installed; else the first that is."""
    families = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    own = [_PACKAGES_OF[family] for family in families if family in _PACKAGES_OF]
    return next((name for name in own if name in installed), next(iter(installed), "none"))


def _text(transport: Transport, argv: tuple[str, ...]) -> str:
    """Return what `argv` printed. An exit code other than 0 is fine: files that aren't there are the answer."""
    completed: Completed = transport.run(argv, timeout_s=_TIMEOUT_S)
    if completed.ending == "lost":
        raise UnreachableError(
            f"The connection to {transport.host} went away while its facts were read.",
            remedy="Check the host and the network, and ask again.",
            host=transport.host,
        )
    if completed.ending != "exited":
        raise StepError(
            f"`{argv[0]}` on {transport.host} gave no answer ({completed.ending}) after {completed.duration_s:.0f} s.",
            remedy="Check the host's load, and file systems that hang.",
            host=transport.host,
            argv=argv[:1],
        )
    return completed.stdout.decode("utf-8", "replace")
