"""What "it", "them" and "each" stand for: an argument of a step before, or the rows that it shows.

Nothing is guessed: where more than one thing could be meant, the value stays missing and is asked for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from intents.intent import Intent, Parameter
from intents.interpretation import Argument, Evidence, EvidenceSource, Match, RowReference, Span
from intents.operations import Limit
from intents.values import Column, Json

_PLURAL = frozenset("them those these they each both all ones".split())
_PRONOUN = re.compile(
    r"(?<![\w-])(?:(?P<plural>(?:each|all|every\s+one|both)\s+of\s+(?:them|those|these)|each\s+one|each(?=\s*$)"
    r"|them|those|these)|(?P<single>it|its|that\s+one|this\s+one))(?![\w-])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Pronoun:
    """A word that stands for something said before."""

    span: Span
    text: str
    is_plural: bool


@dataclass(frozen=True, slots=True)
class Earlier:
    """The steps before a clause, and where a value taken from them comes from."""

    matches: tuple[Match, ...] = ()
    source: EvidenceSource = "request"
    """`request` for steps of the same request, whose rows can be taken too; else `conversation`."""


NOTHING_EARLIER = Earlier()


def pronoun_in(text: str) -> Pronoun | None:
    """Return the first pronoun of a clause.

    >>> pronoun_in("restart each of them").is_plural, pronoun_in("then stop it").text, pronoun_in("list units") is None
    (True, 'it', True)
    """
    found = _PRONOUN.search(text)
    return None if found is None else Pronoun(found.span(), found[0], found["plural"] is not None)


def stand_in(earlier: Earlier) -> str | None:
    """Return a word by which the pronoun's clause can be judged: what the last step was about, else its noun."""
    if not earlier.matches:
        return None
    last = earlier.matches[-1]
    for argument in last.arguments.values():
        if argument.evidence.source != "default":
            value = argument.value
            return str(value[0] if isinstance(value, list | tuple) and value else value)
    return last.intent.split(".")[0]


def linked(
    parameter: Parameter,
    pronoun: Pronoun,
    earlier: Earlier,
    catalogue: Mapping[str, Intent],
    facts: Mapping[str, str],
) -> Argument | RowReference | None:
    """Return what a missing parameter takes from the last step that has something for it, or None."""
    for place in reversed(range(len(earlier.matches))):
        match = earlier.matches[place]
        intent = catalogue.get(match.intent)
        if intent is None:
            continue
        read = intent.operation_for(facts).read
        column = column_for(parameter, read.columns) if read is not None else None
        rows = None
        if column is not None and earlier.source == "request":
            rows = _rows(pronoun, match, column, place)
        # "the largest file in /srv ... delete it" is never /srv: a path that a read was asked about holds what it shows.
        is_holder = column is not None and parameter.type.name == "path"
        argument = None if is_holder else _argument(parameter, pronoun, match, intent, earlier.source)
        found = (rows or argument) if pronoun.is_plural else (argument or rows)
        if found is not None or is_holder:
            return found
    return None


def _argument(
    parameter: Parameter, pronoun: Pronoun, match: Match, intent: Intent, source: EvidenceSource
) -> Argument | None:
    """The one value of the same type that was said for the step before."""
    same = [
        argument.value
        for name, argument in match.arguments.items()
        if intent.parameters[name].type.name == parameter.type.name and argument.evidence.source != "default"
    ]
    if len(same) != 1:
        return None
    values: list[Json] = list(same[0]) if isinstance(same[0], list | tuple) else [same[0]]
    if pronoun.is_plural and len(values) == 1:
        return None  # "list what is in /srv and delete them" is never /srv
    if not parameter.many and len(values) != 1:
        return None
    evidence = Evidence(source, pronoun.span, pronoun.text, note=f"as in `{match.intent}`")
    return Argument(values if parameter.many else values[0], evidence)


def _rows(pronoun: Pronoun, match: Match, column: Column, place: int) -> RowReference | None:
    """The rows of a read; "it" is no name for several of them."""
    is_one = any(isinstance(one, Limit) and one.count == 1 for one in match.operations)
    if match.references or not (pronoun.is_plural or is_one):
        return None
    return RowReference(place, column.name)


def column_for(parameter: Parameter, columns: Sequence[Column]) -> Column | None:
    """Return the one column whose values a parameter takes: by the name of the parameter or of its type.

    Paths are known by their type; where there are several, by the name `path`.
    """
    kind = parameter.type.name.rsplit(":", 1)[-1]
    names = {parameter.name, parameter.name.removesuffix("s"), kind, kind.removesuffix("s")}
    named = [column for column in columns if column.name.casefold() in names]
    if not named and kind == "path":
        named = [column for column in columns if column.type == "path"]
    if not named:
        named = [column for column in columns if names & {say.casefold() for say in column.says}]
    return named[0] if len(named) == 1 else None
