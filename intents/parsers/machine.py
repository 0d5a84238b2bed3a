"""What tells of a machine's load, hardware, kernel and clock: sysstat, lshw, /proc, dmesg, chronyc, needrestart."""

import re
from collections.abc import Iterator, Mapping, Sequence

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.parsers.generic import load_json, records_of
from intents.values import Column, Json, Row

_LEVELS = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")
_RAW_MESSAGE = re.compile(r"<([0-9]{1,4})>(?:\[ *([0-9]+\.[0-9]+)\] ?)?(.*)\Z")
_MODULE = re.compile(r"(\S+) ([0-9]+) ([0-9]+) (\S+) (\S+)")
_TRACKING_FIELDS = 14


def _statistics(output: bytes, key: str, parser: str) -> Iterator[Mapping[str, Json]]:
    """Yield the records of the last report of sysstat's JSON."""
    document = load_json(output)
    if document is None:
        return
    root = document.get("sysstat") if isinstance(document, Mapping) else None
    if not isinstance(root, Mapping):
        raise unexpected(parser, "an object with `sysstat`", str(document))
    for host in records_of(root.get("hosts"), parser):
        for report in records_of(host.get("statistics"), parser)[-1:]:
            yield from records_of(report.get(key), parser)


def parse_iostat(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `iostat -o JSON -dxy` (sysstat 12) to one row per device; rates in bytes per second, waits in milliseconds."""
    return rows_of(
        (
            {
                "device": one.get("disk_device"),
                "busy_percent": one.get("util"),
                "reads": one.get("r/s"),
                "writes": one.get("w/s"),
                "read": _kib(one.get("rkB/s")),
                "written": _kib(one.get("wkB/s")),
                "read_wait_ms": one.get("r_await"),
                "write_wait_ms": one.get("w_await"),
                "queue": one.get("aqu-sz"),
            }
            for one in _statistics(output, "disk", "F:iostat")
        ),
        columns,
    )


def _kib(value: Json) -> int | None:
    return None if value is None else round(float(str(value)) * 1024)


def parse_mpstat(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `mpstat -o JSON -P ALL` (sysstat 12) to one row per processor, `all` first; `busy_percent` is what isn't idle."""
    records: list[dict[str, Json]] = []
    for one in _statistics(output, "cpu-load", "F:mpstat"):
        idle = float(str(one.get("idle", 0))) + float(str(one.get("iowait", 0)))
        records.append({**one, "busy_percent": round(100 - idle, 2)})
    return rows_of(records, columns)


def parse_proc_modules(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read /proc/modules (proc(5)) to `name`, `size`, `uses`, `used_by` and `state`.

    >>> parse_proc_modules(b"nls 16384 1 vfat,fat, Live 0x0\n", (Column("name"), Column("used_by", "list")))
    [{'name': 'nls', 'used_by': ['vfat', 'fat']}]
    """
    records: list[Mapping[str, Json]] = []
    for line in lines_of(output):
        match = _MODULE.match(line)
        if match is None:
            raise unexpected("F:proc_modules", "name, size, uses, users and state", line)
        users = [] if match[4] == "-" else [one for one in match[4].split(",") if one]
        records.append(
            {"name": match[1], "size": match[2], "uses": match[3], "used_by": [*users], "state": match[5].lower()}
        )
    return rows_of(records, columns)


def parse_needrestart(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `needrestart -b -r l` (its README.batch.md) to one row.

    `is_required` tells whether a newer kernel is installed than the one that runs (KSTA 2 or 3; 0 is
    unknown, 1 current); `services` are those that still run replaced libraries.
    """
    values: dict[str, str] = {}
    services: list[Json] = []
    for line in lines_of(output):
        key, colon, value = line.removeprefix("NEEDRESTART-").partition(":")
        if not colon:
            raise unexpected("F:needrestart", "lines NEEDRESTART-KEY: value", line)
        values.setdefault(key, value.strip())
        if key == "SVC":
            services.append(value.strip())
    if not values:
        return []
    state = values.get("KSTA")
    record: dict[str, Json] = {
        "is_required": None if state not in {"1", "2", "3"} else state != "1",
        "running": values.get("KCUR"),
        "newest": values.get("KEXP"),
        "services": services,
    }
    return rows_of([record], columns)


def parse_chrony_tracking(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `chronyc -c tracking` (chronyc(1), CSV of 14 fields) to one row; offsets and delays in seconds."""
    records: list[Mapping[str, Json]] = []
    for line in lines_of(output):
        fields = line.split(",")
        if len(fields) != _TRACKING_FIELDS:
            raise unexpected("F:chrony_tracking", "14 fields", line)
        records.append(
            {
                "source": fields[1] or fields[0],
                "stratum": fields[2],
                "is_synchronised": fields[13] != "Not synchronised",
                "offset": fields[4],
                "error": fields[6],
                "drift_ppm": fields[7],
                "delay": fields[10],
                "leap": fields[13],
            }
        )
    return rows_of(records, columns)


def parse_dmesg(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `dmesg --json` to `level` as a word, `since_boot` in seconds and `message`."""
    document = load_json(output)
    if document is None:
        return []
    lines = document.get("dmesg") if isinstance(document, Mapping) else None
    if not isinstance(lines, list):
        raise unexpected("F:dmesg", "an object with `dmesg`", str(document))
    return rows_of(
        [
            {
                "level": _LEVELS[int(str(line.get("pri", 6))) & 7],
                "since_boot": line.get("time"),
                "message": line.get("msg"),
            }
            for line in lines
            if isinstance(line, Mapping)
        ],
        columns,
    )


def parse_dmesg_raw(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    r"""Read `dmesg -r` to the same, those of the `levels` alone (words with commas between; all without it).

    syslog(2): a number in angle brackets stands before each line, its lowest three bits are the level. A line
    without one goes on with the message before.

    >>> said = b"<6>[    0.5] usb 1-1: new device\n<3>[   12.25] I/O error\n"
    >>> parse_dmesg_raw(said, (Column("since_boot", "duration"), Column("message")), {"levels": "crit,err"})
    [{'since_boot': 12.25, 'message': 'I/O error'}]
    """
    wanted = options.get("levels", ",".join(_LEVELS)).split(",")
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = _RAW_MESSAGE.match(line)
        if match is not None:
            records.append({"level": _LEVELS[int(match[1]) & 7], "since_boot": match[2], "message": match[3]})
        elif records:
            records[-1]["message"] = f"{records[-1]['message']}\n{line}"
        elif line.strip():
            raise unexpected("F:dmesg_raw", "lines `<LEVEL>[SECONDS] MESSAGE`", line)
    return rows_of([record for record in records if record["level"] in wanted], columns)


def parse_lshw(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `lshw -json` (its tree of nodes; one host is a list of one or the node itself) to one row per node.

    `size` is in `unit`, or the `capacity` where the node has no size. Nodes that name neither product, vendor
    nor size only group others and are no row.
    """
    document = load_json(output)
    if document is None:
        return []
    roots: list[Mapping[str, Json]] = [document] if isinstance(document, Mapping) else records_of(document, "F:lshw")
    return rows_of(_hardware(roots), columns)


def _hardware(nodes: Sequence[Mapping[str, Json]]) -> Iterator[Mapping[str, Json]]:
    for node in nodes:
        if "id" not in node:
            raise unexpected("F:lshw", "nodes with an `id`", str(node))
        configuration = node.get("configuration")
        names = node.get("logicalname")
        size = node.get("size", node.get("capacity"))
        if node.get("product") or node.get("vendor") or size is not None:
            yield {
                **node,
                "kind": node.get("class"),
                "size": size,
                "unit": None if size is None else node.get("units"),
                "device": ", ".join(str(name) for name in names) if isinstance(names, list) else names,
                "driver": configuration.get("driver") if isinstance(configuration, Mapping) else None,
            }
        yield from _hardware(records_of(node.get("children"), "F:lshw"))
