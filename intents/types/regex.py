r"""Regular expressions that can't run away.

A backtracking engine (Python's `re`, PCRE) takes exponential time when a repeat stands inside a
repeat, or when a repeated group has branches that match the same text; backreferences and
lookaround can't be matched in linear time at all. Those are refused here, a pattern is at most 512
characters long and has at most four unbounded repeats, so that the work is a small polynomial of
the length of a line and linear on the automaton engines (`grep -E`). What is refused beyond
need, such as `(a|b)+`, can be written as `[ab]+`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from intents.errors import ValueRejected
from intents.types.base import Found, ValueContext
from intents.types.canonical import CanonicalType, Reading, plain_string
from intents.types.tokens import quoted
from intents.types.visible import excerpt
from intents.values import Json

MAX_PATTERN_LENGTH = 512
MAX_UNBOUNDED_REPEATS = 4
MAX_BOUND = 1000

_REPEAT = re.compile(r"[*+?]|\{(?P<low>[0-9]{0,9})(?P<comma>,)?(?P<high>[0-9]{0,9})\}")
_GROUP = re.compile(r"\((?:\?(?::|P<[A-Za-z_][A-Za-z0-9_]{0,31}>))?")


class Regex(CanonicalType[str]):
    """A regular expression as above; found only between quotes. Canonical: the pattern itself."""

    name: ClassVar[str] = "regex"
    may_start_with_dash: ClassVar[bool] = True

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return the quoted stretches that are such patterns."""
        return [found for token in quoted(text) for found in self._found(token.start, token.end, token.text, context)]

    def _read(self, text: str, context: ValueContext) -> Reading:  # noqa: ARG002 - needs no context
        return Reading(text)

    def _checked(self, value: Json) -> str:
        pattern = plain_string(value, "the pattern", 4 * MAX_PATTERN_LENGTH)
        if not 0 < len(pattern) <= MAX_PATTERN_LENGTH:
            raise _refused(pattern, f"it has {len(pattern)} characters", f"Write 1 to {MAX_PATTERN_LENGTH}.")
        if "\n" in pattern or "\r" in pattern:
            raise _refused(pattern, "it has a line break", r"Write it on one line, a line break as \n.")
        _Scanner(pattern).scan()
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError, Warning) as error:
            raise _refused(pattern, excerpt(str(error)), "Correct it, or escape the character.") from None
        return pattern

    def _write(self, value: str, form: str | None) -> str:  # noqa: ARG002 - one form
        return value


def _refused(pattern: str, fault: str, remedy: str) -> ValueRejected:
    return ValueRejected(f"The pattern {excerpt(pattern)} can't be used: {fault}.", remedy=remedy)


@dataclass(slots=True)
class _Group:
    """What an open group holds so far."""

    repeats: bool = False
    branches: bool = False


@dataclass(slots=True)
class _Scanner:
    """One pass over a pattern; `scan` raises `ValueRejected` at the first construct that isn't allowed."""

    pattern: str
    position: int = 0
    unbounded: int = 0
    groups: list[_Group] = field(default_factory=lambda: [_Group()])

    def scan(self) -> None:
        if self.pattern.startswith("(?i)"):
            self.position = 4
        while self.position < len(self.pattern):
            closed = self._take_one()
            self._take_repeat(closed)

    def _refuse(self, fault: str, remedy: str) -> ValueRejected:
        return _refused(self.pattern, fault, remedy)

    def _take_one(self) -> _Group | None:
        """Pass one atom; return the group that it closes."""
        char = self.pattern[self.position]
        if char == "\\":
            self._take_escape()
        elif char == "[":
            self._take_set()
        elif char == "(":
            self._open_group()
        elif char == ")":
            return self._close_group()
        else:
            self.groups[-1].branches |= char == "|"
            self.position += 1
        return None

    def _take_escape(self) -> None:
        escaped = self.pattern[self.position + 1 : self.position + 2]
        if escaped.isdigit() and escaped != "0":
            raise self._refuse("it refers back to a group", "Write the pattern without a backreference.")
        self.position += 2

    def _take_set(self) -> None:
        self.position += 2 if self.pattern.startswith("[^", self.position) else 1
        first = self.position
        while self.position < len(self.pattern):
            char = self.pattern[self.position]
            if char == "]" and self.position > first:
                self.position += 1
                return
            if char == "[" or (char in "-&~|" and self.pattern.startswith(char * 2, self.position)):
                raise self._refuse("engines read this set differently", r"Escape [ - & ~ | in a set by \.")
            self.position += 2 if char == "\\" else 1

    def _open_group(self) -> None:
        match = _GROUP.match(self.pattern, self.position)
        end = match.end() if match else self.position + 1
        if self.pattern.startswith("?", end):
            raise self._refuse(
                "it looks around, refers back or sets options inside", "Use plain groups; (?i) may stand at the start."
            )
        self.groups.append(_Group())
        self.position = end

    def _close_group(self) -> _Group:
        if len(self.groups) == 1:
            raise self._refuse("a ) closes nothing", r"Write \) for the character itself.")
        closed = self.groups.pop()
        self.groups[-1].repeats |= closed.repeats
        self.groups[-1].branches |= closed.branches
        self.position += 1
        return closed

    def _take_repeat(self, closed: _Group | None) -> None:
        match = _REPEAT.match(self.pattern, self.position)
        if not match:
            return
        self.position = match.end()
        if self.pattern.startswith("?", self.position):
            self.position += 1
        if _REPEAT.match(self.pattern, self.position):
            raise self._refuse("a repeat is repeated", "Write one repeat.")
        if match.group() == "?":
            return
        if closed and (closed.repeats or closed.branches):
            raise self._refuse("it repeats a group that repeats or branches", "Write [ab]+ for (a|b)+, a+ for (a+)+.")
        self._count(match)
        self.groups[-1].repeats = True

    def _count(self, match: "re.Match[str]") -> None:
        low, high = match["low"], match["high"]
        if max(int(low or 0), int(high or 0)) > MAX_BOUND:
            raise self._refuse("it counts too far", f"Count to at most {MAX_BOUND}.")
        if match.group() in "*+" or (match["comma"] and not high):
            self.unbounded += 1
        if self.unbounded > MAX_UNBOUNDED_REPEATS:
            raise self._refuse("it has too many repeats", f"Use at most {MAX_UNBOUNDED_REPEATS} of *, + and {{n,}}.")
