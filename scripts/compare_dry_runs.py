"""Twelve changes, and what three dry runs say of each before and after it is made, on a real disposable host.

Compares sayso's plan with Ansible's `--check --diff` and pyinfra's `--dry`. Needs root on Debian (the hosts of the
tests), ansible in this environment, and pyinfra anywhere:

    scripts/compare_dry_runs.py --pyinfra /path/to/pyinfra > table.md

For each tool: whether the dry run before the change says that something will change, whether it shows
what (a line of a diff, or the old and the new value), and whether the dry run after it says that nothing is
left to do. sayso makes the change, so that each tool sees the same host before and after.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from executors.plan import Effect, Plan  # noqa: E402 - the checkout comes first on the path
from shell.road import Options  # noqa: E402
from shell.session import Session  # noqa: E402
from tests.support.hosts import Host, systemd_host  # noqa: E402
from tests.support.sessions import Approver, places_in  # noqa: E402

LIMIT_S = 120
FILE = "/srv/compare/app.conf"


@dataclass(frozen=True, slots=True)
class Change:
    """One change in the words of each tool; `prepare` are vectors that bring the host to the state before."""

    name: str
    prepare: tuple[tuple[str, ...], ...]
    sayso: tuple[str, tuple[str, ...]]
    ansible: tuple[str, str]
    pyinfra: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a dry run said. None: it can't tell, or the tool was not run."""

    will_change: bool | None
    shows_what: bool


PLAIN = (("mkdir", "-p", "/srv/compare"), ("cp", "/usr/share/compare.conf", FILE), ("chmod", "0644", FILE))
CHANGES = (
    Change("append a line to a file", PLAIN, ("file.append_line", (f"path={FILE}", "line=d = 4")),
           ("lineinfile", f"path={FILE} line='d = 4'"), f'files.line(path="{FILE}", line="d = 4")'),
    Change("replace a text in a file", PLAIN, ("file.replace_text", (f"path={FILE}", "old=b = 2", "new=b = 3")),
           ("replace", f"path={FILE} regexp='b = 2' replace='b = 3'"), f'files.replace(path="{FILE}", text="b = 2", replace="b = 3")'),
    Change("set a key of an INI file", PLAIN, ("file.set_value", (f"path={FILE}", "key=a", "value=9")),
           ("lineinfile", f"path={FILE} regexp='^a = ' line='a = 9'"), f'files.line(path="{FILE}", line="a = 1", replace="a = 9")'),
    Change("remove a line", PLAIN, ("file.remove_line", (f"path={FILE}", "match=c = 3")),
           ("lineinfile", f"path={FILE} line='c = 3' state=absent"), f'files.line(path="{FILE}", line="c = 3", present=False)'),
    Change("set a file's mode", PLAIN, ("file.set_mode", (f"path={FILE}", "mode=600")),
           ("file", f"path={FILE} mode=0600"), f'files.file(path="{FILE}", mode="600")'),
    Change("make a directory", (("rm", "-rf", "/srv/compare/new"),), ("file.make_directory", ("path=/srv/compare/new", "mode=750")),
           ("file", "path=/srv/compare/new state=directory mode=0750"), 'files.directory(path="/srv/compare/new", mode="750")'),
    Change("remove a directory", (("mkdir", "-p", "/srv/compare/old"),), ("file.remove_directory", ("path=/srv/compare/old",)),
           ("file", "path=/srv/compare/old state=absent"), 'files.directory(path="/srv/compare/old", present=False)'),
    Change("delete a file", PLAIN, ("file.delete", (f"path={FILE}",)),
           ("file", f"path={FILE} state=absent"), f'files.file(path="{FILE}", present=False)'),
    Change("start a service", (("systemctl", "stop", "cron.service"),), ("service.start", ("service=cron.service",)),
           ("systemd", "name=cron state=started"), 'systemd.service(service="cron.service", running=True)'),
    Change("keep a service from starting at boot", (("systemctl", "enable", "cron.service"),), ("service.disable", ("service=cron.service",)),
           ("systemd", "name=cron enabled=false"), 'systemd.service(service="cron.service", running=None, enabled=False)'),
    Change("restart a service", (("systemctl", "start", "cron.service"),), ("service.restart", ("service=cron.service",)),
           ("systemd", "name=cron state=restarted"), 'systemd.service(service="cron.service", restarted=True)'),
    Change("create an account", (), ("user.create", ("name=compare",)),
           ("user", "name=compare shell=/bin/bash"), 'server.user(user="compare", shell="/bin/bash")'),
)  # fmt: skip


def main() -> int:
    """Run the comparison and print it as a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--pyinfra", default=None, help="the pyinfra program; without it its columns stay empty")
    arguments = parser.parse_args()
    rows: list[tuple[str, list[Said], list[Said], bool]] = []
    with systemd_host() as host, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inventory = folder / "hosts.ini"
        inventory.write_text(f"{host.name}\n", encoding="utf-8")
        ssh_config = folder / "ssh_config"
        ssh_config.write_text(host.ssh_config(host.name), encoding="utf-8")
        host.run_inside("tee", "/usr/share/compare.conf", stdin="a = 1\nb = 2\nc = 3\n")
        places = places_in(folder, inventories=(inventory,), ssh_configs=(ssh_config,))
        session = Session(places, door="terminal", person=Approver())
        with session:
            for change in CHANGES:
                rows.append(compare(change, host, session, folder, inventory, arguments.pyinfra))
                sys.stderr.write(f"{change.name}\n")
    print_table(rows)
    return 0


def compare(
    change: Change, host: Host, session: Session, folder: Path, inventory: Path, pyinfra: str | None
) -> tuple[str, list[Said], list[Said], bool]:
    """Return what the three say before and after, and whether the dry runs left the host as it was."""
    for vector in change.prepare:
        host.run_inside(*vector)
    snapshot = host.snapshot()
    before = ask_all(change, host, session, folder, inventory, pyinfra)
    is_untouched = not [one for one in host.snapshot().difference(snapshot) if "ansible" not in one]
    done = session.run_intent(change.sayso[0], change.sayso[1], Options(on=host.name))
    if [one.status for one in done.outcomes.get(host.name, ())] != ["changed"]:
        raise SystemExit(f"{change.name}: {done.fault or done}")
    after = ask_all(change, host, session, folder, inventory, pyinfra)
    return change.name, before, after, is_untouched


def ask_all(
    change: Change, host: Host, session: Session, folder: Path, inventory: Path, pyinfra: str | None
) -> list[Said]:
    """Return what sayso, Ansible and pyinfra say."""
    planned = session.run_intent(change.sayso[0], change.sayso[1], Options(on=host.name, dry_run=True)).plan
    return [
        by_sayso(planned),
        by_ansible(change, folder, inventory),
        by_pyinfra(change, host, folder, pyinfra) if pyinfra else Said(None, shows_what=False),
    ]


def by_sayso(plan: Plan | None) -> Said:
    """Read sayso's plan."""
    steps = [one for stage in (plan.stages if plan else ()) for some in stage.hosts.values() for one in some]
    if any(one.effect is Effect.CANNOT_KNOW for one in steps):
        return Said(None, shows_what=False)
    return Said(any(one.effect is Effect.WILL_CHANGE for one in steps), any(one.diff for one in steps))


def by_ansible(change: Change, folder: Path, inventory: Path) -> Said:
    """Read Ansible's result in JSON."""
    module, words = change.ansible
    environment = {
        **os.environ,
        "ANSIBLE_SSH_COMMON_ARGS": f"-F {folder / 'ssh_config'}",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
    }
    program = Path(sys.executable).with_name("ansible")
    told = run([str(program), "all", "-i", str(inventory), "-m", module, "-a", words, "--check", "--diff"], environment)
    found = re.search(r"(SUCCESS|CHANGED|FAILED|SKIPPED|UNREACHABLE)[!]?", told)
    if found is None or found[1] in {"FAILED", "UNREACHABLE", "SKIPPED"}:
        return Said(None, shows_what=False)
    shows = bool(re.search(r"^[+-][^+-]", told, re.MULTILINE)) or '"before": {' in told
    return Said(found[1] == "CHANGED" or '"changed": true' in told, shows)


def by_pyinfra(change: Change, host: Host, folder: Path, program: str) -> Said:
    """Read pyinfra's proposed changes."""
    address = host.address
    deploy = folder / "deploy.py"
    deploy.write_text(f"from pyinfra.operations import files, server, systemd\n{change.pyinfra}\n", encoding="utf-8")
    inventory = folder / "inventory.py"
    data = {
        "ssh_user": "root",
        "ssh_key": address.identity_files[0],
        "ssh_known_hosts_file": address.known_hosts_files[0],
        "ssh_strict_host_key_checking": "no",
    }
    inventory.write_text(f"hosts = [({address.hostname!r}, {data!r})]\n", encoding="utf-8")
    told = run([program, str(inventory), str(deploy), "--dry", "--diff"], dict(os.environ))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told)
    if "Detected changes:" not in plain and "No changes" not in plain:
        return Said(None, shows_what=False)
    detected = plain.partition("Detected changes:")[2].partition("Detected changes may not")[0]
    will_change = bool(re.search(r"\)\s+.*\d+ \(", detected))
    return Said(will_change, bool(re.search(r"^\s*[+-] ", plain, re.MULTILINE)))


def run(argv: Sequence[str], environment: dict[str, str]) -> str:
    """Run a tool and return all that it says."""
    done = subprocess.run(
        argv, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, timeout=LIMIT_S, check=False
    )
    return done.stdout + done.stderr


def print_table(rows: Sequence[tuple[str, list[Said], list[Said], bool]]) -> None:
    """Print the table, and the totals below it."""
    out = sys.stdout
    out.write("| change | sayso | Ansible `--check --diff` | pyinfra `--dry` |\n| --- | --- | --- | --- |\n")
    for name, before, after, _ in rows:
        cells = [f"{_before(first)}; then {_after(second)}" for first, second in zip(before, after, strict=True)]
        out.write(f"| {name} | {' | '.join(cells)} |\n")
    touched = [name for name, _, _, is_untouched in rows if not is_untouched]
    out.write(f"\n{json.dumps({'changes': len(rows), 'host touched by a dry run': touched})}\n")


def _before(said: Said) -> str:
    if said.will_change is None:
        return "can't tell"
    if not said.will_change:
        return "**says nothing will change**"
    return "will change, shows what" if said.shows_what else "will change"


def _after(said: Said) -> str:
    if said.will_change is None:
        return "can't tell"
    return "would change again" if said.will_change else "nothing to do"


if __name__ == "__main__":
    raise SystemExit(main())
