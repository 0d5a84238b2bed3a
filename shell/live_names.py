"""The real names on a target, asked for when a type first needs them: units, users, groups, mounts, interfaces.

Answers `intents.names.LiveNames` from outside. Each kind is one vetted vector; a kind that the
target can't list has no names, and then only a type's own pattern decides.
"""

import json
from collections.abc import Callable, Sequence

from executors.transport import Transport
from intents.errors import SaysoError

_TIMEOUT_S = 10.0


def _first_fields(separator: str) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        return [line.split(separator, 1)[0] for line in text.splitlines() if line.strip()]

    return parse


def _units(text: str) -> list[str]:
    """Services first, since they are what people mean; templates (`x@.service`) are no units of their own."""
    names = [name for name in _first_fields(" ")(text) if "@." not in name]
    return sorted(names, key=lambda name: not name.endswith(".service"))


def _mounts(text: str) -> list[str]:
    return [line.split()[1].encode().decode("unicode_escape") for line in text.splitlines() if len(line.split()) > 1]


def _interfaces(text: str) -> list[str]:
    links = json.loads(text or "[]")
    return [str(link["ifname"]) for link in links if "ifname" in link]


_Source = tuple[tuple[str, ...], Callable[[str], list[str]]]

_UNIT_FILES = (
    "systemctl",
    "list-unit-files",
    "--no-pager",
    "--no-legend",
    "--full",
    "--type=service,socket,timer,target,mount",
)
_SOURCES: dict[str, tuple[_Source, ...]] = {
    "unit": ((_UNIT_FILES, _units), (("rc-service", "--list"), _first_fields("\n"))),
    "user": ((("getent", "passwd"), _first_fields(":")), (("cat", "--", "/etc/passwd"), _first_fields(":"))),
    "group": ((("getent", "group"), _first_fields(":")), (("cat", "--", "/etc/group"), _first_fields(":"))),
    "mount": ((("cat", "--", "/proc/self/mounts"), _mounts),),
    "interface": ((("ip", "-j", "link", "show"), _interfaces),),
}
"""For each kind the vectors that list it, the next one where the one before isn't there."""


class TargetNames:
    """Live names of one target, with the inventory's host and group names."""

    def __init__(self, transport: Transport, hosts: Sequence[str], groups: Sequence[str]) -> None:
        self._transport = transport
        self._known: dict[str, Sequence[str]] = {"host": tuple(hosts), "hostgroup": tuple(groups)}

    def names(self, kind: str) -> Sequence[str]:
        """Return the names of a kind; asked once, then remembered for this target."""
        if kind not in self._known:
            self._known[kind] = self._ask(kind)
        return self._known[kind]

    def _ask(self, kind: str) -> Sequence[str]:
        for argv, parse in _SOURCES.get(kind, ()):
            try:
                completed = self._transport.run(argv, timeout_s=_TIMEOUT_S)
                if completed.exit_code == 0:
                    return tuple(dict.fromkeys(parse(completed.stdout.decode("utf-8", "replace"))))
            except (SaysoError, ValueError):
                continue
        return ()
