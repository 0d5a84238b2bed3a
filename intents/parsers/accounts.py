"""What getent, passwd and last write of groups, passwords and logins."""

import re
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

_GROUP_FIELDS = 4
_SHADOW_FIELDS = 9
_PASSWORDS = {"P": "set", "PS": "set", "L": "locked", "LK": "locked", "NP": "empty"}
_STATUS_LINE = re.compile(r"(\S+) (P|PS|L|LK|NP) (\S+)(?: (-?[0-9]+) (-?[0-9]+) (-?[0-9]+) (-?[0-9]+).*)?\Z")
_NEVER_DAYS = 99999
"""The most that shadow(5) has for the days between two changes; it stands for "never"."""
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T\S+"
_LOGIN = re.compile(
    rf"(?P<name>\S*) +(?P<terminal>system boot|\S+)(?: +(?P<host>\S+))? +(?P<since>{_TIME})"
    rf" +(?:- (?P<until>{_TIME})|- (?P<word>crash|down)|(?P<still>still|gone) .*?)(?: +\([0-9+:]+\))? *\Z"
)
_END = re.compile(r"\S+ begins .*\Z")


def parse_group(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read group(5) lines to `name`, `gid`, `members` and `member_count`.

    >>> parse_group(b"adm:x:4:syslog,ops\n", (Column("name", "text"), Column("members", "list")))
    [{'name': 'adm', 'members': ['syslog', 'ops']}]
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        fields = line.split(":")
        if len(fields) != _GROUP_FIELDS or not fields[2].isdigit():
            raise unexpected("F:group", "four fields between colons", line)
        members: list[Json] = [name for name in fields[3].split(",") if name]
        records.append({"name": fields[0], "gid": fields[2], "members": members, "member_count": len(members)})
    return rows_of(records, columns)


def parse_passwd_status(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `passwd --status` to `name`, `password`, `changed`, `maximum` and `warn` (days), and `expires`.

    `maximum` and `expires` are None where the password never has to be changed. Older versions of
    passwd(1) write the date as MM/DD/YYYY.
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = _STATUS_LINE.match(line)
        if match is None:
            raise unexpected("F:passwd_status", "a name, P, L or NP, a date and four numbers", line)
        changed = _day(match[3])
        maximum = int(match[5]) if match[5] is not None else -1
        never = maximum < 0 or maximum >= _NEVER_DAYS
        expires = None if never or changed is None else changed + timedelta(days=maximum)
        records.append(
            {
                "name": match[1],
                "password": _PASSWORDS[match[2]],
                "changed": _seconds(changed),
                "maximum": None if never else maximum,
                "warn": match[6],
                "expires": _seconds(expires),
            }
        )
    return rows_of(records, columns)


def parse_shadow(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read shadow(5) lines to `name`, `password` (`set`, `locked` or `empty`) and `fingerprint`.

    The stored hash itself never leaves this function: `fingerprint` tells one from another. It can't be guessed back,
    since the hash that it is made from holds a random salt.

    >>> parse_shadow(b"anna:!:20000:0:99999:7:::\n", (Column("name", "text"), Column("password", "text")))
    [{'name': 'anna', 'password': 'locked'}]
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        fields = line.split(":")
        if len(fields) != _SHADOW_FIELDS:
            raise unexpected("F:shadow", "nine fields between colons", f"{fields[0]}:...")
        stored = fields[1]
        # crypt(5): no hash begins with `!` or `*`, so what does can't be matched by any password.
        state = "empty" if not stored else "locked" if stored[0] in "!*" else "set"
        is_hash = state == "set" or len(stored) > len("!!")
        fingerprint = sha256(stored.encode("utf-8", "surrogateescape")).hexdigest()[:16] if is_hash else None
        records.append({"name": fields[0], "password": state, "fingerprint": fingerprint})
    return rows_of(records, columns)


def parse_last(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `last` or `lastb` with `--time-format=iso` to `name`, `terminal`, `host`, `since`, `until` and `ended`.

    `ended` is `out`, or the word of last(1) for a session without a known end: `crash`, `down`,
    `still` or `gone`. The closing line, which tells where the file begins, is no row.
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        if not line.strip() or _END.match(line):
            continue
        match = _LOGIN.match(line)
        if match is None:
            raise unexpected("F:last", "a login in the form of last --time-format=iso", line)
        records.append(
            {
                "name": match["name"] or None,
                "terminal": match["terminal"],
                "host": match["host"],
                "since": match["since"],
                "until": match["until"],
                "ended": match["word"] or match["still"] or "out",
            }
        )
    return rows_of(records, columns)


def _day(text: str) -> date | None:
    for form in ("%Y-%m-%d", "%m/%d/%Y"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    if text == "never":
        return None
    raise unexpected("F:passwd_status", "a date", text)


def _seconds(day: date | None) -> int | None:
    return None if day is None else int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
