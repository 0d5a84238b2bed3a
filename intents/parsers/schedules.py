"""What runs by itself: systemd's timers and cron's jobs."""

import re

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.parsers.generic import load_json, records_of
from intents.values import Column, Json, Row

_WHEN = r"(?P<when>@[a-z]+|(?:[0-9*/,A-Za-z~-]+[ \t]+){4}[0-9*/,A-Za-z~-]+)"
_OF_ACCOUNT = re.compile(rf"\s*-?{_WHEN}[ \t]+(?P<command>\S.*)\Z")
_OF_SYSTEM = re.compile(rf"\s*-?{_WHEN}[ \t]+(?P<user>\S+)[ \t]+(?P<command>\S.*)\Z")
_SETTING = re.compile(r"""\s*["']?[A-Za-z_][A-Za-z0-9_]*["']?\s*=""")
_SPOOLS = ("/var/spool/cron/crontabs/", "/var/spool/cron/tabs/", "/var/spool/cron/", "/etc/crontabs/")
_MICROSECONDS = 1_000_000


def parse_timers(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `systemctl list-timers -o json` to `timer`, `next`, `last` and `starts`.

    Its times are microseconds since 1970, null or 0 for never.
    """
    records: list[dict[str, Json]] = [
        {
            "timer": record.get("unit"),
            "next": _seconds(record.get("next")),
            "last": _seconds(record.get("last")),
            "starts": record.get("activates") or None,
        }
        for record in records_of(load_json(output), "F:timers")
    ]
    return rows_of(records, columns)


def _seconds(microseconds: Json) -> int | None:
    if microseconds is None or microseconds == 0:
        return None
    if not isinstance(microseconds, int):
        raise unexpected("F:timers", "a time in microseconds", str(microseconds))
    return microseconds // _MICROSECONDS


def parse_cron(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `grep -HZ` of crontabs (path, NUL, line) to `user`, `when`, `command` and `path`, one row for each job.

    crontab(5): the system's files have the account behind the times, those of the spool are named
    after theirs. Settings (`MAILTO=...`) are no jobs. What is neither is a row without `when`: cron
    may pass over the whole file for it.
    """
    records: list[dict[str, Json]] = []
    for entry in lines_of(output):
        path, separator, line = entry.partition("\0")
        if not separator:
            raise unexpected("F:cron", "a path and a line of a crontab", entry)
        if not line.strip() or line.lstrip().startswith("#") or _SETTING.match(line):
            continue
        owner = next((path.removeprefix(spool) for spool in _SPOOLS if path.startswith(spool)), None)
        match = (_OF_SYSTEM if owner is None else _OF_ACCOUNT).match(line)
        parts: dict[str, str | None] = {"when": None, "command": line.strip()} if match is None else match.groupdict()
        records.append({"user": owner, "path": path, **parts})
    return rows_of(records, columns)
