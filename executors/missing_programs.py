"""Which package brings a program that a target lacks, so that its absence comes with what to do about it."""

from collections.abc import Mapping

from intents.errors import StepError

PACKAGES: Mapping[str, str | Mapping[str, str]] = {
    "acl": "acl",
    "atq": "at",
    "at": "at",
    "atrm": "at",
    "borg": {"apt": "borgbackup", "dnf": "borgbackup", "apk": "borgbackup", "pacman": "borg", "zypper": "borgbackup"},
    "btrfs": {"dnf": "btrfs-progs", "zypper": "btrfsprogs", "": "btrfs-progs"},
    "bzip2": "bzip2",
    "chronyc": "chrony",
    "coredumpctl": {"apt": "systemd-coredump", "zypper": "systemd-coredump"},
    "crontab": {"apt": "cron", "dnf": "cronie", "zypper": "cron", "apk": "dcron", "pacman": "cronie"},
    "curl": "curl",
    "cvtsudoers": "sudo",
    "debsums": "debsums",
    "dig": {
        "apt": "bind9-dnsutils",
        "dnf": "bind-utils",
        "zypper": "bind-utils",
        "apk": "bind-tools",
        "pacman": "bind",
    },
    "dmidecode": "dmidecode",
    "dumpe2fs": "e2fsprogs",
    "e2fsck": "e2fsprogs",
    "ethtool": "ethtool",
    "fail2ban-client": "fail2ban",
    "file": "file",
    "firewall-cmd": "firewalld",
    "fuser": "psmisc",
    "getfacl": "acl",
    "git": "git",
    "iostat": "sysstat",
    "ip": {"dnf": "iproute", "": "iproute2"},
    "journalctl": "systemd",
    "last": {"apt": "util-linux", "": "util-linux"},
    "logrotate": "logrotate",
    "lsblk": "util-linux",
    "lshw": "lshw",
    "lsof": "lsof",
    "lspci": "pciutils",
    "lsusb": "usbutils",
    "lvs": "lvm2",
    "lvextend": "lvm2",
    "lvremove": "lvm2",
    "lvcreate": "lvm2",
    "mdadm": "mdadm",
    "mkfs": "util-linux",
    "mkfs.btrfs": {"dnf": "btrfs-progs", "": "btrfs-progs"},
    "mkfs.xfs": "xfsprogs",
    "modprobe": "kmod",
    "mpstat": "sysstat",
    "mtr": {"apt": "mtr-tiny", "": "mtr"},
    "mysql": {"apt": "default-mysql-client", "dnf": "mysql", "": "mariadb-client"},
    "needrestart": "needrestart",
    "nft": "nftables",
    "nginx": "nginx",
    "openssl": "openssl",
    "pidstat": "sysstat",
    "ping": {"apt": "iputils-ping", "": "iputils"},
    "podman": "podman",
    "prlimit": "util-linux",
    "ps": {"dnf": "procps-ng", "pacman": "procps-ng", "": "procps"},
    "psql": {"apt": "postgresql-client", "dnf": "postgresql", "": "postgresql"},
    "pstree": "psmisc",
    "resize2fs": "e2fsprogs",
    "redis-cli": {"apt": "redis-tools", "": "redis"},
    "repquota": {"": "quota"},
    "restic": "restic",
    "rsync": "rsync",
    "sensors": {"apt": "lm-sensors", "": "lm_sensors"},
    "setfacl": "acl",
    "smartctl": "smartmontools",
    "sqlite3": {"dnf": "sqlite", "": "sqlite3"},
    "ss": {"dnf": "iproute", "": "iproute2"},
    "strace": "strace",
    "sudo": "sudo",
    "sysctl": {"dnf": "procps-ng", "": "procps"},
    "tar": "tar",
    "tcpdump": "tcpdump",
    "traceroute": "traceroute",
    "tree": "tree",
    "ufw": "ufw",
    "unzip": "unzip",
    "who": "coreutils",
    "wipefs": "util-linux",
    "xfs_growfs": "xfsprogs",
    "xfs_repair": "xfsprogs",
    "xz": {"apt": "xz-utils", "": "xz"},
    "zip": "zip",
    "zipinfo": "unzip",
    "zstd": "zstd",
}
"""Program -> its package, the same everywhere or by the fact `packages` (`""`: all others).

From the package indexes of Debian 12, Fedora 39, openSUSE 15.5, Alpine 3.18 and Arch (2023-11)."""


class MissingProgramError(StepError):
    """A program isn't on the target, or not where programs are taken from."""

    def __init__(self, program: str, *, host: str, remedy: str = "", exit_code: int | None = None) -> None:
        super().__init__(
            f"This needs `{program}`, which isn't installed{'' if host == 'local' else f' on {host}'}.",
            remedy=remedy or f"Install the package that provides `{program}` and ask again.",
            host=host,
            argv=(program,),
            exit_code=exit_code,
        )
        self.program = program

    def on(self, packages: str) -> "MissingProgramError":
        """Return the same error with what to ask for on a target with this package manager."""
        package = package_of(self.program, packages)
        if package is None:
            return self
        ask = f"`install {package}`" if self.host == "local" else f"`install {package} on {self.host}`"
        return MissingProgramError(
            self.program, host=self.host, remedy=f"Ask for {ask}, which plans it.", exit_code=self.exit_code
        )


def package_of(program: str, packages: str) -> str | None:
    """Return the package that brings a program where `packages` installs it; None where nobody said.

    >>> package_of("smartctl", "apt"), package_of("dig", "dnf"), package_of("nosuch", "apt")
    ('smartmontools', 'bind-utils', None)
    """
    found = PACKAGES.get(program)
    if packages == "none" or found is None:
        return None
    return found if isinstance(found, str) else found.get(packages, found.get(""))
