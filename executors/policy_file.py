"""Reads policy files: `NAME: {decision: deny, intents: [...], ...}`, checked to the last word.

A word that isn't known is an error with file, line and what to write: a condition with a slip of the pen
would else be no condition at all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar, get_args

from executors.policy_rules import DOORS, Rule, Verdict
from executors.policy_times import TimeWindow, parse_date, parse_window
from executors.trusted_files import bad_file, list_files, read_trusted
from intents.errors import CatalogueError, PolicyError
from intents.intent import EffectName, Risk
from intents.pack_file import PackFile, parse_pack
from intents.types.resemblance import nearest
from intents.types.visible import excerpt
from intents.values import Json

SUFFIXES = (".yml", ".yaml")
KEYS = (
    "decision", "intents", "risks", "effects", "arguments", "hosts", "more_hosts_than", "users", "doors", "times", "from",
    "until", "why",
)  # fmt: skip
"""What a rule may say."""

PROTECTED = "protected"
"""The name of the entry that lists protected things instead of being a rule."""

_Word = TypeVar("_Word")


@dataclass(frozen=True, slots=True)
class ReadFile:
    """One policy file: its rules, and the faults of those that can't be read."""

    path: Path
    rules: tuple[Rule, ...]
    faults: tuple[PolicyError, ...] = ()


def load_rules(folder: Path, *, must_be_root: bool | None) -> tuple[Rule, ...]:
    """Return the rules of a folder's files, by file name; none when there is no folder.

    Raises `PolicyError` for the first file or rule that can't be read or trusted (`list_files` tells of
    `must_be_root`).
    """
    rules: list[Rule] = []
    for path in list_files(folder, SUFFIXES, must_be_root=must_be_root):
        read = read_rules(path, must_be_root=must_be_root)
        for fault in read.faults:
            raise fault
        rules += read.rules
    return tuple(rules)


def read_rules(path: Path, *, must_be_root: bool | None) -> ReadFile:
    """Return one file's rules with the faults of the others. Raises `PolicyError` when the file is none at all."""
    text = read_trusted(path, must_be_root=must_be_root)
    try:
        file = parse_pack(text, str(path))
    except CatalogueError as error:
        raise bad_file(path, f"can't be read ({error})") from None
    rules: list[Rule] = []
    faults: list[PolicyError] = []
    for name, entry in file.entries.items():
        if name == PROTECTED:
            continue  # no rule: `executors.protected_file` reads it
        try:
            rules.append(_Entry(file, name, entry).rule())
        except PolicyError as fault:
            faults.append(fault)
    return ReadFile(path, tuple(rules), tuple(faults))


class _Entry:
    """One rule of a file while it is read; every fault says where it stands."""

    def __init__(self, file: PackFile, name: str, entry: Json) -> None:
        self._file = file
        self._name = name
        if not isinstance(entry, Mapping):
            raise self._fault((), "is no mapping", "Write `decision:` and the conditions below its name.")
        self._entry: Mapping[str, Json] = entry

    def rule(self) -> Rule:
        """Return the rule. Raises `PolicyError` at the first thing that is wrong."""
        for key in self._entry:
            if key not in KEYS:
                raise self._fault(
                    (key,),
                    f"says {excerpt(key)}, which is unknown",
                    f"Did you mean `{nearest(key, KEYS)}`? All: {', '.join(KEYS)}.",
                )
        rule = Rule(
            self._name,
            self._verdict(),
            intents=self._words("intents"),
            risks=tuple(Risk[word.upper()] for word in self._closed("risks", [risk.word for risk in Risk])),
            effects=self._closed("effects", get_args(EffectName)),
            hosts=self._words("hosts"),
            users=self._words("users"),
            doors=self._closed("doors", DOORS),
            arguments=self._arguments(),
            times=self._times(),
            begins=self._date("from", is_end=False),
            ends=self._date("until", is_end=True),
            more_hosts_than=self._limit(),
            why=self._text("why") or "",
            where=self._file.where((self._name,)),
        )
        if rule.begins is not None and rule.ends is not None and rule.begins >= rule.ends:
            raise self._fault(("until",), "ends before it begins", "Write an `until` that is later than `from`.")
        if rule.arguments and not rule.intents:
            raise self._fault(
                ("arguments",),
                "compares arguments without saying of which intents",
                "Add `intents`: other intents have no such parameter, and a denial that can't be decided denies.",
            )
        return rule

    def _verdict(self) -> Verdict:
        words = [verdict.word for verdict in Verdict]
        said = self._entry.get("decision")
        if said not in words:
            told = "has no `decision`" if said is None else f"has the unknown decision {excerpt(said)}"
            raise self._fault(("decision",), told, f"Write one of {', '.join(words)}.")
        return Verdict[str(said).upper()]

    def _words(self, key: str) -> tuple[str, ...]:
        """Return a list of words; an empty one would be no condition, which nobody writes on purpose."""
        if key not in self._entry:
            return ()
        return self._word_list((key,), self._entry[key])

    def _word_list(self, path: Sequence[str], value: Json) -> tuple[str, ...]:
        what = f"`{'.'.join(path)}`"
        if not isinstance(value, list) or not value:
            raise self._fault(path, f"has {what}, which is no list of words", "Write e.g. [one, two].")
        words: list[str] = []
        for one in value:
            if isinstance(one, list | Mapping) or one is None or one == "":
                raise self._fault(path, f"has {excerpt(one)} in {what}", "Write plain words there.")
            words.append(one if isinstance(one, str) else str(one).lower())
        return tuple(words)

    def _closed(self, key: str, known: Sequence[str]) -> tuple[str, ...]:
        words = self._words(key)
        for word in words:
            if word not in known:
                raise self._fault(
                    (key,), f"has the unknown word {excerpt(word)} in `{key}`", f"Write some of {', '.join(known)}."
                )
        return words

    def _arguments(self) -> dict[str, tuple[str, ...]]:
        value = self._entry.get("arguments", {})
        if not isinstance(value, Mapping):
            raise self._fault(("arguments",), "has no mapping as `arguments`", 'Write e.g. {service: ["nginx*"]}.')
        return {name: self._word_list(("arguments", name), patterns) for name, patterns in value.items()}

    def _times(self) -> tuple[TimeWindow, ...]:
        return tuple(self._read(("times",), word, parse_window) for word in self._words("times"))

    def _date(self, key: str, *, is_end: bool) -> datetime | None:
        text = self._text(key)
        return None if text is None else self._read((key,), text, lambda one: parse_date(one, is_end=is_end))

    def _text(self, key: str) -> str | None:
        value = self._entry.get(key)
        if key in self._entry and not isinstance(value, str):
            raise self._fault((key,), f"has a `{key}` that is no text", "Put it in quotes.")
        return value if isinstance(value, str) else None

    def _limit(self) -> int | None:
        value = self._entry.get("more_hosts_than")
        if "more_hosts_than" in self._entry and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise self._fault(("more_hosts_than",), "has no number as `more_hosts_than`", "Write a whole number.")
        return value if isinstance(value, int) else None

    def _read(self, path: Sequence[str], text: str, parse: Callable[[str], _Word]) -> _Word:
        try:
            return parse(text)
        except ValueError as error:
            problem, _, remedy = str(error).partition("; ")
            raise self._fault(
                path, f"has a `{path[0]}` that can't be read: {problem}", f"{remedy[:1].upper()}{remedy[1:]}."
            ) from None

    def _fault(self, path: Sequence[str], problem: str, remedy: str) -> PolicyError:
        where = self._file.where((self._name, *path))
        return PolicyError(f"{where}: the rule `{self._name}` {problem}.", remedy=remedy, rule=where)
