"""An end is read forward: the next Friday, not the last."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from intents.errors import RequestError
from shell.until import parse_until

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=timezone(timedelta(hours=1)))  # a Wednesday


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("friday", "2026-11-28 00:00"),
        ("until friday", "2026-11-28 00:00"),
        ("next friday 17:00", "2026-11-27 17:00"),
        ("wednesday", "2026-11-26 00:00"),
        ("wednesday 09:00", "2026-12-02 09:00"),
        ("today", "2026-11-26 00:00"),
        ("today 18:00", "2026-11-25 18:00"),
        ("tomorrow", "2026-11-27 00:00"),
        ("tomorrow 9am", "2026-11-26 09:00"),
        ("17:00", "2026-11-25 17:00"),
        ("9:30", "2026-11-26 09:30"),
        ("3 days", "2026-11-28 10:00"),
        ("for two hours", "2026-11-25 12:00"),
        ("2026-12-31", "2027-01-01 00:00"),
        ("2026-12-31 18:00", "2026-12-31 18:00"),
        ("1 January", "2027-01-02 00:00"),
    ],
)
def test_the_next_such_moment_is_meant(said: str, meant: str) -> None:
    assert parse_until(said, NOW) == datetime.fromisoformat(meant).replace(tzinfo=NOW.tzinfo)


def test_an_offset_is_kept() -> None:
    assert parse_until("2026-12-31T18:00Z", NOW) == datetime(2026, 12, 31, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "said",
    ["", "yesterday", "last friday", "2 hours ago", "now", "2026-11-01", "today 09:00", "someday", "5", "2026-13-01"],
)
def test_what_has_been_or_is_no_moment_is_refused(said: str) -> None:
    with pytest.raises(RequestError, match="to come"):
        parse_until(said, NOW)
