"""What all parameter types share: a canonical value is checked before it is written or shown.

A subclass says how a text is read, what a canonical value must be, and how it is written; this
module makes sure that nothing unchecked gets past it.
"""

import re
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from intents.errors import ValueRejected
from intents.types.base import Found, ParameterType, ValueContext
from intents.types.visible import excerpt, visible
from intents.values import Json

Canonical = TypeVar("Canonical")

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text was read as, and what was read into it."""

    value: Json
    note: str | None = None


@dataclass(frozen=True)
class CanonicalType(ParameterType, Generic[Canonical]):
    """A parameter type whose canonical values are `Canonical`. Types with equal options are equal."""

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:  # noqa: ARG002 - for subclasses
        """Return nothing: the type has no shape of its own."""
        return ()

    def resolve(self, text: str, context: ValueContext) -> Found:
        """Return the canonical value of the whole `text` with the note on what was read into it.

        Raises `ValueRejected` with what is wrong and what to write instead.
        """
        reading = self._read(text, context)
        self.check(reading.value)
        return Found(0, len(text), reading.value, reading.note)

    def parse(self, text: str, context: ValueContext) -> Json:
        """Return the canonical value of `text`; `resolve` tells in addition what was read into it."""
        return self.resolve(text, context).value

    def check(self, value: Json) -> None:
        """Raise `ValueRejected` unless `value` is a canonical value of this type."""
        self._checked(value)

    def render(self, value: Json, form: str | None = None) -> str:
        """Return the one argument that stands for `value`, which is checked again.

        Raises `ValueRejected` for a value that isn't canonical and for a form that isn't in `formats`.
        """
        checked = self._checked(value)
        if form is not None and form not in self.formats:
            known = ", ".join(self.formats) or "none"
            raise ValueRejected(
                f"The type {self.name} has no form {excerpt(form)}.",
                remedy=f"Its forms besides the plain one: {known}.",
            )
        return self._write(checked, form)

    def show(self, value: Json) -> str:
        """Return `value` as a person reads it, with nothing unprintable in it."""
        return visible(self._display(self._checked(value)))

    @abstractmethod
    def _read(self, text: str, context: ValueContext) -> Reading:
        """Return what `text` says. Raises `ValueRejected`."""

    @abstractmethod
    def _checked(self, value: Json) -> Canonical:
        """Return `value`, known to be canonical. Raises `ValueRejected`."""

    @abstractmethod
    def _write(self, value: Canonical, form: str | None) -> str:
        """Return the argument for `value`; `form` is one of `formats` or None."""

    def _display(self, value: Canonical) -> str:
        return self._write(value, None)

    def _found(self, start: int, end: int, text: str, context: ValueContext) -> list[Found]:
        """Return `text`, which stands at `start`..`end`, as a value; an empty list when it is none."""
        try:
            reading = self._read(text, context)
            self.check(reading.value)
        except ValueRejected:
            return []
        return [Found(start, end, reading.value, reading.note)]


class ShapedType(CanonicalType[Canonical]):
    """A type whose values have a shape that is found by one pattern.

    The pattern must scan in linear time: bounded repeats, and a start that can't be inside a word.
    """

    pattern: ClassVar[re.Pattern[str]]

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return every stretch that matches the pattern and is a value."""
        return [
            found
            for match in self.pattern.finditer(text)
            for found in self._found(match.start(), match.end(), match.group(), context)
        ]


def whole_number(value: Json, what: str, low: int, high: int) -> int:
    """Return `value` as an int within `low`..`high`. Raises `ValueRejected`; a boolean is no number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueRejected(f"{excerpt(value)} is not a whole number.", remedy=f"Write {what} as digits.")
    if not low <= value <= high:
        raise ValueRejected(
            f"{what[:1].upper()}{what[1:]} can't be {excerpt(value)}.",
            remedy=f"Write a number from {low} to {high}.",
        )
    return value


def plain_string(value: Json, what: str, max_bytes: int) -> str:
    """Return `value` as a string that can be an argument: text, no NUL, at most `max_bytes` bytes of UTF-8.

    Raises `ValueRejected`.
    """
    if not isinstance(value, str):
        raise ValueRejected(f"{excerpt(value)} is not text.", remedy=f"Write {what} as text.")
    if "\0" in value:
        raise ValueRejected("A NUL character can't be part of an argument.", remedy=f"Remove it from {what}.")
    if _SURROGATE.search(value):
        raise ValueRejected("A lone surrogate can't be written as UTF-8.", remedy=f"Remove it from {what}.")
    if len(value.encode()) > max_bytes:
        raise ValueRejected(f"{excerpt(value)} is too long.", remedy=f"Write at most {max_bytes} bytes.")
    return value
