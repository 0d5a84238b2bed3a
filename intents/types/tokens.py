"""The words and quoted stretches of a request, with their places in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"\S+")
_LISTED_TOKEN = re.compile(r"[^\s,;]+")
_OPENING = "([{<\"'\u201c\u2018`"
_CLOSING = {")": "(", "]": "[", "}": "{", ">": "<"}
_ENDING = ".,;:!?\"'\u201d\u2019`…"

# A single quote opens only where no word stands before it and closes only where none follows, so that
# apostrophes ("don't") quote nothing. Every alternative stops at its own closing mark: one pass.
_QUOTED = re.compile(
    r"""(?<!\w)"(?P<double>[^"]*)"|(?<!\w)'(?P<single>[^']*)'(?!\w)|(?<!\w)`(?P<back>[^`]*)`"""
    r"""|\u201c(?P<curly>[^\u201d\u201c]*)\u201d|(?<!\w)\u2018(?P<low>[^\u2019\u2018]*)\u2019(?!\w)"""
)


@dataclass(frozen=True, slots=True)
class Token:
    """A stretch of a request: `text` is what it says, `start`..`end` where it stands (with its quotes, if quoted)."""

    start: int
    end: int
    text: str


def words(text: str, *, split_lists: bool = False) -> Iterator[Token]:
    """Yield the words of `text` without the punctuation of the sentence around them.

    With `split_lists`, "nginx,redis" is two words. A closing bracket stays when it closes one of the word's own.

    >>> [token.text for token in words("What is in /etc/nginx/conf.d (and a(1))?")]
    ['What', 'is', 'in', '/etc/nginx/conf.d', 'and', 'a(1)']
    """
    for match in (_LISTED_TOKEN if split_lists else _TOKEN).finditer(text):
        start, end = _trimmed(text, match.start(), match.end())
        if start < end:
            yield Token(start, end, text[start:end])


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in _OPENING:
        start += 1
    unclosed = {
        mark: text.count(opening, start, end) - text.count(mark, start, end) for mark, opening in _CLOSING.items()
    }
    while start < end:
        last = text[end - 1]
        if last in _ENDING:
            end -= 1
        elif last in _CLOSING and unclosed[last] < 0:
            unclosed[last] += 1
            end -= 1
        elif last == "s" and end - start > 2 and text[end - 2] in "'\u2019":  # noqa: PLR2004 - "'s" and one letter before it
            end -= 2
        else:
            break
    return start, end


def quoted(text: str) -> Iterator[Token]:
    """Yield the quoted stretches of `text`: the span holds the quotes, the text doesn't.

    >>> [(token.start, token.end, token.text) for token in quoted("don't touch 'my notes.txt'")]
    [(12, 26, 'my notes.txt')]
    """
    for match in _QUOTED.finditer(text):
        yield Token(match.start(), match.end(), match.group(match.lastgroup or 0))


def unquoted(text: str) -> str:
    """Return `text` without surrounding blanks and one pair of quotes around all of it.

    >>> unquoted(" 'my notes.txt' ")
    'my notes.txt'
    """
    stripped = text.strip()
    match = _QUOTED.fullmatch(stripped)
    return match.group(match.lastgroup or 0) if match else stripped
