"""`make bench`: what sayso costs, each figure beside a yardstick measured in the same run.

Times depend on the machine and on its other users, ratios hardly: read the ratios. Each cold start is a
process of its own, the median of several; memory is the peak resident size of that process (the kernel counts from the
fork on, so no figure is below the few MB of this script: it imports nothing of sayso before the cold starts are done).
Where there is a target, the line ends with `ok` or `MISSED` and the target.

    scripts/bench.py [--json FILE]
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PYTHON = sys.executable
SAYSO = str(Path(PYTHON).parent / "sayso")
SENTENCES = ROOT / "tests" / "sentences" / "test.jsonl"
READ = "which filesystems are more than half full"
ROUNDS = 5
WARM_SENTENCES = 200
MANY_INTENTS = 1000
HISTORY_RECORDS = 100
INVENTORY_HOSTS = 1000
ENCODER_ONLY = (
    "from intents.encoder import Encoder; "
    "encoder = Encoder.open(); encoder.embed('which filesystems are more than half full'); encoder.close()"
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One process: its wall and processor time, and its peak resident size."""

    wall_ms: float
    cpu_ms: float
    peak_mb: float


def main(arguments: Sequence[str]) -> int:
    """Measure everything and print it; with `--json FILE` the figures are also written there."""
    with _own_folders() as environment:
        figures: dict[str, Any] = {
            **_cold(environment),
            **_warm(Path(environment["XDG_CACHE_HOME"])),
            **_many(),
            **_changes(),
            **_history(),
            **_inventory(),
        }
    if arguments[:1] == ["--json"] and len(arguments) > 1:
        Path(arguments[1]).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


@contextmanager
def _own_folders() -> Iterator[Mapping[str, str]]:
    """Yield an environment whose settings, history and caches are empty folders, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="sayso-bench-"))
    try:
        names = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
        yield {**os.environ, "PYTHONPATH": str(ROOT), **{name: str(folder / name.lower()) for name in names}}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# -- cold: one process a figure


def _cold(environment: Mapping[str, str]) -> dict[str, Any]:
    commands = {
        "python": [PYTHON, "-c", "pass"],
        "libraries": [PYTHON, "-c", "import rich, prompt_toolkit"],
        "version": [SAYSO, "--version"],
        "history": [SAYSO, "history"],
        "encoder": [PYTHON, "-c", ENCODER_ONLY],
        "read": [SAYSO, READ],
        "direct read": [SAYSO, "run", "disk.usage"],
        "explain": [SAYSO, "--explain", READ],
    }
    _measure(commands["read"], environment)  # fills the caches that an installed sayso has
    runs: dict[str, list[Measured]] = {name: [] for name in commands}
    for _ in range(ROUNDS):  # in turns, so that a busy moment of the machine meets all of them
        for name, command in commands.items():
            runs[name].append(_measure(command, environment))
    middle = {name: _median_of(found) for name, found in runs.items()}
    print(f"cold start, median of {ROUNDS}           wall        CPU   peak memory")
    rows: tuple[tuple[str, str, str, str], ...] = (
        ("python -c pass", "python", "python", ""),
        ("import rich, prompt_toolkit", "libraries", "libraries", ""),
        (
            "sayso --version",
            "version",
            "libraries",
            _verdict(middle["version"].wall_ms / middle["libraries"].wall_ms, 1.5, "x"),
        ),
        ("sayso history", "history", "libraries", ""),
        ("encoder alone, one sentence", "encoder", "encoder", ""),
        ("sayso run disk.usage", "direct read", "encoder", ""),
        ("sayso --explain SENTENCE", "explain", "encoder", ""),
        (
            "sayso SENTENCE (a read)",
            "read",
            "encoder",
            f"{_verdict(middle['read'].wall_ms, 1200, 'ms')}, {_verdict(middle['read'].peak_mb, 150, 'MB')}",
        ),
    )
    for title, name, yardstick, verdict in rows:
        one = middle[name]
        ratio = one.wall_ms / middle[yardstick].wall_ms
        words = {"libraries": "the two libraries", "encoder": "the encoder alone"}.get(yardstick, "")
        beside = f"   {ratio:4.2f} x {words}" if name != yardstick else ""
        print(
            f"  {title:28} {one.wall_ms:7.0f} ms {one.cpu_ms:7.0f} ms {one.peak_mb:7.0f} MB{beside}  {verdict}".rstrip()
        )
    return {
        name: {"wall_ms": round(one.wall_ms, 1), "cpu_ms": round(one.cpu_ms, 1), "peak_mb": round(one.peak_mb, 1)}
        for name, one in middle.items()
    }


def _median_of(runs: Sequence[Measured]) -> Measured:
    return Measured(*(_middle([getattr(run, name) for run in runs]) for name in ("wall_ms", "cpu_ms", "peak_mb")))


def _verdict(value: float, target: float, unit: str) -> str:
    """Return whether a figure keeps its target, with the target."""
    return f"{'ok' if value <= target else 'MISSED'} (<= {target:g} {unit})"


def _measure(command: Sequence[str], environment: Mapping[str, str]) -> Measured:
    """Run a command; wait4(2) gives the resources of this child alone (maxrss is in KiB on Linux)."""
    started = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=dict(environment)
    ) as child:
        said = child.stderr.read() if child.stderr else b""
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    elapsed_ms = (time.perf_counter() - started) * 1000
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}: {said.decode(errors='replace')}")
    return Measured(elapsed_ms, (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / 1024)


# -- warm: many sentences in one process


def _warm(cache: Path) -> dict[str, Any]:
    from executors.facts import gather_facts
    from executors.local import LocalTransport
    from executors.planning import make_plan
    from executors.state import Target
    from intents.catalogue import Catalogue
    from intents.errors import SaysoError
    from intents.interpretation import Evidence
    from intents.interpreter import Interpreter
    from intents.types.base import ValueContext
    from shell.judge import open_models

    catalogue = Catalogue.load(cache_directory=cache / "sayso")
    judge = open_models(catalogue, cache / "sayso").judge
    interpreter = Interpreter(catalogue, judge)
    transport = LocalTransport(directory="/")
    target = Target("local", transport, gather_facts(transport), transport.login())
    lines = [json.loads(line) for line in SENTENCES.read_text(encoding="utf-8").splitlines() if line.strip()]
    texts = [line["text"] for line in lines][:WARM_SENTENCES]
    context = ValueContext(datetime.now(UTC), "/", "/")
    interpret_ms, plan_ms, encode_ms = list[float](), list[float](), list[float]()
    for text in texts:
        encode_ms.append(_timed(lambda text=text: judge.score(text)))
        started = time.perf_counter()
        reading = interpreter.interpret(text, context, facts=target.facts)
        interpret_ms.append((time.perf_counter() - started) * 1000)
        reads = [match for match in reading.matches if not catalogue[match.intent].is_change]
        if reads and len(reads) == len(reading.matches):
            started = time.perf_counter()
            try:
                make_plan(text, reads, catalogue, [target], host_evidence=Evidence("default"), now=context.now)
            except SaysoError:
                continue  # a file of the sentence isn't on this machine
            plan_ms.append((time.perf_counter() - started) * 1000)
    print(f"\nwarm, {len(texts)} sentences in one process    p50        p95")
    encode = _middle(encode_ms)
    both_ms = [one + _middle(plan_ms) for one in interpret_ms]  # not every sentence can be planned here
    for title, values in (
        ("model alone", encode_ms),
        ("interpret", interpret_ms),
        (f"plan ({len(plan_ms)} reads)", plan_ms),
        ("interpret and plan", both_ms),
    ):
        ratio = f"   {_middle(values) / encode:4.2f} x the model alone" if values is not encode_ms else ""
        print(f"  {title:30} {_middle(values):7.2f} ms {_late(values):7.2f} ms{ratio}")
    print(f"  {_verdict(_middle(both_ms), 50, 'ms')} at p50, {_verdict(_late(both_ms), 120, 'ms')} at p95")
    return {"interpret_ms": [_middle(interpret_ms), _late(interpret_ms)], "plan_ms": [_middle(plan_ms), _late(plan_ms)]}


def _timed(call: Any) -> float:  # noqa: ANN401 - any function without arguments
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _late(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


# -- changes


def _changes() -> dict[str, Any]:
    from scripts.bench_changes import measure_changes

    return measure_changes()


# -- a catalogue of 1,000 intents


def _many() -> dict[str, Any]:
    """Load copies of the built-in packs under other names, compiled at first, from the cache afterwards."""
    from intents.catalogue import Catalogue

    with tempfile.TemporaryDirectory(prefix="sayso-bench-") as name:
        packs, cache = Path(name, "packs"), Path(name, "cache")
        count = _write_packs(packs)
        started = time.perf_counter()
        Catalogue.load(packs=packs, cache_directory=cache)
        first_ms = (time.perf_counter() - started) * 1000
        cached = min(_timed(lambda: Catalogue.load(packs=packs, cache_directory=cache)) for _ in range(ROUNDS))
        built = _timed(lambda: list(Catalogue.load(packs=packs, cache_directory=cache).values()))
    print(f"\ncatalogue of {count} intents")
    print(f"  validated and compiled, once   {first_ms:7.0f} ms")
    print(
        f"  from the compiled cache        {cached:7.1f} ms   1/{first_ms / cached:.0f} of that  {_verdict(cached, 100, 'ms')}"
    )
    print(f"  and every intent built         {built:7.1f} ms")
    return {"catalogue": {"intents": count, "compile_ms": first_ms, "cached_ms": cached, "all_built_ms": built}}


def _write_packs(folder: Path) -> int:
    """Write the built-in packs again and again, each time with another prefix before every noun."""
    from intents.catalogue import Catalogue
    from intents.pack_source import BUILT_IN_PACKS

    names = list(Catalogue.load())
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(BUILT_IN_PACKS.rglob("*.yml"))}
    copies = -(-MANY_INTENTS // len(names))
    for copy in range(copies):
        for path, text in texts.items():
            renamed = text
            for name in names:
                renamed = renamed.replace(name, f"copy{_letters(copy)}{name}")
            target = folder / f"copy{_letters(copy)}{path.parent.name}" / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(renamed, encoding="utf-8")
    return copies * len(names)


def _letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


# -- the history


def _history() -> dict[str, Any]:
    """Add whole records of five events; the yardstick is one fsync(2) of the same disk."""
    from history.store import History

    with tempfile.TemporaryDirectory(
        prefix="sayso-bench-", dir=ROOT / "build" if (ROOT / "build").is_dir() else None
    ) as name:
        started = time.perf_counter()
        with History.open(Path(name, "history.db")) as history:
            _add_records(history)
        per_event_ms = (time.perf_counter() - started) * 1000 / (HISTORY_RECORDS * 5)
        with Path(name, "plain").open("wb") as stream:
            fsync_ms = _middle([_timed(lambda: _write_through(stream)) for _ in range(100)])
    print(f"\nhistory, {HISTORY_RECORDS * 5} events")
    print(f"  one event                      {per_event_ms:7.2f} ms   {1000 / per_event_ms:.0f} a second")
    print(f"  one write and fsync alone      {fsync_ms:7.2f} ms   {per_event_ms / fsync_ms:4.2f} x of it an event")
    return {"history": {"event_ms": per_event_ms, "fsync_ms": fsync_ms}}


def _add_records(history: Any) -> None:  # noqa: ANN401 - a History; nothing of sayso is imported at the top
    from history.recording import Recording

    request = {"request": READ, "door": "script", "user": "bench", "directory": "/"}
    step = {"host": "local", "intent": "disk.usage", "risk": "read", "run": ["df", "-l"], "effect": "read"}
    for _ in range(HISTORY_RECORDS):
        recording = Recording.begin(history, request)
        recording.add("interpretation", {"kind": "match", "confidence": 0.9})
        recording.end_step(recording.begin_step(step), {"host": "local", "status": "ok", "exit_code": 0})
        recording.add("end", {"status": 0})


def _write_through(stream: Any) -> None:  # noqa: ANN401 - an open file
    stream.write(b"x" * 500)
    stream.flush()
    os.fsync(stream.fileno())


# -- an inventory of 1,000 hosts


def _inventory() -> dict[str, Any]:
    """Read groups, hosts and every variable of each; `ansible-inventory --list` does the same, in a process of its own."""
    from executors.inventory import Inventory

    program = Path(PYTHON).parent / "ansible-inventory"
    if not program.exists():
        print("\ninventory: ansible-core isn't installed, so there is nothing to compare with")
        return {}
    with tempfile.TemporaryDirectory(prefix="sayso-bench-") as name:
        folder = Path(name)
        _write_inventory(folder)
        started = time.perf_counter()
        inventory = Inventory.load([folder / "hosts"], [])
        for host in inventory.host_names():
            inventory.variables(host)
        own_ms = (time.perf_counter() - started) * 1000
        environment = {"PATH": os.environ["PATH"], "HOME": name, "LC_ALL": "C.UTF-8"}
        ansible = _measure([str(program), "-i", str(folder / "hosts"), "--list"], environment)
    ratio = ansible.wall_ms / own_ms
    print(f"\ninventory of {INVENTORY_HOSTS} hosts, with group_vars and host_vars, every variable of each")
    print(f"  read by sayso                  {own_ms:7.0f} ms")
    print(f"  ansible-inventory --list       {ansible.wall_ms:7.0f} ms   {ratio:4.1f} x of that")
    return {"inventory": {"hosts": INVENTORY_HOSTS, "own_ms": own_ms, "ansible_ms": ansible.wall_ms}}


def _write_inventory(folder: Path) -> None:
    """A site of twenty groups below four, each host with variables of its own, every tenth with a file of them."""
    groups = 20
    lines = [
        f"[group{group:02}]\nhost{group:02}-[001:{INVENTORY_HOSTS // groups:03}].example ansible_port=22 rack={group}"
        for group in range(groups)
    ]
    lines += [
        f"[part{part}:children]\n" + "\n".join(f"group{group:02}" for group in range(part, groups, 4))
        for part in range(4)
    ]
    (folder / "hosts").write_text("\n".join([*lines, "[all:vars]", "site=bench", ""]), encoding="utf-8")
    for kind, names in (
        ("group_vars", [f"group{group:02}" for group in range(groups)]),
        ("host_vars", [f"host{group:02}-{host:03}.example" for group in range(groups) for host in range(1, 51, 10)]),
    ):
        (folder / kind).mkdir()
        for one in names:
            (folder / kind / f"{one}.yml").write_text(f"name_of: {one}\nports: [80, 443]\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
