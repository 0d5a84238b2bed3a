r"""A plan as JSON and back, whole: what is written is read as an equal value, or refused with one sentence.

The form follows from the classes themselves: a field that is added to one of them is written and read without
a change here. What JSON can't hold has a form of its own:

- a mapping is a list of pairs, because the order of hosts and arguments counts and RFC 8785 sorts keys;
- bytes are base64, and of several possible classes `kind` names the one;
- in a text, a backslash is doubled and a lone surrogate (a byte that was no UTF-8) is written `\udc80`;
- in a value of any JSON type, what would come back as another type stands under `mapping`, `tuple`, `integer`
  or `float`.
"""

import base64
import math
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

from executors.plan import (
    EditStep,
    Envelope,
    LeftOut,
    Plan,
    PlannedStep,
    PlaybookStep,
    RunStep,
    Stage,
    TakenBack,
    Touched,
)
from executors.schedule import Schedule, Share
from intents.errors import PlanError
from intents.interpretation import Argument, Evidence, Match, RowReference
from intents.operations import Aggregate, Columns, Count, Export, Filter, Group, Limit, Sort, Unique
from intents.values import Json

KNOWN_CLASSES: frozenset[type] = frozenset(
    {
        Plan, Schedule, Share, LeftOut, Stage, Envelope, PlannedStep, Touched, TakenBack, RunStep, EditStep, PlaybookStep,
        Match, Argument, Evidence, RowReference,
        Filter, Sort, Limit, Count, Aggregate, Group, Unique, Columns, Export,
    }
)  # fmt: skip
"""The classes that a plan is made of; no other is ever built from a file."""

DEEPEST = 32
"""How deep a value may be nested; real rows have one or two levels."""

_LARGEST_INTEGER = 2**53 - 1  # RFC 8785 by way of RFC 7493
_ESCAPED = re.compile(r"\\(\\|u(d[89a-f][0-9a-f]{2}))")
_KIND = "kind"
_SHOWN_CHARACTERS = 40
_Number = TypeVar("_Number", int, float)


class _Unfit(ValueError):  # noqa: N818 - never leaves this file
    """What was met where, in words; becomes a `PlanError`."""


@dataclass(frozen=True, slots=True)
class _Form:
    """How the values of one type are written and read. `read` raises `_Unfit`."""

    write: Callable[[Any], Json]
    read: Callable[[Json], Any]


def encode_plan(plan: Plan) -> dict[str, Json]:
    """Return the plan as JSON, for RFC 8785: no number in it is beyond 2^53 - 1, no text holds a lone surrogate.

    Raises `PlanError` for a value that is nested too deep.
    """
    try:
        return cast("dict[str, Json]", _form_of(Plan).write(plan))
    except ValueError as error:
        raise PlanError(f"The plan can't be saved: {error}.", remedy="Ask for less at once.") from None


def decode_plan(value: Json) -> Plan:
    """Return the plan that `encode_plan` wrote.

    Raises `PlanError` when anything is missing, unknown or of another type: nothing is guessed.
    """
    try:
        return cast("Plan", _form_of(Plan).read(value))
    except _Unfit as error:
        raise PlanError(
            f"The saved plan can't be read: {error}.", remedy="Make it again with this version of sayso."
        ) from None


@cache
def form_is_known(type_: object) -> bool:
    """Return whether values of this type, and all that it holds, can be written; for tests of the classes."""
    try:
        _form_of(type_)
    except TypeError:
        return False
    return True


@cache
def _form_of(type_: Any) -> _Form:  # noqa: ANN401 - types as values have no narrower type
    """Return the form of a type. Raises `TypeError` for one that a plan doesn't hold."""
    origin, arguments = get_origin(type_), get_args(type_)
    if type_ == Json:
        form = _Form(lambda value: _write_json(value, 0), lambda value: _read_json(value, 0))
    elif type_ in _PLAIN:
        form = _PLAIN[type_]
    elif origin in {Union, UnionType}:
        form = _union_form(arguments)
    elif origin is Literal:
        form = _word_form({str(word): word for word in arguments})
    elif origin is tuple:
        form = _tuple_form(arguments)
    elif origin is Mapping and arguments[0] is str:
        form = _mapping_form(arguments[1])
    elif isinstance(type_, type) and issubclass(type_, Enum):
        form = _word_form({member.name.lower(): member for member in type_})
    elif type_ in KNOWN_CLASSES:
        form = _class_form(type_)
    else:
        raise TypeError(f"a plan file has no form for {type_!r}")
    return form


def _class_form(class_: Any) -> _Form:  # noqa: ANN401 - as above
    forms = {field.name: _form_of(cast("Hashable", field.type)) for field in fields(class_) if field.init}

    def write(value: object) -> Json:
        return {name: form.write(getattr(value, name)) for name, form in forms.items()}

    def read(value: Json) -> object:
        given = _members(value, class_.__name__)
        unknown = next((name for name in given if name not in forms), None)
        if unknown is not None:
            raise _Unfit(f"a {class_.__name__} has no {unknown!r}")
        missing = next((name for name in forms if name not in given), None)
        if missing is not None:
            raise _Unfit(f"a {class_.__name__} lacks {missing!r}")
        return class_(**{name: _inside(name, form, given[name]) for name, form in forms.items()})

    return _Form(write, read)


def _inside(name: str, form: _Form, value: Json) -> object:
    try:
        return form.read(value)
    except _Unfit as error:
        raise _Unfit(f"{name}: {error}") from None


def _union_form(alternatives: tuple[Any, ...]) -> _Form:
    """`X | None`, one of several classes, or both."""
    present = [one for one in alternatives if one is not NoneType]
    form = _form_of(present[0]) if len(present) == 1 else _choice_form(present)
    if len(present) == len(alternatives):
        return form
    return _Form(
        lambda value: None if value is None else form.write(value),
        lambda value: None if value is None else form.read(value),
    )


def _choice_form(classes: list[Any]) -> _Form:
    """One of several classes; `kind` says which."""
    forms = {one.__name__: _form_of(one) for one in classes if one in KNOWN_CLASSES}
    if len(forms) != len(classes):
        raise TypeError(f"a plan file can't tell these apart: {classes!r}")

    def write(value: object) -> Json:
        name = type(value).__name__
        return {_KIND: name, **cast("dict[str, Json]", forms[name].write(value))}

    def read(value: Json) -> object:
        given = dict(_members(value, "kind"))
        kind = given.pop(_KIND, None)
        if not isinstance(kind, str) or kind not in forms:
            raise _Unfit(f"{kind!r} is none of {', '.join(forms)}")
        return forms[kind].read(given)

    return _Form(write, read)


def _word_form(words: Mapping[str, object]) -> _Form:
    names = {value: word for word, value in words.items()}

    def read(value: Json) -> object:
        if not isinstance(value, str) or value not in words:
            raise _Unfit(f"{value!r} is none of {', '.join(words)}")
        return words[value]

    return _Form(lambda value: names[value], read)


def _tuple_form(items: tuple[Any, ...]) -> _Form:
    """`tuple[X, ...]`, or one of a fixed length."""
    is_open = items[-1:] == (Ellipsis,)
    forms = [_form_of(one) for one in items if one is not Ellipsis]

    def paired(values: Sequence[Any]) -> list[tuple[_Form, Any]]:
        return list(zip(forms * len(values) if is_open else forms, values, strict=True))

    def read(value: Json) -> object:
        listed = _list(value)
        if not is_open and len(listed) != len(forms):
            raise _Unfit(f"{len(forms)} values were expected, not {len(listed)}")
        return tuple(form.read(one) for form, one in paired(listed))

    return _Form(lambda value: [form.write(one) for form, one in paired(value)], read)


def _mapping_form(type_: object) -> _Form:
    form = _form_of(type_)

    def write(value: Mapping[str, object]) -> Json:
        return [[_write_text(key), form.write(item)] for key, item in value.items()]

    def read(value: Json) -> object:
        return {key: _inside(key, form, item) for key, item in _pairs(value).items()}

    return _Form(write, read)


# -- scalars


def _write_text(value: str) -> str:
    return value.replace("\\", "\\\\").encode("utf-8", "backslashreplace").decode("utf-8")


def _read_text(value: Json) -> str:
    if not isinstance(value, str):
        raise _Unfit(f"a text was expected, not {_named(value)}")
    found = _ESCAPED.sub(lambda match: chr(int(match[2], 16)) if match[2] else "\\", value)
    if _write_text(found) != value:
        raise _Unfit("a text is not written as texts are")
    return found


def _write_integer(value: int) -> Json:
    return value if abs(value) <= _LARGEST_INTEGER else {"integer": str(value)}


def _read_integer(value: Json) -> int:
    if isinstance(value, Mapping):
        return _tagged(value, "integer", int)
    if isinstance(value, bool) or not isinstance(value, int) or _write_integer(value) != value:
        raise _Unfit(f"a whole number was expected, not {_named(value)}")
    return value


def _write_float(value: float) -> Json:
    """Only a float that JSON writes with a fraction comes back as a float; all others are tagged."""
    if isinstance(value, int):
        return _write_integer(value)
    is_plain = math.isfinite(value) and not value.is_integer()
    return value if is_plain else {"float": repr(value)}


def _read_float(value: Json) -> float:
    if isinstance(value, Mapping):
        return _tagged(value, "float", float) if "float" in value else _read_integer(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or _write_float(value) != value:
        raise _Unfit(f"a number was expected, not {_named(value)}")
    return value


def _tagged(value: Mapping[str, Json], tag: str, convert: Callable[[str], _Number]) -> _Number:
    """Return the number that stands under its tag, written exactly as it would be written again."""
    text = value.get(tag) if list(value) == [tag] else None
    with suppress(ValueError):
        found = convert(text) if isinstance(text, str) else None
        if found is not None and _write_float(found) == value:
            return found
    raise _Unfit(f"{_named(value)} is no {tag}")


def _read_bytes(value: Json) -> bytes:
    try:
        return base64.b64decode(_read_text(value).encode("ascii"), validate=True)
    except ValueError:
        raise _Unfit("bytes are not written in base64") from None


def _read_bool(value: Json) -> bool:
    if not isinstance(value, bool):
        raise _Unfit(f"true or false was expected, not {_named(value)}")
    return value


_PLAIN: dict[Any, _Form] = {
    str: _Form(_write_text, _read_text),
    int: _Form(_write_integer, _read_integer),
    float: _Form(_write_float, _read_float),
    bool: _Form(bool, _read_bool),
    bytes: _Form(lambda value: base64.b64encode(value).decode("ascii"), _read_bytes),
}


# -- values of any JSON type


def _write_json(value: Json, depth: int) -> Json:
    if depth > DEEPEST:
        raise _Unfit(f"a value is nested deeper than {DEEPEST} levels")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _write_text(value)
    if isinstance(value, int):
        return _write_integer(value)
    if isinstance(value, float):
        return _write_float(value)
    if isinstance(value, Mapping):
        return {"mapping": [[_write_text(key), _write_json(item, depth + 1)] for key, item in value.items()]}
    written: Json = [_write_json(one, depth + 1) for one in value]
    return {"tuple": written} if isinstance(value, tuple) else written


def _read_json(value: Json, depth: int) -> Json:
    if depth > DEEPEST:
        raise _Unfit(f"a value is nested deeper than {DEEPEST} levels")
    found: Json
    match value:
        case None | bool():
            found = value
        case str():
            found = _read_text(value)
        case list():
            found = [_read_json(one, depth + 1) for one in value]
        case {"mapping": pairs, **rest} if not rest:
            found = {key: _read_json(item, depth + 1) for key, item in _pairs(pairs).items()}
        case {"tuple": items, **rest} if not rest:
            found = tuple(_read_json(one, depth + 1) for one in _list(items))
        case _:
            found = _read_float(value)
    return found


# -- what JSON gives


def _members(value: Json, what: str) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise _Unfit(f"a {what} was expected, not {_named(value)}")
    return value


def _list(value: Json) -> Sequence[Json]:
    if not isinstance(value, list):
        raise _Unfit(f"a list was expected, not {_named(value)}")
    return value


def _pairs(value: Json) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for pair in _list(value):
        listed = _list(pair)
        if len(listed) != 2:  # noqa: PLR2004 - key and value
            raise _Unfit("a pair has two parts")
        key = _read_text(listed[0])
        if key in found:
            raise _Unfit(f"{key!r} stands there twice")
        found[key] = listed[1]
    return found


def _named(value: Json) -> str:
    """What was met, short enough for a sentence."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
