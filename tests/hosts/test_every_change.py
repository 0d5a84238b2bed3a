"""Every change of the catalogue on a real host: planning does nothing, applying does what was planned, undo takes it back.

The rows stand in `changes/*.yml`, by intent name. A row's keys:

- `name`: the case; `arguments`: as after `sayso run`; `account`: `ops` (with sudo, the default) or `root`
- `prepare`: argument vectors run as root before anything is looked at
- `changes`: the beginnings of the lines in which the host differs afterwards; each line must have one, each must have a line
- `again`: `already so` (the default), or `always` for what has its effect each time, or `impossible` for what can't be said twice
- `stays`: path beginning -> why undo leaves it
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from executors.command_planning import SIMULATED
from executors.diffs import state_diff
from executors.plan import EditStep, Effect, Outcome, PlannedStep, RunStep
from intents.catalogue import Catalogue
from shell.exit_status import ExitStatus
from shell.response import Response
from shell.road import Options
from shell.session import Session
from tests.support.hosts import Host, requires_hosts, systemd_host
from tests.support.sessions import Approver, session_in

pytestmark = [pytest.mark.sshd, requires_hosts]

ROWS = Path(__file__).parent / "changes"
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


@dataclass(frozen=True)
class Case:
    intent: str
    name: str
    arguments: Mapping[str, str | Sequence[str]]
    changes: Sequence[str]
    prepare: Sequence[Sequence[str]] = ()
    account: str = "ops"
    again: str = "already so"
    stays: Mapping[str, str] = field(default_factory=dict)

    @property
    def pairs(self) -> list[str]:
        return [
            f"{key}={value}"
            for key, values in self.arguments.items()
            for value in ([values] if isinstance(values, str) else values)
        ]


def _cases() -> list[Case]:
    tables: list[dict[str, list[dict[str, Any]]]] = [
        yaml.safe_load(path.read_text()) for path in sorted(ROWS.glob("*.yml"))
    ]
    return [Case(intent, **row) for table in tables for intent, rows in table.items() for row in rows]


CASES = _cases()
CATALOGUE = Catalogue.load()
ALONE = frozenset({"package", "firewall", "network", "ssh", "time"})
"""Nouns whose rows leave what goes on by itself, or cut off who comes after."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


class Hosts:
    """A host for all rows that leave nothing running; one that a failure may have spoilt is given up."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._shared: Host | None = None

    def shared(self) -> Host:
        if self._shared is None:
            self._shared = self._open.enter_context(systemd_host())
        return self._shared

    def close(self) -> None:
        self._shared = None
        self._open.close()


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    made = Hosts()
    yield made
    made.close()


@pytest.fixture
def host(request: pytest.FixtureRequest, hosts: Hosts) -> Iterator[Host]:
    case: Case = request.node.callspec.params["case"]
    if _leaves_something_running(case):
        with systemd_host() as running:
            yield running
        return
    failed = request.session.testsfailed
    yield hosts.shared()
    if request.session.testsfailed > failed:
        hosts.close()


def _leaves_something_running(case: Case) -> bool:
    """Whether what the row installs, starts or cuts off could be a difference of the next one (a log shipper, a rule)."""
    noun = case.intent.partition(".")[0]
    installs = any("apt-get" in argv for argv in case.prepare)
    return installs or noun in ALONE or CATALOGUE[case.intent].operation.playbook is not None


@pytest.fixture
def person() -> Approver:
    made = Approver()
    made.password = "correct horse 9"
    return made


@pytest.fixture
def session(tmp_path: Path, cache: Path, host: Host, person: Approver) -> Iterator[Session]:
    config = tmp_path / "ssh_config"
    config.write_text(host.ssh_config("ops", "ops") + host.ssh_config("root", "root"))
    with session_in(tmp_path, door="terminal", person=person, cache=cache, ssh_configs=(config,)) as opened:
        yield opened


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.intent}: {case.name}")
def test_a_change_goes_round(case: Case, host: Host, session: Session, person: Approver) -> None:
    for argv in case.prepare:
        host.run_inside(*argv)
    before = host.snapshot()
    while_planning: list[str] = []
    person.meanwhile = lambda: while_planning.extend(before.difference(host.snapshot()))

    done = session.run_intent(case.intent, case.pairs, Options(on=case.account))
    assert done.status is ExitStatus.DONE, (done.fault, done.outcomes)
    assert len(person.plans) == 1
    assert while_planning == [], "planning changed the host"
    steps = _steps(done)
    assert {step.effect for step in steps} <= {Effect.WILL_CHANGE, Effect.CANNOT_KNOW}, steps
    assert {outcome.status for outcome in done.outcomes[case.account]} == {"changed"}
    _assert_only(before.difference(host.snapshot()), case.changes)
    for step, outcome in zip(steps, done.outcomes[case.account], strict=True):
        _assert_came_true(step, outcome, host)

    again = session.run_intent(case.intent, case.pairs, Options(on=case.account, dry_run=True))
    if case.again == "already so":
        assert again.status is ExitStatus.DONE, again.fault
        assert {step.effect for step in _steps(again)} == {Effect.ALREADY_SO}
    elif case.again == "always":
        assert Effect.ALREADY_SO not in {step.effect for step in _steps(again)}
    else:
        assert again.status is not ExitStatus.DONE

    person.meanwhile = None
    undone = session.undo(done.record, Options())
    if all(step.cannot_undo for step in steps):
        assert undone.status is ExitStatus.REFUSED, undone
        return
    assert undone.status is ExitStatus.DONE, (undone.fault, undone.outcomes)
    left = before.difference(host.snapshot())
    assert [line for line in left if not line.startswith(tuple(case.stays))] == [], "undo left something"


def test_every_change_of_the_catalogue_has_a_row() -> None:
    changes = {intent.name for intent in CATALOGUE.values() if intent.is_change}
    rows = {case.intent for case in CASES}
    assert changes - rows - CANNOT_GO_ROUND.keys() == set(), "add a row to tests/hosts/changes/"
    assert rows - changes == set(), "rows of intents that are no change, or are gone"
    assert rows & CANNOT_GO_ROUND.keys() == set()


def _steps(response: Response) -> list[PlannedStep]:
    assert response.plan is not None, response.fault
    return [step for stage in response.plan.stages for steps in stage.hosts.values() for step in steps]


def _assert_came_true(step: PlannedStep, outcome: Outcome, host: Host) -> None:
    """What the plan showed is what there is: the file's content, or each line of the state but "a new one"."""
    if isinstance(step.step, EditStep):
        path = host.path(step.step.path)
        assert (path.read_bytes() if path.exists() else None) == step.step.after
    elif isinstance(step.step, RunStep) and SIMULATED not in step.before:
        now = state_diff({}, outcome.after, "now").splitlines()
        promised = [line for line in step.diff.splitlines()[2:] if line.startswith("+") and not line.endswith("(new)")]
        assert [line for line in promised if line not in now] == []


def _assert_only(lines: Sequence[str], expected: Sequence[str]) -> None:
    """Each line begins with one of the expected texts, and each of these begins a line."""
    assert [line for line in lines if not line.startswith(tuple(expected))] == [], "it changed more than its row says"
    assert [text for text in expected if not any(line.startswith(text) for line in lines)] == [], lines
