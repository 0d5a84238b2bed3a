"""In which order a plan goes over its hosts, how many at a time, and what makes it stop: as values.

`executors.scheduling` carries it out.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

_SHARE = re.compile(r"([0-9]{1,6})(%?)")
_WHOLE_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Share:
    """A number of hosts, or a percentage of them."""

    number: int
    is_percentage: bool = False

    @classmethod
    def parse(cls, text: str) -> "Share":
        """Return what `5` or `10%` says. Raises `ValueError` in words for anything else.

        >>> Share.parse("10%").words
        '10%'
        """
        found = _SHARE.fullmatch(text.strip())
        if found is None or (found[2] and int(found[1]) > _WHOLE_PERCENT):
            raise ValueError(f"`{text.strip()}` is neither a number of hosts nor a percentage, such as 5 or 10%")
        return cls(int(found[1]), bool(found[2]))

    @property
    def words(self) -> str:
        """The share as it is written."""
        return f"{self.number}{'%' if self.is_percentage else ''}"

    def at_least_one(self, total: int) -> int:
        """Return how many of `total` hosts a batch of this size has: rounded up, never none."""
        wanted = math.ceil(total * self.number / _WHOLE_PERCENT) if self.is_percentage else self.number
        return max(1, wanted)

    def at_most(self, total: int) -> int:
        """Return how many of `total` hosts a limit of this size allows: rounded down."""
        return total * self.number // _WHOLE_PERCENT if self.is_percentage else self.number


def parse_batches(text: str) -> tuple[Share, ...]:
    """Return the sizes of batches: `1,10%,100%`. Raises `ValueError` in words.

    >>> [one.words for one in parse_batches("1, 10%,100%")]
    ['1', '10%', '100%']
    """
    shares = tuple(Share.parse(one) for one in text.split(","))
    if any(share.number == 0 for share in shares):
        raise ValueError("a batch can't be empty")
    return shares


DEFAULT_BATCHES = (Share(1), Share(10, is_percentage=True), Share(100, is_percentage=True))
HOSTS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a change goes over its hosts. Reads have no batches, and no failure stops them."""

    batches: tuple[Share, ...] = DEFAULT_BATCHES
    """The sizes of the batches; the last one is repeated until no host is left."""
    max_failures: Share | None = None
    """How many hosts may fail. None: no host of the first batch, and not all hosts of any other."""
    pauses: bool = False
    """Whether a person is asked between two batches."""
    hosts_at_once: int = HOSTS_AT_ONCE
    """The most hosts that are worked on at the same time."""
    host_timeout_s: float | None = None
    """The longest that one host may take for all of its steps."""

    def batches_of(self, hosts: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the hosts in batches, in their order.

        >>> [len(batch) for batch in Schedule().batches_of([f"web{number}" for number in range(30)])]
        [1, 3, 26]
        """
        found: list[tuple[str, ...]] = []
        begin = 0
        while begin < len(hosts):
            share = self.batches[min(len(found), len(self.batches) - 1)]
            end = begin + share.at_least_one(len(hosts))
            found.append(tuple(hosts[begin:end]))
            begin = end
        return found
