"""The errors of the audit store, and who can do something about each.

    HistoryError             every expected fault; carries a sentence and what to try
    ├── HistoryUnavailable   the administrator: it can't be opened, read or written (disk full, permission, network disk)
    ├── HistoryTampered      the auditor: what is stored is not what was written
    └── HistoryTooNew        the administrator: a newer sayso wrote it

`history` imports nobody, so this tree stands beside the one in `intents.errors`; the shell knows both.
"""


class HistoryError(Exception):
    """An expected fault of the history: one sentence on what happened, one on what to try."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class HistoryUnavailable(HistoryError):  # noqa: N818 - says what it is; "Error" would add nothing
    """The history can't be opened, read or written where it lies. Without it nothing may be changed."""


class HistoryTampered(HistoryError):  # noqa: N818 - as above
    """What is stored is not what was written. `number` is the event that shows it, where one does."""

    def __init__(self, message: str, *, remedy: str, number: int | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.number = number


class HistoryTooNew(HistoryError):  # noqa: N818 - as above
    """A newer version wrote this history; an older one must not guess at its meaning."""
