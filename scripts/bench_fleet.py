"""`make bench-fleet`: a read of many hosts, by sayso and by the tools that people use for it, on the same hosts in one run.

The hosts are real SSH servers on this machine, so that their own work (some 30 ms of processor time for a login) is in
every wall time, and the same in all: read the ratios. The clients' processor time has none of it. Each round
is a process of its own, the tools in turns; memory is looked at in a round that isn't timed. Wherever a tool has
settings for speed, it has the best ones that we know of. Goals stand beside what was measured, kept or not.

    scripts/bench_fleet.py [--hosts 10,50,100] [--rounds 3] [--without ansible,...] [--json FILE]
"""

import argparse
import getpass
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from tests.support.light_hosts import LightFleet

CLIENTS = ROOT / "scripts" / "fleet_clients"
OTHERS = ROOT / ".venv-bench" / "bin"
"""Where the other tools are (`make bench-fleet` puts them there); ansible is among our own dependencies."""
OWN = Path(sys.executable).parent
SAYSO = (sys.executable, "-c", "from shell.launch import main; raise SystemExit(main())")
"""The installed command's own entry, from this checkout."""

INTENT, SENTENCE, COMMAND = "system.uptime", "how long has the system been up", ("cat", "--", "/proc/uptime")
"""What is read: the same by all."""
AT_ONCE = "50"
OPEN_ROUNDS = 10

ANSIBLE_OF_10, ANSIBLE_OF_100, FASTEST_OF_100, OPEN_OF_ASYNCSSH, MB_A_HOST = 0.25, 0.12, 1.15, 1.2, 1.5
"""The goals: ratios to ansible (cold), to the fastest of the others (cold), to asyncssh (open); MB for each further host."""


@dataclass(frozen=True, slots=True)
class Client:
    """A way to read from all hosts: the vector, and what is on its standard input."""

    argv: tuple[str, ...]
    stdin: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cost:
    """The medians of one client on one number of hosts; `None` where it isn't installed or failed."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def main(arguments: Sequence[str]) -> int:
    """Measure and print; with `--json FILE` the figures are also written there."""
    parser = argparse.ArgumentParser(description="Read from many hosts, by sayso and by others.")
    parser.add_argument("--hosts", default="10,50,100")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", default="")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    sizes, left_out = [int(word) for word in options.hosts.split(",")], options.without.split(",")
    cold: dict[int, dict[str, Cost]] = {}
    opened: dict[int, dict[str, float]] = {}
    for size in sizes:
        with _fleet(size) as place:
            cold[size] = _cold(place, options.rounds, left_out)
            opened[size] = _open(place)
    _print_goals(cold, opened)
    if options.json:
        figures = {
            size: {"cold": {name: vars_of(cost) for name, cost in costs.items()}, "open_ms": opened[size]}
            for size, costs in cold.items()
        }
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


def vars_of(cost: Cost) -> dict[str, float]:
    """Return the figures of a cost by name, rounded."""
    return {name: round(getattr(cost, name), 3) for name in ("wall_s", "cpu_s", "peak_mb")}


# -- the hosts, and the files by which each client knows them


@dataclass(frozen=True, slots=True)
class Place:
    """A running fleet and the folder of its clients, with an environment whose HOME and caches are in it."""

    fleet: "LightFleet"
    folder: Path
    environment: Mapping[str, str]

    @property
    def size(self) -> int:
        """How many hosts there are."""
        return len(self.fleet.hosts)


@contextmanager
def _fleet(size: int) -> Iterator[Place]:
    from tests.support.light_hosts import light_fleet

    with tempfile.TemporaryDirectory(prefix="sayso-bench-") as name:
        folder = Path(name)
        with light_fleet(folder / "hosts", size) as fleet:
            (folder / ".ssh").mkdir(mode=0o700)
            (folder / ".ssh" / "config").write_text(f"Host *\n  UserKnownHostsFile {fleet.known_hosts}\n")
            (folder / "ssh_config").write_text(fleet.ssh_config())
            (folder / "hosts.ini").write_text(fleet.inventory())
            (folder / "pyinfra_hosts.py").write_text(_pyinfra_inventory(fleet))
            known = {
                "user": getpass.getuser(),
                "key": str(fleet.login_key),
                "known_hosts": str(fleet.known_hosts),
                "command": " ".join(COMMAND),
                "hosts": [{"name": host.name, "port": host.port} for host in fleet.hosts],
            }
            (folder / "fleet.json").write_text(json.dumps(known))
            yield Place(fleet, folder, _environment(folder))


def _environment(folder: Path) -> dict[str, str]:
    own = {name: str(folder / name.lower()) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "TMPDIR"}}
    return {**kept, **own, "HOME": str(folder), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def _pyinfra_inventory(fleet: "LightFleet") -> str:
    hosts = [
        (
            host.name,
            {
                "ssh_hostname": "127.0.0.1",
                "ssh_port": host.port,
                "ssh_user": getpass.getuser(),
                "ssh_key": str(fleet.login_key),
                "ssh_known_hosts_file": str(fleet.known_hosts),
                "ssh_strict_host_key_checking": "yes",
            },
        )
        for host in fleet.hosts
    ]
    return f"hosts = {hosts!r}\n"


def _clients(place: Place) -> dict[str, Client]:
    """Return the ways to read from all hosts once, from a cold start."""
    folder, names = place.folder, "\n".join(host.name for host in place.fleet.hosts)
    sayso = (*SAYSO, "--inventory", f"{folder}/hosts.ini", "--on", "all")
    ansible_variables = {
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_FORKS": AT_ONCE,
        "ANSIBLE_GATHERING": "explicit",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_SSH_ARGS": f"-F {folder}/ssh_config -o UserKnownHostsFile={place.fleet.known_hosts} "
        "-o ControlMaster=auto -o ControlPersist=60s",
    }
    return {
        "sayso run INTENT": Client((*sayso, "run", INTENT)),
        "sayso SENTENCE": Client((*sayso, SENTENCE)),
        "ansible -m command": Client(
            (str(OWN / "ansible"), "-i", f"{folder}/hosts.ini", "all", "-m", "command", "-a", " ".join(COMMAND)),
            variables=ansible_variables,
        ),
        "ssh, xargs -P 50": Client(
            ("xargs", "-P", AT_ONCE, "-I{}", "ssh", "-F", f"{folder}/ssh_config", "{}", *COMMAND), stdin=names
        ),
        "parallel-ssh": Client(
            (str(OTHERS / "python"), str(CLIENTS / "parallel_ssh_client.py"), f"{folder}/fleet.json", "cold")
        ),
        "asyncssh": Client(
            (str(OTHERS / "python"), str(CLIENTS / "asyncssh_client.py"), f"{folder}/fleet.json", "cold")
        ),
        "pyinfra exec": Client(
            (
                *(str(OTHERS / "pyinfra"), "-y", "--parallel", str(place.size), f"{folder}/pyinfra_hosts.py"),
                *("exec", "--", *COMMAND),
            )
        ),
    }


# -- cold: a process for each round


def _cold(place: Place, rounds: int, left_out: Sequence[str]) -> dict[str, Cost]:
    clients = {name: client for name, client in _clients(place).items() if name.split()[0].rstrip(",") not in left_out}
    peaks: dict[str, float] = {}
    for name, client in list(clients.items()):
        figures = _measure(client, place, "memory")  # the first round also fills caches, as an installed tool has them
        if figures is None:
            del clients[name]
        else:
            peaks[name] = figures["peak_mb"]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in clients}
    for _ in range(rounds):  # in turns, so that a busy moment of the machine meets all of them
        for name, client in clients.items():
            figures = _measure(client, place, "time")
            if figures is not None:
                runs[name].append(figures)
    costs = {
        name: Cost(*(statistics.median(run[key] for run in found) for key in ("wall_s", "cpu_s")), peaks[name])
        for name, found in runs.items()
        if found
    }
    ansible = costs.get("ansible -m command")
    print(f"\n{place.size} hosts, cold, median of {rounds}      wall   client CPU   peak memory")
    for name, cost in costs.items():
        ratio = "" if ansible is None else f"   {cost.wall_s / ansible.wall_s:5.2f} x ansible"
        print(f"  {name:24} {cost.wall_s:7.2f} s {cost.cpu_s:8.2f} s {cost.peak_mb:9.0f} MB{ratio}")
    return costs


def _measure(client: Client, place: Place, what: str) -> dict[str, float] | None:
    """Run a client once; returns None, and says so, where it isn't there or failed."""
    result = place.folder / "result.json"
    argv = [sys.executable, str(CLIENTS / "measured.py"), str(result), what, *client.argv]
    if not Path(client.argv[0]).exists() and "/" in client.argv[0]:
        print(f"  {client.argv[0]} isn't there: left out")
        return None
    done = subprocess.run(
        argv,
        input=client.stdin,
        env={**place.environment, **client.variables},
        cwd=place.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"  {client.argv[0]} failed: {done.stderr[-300:]}")
        return None
    figures: dict[str, float] = json.loads(result.read_text(encoding="utf-8"))
    return figures


# -- open: rounds over connections that are there


def _open(place: Place) -> dict[str, float]:
    folder, names = place.folder, [host.name for host in place.fleet.hosts]
    sayso = ("--inventory", f"{folder}/hosts.ini", "--on", "all", INTENT, str(OPEN_ROUNDS))
    clients = {
        "sayso, one session": Client((sys.executable, str(CLIENTS / "sayso_client.py"), *sayso)),
        "asyncssh": Client(
            (
                *(str(OTHERS / "python"), str(CLIENTS / "asyncssh_client.py")),
                *(f"{folder}/fleet.json", "open", str(OPEN_ROUNDS)),
            )
        ),
        "ssh ControlMaster": Client(
            (
                *(sys.executable, str(CLIENTS / "ssh_client.py"), f"{folder}/ssh_config", AT_ONCE),
                *(str(OPEN_ROUNDS), *names, "--", *COMMAND),
            )
        ),
    }
    print(f"\n{place.size} hosts, connections open, median of {OPEN_ROUNDS}")
    found: dict[str, float] = {}
    for name, client in clients.items():
        done = subprocess.run(
            client.argv, env=dict(place.environment), cwd=place.folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"  {name:24} failed: {done.stderr[-300:]}")
            continue
        found[name] = statistics.median(json.loads(done.stdout.splitlines()[-1]))
        beside = f"   {found[name] / found['asyncssh']:5.2f} x asyncssh" if "asyncssh" in found else ""
        print(f"  {name:24} {found[name]:7.0f} ms{beside}")
    return found


# -- goals


def _print_goals(cold: Mapping[int, Mapping[str, Cost]], opened: Mapping[int, Mapping[str, float]]) -> None:
    ours, ansible = "sayso run INTENT", "ansible -m command"
    print("\ngoals")
    for size, goal in ((10, ANSIBLE_OF_10), (100, ANSIBLE_OF_100)):
        costs = cold.get(size, {})
        if {ours, ansible} <= set(costs):
            _print_goal(f"cold, {size} hosts, over ansible", costs[ours].wall_s / costs[ansible].wall_s, goal, "x")
    largest, smallest = max(cold), min(cold)
    costs = cold[largest]
    others = {name: cost.wall_s for name, cost in costs.items() if not name.startswith("sayso")}
    if others and ours in costs:
        fastest = min(others, key=others.__getitem__)
        what = f"cold, {largest} hosts, over the fastest other ({fastest})"
        _print_goal(what, costs[ours].wall_s / others[fastest], FASTEST_OF_100, "x")
    for size, found in opened.items():
        if {"sayso, one session", "asyncssh"} <= set(found):
            ratio = found["sayso, one session"] / found["asyncssh"]
            _print_goal(f"open, {size} hosts, over asyncssh", ratio, OPEN_OF_ASYNCSSH, "x")
    if largest > smallest and ours in cold[smallest] and ours in costs:
        for name in costs:
            if name in cold[smallest]:
                between = largest - smallest
                memory_mb = (costs[name].peak_mb - cold[smallest][name].peak_mb) / between
                cpu_ms = (costs[name].cpu_s - cold[smallest][name].cpu_s) / between * 1000
                print(f"  each further host, {name:24} {cpu_ms:6.1f} ms CPU {memory_mb:6.2f} MB")
        memory_mb = (costs[ours].peak_mb - cold[smallest][ours].peak_mb) / (largest - smallest)
        _print_goal("memory of each further host", memory_mb, MB_A_HOST, "MB")


def _print_goal(what: str, value: float, goal: float, unit: str) -> None:
    print(f"  {what:60} {value:6.2f} {unit:2}  {'ok' if value <= goal else 'MISSED'} (<= {goal:g})")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
