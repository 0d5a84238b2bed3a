"""The lock-out guard without a host: what cuts access, what its files say, and that no change begins unguarded."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executors.guard import guarded, prove_by_login
from executors.guard_cuts import cut_of, cuts_access, kind_of_path
from executors.guard_rollback import Rollback, new_guard_id, reloadable_ruleset
from executors.guard_units import cron_entry, exec_start_line, rollback_script, service_unit, timer_unit
from executors.plan import EditStep, Effect, Outcome, PlannedStep, PlaybookStep, RunStep, Step
from executors.ssh_config import HostAddress
from executors.state import Target
from executors.transport import Cancel, Completed, Login
from intents.catalogue import Catalogue
from intents.errors import PlanError, UnreachableError
from intents.intent import AccessKind, Intent

ADDRESS = HostAddress("web1", "192.0.2.1", 22, "ops", (), (), 1.0)
LOGIN = Login(1000, "ops", "/home/ops", "/")


class Answering:
    """A transport on which every command ends with one exit code; `login` may fail a few times first."""

    def __init__(self, exit_code: int = 0, *, refusals: int = 0) -> None:
        self.exit_code = exit_code
        self.refusals = refusals
        self.is_closed = False
        self.started: list[tuple[str, ...]] = []

    host = "web1"

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
        return Completed(tuple(argv), "exited", self.exit_code, None, b"", b"refused\n", 0, 8, 0.0)

    def login(self) -> Login:
        if self.refusals:
            raise UnreachableError("web1 refused the login.", remedy="", host="web1")
        return LOGIN

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture(scope="module")
def change() -> Intent:
    """A change that declares nothing about access."""
    return replace(Catalogue.load()["service.restart"], cuts=())


def _target(transport: Answering | None = None, **facts: str) -> Target:
    return Target("web1", transport or Answering(), {"init": "systemd", **facts}, LOGIN)


def _planned(step: Step, effect: Effect = Effect.WILL_CHANGE) -> PlannedStep:
    return PlannedStep(step, effect)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc/ssh/sshd_config", "ssh"),
        ("/etc/ssh/sshd_config.d/10.conf", "ssh"),
        ("/etc/ssh/../ssh/sshd_config", "ssh"),
        ("/etc//hosts.deny", "ssh"),
        ("/home/ops/.ssh/authorized_keys", "ssh"),
        ("/etc/nftables.conf", "firewall"),
        ("/etc/ufw/user.rules", "firewall"),
        ("/etc/firewalld/zones/public.xml", "firewall"),
        ("/etc/iptables/rules.v4", "firewall"),
        ("/etc/network/interfaces", "network"),
        ("/etc/netplan/01.yaml", "network"),
        ("/etc/NetworkManager/NetworkManager.conf", "network"),
        ("/etc/systemd/network/eth0.network", "network"),
        ("/etc/sudoers", "sudo"),
        ("/etc/sudoers.d/ops", "sudo"),
        ("/etc/pam.d/sshd", "pam"),
        ("/etc/security/access.conf", "pam"),
        ("/etc/passwd", "pam"),
        ("/etc/shadow", "pam"),
        ("/etc/group", "pam"),
        ("/etc/nsswitch.conf", "pam"),
        ("/etc/hosts", None),
        ("/etc/nginx/nginx.conf", None),
        ("/srv/etc/ssh/sshd_config", None),
    ],
)
def test_an_edit_of_what_decides_access_is_guarded(change: Intent, path: str, kind: AccessKind | None) -> None:
    planned = _planned(EditStep(path, None, b"x"))
    cut = cut_of(change, {}, planned, _target())
    assert kind_of_path(path) == kind
    assert (None if cut is None else cut.kinds) == (None if kind is None else (kind,))


@pytest.mark.parametrize(
    ("argv", "kind"),
    [
        (("systemctl", "restart", "ssh.service"), "ssh"),
        (("systemctl", "stop", "--", "sshd"), "ssh"),
        (("systemctl", "disable", "--now", "ssh.socket"), "ssh"),
        (("systemctl", "stop", "nftables.service"), "firewall"),
        (("systemctl", "restart", "systemd-networkd.service"), "network"),
        (("systemctl", "stop", "NetworkManager"), "network"),
        (("rc-service", "sshd", "stop"), "ssh"),
        (("systemctl", "stop", "sssd.service"), "pam"),
        (("nft", "add", "rule", "inet", "filter", "input", "drop"), "firewall"),
        (("ip", "link", "set", "eth0", "down"), "network"),
        (("usermod", "-L", "--", "ops"), "pam"),
        (("passwd", "-l", "ops"), "pam"),
        (("chmod", "0600", "/etc/ssh/sshd_config"), "ssh"),
        (("systemctl", "start", "ssh.service"), None),
        (("systemctl", "stop", "nginx.service"), None),
        (("systemctl", "stop", "my-ssh.service"), None),
        (("usermod", "-L", "--", "bob"), None),
        (("rm", "/srv/ssh"), None),
    ],
)
def test_a_command_on_what_decides_access_is_guarded(
    change: Intent, argv: tuple[str, ...], kind: AccessKind | None
) -> None:
    cut = cut_of(change, {}, _planned(RunStep(argv, as_user="root")), _target())
    assert (None if cut is None else cut.kinds) == (None if kind is None else (kind,))
    assert cut is None or cut.reason.endswith(".")


def test_what_an_intent_declares_is_guarded_whatever_its_step(change: Intent) -> None:
    step = PlaybookStep("harden", (), "0" * 64)
    declared = replace(change, cuts=("ssh", "firewall"))
    assert cuts_access(change, {}, _planned(step), _target()) is None
    reason = cuts_access(declared, {}, _planned(step), _target())
    assert reason is not None
    assert "ssh" in reason
    assert "firewall" in reason


@pytest.mark.parametrize("effect", [Effect.READ, Effect.ALREADY_SO])
def test_what_changes_nothing_needs_no_guard(change: Intent, effect: Effect) -> None:
    planned = _planned(EditStep("/etc/ssh/sshd_config", None, b"x"), effect)
    assert cuts_access(replace(change, cuts=("ssh",)), {}, planned, _target()) is None


def _words_that_systemd_reads(line: str) -> list[str]:
    """Read an ExecStart line as systemd.service(5) says: quotes, then specifiers and variables."""
    text = line.removeprefix("ExecStart=-")
    program, _, rest = text.partition(" ")
    words, position = [program], 0
    while position < len(rest):
        assert rest[position] == '"'
        position += 1
        word = ""
        while rest[position] != '"':
            if rest[position] == "\\":
                position += 1
                assert rest[position] in '\\"'
            elif rest[position] in "%$":
                assert rest[position + 1] == rest[position], "a specifier or a variable"
                position += 1
            word += rest[position]
            position += 1
        words.append(word)
        position += 1
        assert rest[position : position + 1] in {"", " "}
        position += 1
    return words


@given(st.lists(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))), max_size=5))
def test_a_unit_holds_exactly_the_words_of_the_vector(words: list[str]) -> None:
    line = exec_start_line(["/bin/cp", *words])
    assert len(line.splitlines()) == 1
    assert _words_that_systemd_reads(line) == ["/bin/cp", *words]


@pytest.mark.parametrize("word", ["a\nExecStart=/bin/sh", "\0", "\r", "a\tb", "\x7f", "\u2028", "\udcff", "\x85"])
def test_a_word_that_could_end_its_line_is_refused(word: str) -> None:
    with pytest.raises(PlanError):
        exec_start_line(["/bin/cp", word])
    with pytest.raises(PlanError):
        rollback_script([("/bin/cp", word)], timeout_program="/usr/bin/timeout")


@pytest.mark.parametrize("program", ["cp", "-/bin/cp", "+/bin/cp", "/bin/c p", "/bin/$X", ""])
def test_only_an_absolute_plain_program_is_started(program: str) -> None:
    with pytest.raises(PlanError):
        exec_start_line([program])


def test_a_rollback_goes_on_after_a_command_that_fails_or_hangs() -> None:
    text = service_unit("a1", [("/bin/false",), ("/bin/true",)], timeout_program="/usr/bin/timeout")
    assert [line for line in text.splitlines() if line.startswith("ExecStart")] == [
        'ExecStart=-/usr/bin/timeout "60" "/bin/false"',
        'ExecStart=-/usr/bin/timeout "60" "/bin/true"',
    ]
    assert "OnActiveSec=7\n" in timer_unit("a1", limit_s=7)
    assert "WantedBy=timers.target" in timer_unit("a1", limit_s=7)


@pytest.mark.parametrize("name", ["a b", "it's", "$HOME", "`id`", "-n", '"', "\\", "*", "ü", ";", "%m"])
def test_the_script_for_cron_runs_exactly_the_vectors_in_order_and_past_a_failure(tmp_path: Path, name: str) -> None:
    source, wanted = tmp_path / "source", tmp_path / name
    source.write_text("x")
    timeout, false, copy = (str(shutil.which(program)) for program in ("timeout", "false", "cp"))
    script = tmp_path / "rollback"
    script.write_text(rollback_script([(false,), (copy, "--", str(source), str(wanted))], timeout_program=timeout))
    subprocess.run(["sh", str(script)], check=True, cwd=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"source", "rollback", name}


def test_cron_gets_a_moment_and_every_boot_and_no_other_text() -> None:
    entry = cron_entry(script="/var/lib/sayso/guard/0a/rollback", moment="59 23 31 12")
    assert entry.splitlines()[0] == "59 23 31 12 * root /bin/sh /var/lib/sayso/guard/0a/rollback"
    for moment in ("", "* * * *", "59 23 31 12\n@reboot root rm"):
        with pytest.raises(PlanError):
            cron_entry(script="/var/lib/sayso/guard/0a/rollback", moment=moment)


def test_a_ruleset_is_loaded_instead_of_what_is_there_and_without_what_iptables_keeps() -> None:
    own = "table inet own {\n\tchain in {\n\t\ttcp dport 22 accept\n\t}\n}\n"
    foreign = (
        "# Warning: table ip filter is managed by iptables-nft, do not touch!\ntable ip filter {\n\tchain A {\n\t}\n}\n"
    )
    assert reloadable_ruleset("") == "flush ruleset\n"
    assert reloadable_ruleset(own + foreign + own) == f"flush ruleset\n{own}{own}"


def test_no_change_begins_where_no_guard_can_be_armed() -> None:
    begun: list[str] = []

    def step() -> Outcome:
        begun.append("begun")
        return Outcome("web1", "changed")

    for facts in ({"init": "systemd"}, {"init": "none"}, {"init": "openrc"}):
        target = _target(Answering(exit_code=1), **facts)
        rollback = Rollback(new_guard_id(), (("/bin/true",),))
        with pytest.raises(PlanError, match=r"no automatic rollback can be armed there: .* Nothing was changed"):
            guarded(target, rollback, step, prove=lambda: None)
    assert begun == []


def test_a_proof_by_login_tries_again_while_a_service_restarts_and_closes_what_failed() -> None:
    tried: list[Answering] = []

    def connect(_address: HostAddress) -> Answering:
        tried.append(Answering(refusals=0 if tried else 1))
        return tried[-1]

    fresh = prove_by_login(ADDRESS, within_s=5.0, connect=connect)()
    assert fresh is tried[1]
    assert [one.is_closed for one in tried] == [True, False]


def test_a_proof_by_login_fails_with_the_reason_after_its_time() -> None:
    with pytest.raises(UnreachableError, match="refused the login"):
        prove_by_login(ADDRESS, within_s=0.0, connect=lambda _address: Answering(refusals=1))()


def test_no_two_guards_have_one_name() -> None:
    assert len({new_guard_id() for _ in range(100)}) == 100
