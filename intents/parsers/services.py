"""What systemd's journal, systemctl and OpenRC write."""

import re
from collections.abc import Mapping

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.parsers.generic import json_lines, load_json, records_of
from intents.values import Column, Json, Row

PRIORITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
"""The journal's priorities 0 to 7, in words."""

_OPENRC_STATES: Mapping[str, str] = {
    "started": "active",
    "stopped": "inactive",
    "inactive": "inactive",
    "crashed": "failed",
    "starting": "activating",
    "stopping": "deactivating",
}


def parse_journal(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `journalctl -o json` to `time`, `priority` (in words), `source`, `pid`, `unit` and `message`.

    The journal writes a message that is not plain text as a list of its bytes, and a field that
    occurs more than once as a list.
    """
    return rows_of([_journal_entry(record) for record in json_lines(output)], columns)


def _journal_entry(record: Mapping[str, Json]) -> dict[str, Json]:
    microseconds = str(_journal_text(record.get("__REALTIME_TIMESTAMP")))
    if not microseconds.isdigit():
        raise unexpected("F:journal", "an entry with a time", str(dict(record)))
    priority = str(_journal_text(record.get("PRIORITY")))
    return {
        "time": int(microseconds) / 1_000_000,
        "priority": PRIORITIES[int(priority)] if priority in set("01234567") else None,
        "source": _journal_text(record.get("SYSLOG_IDENTIFIER")),
        "pid": _journal_text(record.get("_PID")),
        "unit": _journal_text(record.get("_SYSTEMD_UNIT")),
        "message": _journal_text(record.get("MESSAGE")),
    }


def _journal_text(value: Json) -> str | None:
    if isinstance(value, list):
        if value and all(isinstance(one, int) for one in value):
            return bytes(value).decode("utf-8", "backslashreplace")
        return _journal_text(value[0]) if value else None
    return None if value is None else str(value)


def parse_boots(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `journalctl --list-boots -o json` to `boot` (0 is the present one), `started`, `ended` and `id`."""
    records = [
        {
            "boot": record.get("index"),
            "started": _seconds(record.get("first_entry")),
            "ended": _seconds(record.get("last_entry")),
            "id": record.get("boot_id"),
        }
        for record in records_of(load_json(output), "F:boots")
    ]
    return rows_of(records, columns)


def _seconds(microseconds: Json) -> Json:
    if not isinstance(microseconds, int):
        raise unexpected("F:boots", "a time in microseconds", str(microseconds))
    return microseconds / 1_000_000


def parse_openrc_status(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `rc-service NAME status` to `ActiveState` in systemd's words.

    openrc-run(8) says ` * status: started`; a script with a status function of its own (LSB scripts, PostgreSQL's)
    says in its own words whether it runs.

    >>> parse_openrc_status(b"cron is not running ... failed!\n", (Column("ActiveState"),))
    [{'ActiveState': 'inactive'}]
    """
    text = "\n".join(lines_of(output))
    match = re.search(r"status: *([a-z]+)", text)
    word = match[1] if match else _own_word(text)
    if word is None:
        raise unexpected("F:openrc_status", "a line `status: ...`, or whether it is running", text)
    return rows_of([{"ActiveState": _OPENRC_STATES.get(word, word), "SubState": word}], columns)


def _own_word(text: str) -> str | None:
    """Return OpenRC's word for what a script says of its daemon: no word of "running" behind a "not" is a yes."""
    if re.search(
        r"\b(?:not|isn't|no longer|no server) (?:currently )?(?:running|started|up)\b|\b(?:stopped|dead|down)\b",
        text,
        re.IGNORECASE,
    ):
        return "stopped"
    return "started" if re.search(r"\b(?:running|started)\b", text, re.IGNORECASE) else None


def parse_openrc_list(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `rc-status --format ini --all` to `unit`, `active` (systemd's word), `sub` and `runlevel`."""
    records: list[dict[str, Json]] = []
    runlevel = ""
    for line in lines_of(output):
        section = re.match(r"\[(.*)\]\Z", line)
        if section:
            runlevel = section[1]
            continue
        unit, equals, state = line.partition(" = ")
        if not equals:
            raise unexpected("F:openrc_list", "`[runlevel]` or `service = state`", line)
        word = state.strip()
        records.append(
            {"unit": unit.strip(), "active": _OPENRC_STATES.get(word, word), "sub": word, "runlevel": runlevel}
        )
    return rows_of(records, columns)


def parse_openrc_crashed(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `rc-status --crashed` (one name a line) to `unit`, with the state that systemd calls failed."""
    records: list[dict[str, Json]] = [
        {"unit": line.strip(), "active": "failed", "sub": "crashed"} for line in lines_of(output) if line.strip()
    ]
    return rows_of(records, columns)


def parse_runlevel_link(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the `stat` of a service's link in a runlevel to `UnitFileState`: there is one only if it is enabled.

    Unlike elsewhere, no output is a row too: it is what "disabled" looks like.
    """
    return rows_of([{"UnitFileState": "enabled" if output.strip() else "disabled"}], columns)


_NO_SERVICES = (".target", ".slice")


def parse_reverse_dependencies(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `systemctl list-dependencies --reverse --plain` to one row per `unit` that needs the first one.

    Targets and slices only group units, so they are left out; each unit is told once.
    """
    lines = lines_of(output)
    if any(line.strip() and " " in line.strip() for line in lines):
        raise unexpected(
            "F:reverse_dependencies", "one unit per line", next(one for one in lines if " " in one.strip())
        )
    units = dict.fromkeys(line.strip() for line in lines[1:])
    return rows_of([{"unit": unit} for unit in units if unit and not unit.endswith(_NO_SERVICES)], columns)


def parse_triggers(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `systemctl show --property=TriggeredBy` to one row per `unit` that starts the service again.

    >>> parse_triggers(b"TriggeredBy=cups.socket cups.path\n", (Column("unit"),))
    [{'unit': 'cups.socket'}, {'unit': 'cups.path'}]
    """
    units: list[str] = []
    for line in lines_of(output):
        key, equals, value = line.partition("=")
        if key != "TriggeredBy" or not equals:
            raise unexpected("F:triggers", "TriggeredBy=", line)
        units += value.split()
    return rows_of([{"unit": unit} for unit in units], columns)
