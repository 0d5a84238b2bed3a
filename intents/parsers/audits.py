"""What fail2ban, AppArmor and SELinux tell of themselves."""

import re
from collections.abc import Mapping

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.parsers.generic import load_json
from intents.values import Column, Json, Row

_JAILS = re.compile(r"^.*Jail list:\s*(?P<names>.*)$", re.MULTILINE)
_JAIL = re.compile(r"^Status for the jail: (?P<name>\S+)$", re.MULTILINE)
_JAIL_NUMBERS: Mapping[str, str] = {
    "failing": "Currently failed",
    "failed": "Total failed",
    "banned": "Currently banned",
    "banned_ever": "Total banned",
}


def parse_fail2ban_jails(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `fail2ban-client status` to one row for each `jail`."""
    text = "\n".join(lines_of(output))
    if not text:
        return []
    match = _JAILS.search(text)
    if match is None:
        raise unexpected("F:fail2ban_jails", "a line `Jail list:`", text)
    return rows_of([{"jail": name.strip()} for name in match["names"].split(",") if name.strip()], columns)


def parse_fail2ban_jail(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `fail2ban-client status JAIL` to `jail`, `addresses` (a list), and the counts `banned`, `banned_ever`, `failing`, `failed`."""
    text = "\n".join(lines_of(output))
    if not text:
        return []
    jail = _JAIL.search(text)
    addresses = re.search(r"Banned IP list:[ \t]*(.*)$", text, re.MULTILINE)
    if jail is None or addresses is None:
        raise unexpected("F:fail2ban_jail", "`Status for the jail: NAME` and `Banned IP list:`", text)
    record: dict[str, Json] = {"jail": jail["name"], "addresses": list(addresses[1].split())}
    for name, label in _JAIL_NUMBERS.items():
        number = re.search(rf"{label}:\s*([0-9]+)$", text, re.MULTILINE)
        record[name] = number[1] if number is not None else None
    return rows_of([record], columns)


def parse_apparmor(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `aa-status --json` (AppArmor 3) to `profile` and `mode`; no row where AppArmor is off.

    The form is that of aa_status.c: `{"version": "2", "profiles": {NAME: MODE}, "processes": {...}}`.
    """
    if not output.strip():
        return []
    status = load_json(output)
    profiles = status.get("profiles") if isinstance(status, Mapping) else None
    if not isinstance(profiles, Mapping):
        raise unexpected("F:apparmor", "an object with `profiles`", str(status))
    return rows_of([{"profile": name, "mode": mode} for name, mode in profiles.items()], columns)


def parse_sestatus(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `sestatus` to `status`, `mode`, `configured_mode` and `policy`."""
    pairs = {key: value.strip() for key, _, value in (line.partition(":") for line in lines_of(output))}
    if not output.strip():
        return []
    if "SELinux status" not in pairs:
        raise unexpected("F:sestatus", "a line `SELinux status:`", " ".join(pairs))
    record: dict[str, Json] = {
        "status": pairs["SELinux status"],
        "mode": pairs.get("Current mode"),
        "configured_mode": pairs.get("Mode from config file"),
        "policy": pairs.get("Loaded policy name"),
    }
    return rows_of([record], columns)
