"""The Debian tree that disposable hosts share: built once, kept in the cache, never written to afterwards."""

import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUITE = "bookworm"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "cron", "at"),
    *("nftables", "iproute2", "procps", "acl", "python3", "nginx-light", "less"),
    *("python3-apt", "openssl"),  # Ansible's dry run of apt; certificates
)
OFFERED_PACKAGES = (
    *("hello", "bc", "chrony", "fail2ban", "python3-systemd", "unattended-upgrades"),
    *("rsyslog", "rsyslog-gnutls", "prometheus-node-exporter"),
)
"""What can be installed on a host, with what it needs (11 MB), from a repository on its own disk: it has no way out."""
REPOSITORY = "srv/packages"
MASKED_UNITS = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer"),
    *("systemd-timesyncd.service", "console-getty.service"),
)
"""What would run by itself in the middle of a test."""
STOPPED_UNITS = ("nginx.service", "nftables.service")
USER = "ops"
USER_ID = 1000
PASSWORD = "ops"
DOCUMENTATION = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info")
BUILD_LIMIT_S = 900.0

CACHE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path(pwd.getpwuid(os.geteuid()).pw_dir) / ".cache")
    / "sayso"
    / "test-hosts"
)
"""The account's own cache, whatever HOME a test sets later."""


class TreeError(Exception):
    """The tree can't be built; the message says why."""


def tree() -> Path:
    """Return the tree's folder, built first where it is missing (1-2 minutes and 250 MB, over the network).

    Raises `TreeError`. Processes that want it at the same time wait for one of them to build it.
    """
    path = CACHE / _key()
    if path.exists():
        return path
    CACHE.mkdir(parents=True, exist_ok=True)
    with _alone():
        if not path.exists():
            _remove_old_trees()
            _build(path)
    return path


def is_built() -> bool:
    """Whether the tree is there."""
    return (CACHE / _key()).exists()


def _key() -> str:
    """This file decides what the tree holds, so its hash is the tree's name."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]


@contextmanager
def _alone() -> Iterator[None]:
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_old_trees() -> None:
    """Remove half-built trees. Those of other versions stay: another checkout's hosts may stand on them."""
    for path in CACHE.glob("*.new"):
        shutil.rmtree(path, ignore_errors=True)


def _build(path: Path) -> None:
    scratch = path.with_suffix(".new")
    log = path.with_suffix(".log")
    included = ",".join(PACKAGES)
    with log.open("wb") as output:
        argv = ["debootstrap", "--variant=minbase", f"--include={included}", SUITE, str(scratch), _mirror()]
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=BUILD_LIMIT_S, check=False
        )
    if done.returncode:
        raise TreeError(f"debootstrap failed, see {log}")
    _add_repository(scratch)
    _add_account(scratch)
    _inside(scratch, "systemctl", "mask", *MASKED_UNITS)
    _inside(scratch, "systemctl", "disable", *STOPPED_UNITS)
    for needless in (*scratch.glob("etc/ssh/ssh_host_*"), *scratch.glob("var/cache/apt/archives/*.deb")):
        needless.unlink()
    for folder in DOCUMENTATION:
        shutil.rmtree(scratch / folder, ignore_errors=True)
        (scratch / folder).mkdir()
    (scratch / "etc/machine-id").write_text("")
    (scratch / "etc/resolv.conf").unlink(missing_ok=True)
    scratch.rename(path)


def _add_account(root: Path) -> None:
    _inside(root, "useradd", "--create-home", "--shell=/bin/bash", f"--uid={USER_ID}", USER)
    _inside(root, "chpasswd", stdin=f"{USER}:{PASSWORD}\n")
    ssh_folder = root / "home" / USER / ".ssh"
    ssh_folder.mkdir(mode=0o700)
    os.chown(ssh_folder, USER_ID, USER_ID)
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)


def _add_repository(root: Path) -> None:
    """Put a few packages into a folder that apt reads as a repository, and make it the only one."""
    folder = root / REPOSITORY
    folder.mkdir(parents=True)
    _inside(root, "apt-get", "-q", "update")
    _inside(root, *"apt-get -q -y --download-only --no-install-recommends install".split(), *OFFERED_PACKAGES)
    for package in root.glob("var/cache/apt/archives/*.deb"):
        package.rename(folder / package.name)
    paragraphs = []
    for package in sorted(folder.glob("*.deb")):
        content = package.read_bytes()
        control = _inside(root, "dpkg-deb", "--field", f"/{REPOSITORY}/{package.name}").rstrip("\n")
        paragraphs.append(
            f"{control}\nFilename: ./{package.name}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"
        )
    (folder / "Packages").write_text("\n".join(paragraphs))
    (root / "etc/apt/sources.list").write_text(f"deb [trusted=yes] file:/{REPOSITORY} ./\n")
    shutil.rmtree(root / "var/lib/apt/lists")
    (root / "var/lib/apt/lists/partial").mkdir(parents=True)
    _inside(root, "apt-get", "-q", "update")


def _inside(root: Path, *argv: str, stdin: str = "") -> str:
    """Run a program of the tree, chrooted, and return what it printed. Raises `TreeError`."""
    done = subprocess.run(
        ["chroot", str(root), *argv],
        input=stdin,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
        timeout=BUILD_LIMIT_S,
        check=False,
    )
    if done.returncode:
        raise TreeError(f"{' '.join(argv[:4])} in the tree exited {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout


def _mirror() -> str:
    """Return the Debian mirror that this machine itself uses: sources.list(5), deb822 form, then one line a source."""
    folder = Path("/etc/apt")
    for source in sorted(folder.glob("sources.list.d/*.sources")):
        for line in source.read_text().splitlines():
            if line.startswith("URIs:") and "debian" in line and "security" not in line:
                return line.split()[1]
    for source in (folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))):
        for line in source.read_text().splitlines() if source.exists() else ():
            words = [word for word in line.split() if not word.startswith("[") and not word.endswith("]")]
            if words[:1] == ["deb"] and "debian" in words[1] and "security" not in words[1]:
                return words[1]
    return "http://deb.debian.org/debian"
