"""Where the running sayso's own program lies: its code, its console script, the environment around it, the interpreter.

Whoever can write there decides what the next sayso does, and as whom: what root starts runs as root.
"""

import os
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from intents.targets import LOCAL

_PACKAGES = ("executors", "history", "intents", "playbooks", "shell")
_SYSTEM_PREFIXES = frozenset(("/", "/usr", "/usr/local"))
"""Prefixes that hold much besides Python; of these only the interpreter and its library are ours."""
_PACKAGE_FOLDERS = frozenset(("site-packages", "dist-packages"))


@dataclass(frozen=True, slots=True)
class Installation:
    """Absolute paths on this machine, as they are named: links are not followed."""

    trees: tuple[str, ...]
    """What is protected with all below: packages, environment, console script, interpreter and its library."""
    imported: tuple[str, ...]
    """The folders that Python looks into for what it imports; a file that comes to lie there may be run."""


@cache
def installation() -> Installation:
    """Return where the program of this process lies."""
    root = Path(__file__).resolve().parent.parent
    imported = tuple(dict.fromkeys([str(root), *(entry for entry in sys.path if entry.startswith("/"))]))
    trees = [str(root / name) for name in _PACKAGES]
    trees += [entry for entry in imported if Path(entry).name in _PACKAGE_FOLDERS]
    if sys.prefix != sys.base_prefix:
        trees.append(sys.prefix)
    trees += [*_script(), sys.executable, os.path.realpath(sys.executable)]
    trees.append(sysconfig.get_path("stdlib") if sys.base_prefix in _SYSTEM_PREFIXES else sys.base_prefix)
    return Installation(tuple(dict.fromkeys(tree for tree in trees if tree.startswith("/"))), imported)


def programs_of(host: str) -> tuple[str, ...]:
    """Return the folders from which sayso's own program is run on a host, as named and where they lead; none elsewhere."""
    return _programs() if host == LOCAL else ()


@cache
def _programs() -> tuple[str, ...]:
    found = installation()
    named = [*found.trees, *found.imported]
    return tuple(dict.fromkeys([*named, *map(os.path.realpath, named)]))


def _script() -> list[str]:
    """The file that was started, also where it is a link to the environment's own (`/usr/local/bin/sayso`)."""
    started = Path(sys.argv[0] if sys.argv else "").absolute()
    return [str(started)] if started.is_file() else []
