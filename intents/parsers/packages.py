"""What the dry runs of apt, dnf, zypper, apk and pacman say, and what their lists and searches write.

Each dry run is read twice: to one row per package (the lines of a plan's diff), and to the one row
of a state, whose lists of names an inverse needs.
"""

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, ParseError, fromstring

from intents.parsers.conversion import decode, lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

_Record = Mapping[str, Json]

_APT_LINE = re.compile(
    r"(?P<verb>Inst|Conf|Remv|Purg) (?P<name>[^\s\[(]+)(?: \[(?P<old>[^\]]*)\])?(?: \((?P<new>\S+)[^)]*\))?"
)
_APT_ACTIONS: Mapping[str, str] = {"Remv": "remove", "Purg": "purge"}

_DNF_SECTIONS: Mapping[str, str] = {
    "Installing": "install",
    "Installing dependencies": "install",
    "Installing weak dependencies": "install",
    "Installing group/module packages": "install",
    "Upgrading": "upgrade",
    "Reinstalling": "reinstall",
    "Downgrading": "downgrade",
    "Removing": "remove",
    "Removing dependent packages": "remove",
    "Removing unused dependencies": "remove",
}
_DNF_SECTION = re.compile(r"([A-Z][A-Za-z/ ]+):\Z")
_DNF_NAME_AND_VERSION = 3
"""Name, architecture and version are the first three words of a row, on however many lines."""

_ZYPPER_ACTIONS: Mapping[str, str] = {
    "to-install": "install",
    "to-upgrade": "upgrade",
    "to-downgrade": "downgrade",
    "to-reinstall": "reinstall",
    "to-remove": "remove",
    "to-change-arch": "upgrade",
    "to-change-vendor": "upgrade",
}

_APK_LINE = re.compile(
    r"\([0-9]+/[0-9]+\) (?P<verb>Installing|Upgrading|Downgrading|Replacing|Reinstalling|Purging) (?P<name>\S+)"
    r" \((?P<versions>[^)]*)\)"
)
_APK_ACTIONS: Mapping[str, str] = {
    "Installing": "install",
    "Upgrading": "upgrade",
    "Downgrading": "downgrade",
    "Replacing": "upgrade",
    "Reinstalling": "reinstall",
    "Purging": "remove",
}
_PACMAN_TARGET = re.compile(r"(?P<name>[^\s:]\S*) (?P<version>[0-9]\S*)\Z")
_APK_REST = re.compile(r"OK: |Executing |fetch |WARNING: |World updated|$")


def parse_apt_simulation(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `apt-get -s -qq` to `action` (install, upgrade, remove, purge), `name`, `old_version` and `new_version`.

    `Conf` lines say again what an `Inst` line said, except for a package that was left unconfigured.

    >>> columns = (Column("action"), Column("name"), Column("old_version"), Column("new_version"))
    >>> parse_apt_simulation(b"Inst jq [1.5] (1.6 Debian:12/stable [amd64])\n", columns)
    [{'action': 'upgrade', 'name': 'jq', 'old_version': '1.5', 'new_version': '1.6'}]
    """
    return rows_of(_apt_records(output), columns)


def parse_apt_state(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the same to one row: `changes` (how many packages), and the names `new`, `newer` and `gone`."""
    return rows_of([_as_state(_apt_records(output))], columns)


def _apt_records(output: bytes) -> list[_Record]:
    records: dict[str, dict[str, Json]] = {}
    for line in lines_of(output):
        match = _APT_LINE.match(line)
        if match is None:
            if re.match(r"(?:Inst|Conf|Remv|Purg)\b", line) or not line.startswith((" ", "NOTE")):
                raise unexpected("F:apt_simulation", "Inst, Conf, Remv or Purg and a package", line)
            continue
        verb, name = match["verb"], match["name"]
        if verb == "Conf" and name in records:
            continue
        action = _APT_ACTIONS.get(verb) or {"Conf": "configure"}.get(verb) or ("upgrade" if match["old"] else "install")
        records[name] = {"action": action, "name": name, "old_version": match["old"], "new_version": match["new"]}
    return list(records.values())


def _as_state(records: list[_Record]) -> _Record:
    names: dict[str, list[Json]] = {"new": [], "newer": [], "gone": []}
    for record in records:
        kind = {"install": "new", "remove": "gone", "purge": "gone"}.get(str(record["action"]), "newer")
        names[kind].append(record["name"])
    return {"changes": len(records), **names}


def parse_dnf_simulation(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the table of `dnf --assumeno` to `action`, `name`, `old_version` and `new_version`.

    dnf breaks a row over two lines where a name is long. A removed package's version is the old
    one; of an upgraded one only the new version is told. Raises `ParseError` where there is neither
    a table nor "Nothing to do": then dnf failed, with the exit code of a table that was declined.
    """
    return rows_of(_dnf_records(output), columns)


def parse_dnf_state(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the same to one row: `changes`, and the names `new`, `newer` and `gone`."""
    return rows_of([_as_state(_dnf_records(output))], columns)


def _dnf_records(output: bytes) -> list[_Record]:
    lines = lines_of(output)
    if "Dependencies resolved." not in lines:
        raise unexpected("F:dnf_simulation", "a transaction", lines[-1] if lines else "")
    rows: list[tuple[str, list[str]]] = []
    action: str | None = None
    for line in lines[lines.index("Dependencies resolved.") + 1 :]:
        section = _DNF_SECTION.match(line)
        if line == "Transaction Summary":
            break
        if section is not None:
            action = _DNF_SECTIONS.get(section[1])
        elif line.startswith("  ") and rows:
            rows[-1][1].extend(line.split())
        elif line.startswith(" ") and action is not None:
            rows.append((action, line.split()))
    return [_dnf_record(action, words) for action, words in rows]


def _dnf_record(action: str, words: list[str]) -> _Record:
    if len(words) < _DNF_NAME_AND_VERSION:
        raise unexpected("F:dnf_simulation", "name, architecture and version", " ".join(words))
    return {"action": action, "name": words[0], "old_version" if action == "remove" else "new_version": words[2]}


def parse_zypper_simulation(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `zypper --xmlout ... --dry-run` to `action`, `name`, `old_version` and `new_version`."""
    return rows_of(_zypper_records(output), columns)


def parse_zypper_state(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the same to one row: `changes`, and the names `new`, `newer` and `gone`."""
    return rows_of([_as_state(_zypper_records(output))], columns)


def _zypper_records(output: bytes) -> list[_Record]:
    summary = zypper_document(output, "F:zypper_simulation").find("install-summary")
    if summary is None:
        raise unexpected("F:zypper_simulation", "an install-summary", decode(output)[-200:])
    records: list[_Record] = []
    for section in summary:
        action = _ZYPPER_ACTIONS.get(section.tag)
        for solvable in section.iter("solvable") if action else ():
            edition = solvable.get("edition")
            old, new = (edition, None) if action == "remove" else (solvable.get("edition-old"), edition)
            records.append({"action": action, "name": solvable.get("name"), "old_version": old, "new_version": new})
    return records


def zypper_document(output: bytes, parser: str) -> Element:
    """Return the root of what `zypper --xmlout` writes. Raises `ParseError`, which names the parser that reads it."""
    # A document type could define entities that grow without bound; zypper writes none.
    if b"<!DOCTYPE" in output or b"<!ENTITY" in output:
        raise unexpected(parser, "XML without a document type", decode(output))
    try:
        return fromstring(output)  # noqa: S314 - no document type, so no entity can be defined
    except ParseError:
        raise unexpected(parser, "XML", decode(output)) from None


def parse_apk_simulation(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `apk --simulate` to `action`, `name`, `old_version` and `new_version`.

    >>> parse_apk_simulation(b"(1/1) Installing jq (1.7.1-r0)\nOK: 9 MiB in 16 packages\n", (Column("name"),))
    [{'name': 'jq'}]
    """
    return rows_of(_apk_records(output), columns)


def parse_apk_state(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the same to one row: `changes`, and the names `new`, `newer` and `gone`."""
    return rows_of([_as_state(_apk_records(output))], columns)


def _apk_records(output: bytes) -> list[_Record]:
    records: list[_Record] = []
    for line in lines_of(output):
        match = _APK_LINE.match(line)
        if match is None:
            if not _APK_REST.match(line):
                raise unexpected("F:apk_simulation", "(1/2) Installing NAME (VERSION)", line)
            continue
        action = _APK_ACTIONS[match["verb"]]
        old, arrow, new = match["versions"].partition(" -> ")
        if not arrow:
            old, new = (old, "") if action == "remove" else ("", old)
        records.append({"action": action, "name": match["name"], "old_version": old, "new_version": new})
    return records


def parse_pacman_installation(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `pacman -S --print` with name and version to `action` (install), `name` and `new_version`.

    pacman doesn't tell whether another version is there.

    >>> parse_pacman_installation(b"jq 1.7.1-2\n", (Column("action"), Column("name")))
    [{'action': 'install', 'name': 'jq'}]
    """
    return rows_of(_pacman_records(output, "install", "new_version"), columns)


def parse_pacman_installation_state(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the same to one row: `changes`, and the names `new`, `newer` and `gone`."""
    return rows_of([_as_state(_pacman_records(output, "install", "new_version"))], columns)


def parse_pacman_removal(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `pacman -R --print` with name and version to `action` (remove), `name` and `old_version`."""
    return rows_of(_pacman_records(output, "remove", "old_version"), columns)


def parse_pacman_removal_state(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the same to one row: `changes`, and the names `new`, `newer` and `gone`."""
    return rows_of([_as_state(_pacman_records(output, "remove", "old_version"))], columns)


def parse_pacman_upgrade(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `pacman -Su --print` with name and version to `action` (upgrade), `name` and `new_version`."""
    return rows_of(_pacman_records(output, "upgrade", "new_version"), columns)


def _pacman_records(output: bytes, action: str, version: str) -> list[_Record]:
    records: list[_Record] = []
    for line in lines_of(output):
        match = _PACMAN_TARGET.match(line)
        if match is not None:
            records.append({"action": action, "name": match["name"], version: match["version"]})
        elif line.strip() and not line.startswith(("::", " there is nothing to do")):
            raise unexpected("F:pacman_installation", "a name and a version", line)
    return records


def parse_apt_policy(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `apt-cache policy NAME...` to `name`, `installed` and `candidate` (None: no version)."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        key, colon, value = line.strip().partition(":")
        if line.endswith(":") and not line.startswith(" "):
            records.append({"name": line[:-1]})
        elif not records or (not colon and not line.startswith(("   ", " ***"))):
            raise unexpected("F:apt_policy", "a package and a colon", line)
        elif key in {"Installed", "Candidate"} and line.startswith("  ") and not line.startswith("   "):
            version = value.strip()
            records[-1][key.casefold()] = None if version == "(none)" else version
    return rows_of(records, columns)


def parse_name_and_summary(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `apt-cache search` (`NAME - SUMMARY`) to `name` and `summary`."""
    records: list[_Record] = []
    for line in lines_of(output):
        name, dash, summary = line.partition(" - ")
        if not dash or " " in name:
            raise unexpected("F:name_and_summary", "a name, a dash and a summary", line)
        records.append({"name": name, "summary": summary})
    return rows_of(records, columns)


def parse_dpkg_list(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `dpkg-query -W` with status, name, version, architecture and size in KiB between tabs.

    Rows are of what is installed; `size` becomes bytes.
    """
    records: list[_Record] = []
    for line in lines_of(output):
        fields = line.split("\t")
        if len(fields) != 5 or not re.fullmatch("[0-9]*", fields[4]):  # noqa: PLR2004 - the fields of the format
            raise unexpected("F:dpkg_list", "five fields between tabs", line)
        status, name, version, architecture, size_kib = fields
        if status.strip().endswith("i"):
            size = int(size_kib) * 1024 if size_kib else None  # not every package says it
            records.append({"name": name, "version": version, "architecture": architecture, "size": size})
    return rows_of(records, columns)


def parse_rpm_list(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `rpm -qa` with name, version, architecture and size in bytes between tabs."""
    records: list[_Record] = []
    for line in lines_of(output):
        fields = line.split("\t")
        if len(fields) != 4:  # noqa: PLR2004 - the fields of the format
            raise unexpected("F:rpm_list", "four fields between tabs", line)
        records.append(dict(zip(("name", "version", "architecture", "size"), fields, strict=True)))
    return rows_of(records, columns)
