"""What systemd and OpenRC report of units: who needs whom, how long the start took, what each uses."""

import re

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.parsers.generic import parse_kv
from intents.values import Column, Json, Row

_SECONDS: dict[str, float] = {
    "y": 31557600.0,
    "month": 2629800.0,
    "w": 604800.0,
    "d": 86400.0,
    "h": 3600.0,
    "min": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
}
"""systemd's units of time, systemd.time(7)."""
_PART = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>month|min|ms|us|[ywdhs])\Z")
_NANOSECONDS = 1e9
_RESOURCE_COLUMNS = (
    Column("Id"),
    Column("MemoryCurrent", "size"),
    Column("CPUUsageNSec", "integer"),
    Column("TasksCurrent", "integer"),
    Column("NRestarts", "integer"),
)


def parse_unit_dependencies(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `systemctl list-dependencies --plain` to one row per `unit` that the first one needs, each once.

    systemd 252 sets units in by two blanks however deep they stand, so the depth isn't told.

    >>> parse_unit_dependencies(b"a.service\n  system.slice\n  -.slice\n", (Column("unit"),))
    [{'unit': 'system.slice'}, {'unit': '-.slice'}]
    """
    lines = lines_of(output)[1:]
    for line in lines:
        if not line.startswith(" ") or " " in line.strip():
            raise unexpected("F:unit_dependencies", "one unit per line, set in", line)
    return rows_of([{"unit": unit} for unit in dict.fromkeys(line.strip() for line in lines)], columns)


def span_s(text: str) -> float | None:
    """Return the seconds of a span as systemd writes it, None for anything else.

    >>> span_s("1min 2.5s"), span_s("165ms"), span_s("soon")
    (62.5, 0.165, None)
    """
    found = [_PART.match(part) for part in text.split()]
    known = [match for match in found if match is not None]
    if not found or len(known) != len(found):
        return None
    return round(sum(float(match["number"]) * _SECONDS[match["unit"]] for match in known), 6)


def parse_boot_blame(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `systemd-analyze blame` to `unit` and `took`, in seconds.

    >>> parse_boot_blame(b"1min 2.500s a.service\n      20ms b.service\n", (Column("took", "duration"),))
    [{'took': 62.5}, {'took': 0.02}]
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        span, _, unit = line.strip().rpartition(" ")
        took = span_s(span)
        if took is None:
            raise unexpected("F:boot_blame", "a time and a unit", line)
        records.append({"unit": unit, "took": took})
    return rows_of(records, columns)


def parse_service_resources(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `systemctl show` of several services to `unit`, `memory`, `cpu_time` (seconds), `tasks` and `restarts`."""
    records: list[dict[str, Json]] = []
    for unit in parse_kv(output, _RESOURCE_COLUMNS):
        used = unit["CPUUsageNSec"]
        records.append(
            {
                "unit": unit["Id"],
                "memory": unit["MemoryCurrent"],
                "cpu_time": round(used / _NANOSECONDS, 3) if isinstance(used, int) else None,
                "tasks": unit["TasksCurrent"],
                "restarts": unit["NRestarts"],
            }
        )
    return rows_of(records, columns)


def parse_openrc_names(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `rc-service NAME ineed` or `needsme` (names between blanks) to one row per `unit`.

    >>> parse_openrc_names(b"net logger\n", (Column("unit"),))
    [{'unit': 'net'}, {'unit': 'logger'}]
    """
    names = [name for line in lines_of(output) for name in line.split()]
    if any(name == "*" for name in names):
        raise unexpected("F:openrc_names", "names of services", " ".join(names))
    return rows_of([{"unit": name} for name in names], columns)
