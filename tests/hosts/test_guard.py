"""The lock-out guard on real hosts: what cuts off SSH comes back by itself, what a new login proves stays."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest

from executors.guard import Armed, arm, disarm, guarded, prove_by_login, roll_back_now, status
from executors.guard_rollback import (
    Rollback,
    new_guard_id,
    rollback_for_command,
    rollback_for_edit,
    rollback_for_firewall,
    rollback_for_units,
)
from executors.plan import EditStep, Outcome
from executors.ssh import SshTransport
from executors.state import Target
from intents.errors import PlanError, SaysoError
from tests.support.hosts import Host, light_host, requires_hosts, systemd_host
from tests.support.waiting import comes_true

pytestmark = [pytest.mark.sshd, requires_hosts]

LIMIT_S = 4
_until = partial(comes_true, within_s=30.0, every_s=0.2)
"""A host is asked by a new login each time."""
SSHD_CONFIG = "/etc/ssh/sshd_config"
DROP_SSH = "table inet cut {\n chain in {\n  type filter hook input priority 0;\n  tcp dport 22 drop\n }\n}\n"
LOCKED_OUT = "AllowUsers nobody\n"
FOLDERS = ("/etc/systemd/system", "/etc/cron.d", "/var/lib/sayso", "/home/ops", "/etc/ssh")


@pytest.fixture(scope="module")
def own_host() -> Iterator[Host]:
    """A host that only these tests cut off."""
    with systemd_host() as host:
        yield host


@pytest.fixture
def target(own_host: Host) -> Iterator[Target]:
    """Root on it, over a connection of the test's own."""
    found = own_host.target()
    yield found
    assert _left_behind(own_host) == ""


def _left_behind(host: Host) -> str:
    return host.run_inside("find", *FOLDERS, "-name", "*guard-*", "-o", "-path", "*/sayso/guard/*", check=False).stdout


def _answers(host: Host, within_s: float = 1.0) -> bool:
    with suppress(OSError), socket.create_connection((host.slot.address, 22), timeout=within_s) as probe:
        return probe.recv(4) == b"SSH-"
    return False


def _lets_in(host: Host) -> bool:
    fresh = SshTransport(host.address)
    try:
        fresh.login()
    except SaysoError:
        return False
    finally:
        fresh.close()
    return True


def _is_gone(host: Host) -> bool:
    return _left_behind(host) == ""


def _edit(host: Host, extra: str) -> EditStep:
    """Return the step that such an edit would be; the file itself is changed by `_append`."""
    return EditStep(SSHD_CONFIG, "", host.path(SSHD_CONFIG).read_bytes() + extra.encode())


def _append(host: Host, extra: str) -> None:
    file = host.path(SSHD_CONFIG)
    file.write_text(file.read_text() + extra)


def _arm(target: Target, rollback: Rollback, *, limit_s: int = LIMIT_S) -> Armed:
    return arm(target, rollback, limit_s=limit_s, note={"record": "7"})


def test_a_firewall_rule_that_cuts_off_ssh_goes_by_itself(own_host: Host, target: Target) -> None:
    own_host.run_inside("nft", "-f", "-", stdin="table inet before {\n set s {\n  type ipv4_addr\n }\n}\n")
    before = own_host.run_inside("nft", "list", "ruleset").stdout
    _arm(target, rollback_for_firewall(target, guard_id=new_guard_id()))
    own_host.run_inside("nft", "-f", "-", stdin=DROP_SSH)
    assert not _answers(own_host)
    target.transport.close()  # nobody is left who could help
    assert _until(lambda: _lets_in(own_host))
    assert _until(lambda: _is_gone(own_host))
    assert own_host.run_inside("nft", "list", "ruleset").stdout == before
    own_host.run_inside("nft", "flush", "ruleset")


def test_a_change_that_no_new_login_proves_is_rolled_back_and_said_to_be(own_host: Host, target: Target) -> None:
    def step() -> Outcome:
        own_host.run_inside("nft", "-f", "-", stdin=DROP_SSH)
        return Outcome(target.host, "changed")

    outcome = guarded(
        target,
        rollback_for_firewall(target, guard_id=new_guard_id()),
        step,
        prove=prove_by_login(replace(own_host.address, connect_timeout_s=1.0), within_s=0.0),
        limit_s=LIMIT_S,
    )
    assert outcome.status == "failed"
    assert outcome.message.startswith("Rolled back: a new login failed (")
    assert own_host.run_inside("nft", "list", "ruleset").stdout == ""


def test_a_stopped_sshd_is_started_again_by_itself(own_host: Host, target: Target) -> None:
    _arm(target, rollback_for_units(["ssh"], target, guard_id=new_guard_id()))
    own_host.run_inside("systemctl", "disable", "--now", "ssh.service")
    assert not _answers(own_host)
    assert _until(lambda: _lets_in(own_host))
    assert _until(lambda: _is_gone(own_host))
    assert own_host.run_inside("systemctl", "is-enabled", "ssh.service").stdout == "enabled\n"


def test_a_command_is_taken_back_by_its_inverse(own_host: Host, target: Target) -> None:
    inverse = [("systemctl", "start", "ssh.service")]
    _arm(target, rollback_for_command(inverse, target, guard_id=new_guard_id()))
    own_host.run_inside("systemctl", "stop", "ssh.service")
    assert _until(lambda: _lets_in(own_host))
    assert _until(lambda: _is_gone(own_host))


def test_an_edit_that_locks_everybody_out_is_taken_back_with_attributes_and_read_again(
    own_host: Host, target: Target
) -> None:
    before = own_host.path(SSHD_CONFIG).read_bytes()
    own_host.run_inside("chmod", "0640", SSHD_CONFIG)

    def step() -> Outcome:
        _append(own_host, LOCKED_OUT)
        own_host.run_inside("chmod", "0600", SSHD_CONFIG)
        own_host.run_inside("systemctl", "reload", "ssh.service")
        return Outcome(target.host, "changed")

    rollback = rollback_for_edit(_edit(own_host, LOCKED_OUT), target, guard_id=new_guard_id())
    outcome = guarded(target, rollback, step, prove=prove_by_login(own_host.address, within_s=2.0), limit_s=60, note={})
    assert outcome.status == "failed", "over the old connection the rollback didn't wait for its limit"
    assert own_host.path(SSHD_CONFIG).read_bytes() == before
    assert own_host.run_inside("stat", "-c", "%a %U", SSHD_CONFIG).stdout == "640 root\n"
    assert _lets_in(own_host)
    own_host.run_inside("chmod", "0644", SSHD_CONFIG)


def test_a_good_change_is_disarmed_by_a_new_login_and_stays(own_host: Host, target: Target) -> None:
    before = own_host.path(SSHD_CONFIG).read_bytes()

    def step() -> Outcome:
        _append(own_host, "MaxAuthTries 5\n")
        own_host.run_inside("systemctl", "reload", "ssh.service")
        return Outcome(target.host, "changed", message="as it was said")

    rollback = rollback_for_edit(_edit(own_host, "MaxAuthTries 5\n"), target, guard_id=new_guard_id())
    started = time.monotonic()
    outcome = guarded(target, rollback, step, prove=prove_by_login(own_host.address, within_s=10.0), limit_s=LIMIT_S)
    assert outcome == Outcome(target.host, "changed", message="as it was said")
    assert _is_gone(own_host)
    assert _until(lambda: time.monotonic() > started + LIMIT_S + 1)
    assert own_host.path(SSHD_CONFIG).read_bytes() == before + b"MaxAuthTries 5\n"
    assert "sayso-guard" not in own_host.run_inside("systemctl", "list-units", "--all").stdout
    own_host.path(SSHD_CONFIG).write_bytes(before)


def test_a_reboot_while_armed_rolls_back_after_the_boot(own_host: Host, target: Target) -> None:
    before = own_host.path(SSHD_CONFIG).read_bytes()
    rollback = rollback_for_edit(_edit(own_host, LOCKED_OUT), target, guard_id=new_guard_id())
    _arm(target, rollback, limit_s=12)
    _append(own_host, LOCKED_OUT)
    own_host.reboot()
    assert own_host.path(SSHD_CONFIG).read_bytes() != before, "it fires after the boot, not before"
    assert not _lets_in(own_host)
    assert _until(lambda: _lets_in(own_host), within_s=60.0)
    assert _until(lambda: _is_gone(own_host))
    assert own_host.path(SSHD_CONFIG).read_bytes() == before


def test_a_lost_sudo_right_is_no_proof(own_host: Host, target: Target) -> None:
    rule = own_host.path("/etc/sudoers.d/ops")
    before = rule.read_text()
    ops = own_host.target("ops")
    step = EditStep("/etc/sudoers.d/ops", "", b"", as_user="root")

    def take_away() -> Outcome:
        rule.write_text("")
        return Outcome(ops.host, "changed")

    outcome = guarded(
        ops,
        rollback_for_edit(step, ops, guard_id=new_guard_id()),
        take_away,
        prove=prove_by_login(own_host.address_of("ops"), within_s=5.0),
        limit_s=LIMIT_S,
    )
    assert outcome.status == "failed"
    assert "over a new login the guard can't be disarmed" in outcome.message
    assert rule.read_text() == before


def test_an_accounts_own_file_is_put_back_as_that_account(own_host: Host, target: Target) -> None:
    keys = "/home/ops/.ssh/authorized_keys"
    before = own_host.path(keys).read_bytes()
    ops = own_host.target("ops")
    armed = _arm(ops, rollback_for_edit(EditStep(keys, "", b""), ops, guard_id=new_guard_id()), limit_s=60)
    own_host.path(keys).write_text("")
    roll_back_now(armed, target.transport)
    assert _until(lambda: _is_gone(own_host))
    assert own_host.path(keys).read_bytes() == before
    assert own_host.run_inside("stat", "-c", "%U %a", keys).stdout == "ops 600\n"


def test_names_reach_the_programs_of_a_rollback_as_they_are(own_host: Host, target: Target) -> None:
    names = ["a b", "%H %%", "$HOME ${HOME}", 'say "x"', "it's", "back\\slash \\n", ";", "-n", "*", "ü", "#", "a\\"]
    own_host.run_inside("mkdir", "/srv/names")
    vectors = [("touch", "--", f"/srv/names/{name}") for name in names]
    failing = [("false",), *vectors]
    armed = _arm(target, rollback_for_command(failing, target, guard_id=new_guard_id()), limit_s=60)
    roll_back_now(armed, target.transport)
    assert _until(lambda: _is_gone(own_host))
    assert {path.name for path in own_host.path("/srv/names").iterdir()} == set(names)
    own_host.run_inside("rm", "-r", "/srv/names")


def test_a_created_file_is_removed_again(own_host: Host, target: Target) -> None:
    step = EditStep("/etc/ssh/sshd_config.d/new.conf", None, LOCKED_OUT.encode())
    armed = _arm(target, rollback_for_edit(step, target, guard_id=new_guard_id()), limit_s=60)
    own_host.path(step.path).write_text(LOCKED_OUT)
    roll_back_now(armed, target.transport)
    assert _until(lambda: _is_gone(own_host))
    assert not own_host.path(step.path).exists()


def test_an_armed_guard_is_found_again_and_a_late_proof_is_no_proof(own_host: Host, target: Target) -> None:
    rollback = rollback_for_command([("true",)], target, guard_id=new_guard_id())
    armed = _arm(target, rollback, limit_s=60)
    (left,) = status(target)
    assert (left.guard_id, left.limit_s, left.is_waiting, left.note) == (rollback.guard_id, 60, True, {"record": "7"})
    roll_back_now(armed, target.transport)
    assert _until(lambda: _is_gone(own_host))
    assert not disarm(armed, target.transport)
    assert status(target) == ()


def test_a_host_on_which_no_unit_can_be_written_is_not_changed(own_host: Host, target: Target) -> None:
    own_host.set_read_only("/etc/systemd/system")
    try:
        with pytest.raises(PlanError, match="no automatic rollback can be armed there"):
            _arm(target, rollback_for_command([("true",)], target, guard_id=new_guard_id()))
    finally:
        own_host.set_writable("/etc/systemd/system")


def test_without_systemd_cron_does_it_and_without_cron_nobody() -> None:
    with light_host() as host:
        target = host.target()
        step = EditStep("/etc/sudoers.d/ops", "", b"")
        with pytest.raises(PlanError, match="Neither systemd nor a cron"):
            _arm(target, rollback_for_edit(step, target, guard_id=new_guard_id()))
        host.run_inside("cron")
        before = host.path(step.path).read_bytes()
        armed = _arm(target, rollback_for_edit(step, target, guard_id=new_guard_id()))
        assert armed.by == "cron"
        entry = host.path(armed.files[0])
        assert entry.stat().st_mode & 0o777 == 0o644
        assert entry.read_text().splitlines()[1].startswith("@reboot root ")
        host.path(step.path).write_text("")
        roll_back_now(armed, target.transport)
        assert _until(lambda: _is_gone(host))
        assert host.path(step.path).read_bytes() == before
        again = _arm(target, rollback_for_edit(step, target, guard_id=new_guard_id()))
        assert disarm(again, host.transport())
        assert _is_gone(host)
