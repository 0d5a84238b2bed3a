"""What a path implies: writing there grants execution, access or persistence; showing it discloses secrets.

The list errs on the side of a question too many: a file that root's programs read as a program, an account or a
rule is on it. What a path only resembles (`/srv/etc/passwd`) isn't.
"""

import fnmatch
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from executors.host_paths import is_within
from executors.path_places import NAMES, PLACES
from executors.path_uses import CHANGING, PathUse, uses_of
from intents.intent import EffectName, Intent, Risk
from intents.values import Json

ORDER: tuple[EffectName, ...] = ("execution", "access", "persistence", "secrets")
GRANTING: frozenset[EffectName] = frozenset(("execution", "access", "persistence"))

_KERNELS_OWN = re.compile(r"/(?:proc/(?!self/|thread-self/|\d+/)[a-z][\w/]*|sys/[\w/.:-]+)")
"""What only the kernel puts there, so that nothing else can lie behind the name; of `/proc`, not the processes' own."""
_PROCESS_ROOT = re.compile(r"(?:/proc/(?:self|thread-self|\d+)(?:/task/\d+)?/root)+(?=/|$)")
_SETUID = 0o4000
_SECRETS_ALONE: frozenset[EffectName] = frozenset(("secrets",))


def effects_of_path(path: str) -> frozenset[EffectName]:
    """Return what changing the path would grant or disclose: of its place, or of the places below it.

    Read as text, whatever its case; follow links before (`effects_of` does both).

    >>> sorted(effects_of_path("/etc/cron.d/backup")), sorted(effects_of_path("/srv/app/config.yml"))
    (['execution', 'persistence'], [])
    >>> sorted(effects_of_path("/proc/self/root//etc/ssh/../shadow/"))
    ['access', 'secrets']
    """
    return _effects(path, with_places_below=True)


@lru_cache(maxsize=4096)
def _effects(path: str, *, with_places_below: bool) -> frozenset[EffectName]:
    parts = _parts(path)
    found: set[EffectName] = set()
    for pattern, effects in _PATTERNS:
        if found.issuperset(effects):
            continue
        if _lies_in(parts, pattern) or (with_places_below and _contains(parts, pattern)):
            found.update(effects)
    for name, implied in NAMES:
        if parts and name.fullmatch(parts[-1]):
            found.update(implied)
    return frozenset(found)


def effects_of(
    intent: Intent,
    values: Mapping[str, Json],
    *,
    resolve: Callable[[str], str],
    facts: Mapping[str, str] | None = None,
    programs: Sequence[str] = (),
) -> tuple[EffectName, ...]:
    """Return what the intent declares, and what its paths imply with these values, in the order of `ORDER`.

    `resolve` gives where a path leads on the target (links, mounts); the written form counts as well. Without
    `facts` every variant counts. A mode with the setuid bit grants access. `programs` are folders of the target
    from which programs are run though the list of places doesn't know them.
    """
    found: set[EffectName] = set(intent.effects)
    for use in uses_of(intent, values, facts=facts):
        if use.use not in {"name", "look"}:
            is_change = use.use in CHANGING
            real = use.path if not is_change and _is_kernels_own(use.path) else resolve(use.path)
            found |= _of_use(use) | _of_use(PathUse(real, use.use))
            if is_change and any(_meets(path, one) for path in (use.path, real) for one in programs):
                found |= {"execution", "persistence"}
    if intent.is_change and _sets_user_id(intent, values):
        found.add("access")
    return tuple(effect for effect in ORDER if effect in found)


def risk_with(risk: Risk, effects: tuple[EffectName, ...] | frozenset[EffectName]) -> Risk:
    """Return the risk with the effects: what grants is at least disruptive.

    >>> risk_with(Risk.REVERSIBLE, ("persistence",)).word, risk_with(Risk.READ, ("secrets",)).word
    ('disruptive', 'read')
    """
    return max(risk, Risk.DISRUPTIVE) if GRANTING.intersection(effects) else risk


def _meets(path: str, program: str) -> bool:
    """Whether the path lies in the folder or holds it."""
    normal = posixpath.normpath(path)
    return is_within(normal, program) or is_within(program, normal)


def _is_kernels_own(path: str) -> bool:
    """Whether it is a file of the kernel's that is read as it stands: on a hundred hosts nobody need ask where it leads.

    >>> _is_kernels_own("/proc/uptime"), _is_kernels_own("/proc/self/root/etc/shadow"), _is_kernels_own("/proc/../etc/x")
    (True, False, False)
    """
    return ".." not in path and _KERNELS_OWN.fullmatch(path) is not None


def _of_use(use: PathUse) -> frozenset[EffectName]:
    """A new directory has nothing below it yet; what is only shown grants nothing."""
    if use.use in CHANGING:
        return _effects(use.path, with_places_below=use.use != "create")
    return effects_of_path(use.path) & _SECRETS_ALONE


def _sets_user_id(intent: Intent, values: Mapping[str, Json]) -> bool:
    return any(
        isinstance(value, str) and re.fullmatch("[0-7]{4}", value) and int(value, 8) & _SETUID
        for name, value in values.items()
        if name in intent.parameters and intent.parameters[name].type.name == "mode"
    )


def _parts(path: str) -> tuple[str, ...]:
    normal = posixpath.normpath("/" + path.lstrip("/"))
    normal = posixpath.normpath("/" + _PROCESS_ROOT.sub("", normal).lstrip("/"))
    return tuple(part for part in normal.casefold().split("/") if part)


def _lies_in(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether the path is the place or lies below it; a pattern that begins with `**` may begin anywhere."""
    if pattern[0] == "**":
        tail = pattern[1:]
        return any(_matches(parts[start:], tail) for start in range(len(parts) - len(tail) + 1))
    return _matches(parts, pattern)


def _matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    return len(parts) >= len(pattern) and all(map(fnmatch.fnmatchcase, parts, pattern))


def _contains(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether the place lies below the path; of places that may be anywhere nobody knows that."""
    return pattern[0] != "**" and len(parts) < len(pattern) and all(map(fnmatch.fnmatchcase, parts, pattern))


_PATTERNS: tuple[tuple[tuple[str, ...], frozenset[EffectName]], ...] = tuple(
    (tuple(part for part in place.casefold().split("/") if part), frozenset(effects))
    for effects, places in PLACES
    for place in places.split()
)
