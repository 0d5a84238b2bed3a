"""Argument-vector templates: parsed from a pack's words, rendered to the vector of one request.

A placeholder is a whole word (`{path}`) or follows a literal prefix (`--since={since:epoch}`); a
literal may follow it only where the type's text is digits and the like. `{packages...}` gives
one argument per value. Literal braces are doubled. No word is ever split or joined.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from intents.errors import ValueRejected
from intents.intent import Conditional, Parameter, Template, TemplateItem, Word
from intents.values import Json

_PLACEHOLDER = re.compile(r"\{(?P<name>[a-z_]+(?:\.[A-Za-z0-9_]+)?)(?::(?P<form>[a-z0-9_]+))?(?P<spread>\.\.\.)?\}")


def parse_word(text: str) -> Word:
    """Return the word that `text` describes.

    Raises `ValueError` with what is wrong and what to write.

    >>> parse_word("--since={since:epoch}")
    Word(prefix='--since=', parameter='since', form='epoch', suffix='', spread=False)
    >>> parse_word("%{{size}}").prefix
    '%{size}'
    """
    hidden = text.replace("{{", "\x01").replace("}}", "\x02")
    found = list(_PLACEHOLDER.finditer(hidden))
    if len(found) > 1:
        raise ValueError(f"`{text}` has two placeholders; write one word for each")
    rest = _PLACEHOLDER.sub("", hidden)
    if "{" in rest or "}" in rest:
        raise ValueError(f"`{text}` has a brace that is no placeholder; write `{{{{` and `}}}}` for literal braces")

    def plain(part: str) -> str:
        return part.replace("\x01", "{").replace("\x02", "}")

    if not found:
        return Word(prefix=plain(hidden))
    match = found[0]
    prefix, suffix = plain(hidden[: match.start()]), plain(hidden[match.end() :])
    spread = match["spread"] is not None
    if spread and (prefix or suffix):
        raise ValueError(f"`{text}`: a spread placeholder must stand alone")
    return Word(prefix=prefix, parameter=match["name"], form=match["form"], suffix=suffix, spread=spread)


def parse_template(items: Sequence[str | Mapping[str, Json]]) -> Template:
    """Return the template of a pack's list of words and conditions. Raises `ValueError`."""
    return tuple(parse_word(item) if isinstance(item, str) else _parse_conditional(item) for item in items)


def _parse_conditional(item: Mapping[str, Json]) -> Conditional:
    then, otherwise = _words(item.get("then")), _words(item.get("else"))
    if isinstance(item.get("given"), str):
        return Conditional(str(item["given"]), None, then, otherwise)
    when = item.get("when")
    if isinstance(when, Mapping) and len(when) == 1:
        ((parameter, equals),) = when.items()
        return Conditional(parameter, equals, then, otherwise)
    raise ValueError("a condition is `{given: parameter, then: [...]}` or `{when: {parameter: value}, then: [...]}`")


def _words(items: Json) -> Template:
    if items is None:
        return ()
    if isinstance(items, list) and all(isinstance(item, str | dict) for item in items):
        return parse_template(items)
    raise ValueError("`then` and `else` are lists of words")


def words_of(template: Template) -> list[Word]:
    """Return every word of the template, also those behind conditions, in order."""
    words: list[Word] = []
    for item in template:
        if isinstance(item, Word):
            words.append(item)
        else:
            words += words_of(item.then) + words_of(item.otherwise)
    return words


def render_word(word: Word, parameters: Mapping[str, Parameter], values: Mapping[str, Json]) -> list[str]:
    """Return the arguments that one word stands for: none (not given), one, or one per value.

    `values` may hold `before.COLUMN` entries; those have no parameter and are written plainly.
    """
    if word.parameter is None:
        return [word.prefix]
    value = values.get(word.parameter)
    if value is None:
        return []
    parameter = parameters.get(word.parameter)
    render: Callable[[Json], str] = str if parameter is None else _renderer(parameter, word.form)
    if (parameter is None or parameter.many) and isinstance(value, list | tuple):
        rendered = [render(one) for one in value]
        if word.form == "comma":
            return [f"{word.prefix}{','.join(rendered)}{word.suffix}"]
        return [f"{word.prefix}{text}{word.suffix}" for text in rendered]
    return [f"{word.prefix}{render(value)}{word.suffix}"]


def _renderer(parameter: Parameter, form: str | None) -> Callable[[Json], str]:
    type_form = None if form == "comma" else form

    def render(value: Json) -> str:
        return parameter.type.render(value, type_form)

    return render


def render_template(
    template: Template, parameters: Mapping[str, Parameter], values: Mapping[str, Json]
) -> tuple[str, ...]:
    """Return the argument vector for checked `values`.

    A word whose parameter was not given vanishes. Raises `ValueRejected` for a value with NUL,
    which no argument can hold.
    """
    vector: list[str] = []
    for item in template:
        vector += _render_item(item, parameters, values)
    for argument in vector:
        if "\0" in argument:
            raise ValueRejected("A NUL character can't be part of an argument.", remedy="Remove it from the value.")
    return tuple(vector)


def _render_item(item: TemplateItem, parameters: Mapping[str, Parameter], values: Mapping[str, Json]) -> list[str]:
    if isinstance(item, Word):
        return render_word(item, parameters, values)
    value = values.get(item.parameter)
    holds = value is not None if item.equals is None else value == item.equals
    chosen = item.then if holds else item.otherwise
    return [argument for inner in chosen for argument in _render_item(inner, parameters, values)]
