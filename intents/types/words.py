"""Words from a closed set, free text, and secrets."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from intents.errors import ValueRejected
from intents.types.base import Found, ValueContext
from intents.types.canonical import CanonicalType, Reading, plain_string
from intents.types.spoken import any_of
from intents.types.tokens import quoted
from intents.types.visible import excerpt
from intents.values import Json

MAX_TEXT_BYTES = 65_536
"""Well below the kernel's limit for one argument (MAX_ARG_STRLEN, 128 KiB; execve(2))."""


class ClosedWords(CanonicalType[str]):
    """One of a fixed vocabulary, in any case. Canonical: the word as the vocabulary has it."""

    vocabulary: ClassVar[tuple[str, ...]]

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return every word of the vocabulary."""
        pattern = re.compile(rf"(?<![\w.-])(?ai:{any_of(self.vocabulary)})(?![\w-])(?!\.\w)")
        return [
            found
            for match in pattern.finditer(text)
            for found in self._found(match.start(), match.end(), match.group(), context)
        ]

    def _read(self, text: str, context: ValueContext) -> Reading:  # noqa: ARG002 - needs no context
        said = text.strip().casefold()
        for word in self.vocabulary:
            if said == word.casefold():
                return Reading(word)
        raise self._unknown(text)

    def _checked(self, value: Json) -> str:
        if not isinstance(value, str) or value not in self.vocabulary:
            raise self._unknown(value)
        return value

    def _unknown(self, text: Json) -> ValueRejected:
        return ValueRejected(
            f"{excerpt(text)} is no {self.name}.", remedy=f"Write one of {', '.join(self.vocabulary)}."
        )

    def _write(self, value: str, form: str | None) -> str:  # noqa: ARG002 - one form
        return value

    def complete(self, prefix: str, context: ValueContext) -> Sequence[str]:  # noqa: ARG002 - needs no context
        """Return the words of the vocabulary that start with `prefix`."""
        return tuple(word for word in self.vocabulary if word.casefold().startswith(prefix.casefold()))


@dataclass(frozen=True)
class Choice(CanonicalType[str]):
    """One of the words that an intent lists. Canonical: the word as it is said in the pack.

    `choices` are pairs of the word said and the word that stands in the vector. Blanks, `-` and
    `_` are the same to a reader, and a plural is its singular.
    """

    name: ClassVar[str] = "choice"

    choices: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise ValueRejected(
                "A choice without choices can't be made.", remedy="Give `choices`: a list or a mapping."
            )
        for said, written in self.choices:
            plain_string(said, "the choice", 256)
            plain_string(written, "the word of the vector", 256)
            if not said.strip():
                raise ValueRejected("A choice can't be blank.", remedy="Give each choice a word.")
            if written.startswith("-"):
                raise ValueRejected(
                    f"The choice {excerpt(said)} stands for an option, {excerpt(written)}.",
                    remedy="Write the option in the vector, under `{when: {parameter: value}, then: [...]}`.",
                )

    @classmethod
    def of(cls, choices: Sequence[str] | Mapping[str, str]) -> "Choice":
        """Return the type for a pack's list of words, or its mapping of word said to word written."""
        pairs = choices.items() if isinstance(choices, Mapping) else [(word, word) for word in choices]
        return cls(tuple(pairs))

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return every choice, in any case, singular or plural."""
        options = any_of([_loosely(said) for said, _ in self.choices]).replace(r"\ ", "[ _-]")
        pattern = re.compile(rf"(?<![\w./-])(?i:{options}s?)(?![\w/-])(?!\.\w)")
        return [
            found
            for match in pattern.finditer(text)
            for found in self._found(match.start(), match.end(), match.group(), context)
        ]

    def _read(self, text: str, context: ValueContext) -> Reading:  # noqa: ARG002 - needs no context
        said = _loosely(text)
        known = {_loosely(word): word for word, _ in self.choices}
        known |= {word: word for word, _ in self.choices if text == word}
        for reading in (text, said, said.removesuffix("s")):
            if reading in known:
                return Reading(known[reading])
        raise self._unknown(text)

    def _checked(self, value: Json) -> str:
        for said, _ in self.choices:
            if value == said:
                return said
        raise self._unknown(value)

    def _unknown(self, text: Json) -> ValueRejected:
        return ValueRejected(
            f"{excerpt(text)} can't be chosen here.",
            remedy=f"Write one of {', '.join(said for said, _ in self.choices)}.",
        )

    def _write(self, value: str, form: str | None) -> str:  # noqa: ARG002 - one form
        return dict(self.choices)[value]

    def _display(self, value: str) -> str:
        return value

    def complete(self, prefix: str, context: ValueContext) -> Sequence[str]:  # noqa: ARG002 - needs no context
        """Return the choices that start with `prefix`."""
        return tuple(said for said, _ in self.choices if said.casefold().startswith(prefix.casefold()))


def _loosely(text: str) -> str:
    return re.sub("[ _-]", " ", text.strip().lower())


_TRUE = ("on", "yes", "true", "enabled")
_FALSE = ("off", "no", "false", "disabled")
# "on" and "no" are mostly a preposition and an article; they are values at the end of a sentence or after "to", "turn".
_BOOLEAN = re.compile(
    r"(?<![\w./-])(?ai:off|yes|true|false|enabled|disabled"
    r"|(?:(?<=to )|(?<=turn )|(?<=switch )|(?<==))(?:on|no)|(?:on|no)(?= {0,3}(?:$|[.,;!?])))(?![\w/-])"
)


class Boolean(CanonicalType[bool]):
    """On or off, yes or no, true or false, enabled or disabled. Canonical: a JSON boolean."""

    name: ClassVar[str] = "boolean"
    embeddable: ClassVar[bool] = True
    formats: ClassVar[tuple[str, ...]] = ("yes_no", "on_off", "one_zero")

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return every such word that isn't a preposition or an article."""
        return [
            found
            for match in _BOOLEAN.finditer(text)
            for found in self._found(match.start(), match.end(), match.group(), context)
        ]

    def _read(self, text: str, context: ValueContext) -> Reading:  # noqa: ARG002 - needs no context
        said = text.strip().lower()
        if said not in (*_TRUE, *_FALSE):
            raise ValueRejected(f"{excerpt(text)} is neither yes nor no.", remedy="Write yes or no.")
        return Reading(said in _TRUE)

    def _checked(self, value: Json) -> bool:
        if not isinstance(value, bool):
            raise ValueRejected(f"{excerpt(value)} is neither true nor false.", remedy="Write true or false.")
        return value

    def _write(self, value: bool, form: str | None) -> str:  # noqa: FBT001 - the value itself
        true, false = {"yes_no": ("yes", "no"), "on_off": ("on", "off"), "one_zero": ("1", "0")}.get(
            form or "", ("true", "false")
        )
        return true if value else false

    def _display(self, value: bool) -> str:  # noqa: FBT001 - the value itself
        return "yes" if value else "no"

    def complete(self, prefix: str, context: ValueContext) -> Sequence[str]:  # noqa: ARG002 - needs no context
        """Return the words for both values."""
        return tuple(word for word in (*_TRUE, *_FALSE) if word.startswith(prefix.lower()))


_SIGNAL_NAMES = (
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU"
    " URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
)
SIGNALS: dict[int, str] = dict(enumerate(_SIGNAL_NAMES.split(), start=1))
"""The standard signals and their numbers on x86, ARM and most others (signal(7), Linux man-pages 6.03)."""

_SIGNAL = re.compile(
    rf"(?<![\w./-])(?:(?ai:SIG{any_of(list(SIGNALS.values()))})|{any_of(list(SIGNALS.values()))}"
    r"|(?:(?<=signal )|(?<=kill -))[0-9]{1,2})(?![\w/-])(?!\.\w)|(?<=kill -)[0-9]{1,2}(?![\w/-])"
)


class Signal(ClosedWords):
    """A standard signal: "SIGHUP", "HUP", "signal 9". Canonical: the name without SIG."""

    name: ClassVar[str] = "signal"
    vocabulary: ClassVar[tuple[str, ...]] = tuple(SIGNALS.values())

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return names with SIG in any case, names without it in capitals ("kill" is a verb), numbers after "signal"."""
        return [
            found
            for match in _SIGNAL.finditer(text)
            for found in self._found(match.start(), match.end(), match.group(), context)
        ]

    def _read(self, text: str, context: ValueContext) -> Reading:
        said = text.strip().upper()
        if re.fullmatch("[0-9]{1,2}", said) and int(said) in SIGNALS:
            return Reading(SIGNALS[int(said)], f"signal {int(said)}")
        return super()._read(said.removeprefix("SIG") or text, context)


@dataclass(frozen=True)
class Text(CanonicalType[str]):
    """Free text, found only between quotes. Canonical: the text itself; without line breaks unless `multiline`."""

    name: ClassVar[str] = "text"
    may_start_with_dash: ClassVar[bool] = True

    multiline: bool = False

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return the quoted stretches, the quotes within the span but not in the value."""
        return [found for token in quoted(text) for found in self._found(token.start, token.end, token.text, context)]

    def _read(self, text: str, context: ValueContext) -> Reading:  # noqa: ARG002 - needs no context
        return Reading(text)

    def _checked(self, value: Json) -> str:
        text = plain_string(value, "the text", MAX_TEXT_BYTES)
        if not self.multiline and ("\n" in text or "\r" in text):
            raise ValueRejected("The text has more than one line.", remedy="Write it on one line.")
        return text

    def _write(self, value: str, form: str | None) -> str:  # noqa: ARG002 - one form
        return value


class Secret(CanonicalType[str]):
    """A password or key. It is never found in a request, shown, or written as an argument.

    Whoever feeds it to a program's stdin takes it from `reveal`.
    """

    name: ClassVar[str] = "secret"

    def reveal(self, value: Json) -> str:
        """Return the secret itself, for stdin only. Raises `ValueRejected` when `value` is none."""
        return self._checked(value)

    def _read(self, text: str, context: ValueContext) -> Reading:  # noqa: ARG002 - needs no context
        return Reading(text)

    def _checked(self, value: Json) -> str:
        faulty = not isinstance(value, str) or not value or any(char in value for char in "\0\n\r")
        if faulty or not isinstance(value, str):
            raise ValueRejected("This secret can't be used.", remedy="Write one line of text.")  # never quotes it
        try:
            length = len(value.encode())
        except UnicodeEncodeError:
            raise ValueRejected("This secret can't be written as UTF-8.", remedy="Write one line of text.") from None
        if length > 4096:  # noqa: PLR2004 - the longest line a terminal hands over (termios(3), canonical mode)
            raise ValueRejected("This secret is too long.", remedy="Write at most 4096 bytes.")
        return value

    def _write(self, value: str, form: str | None) -> str:  # noqa: ARG002 - always refused
        raise ValueRejected(
            "A secret can't be an argument: everybody on the host could read it.", remedy="Send it on stdin."
        )

    def _display(self, value: str) -> str:  # noqa: ARG002 - never shown
        return "***"
