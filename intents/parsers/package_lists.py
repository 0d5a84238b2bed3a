"""What package managers say of what can be had and what a package is: searches, downloads, descriptions."""

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, ParseError, fromstring

from intents.parsers.conversion import decode, lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

_Record = Mapping[str, Json]

_APK_NAME = re.compile(r"(?P<name>\S+?)-(?P<version>[0-9][^-\s]*-r[0-9]+)\Z")
_PRINTED_URI = re.compile(r"'(?P<url>[^']*)' (?P<file>\S+) (?P<size>[0-9]+)(?: \S*)?\Z")
_FIELD = re.compile(r"(?P<key>[A-Z][A-Za-z -]*?)\s*:(?: (?P<value>.*))?\Z")
_FIELDS: Mapping[str, str] = {
    "Package": "name", "Name": "name", "Version": "version", "Description": "summary", "Description-en": "summary",
    "Summary": "summary", "Homepage": "homepage", "URL": "homepage", "Section": "section", "Group": "section",
    "License": "license", "Licenses": "license",
}  # fmt: skip
_DNF_FOUND = re.compile(r"(?P<name>\S+)\.[^.\s]+ : (?P<summary>.*)\Z")
_APK_FOUND = re.compile(r"(?P<name>\S+?)-[0-9][^-\s]*-r[0-9]+ - (?P<summary>.*)\Z")
_PACMAN_FOUND = re.compile(r"[^\s/]+/(?P<name>\S+) (?P<version>\S+)")
_PACMAN_NAME = re.compile(r"(?P<name>[^\s:]\S*) (?P<version>[0-9]\S*)\Z")


def parse_apt_uris(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `apt-get --print-uris` to `name` (of the package), `size` in bytes and `url`."""
    records: list[_Record] = [
        {"name": str(match["file"]).partition("_")[0], "size": match["size"], "url": match["url"]}
        for match in _matches("F:apt_uris", output, _PRINTED_URI)
    ]
    return rows_of(records, columns)


def parse_package_description(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `apt-cache show`, `dnf info`, `zypper info` or `pacman -Si` to `name`, `version`, `summary` and `homepage`.

    `summary` is the one line, not the text below it. Of several versions the first is told.
    """
    record: dict[str, Json] = {}
    for line in lines_of(output):
        match = _FIELD.match(line)
        if match is not None and match["key"] in _FIELDS:
            value = (match["value"] or "").strip()
            record.setdefault(_FIELDS[match["key"]], value or None)
    if output.strip() and "name" not in record:
        raise unexpected("F:package_description", "a field `Package` or `Name`", decode(output))
    return rows_of([record] if record else [], columns)


def parse_dnf_search(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `dnf -q search` to one row per `name` with its `summary`; its headings say only where a match was.

    >>> parse_dnf_search(b"==== Name Matched: jq ====\njq.x86_64 : JSON processor\n", (Column("name"), Column("summary")))
    [{'name': 'jq', 'summary': 'JSON processor'}]
    """
    found: dict[str, _Record] = {}
    for match in _matches("F:dnf_search", output, _DNF_FOUND, ignored=r"=+ .* =+\Z|No matches found|\Z"):
        found.setdefault(str(match["name"]), match)
    return rows_of(found.values(), columns)


def parse_zypper_search(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `zypper --xmlout search` to one row per package: `name` and `summary`."""
    document = zypper_document(output, "F:zypper_search")
    records: list[_Record] = [
        {"name": one.get("name"), "summary": one.get("summary")}
        for one in (document.iter("solvable") if document is not None else ())
        if one.get("kind") == "package"
    ]
    return rows_of(records, columns)


def zypper_document(output: bytes, parser: str) -> Element | None:
    """Return what `zypper --xmlout` wrote, None for nothing. Raises `ParseError`."""
    if not output.strip():
        return None
    # A document type could define entities that grow without bound; zypper writes none.
    if b"<!DOCTYPE" in output or b"<!ENTITY" in output:
        raise unexpected(parser, "XML without a document type", decode(output))
    try:
        return fromstring(output)  # noqa: S314 - no document type, so no entity can be defined
    except ParseError:
        raise unexpected(parser, "XML", decode(output)) from None


def parse_apk_search(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `apk search -v` to `name` and `summary`.

    >>> parse_apk_search(b"jq-1.7.1-r0 - A JSON processor\n", (Column("name"), Column("summary")))
    [{'name': 'jq', 'summary': 'A JSON processor'}]
    """
    return rows_of(_matches("F:apk_search", output, _APK_FOUND), columns)


def parse_apk_list(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `apk info -v` to `name` and `version`.

    >>> parse_apk_list(b"alpine-baselayout-3.6.5-r0\n", (Column("name"), Column("version")))
    [{'name': 'alpine-baselayout', 'version': '3.6.5-r0'}]
    """
    return rows_of(_matches("F:apk_list", output, _APK_NAME, ignored="WARNING: "), columns)


def parse_pacman_search(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `pacman -Ss` (a line with the name, one with the summary) to `name` and `summary`.

    >>> parse_pacman_search(b"extra/jq 1.7-1 [installed]\n    JSON processor\n", (Column("name"), Column("summary")))
    [{'name': 'jq', 'summary': 'JSON processor'}]
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = _PACMAN_FOUND.match(line)
        if match is not None:
            records.append({"name": match["name"]})
        elif line.startswith("    ") and records:
            records[-1]["summary"] = line.strip()
        else:
            raise unexpected("F:pacman_search", "a repository, a slash and a package", line)
    return rows_of(records, columns)


def parse_pacman_list(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `pacman -Q` to `name` and `version`.

    >>> parse_pacman_list(b"jq 1.7.1-2\n", (Column("name"), Column("version")))
    [{'name': 'jq', 'version': '1.7.1-2'}]
    """
    return rows_of(_matches("F:pacman_list", output, _PACMAN_NAME), columns)


def _matches(parser: str, output: bytes, pattern: re.Pattern[str], ignored: str = r"\Z") -> list[_Record]:
    """Return the groups of each line; a line of another form, unless it is one to ignore, is an error."""
    records: list[_Record] = []
    for line in lines_of(output):
        match = pattern.match(line)
        if match is not None:
            records.append(match.groupdict())
        elif not re.match(ignored, line):
            raise unexpected(parser, "lines of another form", line)
    return records


_Versions = dict[str, dict[str, Json]]
_DNF_CELLS = 3
"""Name with architecture, version, repository."""


def parse_dnf_versions(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `dnf -q list` to `name`, `installed` and `candidate`; dnf breaks a row over two lines where it is long.

    >>> parse_dnf_versions(b"Available Packages\njq.x86_64   1.6-1   base\n", (Column("name"), Column("candidate")))
    [{'name': 'jq', 'candidate': '1.6-1'}]
    """
    section, words = "", list[str]()
    found: _Versions = {}
    for line in lines_of(output):
        if line.endswith(" Packages"):
            section, words = line, []
            continue
        if not line.startswith(" "):
            words = []
        words += line.split()
        if not section or len(words) > _DNF_CELLS:
            raise unexpected("F:dnf_versions", "Installed Packages or Available Packages", line)
        if len(words) == _DNF_CELLS:
            record = found.setdefault(words[0].rpartition(".")[0], {})
            if section.startswith("Installed"):
                record["installed"] = words[1]
            record["candidate"] = words[1]
    return _named(found, columns)


def parse_zypper_versions(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `zypper --xmlout search --details` to `name`, `installed` and `candidate`, the newest, which comes first."""
    document = zypper_document(output, "F:zypper_versions")
    found: _Versions = {}
    for one in document.iter("solvable") if document is not None else ():
        record = found.setdefault(one.get("name", ""), {})
        record.setdefault("candidate", one.get("edition"))
        if one.get("status") == "installed":
            record.setdefault("installed", one.get("edition"))
    return _named(found, columns)


def parse_apk_policy(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `apk policy` to `name`, `installed` and `candidate`; the newest version comes last.

    >>> parse_apk_policy(b"jq policy:\n  1.7-r0:\n    lib/apk/db/installed\n", (Column("name"), Column("installed")))
    [{'name': 'jq', 'installed': '1.7-r0'}]
    """
    found: _Versions = {}
    record: dict[str, Json] | None = None
    for line in lines_of(output):
        if line.endswith(" policy:"):
            record = found.setdefault(line.removesuffix(" policy:"), {})
        elif record is None:
            raise unexpected("F:apk_policy", "a package and `policy:`", line)
        elif re.fullmatch(r"  \S+:", line):
            record["candidate"] = line.strip().removesuffix(":")
        elif line.strip() == "lib/apk/db/installed":
            record["installed"] = record.get("candidate")
    return _named(found, columns)


def _named(found: _Versions, columns: tuple[Column, ...]) -> list[Row]:
    return rows_of([{"name": name, **versions} for name, versions in found.items()], columns)
