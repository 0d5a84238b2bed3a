"""What systemd says of the start of the machine, of the units that belong to it, and of how its units were changed."""

import re
from collections.abc import Mapping

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.parsers.generic import load_json, records_of
from intents.parsers.unit_reports import span_s
from intents.values import Column, Json, Row

_Record = Mapping[str, Json]

_CHAIN = re.compile(r"[\s│├└─]*(?P<unit>\S+)(?: @(?P<active>[0-9][^+]*?))?(?: \+(?P<took>[0-9].*))?\Z")
_STARTUP_PART = re.compile(r"(?P<span>[0-9][0-9a-z. ]*?) \((?P<part>[a-z]+)\)")
_DELTA = re.compile(r"\[(?P<kind>[A-Z]+)\] +(?P<path>/.*?)(?: → (?P<by>/.*))?\Z")


def parse_critical_chain(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `systemd-analyze critical-chain` to `unit`, `active` (seconds after the start) and `took` in seconds."""
    records: list[_Record] = []
    for line in lines_of(output):
        if line.startswith("The time ") or not line.strip():
            continue
        match = _CHAIN.match(line)
        if match is None or "." not in match["unit"]:
            raise unexpected("F:critical_chain", "a unit and its times", line)
        active, took = (span_s(match[name].strip()) if match[name] else None for name in ("active", "took"))
        records.append({"unit": match["unit"], "active": active, "took": took})
    return rows_of(records, columns)


def parse_startup_time(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `systemd-analyze time` to one row per `part` of the start (firmware, loader, kernel, ...) and one `total`.

    >>> parse_startup_time(b"Startup finished in 2s (kernel) + 3.5s (userspace) = 5.5s \n", (Column("part"), Column("took", "duration")))
    [{'part': 'kernel', 'took': 2.0}, {'part': 'userspace', 'took': 3.5}, {'part': 'total', 'took': 5.5}]
    """
    lines = lines_of(output)
    if not lines:
        return []
    if not lines[0].startswith("Startup finished in "):
        raise unexpected("F:startup_time", "`Startup finished in`", lines[0])
    parts = [(match["part"], span_s(match["span"])) for match in _STARTUP_PART.finditer(lines[0])]
    total = span_s(lines[0].partition(" = ")[2]) or (parts[0][1] if len(parts) == 1 else None)
    records: list[_Record] = [{"part": part, "took": took} for part, took in (*parts, ("total", total))]
    return rows_of(records, columns)


def parse_security_exposure(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `systemd-analyze security --json=short` to `unit`, `exposure` (0 is best, 10 worst) and `rating`."""
    records: list[_Record] = [
        {"unit": one.get("unit"), "exposure": one.get("exposure"), "rating": str(one.get("predicate")).casefold()}
        for one in records_of(load_json(output), "F:security_exposure")
    ]
    return rows_of(records, columns)


def parse_openrc_runlevels(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `rc-update show` to one row per service that is in a runlevel: `unit` and `runlevels`.

    >>> parse_openrc_runlevels(b"               nginx |      default\n", (Column("unit"), Column("runlevels", "list")))
    [{'unit': 'nginx', 'runlevels': ['default']}]
    """
    records: list[_Record] = []
    for line in lines_of(output):
        unit, bar, levels = line.partition("|")
        if not bar:
            raise unexpected("F:openrc_runlevels", "a service, a bar and runlevels", line)
        names: list[Json] = [*levels.split()]
        if names:
            records.append({"unit": unit.strip(), "state": "enabled", "runlevels": names})
    return rows_of(records, columns)


def parse_unit_files(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `systemctl list-unit-files --output=json` to `unit`, `state` and `preset`."""
    records: list[_Record] = [
        {"unit": one.get("unit_file"), "state": one.get("state"), "preset": one.get("preset")}
        for one in records_of(load_json(output), "F:unit_files")
    ]
    return rows_of(records, columns)


def parse_systemd_delta(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `systemd-delta --diff=no` to `kind` (in small letters), `path` and `by`.

    >>> text = "[MASKED]     /etc/systemd/system/a.timer → /usr/lib/systemd/system/a.timer\n"
    >>> parse_systemd_delta(text.encode(), (Column("kind"), Column("path", "path")))
    [{'kind': 'masked', 'path': '/etc/systemd/system/a.timer'}]
    """
    records: list[_Record] = []
    for line in lines_of(output):
        match = _DELTA.match(line)
        if match is not None:
            records.append({**match.groupdict(), "kind": match["kind"].casefold()})
        elif line.strip() and not re.fullmatch(r"[0-9]+ overridden configuration files found\.", line):
            raise unexpected("F:systemd_delta", "a kind in brackets and two paths", line)
    return rows_of(records, columns)
