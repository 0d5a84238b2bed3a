"""Whether a `Host` or `Match` line of the SSH configuration is about a host; nothing is ever run to find out."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from executors.ssh_config_file import Line, bad_line

Holds = bool | None
"""None: only ssh itself can tell, for instance by running the program of `Match exec`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked for: the word that was typed, the name in use now, both accounts, and whether it is the second reading.

    A function where a setting that was read before may have its say; it returns None where that can't be known.
    """

    typed: str
    name: str
    hostname: Callable[[], str | None]
    user: Callable[[], str | None]
    local_user: str
    is_final: bool


def host_holds(words: Sequence[str], name: str) -> bool:
    """Return whether a `Host` line's patterns are about `name`.

    >>> host_holds(["*.example", "!db.example"], "web.example"), host_holds(["*.example", "!db.example"], "db.example")
    (True, False)
    """
    if any(matches(word[1:], name) for word in words if word.startswith("!")):
        return False
    return any(matches(word, name) for word in words if not word.startswith("!"))


def match_holds(line: Line, asked: Asked) -> Holds:
    """Return whether a `Match` line's criteria all hold; as in ssh, those behind one that doesn't aren't looked at.

    Raises `TargetError` for a line that ssh wouldn't take.
    """
    words = _match_words(line)
    if not words:
        raise bad_line(line, "Match has no criterion")
    holds: Holds = True
    position = 0
    while position < len(words):
        is_negated = words[position].startswith("!")
        criterion = words[position].lstrip("!").lower()
        position += 1
        if criterion in {"all", "canonical", "final"}:
            one: Holds = criterion == "all" or asked.is_final
        else:
            if position >= len(words):
                raise bad_line(line, f"Match {criterion} has no argument")
            one = _criterion_holds(criterion, words[position], asked)
            position += 1
        if one is not None and one == is_negated:
            return False
        if one is None:
            holds = None
    return holds


def wants_second_reading(line: Line) -> bool:
    """Return whether the line has the criterion `final`, for which ssh reads everything once more."""
    return any(word.lower().lstrip("!") == "final" for word in _match_words(line))


def matches(pattern: str, text: str) -> bool:
    """Return whether `text` fits a pattern in which only `*` and `?` are special (match.c, match_pattern).

    >>> matches("web?.*", "web1.example"), matches("[a]", "a")
    (True, False)
    """
    translated = "".join(".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.fullmatch(translated, text, re.DOTALL) is not None


def _list_holds(patterns: str, text: str) -> bool:
    """Patterns between commas; one with `!` that fits excludes (match.c, match_pattern_list)."""
    return host_holds(patterns.split(","), text)


def _criterion_holds(criterion: str, argument: str, asked: Asked) -> Holds:
    hostname, user = asked.hostname, asked.user
    known: Mapping[str, Callable[[], Holds]] = {
        "host": lambda: None if hostname() is None else _list_holds(argument.lower(), str(hostname()).lower()),
        "originalhost": lambda: _list_holds(argument.lower(), asked.typed.lower()),
        "user": lambda: None if user() is None else _list_holds(argument, str(user())),
        "localuser": lambda: _list_holds(argument, asked.local_user),
    }
    # exec, localnetwork, tagged and what later versions of ssh may know: ssh's own affair
    return known[criterion]() if criterion in known else None


def _match_words(line: Line) -> tuple[str, ...]:
    """`criterion argument` or `criterion=argument`; double quotes hold an argument together (readconf.c, strdelim)."""
    words: list[str] = []
    for found in re.finditer(r'"([^"]*)"|([^\s="]+)', line.rest):
        word = found[1] if found[2] is None else found[2]
        if found[2] is not None and word.startswith("#"):
            break
        words.append(word)
    return tuple(words)
