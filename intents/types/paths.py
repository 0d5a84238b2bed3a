"""Values of the file system: path, mount point, glob, mode. All lexical: nothing is looked up on disk."""

import difflib
import posixpath
import re
from collections.abc import Sequence
from typing import ClassVar

from intents.errors import ValueRejected
from intents.types.base import Found, ValueContext
from intents.types.canonical import CanonicalType, Reading, ShapedType, plain_string
from intents.types.tokens import Token, quoted, unquoted, words
from intents.types.visible import excerpt
from intents.values import Json

MAX_PATH_BYTES = 4095
"""PATH_MAX without the NUL (limits.h)."""

_EXTENSIONS = frozenset(
    (
        "conf cfg cnf ini toml yaml yml json xml env log txt md csv tsv sql db sqlite sh bash py pl rb js ts go rs c h cpp"
        " html htm css php jar war tar gz tgz bz2 xz zst zip 7z iso img bin deb rpm apk pem crt cer key csr pub gpg asc"
        " bak old orig tmp swp pid sock lock list repo rules desktop pdf png jpg jpeg gif svg mp3 mp4 dump backup out err"
    ).split()
)
"""Endings by which a word without a slash is taken for a file; endings of domains and units are left out."""

_HERE = re.compile(
    r"(?<![\w./-])(?ai:(?:in )?here|(?:this|the current|current|the working) (?:folder|directory|dir))(?![\w/-])(?!\.\w)"
)
_RELATIVE = re.compile(r"[\w.@+][\w.@+%=~,-]*(?:/[\w.@+%=~,-]+)+/?|[\w.@+-]+/")
_NO_RELATIVE = re.compile(r"[0-9.:/]+|[0-9]+/(?:tcp|udp)|(?ai:and/or|tcp/udp|on/off|yes/no|either/or|n/a|read/write)")
_NAMED_FILE = re.compile(r"[\w.@+][\w.@+-]*\.(?P<extension>[A-Za-z0-9]{1,8})|\.[A-Za-z][\w.-]*")
_SURROGATE_PAIRS_ASIDE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


class Path(CanonicalType[str]):
    """A file or folder: "/etc/hosts", "~/x", "./x", "app.conf", "'my notes.txt'", "here".

    Canonical: absolute and normalised lexically (`..` is resolved as text, `//` and a trailing `/`
    go), no NUL; names that aren't UTF-8 are kept as surrogate escapes (PEP 383).
    """

    name: ClassVar[str] = "path"
    formats: ClassVar[tuple[str, ...]] = ("parent", "basename")

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return everything written like a path, and the words for the caller's folder."""
        in_quotes = [token for token in quoted(text) if _is_path_in_quotes(token.text)]
        covered = {place for token in in_quotes for place in range(token.start, token.end)}
        bare = [token for token in words(text) if _is_path_word(token.text) and token.start not in covered]
        here = [Token(match.start(), match.end(), match.group()) for match in _HERE.finditer(text)]
        return [
            found
            for token in sorted([*in_quotes, *bare, *here], key=lambda token: token.start)
            for found in self._found(token.start, token.end, token.text, context)
        ]

    def _read(self, text: str, context: ValueContext) -> Reading:
        said = unquoted(text)
        if not said:
            raise ValueRejected("A path can't be empty.", remedy='Write one such as "/etc/hosts".')
        if _HERE.fullmatch(said):
            return Reading(normalised(context.directory), "the current directory")
        if said == "~" or said.startswith("~/"):
            return Reading(normalised(posixpath.join(context.home, said[2:])), f"~ is {context.home}")
        if said.startswith("~"):
            raise ValueRejected(f"{excerpt(said)} names another account's home.", remedy="Write the path in full.")
        note = "taken literally: a path has no wildcards" if re.search("[*?]", said) else None
        if not said.startswith("/"):
            note = note or f"in {context.directory}"
        return Reading(normalised(posixpath.join(context.directory, said)), note)

    def _checked(self, value: Json) -> str:
        if not isinstance(value, str) or not value.startswith("/"):
            raise ValueRejected(f"{excerpt(value)} is not an absolute path.", remedy="Begin it with /.")
        if "\0" in value:
            raise ValueRejected("A NUL character can't be part of a path.", remedy="Remove it.")
        if _SURROGATE_PAIRS_ASIDE.search(value):
            raise ValueRejected(f"{excerpt(value)} can't be a file name.", remedy="Remove the lone surrogate.")
        if len(value.encode(errors="surrogateescape")) > MAX_PATH_BYTES:
            raise ValueRejected(f"{excerpt(value)} is too long.", remedy=f"Write at most {MAX_PATH_BYTES} bytes.")
        if normalised(value) != value:
            raise ValueRejected(f"{excerpt(value)} is not normalised.", remedy=f"Write {excerpt(normalised(value))}.")
        return value

    def _write(self, value: str, form: str | None) -> str:
        if form == "parent":
            return posixpath.dirname(value)
        if form != "basename":
            return value
        basename = posixpath.basename(value)
        if not basename or basename.startswith("-"):
            raise ValueRejected(
                f"The last part of {excerpt(value)} can't be an argument by itself.",
                remedy="Choose a path whose last part has a name that doesn't begin with `-`.",
            )
        return basename


def normalised(path: str) -> str:
    """Return an absolute path without `.`, `..`, doubled or trailing slashes.

    >>> normalised("//etc/./nginx/../hosts/")
    '/etc/hosts'
    """
    return posixpath.normpath(f"/{path.lstrip('/')}")


def _is_path_in_quotes(text: str) -> bool:
    return text.startswith(("/", "~/", "./", "../")) or _is_path_word(text) or _has_file_ending(text)


def _has_file_ending(text: str) -> bool:
    return "\n" not in text and text.rpartition(".")[2].lower() in _EXTENSIONS and "." in text


def _is_path_word(text: str) -> bool:
    if "://" in text or _NO_RELATIVE.fullmatch(text):
        return text.startswith("/")
    if text == "~" or text.startswith(("/", "~/", "./", "../")):
        return True
    if match := _NAMED_FILE.fullmatch(text):
        return match["extension"] is None or match["extension"].lower() in _EXTENSIONS
    return _RELATIVE.fullmatch(text) is not None


class Mount(Path):
    """A mount point. Canonical: as a path; where the target's mounts are known, one of them."""

    name: ClassVar[str] = "mount"

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return the paths that are mounted, or every absolute path where that isn't known."""
        return [
            found
            for found in super().find(text, context)
            if text[found.start : found.end].strip("'\"`").startswith("/")
        ]

    def _read(self, text: str, context: ValueContext) -> Reading:
        reading = super()._read(text, context)
        live = context.names.names("mount")
        if live and reading.value not in live:
            nearest = difflib.get_close_matches(str(reading.value), live, n=1, cutoff=0.0)
            raise ValueRejected(
                f"Nothing is mounted on {excerpt(str(reading.value))}.", remedy=f"Did you mean {excerpt(nearest[0])}?"
            )
        return reading

    def complete(self, prefix: str, context: ValueContext) -> Sequence[str]:
        """Return the target's mount points."""
        return tuple(name for name in context.names.names("mount") if name.startswith(prefix))


_KERNEL_DEVICE = re.compile(
    r"(?:[shv]d[a-z]{1,3}|xvd[a-z]{1,2})[0-9]{0,3}|(?:nvme[0-9]{1,3}n[0-9]{1,3}|mmcblk[0-9]{1,2}|nbd[0-9]{1,3})(?:p[0-9]{1,3})?"
    r"|(?:md|loop|zram|sr)[0-9]{1,3}(?:p[0-9]{1,3})?|dm-[0-9]{1,3}"
)


class Device(Path):
    """A block device: "/dev/sdb1", "sdb1", "/dev/data/www", "/dev/disk/by-id/...". Canonical: its path below /dev.

    Bare names are those that the kernel gives (its documentation, admin-guide/devices.txt, and
    Documentation/driver-api of nvme and mmc); others are written as paths.
    """

    name: ClassVar[str] = "device"

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return the paths below /dev and the names that the kernel gives to disks and partitions."""
        bare = [token for token in words(text, split_lists=True) if _KERNEL_DEVICE.fullmatch(token.text)]
        paths = [
            found for found in super().find(text, context) if text[found.start : found.end].strip("'\"`")[:5] == "/dev/"
        ]
        named = [found for token in bare for found in self._found(token.start, token.end, token.text, context)]
        return sorted([*paths, *named], key=lambda found: found.start)

    def _read(self, text: str, context: ValueContext) -> Reading:
        said = unquoted(text)
        if _KERNEL_DEVICE.fullmatch(said):
            return Reading(f"/dev/{said}")
        return super()._read(text, context)

    def _checked(self, value: Json) -> str:
        path = super()._checked(value)
        if not path.startswith("/dev/"):
            raise ValueRejected(f"{excerpt(path)} is not a device.", remedy='Write one such as "/dev/sdb1" or "sdb1".')
        return path


class Glob(CanonicalType[str]):
    """A pattern of file names as fnmatch(3) reads it: "*.log". Canonical: the pattern itself."""

    name: ClassVar[str] = "glob"
    may_start_with_dash: ClassVar[bool] = True

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return the words and quoted stretches with a wildcard; the question mark of a question is none."""
        in_quotes = [token for token in quoted(text) if re.search(r"[*?]|\[.+\]", token.text)]
        covered = {place for token in in_quotes for place in range(token.start, token.end)}
        bare = [
            token for token in words(text) if re.search(r"[*?]|\[[^\]]+\]", token.text) and token.start not in covered
        ]
        return [
            found
            for token in sorted([*in_quotes, *bare], key=lambda token: token.start)
            for found in self._found(token.start, token.end, token.text, context)
        ]

    def _read(self, text: str, context: ValueContext) -> Reading:  # noqa: ARG002 - needs no context
        return Reading(text)

    def _checked(self, value: Json) -> str:
        pattern = plain_string(value, "the pattern", MAX_PATH_BYTES)
        if not pattern.strip() or "\n" in pattern:
            raise ValueRejected(
                f"{excerpt(pattern)} is not a pattern of file names.", remedy='Write one such as "*.log".'
            )
        return pattern

    def _write(self, value: str, form: str | None) -> str:  # noqa: ARG002 - one form
        return value


_CANONICAL_MODE = re.compile(r"[0-7]{4}")


class Mode(ShapedType[str]):
    """Access rights in octal: "644", "0644". Canonical: four octal digits.

    Symbolic modes ("u+x") are not taken: what they lead to depends on the file, so a plan could not
    say it as a value to be verified.
    """

    name: ClassVar[str] = "mode"
    pattern: ClassVar[re.Pattern[str]] = re.compile(
        r"(?<![\w.,:/@+=-])(?:0?[0-7]{3}|(?:(?<=mode )|(?<=to ))[0-7]{4})(?![\w:/%+=-])(?!\.\w)"
    )

    def _read(self, text: str, context: ValueContext) -> Reading:  # noqa: ARG002 - needs no context
        said = text.strip()
        return Reading(f"0{said}" if re.fullmatch("[0-7]{3}", said) else said)

    def _checked(self, value: Json) -> str:
        if not isinstance(value, str) or not _CANONICAL_MODE.fullmatch(value):
            raise ValueRejected(f"{excerpt(value)} is not a mode.", remedy='Write it in octal, such as "0644".')
        return value

    def _write(self, value: str, form: str | None) -> str:  # noqa: ARG002 - one form
        return value
