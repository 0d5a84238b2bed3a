"""What tools say of one device: what it holds, whether it is in use, what is wrong with its file system, its LVM volume."""

import re
from collections.abc import Mapping

from intents.parsers.conversion import decode, lines_of, rows_of, unexpected
from intents.parsers.disks import parse_lsblk
from intents.parsers.storage import parse_lvm_report, parse_wipefs
from intents.values import Column, Json, Row

_PROBLEM = re.compile(r"(.+\?) no\Z")
_SUMMARY = re.compile(r".*: ([0-9]+)/[0-9]+ files \(.*\), [0-9]+/[0-9]+ blocks\Z")
_TRIMMED = re.compile(r"(/.*): .*?(?:\(([0-9]+) bytes\)|0 B).* trimmed\Z")
_RESIZED = re.compile(
    r"Size of logical volume (\S+) (?:changed|unchanged) from (.+?) \(.*?\)(?: to (.+?) \(.*?\))?\.?\Z"
)
_LV_COLUMNS = tuple(
    Column(name) for name in ("lv_name", "vg_name", "lv_path", "lv_dm_path", "lv_size", "origin", "lv_attr", "vg_free")
)
_XFS_PASSES = re.compile(
    r"Phase [0-9]|\s+- |No modify flag set|Cannot get host filesystem geometry|Repair may fail if there is a sector size"
    r"|the image and the host filesystem"
)
"""What xfs_repair(8) 6.1 says where nothing is wrong: its passes, and remarks on images."""
_XFS_LOG = re.compile(r"ALERT: The filesystem has valuable metadata changes in a log")
_XFS_LOG_MORE = re.compile(r"ignored because the -n option|which may be resolved by first mounting")
_BTRFS_PASSES = re.compile(
    r"Opening filesystem|Checking filesystem on|UUID:|\[[0-9]/[0-9]\]|found [0-9]+ bytes used|(?:total|btree|file data) "
    r"| referenced |Total |cache and super generation"
)
"""What btrfs-check(8) 6.2 says in any case."""
_OPEN_AT = 5
"""lvs(8), NOTES: the sixth attribute letter is `o` where the volume is open."""


def parse_held(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    """Read `wipefs --json --no-act` of the device `device` to one row: `holds` names the signatures, or is `nothing`.

    An older wipefs (util-linux 2.37) writes nothing where there are none.

    >>> parse_held(b"", (Column("device", "path"), Column("holds")), {"device": "/dev/sdc1"})
    [{'device': '/dev/sdc1', 'holds': 'nothing'}]
    """
    kinds = dict.fromkeys(str(row["type"]) for row in parse_wipefs(output, (Column("type"),)))
    return rows_of([{"device": options.get("device"), "holds": ", ".join(kinds) or "nothing"}], columns)


def parse_block_device(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `lsblk -J` of one device to one row; `mounted_on` is where it or a part of it is in use, or `nowhere`."""
    kinds = tuple(Column(name, "list" if name == "mountpoints" else "text") for name in ("path", "size", "mountpoints"))
    found = parse_lsblk(output, kinds)
    if not found:
        return []
    listed = [row["mountpoints"] for row in found]
    places = [str(place) for one in listed if isinstance(one, list | tuple) for place in one if place]
    parts = [str(row["path"]) for row in found[1:]]
    record: dict[str, Json] = {
        "device": found[0]["path"],
        "size": found[0]["size"],
        "parts": [*parts],
        "mounted_on": ", ".join(places) or "nowhere",
    }
    return rows_of([record], columns)


def parse_e2fsck(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `e2fsck -n -f` to one row: `is_clean`, `problems` (how many it would ask about), `first`, `files`."""
    if not output.strip():
        return []
    problems, files = _checked(output)
    record: dict[str, Json] = {
        "is_clean": not problems and b"still has errors" not in output,
        "problems": len(problems),
        "first": problems[0] if problems else None,
        "files": files,
    }
    return rows_of([record], columns)


def parse_e2fsck_problems(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `e2fsck -n -f` to one row per `problem` that it would ask about; none for a clean file system.

    >>> said = b"Inode 7 has illegal block(s).  Clear? no\n/dev/sdb1: 11/8192 files (0.0% non-contiguous), 6/32 blocks\n"
    >>> parse_e2fsck_problems(said, (Column("problem"),))
    [{'problem': 'Inode 7 has illegal block(s).  Clear?'}]
    """
    problems = _checked(output)[0] if output.strip() else []
    return rows_of([{"problem": problem} for problem in problems], columns)


def parse_xfs_check(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `xfs_repair -n` (both streams) to one row: `is_clean`, `problems`, `first`, and `has_open_log`.

    With an open log (it was not unmounted) problems may be found that mounting it once mends.

    >>> said = b"Phase 1 - find and verify superblock...\nwould have reset inode 128 nlinks from 77 to 2\n"
    >>> parse_xfs_check(said, (Column("problems", "integer"), Column("first")))
    [{'problems': 1, 'first': 'would have reset inode 128 nlinks from 77 to 2'}]
    """
    if not output.strip():
        return []
    problems = _xfs_problems(output)
    record: dict[str, Json] = {
        "is_clean": not problems,
        "problems": len(problems),
        "first": problems[0] if problems else None,
        "has_open_log": any(_XFS_LOG.match(line) for line in lines_of(output)),
    }
    return rows_of([record], columns)


def parse_xfs_problems(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `xfs_repair -n` (both streams) to one row per `problem`; none for a clean file system."""
    problems = _xfs_problems(output) if output.strip() else []
    return rows_of([{"problem": problem} for problem in problems], columns)


def _xfs_problems(output: bytes) -> list[str]:
    """Return the lines that are no pass and no remark. Raises `ParseError` where it could not look at all."""
    lines = [line for line in lines_of(output) if line.strip()]
    if not any(line.startswith("Phase 1") for line in lines) or any("fatal error" in line for line in lines):
        raise unexpected("F:xfs_check", "its phases", decode(output)[-200:])
    passed = (_XFS_PASSES, _XFS_LOG, _XFS_LOG_MORE)
    return [line.strip() for line in lines if not any(pattern.match(line) for pattern in passed)]


def parse_btrfs_check(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `btrfs check --readonly` (both streams) to one row: `is_clean`, `problems`, `first`, `used` (bytes)."""
    if not output.strip():
        return []
    lines = lines_of(output)
    summary = next(
        (match for line in lines if (match := re.match(r"found ([0-9]+) bytes used, (no )?error", line))), None
    )
    if summary is None and b"bad tree block" not in output:  # so damaged that it can't even be opened
        raise unexpected("F:btrfs_check", "`found N bytes used`", decode(output)[-200:])
    found = [line.strip() for line in lines if line.strip() and not _BTRFS_PASSES.match(line)]
    problems = [] if summary is not None and summary[2] else found or ["it found errors"]
    record: dict[str, Json] = {
        "is_clean": not problems,
        "problems": len(problems),
        "first": problems[0] if problems else None,
        "used": None if summary is None else summary[1],
    }
    return rows_of([record], columns)


def _checked(output: bytes) -> tuple[list[str], int]:
    """Return the problems and the number of files. Raises `ParseError` where e2fsck didn't come to its end."""
    lines = lines_of(output)
    summary = next((match for line in reversed(lines) if (match := _SUMMARY.match(line))), None)
    if summary is None:
        raise unexpected("F:e2fsck", "a summary of files and blocks at the end", decode(output)[-200:])
    found = [match[1] for line in lines if (match := _PROBLEM.match(line))]
    return [problem for problem in found if problem != "Suppress messages?"], int(summary[1])


def parse_fstrim(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `fstrim -v` to `mount` and `trimmed` (bytes; none in a dry run, which asks the file system nothing).

    >>> parse_fstrim(b"/srv: 1.5 MiB (1572864 bytes) trimmed\n", (Column("mount", "path"), Column("trimmed", "size")))
    [{'mount': '/srv', 'trimmed': 1572864}]
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = _TRIMMED.match(line)
        if match is None:
            raise unexpected("F:fstrim", "lines `MOUNT: SIZE (N bytes) trimmed`", line)
        records.append({"mount": match[1], "trimmed": match[2]})
    return rows_of(records, columns)


def parse_lvm_volume(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    """Read `lvs` to the row of the volume at the path `volume`; none where there is none.

    With the option `snapshot`, `snapshot` is the path that one of this name has, and `there_is` whether it is there.
    """
    every = parse_lvm_report(output, _LV_COLUMNS)
    wanted = options.get("volume")
    found = next((row for row in every if wanted in {row["lv_path"], row["lv_dm_path"]} and wanted), None)
    if found is None:
        return []
    mates = [row for row in every if row["vg_name"] == found["vg_name"]]
    snapshots = [str(row["lv_name"]) for row in mates if row["origin"] == found["lv_name"]]
    name = options.get("snapshot", "")
    record: dict[str, Json] = {
        "volume": found["lv_path"],
        "size": found["lv_size"],
        "free": found["vg_free"],
        "origin": found["origin"] or None,
        "is_open": str(found["lv_attr"])[_OPEN_AT : _OPEN_AT + 1] == "o",
        "snapshots": ", ".join(snapshots) or "none",
        "snapshot": f"/dev/{found['vg_name']}/{name}" if name else None,
        "there_is": any(row["lv_name"] == name for row in mates),
    }
    return rows_of([record], columns)


def parse_lvextend(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `lvextend --test` to `volume`, `before` and `after`, as LVM writes sizes."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = _RESIZED.match(line.strip())
        if match is not None:
            records.append({"volume": match[1], "before": match[2], "after": match[3]})
        elif not line.startswith("  "):
            raise unexpected("F:lvextend", "`Size of logical volume ... changed`", line)
    return rows_of(records, columns)
