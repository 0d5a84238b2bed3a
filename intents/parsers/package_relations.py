"""What package managers know of installed packages: whose a file is, what is in one, who needs whom, what was altered."""

import posixpath
import re
from collections.abc import Iterable, Mapping

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

_DIVERSION = re.compile(r"diversion by \S+ (?:from|to): |local diversion (?:from|to): ")
_OWNED = re.compile(r".* is owned by (?P<package>\S+)(?: (?P<version>\S+))?\Z")
_APK_NAME = re.compile(r"(?P<name>.+?)-(?P<version>[0-9][^-]*-r[0-9]+)\Z")
_APK_HEADING = re.compile(r"\S+ (?:contains|depends on|is required by):\Z")
_DEPENDS = re.compile(r"( [ |])(?P<kind>[A-Z][A-Za-z-]+): (?P<name>\S+)\Z")
_VERIFIED = re.compile(r"(?P<flags>[SM5DLUGTPC?.]{9,11}|missing) +(?:(?P<attribute>[cdglr]) )?\s*(?P<path>/.*)\Z")
_NO_PACKAGE = re.compile(r"no package (?:requires|provides) ")

_ALTERED: Mapping[str, str] = {
    "S": "size",
    "M": "mode",
    "5": "content",
    "D": "device",
    "L": "link",
    "U": "owner",
    "G": "group",
    "T": "time",
    "P": "capabilities",
}
"""The letters of rpm(8) --verify; dpkg(1) writes the same form and checks the content only."""
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Directories of / that are links to those of /usr (usrmerge)."""


def parse_dpkg_owner(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    r"""Read `dpkg-query -S "*/NAME"` to a row per `package` that has the file of the option `path`, and its `path`.

    The option `path` is the whole path. /bin/ls and /usr/bin/ls are the same file, of which dpkg 1.21 knows
    only the one that the package was built with; so both are looked for.

    >>> said = b"coreutils: /bin/ls\nother: /opt/ls\n"
    >>> parse_dpkg_owner(said, (Column("package"),), {"path": "/usr/bin/ls"})
    [{'package': 'coreutils'}]
    """
    wanted = _unmerged(options.get("path", ""))
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        if _DIVERSION.match(line):
            continue
        packages, colon, path = line.partition(": ")
        if not colon or not path.startswith("/"):
            raise unexpected("F:dpkg_owner", "packages, a colon and a path", line)
        if _unmerged(path) == wanted:
            records += [{"package": name.partition(":")[0], "path": path} for name in packages.split(", ")]
    return rows_of(records, columns)


def _unmerged(path: str) -> str:
    """The path below / where /usr/bin and its like are the same directory as /bin."""
    normal = posixpath.normpath(path)
    first = normal.removeprefix("/usr/").partition("/")[0]
    return normal.removeprefix("/usr") if normal.startswith("/usr/") and first in _MERGED else normal


def parse_rpm_owner(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `rpm -q -f` with name, version and a tab between them to `package` and `version`; nothing for a file of nobody's."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        name, tab, version = line.partition("\t")
        if tab:
            records.append({"package": name, "version": version})
        elif not line.endswith("is not owned by any package"):
            raise unexpected("F:rpm_owner", "a name and a version between tabs", line)
    return rows_of(records, columns)


def parse_owned_by(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `apk info --who-owns` or `pacman -Qo` (`PATH is owned by NAME VERSION`) to `package` and `version`."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = _OWNED.match(line)
        if match is None:
            raise unexpected("F:owned_by", "is owned by", line)
        apk = _APK_NAME.match(match["package"]) if match["version"] is None else None
        name, version = (apk["name"], apk["version"]) if apk else (match["package"], match["version"])
        records.append({"package": name, "version": version})
    return rows_of(records, columns)


def parse_package_files(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read a package's list of files (`dpkg-query -L`, `rpm -ql`, `apk info -L`, `pacman -Qlq`) to `path`.

    apk writes a heading and paths without the first slash; dpkg's `/.` and its words on diversions are no files.
    """
    lines = [line for line in lines_of(output) if line]
    is_apk = bool(lines) and _APK_HEADING.match(lines[0]) is not None
    paths = [f"/{line}" for line in lines[1:]] if is_apk else [line for line in lines if line.startswith("/")]
    if lines and not paths and not is_apk and lines != ["(contains no files)"]:
        raise unexpected("F:package_files", "a path", lines[0])
    return rows_of([{"path": path} for path in paths if path != "/."], columns)


def parse_package_verify(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `dpkg --verify` or `rpm -V` to a row per altered file: `path`, `altered` (a list of words), `configuration`."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = _VERIFIED.match(line)
        if match is None:
            if line.startswith("Unsatisfied dependencies"):
                continue
            raise unexpected("F:package_verify", "nine signs and a path", line)
        flags = match["flags"]
        words = ["missing"] if flags == "missing" else [word for sign, word in _ALTERED.items() if sign in flags]
        records.append({"path": match["path"], "altered": words, "configuration": match["attribute"] == "c"})
    return rows_of(records, columns)


def parse_apt_depends(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `apt-cache depends` to a row per relation: `kind` ("Depends"), `name`, and `alternative` (one of several is enough).

    A name in angle brackets is a virtual package; those that provide one stand below it, indented, and are no row.
    """
    records: list[dict[str, Json]] = []
    open_alternative = False
    for line in lines_of(output):
        match = _DEPENDS.match(line)
        if match is None:
            if line.startswith("    ") or not line.startswith(" "):
                continue
            raise unexpected("F:apt_depends", "a kind of relation and a package", line)
        has_more = line[1] == "|"
        alternative = has_more or open_alternative
        open_alternative = has_more
        records.append({"kind": match["kind"], "name": match["name"].strip("<>"), "alternative": alternative})
    return rows_of(records, columns)


def parse_apt_rdepends(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `apt-cache rdepends` to one row per `name` of a package, each once."""
    lines = lines_of(output)
    if lines and (len(lines) < 2 or lines[1] != "Reverse Depends:"):  # noqa: PLR2004 - the package and the heading
        raise unexpected("F:apt_rdepends", "Reverse Depends:", lines[-1])
    return _names((line.strip().removeprefix("|") for line in lines[2:]), columns)


def parse_needed_names(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `rpm -q -R`, `rpm -q --whatrequires` or `apk info -R` and `-r` (with a heading) to one row per `name`, each once."""
    lines = [line for line in lines_of(output) if line and not _NO_PACKAGE.match(line)]
    is_apk = bool(lines) and _APK_HEADING.match(lines[0]) is not None
    if any(line.startswith((" ", "ERROR", "error")) for line in lines):
        raise unexpected("F:needed_names", "one name per line", lines[0])
    return _names(lines[1:] if is_apk else lines, columns)


def _names(names: Iterable[str], columns: tuple[Column, ...]) -> list[Row]:
    return rows_of([{"name": name} for name in dict.fromkeys(names)], columns)
