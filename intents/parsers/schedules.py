"""What runs by itself: systemd's timers, cron's jobs, and those of at."""

import re
from collections.abc import Mapping

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.parsers.generic import load_json, records_of
from intents.values import Column, Json, Row

_WHEN = r"(?P<when>@[a-z]+|(?:[0-9*/,A-Za-z~-]+[ \t]+){4}[0-9*/,A-Za-z~-]+)"
_OF_ACCOUNT = re.compile(rf"\s*-?{_WHEN}[ \t]+(?P<command>\S.*)\Z")
_OF_SYSTEM = re.compile(rf"\s*-?{_WHEN}[ \t]+(?P<user>\S+)[ \t]+(?P<command>\S.*)\Z")
_SETTING = re.compile(r"""\s*["']?[A-Za-z_][A-Za-z0-9_]*["']?\s*=""")
_SPOOLS = ("/var/spool/cron/crontabs/", "/var/spool/cron/tabs/", "/var/spool/cron/", "/etc/crontabs/")
_MICROSECONDS = 1_000_000
_AT_JOB = re.compile(
    r"(?P<number>[0-9]+)\s+(?P<day>[A-Z][a-z]{2} [A-Z][a-z]{2} +[0-9]+) (?P<clock>[0-9:]{8}) (?P<year>[0-9]{4})"
    r" (?P<queue>\S) (?P<user>\S+)\Z"
)
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


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


def parse_atq(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `atq` (at 3.2, its times in UTC) to `number`, `time`, `queue` and `user`; queue `=` runs just now."""
    return rows_of(_at_jobs(output), columns)


def parse_at_job(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    """Read `atq` as `F:atq` does, to the one job with the option `number`; no row where it isn't queued."""
    return rows_of([job for job in _at_jobs(output) if job["number"] == options.get("number")], columns)


def _at_jobs(output: bytes) -> list[dict[str, Json]]:
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = _AT_JOB.match(line)
        if match is None:
            raise unexpected("F:atq", "a number, a time, a queue and an account", line)
        _, month, day = match["day"].split()
        time = f"{match['year']}-{_MONTHS.index(month) + 1:02}-{int(day):02}T{match['clock']}"
        records.append({"number": match["number"], "time": time, "queue": match["queue"], "user": match["user"]})
    return records


def parse_at_commands(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `at -c NUMBER` to one `command` per line of what was asked for.

    at(1) 3.2 writes the caller's environment before it, the last of it a `cd` that ends in `}`.
    """
    lines = lines_of(output)
    start = next((place for place, line in enumerate(lines) if line.startswith("cd ")), len(lines))
    end = next((place for place in range(start, len(lines)) if lines[place] == "}"), len(lines))
    return rows_of([{"command": line} for line in lines[end + 1 :] if line.strip()], columns)
