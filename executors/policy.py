"""Who may do what through which door: typed rules, decided below every front end.

The shipped defaults are safe by themselves. `/etc/sayso/policy.d/*.yml` is the system's floor: its
`deny` can't be lifted, and only its rules may grant a script more than the defaults do. A
person's own policy can only tighten.

This is a guard rail inside one's own process, not a wall: whoever can run sayso can also run the
programs that it runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, TypeAlias

from intents.errors import CatalogueError, PolicyError
from intents.intent import EffectName, Risk
from intents.pack_file import parse_pack
from intents.values import Json

Door: TypeAlias = Literal["terminal", "script"]

SYSTEM_POLICY = Path("/etc/sayso/policy.d")


class Verdict(IntEnum):
    """What a rule says, from loose to strict; the strictest of a floor's rules wins."""

    ALLOW = 0
    ASK = 1
    CONFIRM = 2
    DENY = 3


@dataclass(frozen=True, slots=True)
class Question:
    """One step that wants to run: who, what, where, through which door."""

    user: str
    intent: str
    risk: Risk
    effects: tuple[EffectName, ...]
    hosts: tuple[str, ...]
    door: Door


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: all of its conditions must hold. Patterns are shell globs; empty means any."""

    name: str
    verdict: Verdict
    intents: tuple[str, ...] = ()
    risks: tuple[Risk, ...] = ()
    effects: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    doors: tuple[str, ...] = ()

    def holds(self, question: Question) -> bool:
        """Whether the rule is about this question. Host patterns: any host for a deny, all for a grant."""
        hosts = any if self.verdict is Verdict.DENY else all
        return (
            _any_match(self.intents, question.intent)
            and (not self.risks or question.risk in self.risks)
            and (not self.effects or bool(set(self.effects) & set(question.effects)))
            and (not self.hosts or hosts(_any_match(self.hosts, host) for host in question.hosts))
            and _any_match(self.users, question.user)
            and (not self.doors or question.door in self.doors)
        )

    def names_exactly(self, intent: str) -> bool:
        """Whether the rule names this very intent, not a pattern."""
        return intent in self.intents


def _any_match(patterns: Sequence[str], text: str) -> bool:
    return not patterns or any(fnmatchcase(text, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy says to a question, and which rule said it."""

    verdict: Verdict
    rule: str
    why: str = ""

    @property
    def word(self) -> Literal["allow", "ask", "confirm", "deny"]:
        """The word of the JSON contract."""
        words: dict[Verdict, Literal["allow", "ask", "confirm", "deny"]] = {
            Verdict.ALLOW: "allow",
            Verdict.ASK: "ask",
            Verdict.CONFIRM: "confirm",
            Verdict.DENY: "deny",
        }
        return words[self.verdict]


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force: the system's floor, and a person's own, which only tighten."""

    system: tuple[Rule, ...] = ()
    own: tuple[Rule, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    def decide(self, question: Question) -> Decision:
        """Return the decision: deny wins, then the system's grants, then the default by risk and door."""
        for rule in (*self.system, *self.own):
            if rule.verdict is Verdict.DENY and rule.holds(question):
                return Decision(Verdict.DENY, rule.name, f"the rule `{rule.name}` denies it")
        decision = self._granted(question) or default_decision(question)
        for rule in self.own:
            if rule.verdict > decision.verdict and rule.holds(question):
                decision = Decision(rule.verdict, rule.name)
        return decision

    def _granted(self, question: Question) -> Decision | None:
        """A system rule may loosen the default; above reversible, or with effects, only by exact name."""
        needs_name = question.risk > Risk.REVERSIBLE or bool(question.effects)
        held = [
            rule
            for rule in self.system
            if rule.verdict is not Verdict.DENY
            and rule.holds(question)
            and (not needs_name or rule.names_exactly(question.intent))
        ]
        if not held:
            return None
        strictest = max(held, key=lambda rule: rule.verdict)
        return Decision(strictest.verdict, strictest.name)


def default_decision(question: Question) -> Decision:
    """Return what holds without any rule file.

    Reads are free. At a terminal changes ask, destructive ones want the object's name typed. A
    script's `--yes` answers an ask, so there only reversible changes without effects ask at all.
    """
    if question.risk is Risk.READ and not question.effects:
        return Decision(Verdict.ALLOW, "default: reads are free")
    if question.door == "script":
        if question.risk <= Risk.REVERSIBLE and not question.effects:
            return Decision(Verdict.ASK, "default: scripts need --yes")
        what = (
            f"{question.risk.word} operations"
            if not question.effects
            else f"operations that touch {', '.join(question.effects)}"
        )
        return Decision(
            Verdict.DENY,
            "default: scripts change only what is reversible",
            f"scripts can't run {what} without a rule in {SYSTEM_POLICY} that names `{question.intent}`",
        )
    if question.risk is Risk.DESTRUCTIVE:
        return Decision(Verdict.CONFIRM, "default: destructive operations are confirmed by typing")
    return Decision(Verdict.ASK, "default: changes ask")


def require_permission(policy: Policy, question: Question, *, is_approved: bool) -> None:
    """Raise `PolicyError` unless the step may run now: allowed, or asked and approved.

    Called immediately before each step, whatever the front end did before.
    """
    decision = policy.decide(question)
    if decision.verdict is Verdict.DENY:
        raise PolicyError(
            f"`{question.intent}` is refused: {decision.why or decision.rule}.",
            remedy="Ask whoever keeps the policy, or do it at a terminal if the rule allows that.",
            rule=decision.rule,
        )
    if decision.verdict is not Verdict.ALLOW and not is_approved:
        raise PolicyError(
            f"`{question.intent}` was not approved.", remedy="Approve the plan first.", rule=decision.rule
        )


def load_policy(system: Path, own: Path, *, as_root: bool) -> Policy:
    """Return the policy of both folders; a folder that isn't there has no rules.

    Raises `PolicyError` for a file that can't be read as rules, and, as root, for one that is not
    root's or that others may write: a policy that can't be trusted must not be half in force.
    """
    return Policy(_load_folder(system, must_be_root=True), _load_folder(own, must_be_root=as_root))


def _load_folder(folder: Path, *, must_be_root: bool) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    if not folder.is_dir():
        return ()
    for path in sorted(folder.glob("*.yml")):
        status = path.stat()
        if must_be_root and (status.st_uid != 0 or status.st_mode & 0o022):
            raise _bad_file(path, "is not owned by root, or others may write it")
        try:
            pack = parse_pack(path.read_text(encoding="utf-8"), str(path))
        except (CatalogueError, UnicodeDecodeError, OSError) as error:
            raise _bad_file(path, f"can't be read ({error})") from None
        for name, entry in pack.entries.items():
            rules.append(_rule(path, name, entry))
    return tuple(rules)


def _bad_file(path: Path, problem: str) -> PolicyError:
    return PolicyError(
        f"The policy file {path} {problem}.", remedy="Correct it; until then nothing is run.", rule=str(path)
    )


def _rule(path: Path, name: str, entry: Json) -> Rule:
    """Read one rule: `NAME: {decision: deny, intents: [...], risks: [...], hosts: [...]}`."""
    known = {"decision", "intents", "risks", "effects", "hosts", "users", "doors"}
    if not isinstance(entry, Mapping) or set(entry) - known or "decision" not in entry:
        raise _bad_file(
            path, f"has a rule `{name}` that is not `decision` with {', '.join(sorted(known - {'decision'}))}"
        )

    def words(key: str) -> tuple[str, ...]:
        value = entry.get(key, [])
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise _bad_file(path, f"has a rule `{name}` whose `{key}` is not a list of words")
        return tuple(str(word) for word in value)

    try:
        verdict = Verdict[str(entry["decision"]).upper()]
        risks = tuple(Risk[word.upper()] for word in words("risks"))
    except KeyError as error:
        raise _bad_file(path, f"has a rule `{name}` with the unknown word {error}") from None
    return Rule(
        name, verdict, words("intents"), risks, words("effects"), words("hosts"), words("users"), words("doors")
    )
