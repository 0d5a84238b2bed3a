"""What /proc, os-release and lscpu say of a machine."""

import re
import shlex
from collections.abc import Iterator, Mapping

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.parsers.generic import load_json, records_of
from intents.values import Column, Json, Row

_LOAD = re.compile(r"(\S+) (\S+) (\S+) ([0-9]+)/([0-9]+) [0-9]+\Z")
_MEMORY_LINE = re.compile(r"([A-Za-z0-9_()]+): +([0-9]+)( kB)?\Z")
_KIB = 1024


def parse_loadavg(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read /proc/loadavg to `load1`, `load5`, `load15`, `running` and `threads`."""
    text = "\n".join(lines_of(output))
    if not text:
        return []
    match = _LOAD.match(text)
    if match is None:
        raise unexpected("F:loadavg", "three loads and running/all", text)
    names = ("load1", "load5", "load15", "running", "threads")
    return rows_of([dict(zip(names, match.groups(), strict=True))], columns)


def parse_meminfo(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read /proc/meminfo to bytes: `total`, `available`, `used`, `used_percent`, `free`, `cached`, `swap_*`.

    `used` is what is not available: page cache that can be dropped at once doesn't count as used.
    Kernels before 3.14 don't say what is available; then it is free plus cached.
    """
    values: dict[str, int] = {}
    for line in lines_of(output):
        match = _MEMORY_LINE.match(line)
        if match is None:
            raise unexpected("F:meminfo", "a line `Name: number kB`", line)
        values[match[1]] = int(match[2]) * (_KIB if match[3] else 1)
    if not values:
        return []
    if "MemTotal" not in values:
        raise unexpected("F:meminfo", "MemTotal", ", ".join(values))
    total, free = values["MemTotal"], values.get("MemFree", 0)
    cached = values.get("Cached", 0) + values.get("Buffers", 0) + values.get("SReclaimable", 0)
    available = values.get("MemAvailable", free + cached)
    swap_total = values.get("SwapTotal", 0)
    record: dict[str, Json] = {
        "total": total,
        "available": available,
        "used": total - available,
        "used_percent": round(100 * (total - available) / total, 1) if total else None,
        "free": free,
        "cached": cached,
        "swap_total": swap_total,
        "swap_used": swap_total - values.get("SwapFree", 0),
    }
    return rows_of([record], columns)


def parse_os_release(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read os-release(5) to `name`, `id`, `version`, `codename` and `like`; its values may be quoted."""
    values: dict[str, str] = {}
    for line in lines_of(output):
        if not line.strip() or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise unexpected("F:os_release", "lines KEY=VALUE", line)
        try:
            values[key] = "".join(shlex.split(value))
        except ValueError:
            raise unexpected("F:os_release", "a value with closed quotes", line) from None
    if not values:
        return []
    record: dict[str, Json] = {
        "name": values.get("PRETTY_NAME") or values.get("NAME"),
        "id": values.get("ID"),
        "version": values.get("VERSION_ID"),
        "codename": values.get("VERSION_CODENAME"),
        "like": values.get("ID_LIKE", "").split(),
    }
    return rows_of([record], columns)


_LSCPU_FIELDS: Mapping[str, str] = {
    "Model name": "model",
    "Architecture": "architecture",
    "CPU(s)": "processors",
    "Socket(s)": "sockets",
    "Core(s) per socket": "cores_per_socket",
    "Thread(s) per core": "threads_per_core",
    "Vendor ID": "vendor",
    "Hypervisor vendor": "hypervisor",
    "CPU max MHz": "maximum_mhz",
}


def parse_lscpu(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `lscpu -J` to one row with the model, the counts of processors, sockets, cores and threads."""
    document = load_json(output)
    if document is None:
        return []
    if not isinstance(document, Mapping) or "lscpu" not in document:
        raise unexpected("F:lscpu", "an object with `lscpu`", str(document))
    record: dict[str, Json] = {}
    for field, data in _lscpu_fields(document["lscpu"]):
        if field in _LSCPU_FIELDS:
            record.setdefault(_LSCPU_FIELDS[field], data)
    return rows_of([record], columns)


def _lscpu_fields(entries: Json) -> Iterator[tuple[str, Json]]:
    """Yield (field, data); newer lscpu nests fields under a heading."""
    for entry in records_of(entries, "F:lscpu"):
        yield str(entry.get("field", "")).removesuffix(":"), entry.get("data")
        yield from _lscpu_fields(entry.get("children"))


def parse_cpuinfo(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read /proc/cpuinfo to the same row as `parse_lscpu`, as far as it says (ARM says less than x86)."""
    values: dict[str, str] = {}
    processors, sockets = 0, set()
    for line in lines_of(output):
        if not line.strip():
            continue
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            raise unexpected("F:cpuinfo", "lines `key : value`", line)
        processors += key == "processor"
        if key == "physical id":
            sockets.add(value)
        values.setdefault(key, value)
    if not processors:
        return []
    cores = values.get("cpu cores")
    record: dict[str, Json] = {
        "model": values.get("model name"),
        "processors": processors,
        "sockets": len(sockets) or None,
        "cores_per_socket": cores,
        "vendor": values.get("vendor_id"),
    }
    return rows_of([record], columns)
