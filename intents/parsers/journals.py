"""What is found in the journal, what it has of sudo, and which of its files go when it is made smaller."""

import re
from collections.abc import Mapping

from intents.parsers.conversion import rows_of
from intents.parsers.generic import nul_fields
from intents.parsers.services import parse_journal
from intents.values import Column, Json, Row

_ENTRY_COLUMNS = (Column("time", "moment"), Column("message"))
_FOUND_COLUMNS = (
    *_ENTRY_COLUMNS,
    Column("priority"),
    Column("source"),
    Column("unit"),
    Column("pid", "integer"),
)
_SEARCH = re.compile(r"COMMAND=.*\bjournalctl --output=json .*--grep=", re.DOTALL)
_SUDO_FIELD = re.compile(r"(?P<key>TTY|PWD|USER|GROUP|TSID|ENV|COMMAND)=(?P<value>.*)\Z", re.DOTALL)
_ARCHIVED = re.compile(r"@[0-9a-f]{32}-[0-9a-f]{16}-(?P<first>[0-9a-f]{16})\.journal\Z")
_BROKEN = re.compile(r"@(?P<first>[0-9a-f]{16})-[0-9a-f]{16}\.journal~\Z")
_BLOCK_BYTES = 512
_MICROSECONDS = 1_000_000


def parse_journal_found(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `journalctl -o json --grep=TEXT` as `F:journal` does, without the searches themselves.

    sudo logs the search's command line, and with it the text that is looked for.
    """
    entries = parse_journal(output, _FOUND_COLUMNS)
    return rows_of([entry for entry in entries if not _is_search(entry)], columns)


def _is_search(entry: Row) -> bool:
    return entry["source"] == "sudo" and _SEARCH.search(str(entry["message"])) is not None


def parse_sudo_log(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    """Read sudo's entries of `journalctl -o json` to `time`, `user`, `as_user`, `command`, `directory`, `terminal`, `refused`.

    Other entries (of PAM) are no rows. The option `user` keeps one account's. `refused` is sudo's
    reason not to run it. The form is that of sudo 1.9, sudoers(5), LOG FORMAT.
    """
    records: list[dict[str, Json]] = []
    for entry in parse_journal(output, _ENTRY_COLUMNS):
        record = _sudo_command(str(entry["message"]))
        if record is not None and options.get("user", record["user"]) == record["user"]:
            records.append({"time": entry["time"], **record})
    return rows_of(records, columns)


def _sudo_command(message: str) -> dict[str, Json] | None:
    """Return the parts of `ops : REASON ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/id`; None for anything else."""
    user, colon, rest = message.strip().partition(" : ")
    found: dict[str, str] = {}
    reasons: list[str] = []
    while rest and "COMMAND" not in found:
        # The command is the last field, and may hold the separator.
        part, _, following = rest.partition(" ; ")
        field = _SUDO_FIELD.match(rest if rest.startswith("COMMAND=") else part)
        if field is None:
            reasons.append(part)
        else:
            found[field["key"]] = field["value"]
        rest = following
    if not colon or "COMMAND" not in found:
        return None
    return {
        "user": user,
        "as_user": found.get("USER"),
        "command": found["COMMAND"],
        "directory": found.get("PWD"),
        "terminal": found.get("TTY"),
        "refused": "; ".join(reasons) or None,
    }


def parse_journal_files_going(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    r"""Read `find -printf '%b\0%T@\0%p\0'` of journal files to those that `journalctl --vacuum-size` deletes.

    Rows have `action`, `path`, `size` (bytes on disk) and `since` (the first entry). The option `size` is
    in bytes. As in journal-vacuum.c of systemd 252: of each folder's archived files those with the
    oldest first entry go, until the rest takes no more; files in use stay, and aren't counted.
    """
    wanted_bytes = int(options.get("size", "0"))
    folders: dict[str, list[tuple[float, int, str]]] = {}
    for blocks, modified, path in nul_fields(output, 3, "F:journal_files_going"):
        folder, _, name = path.rpartition("/")
        archived = _ARCHIVED.search(name) or _BROKEN.search(name)
        if archived is not None:
            first = min(int(archived["first"], 16) / _MICROSECONDS, float(modified))
            folders.setdefault(folder, []).append((first, int(blocks) * _BLOCK_BYTES, path))
    going: list[dict[str, Json]] = []
    for files in folders.values():
        left_bytes = sum(size for _, size, _ in files)
        for first, size, path in sorted(files):
            if left_bytes <= wanted_bytes:
                break
            left_bytes -= size
            going.append({"action": "delete", "path": path, "size": size, "since": first})
    return rows_of(going, columns)
