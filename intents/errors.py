"""The errors of sayso below the shell, and who can do something about each.

    SaysoError                  every expected fault; carries a sentence and what to try
    ├── RequestError            the person: the request itself can't be used (empty, too long, not text)
    ├── CatalogueError          the author of a pack: file, line, what is wrong, what to write
    │   └── IntegrityError      the administrator: a pinned file (pack, model) is not what was pinned
    ├── ValueRejected           the person: a value doesn't fit its parameter
    ├── ModelError              the administrator: the model is missing, truncated or not the pinned one
    ├── TargetError             the person: a host is unknown, an inventory can't be used
    │   ├── HostKeyError        the person: the host's key isn't known, has changed, or was revoked
    │   └── UnreachableError    the operator of the network: a host doesn't answer, or ended the connection
    ├── StepError               the administrator of the target: a program is missing, access is denied
    ├── PlanError               the person: no plan can be made, or the world moved since it was made
    └── PolicyError             whoever writes the policy: a rule says no

`history` stands alone and has its own small tree (`history.errors`); the shell knows both.
"""

from dataclasses import dataclass
from typing import ClassVar


class SaysoError(Exception):
    """An expected fault: one sentence on what happened, one on what to try.

    `code` is the stable word of the JSON contract (`error.code`).
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class RequestError(SaysoError):
    """The request can't be used: empty, too long, or not text."""

    code = "request"


class CatalogueError(SaysoError):
    """A pack doesn't say what a pack must say. `where` is `file:line`."""

    code = "catalogue"

    def __init__(self, message: str, *, remedy: str, where: str) -> None:
        super().__init__(f"{where}: {message}", remedy=remedy)
        self.where = where


class IntegrityError(CatalogueError):
    """A file whose hash is pinned is not the file that was pinned."""

    code = "integrity"


class ValueRejected(SaysoError):  # noqa: N818 - the value is what is rejected; "Error" would add nothing
    """A value doesn't fit its parameter's type."""

    code = "value"


class ModelError(SaysoError):
    """The model can't be used: missing, truncated, wrong, or not the pinned one."""

    code = "model"


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """A host's key that is in no known_hosts file: its fingerprint (`SHA256:...`), and the line that would trust it."""

    fingerprint: str
    line: str
    file: str
    """The known_hosts file that the line belongs into."""


class TargetError(SaysoError):
    """A target can't be used: an unknown host, an inventory or configuration that can't be read."""

    code = "target"

    def __init__(self, message: str, *, remedy: str, host: str) -> None:
        super().__init__(message, remedy=remedy)
        self.host = host


class HostKeyError(TargetError):
    """A host shows a key that isn't trusted: unknown, changed, or revoked. Nothing was sent to it.

    `unknown` is set where nothing was known of the host before: a person may come to trust its key.
    """

    code = "host_key"

    def __init__(self, message: str, *, remedy: str, host: str, unknown: "UnknownKey | None" = None) -> None:
        super().__init__(message, remedy=remedy, host=host)
        self.unknown = unknown


class UnreachableError(TargetError):
    """A host doesn't answer, refuses the login, or ended the connection."""

    code = "unreachable"


class StepError(SaysoError):
    """A step can't run on its target: program missing, permission denied, root needed."""

    code = "step"

    def __init__(
        self, message: str, *, remedy: str, host: str, argv: tuple[str, ...] = (), exit_code: int | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.host = host
        self.argv = argv
        self.exit_code = exit_code


class PlanError(SaysoError):
    """No plan can be made, or a plan no longer fits the world (drift, undo of what moved)."""

    code = "plan"


class PolicyError(SaysoError):
    """A policy rule refuses. `rule` names it."""

    code = "policy"

    def __init__(self, message: str, *, remedy: str, rule: str) -> None:
        super().__init__(message, remedy=remedy)
        self.rule = rule
