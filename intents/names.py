"""What really exists on a target: the Protocol that the session fulfils from above.

Names are used to recognise arguments ("postgress" -> `postgresql.service`), to complete them,
and to know which words of a request are hosts. They never widen what may be done.
"""

from collections.abc import Sequence
from typing import Protocol


class LiveNames(Protocol):
    """Real names on the target, by kind: `unit`, `user`, `group`, `package`, `mount`, `interface`, `host`, ..."""

    def names(self, kind: str) -> Sequence[str]:
        """Return the names of this kind, in a stable order; empty when the kind can't be listed."""
        ...


class NoNames:
    """Live names where nothing can be listed."""

    def names(self, kind: str) -> Sequence[str]:  # noqa: ARG002 - the Protocol's signature
        """Return nothing, whatever the kind."""
        return ()
