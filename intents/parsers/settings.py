"""What programs say of their settings: the kernel's (sysctl), sshd's (sshd -T)."""

import re
from collections.abc import Mapping

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

_SECONDS: Mapping[str, int] = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
"""sshd_config(5), "TIME FORMATS"."""

_SYNONYMS: Mapping[str, str] = {"prohibit-password": "without-password", "true": "yes", "false": "no"}
"""What sshd takes -> what `sshd -T` says instead (servconf.c, OpenSSH 9.2)."""


def parse_sysctl(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `sysctl KEY` and `sysctl -a` to one row per setting, with `key` and `value`.

    The kernel separates the numbers of one setting by tabs; here a blank stands between them, as one writes it.

    >>> parse_sysctl(b"net.ipv4.tcp_rmem = 4096\t131072\t6291456\n", (Column("value"),))
    [{'value': '4096 131072 6291456'}]
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        key, equals, value = line.partition(" =")
        if not equals or not key or " " in key:
            raise unexpected("F:sysctl", "`key = value`", line)
        records.append({"key": key, "value": " ".join(value.split())})
    return rows_of(records, columns)


def parse_sshd_settings(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    r"""Read `sshd -T` to one row per setting that holds, with `name` and `value`.

    `directive`: only this setting. `value`: how somebody writes its value; where the setting has it, the row
    has this very text, so that `2m` and `120` compare as what they are, the same. Lines of one setting add up.

    >>> said = b"logingracetime 120\nallowusers ann\nallowusers bob\n"
    >>> parse_sshd_settings(said, (Column("value"),), {"directive": "LoginGraceTime", "value": "2m"})
    [{'value': '2m'}]
    >>> parse_sshd_settings(said, (Column("name"), Column("value")), {"directive": "AllowUsers"})
    [{'name': 'allowusers', 'value': 'ann bob'}]
    """
    found: dict[str, list[str]] = {}
    for line in lines_of(output):
        name, _, value = line.partition(" ")
        if not re.fullmatch("[a-z0-9]+", name):
            raise unexpected("F:sshd_settings", "`keyword value`", line)
        found.setdefault(name, []).append(value.strip())
    wanted = options.get("directive", "").lower()
    said = options.get("value")
    records: list[dict[str, Json]] = []
    for name, values in found.items():
        if wanted in {"", name}:
            value = " ".join(values)
            records.append({"name": name, "value": said if said is not None and _is_same(said, value) else value})
    return rows_of(records, columns)


def _is_same(said: str, effective: str) -> bool:
    if said[:1] in {"+", "-", "^"}:
        # A change of the default list (Ciphers +aes128-cbc): sshd says the list that it comes to.
        held = effective.split(",")
        names = said[1:].split(",")
        return all((name in held) != (said[0] == "-") for name in names if "*" not in name)
    return _plain(said) == _plain(effective)


def _plain(value: str) -> str:
    text = " ".join(value.replace('"', "").split()).lower()
    if re.fullmatch("(?:[0-9]+[smhdw]?)+", text):
        return str(sum(int(number) * _SECONDS[unit] for number, unit in re.findall("([0-9]+)([smhdw]?)", text)))
    return _SYNONYMS.get(text, text)
