"""Where packages come from and what changes: pending updates, repositories, held packages, the history."""

import re
from collections.abc import Callable, Iterator, Mapping
from xml.etree.ElementTree import Element

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.parsers.packages import zypper_document
from intents.values import Column, Json, Row

_Record = dict[str, Json]

_APT_UPGRADE = re.compile(r"Inst (?P<name>\S+) \[(?P<installed>[^\]]*)\] \((?P<available>\S+) (?P<origin>[^)\[]*)")
_APT_OTHER = re.compile(r"(?:Inst|Conf|Remv|Purg) ")
_DNF_UPDATE = re.compile(r"(?P<name>\S+)\.(?P<architecture>[a-z0-9_]+)\s+(?P<available>\S+)\s+(?P<origin>\S+)\Z")
_APK_UPDATE = re.compile(r"(?P<name>\S+?)-(?P<installed>[0-9][^\s-]*-r[0-9]+)\s+<\s+(?P<available>\S+)")
_PACMAN_UPDATE = re.compile(r"(?P<name>\S+) (?P<installed>\S+) -> (?P<available>\S+)(?: \[ignored\])?\Z")

_APT_ACTIONS: Mapping[str, str] = {
    verb.capitalize(): verb for verb in ("install", "reinstall", "upgrade", "downgrade", "remove", "purge")
}
_APT_ENTRY = re.compile(r"(?P<name>[^\s,(]+) \((?P<versions>[^)]*)\)(?:, |\Z)")
_PACMAN_LINE = re.compile(
    r"\[(?P<time>[^\]]+)\] \[ALPM\] (?P<verb>installed|upgraded|downgraded|removed|reinstalled) (?P<name>\S+) "
    r"\((?P<versions>[^)]*)\)\Z"
)
_PACMAN_VERBS: Mapping[str, str] = {
    "installed": "install",
    "upgraded": "upgrade",
    "downgraded": "downgrade",
    "removed": "remove",
    "reinstalled": "reinstall",
}
_NEVRA = re.compile(r"!?(?P<name>.+?)-(?:[0-9]+:)?[^-:]+-[^-]+\Z")


def parse_apt_upgradable(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the simulation of `apt-get dist-upgrade` to `name`, `installed`, `available`, `origin` and `security`.

    What would come new or go is no update of an installed package.
    """
    records: list[_Record] = []
    for line in lines_of(output):
        match = _APT_UPGRADE.match(line)
        if match is not None:
            origin = match["origin"].strip()
            records.append({**match.groupdict(), "origin": origin, "security": "security" in origin.casefold()})
        elif line and not _APT_OTHER.match(line):
            raise unexpected("F:apt_upgradable", "Inst, Conf or Remv", line)
    return rows_of(records, columns)


def parse_dnf_upgradable(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `dnf -q check-update` to `name`, `architecture`, `available` and `origin`; obsoleted packages are left out."""
    records: list[_Record] = []
    for line in lines_of(output):
        if line.startswith("Obsoleting"):
            break
        match = _DNF_UPDATE.match(line)
        if match is not None:
            records.append(dict(match.groupdict()))
        elif line and not line.startswith("Security: "):
            raise unexpected("F:dnf_upgradable", "a package, a version and a repository", line)
    return rows_of(records, columns)


def parse_zypper_upgradable(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `zypper --xmlout list-updates` to `name`, `installed`, `available`, `architecture` and `origin`."""
    records: list[_Record] = []
    for update in _document(output, "F:zypper_upgradable", "update"):
        source = update.find("source")
        records.append(
            {
                "name": update.get("name"),
                "installed": update.get("edition-old"),
                "available": update.get("edition"),
                "architecture": update.get("arch"),
                "origin": None if source is None else source.get("alias"),
            }
        )
    return rows_of(records, columns)


def parse_apk_upgradable(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `apk version -l "<"` to `name`, `installed` and `available`.

    >>> parse_apk_upgradable(b"Installed:    Available:\nmusl-1.2.4-r1  < 1.2.4-r2 \n", (Column("name"),))
    [{'name': 'musl'}]
    """
    lines = [line for line in lines_of(output) if not line.startswith("Installed:")]
    return rows_of(list(_matched(lines, _APK_UPDATE, "F:apk_upgradable")), columns)


def parse_pacman_upgradable(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `pacman -Qu` (`NAME OLD -> NEW`) to `name`, `installed` and `available`."""
    return rows_of(list(_matched(lines_of(output), _PACMAN_UPDATE, "F:pacman_upgradable")), columns)


def _matched(lines: list[str], form: re.Pattern[str], parser: str) -> Iterator[_Record]:
    for line in lines:
        match = form.match(line)
        if match is None:
            raise unexpected(parser, "a package and two versions", line)
        yield dict(match.groupdict())


def parse_apt_held(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `apt-mark showhold` to one row with the list `held`."""
    return _held("F:apt_held", lambda line: None if " " in line else line, output, columns)


def parse_dnf_held(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `dnf -q versionlock list` (`NAME-EPOCH:VERSION-RELEASE.*` per line; dnf5: `Package name: NAME`) to the list `held`."""
    return _held("F:dnf_held", _dnf_lock, output, columns)


def parse_zypper_held(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the table of `zypper locks` to one row with the list `held`."""
    return _held("F:zypper_held", _zypper_lock, output, columns)


def _held(parser: str, name_of: Callable[[str], str | None], output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """One row, always: no lock at all is an empty list. `name_of` returns "" for a line that is no lock."""
    held: list[Json] = []
    for line in lines_of(output):
        name = name_of(line) if line.strip() else ""
        if name is None:
            raise unexpected(parser, "a package that is held", line)
        if name and name not in held:
            held.append(name)
    return rows_of([{"held": held}], columns)


def _dnf_lock(line: str) -> str | None:
    if line.startswith("Package name: "):
        return line.removeprefix("Package name: ").strip()
    if re.match(r"#|[a-z]+ (?:[!<>=]+) |Added |Reason: |Last metadata", line):
        return ""
    match = _NEVRA.match(line)
    return None if match is None or line.startswith("!") else match["name"]


def _zypper_lock(line: str) -> str | None:
    cells = [cell.strip() for cell in line.split("|")]
    if len(cells) > 1:
        return cells[1] if cells[0].isdigit() else ""
    return "" if line.startswith(("There are no", "--", "Loading", "Reading")) else None


def parse_apt_repositories(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `apt-get indextargets` with site, release, component, trust and address between tabs, each repository once.

    The columns are `url`, `release`, `component` and `trusted` (whether its signature is known).
    """
    records: dict[str, _Record] = {}
    for line in lines_of(output):
        fields = line.split("\t")
        if len(fields) != 4:  # noqa: PLR2004 - the fields of the format
            raise unexpected("F:apt_repositories", "four fields between tabs", line)
        known = [None if field.startswith("$(") else field for field in fields]  # a flat repository has no components
        records.setdefault(line, dict(zip(("url", "release", "component", "trusted"), known, strict=True)))
    return rows_of(records.values(), columns)


def parse_dnf_repositories(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the table of `dnf -q repolist --all` to `name` (its id), `title` and `enabled`."""
    records: list[_Record] = []
    for line in lines_of(output):
        cells = re.split(r"\s{2,}", line.strip())
        if cells[0] == "repo id" or not line.strip():
            continue
        words = line.split()
        if words[-1] not in {"enabled", "disabled"}:
            raise unexpected("F:dnf_repositories", "a repository that is enabled or disabled", line)
        records.append({"name": words[0], "title": " ".join(words[1:-1]), "enabled": words[-1] == "enabled"})
    return rows_of(records, columns)


def parse_zypper_repositories(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `zypper --xmlout repos` to `name` (its alias), `title`, `url`, `enabled` and `trusted` (signatures are checked)."""
    records: list[_Record] = [
        {
            "name": repository.get("alias"),
            "title": repository.get("name"),
            "url": repository.findtext("url"),
            "enabled": repository.get("enabled"),
            "trusted": repository.get("gpgcheck"),
        }
        for repository in _document(output, "F:zypper_repositories", "repo")
    ]
    return rows_of(records, columns)


def parse_apk_repositories(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read /etc/apk/repositories to `url`, `name` (its tag) and `enabled`; a commented address is one that is off.

    >>> parse_apk_repositories(b"https://a/main\n#https://a/testing\n", (Column("url"), Column("enabled", "boolean")))
    [{'url': 'https://a/main', 'enabled': True}, {'url': 'https://a/testing', 'enabled': False}]
    """
    records: list[_Record] = []
    for line in lines_of(output):
        text = line.strip()
        enabled = not text.startswith("#")
        tag, _, rest = text.lstrip("# ").partition(" ") if text.lstrip("# ").startswith("@") else ("", "", text)
        url = rest.lstrip("# ").strip()
        if re.match(r"(?:https?|ftp|file)://\S+\Z|/\S+\Z", url):
            records.append({"url": url, "name": tag.removeprefix("@") or None, "enabled": enabled})
        elif text and enabled:
            raise unexpected("F:apk_repositories", "the address of a repository", line)
    return rows_of(records, columns)


def parse_apt_history(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read /var/log/apt/history.log to a row per package: `time`, `action`, `name`, `old_version`, `new_version`, `command`.

    A file's times are those of the host's clock, without a zone.
    """
    records: list[_Record] = []
    block: dict[str, str] = {}
    for line in [*lines_of(output), ""]:
        key, colon, value = line.partition(": ")
        if not line.strip():
            records += _apt_transaction(block)
            block = {}
        elif colon:
            block[key] = value
        elif not line.endswith(":"):
            raise unexpected("F:apt_history", "a key, a colon and a value", line)
    return rows_of(records, columns)


def _apt_transaction(block: Mapping[str, str]) -> Iterator[_Record]:
    time = " ".join(block.get("Start-Date", "").split()) or None
    for key, action in _APT_ACTIONS.items():
        for entry in _APT_ENTRY.finditer(block.get(key, "")):
            versions = [one for one in entry["versions"].split(", ") if one != "automatic"]
            old, new = _old_and_new(action, versions)
            name = entry["name"].partition(":")[0]
            change: _Record = {"action": action, "name": name, "old_version": old, "new_version": new}
            yield {"time": time, **change, "command": block.get("Commandline")}


def _old_and_new(action: str, versions: list[str]) -> tuple[str | None, str | None]:
    """Two versions are the old and the new one; a single one is what went or what came."""
    if len(versions) > 1:
        return versions[0], versions[1]
    single = versions[0] if versions else None
    return (single, None) if action in {"remove", "purge"} else (None, single)


def parse_dnf_history(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the table of `dnf -q history list` to `id`, `command`, `time`, `action` and `packages` (how many)."""
    records: list[_Record] = []
    for line in lines_of(output):
        cells = [cell.strip() for cell in line.split(" | ")]
        if line.startswith("---") or cells[0].startswith("ID"):
            continue
        if len(cells) < 5 or not cells[0].isdigit():  # noqa: PLR2004 - the columns of the table
            raise unexpected("F:dnf_history", "an id and four cells", line)
        number = re.match(r"[0-9]*", cells[-1])
        record: _Record = {"id": cells[0], "command": " | ".join(cells[1:-3]), "time": cells[-3], "action": cells[-2]}
        records.append({**record, "packages": number[0] if number else None})
    return rows_of(records, columns)


def parse_zypper_history(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read /var/log/zypp/history to a row per package that was installed or removed: `time`, `action`, `name`, `new_version`, `old_version`."""
    records: list[_Record] = []
    for line in lines_of(output):
        if not line or line.startswith("#"):
            continue
        fields = line.split("|")
        if len(fields) < 3:  # noqa: PLR2004 - a time, what was done, and to what
            raise unexpected("F:zypper_history", "fields between bars", line)
        action = fields[1].strip()
        if action in {"install", "remove"} and len(fields) > 3:  # noqa: PLR2004 - and its version
            old, new = _old_and_new(action, [fields[3]])
            records.append(
                {"time": fields[0], "action": action, "name": fields[2], "old_version": old, "new_version": new}
            )
    return rows_of(records, columns)


def parse_pacman_history(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read /var/log/pacman.log to a row per package: `time`, `action`, `name`, `old_version` and `new_version`."""
    records: list[_Record] = []
    for line in lines_of(output):
        match = _PACMAN_LINE.match(line)
        if match is None:
            continue  # what scripts and warnings wrote, in any form
        action = _PACMAN_VERBS[match["verb"]]
        old, new = _old_and_new(action, match["versions"].split(" -> "))
        change: _Record = {"action": action, "name": match["name"], "old_version": old, "new_version": new}
        records.append({"time": re.sub(r"([+-][0-9]{2})([0-9]{2})\Z", r"\1:\2", match["time"]), **change})
    if output.strip() and not any(line.startswith("[") for line in lines_of(output)):
        raise unexpected("F:pacman_history", "a time in brackets", lines_of(output)[0])
    return rows_of(records, columns)


def _document(output: bytes, parser: str, element: str) -> list[Element]:
    """Return the elements of this name; none of an output that is empty."""
    return list(zypper_document(output, parser).iter(element)) if output.strip() else []
