"""What getent, id, who and chage write of accounts."""

import re

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

_PASSWD_NAMES = ("name", "password", "uid", "gid", "comment", "home", "shell")
_FIRST_PERSON_UID, _NOBODY = 1000, 65534
_NO_LOGIN = frozenset({"nologin", "false", "sync", "halt", "shutdown"})
_ID_PART = re.compile(r"([0-9]+)(?:\(([^)]*)\))?")
_DAYS_OF_PASSWORD = {
    "maximum": "Maximum number of days between password change",
    "warn": "Number of days of warning before password expires",
}
_WHO_LINE = re.compile(
    r"(?P<name>\S+) +[+?-]? *(?P<terminal>\S+) +(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2})"
    r" +(?P<idle>\S+) +(?P<pid>[0-9?]+) *(?:\((?P<host>.*)\))?\Z"
)


def parse_passwd(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read passwd(5) lines to `name`, `uid`, `gid`, `comment`, `home`, `shell`, `can_log_in` and `is_person`.

    `is_person`: the uid is in the range that distributions give to people (1000 and up, not 65534).
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        fields = line.split(":")
        if len(fields) != len(_PASSWD_NAMES) or not fields[2].isdigit():
            raise unexpected("F:passwd", "seven fields between colons", line)
        record: dict[str, Json] = dict(zip(_PASSWD_NAMES, fields, strict=True))
        del record["password"]
        uid = int(fields[2])
        record["can_log_in"] = fields[6].rpartition("/")[2] not in _NO_LOGIN
        record["is_person"] = uid >= _FIRST_PERSON_UID and uid != _NOBODY
        records.append(record)
    return rows_of(records, columns)


def parse_id(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `id NAME` to `name`, `uid`, `group`, `gid` and `groups` (names, or numbers without one)."""
    text = "\n".join(lines_of(output))
    if not text:
        return []
    match = re.match(r"uid=(\S+) gid=(\S+?)(?: groups=(\S+))?(?: context=\S+)?\Z", text)
    if match is None:
        raise unexpected("F:id", "uid=... gid=... groups=...", text)
    user, group = _ID_PART.match(match[1]), _ID_PART.match(match[2])
    if user is None or group is None:
        raise unexpected("F:id", "numbers of user and group", text)
    groups = [part[2] or part[1] for part in _ID_PART.finditer(match[3] or match[2])]
    record: dict[str, Json] = {
        "name": user[2] or user[1],
        "uid": user[1],
        "group": group[2] or group[1],
        "gid": group[1],
        "groups": list(groups),
    }
    return rows_of([record], columns)


def parse_who(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `who -u` (times in ISO form, UTC) to `name`, `terminal`, `since`, `idle`, `pid` and `host`."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = _WHO_LINE.match(line)
        if match is None:
            raise unexpected("F:who", "a line of who -u", line)
        records.append(
            {
                "name": match["name"],
                "terminal": match["terminal"],
                "since": match["time"],
                "idle": None if match["idle"] in {".", "?"} else match["idle"],
                "pid": None if match["pid"] == "?" else match["pid"],
                "host": match["host"],
            }
        )
    return rows_of(records, columns)


def parse_chage(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `chage --list --iso8601` to `expires`, to `maximum` and `warn`, both in days, and to `must_change`.

    `expires` is the account's last day as ISO date, or `-1` for never: the two forms that `usermod
    --expiredate` takes back. `maximum` is the password's, `warn` how long before its end is warned;
    `must_change` whether the next login asks for a new one.
    """
    text = "\n".join(lines_of(output))
    if not text:
        return []
    match = re.search(r"^Account expires\s*: (never|[0-9]{4}-[0-9]{2}-[0-9]{2})$", text, re.MULTILINE)
    if match is None:
        raise unexpected("F:chage", "a line `Account expires`", text)
    record: dict[str, Json] = {
        "expires": "-1" if match[1] == "never" else match[1],
        "must_change": "password must be changed" in text,
    }
    for name, label in _DAYS_OF_PASSWORD.items():
        number = re.search(rf"^{label}\s*: (-?[0-9]+)$", text, re.MULTILINE)
        record[name] = number[1] if number is not None else None
    return rows_of([record], columns)
