"""Text of unknown origin, made safe to print: every character that can't be seen is written as an escape."""

from collections.abc import Sequence

from intents.values import Json

_EXCERPT_LENGTH = 60
_LONG_NUMBER = 10**30


def visible(text: str) -> str:
    r"""Return `text` with control, bidirectional and other unprintable characters escaped.

    >>> visible("a\nb\u202ec")
    'a\\nb\\u202ec'
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def excerpt(value: Json) -> str:
    """Return at most the first 60 characters of `value`, visible and in double quotes, for an error sentence.

    >>> excerpt("x" * 100)[-5:], excerpt(5), excerpt([1]), excerpt(10**5000)
    ('xxx…"', '"5"', 'a list', 'a number of more than 30 digits')
    """
    if value is not None and not isinstance(value, str | int | float):
        return "a list" if isinstance(value, Sequence) else "a mapping"
    if isinstance(value, int) and abs(value) >= _LONG_NUMBER:
        return "a number of more than 30 digits"  # str() refuses more than 4300
    text = str(value)
    shortened = text if len(text) <= _EXCERPT_LENGTH else f"{text[:_EXCERPT_LENGTH]}…"
    return f'"{visible(shortened)}"'
