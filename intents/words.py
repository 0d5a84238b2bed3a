"""The words of a request, their stems, and which of them carry no meaning of their own.

Own code rather than a stemming library: the well-kept one (snowballstemmer) imports all its
languages, 150 ms, which is more than the rest of a request takes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_TOKEN = re.compile(r"\S+")
_EDGES = "\"'`.,;:!?()[]<>\u2026\u201e\u201c\u201d\u2018\u2019"
_TYPO_RATIO = 0.84
_TYPO_LENGTH = 5

FUNCTION_WORDS = frozenset(
    "a an the this that these those of in on at to for from by with into as and or is are was were be been am it its "
    "i me my we us our you your they them their he she do does did done has have had having will would can could "
    "shall should may might must there here what which who whom whose when where why how please pls plz kindly just "
    "now right so too also hey hi hello ok okay thanks thank thx cheers mate folks guys buddy dear sayso want wanna "
    "need like let lets let's i'd i'm it's what's who's where's how's that's there's quick quickly real really some "
    "any all every each one ones get got give gimme tell know see look looking show list display print check find out "
    "up about currently current moment machine box server system host computer linux still again then s am pm "
    "if".split()
) - {"if", "then", "again"}
"""Words that a request may hold without asking for anything more by them."""

HARD_WORDS = frozenset(
    "not no don't dont doesn't doesnt won't wont never except excluding without unless until till but only if "
    "otherwise else instead neither nor cannot can't cant isn't isnt aren't arent tomorrow tonight later before after "
    "when while then afterwards once twice every".split()
)
"""Conditions, negations, exceptions and times: dropping one would turn the request around."""

TIME_WORDS = frozenset(
    "monday mondays tuesday tuesdays wednesday wednesdays thursday thursdays friday fridays saturday saturdays sunday "
    "sundays today midnight noon morning evening afternoon night nightly weekend weekends week weeks hour hours hourly "
    "minute minutes min mins o'clock oclock yet soon next later".split()
)
"""Times that a change can't wait for: left over, they are asked about like conditions."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word of the request without the punctuation around it."""

    start: int
    end: int
    text: str

    @property
    def folded(self) -> str:
        """The word in small letters, with plain apostrophes."""
        return self.text.casefold().replace("\u2019", "'")

    @property
    def stem(self) -> str:
        """The word's stem."""
        return stem(self.folded)


def tokens_of(text: str) -> list[Token]:
    """Return the words of `text` with their spans.

    >>> [token.text for token in tokens_of("How full is (the) disk?")]
    ['How', 'full', 'is', 'the', 'disk']
    """
    tokens = []
    for match in _TOKEN.finditer(text):
        word = match[0]
        stripped = word.strip(_EDGES)
        if word.startswith("."):
            stripped = word.rstrip(_EDGES)
        if stripped:
            start = match.start() + word.index(stripped)
            tokens.append(Token(start, start + len(stripped), stripped))
    return tokens


_SUFFIXES = (
    "ingly",
    "edly",
    "ations",
    "ation",
    "ings",
    "ing",
    "ies",
    "ied",
    "ers",
    "est",
    "er",
    "ed",
    "es",
    "s",
    "ly",
    "e",
    "y",
)


def stem(word: str) -> str:
    """Return a crude stem: inflections of one word share it.

    >>> stem("filesystems") == stem("filesystem"), stem("restarting") == stem("restart")
    (True, True)
    """
    word = word.removesuffix("'s")
    if not word.isalpha():
        return word
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:  # noqa: PLR2004 - shorter stems collide
            word = word[: -len(suffix)]
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":  # noqa: PLR2004 - "stopp" -> "stop"
        word = word[:-1]
    return word


def is_typo_of(word: str, known: str) -> bool:
    """Whether `word` is `known` misspelt, and not `known` with a prefix ("uninstall" is no typo of "install")."""
    if min(len(word), len(known)) < _TYPO_LENGTH or word[0] != known[0]:
        return False
    return SequenceMatcher(None, word, known).ratio() >= _TYPO_RATIO


def stems_of(sentences: Sequence[str]) -> frozenset[str]:
    """Return the stems of all words of the sentences, `{slots}` left out."""
    return frozenset(token.stem for sentence in sentences for token in tokens_of(sentence) if "{" not in token.text)
