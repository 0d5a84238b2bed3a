"""What every parameter type does: find, parse, check, render, show, complete.

A type is one class. It turns words of a request into one canonical JSON value, checks such a
value wherever it comes from (request, `sayso run`, plan file), and writes it as one argument of
a vector. A value that could be taken for an option is refused here or kept behind `--` by the
template (the schema demands one of the two).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from intents.names import LiveNames, NoNames
from intents.values import Json


@dataclass(frozen=True, slots=True)
class ValueContext:
    """What a value is read against: the clock, the caller's folder, the target's names.

    `now` is timezone-aware; "yesterday 3pm" is meant in its zone. `directory` is absolute: the
    caller's current directory locally, the login home on a remote host. `home` is the home of
    the account that runs the step ("~").
    """

    now: datetime
    directory: str
    home: str
    names: LiveNames = field(default_factory=NoNames)


@dataclass(frozen=True, slots=True)
class Found:
    """A stretch of a request that can be read as a value of a type.

    `start`/`end` are code points; `value` is canonical; `note` says what was read into it.
    """

    start: int
    end: int
    value: Json
    note: str | None = None


class ParameterType(ABC):
    """One kind of value. Subclasses are immutable; options (choices, bounds) are constructor arguments."""

    name: ClassVar[str]
    """The word in a pack: `type: size`."""

    embeddable: ClassVar[bool] = False
    """Its rendered text has an alphabet so narrow (digits, hex, dots) that a literal may follow it in one argument."""

    may_start_with_dash: ClassVar[bool] = False
    """Its rendered text may begin with `-`, so a template must place it after `--` or a literal prefix."""

    formats: ClassVar[tuple[str, ...]] = ()
    """The `{parameter:format}` forms that `render` knows, besides the plain one."""

    @abstractmethod
    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return every stretch of `text` that is shaped like a value, left to right; may overlap.

        Types that have no shape of their own (plain names, free text) return what the live names
        or quotes give, else nothing: the interpreter then uses the intent's example sentences.
        """

    @abstractmethod
    def parse(self, text: str, context: ValueContext) -> Json:
        """Return the canonical value of `text`.

        Raises `ValueRejected` with what is wrong and what to write instead.
        """

    @abstractmethod
    def check(self, value: Json) -> None:
        """Raise `ValueRejected` unless `value` is a canonical value of this type."""

    @abstractmethod
    def render(self, value: Json, form: str | None = None) -> str:
        """Return the one argument that stands for a checked `value`; `form` is one of `formats`."""

    def show(self, value: Json) -> str:
        """Return `value` as a person reads it ("2 GiB", "yesterday 15:00")."""
        return self.render(value)

    def complete(self, prefix: str, context: ValueContext) -> Sequence[str]:  # noqa: ARG002 - for subclasses
        """Return values that start with `prefix`, from the live names where the type has any."""
        return ()
