"""What restic and borg write with `--json`."""

from collections.abc import Mapping

from intents.parsers.conversion import rows_of, unexpected
from intents.parsers.generic import json_lines, load_json, records_of
from intents.values import Column, Json, Row


def parse_restic_files(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `restic ls --json` (the snapshot, then one node in each line); `modified` is a node's mtime."""
    nodes = [line for line in json_lines(output) if line.get("struct_type") == "node"]
    return rows_of([{**node, "modified": node.get("mtime")} for node in nodes], columns)


def parse_restic_stats(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `restic stats --json` to `snapshots` and `size`."""
    return rows_of(
        [
            {"snapshots": said.get("snapshots_count"), "size": said.get("total_size")}
            for said in records_of(load_json(output), "F:restic_stats")
        ],
        columns,
    )


def parse_restic_summary(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `restic backup --json` to one row of what is added: `action`, `what` in words, `size`."""
    records: list[Mapping[str, Json]] = []
    for said in json_lines(output):
        if said.get("message_type") == "summary":
            what = f"{said.get('files_new')} new and {said.get('files_changed')} changed files"
            records.append({"action": "add", "what": what, "size": said.get("data_added")})
    return rows_of(records, columns)


def parse_restic_forget(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `restic forget --json` to a row with `action` delete for each snapshot that goes."""
    records: list[Mapping[str, Json]] = []
    for group in records_of(load_json(output), "F:restic_forget"):
        going = records_of(group.get("remove"), "F:restic_forget")
        records += [{**snapshot, "action": "delete"} for snapshot in going]
    return rows_of(records, columns)


def parse_borg_archives(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `borg list --json` of a repository. Its times have no zone: they are the environment's, UTC."""
    return rows_of(
        [
            archive
            for said in records_of(load_json(output), "F:borg_archives")
            for archive in records_of(said.get("archives"), "F:borg_archives")
        ],
        columns,
    )


def parse_borg_size(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `borg info --json` of a repository to `size`, that of its compressed chunks, each counted once."""
    records: list[Mapping[str, Json]] = []
    for said in records_of(load_json(output), "F:borg_size"):
        cache = said.get("cache")
        stats = cache.get("stats") if isinstance(cache, Mapping) else None
        if not isinstance(stats, Mapping):
            raise unexpected("F:borg_size", "the repository's statistics", str(said))
        records.append({"size": stats.get("unique_csize")})
    return rows_of(records, columns)
