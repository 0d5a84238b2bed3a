"""Replaces the values in a request by plain stand-ins before the model reads it.

A long path would drown the words around it, and which path it is says nothing about the wish. The
training sentences are masked in the same way after their slots were filled.
"""

import re

from intents.mapped_text import MappedText

PATH, QUOTED, ADDRESS, URL = "/var/log", "some text", "10.0.0.1", "https://example.org"

_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\"[^\"]{1,500}\"|(?<!\w)'[^']{1,500}'(?!\w)|`[^`]{1,500}`"), QUOTED),
    (re.compile(r"\bhttps?://\S+", re.IGNORECASE), URL),
    (re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?![\w.])"), ADDRESS),
    (re.compile(r"(?<![\w/])(?:~|\.{1,2})?/[^\s,;:?!\"']+"), PATH),
    (
        re.compile(
            r"(?<![\w/])[\w-]+\.(?:conf|cfg|log|txt|ya?ml|json|sh|py|gz|tgz|tar|zip|csv|ini|toml|service|sql|iso)\b"
        ),
        PATH,
    ),
)


def masked(text: str) -> str:
    """Return `text` with stand-ins for quoted text, addresses and paths.

    >>> masked('add the line "a = 1" to /etc/app/app.conf')
    'add the line some text to /var/log'
    """
    return mask(MappedText.of(text)).text


def mask(text: MappedText) -> MappedText:
    """Return `text` with stand-ins, each of which stands for what it replaced."""
    for pattern, stand_in in _MASKS:
        for match in reversed(list(pattern.finditer(text.text))):
            text = text.replaced(match.start(), match.end(), stand_in)
    return text
