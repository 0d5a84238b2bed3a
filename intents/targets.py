"""The host phrase of a request: "on web1", "on all web servers", "everywhere", "on this machine".

A phrase is recognised only by real host and group names of the inventory. What looks like a place
and is none stays in the sentence, where it turns the request into a question.
"""

import re
from collections.abc import Sequence

from intents.interpretation import Evidence, Span, TargetPhrase
from intents.names import LiveNames
from intents.words import stem

LOCAL = "local"
"""The name of this machine as a target."""

_HERE = re.compile(
    r"\b(?:on\s+(?:this|the\s+local|my)\s+(?:machine|host|box|server|computer)|on\s+localhost|locally|on\s+local|right\s+here)\b",
    re.IGNORECASE,
)
_EVERYWHERE = re.compile(
    r"\b(?:(?:on|across|over|from)\s+(?:all|every|each)(?:\s+of)?(?:\s+the|\s+my|\s+our)?\s+(?:hosts?|machines?|servers?|boxes|nodes?|fleet)|everywhere|across\s+the\s+fleet|fleet-?wide)\b",
    re.IGNORECASE,
)
_ON = re.compile(
    r"(?:\b(?:on|at|from|across|over|for)\s+|@)(?:all\s+(?:of\s+)?)?(?:the\s+|my\s+|our\s+)?(?:hosts?\s+|servers?\s+|machines?\s+)?(?P<list>[\w.-]+(?:(?:\s*,\s*|\s+and\s+|\s*,\s*and\s+)[\w.-]+)*)(?:\s+(?:hosts?|machines?|servers?|boxes|nodes?|group))?",
    re.IGNORECASE,
)


def find_target(text: str, names: LiveNames) -> tuple[TargetPhrase | None, tuple[Span, ...]]:
    """Return the hosts or groups that `text` names, with the spans that say so.

    The phrase's `hosts` are names as the inventory has them (groups not yet resolved), or `local`.
    """
    hosts, groups = list(names.names("host")), list(names.names("hostgroup"))
    match = _HERE.search(text)
    if match is not None:
        return _phrase(text, match.span(), (LOCAL,))
    match = _EVERYWHERE.search(text)
    if match is not None and hosts:
        return _phrase(text, match.span(), ("all",))
    for match in _ON.finditer(text):
        found, end = _listed(match, hosts, groups)
        if found:
            return _phrase(text, (match.start(), end), tuple(found))
    return None, ()


def _phrase(text: str, span: Span, hosts: tuple[str, ...]) -> tuple[TargetPhrase, tuple[Span, ...]]:
    return TargetPhrase(hosts, Evidence("request", span, text[span[0] : span[1]])), (span,)


def _listed(match: re.Match[str], hosts: Sequence[str], groups: Sequence[str]) -> tuple[list[str], int]:
    """Return the leading words of a list that are hosts or groups, and where the last of them ends."""
    known = {name.casefold(): name for name in (*hosts, *groups)}
    by_stem = {stem(name.casefold()): name for name in groups}
    found: list[str] = []
    end = match.start()
    for word in re.finditer(r"[\w.-]+", match["list"]):
        text = word[0].rstrip(".")
        if text.casefold() == "and":
            continue
        name = known.get(text.casefold()) or by_stem.get(stem(text.casefold()))
        if name is None:
            break
        found.append(name)
        end = match.start("list") + word.start() + len(text)
    if found and end == match.end("list"):
        end = match.end()
    return found, end
