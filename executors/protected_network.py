"""Which interface no change may take down: the one of the SSH connection, or of the default route."""

import posixpath
import re
from collections.abc import Sequence

from executors.state import Target
from executors.transport import Cancel
from intents.types.visible import visible

PROGRAMS = frozenset("ip ifdown ifconfig nmcli networkctl brctl".split())
TAKING_DOWN = frozenset("down del delete flush disconnect off delif delbr".split())
_DEVICE = re.compile(r"\bdev (\S+)")
_LINK = re.compile(r"\d+: ([^\s:@]+)(?:@(\S+?))?: .*")
_MASTER = re.compile(r"\bmaster (\S+)")


def refused_interface(argv: Sequence[str], target: Target, *, cancel: Cancel | None) -> str | None:
    """Return why the vector may not take an interface down, or None."""
    program, words = posixpath.basename(argv[0]), argv[1:]
    if program not in PROGRAMS or (program != "ifdown" and not TAKING_DOWN.intersection(words)):
        return None
    if program == "ip" and "default" in words:
        return "the default route carries the way to this host"
    carrying = _carrying(target, cancel)
    hit = next((word for word in words if word in carrying), None)
    return None if hit is None else f"the interface {visible(hit)} carries the connection or the default route"


def _carrying(target: Target, cancel: Cancel | None) -> set[str]:
    """The devices of the default routes and of the connection, with what they are made of."""

    def ask(*argv: str) -> str:
        return target.transport.run(argv, timeout_s=20.0, cancel=cancel).stdout.decode("utf-8", "replace")

    routes = ask("ip", "-o", "route", "show", "default") + ask("ip", "-6", "-o", "route", "show", "default")
    carrying = set(_DEVICE.findall(routes))
    if target.address is not None:
        established = ask("ss", "-H", "-t", "-n", "state", "established", f"( sport = :{target.address.port} )")
        local = {_address(words[2]) for line in established.splitlines() if len(words := line.split()) > 2}  # noqa: PLR2004
        for line in ask("ip", "-o", "addr", "show").splitlines():
            words = line.split()
            if any(word.partition("/")[0] in local for word in words[3:4]):
                carrying.add(words[1].partition("@")[0])
    links = ask("ip", "-o", "link", "show").splitlines()
    for _ in links:  # a bridge over a bond over two cards: as deep as there are links
        carrying |= {part for line in links for part in _parts_of(line, carrying)}
    return carrying


def _parts_of(line: str, carrying: set[str]) -> set[str]:
    match = _LINK.match(line)
    if match is None:
        return set()
    master = _MASTER.search(line)
    found = {match[1]} if master is not None and master[1] in carrying else set()
    return found | ({match[2]} if match[2] and match[1] in carrying else set())


def _address(local: str) -> str:
    return local.rpartition(":")[0].strip("[]").partition("%")[0].removeprefix("::ffff:")
