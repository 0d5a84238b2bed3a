"""The host phrase of a request: "on web1", "on all web servers in staging except web3", "everywhere but db1".

A phrase is recognised by real host and group names of the inventory. What is clearly said of hosts and means
none is an error; what only looks like a place ("on moon") stays in the sentence, where it turns the
request into a question.
"""

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass

from intents.errors import TargetError
from intents.interpretation import Evidence, Span, TargetPhrase
from intents.names import LiveNames
from intents.words import stem

LOCAL = "local"
"""The name of this machine as a target."""

_HERE = re.compile(
    r"\b(?:on\s+(?:this|the\s+local|my)\s+(?:machine|host|box|server|computer)|on\s+localhost|locally|on\s+local|right\s+here)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"[^\"]*\"|`[^`]*`|(?<!\S)'[^']*'(?!\w)")
_TOKEN = re.compile(r"[\w*][\w.*?-]*|,|(?<![\w.])@(?=[\w*])")

_PREPOSITIONS = frozenset("on at from across over for @".split())
_STRICT_PREPOSITIONS = frozenset("on across over".split())
"""After these, `all X servers` is about hosts whatever X is; "for all nginx servers" may be about nginx."""
_QUANTIFIERS = frozenset("all every each".split())
_ARTICLES = frozenset("the my our of any".split())
_NOUNS = frozenset("host hosts machine machines server servers box boxes node nodes fleet group groups".split())
_PLURALS = frozenset("hosts machines servers boxes nodes".split())
_INSIDE = frozenset("in within inside of from".split())
_EXCEPTIONS = (
    ("except", "for"), ("except", "on"), ("except",), ("excluding",), ("other", "than"), ("apart", "from"), ("save", "for"),
    ("save",), ("but", "not", "on"), ("but", "not"), ("but",), ("without",), ("minus",), ("not", "on"),
)  # fmt: skip
_SURE_EXCEPTIONS = frozenset("except excluding other apart save".split())
"""After a group these take hosts away, and nothing else; `but`, `without` may begin something else."""


def find_target(text: str, names: LiveNames) -> tuple[TargetPhrase | None, tuple[Span, ...]]:
    """Return the hosts or groups that `text` names, with the spans that say so.

    The phrase's `hosts` are `local`, or patterns over the names of the inventory, each of which has to
    mean somebody: `("web1", "web2")`, `("web,&staging,!web3",)`.

    Raises `TargetError` for what is clearly said of hosts and names none: "on all web servers" without such a
    group, "everywhere except moon".
    """
    match = _HERE.search(text)
    if match is not None and not _is_quoted(text, match.start()):
        return _phrase(text, match.span(), (LOCAL,))
    return _Reader(text, names).find()


def _phrase(
    text: str, span: Span, hosts: tuple[str, ...], note: str | None = None
) -> tuple[TargetPhrase, tuple[Span, ...]]:
    return TargetPhrase(hosts, Evidence("request", span, text[span[0] : span[1]], note)), (span,)


def _is_quoted(text: str, position: int) -> bool:
    return any(quoted.start() <= position < quoted.end() for quoted in _QUOTED.finditer(text))


@dataclass(frozen=True, slots=True)
class _Term:
    """One member of a list: a name, `all` or a pattern, and the groups that it is narrowed to."""

    name: str
    is_host: bool = False
    within: tuple[str, ...] = ()

    @property
    def is_wide(self) -> bool:
        return not self.is_host


class _Reader:
    """Reads a sentence word by word; places are numbers of words."""

    def __init__(self, text: str, names: LiveNames) -> None:
        self._text = text
        self._tokens = [match for match in _TOKEN.finditer(text) if not _is_quoted(text, match.start())]
        self._words = [match[0].rstrip(".?").casefold() or match[0] for match in self._tokens]
        hosts = list(names.names("host"))
        groups = [name for name in names.names("hostgroup") if name != "all"]
        self._hosts = {name.casefold(): name for name in hosts}
        self._groups = {_squashed(name): name for name in reversed(groups)}
        self._groups |= {name.casefold(): name for name in groups}
        self._has_hosts = bool(hosts)

    def find(self) -> tuple[TargetPhrase | None, tuple[Span, ...]]:
        """Return the first phrase of the sentence."""
        for place, word in enumerate(self._words):
            found = None
            if word in _PREPOSITIONS:
                found = self._list(place + 1)
            elif word in {"everywhere", "fleet-wide", "fleetwide"}:
                found = self._everywhere(place)
            elif word in _QUANTIFIERS:
                found = self._quantified(place)
            elif word == "in":
                found = self._in_group(place)
            if found is not None:
                return self._with_exceptions(place, *found)
            if word in _STRICT_PREPOSITIONS:
                self._refuse_unknown(place)
        return None, ()

    # -- what a phrase may begin with

    def _everywhere(self, place: int) -> tuple[list[_Term], int] | None:
        """Read "everywhere", which isn't about hosts in "everywhere in /etc/hosts" and "everywhere 'a'"."""
        within = self._within(place + 1)
        if within is not None:
            return [_Term("all", within=(within[0],))], within[1]
        rest = self._text[self._tokens[place].end() :].lstrip()
        if not self._has_hosts or self._word(place + 1) == "in" or rest[:1] in set("'\"`"):
            return None
        return [_Term("all")], place + 1

    def _quantified(self, place: int) -> tuple[list[_Term], int] | None:
        """Without a preposition only `all web servers`, a group with what it consists of, is about hosts."""
        found = self._term(place)
        if found is None or found[0].is_host or found[0].name == "all":
            return None
        words = self._words[place : found[1]]
        is_said_of_hosts = any(word in _NOUNS for word in words)
        return ([found[0]], found[1]) if is_said_of_hosts else None

    def _in_group(self, place: int) -> tuple[list[_Term], int] | None:
        """Read "in the staging group", "in staging servers"; "in staging" alone might be a folder."""
        found = self._term(place + 1)
        if found is None or found[0].is_host or found[0].name == "all":
            return None
        return ([found[0]], found[1]) if self._word(found[1] - 1) in _NOUNS else None

    # -- lists and their members

    def _list(self, place: int) -> tuple[list[_Term], int] | None:
        """Read `A, B and C`, as far as its members are known."""
        first = self._term(place)
        if first is None:
            return None
        terms, end = [first[0]], first[1]
        while True:
            after = end
            while self._word(after) in {",", "and"} and after - end < 2:  # noqa: PLR2004 - ", and"
                after += 1
            if self._word(after) == "on":
                after += 1
            more = self._term(after) if after > end else None
            if more is None or (more[0].name == "all" and not more[0].within):
                return terms, end
            if more[0].within:
                # "the web and db servers in staging": both are; a host that is named itself stays as it is.
                terms = [one if one.is_host or one.within else _Term(one.name, within=more[0].within) for one in terms]
            terms.append(more[0])
            end = more[1]

    def _term(self, place: int) -> tuple[_Term, int] | None:
        """Read one member: `web1`, `the web servers`, `host web1`, `all hosts in staging`, `staging web servers`."""
        has_quantifier = False
        while self._word(place) in _QUANTIFIERS | _ARTICLES:
            has_quantifier = has_quantifier or self._word(place) in _QUANTIFIERS
            place += 1
        named = self._name(place)
        if named is None and self._word(place) in _NOUNS:
            noun, place = self._word(place), place + 1
            if noun == "fleet":
                return (_Term("all"), place) if self._has_hosts else None
            within = self._within(place)
            if within is not None and noun in _PLURALS:
                return _Term("all", within=(within[0],)), within[1]
            named = self._name(place)
            if named is None:
                return (_Term("all"), place) if has_quantifier and self._has_hosts else None
        if named is None:
            return None
        name, is_host, place = named
        narrowed: list[str] = []
        if not is_host:
            name, narrowed, place = self._narrowed(name, place)
        if self._word(place) in _NOUNS and self._name(place) is None:
            place += 1
        within = None if is_host else self._within(place)
        if within is not None:
            narrowed.append(within[0])
            place = within[1]
        return _Term(name, is_host, tuple(narrowed)), place

    def _narrowed(self, name: str, place: int) -> tuple[str, list[str], int]:
        """Read "staging web servers": of groups in a row with a word for hosts behind, the last, narrowed to the others."""
        groups, after = [name], place
        while (more := self._name(after)) is not None and not more[1]:
            groups.append(more[0])
            after = more[2]
        if len(groups) > 1 and (self._word(after) in _NOUNS or self._word(after - 1) in _NOUNS):
            return groups[-1], groups[:-1], after
        return name, [], place

    def _within(self, place: int) -> tuple[str, int] | None:
        """Read `in staging`, `that are in the staging group`."""
        if self._word(place) in {"that", "which"} and self._word(place + 1) in {"are", "is"}:
            place += 2
        if self._word(place) not in _INSIDE:
            return None
        place += 1
        while self._word(place) in _ARTICLES | {"group"}:
            place += 1
        named = self._name(place)
        if named is None or named[1]:
            return None
        end = named[2]
        return named[0], end + 1 if self._word(end) in _NOUNS and self._name(end) is None else end

    def _name(self, place: int) -> tuple[str, bool, int] | None:
        """Return a known name at a place, whether it is a host's, and where it ends.

        Groups go by their stem and without dashes, so that "web servers" is `webservers`, `web_servers`, or `web`.
        """
        word = self._word(place)
        both = _squashed(word + self._word(place + 1)) if self._word(place + 1) in _NOUNS else ""
        if word and both in self._groups:
            return self._groups[both], False, place + 2
        if word in self._hosts:
            return self._hosts[word], True, place + 1
        group = self._groups.get(word) or self._groups.get(_squashed(word))
        if group is not None:
            return group, False, place + 1
        raw = self._tokens[place][0].rstrip(".?") if place < len(self._tokens) else ""
        if "*" in raw.strip("*") + raw[1:] and any(fnmatch.fnmatchcase(name, raw) for name in self._hosts.values()):
            return raw, False, place + 1
        return None

    def _word(self, place: int) -> str:
        return self._words[place] if place < len(self._words) else ""

    # -- what is taken away, and what isn't known

    def _with_exceptions(self, place: int, terms: list[_Term], end: int) -> tuple[TargetPhrase, tuple[Span, ...]]:
        excluded, end = self._exceptions(terms, end)
        wide = any(term.within for term in terms) or bool(excluded)
        patterns = _patterns(terms, excluded)
        start = self._tokens[place].start()
        last = self._tokens[end - 1]
        span = (start, last.start() + len(last[0].rstrip(".?") or last[0]))
        note = f"that is {' and '.join(patterns)}" if wide else None
        return _phrase(self._text, span, patterns, note)

    def _exceptions(self, terms: Sequence[_Term], end: int) -> tuple[tuple[str, ...], int]:
        place = end + 1 if self._word(end) == "," else end
        for words in _EXCEPTIONS:
            if tuple(self._words[place : place + len(words)]) == words:
                break
        else:
            return (), end
        after = place + len(words)
        found = self._list(after)
        is_wide = any(term.is_wide for term in terms)
        is_sure = words[0] in _SURE_EXCEPTIONS or any(term.name == "all" for term in terms)
        if found is None:
            if is_wide and is_sure:
                raise self._unknown(" ".join(words), after)
            return (), end
        taken, end = found
        if any(term.within or term.name == "all" for term in taken):
            raise TargetError(
                f'What "{self._said(place, end)}" takes away is more than a list of hosts and groups can say.',
                remedy="Name the hosts or groups themselves, or use a pattern: --on 'web:&staging:!web3'.",
                host=self._said(place, end),
            )
        if self._word(end) in {",", "and"} and is_sure and self._is_hostlike(end + 1):
            raise self._unknown(" ".join(words), end + 1)
        return tuple(term.name for term in taken), end

    def _is_hostlike(self, place: int) -> bool:
        """Whether a word is the last of the sentence: in "except web1 and moon" one more that is taken away."""
        return bool(self._word(place)) and place + 1 == len(self._words)

    def _unknown(self, after: str, place: int) -> TargetError:
        word = self._word(place) or "nothing"
        return TargetError(
            f'No host or group is called "{word}", which stands after "{after}".',
            remedy="`sayso hosts list` shows them; what isn't about hosts is said before them.",
            host=word,
        )

    def _refuse_unknown(self, place: int) -> None:
        """Raise `TargetError` for "on all X servers", "on the X servers", "on host X" where nobody is called X."""
        after = place + 1
        while self._word(after) in _QUANTIFIERS | _ARTICLES:
            after += 1
        is_quantified = self._word(place + 1) in _QUANTIFIERS
        if is_quantified and self._word(after) in _PLURALS and not self._has_hosts:
            raise TargetError(
                f'"{self._said(place, after + 1)}" means no host, because none is known.',
                remedy="`sayso hosts add NAME` makes one known; `--inventory PATH` names an inventory.",
                host=self._word(after),
            )
        is_list = after > place + 1 and self._word(after + 1) in _PLURALS | (
            {"host", "server"} if is_quantified else set()
        )
        is_host = self._word(after) == "host" and after + 2 == len(self._words)
        if not (is_list or is_host):
            return
        word = self._word(after + 1 if is_host else after)
        raise TargetError(
            f'No host or group is called "{word}", so "{self._said(place, after + 2)}" means nobody.',
            remedy="`sayso hosts list` shows all; `sayso hosts add` makes one known, `--inventory PATH` names an inventory.",
            host=word,
        )

    def _said(self, place: int, end: int) -> str:
        return self._text[self._tokens[place].start() : self._tokens[min(end, len(self._tokens)) - 1].end()]


def _patterns(terms: Sequence[_Term], excluded: Sequence[str]) -> tuple[str, ...]:
    """Names stay apart, so that each has to mean somebody; with something taken away they are one pattern."""
    without = [f"!{name}" for name in excluded]
    plain = [term.name for term in terms if not term.within]
    patterns = [
        ",".join([term.name, *(f"&{group}" for group in term.within), *without]) for term in terms if term.within
    ]
    if excluded and plain:
        return (",".join([*plain, *without]), *patterns)
    return (*plain, *patterns)


def _squashed(name: str) -> str:
    """Return a group's name as people may say it.

    >>> _squashed("web-servers") == _squashed("WebServer") == _squashed("web_server")
    True
    """
    return stem(re.sub(r"[-_]", "", name.casefold()))
