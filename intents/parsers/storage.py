"""What tools of partitions, signatures, swap, LVM, RAID, SMART and dumpe2fs write."""

import re
from collections.abc import Iterator, Mapping
from typing import cast

from intents.parsers.conversion import decode, lines_of, rows_of, unexpected
from intents.parsers.generic import load_json, records_of
from intents.values import Column, Json, Row

_KIB = 1024
_OCTAL_ESCAPE = re.compile(r"\\([0-7]{3})")
_ARRAY = re.compile(r"(md\S*) : (active|inactive)(?: \((?:auto-)?read-only\))?(?: (?!\S*\[)(\S+))?((?: \S+)*)\Z")
_MEMBER = re.compile(r"(\S+?)\[[0-9]+\](\([A-Z]\))?")
_PRESENT = re.compile(r" \[([0-9]+)/([0-9]+)\]")
_ACTION = re.compile(r"(recovery|resync|reshape|check) *= *([0-9.]+)%")
_HEALTH_BITS = 0b11111000
"""Bits of smartctl(8)'s exit status that tell of the disk: failing, prefail attributes, logged errors, failed tests."""


def parse_sfdisk(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `sfdisk -J` to one row per partition, with `start` and `size` in bytes and the table's `label`.

    A table without a partition is one row without a `node`.
    """
    document = load_json(output)
    if document is None:
        return []
    table = document.get("partitiontable") if isinstance(document, Mapping) else None
    if not isinstance(table, Mapping):
        raise unexpected("F:sfdisk", "an object with `partitiontable`", str(document))
    sector = int(str(table.get("sectorsize", 512)))
    records: list[Mapping[str, Json]] = [
        {
            **partition,
            "label": table.get("label"),
            "start": int(str(partition.get("start", 0))) * sector,
            "size": int(str(partition.get("size", 0))) * sector,
        }
        for partition in records_of(table.get("partitions"), "F:sfdisk")
    ]
    return rows_of(records or [{"label": table.get("label")}], columns)


def parse_wipefs(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `wipefs --json --no-act` to one row per signature."""
    document = load_json(output)
    if document is None:
        return []
    if not isinstance(document, Mapping) or "signatures" not in document:
        raise unexpected("F:wipefs", "an object with `signatures`", str(document))
    found = records_of(document["signatures"], "F:wipefs")
    return rows_of(found, columns)


def parse_proc_swaps(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read /proc/swaps to `name`, `type`, `size`, `used` (both in bytes, in KiB there) and `priority`.

    >>> parse_proc_swaps(b"Filename Type Size Used Priority\n/swap\\040file file 4 0 -2\n", (Column("name", "path"),))
    [{'name': '/swap file'}]
    """
    return rows_of(_swaps(output), columns)


def _swaps(output: bytes) -> Iterator[dict[str, Json]]:
    for line in lines_of(output)[1:]:
        fields = line.split()
        if len(fields) != 5 or not fields[2].isdigit() or not fields[3].isdigit():  # noqa: PLR2004 - proc(5)
            raise unexpected("F:proc_swaps", "five fields of /proc/swaps", line)
        yield {
            "name": _OCTAL_ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[0]),
            "type": fields[1],
            "size": int(fields[2]) * _KIB,
            "used": int(fields[3]) * _KIB,
            "priority": fields[4],
        }


def parse_lvm_report(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `lvs`, `vgs` or `pvs` with `--reportformat json`: one row per object, under LVM's own names.

    >>> parse_lvm_report(b'{"report": [{"vg": [{"vg_name": "data", "vg_free": "42"}]}]}', (Column("vg_free", "size"),))
    [{'vg_free': 42}]
    """
    document = load_json(output)
    if document is None:
        return []
    if not isinstance(document, Mapping) or "report" not in document:
        raise unexpected("F:lvm_report", "an object with `report`", str(document))
    found: list[Mapping[str, Json]] = []
    for report in records_of(document["report"], "F:lvm_report"):
        for kind in ("lv", "vg", "pv"):
            found += records_of(report.get(kind), "F:lvm_report")
    return rows_of(found, columns)


def parse_mdstat(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read /proc/mdstat (md(4)) to one row per array.

    `members` are its devices and `failed` those marked (F); `wanted` and `present` count devices;
    `healthy` is false where one is missing or failed; `action` and `percent` tell of a running rebuild.
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = _ARRAY.match(line)
        if match is not None:
            members = _MEMBER.findall(match[4])
            failed = [name for name, mark in members if mark == "(F)"]
            records.append(
                {
                    "name": match[1],
                    "state": match[2],
                    "level": match[3],
                    "members": [name for name, _ in members],
                    "failed": cast("Json", failed),
                    "healthy": match[2] == "active" and not failed,
                }
            )
        elif line.startswith("md"):
            raise unexpected("F:mdstat", "an array as md(4) writes it", line)
        elif records and (counts := _PRESENT.search(line)):
            wanted, present = int(counts[1]), int(counts[2])
            records[-1] |= {"wanted": wanted, "present": present}
            records[-1]["healthy"] = bool(records[-1]["healthy"]) and present >= wanted
        elif records and (action := _ACTION.search(line)):
            records[-1] |= {"action": action[1], "percent": action[2]}
    return rows_of(records, columns)


def parse_smartctl(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `smartctl --json=c -H -A -i DEVICE` (smartmontools 7) to one row.

    `healthy` is the disk's own verdict; `warnings` is true where a bit of the exit status tells of logged
    errors, failed self-tests or worn attributes. Raises `ParseError` where smartctl could not ask the disk.
    """
    document = load_json(output)
    if document is None:
        return []
    if not isinstance(document, Mapping):
        raise unexpected("F:smartctl", "an object", str(document))
    status = _at(document, "smartctl", "exit_status")
    if not isinstance(status, int) or (status & 0b11 and "device" not in document):
        messages = records_of(_at(document, "smartctl", "messages"), "F:smartctl")
        raise unexpected("F:smartctl", "a disk that answers", "; ".join(str(one.get("string")) for one in messages))
    attributes = records_of(_at(document, "ata_smart_attributes", "table"), "F:smartctl")
    raw = {str(one.get("name")): _at(one, "raw", "value") for one in attributes}
    record: dict[str, Json] = {
        "device": _at(document, "device", "name"),
        "model": document.get("model_name"),
        "serial": document.get("serial_number"),
        "healthy": _at(document, "smart_status", "passed"),
        "warnings": bool(status & _HEALTH_BITS),
        "temperature": _at(document, "temperature", "current"),
        "powered_on_hours": _at(document, "power_on_time", "hours"),
        "worn_percent": _at(document, "nvme_smart_health_information_log", "percentage_used"),
        "reallocated_sectors": raw.get("Reallocated_Sector_Ct"),
        "pending_sectors": raw.get("Current_Pending_Sector"),
        "media_errors": _at(document, "nvme_smart_health_information_log", "media_errors"),
    }
    return rows_of([record], columns)


def _at(value: Json, *keys: str) -> Json:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def parse_dumpe2fs(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `dumpe2fs -h` to `state`, `errors`, `checked`, `mounts`, `size` (bytes), `label`, `uuid`, `features`."""
    values: dict[str, str] = {}
    for line in lines_of(output):
        key, colon, value = line.partition(":")
        if colon:
            values.setdefault(key, value.strip())
    if not values:
        return []
    if "Filesystem state" not in values:
        raise unexpected("F:dumpe2fs", "`Filesystem state:`", decode(output))
    label = values.get("Filesystem volume name")
    record: dict[str, Json] = {
        "state": values["Filesystem state"],
        "errors": values.get("FS Error count", "0"),
        "checked": values.get("Last checked"),
        "mounts": values.get("Mount count"),
        "size": int(values.get("Block count", "0")) * int(values.get("Block size", "0")),
        "label": None if label == "<none>" else label,
        "uuid": values.get("Filesystem UUID"),
        "features": values.get("Filesystem features", "").split(),
    }
    return rows_of([record], columns)
