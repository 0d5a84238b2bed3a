"""Which real name a misspelt word means: close spelling, swapped letters, or a unique beginning.

Two names that differ in a number ("web1", "web2") or in a whole part ("staging-db", "staging-web")
are different things and never taken for one another.
"""

import difflib
import re
from collections.abc import Iterable, Sequence

CLOSE_RATIO = 0.84
"""difflib's ratio; "postgress" and "postgresql" have 0.842."""
SHORTEST_PREFIX = 4
_PART_RATIO = 0.7


def resembling(word: str, names: Sequence[str]) -> list[str]:
    """Return the names that `word` may be a misspelling or a beginning of, in their order.

    >>> resembling("ngnix", ["nginx", "named"]), resembling("web2", ["web1"]), resembling("post", ["postfix"])
    (['nginx'], [], ['postfix'])
    """
    lowered = word.lower()
    close = [name for name in names if is_close(lowered, name.lower())]
    if close or len(word) < SHORTEST_PREFIX:
        return close
    return [name for name in names if _is_beginning(lowered, name.lower())]


def is_close(word: str, name: str) -> bool:
    """Whether two lower-case names are spelt almost alike and mean the same number and parts."""
    if word[:1] != name[:1] or min(len(word), len(name)) < SHORTEST_PREFIX or _numbers(word) != _numbers(name):
        return False
    if 2 * min(len(word), len(name)) < CLOSE_RATIO * (len(word) + len(name)):
        return False
    if _is_swapped(word, name):
        return True
    matcher = difflib.SequenceMatcher(None, word, name, autojunk=False)
    return matcher.quick_ratio() >= CLOSE_RATIO and matcher.ratio() >= CLOSE_RATIO and _parts_are_close(word, name)


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Return the name most like `word`, for an error sentence; None without names.

    >>> nearest("ngix", ["redis", "nginx"])
    'nginx'
    """
    found = difflib.get_close_matches(word[:256], list(names), n=1, cutoff=0.0)
    return found[0] if found else None


def _is_beginning(word: str, name: str) -> bool:
    return name.startswith(word) and not (_numbers(word) and _numbers(word) != _numbers(name))


def _numbers(name: str) -> list[str]:
    return re.findall(r"[0-9]+", name)


def _is_swapped(word: str, name: str) -> bool:
    """Whether one pair of neighbours is swapped, nothing else."""
    if len(word) != len(name):
        return False
    different = [place for place, (ours, theirs) in enumerate(zip(word, name, strict=True)) if ours != theirs]
    return (
        len(different) == 2  # noqa: PLR2004 - a pair
        and different[1] == different[0] + 1
        and word[different[0]] == name[different[1]]
        and word[different[1]] == name[different[0]]
    )


def _parts_are_close(word: str, name: str) -> bool:
    ours, theirs = re.split(r"[-_.@]", word), re.split(r"[-_.@]", name)
    if len(ours) != len(theirs):
        return len(ours) == 1 or len(theirs) == 1
    return all(
        difflib.SequenceMatcher(None, mine, other, autojunk=False).ratio() >= _PART_RATIO
        for mine, other in zip(ours, theirs, strict=True)
    )
