"""`sayso run INTENT key=value ...`: a match without any English, for scripts."""

from collections.abc import Mapping, Sequence

from intents.errors import RequestError
from intents.grounding import default_value
from intents.intent import Intent
from intents.interpretation import Argument, Evidence, Match, RowReference
from intents.operations import ExportFormat, Limit, RowOperation
from intents.rules import SECRET
from intents.types.base import ValueContext

THEN = "then"
"""The word between the operations of `sayso run A ... then B ...`."""
FIRST = "first"
"""`first=N` of a read: only the first N rows, in the read's own order."""
ROWS_MARK = "@"
"""`key=@column`: the values of that column of the operation before; `@@` begins an ordinary value with `@`.
`key=@:csv` and `key=@:json`: all its rows as one text. Before the first operation there are no rows: there `@` is a letter."""
_WHOLE: Mapping[str, ExportFormat] = {":csv": "csv", ":json": "json"}


def operations_in(words: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Return (intent name, pairs) for each operation of `run`, in order. Raises `RequestError` where one is missing.

    >>> operations_in(["file.largest", "path=/var", "then", "file.delete", "path=@path"])
    [('file.largest', ('path=/var',)), ('file.delete', ('path=@path',))]
    """
    found: list[list[str]] = [[]]
    for word in words:
        if word == THEN:
            found.append([])
        else:
            found[-1].append(word)
    if not all(found):
        raise RequestError("`then` stands between two operations.", remedy="Name an intent on both sides of it.")
    return [(one[0], tuple(one[1:])) for one in found]


def direct_match(intent: Intent, pairs: Sequence[str], context: ValueContext, *, place: int = 0) -> Match:
    """Return the match of `key=value` pairs; a key may stand several times where several values are taken.

    `place` is how many operations stand before it, to the last of which `key=@column` refers.

    Raises `RequestError` for what is no pair, unknown or missing, `ValueRejected` for a value that doesn't fit.
    """
    given: dict[str, list[str]] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        is_known = key in intent.parameters or (key == FIRST and not intent.is_change)
        if not separator or not is_known:
            known = ", ".join(f"{name}=" for name in intent.parameters) or "none"
            raise RequestError(f"`{pair}` is no argument of `{intent.name}`.", remedy=f"Its arguments are: {known}.")
        given.setdefault(key, []).append(text)
    arguments: dict[str, Argument] = {}
    references = _references(given, place)
    operations = _first_rows(given, intent)
    for name, parameter in intent.parameters.items():
        texts = given.get(name)
        if parameter.type.name == SECRET and (name in references or texts is not None):
            raise RequestError(
                f"`{name}` is never given in words: everybody on this machine could read it.",
                remedy="It is asked for when the plan is approved; a script has --secret-file FILE.",
            )
        if name in references:
            continue
        if texts is not None:
            if len(texts) > 1 and not parameter.many:
                raise RequestError(f"`{name}` is given {len(texts)} times.", remedy="Give it once.")
            values = [parameter.type.parse(text, context) for text in texts]
            arguments[name] = Argument(values if parameter.many else values[0], Evidence("request", text=texts[0]))
        elif parameter.default is not None:
            arguments[name] = Argument(
                default_value(parameter, context), Evidence("default", text=str(parameter.default))
            )
        elif parameter.required:
            raise RequestError(f"`{intent.name}` needs `{name}`.", remedy=f"Add `{name}=VALUE`.")
    return Match(intent.name, arguments, 1.0, operations, references=references)


def _first_rows(given: dict[str, list[str]], intent: Intent) -> tuple[RowOperation, ...]:
    """Take `first=N` out of what was given: how many of a read's rows are wanted."""
    texts = given.pop(FIRST, None) if FIRST not in intent.parameters else None
    if texts is None:
        return ()
    if len(texts) != 1 or not texts[0].isdecimal() or int(texts[0]) == 0:
        raise RequestError(f"`{FIRST}={texts[0]}` is no number of rows.", remedy="Write e.g. `first=5`.")
    return (Limit(int(texts[0])),)


def _references(given: dict[str, list[str]], place: int) -> dict[str, RowReference]:
    """Take `@column` out of what was given; one of them is enough for anybody, two would pair values up by chance."""
    found = {
        name: texts[0].removeprefix(ROWS_MARK)
        for name, texts in given.items()
        if place > 0 and len(texts) == 1 and texts[0].startswith(ROWS_MARK) and not texts[0].startswith(2 * ROWS_MARK)
    }
    for texts in given.values():
        texts[:] = [text.removeprefix(ROWS_MARK) if text.startswith(2 * ROWS_MARK) else text for text in texts]
    if len(found) > 1:
        raise RequestError("Only one argument can come from the rows.", remedy="Give the others a value.")
    return {
        name: RowReference(place - 1, "" if column in _WHOLE else column, _WHOLE.get(column))
        for name, column in found.items()
    }
