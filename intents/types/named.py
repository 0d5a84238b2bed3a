"""How a name is read: a strict pattern per kind, and the real names of the target.

The pattern decides what a name may look like; live names decide which one is meant. A live name
that breaks the pattern is as good as absent: what a target calls its things never widens what
may stand in a vector.
"""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

from intents.errors import ValueRejected
from intents.types.base import Found, ValueContext
from intents.types.canonical import CanonicalType, Reading, plain_string
from intents.types.resemblance import SHORTEST_PREFIX, nearest, resembling
from intents.types.tokens import Token, unquoted, words
from intents.types.visible import excerpt
from intents.values import Json

MAX_GUESSED_WORDS = 64
"""How many different unknown words of one request are compared with the live names."""

# Words of almost every request; they name something only when something is called exactly so.
_COMMON_WORDS = frozenset(
    (
        "what which when where show list tell give find look from into with without that this these those there have"
        " start stop restart reload enable disable status state run running stopped failed service services unit units"
        " user users group groups process processes package packages install installed remove delete create add change"
        " file files folder directory disk disks space memory port ports host hosts server servers log logs line lines"
        " last first since until before after today yesterday hour hours minute minutes second seconds days week month"
        " system systems machine time date name names size more most less than over under between about only also then"
        " make take keep kill check please could would should does many much long using used free full open close"
    ).split()
)


class NameType(CanonicalType[str]):
    """A name of one kind. Canonical: the name as the target writes it."""

    kind: ClassVar[str]
    """What `LiveNames.names` is asked for."""
    what: ClassVar[str]
    """The kind as a sentence says it: "systemd unit"."""
    allowed: ClassVar[re.Pattern[str]]
    """What a name of this kind may look like; introduced by its source in the class."""
    max_length: ClassVar[int] = 255
    example: ClassVar[str]
    must_exist: ClassVar[bool]
    """Whether a name that isn't among the known live names is refused."""
    is_new: ClassVar[bool] = False
    """The name is about to be given: live names say nothing about it, and it is never corrected."""
    shape: ClassVar[re.Pattern[str] | None] = None
    """What tells a name of this kind from other words even when no live names are known."""

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return the words that are live names, then those that can only be a misspelling of one."""
        if self.is_new:
            return ()
        live = self._live(context)
        exact = {name.lower(): name for name in reversed(live)}
        guesses: dict[str, str | None] = {}
        return [found for token in self._words(text) for found in self._found_name(token, live, exact, guesses)]

    def _found_name(
        self, token: Token, live: Sequence[str], exact: dict[str, str], guesses: dict[str, str | None]
    ) -> Iterator[Found]:
        lowered = token.text.lower()
        known = next((exact[form] for form in self._forms(lowered) if form in exact), None)
        if known is not None:
            yield Found(token.start, token.end, known)
        elif not live:
            if self.shape and self.shape.fullmatch(token.text) and self._is_allowed(token.text):
                yield Found(token.start, token.end, token.text)
        elif self._may_guess(lowered, guesses):
            guess = (
                guesses[lowered] if lowered in guesses else guesses.setdefault(lowered, self._only_one(lowered, live))
            )
            if guess is not None:
                yield Found(token.start, token.end, guess, f"corrected from {excerpt(token.text)}")

    def _may_guess(self, word: str, guesses: dict[str, str | None]) -> bool:
        if len(word) < SHORTEST_PREFIX or word in _COMMON_WORDS or not self._is_allowed(word):
            return False
        return word in guesses or len(guesses) < MAX_GUESSED_WORDS

    def _only_one(self, word: str, live: Sequence[str]) -> str | None:
        candidates = self._resembling(word, live)
        return candidates[0] if len(candidates) == 1 else None

    def _words(self, text: str) -> Iterator[Token]:
        return words(text, split_lists=True)

    def _read(self, text: str, context: ValueContext) -> Reading:
        said = unquoted(text)
        live = () if self.is_new else self._live(context)
        for form in self._forms(said):
            if form in live:
                return Reading(form)
        name = self._normalised(said)
        if not live:
            return Reading(name)
        if not self._is_allowed(said):
            raise self._malformed(said)
        candidates = self._resembling(said, live)
        if len(candidates) == 1:
            return Reading(candidates[0], f"corrected from {excerpt(said)}")
        if self.must_exist:
            raise self._unknown(said, candidates, live)
        return Reading(name)

    def _unknown(self, said: str, candidates: Sequence[str], live: Sequence[str]) -> ValueRejected:
        likely = ", ".join(candidates[:5]) or nearest(said, live)
        return ValueRejected(f"There is no {self.what} {excerpt(said)}.", remedy=f"Did you mean {likely}?")

    def _malformed(self, said: str) -> ValueRejected:
        return ValueRejected(
            f"{excerpt(said)} can't be the name of a {self.what}.", remedy=f'Write one such as "{self.example}".'
        )

    def _forms(self, name: str) -> tuple[str, ...]:
        """Return the ways in which a target may write `name`, the likeliest first."""
        return (name,)

    def _normalised(self, name: str) -> str:
        """Return the canonical name of a `name` that isn't known."""
        return name

    def _resembling(self, word: str, live: Sequence[str]) -> list[str]:
        return resembling(word, live)

    def _is_allowed(self, name: str) -> bool:
        return len(name) <= self.max_length and self.allowed.fullmatch(name) is not None

    def _live(self, context: ValueContext) -> Sequence[str]:
        return [name for name in context.names.names(self.kind) if self._is_allowed(name)]

    def _checked(self, value: Json) -> str:
        name = plain_string(value, f"the {self.what}", 4 * self.max_length)
        if not self._is_allowed(name):
            raise self._malformed(name)
        return name

    def _write(self, value: str, form: str | None) -> str:  # noqa: ARG002 - one form
        return value

    def complete(self, prefix: str, context: ValueContext) -> Sequence[str]:
        """Return the live names that start with `prefix`."""
        if self.is_new:
            return ()
        return tuple(name for name in self._live(context) if name.startswith(prefix))
