"""Every change of the catalogue on a real host: planning does nothing, applying does what was planned, undo takes it back
and can itself be taken back.

The rows stand in `changes/*.yml`, by intent name. A row's keys:

- `name`: the case; `arguments`: as after `sayso run`; `account`: `ops` (with sudo, the default) or `root`
- `prepare`: argument vectors run as root before anything is looked at
- `changes`: the beginnings of the lines in which the host differs afterwards; each line must have one, each must have a line
- `again`: `already so` (the default), or `always` for what has its effect each time, or `impossible` for what can't be said twice
- `stays`: path beginning -> why undo leaves it
- `once`: why the undo can't be taken back in one plan
"""

from collections.abc import Mapping

import pytest

from shell.session import Session
from tests.support.change_rows import CASES, CATALOGUE, Case, go_round, is_playbook
from tests.support.hosts import Host, requires_hosts
from tests.support.sessions import Approver

pytestmark = [pytest.mark.sshd, requires_hosts]

_ONE_VERSION = "a host's repository has one version of each package; tests/packs/test_apt_for_real.py has two"
_ANY_NUMBER = "a row can't know which number a process gets; tests/packs/test_processes_for_real.py asks"
_NO_ENGINE = "the hosts run no containers; tests/packs/test_containers_for_real.py has an engine of its own"
_NO_DATABASE = "the hosts have no database; tests/packs/test_databases_for_real.py has its own"
_NO_RESTIC = "the hosts have no restic; tests/packs/test_backups_for_real.py has a repository"
_NO_GIT = "the hosts have no git; tests/packs/test_git_for_real.py has a checkout"
_ONE_KERNEL = "swap is this machine's; tests/playbooks/test_swap_file.py has stand-ins for swapon and swapoff"
_BOOTS = "it restarts the host; tests/playbooks/test_patch_and_reboot.py has one of its own"
_KEYS = "the tests know the host by its keys; tests/playbooks/test_rotate_ssh_host_keys.py has a host of its own"
_MANY = "it is many changes, which other rows make too; tests/playbooks/test_bootstrap_host.py has a host of its own"
_NO_ZIP = "the hosts have neither zip nor unzip; tests/packs/test_archives_for_real.py has both"
_NO_RESOLVED = "the hosts have no systemd-resolved"
_NO_FIREWALL = "the hosts have nft only, neither ufw nor firewalld"
_NO_MODULES = (
    "a host of the tests shares this machine's kernel; tests/intents/test_module_parsers.py reads what modprobe said"
)
_NO_LOGROTATE = "the hosts have no logrotate; tests/packs/test_log_rotation_for_real.py runs it"
_NO_DISKS = "a host of the tests has no disks; tests/packs/test_filesystems_for_real.py has images of some"
_NO_LVM = "LVM needs the kernel's device mapper, which is the whole machine's"
_NO_LOGIND = "the hosts have no pam_systemd, so no login there is a session of logind"
CANNOT_GO_ROUND: Mapping[str, str] = {
    "archive.unzip": _NO_ZIP,
    "archive.zip": _NO_ZIP,
    "firewall.allow_port": _NO_FIREWALL,
    "firewall.disallow_port": _NO_FIREWALL,
    "firewall.allow_port_from": _NO_FIREWALL,
    "firewall.keep": _NO_FIREWALL,
    "firewall.disallow_port_from": _NO_FIREWALL,
    "network.download": "the hosts have no curl; tests/packs/test_downloads_for_real.py fetches from the loopback",
    "network.flush_dns": _NO_RESOLVED,
    "network.set_dns": _NO_RESOLVED,
    "package.repository_add": "a host reaches no web address; tests/packs/test_apt_for_real.py has apt read the source",
    "package.repair": "a host can't be broken; tests/packs/test_apt_for_real.py has an apt that is",
    "package.upgrade_security": _ONE_VERSION,
    "file.synchronise": "the hosts have no rsync",
    "disk.swap_setup": _ONE_KERNEL,
    "disk.swap_remove": _ONE_KERNEL,
    "host.bootstrap": _MANY,
    "ssh.rotate_host_keys": _KEYS,
    **dict.fromkeys((f"disk.filesystem_{verb}" for verb in ("create", "grow", "repair")), _NO_DISKS),
    **dict.fromkeys(("disk.trim", "disk.xfs_grow", "disk.xfs_repair", "disk.btrfs_grow"), _NO_DISKS),
    **dict.fromkeys((f"disk.lvm_{verb}" for verb in ("extend", "snapshot", "remove")), _NO_LVM),
    "log.rotate": _NO_LOGROTATE,
    "kernel.module_load": _NO_MODULES,
    "kernel.module_unload": _NO_MODULES,
    "user.log_out": _NO_LOGIND,
    "package.patch": _BOOTS,
    "package.upgrade": _ONE_VERSION,
    "package.upgrade_all": _ONE_VERSION,
    **dict.fromkeys(
        (f"container.{verb}" for verb in ("start", "stop", "restart", "pull", "remove", "remove_image")), _NO_ENGINE
    ),
    **dict.fromkeys(("container.prune", "container.prune_images"), _NO_ENGINE),
    **dict.fromkeys((f"database.{verb}" for verb in ("create", "drop", "backup", "restore", "vacuum")), _NO_DATABASE),
    **dict.fromkeys(("database.cancel_query", "database.end_connection", "redis.save", "sqlite.vacuum"), _NO_DATABASE),
    **dict.fromkeys(
        (f"backup.{verb}" for verb in ("start_repository", "create", "restore", "prune", "forget")), _NO_RESTIC
    ),
    **dict.fromkeys((f"git.{verb}" for verb in ("fetch", "pull", "switch", "check_out", "reset")), _NO_GIT),
    **dict.fromkeys(
        (f"process.{verb}" for verb in ("end", "signal", "pause", "resume", "set_limit", "set_priority")), _ANY_NUMBER
    ),
}
"""Change intents without a row -> why a host of the tests can't have them. Keep it short."""


@pytest.mark.parametrize(
    "case", [one for one in CASES if not is_playbook(one)], ids=lambda case: f"{case.intent}: {case.name}"
)
def test_a_change_goes_round(case: Case, row_host: Host, row_session: Session, row_person: Approver) -> None:
    go_round(case, row_host, row_session, row_person)


def test_every_change_of_the_catalogue_has_a_row() -> None:
    changes = {intent.name for intent in CATALOGUE.values() if intent.is_change}
    rows = {case.intent for case in CASES}
    assert changes - rows - CANNOT_GO_ROUND.keys() == set(), "add a row to tests/hosts/changes/"
    assert rows - changes == set(), "rows of intents that are no change, or are gone"
    assert rows & CANNOT_GO_ROUND.keys() == set()
