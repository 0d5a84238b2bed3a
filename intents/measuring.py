"""Measures the interpreter on sentences whose meaning is known: `make eval`, `sayso model eval FILE`.

One JSON object a line: `{"text", "intent" (null: none), "arguments" {name: text or [text]}, "kind", "group"}`, where `kind` is
`in` (for an intent), `foreign` (for none), `asking` (about a change) or `leftover` (an order with a condition,
exception, place or time that sayso doesn't know). Sentences with the same `group` (a number; optional) are paraphrases.
"""

import json
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast, get_args

from intents.errors import RequestError, SaysoError
from intents.intent import Intent, Parameter
from intents.interpretation import Interpretation
from intents.interpreter import Interpreter
from intents.types.base import ValueContext
from intents.values import Json

Kind = Literal["in", "foreign", "asking", "leftover"]
FACTS = {"init": "systemd", "userland": "gnu", "packages": "apt", "os_id": "debian"}
_CONFIDENCE = 0.95
"""Of the upper bounds of rates."""
_BINS = 10
"""Of the calibration error."""


class CommonNames:
    """The units of an ordinary server, and `others`; users and the rest are not listed, so their pattern decides."""

    _UNITS = tuple(
        f"{name}.service"
        for name in "ssh sshd cron nginx postgresql docker redis-server mysql apache2 rsyslog cups bluetooth chrony haproxy "
        "grafana-server prometheus fail2ban mariadb memcached rabbitmq-server elasticsearch jenkins named postfix squid "
        "snmpd avahi-daemon smbd vsftpd dovecot telegraf isc-dhcp-server systemd-resolved networking".split()
    )

    def __init__(self, others: Sequence[str] = ()) -> None:
        self._others = tuple(f"{name}.service" for name in others if f"{name}.service" not in self._UNITS)

    def names(self, kind: str) -> Sequence[str]:
        """Return the unit names."""
        return self._UNITS + self._others if kind == "unit" else ()


def context_for(sentence: "KnownSentence", catalogue: Mapping[str, Intent]) -> ValueContext:
    """Return an ordinary server on which the services that the sentence asks for are there."""
    intent = catalogue.get(sentence.intent or "")
    named = [
        text.removesuffix(".service").casefold()
        for name, texts in sentence.arguments.items()
        if intent is not None and name in intent.parameters and intent.parameters[name].type.name == "name:unit"
        for text in texts
        if "." not in text.removesuffix(".service")
    ]
    return ValueContext(datetime(2026, 11, 24, 12, 0, tzinfo=UTC), "/home/ann", "/home/ann", CommonNames(named))


@dataclass(frozen=True, slots=True)
class KnownSentence:
    """A sentence, what it asks for, and the words that give each argument."""

    text: str
    intent: str | None
    arguments: Mapping[str, tuple[str, ...]]
    kind: Kind
    group: int | None = None
    """Sentences of one group ask for exactly the same."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a sentence. `place` is the right intent's in the model's order, from 0."""

    sentence: KnownSentence
    acted: tuple[str, ...]
    is_change: bool
    place: int | None
    first: str | None
    first_chance: float
    is_exact: bool
    is_offered: bool
    confidence: float
    elapsed_ms: float

    @property
    def is_right(self) -> bool:
        """Whether it was acted on, as it was meant."""
        return self.sentence.kind == "in" and self.acted == (self.sentence.intent,)

    @property
    def is_wrong_change(self) -> bool:
        """Whether a change was proposed that nobody asked for."""
        return self.is_change and not self.is_right


def read_known_sentences(file: Path) -> list[KnownSentence]:
    """Return the sentences of a file. Raises `RequestError` that names the line which can't be read."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{file} can't be read: {error}.", remedy="Name a file of JSON lines.") from None
    return [_known(file, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _known(file: Path, number: int, line: str) -> KnownSentence:
    try:
        entry = json.loads(line)
        kind = entry.get("kind", "in")
        arguments = {
            str(name): tuple(map(str, value)) if isinstance(value, list) else (str(value),)
            for name, value in entry.get("arguments", {}).items()
        }
        text, intent = str(entry["text"]), entry["intent"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RequestError(
            f"{file}:{number}: not a sentence ({type(error).__name__}).",
            remedy='Each line is {"text": ..., "intent": ..., "arguments": {...}, "kind": "in"}.',
        ) from None
    if kind not in get_args(Kind):
        raise RequestError(f"{file}:{number}: no such kind.", remedy=f"Kinds are {', '.join(get_args(Kind))}.")
    group = entry.get("group")
    return KnownSentence(
        text,
        intent if intent is None else str(intent),
        arguments,
        cast("Kind", kind),
        group if isinstance(group, int) else None,
    )


def judged(
    sentences: Sequence[KnownSentence], interpreter: Interpreter, catalogue: Mapping[str, Intent]
) -> Iterator[Verdict]:
    """Yield what becomes of each sentence on an ordinary Debian server."""
    for sentence in sentences:
        started = time.perf_counter()
        context = context_for(sentence, catalogue)
        reading = interpreter.interpret(sentence.text, context, facts=FACTS)
        elapsed_ms = (time.perf_counter() - started) * 1000
        acted = tuple(match.intent for match in reading.matches)
        ordered = [candidate.intent for candidate in reading.candidates]
        question = reading.question
        offered = [choice.intent for choice in question.choices[:3]] + [question.intent] if question else []
        yield Verdict(
            sentence,
            acted,
            any(catalogue[name].is_change for name in acted),
            ordered.index(sentence.intent) if sentence.intent in ordered else None,
            ordered[0] if ordered else None,
            reading.candidates[0].score if reading.candidates else 0.0,
            acted == (sentence.intent,) and same_arguments(sentence, reading, catalogue, context),
            sentence.intent is not None and sentence.intent in offered,
            reading.confidence,
            elapsed_ms,
        )


def same_arguments(
    sentence: KnownSentence, reading: Interpretation, catalogue: Mapping[str, Intent], context: ValueContext
) -> bool:
    """Whether the request gave exactly the arguments that the sentence holds."""
    match = reading.matches[0]
    parameters = catalogue[match.intent].parameters
    given = {name: one.value for name, one in match.arguments.items() if one.evidence.source == "request"}
    for name, texts in sentence.arguments.items():
        if name not in parameters:
            return False
        try:
            if given.get(name) != _parsed(parameters[name], texts, context):
                return False
        except SaysoError:
            return False
    return True


def _parsed(parameter: Parameter, texts: Sequence[str], context: ValueContext) -> Json:
    if parameter.type.name == "boolean":  # the sentence has words for it ("case insensitive"), not its value
        return texts[0].casefold() not in {"false", "no", "off"}
    values: list[Json] = []
    for text in texts:
        found = parameter.type.find(text, context)
        values.append(found[0].value if found else parameter.type.parse(text, context))
    return values if parameter.many else values[0]


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a set of verdicts."""

    verdicts: Sequence[Verdict]

    def count(self, kind: Kind) -> int:
        """Return how many sentences are of a kind."""
        return sum(one.sentence.kind == kind for one in self.verdicts)

    @property
    def inside(self) -> Sequence[Verdict]:
        """The sentences that are for an intent."""
        return [one for one in self.verdicts if one.sentence.kind == "in"]

    def top(self, count: int) -> float:
        """Return the share of `inside` whose intent is among the model's first `count`."""
        return _share(sum(one.place is not None and one.place < count for one in self.inside), len(self.inside))

    @property
    def coverage(self) -> float:
        """The share of `inside` that was acted on."""
        return _share(sum(bool(one.acted) for one in self.inside), len(self.inside))

    @property
    def right_when_acting(self) -> float:
        """Of those of `inside` that were acted on, the share that was meant."""
        acted = [one for one in self.inside if one.acted]
        return _share(sum(one.is_right for one in acted), len(acted))

    @property
    def exact(self) -> float:
        """The share of `inside` that was acted on with the right intent and every argument."""
        return _share(sum(one.is_exact for one in self.inside), len(self.inside))

    @property
    def offered(self) -> float:
        """The share of `inside` that was asked about, the right intent being offered."""
        return _share(sum(one.is_offered for one in self.inside), len(self.inside))

    @property
    def precision(self) -> float:
        """Of everything that was acted on, foreign sentences included, the share that was meant."""
        acted = [one for one in self.verdicts if one.acted]
        return _share(sum(one.is_right for one in acted), len(acted))

    @property
    def foreign_acted_on(self) -> int:
        """How many foreign sentences were acted on."""
        return sum(bool(one.acted) for one in self.verdicts if one.sentence.kind == "foreign")

    def changes(self, kind: Kind) -> int:
        """Return for how many sentences of a kind a change was proposed that it didn't ask for."""
        return sum(one.is_wrong_change for one in self.verdicts if one.sentence.kind == kind)

    @property
    def wrong_changes(self) -> int:
        """How many changes were proposed that nobody asked for."""
        return sum(one.is_wrong_change for one in self.verdicts)

    @property
    def changes_proposed(self) -> int:
        """How many changes were proposed at all."""
        return sum(one.is_change for one in self.verdicts)

    @property
    def groups(self) -> Mapping[int, Sequence[Verdict]]:
        """The verdicts of each group of paraphrases."""
        found: dict[int, list[Verdict]] = defaultdict(list)
        for one in self.verdicts:
            if one.sentence.group is not None:
                found[one.sentence.group].append(one)
        return found

    @property
    def stable(self) -> float:
        """The share of groups of which all sentences became the same match."""
        same = [
            members for members in self.groups.values() if len({one.acted for one in members}) == 1 and members[0].acted
        ]
        return _share(len(same), len(self.groups))

    @property
    def torn_changes(self) -> Sequence[Sequence[str]]:
        """The sentences of each group that led to two different changes."""
        return [
            [one.sentence.text for one in members if one.is_change]
            for members in self.groups.values()
            if len({one.acted for one in members if one.is_change}) > 1
        ]

    def reliability(self) -> Iterator[tuple[float, float, int]]:
        """Yield, for each tenth of the chance of what was acted on: the mean chance, the share that was meant, how many."""
        bins: dict[int, list[Verdict]] = defaultdict(list)
        for one in self.verdicts:
            if one.acted:
                bins[min(_BINS - 1, int(one.confidence * _BINS))].append(one)
        for number in sorted(bins):
            members = bins[number]
            chance = sum(one.confidence for one in members) / len(members)
            yield chance, sum(one.is_right for one in members) / len(members), len(members)

    @property
    def calibration_error(self) -> float:
        """The expected calibration error of the model's first choice, over sentences for an intent or for none (10 bins)."""
        bins: dict[int, list[Verdict]] = defaultdict(list)
        counted = [one for one in self.verdicts if one.sentence.kind in {"in", "foreign"}]
        for one in counted:
            bins[min(_BINS - 1, int(one.first_chance * _BINS))].append(one)
        total = 0.0
        for members in bins.values():
            chance = sum(one.first_chance for one in members) / len(members)
            truth = sum(one.place == 0 for one in members) / len(members)
            total += len(members) * abs(chance - truth)
        return _share(total, len(counted))

    def lines(self) -> Iterator[str]:
        """Yield the figures for a person, one a line."""
        yield f"{len(self.verdicts):,} sentences, {len(self.inside):,} of them for an intent"
        yield f"top-1 {self.top(1):.1%}, top-3 {self.top(3):.1%}, top-8 {self.top(8):.1%} (the model's order)"
        yield f"acted on {self.coverage:.1%}; of these right intent {self.right_when_acting:.1%}"
        yield f"intent and every argument right: {self.exact:.1%}; asked, and the right one offered: {self.offered:.1%}"
        yield f"precision when acting (foreign ones included): {self.precision:.1%}"
        if self.count("foreign"):
            yield f"foreign acted on: {self.foreign_acted_on} of {self.count('foreign')}"
        for kind, words in (("asking", "changes from asking"), ("leftover", "changes despite a leftover")):
            if self.count(cast("Kind", kind)):
                yield f"{words}: {self.changes(cast('Kind', kind))} of {self.count(cast('Kind', kind))}"
        bound = upper_bound(self.wrong_changes, self.changes_proposed)
        yield f"changes proposed that nobody asked for: {self.wrong_changes} of {self.changes_proposed} (at most {bound:.1%})"
        yield f"calibration error of the first choice: {self.calibration_error:.3f}"
        if self.groups:
            yield (
                f"{len(self.groups)} requests in paraphrases: {self.stable:.1%} always the same match,"
                f" {len(self.torn_changes)} led to different changes"
            )
        times = sorted(one.elapsed_ms for one in self.verdicts) or [0.0]
        yield f"interpret p50 {times[len(times) // 2]:.1f} ms, p95 {times[int(len(times) * 0.95)]:.1f} ms"

    def by_risk(self, catalogue: Mapping[str, Intent]) -> Iterator[str]:
        """Yield one line for each risk: sentences, first choice right, acted on, exact."""
        return self._grouped(catalogue, lambda intent: intent.risk.word)

    def by_pack(self, catalogue: Mapping[str, Intent]) -> Iterator[str]:
        """Yield one line for each pack, like `by_risk`."""
        return self._grouped(catalogue, lambda intent: intent.pack)

    def _grouped(self, catalogue: Mapping[str, Intent], group: Callable[[Intent], str]) -> Iterator[str]:
        groups: dict[str, list[Verdict]] = defaultdict(list)
        for one in self.inside:
            intent = catalogue.get(one.sentence.intent or "")
            if intent is not None:
                groups[group(intent)].append(one)
        for name in sorted(groups):
            figures = Figures(groups[name])
            yield (
                f"{name:12} {len(figures.inside):4}  top-1 {figures.top(1):6.1%}  acted on {figures.coverage:6.1%}"
                f"  right {figures.right_when_acting:6.1%}  exact {figures.exact:6.1%}"
            )

    def confused(self) -> Sequence[tuple[tuple[str, str], int]]:
        """Return (right intent, the model's first) with how often, the most frequent first."""
        pairs = Counter(
            (one.sentence.intent, one.first)
            for one in self.inside
            if one.place != 0 and one.sentence.intent and one.first
        )
        return pairs.most_common()


def upper_bound(count: int, total: int) -> float:
    """Return the rate that `count` of `total` stays below with 95 % confidence (Clopper and Pearson 1934, one-sided).

    >>> f"{upper_bound(0, 600):.4f}"
    '0.0050'
    """
    if total == 0 or count >= total:
        return 1.0
    low, high = count / total, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        at_most = sum(math.comb(total, k) * middle**k * (1 - middle) ** (total - k) for k in range(count + 1))
        low, high = (middle, high) if at_most > 1 - _CONFIDENCE else (low, middle)
    return high


def _share(part: float, whole: int) -> float:
    return part / whole if whole else 0.0
