"""Many host names in few words: `web[1-19], db1`, as ClusterShell and pdsh write sets of nodes."""

import re
from collections.abc import Sequence

_NUMBERED = re.compile(r"(.*?)([0-9]+)((?:\..*)?)", re.DOTALL)
"""A name whose first label ends in a number: what comes before, the number, the rest of the labels."""


def folded(hosts: Sequence[str]) -> str:
    """Return the names with runs of numbers drawn together; nothing is left out, and the order is that of the first of each run.

    >>> folded(["web1", "web2", "web3", "db1", "web7"])
    'web[1-3,7], db1'
    >>> folded(["n08.example.org", "n09.example.org", "n10.example.org"])
    'n[08-10].example.org'
    """
    groups: dict[tuple[str, str, int], list[int]] = {}
    for host in hosts:
        found = _NUMBERED.fullmatch(host)
        # A number with leading zeros is drawn together only with those of the same length.
        width = 0 if found is None else len(found[2]) if found[2].startswith("0") else -1
        key = (host, "", 0) if found is None else (found[1], found[3], width)
        groups.setdefault(key, []).append(-1 if found is None else int(found[2]))
    groups = _joined(groups)
    return ", ".join(
        _one(prefix, suffix, width, sorted(set(numbers))) for (prefix, suffix, width), numbers in groups.items()
    )


def _joined(groups: dict[tuple[str, str, int], list[int]]) -> dict[tuple[str, str, int], list[int]]:
    """Put `n10` into the run of `n09`: the same length as written, though without a leading zero."""
    joined: dict[tuple[str, str, int], list[int]] = {}
    for (prefix, suffix, width), numbers in groups.items():
        padded = [other for pre, suf, other in groups if (pre, suf) == (prefix, suffix) and other > 0]
        for number in numbers:
            fits = next((one for one in padded if width == -1 and len(str(number)) == one), width)
            joined.setdefault((prefix, suffix, fits), []).append(number)
    return joined


def _one(prefix: str, suffix: str, width: int, numbers: Sequence[int]) -> str:
    if numbers == [-1]:
        return prefix
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    ends = [[f"{one:0{max(width, 1)}d}" for one in (run[0], run[-1])] for run in runs]
    if len(numbers) == 1:
        return f"{prefix}{ends[0][0]}{suffix}"
    return f"{prefix}[{','.join(first if first == last else f'{first}-{last}' for first, last in ends)}]{suffix}"
