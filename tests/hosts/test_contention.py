"""Two controllers at once, each a process with a history of its own; and a host whose sudo says no."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shell.exit_status import ExitStatus
from tests.support.command import Sayso
from tests.support.hosts import Host, requires_hosts

pytestmark = [pytest.mark.sshd, requires_hosts]

FILE = "/etc/contended.conf"
ROUNDS = 4


def controller(folder: Path, host: Host) -> Sayso:
    """Return a sayso with its own home, configuration and history that reaches the host as `box`."""
    folder.mkdir()
    sayso = Sayso(folder)
    ssh = folder / "home" / ".ssh"
    ssh.mkdir(mode=0o700)
    (ssh / "config").write_text(host.ssh_config("box", "root") + host.ssh_config("boxops", "ops"))
    (ssh / "config").chmod(0o600)
    return sayso


def test_two_controllers_never_interleave_and_what_one_was_told_is_true(tmp_path: Path, host: Host) -> None:
    host.path(FILE).write_text("begin\n")
    one, other = controller(tmp_path / "one", host), controller(tmp_path / "other", host)

    def append(sayso: Sayso, name: str) -> list[str]:
        done = []
        for number in range(ROUNDS):
            line = f"{name}-{number}"
            pairs = [f"path={FILE}", f"line={line}"]
            ran = sayso.run("--on", "box", "--yes", "run", "file.append_line", *pairs)
            assert ran.status in {ExitStatus.DONE, ExitStatus.FAILED, ExitStatus.REFUSED}, ran.stderr
            done += [line] if ran.status == ExitStatus.DONE else []
        return done

    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(append, one, "one"), pool.submit(append, other, "other")]
        written = [line for run in runs for line in run.result()]
    lines = host.path(FILE).read_text().splitlines()
    assert sorted(lines[1:]) == sorted(written), "each line that was reported is there, and no other"
    assert written, "somebody got through"
    assert host.run_inside("find", "/etc", "-maxdepth", "1", "-name", ".sayso-*").stdout == ""


def test_where_sudo_refuses_the_step_fails_with_its_words_and_nothing_is_changed(tmp_path: Path, host: Host) -> None:
    sayso = controller(tmp_path / "one", host)
    rules = [one for one in host.path("etc/sudoers.d").iterdir() if one.name != "README"]
    kept = {one: one.read_text() for one in rules}
    host.run_inside("systemctl", "stop", "cron.service")
    try:
        for one in rules:
            one.write_text("# nobody may do anything\n")
        ran = sayso.run("--on", "boxops", "--yes", "run", "service.start", "service=cron.service")
        assert ran.status in {ExitStatus.FAILED, ExitStatus.REFUSED}, ran.stdout
        assert "sudo" in ran.stderr, ran.stderr
        assert host.run_inside("systemctl", "is-active", "cron.service", check=False).stdout.strip() == "inactive"
    finally:
        for one, text in kept.items():
            one.write_text(text)
        host.run_inside("systemctl", "start", "cron.service")
