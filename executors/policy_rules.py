"""One rule of a policy: its conditions, and whether they hold for a question.

A condition is answered with yes, no, or "can't be told" (an argument that isn't known yet, a user that the
account database doesn't have). A rule is read in the direction that is safe: where it would make a
request stricter, one fitting host or value suffices, and what can't be told counts as fitting; where
it would make a request looser, all of them have to fit, for sure.
"""

import grp
import json
import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from executors.policy_times import TimeWindow
from intents.intent import EffectName, Risk
from intents.targets import LOCAL
from intents.values import Json

Door: TypeAlias = Literal["terminal", "script", "mcp"]
"""How a request comes in: a person at a terminal, a script, an assistant."""

DOORS: tuple[Door, ...] = ("terminal", "script", "mcp")
GROUP_MARK = "@"
"""`@web` among hosts means the inventory's group `web`."""
EVERY_HOST = "@all"
"""Every host of the inventory, as Ansible's `all`; this machine isn't one of them."""
UNIX_GROUP_MARK = "%"
"""`%wheel` among users means the members of the Unix group `wheel` (as in sudoers)."""


class Verdict(IntEnum):
    """What a rule says, from loose to strict."""

    ALLOW = 0
    ASK = 1
    CONFIRM = 2
    TWO_PEOPLE = 3
    DENY = 4

    @property
    def word(self) -> Literal["allow", "ask", "confirm", "two_people", "deny"]:
        """The word of policy files and of the JSON contract."""
        return _WORDS[self]


_WORDS: dict[Verdict, Literal["allow", "ask", "confirm", "two_people", "deny"]] = {
    Verdict.ALLOW: "allow",
    Verdict.ASK: "ask",
    Verdict.CONFIRM: "confirm",
    Verdict.TWO_PEOPLE: "two_people",
    Verdict.DENY: "deny",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One stage that wants to run: who, what, with which values, where, through which door, when."""

    user: str
    intent: str
    risk: Risk
    effects: tuple[EffectName, ...]
    hosts: tuple[str, ...]
    door: Door
    arguments: Mapping[str, Json] = field(default_factory=dict)
    """Canonical values by the parameter's name; what is missing isn't known (yet)."""
    at: datetime | None = None
    """The aware moment that is asked for; None when it isn't known."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Host -> the inventory's groups that it is in; of a host that isn't in it, the groups aren't known."""
    leads_to: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Path as an argument gives it -> where it leads on the hosts, of those that lead elsewhere than they say."""

    def texts_of(self, name: str) -> tuple[str, ...]:
        """Return the texts that patterns for an argument are compared with: as given, and where they lead."""
        given = argument_texts(self.arguments.get(name)) if self.arguments.get(name) is not None else ()
        return (*given, *(real for text in given for real in self.leads_to.get(text, ())))


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule, answered: `answer` is None where it can't be told."""

    name: str
    answer: bool | None
    told: str
    """What was compared, for a person: "the host db1 is not one of web*"."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: all of its conditions must hold; an empty one holds always. Words are shell globs, case counts."""

    name: str
    verdict: Verdict
    intents: tuple[str, ...] = ()
    risks: tuple[Risk, ...] = ()
    effects: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    """Names, globs, `@group`."""
    users: tuple[str, ...] = ()
    """Names, globs, `%group`."""
    doors: tuple[str, ...] = ()
    arguments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Patterns by parameter, compared with the canonical value ("nginx.service"), of a list with each element, and of
    a path also with where it leads."""
    times: tuple[TimeWindow, ...] = ()
    begins: datetime | None = None
    ends: datetime | None = None
    more_hosts_than: int | None = None
    why: str = ""
    """What the person is told when the rule decides."""
    where: str = ""
    """`file:line`."""

    def tightens(self, question: Question) -> bool:
        """Whether the rule counts where it makes the request stricter: nothing speaks for sure against it."""
        return all(one.answer is not False for one in self.conditions(question, loosens=False))

    def loosens(self, question: Question) -> bool:
        """Whether the rule counts where it makes the request looser: everything speaks for sure for it."""
        return all(one.answer is True for one in self.conditions(question, loosens=True))

    def names_exactly(self, intent: str) -> bool:
        """Whether the rule names this very intent, not a pattern."""
        return intent in self.intents

    def conditions(self, question: Question, *, loosens: bool) -> tuple[Condition, ...]:
        """Return the rule's conditions in a fixed order, each answered for the question."""
        return (*self._about_what(question, loosens=loosens), *self._about_whom(question, loosens=loosens))

    def _about_what(self, question: Question, *, loosens: bool) -> list[Condition]:
        """Answer what is said of intent, risk, effects and arguments."""
        found: list[Condition] = []
        if self.intents:
            answer = any(fnmatchcase(question.intent, pattern) for pattern in self.intents)
            found.append(_condition("intents", f"`{question.intent}`", self.intents, answer=answer))
        if self.risks:
            words = [risk.word for risk in self.risks]
            found.append(
                _condition("risks", f"the risk {question.risk.word}", words, answer=question.risk in self.risks)
            )
        if self.effects:
            # A rule that loosens has to name all that a request touches; one of them is reason enough to be strict.
            touched, named = set(question.effects), set(self.effects)
            answer = bool(touched) and touched <= named if loosens else bool(touched & named)
            what = f"touching {', '.join(question.effects)}" if question.effects else "touching nothing"
            found.append(_condition("effects", what, self.effects, answer=answer))
        for name, patterns in self.arguments.items():
            found.append(_argument(name, question.texts_of(name), patterns, loosens=loosens))
        return found

    def _about_whom(self, question: Question, *, loosens: bool) -> list[Condition]:
        """Answer what is said of hosts, their number, the user, the door and the time."""
        found: list[Condition] = []
        if self.hosts:
            answers = [_host_fits(host, self.hosts, question.groups) for host in question.hosts]
            answer = (_all(answers) if loosens else _any(answers)) if answers else None
            found.append(_condition("hosts", f"the host {_few(question.hosts)}", self.hosts, answer=answer))
        if self.more_hosts_than is not None:
            count = len(question.hosts)
            found.append(
                Condition(
                    "more_hosts_than",
                    count > self.more_hosts_than,
                    f"{count} hosts, the limit is {self.more_hosts_than}",
                )
            )
        if self.users:
            answer_user = _any([_user_fits(question.user, pattern) for pattern in self.users])
            found.append(_condition("users", f"the user {question.user}", self.users, answer=answer_user))
        if self.doors:
            found.append(
                _condition("doors", f"the door {question.door}", self.doors, answer=question.door in self.doors)
            )
        return [*found, *self._about_time(question.at)]

    def _about_time(self, at: datetime | None) -> list[Condition]:
        found: list[Condition] = []
        shown = "an unknown time" if at is None else f"{at:%Y-%m-%d %H:%M %z}"
        if self.times:
            answer = None if at is None else any(window.contains(at) for window in self.times)
            found.append(_condition("times", shown, [window.text for window in self.times], answer=answer))
        if self.begins is not None:
            answer = None if at is None else at >= self.begins
            found.append(Condition("from", answer, f"{shown}, it holds from {self.begins:%Y-%m-%d %H:%M %z}"))
        if self.ends is not None:
            answer = None if at is None else at < self.ends
            found.append(Condition("until", answer, f"{shown}, it holds until {self.ends:%Y-%m-%d %H:%M %z}"))
        return found


def argument_texts(value: Json) -> tuple[str, ...]:
    """Return a canonical value as the texts that patterns are compared with: one, or one for each element of a list.

    >>> argument_texts(["nginx.service", "redis.service"]), argument_texts(True), argument_texts(3)
    (('nginx.service', 'redis.service'), ('true',), ('3',))
    """
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple):
        return tuple(text for one in value for text in argument_texts(one))
    return (json.dumps(value, sort_keys=True, ensure_ascii=False),)


def host_matches(host: str, pattern: str, groups: Mapping[str, tuple[str, ...]]) -> bool | None:
    """Whether a host is meant by a name, a glob or an `@group`; None when its groups aren't known.

    This machine is in no group unless `groups` says so.
    """
    if not pattern.startswith(GROUP_MARK):
        return fnmatchcase(host, pattern)
    if pattern == EVERY_HOST:
        return host != LOCAL
    known = groups.get(host, () if host == LOCAL else None)
    return None if known is None else any(fnmatchcase(name, pattern[1:]) for name in known)


def _host_fits(host: str, patterns: Sequence[str], groups: Mapping[str, tuple[str, ...]]) -> bool | None:
    return _any([host_matches(host, pattern, groups) for pattern in patterns])


def _user_fits(user: str, pattern: str) -> bool | None:
    if not pattern.startswith(UNIX_GROUP_MARK):
        return fnmatchcase(user, pattern)
    names = unix_groups(user)
    return None if names is None else any(fnmatchcase(name, pattern[1:]) for name in names)


def unix_groups(user: str) -> tuple[str, ...] | None:
    """Return the names of the groups that a login of `user` has; None when there is no such account."""
    try:
        account = pwd.getpwnam(user)
    except (KeyError, ValueError):
        return None
    names: list[str] = []
    for number in os.getgrouplist(user, account.pw_gid):
        try:
            names.append(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return tuple(names)


def _argument(name: str, texts: tuple[str, ...], patterns: tuple[str, ...], *, loosens: bool) -> Condition:
    if not texts:
        return Condition(f"arguments.{name}", None, f"`{name}` isn't given")
    fits = [any(fnmatchcase(text, pattern) for pattern in patterns) for text in texts]
    answer = all(fits) if loosens else any(fits)
    return _condition(f"arguments.{name}", f"`{name}` is {_few(texts)}", patterns, answer=answer)


def _condition(name: str, what: str, patterns: Sequence[str], *, answer: bool | None) -> Condition:
    relation = {True: "fits", False: "doesn't fit", None: "can't be compared with"}[answer]
    return Condition(name, answer, f"{what} {relation} {_few(patterns)}")


def _few(words: Sequence[str]) -> str:
    shown = 5
    more = f" and {len(words) - shown} more" if len(words) > shown else ""
    return (", ".join(words[:shown]) or "(none)") + more


def _any(answers: Sequence[bool | None]) -> bool | None:
    """Whether one of them is yes; what can't be told outweighs a no."""
    return True if True in answers else None if None in answers else False


def _all(answers: Sequence[bool | None]) -> bool | None:
    """Whether all of them are yes, and there is one; what can't be told is outweighed by a no."""
    if not answers or False in answers:
        return False
    return None if None in answers else True
