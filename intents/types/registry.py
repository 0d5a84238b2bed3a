"""From the word of a pack (`type: size`) to the type, with its options."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from intents.errors import ValueRejected
from intents.types import moments, names, network, numbers, paths, regex, words
from intents.types.base import ParameterType
from intents.types.resemblance import nearest
from intents.types.visible import excerpt
from intents.values import Json

Options: TypeAlias = Mapping[str, Json]

_WITHOUT_OPTIONS: tuple[type[ParameterType], ...] = (
    numbers.Percentage, numbers.Size, numbers.Duration, numbers.Pid, moments.Moment,
    paths.Path, paths.Mount, paths.Device, paths.Glob, paths.Mode, regex.Regex,
    network.Port, network.Protocol, network.Address, network.Url, words.Boolean, words.Signal, words.Secret,
    names.Unit, names.NewService, names.Timer, names.User, names.NewUser, names.Group, names.NewGroup, names.Package, names.Interface,
    names.Host, names.Process, names.Container, names.Volume, names.Image, names.Module, names.Timezone, names.Sysctl,
    names.Hostname, names.Database, names.Jail, names.Revision, names.Snapshot,
)  # fmt: skip


def _make_count(options: Options) -> ParameterType:
    low, high = options.get("min", 0), options.get("max", numbers.Count.high)
    for bound in (low, high):
        if isinstance(bound, bool) or not isinstance(bound, int):
            raise ValueRejected(f"{excerpt(bound)} is no bound of a count.", remedy="Write a whole number.")
    return numbers.Count(low=int(str(low)), high=int(str(high)))


def _make_text(options: Options) -> ParameterType:
    multiline = options.get("multiline", False)
    if not isinstance(multiline, bool):
        raise ValueRejected(f"{excerpt(multiline)} can't be `multiline`.", remedy="Write true or false.")
    return words.Text(multiline=multiline)


def _make_choice(options: Options) -> ParameterType:
    choices = options.get("choices")
    if isinstance(choices, Mapping):
        pairs = {said: written for said, written in choices.items() if isinstance(written, str)}
        if len(pairs) == len(choices) and all(isinstance(said, str) for said in choices):
            return words.Choice.of(pairs)
    elif isinstance(choices, Sequence) and not isinstance(choices, str):
        listed = [choice for choice in choices if isinstance(choice, str)]
        if len(listed) == len(choices):
            return words.Choice.of(listed)
    raise ValueRejected(
        "The type choice needs `choices`.",
        remedy="Write a list of words, or a mapping of word said to word written; quote yes, no, on and off.",
    )


_WITH_OPTIONS: Mapping[str, tuple[Callable[[Options], ParameterType], frozenset[str]]] = {
    "count": (_make_count, frozenset({"min", "max"})),
    "text": (_make_text, frozenset({"multiline"})),
    "choice": (_make_choice, frozenset({"choices"})),
}
_SINGLE: Mapping[str, ParameterType] = {kind.name: kind() for kind in _WITHOUT_OPTIONS}

TYPE_WORDS: tuple[str, ...] = tuple(sorted([*_WITH_OPTIONS, *_SINGLE]))
"""Every word that a pack may write after `type:`."""


def make_type(word: str, options: Options) -> ParameterType:
    """Return the type that a pack calls `word`, with its options (`choices`, `min`, `max`, `multiline`; null is absent).

    Raises `ValueRejected` for an unknown type, naming the closest one, and for an option that the
    type doesn't have or that makes no sense.

    >>> make_type("size", {}).name, make_type("count", {"min": 1, "max": 9}).render(5)
    ('size', '5')
    """
    given = {name: value for name, value in options.items() if value is not None}
    if word not in TYPE_WORDS:
        raise ValueRejected(f"There is no type {excerpt(word)}.", remedy=f"Did you mean {nearest(word, TYPE_WORDS)}?")
    make, known = _WITH_OPTIONS.get(word, (None, frozenset[str]()))
    if unknown := sorted(given.keys() - known):
        raise ValueRejected(
            f"The type {word} has no option {excerpt(unknown[0])}.",
            remedy=f"Its options: {', '.join(sorted(known)) or 'none'}.",
        )
    return make(given) if make else _SINGLE[word]
