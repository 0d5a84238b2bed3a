"""Which settings of the SSH configuration hold for a host: blocks, includes, and the first value winning."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from executors.ssh_config_file import Line, bad_line
from executors.ssh_config_match import Asked, Holds, host_holds, match_holds
from executors.ssh_config_tokens import local_user, replace_tokens

Settings: TypeAlias = Mapping[str, tuple[str, ...]]
"""Keyword in lower case -> its values as they stand in the files, tokens unexpanded."""


_ONE_WORD = frozenset({"hostname", "user", "port", "identitiesonly", "hostkeyalias", "compression", "identityagent"})
_SEVERAL_WORDS = frozenset({"userknownhostsfile", "globalknownhostsfile"})
_ONE_A_LINE = frozenset({"identityfile", "certificatefile"})
"""Each line of these adds one more; of all others the first line that holds counts."""
_WHOLE_LINE = frozenset({"proxycommand", "proxyjump"})
"""The rest of the line is the value, and the first line of either makes the other of no effect."""
USED_KEYWORDS = _ONE_WORD | _SEVERAL_WORDS | _ONE_A_LINE | _WHOLE_LINE


class Reading:
    """What is known of one host while the lines go by."""

    def __init__(self, typed: str, given: dict[str, tuple[str, ...]]) -> None:
        self.values: dict[str, tuple[str, ...]] = given
        self.uncertain: dict[str, Line] = {}
        """Keyword -> the line that may set it; nothing after that line is certain."""
        self._typed = typed
        self._name = typed
        self._is_final = False

    def begin_again(self) -> None:
        """Be ready for the second reading, in which patterns are compared with the name in use."""
        self._is_final = True
        self._name = self._hostname() or self._typed
        self.values.setdefault("hostname", (self._name,))

    def read(self, lines: Sequence[Line], *, holds: Holds) -> None:
        """Take the lines of a file. `holds` is whether they count, for the block that includes them."""
        active = holds
        for line in lines:
            if line.keyword == "host":
                active = _both(holds, host_holds(line.words(), self._name))
            elif line.keyword == "match":
                active = _both(holds, match_holds(line, self._asked()))
            elif line.keyword == "include":
                for file in line.included:
                    self.read(file, holds=active)
            elif active is not False and line.keyword in USED_KEYWORDS:
                self._take(line, is_certain=active is True)

    def _take(self, line: Line, *, is_certain: bool) -> None:
        keyword = line.keyword
        siblings = _WHOLE_LINE if keyword in _WHOLE_LINE else {keyword}
        if keyword not in _ONE_A_LINE and siblings & self.values.keys():
            return
        if not is_certain or siblings & self.uncertain.keys():
            self.uncertain.setdefault(keyword, line)
            return
        before = self.values.get(keyword, ())
        self.values[keyword] = (*before, *(value for value in _values(line) if value not in before))

    def _asked(self) -> Asked:
        return Asked(self._typed, self._name, self._hostname, self._user, local_user(), self._is_final)

    def _hostname(self) -> str | None:
        if "hostname" in self.values:
            return replace_tokens(self.values["hostname"][0], {"h": self._name}, self._typed)
        return None if "hostname" in self.uncertain else self._name

    def _user(self) -> str | None:
        if "user" in self.values:
            return self.values["user"][0]
        return None if "user" in self.uncertain else local_user()


def _values(line: Line) -> tuple[str, ...]:
    """Return the values of a line that holds."""
    if line.keyword in _WHOLE_LINE:
        text = line.rest.strip()
        return (text if line.keyword == "proxycommand" else text.partition("#")[0].rstrip(),)
    words = line.words()
    if not words:
        raise bad_line(line, f"{line.keyword} has no value")
    return words if line.keyword in _SEVERAL_WORDS else words[:1]


def _both(outer: Holds, inner: Holds) -> Holds:
    """Return whether both hold."""
    if outer is False or inner is False:
        return False
    return True if outer and inner else None
