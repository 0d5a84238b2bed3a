"""Secrets never reach the store: they are replaced by `[redacted]` in every text of an event, and the rest is kept."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from history.canonical import Json, plain_text
from history.redaction_patterns import KEY_BEGIN, KEY_END, MARK, RULES, SECRET_NAME, SECRET_OPTION, SPOKEN

_NAMING_KEYS = ("key", "name", "variable", "setting")
"""Keys beside a `value` that say what the value is of: `{"key": "password", "value": "x"}`."""


class Redactor:
    """Replaces secrets: those that look like one (`history.redaction_patterns`), and the typed ones it is told of.

    `extra_secrets` are found in whatever they are part of, also as JSON or a URL writes them; empty ones are left out.
    """

    def __init__(self, extra_secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(extra_secrets)
        spellings = {spelling for secret in self._secrets if secret for spelling in _spellings(secret)}
        ordered = sorted(spellings, key=len, reverse=True)  # the longer first: one may be part of another
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def knowing(self, more_secrets: Iterable[str]) -> "Redactor":
        """Return one that knows these as well."""
        more = tuple(more_secrets)
        return Redactor((*self._secrets, *more)) if more else self

    def redact(self, value: Json) -> Json:
        """Return `value` with every secret in its texts, its keys and its secret-named entries replaced.

        >>> Redactor(["open sesame"]).redact({"request": "say open sesame", "argv": ["x", "--token", "t0"]})
        {'request': 'say [redacted]', 'argv': ['x', '--token', '[redacted]']}
        """
        return _Walk(self).value(value)

    def text(self, text: str) -> str:
        """Return `text` with every secret replaced."""
        if self._known is not None:
            text = self._known.sub(MARK, text)
        text = _without_private_keys(text)
        for pattern, replacement in RULES:
            text = pattern.sub(replacement, text)
        return text

    def knows(self, number: float) -> bool:
        """Return whether a number, written out, is one of the typed secrets (a PIN)."""
        return self._known is not None and self._known.fullmatch(str(number)) is not None


PATTERNS_ONLY = Redactor()
"""The redactor that knows no typed secret."""


def spoken_secrets(sentence: str) -> list[str]:
    """Return what a sentence tells as a secret, so that an answer that quotes it alone can be redacted too.

    >>> spoken_secrets("change the password of anna to correcthorse")
    ['correcthorse']
    """
    return [match[2].strip("\"'") for pattern in SPOKEN for match in pattern.finditer(sentence)]


def redact(value: Json) -> Json:
    """Return `value` with everything that looks like a secret replaced.

    >>> redact({"url": "https://al:pw@example.org/x", "password": "hunter2", "line": "PASSWORD=abc rest"})
    {'url': 'https://al:[redacted]@example.org/x', 'password': '[redacted]', 'line': 'PASSWORD=[redacted] rest'}
    """
    return PATTERNS_ONLY.redact(value)


class _Walk:
    """One way through one value. Remembers a private key whose lines are items of a list (rows of a file)."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._is_in_key = False

    def value(self, value: Json) -> Json:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, Sequence):
            return self._sequence(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and self._redactor.knows(value):
            return MARK
        return value

    def _text(self, text: str) -> str:
        if not self._is_in_key:
            begins = [match.end() for match in KEY_BEGIN.finditer(text)]
            self._is_in_key = bool(begins) and KEY_END.search(text, begins[-1]) is None
            return self._redactor.text(text)
        end = KEY_END.search(text)
        if end is None:
            return MARK if text else text
        self._is_in_key = False
        return MARK + end[0] + self._text(text[end.end() :])

    def _mapping(self, mapping: Mapping[str, Json]) -> Json:
        kept: dict[str, Json] = {}
        names_secret = any(_names_secret(mapping.get(key)) for key in _NAMING_KEYS)
        for key, item in mapping.items():
            is_secret = SECRET_NAME.fullmatch(key) is not None or (names_secret and key in {"value", "text", "content"})
            name = self._redactor.text(key)
            while name in kept:
                name += "'"  # two keys that differ only in their secret are both kept
            kept[name] = _hidden(item) if is_secret else self.value(item)
        return kept

    def _sequence(self, items: Sequence[Json]) -> Json:
        kept: list[Json] = []
        was_in_key = self._is_in_key
        follows_option = False
        for item in items:
            if follows_option and isinstance(item, str) and not item.startswith("-"):
                kept.append(MARK)
            else:
                kept.append(self.value(item))
            follows_option = isinstance(item, str) and SECRET_OPTION.fullmatch(item) is not None
        self._is_in_key = was_in_key
        return kept


def _hidden(value: Json) -> Json:
    """Return `value` with every text and number in it replaced: what stands under a secret's name is the secret."""
    if isinstance(value, Mapping):
        return {key: _hidden(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_hidden(item) for item in value]
    return value if value is None or isinstance(value, bool) or value == "" else MARK


def _names_secret(value: Json) -> bool:
    return isinstance(value, str) and SECRET_NAME.fullmatch(value) is not None


def _without_private_keys(text: str) -> str:
    """Return `text` without the inside of private keys; one without an end line is taken to go on to the end."""
    kept: list[str] = []
    position = 0
    while (begin := KEY_BEGIN.search(text, position)) is not None:
        kept += [text[position : begin.end()], MARK]
        end = KEY_END.search(text, begin.end())
        if end is None:
            return "".join(kept)
        position = end.start()
    return "".join([*kept, text[position:]])


def _spellings(secret: str) -> Iterable[str]:
    """Yield the secret as it is, as JSON writes it inside quotes, and as a URL writes it."""
    secret = plain_text(secret)
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield quote(secret, safe="")
