"""Measures the interpreter on sentences that trained nothing: `make eval`.

    scripts/evaluate.py [FILE.jsonl ...] [--show]

Each line: {"text", "intent" (null: none), "arguments" {name: text}, "kind": in|foreign|asking|leftover}. Prints
top-1/3, the end-to-end rate, precision and coverage when acting, and what was wrongly acted on.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from intents.catalogue import Catalogue  # noqa: E402 - the path comes first
from intents.errors import SaysoError  # noqa: E402
from intents.intent import Parameter  # noqa: E402
from intents.interpretation import Interpretation  # noqa: E402
from intents.interpreter import Interpreter  # noqa: E402
from intents.types.base import ValueContext  # noqa: E402
from intents.values import Json  # noqa: E402
from shell.judge import open_judge  # noqa: E402

FACTS = {"init": "systemd", "userland": "gnu", "packages": "apt", "os_id": "debian"}
DEFAULT = ROOT / "tests" / "sentences" / "test.jsonl"


class CommonNames:
    """The units of an ordinary server; users and the rest are not listed, so their pattern decides."""

    _UNITS = tuple(
        f"{name}.service"
        for name in "ssh cron nginx postgresql docker redis-server mysql apache2 rsyslog cups bluetooth chrony haproxy "
        "grafana-server prometheus fail2ban mariadb memcached rabbitmq-server elasticsearch jenkins".split()
    )

    def names(self, kind: str) -> Sequence[str]:
        """Return the unit names."""
        return self._UNITS if kind == "unit" else ()


def main(arguments: Sequence[str]) -> None:
    """Print the figures of each file."""
    show = "--show" in arguments
    files = [Path(word) for word in arguments if not word.startswith("-")] or [DEFAULT]
    catalogue = Catalogue.load()
    judge, model = open_judge(catalogue, Path.home() / ".cache" / "sayso")
    interpreter = Interpreter(catalogue, judge)
    context = ValueContext(datetime(2026, 11, 24, 12, 0, tzinfo=UTC), "/home/ann", "/home/ann", CommonNames())
    print(f"model {model.name} {model.sha256[:12]}, {len(catalogue)} intents")
    for file in files:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        _report(file, lines, interpreter, catalogue, context, show=show)


def _report(
    file: Path,
    lines: Sequence[Mapping[str, Any]],
    interpreter: Interpreter,
    catalogue: Catalogue,
    context: ValueContext,
    *,
    show: bool,
) -> None:
    tally: Counter[str] = Counter()
    times: list[float] = []
    for line in lines:
        started = time.perf_counter()
        reading = interpreter.interpret(line["text"], context, facts=FACTS)
        times.append((time.perf_counter() - started) * 1000)
        verdict = _judge_line(line, reading, catalogue, context)
        tally.update(verdict)
        if show and "missed" in verdict:
            meant = [match.intent for match in reading.matches] or reading.kind
            print(f"  {line['kind']:8} {line['intent']!s:24} -> {meant!s:34} {reading.confidence:.2f} {line['text']}")
    inside = tally["in"] or 1
    acted = tally["acted"] or 1
    print(f"{file.name}: {len(lines)} sentences, {tally['in']} of them for an intent")
    print(f"  top-1 {tally['top1'] / inside:.1%}, top-3 {tally['top3'] / inside:.1%} (the model's order)")
    print(
        f"  acted on {tally['acted_in'] / inside:.1%}; of these right intent {tally['right'] / (tally['acted_in'] or 1):.1%}"
    )
    print(
        f"  intent and every argument right: {tally['exact'] / inside:.1%}; asked or offered in a menu of 3: {tally['offered'] / inside:.1%}"
    )
    print(f"  precision when acting (foreign ones included): {tally['right'] / acted:.1%}")
    for kind, word in (
        ("foreign", "foreign acted on"),
        ("asking", "changes from asking"),
        ("leftover", "changes despite a leftover"),
    ):
        if tally[kind]:
            print(f"  {word}: {tally['wrong_' + kind]} of {tally[kind]}")
    print(f"  changes proposed that nobody asked for: {tally['wrong_change']}")
    times.sort()
    print(f"  interpret p50 {times[len(times) // 2]:.1f} ms, p95 {times[int(len(times) * 0.95)]:.1f} ms")


def _judge_line(
    line: Mapping[str, Any], reading: Interpretation, catalogue: Catalogue, context: ValueContext
) -> Iterable[str]:
    kind, gold = line["kind"], line["intent"]
    verdict = [kind]
    acted = [match.intent for match in reading.matches]
    is_change = any(catalogue[name].is_change for name in acted)
    if acted:
        verdict.append("acted")
    if kind != "in":
        wrong = bool(acted) if kind == "foreign" else is_change
        return [*verdict, *([f"wrong_{kind}", "missed"] if wrong else []), *(["wrong_change"] if is_change else [])]
    ordered = [candidate.intent for candidate in reading.candidates]
    verdict += ["top1"] if ordered[:1] == [gold] else []
    verdict += ["top3"] if gold in ordered[:3] else []
    if acted:
        verdict.append("acted_in")
    if acted == [gold]:
        verdict.append("right")
        verdict.append("exact" if _same_arguments(line, reading, catalogue, context) else "missed")
        return verdict
    offered = [choice.intent for choice in (reading.question.choices if reading.question else ())]
    verdict += ["offered"] if gold in offered or (reading.question and reading.question.intent == gold) else []
    verdict += ["wrong_change"] if is_change else []
    return [*verdict, "missed"]


def _same_arguments(
    line: Mapping[str, Any], reading: Interpretation, catalogue: Catalogue, context: ValueContext
) -> bool:
    match = reading.matches[0]
    parameters = catalogue[match.intent].parameters
    given = {name: one.value for name, one in match.arguments.items() if one.evidence.source == "request"}
    wanted = {}
    for name, text in line["arguments"].items():
        if name not in parameters:
            return False
        try:
            wanted[name] = _parsed(parameters[name], text, context)
        except SaysoError:
            return False
    return all(given.get(name) == value for name, value in wanted.items())


def _parsed(parameter: Parameter, text: str, context: ValueContext) -> Json:
    found = parameter.type.find(text, context)
    value = found[0].value if found else parameter.type.parse(text, context)
    return [value] if parameter.many else value


if __name__ == "__main__":
    main(sys.argv[1:])
