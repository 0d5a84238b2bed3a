"""Access lists and attributes of files: what getfacl and lsattr write."""

import re
from collections.abc import Iterator, Mapping

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

_ENTRY = re.compile(r"(?P<default>default:)?(?P<kind>user|group|mask|other):(?P<name>.*):(?P<rights>[-r][-w][-x])\Z")

RIGHTS: Mapping[str, str] = {
    "r--": "read", "rw-": "read-write", "r-x": "read-execute", "rwx": "full",
    "-w-": "write", "--x": "execute", "-wx": "write-execute", "---": "nothing",
}  # fmt: skip
"""The letters of an entry -> the words of the packs, which are what undo gives back."""

_ATTRIBUTES: Mapping[str, str] = {"immutable": "i", "append-only": "a"}


def _entries(output: bytes) -> Iterator[re.Match[str]]:
    """Yield the entries of `getfacl --omit-header`; the comment on a line (`#effective:`) is left out."""
    for line in lines_of(output):
        text = re.split(r"\s+#", line)[0].strip()
        if not text:
            continue
        match = _ENTRY.match(text)
        if match is None:
            raise unexpected("F:acl", "an entry of an access list", line)
        yield match


def parse_acl(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `getfacl --omit-header` to `kind` (user, group, mask, other), `name`, `rights` and `is_default`.

    An entry without a name is that of the owner or the owning group.

    >>> parse_acl(b"user::rw-\nuser:bob:r--\n", (Column("name"), Column("rights")))
    [{'name': '', 'rights': 'rw-'}, {'name': 'bob', 'rights': 'r--'}]
    """
    return rows_of([{**one.groupdict(), "is_default": one["default"] is not None} for one in _entries(output)], columns)


def parse_acl_entry(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    r"""Read the entry of one `user` or `group` to `rights` (a word of `RIGHTS`), `none` where it has no entry.

    >>> parse_acl_entry(b"user:bob:r--\n", (Column("rights"),), {"user": "bob"})
    [{'rights': 'read'}]
    """
    kind = "user" if "user" in options else "group"
    found = [
        RIGHTS[one["rights"]]
        for one in _entries(output)
        if one["default"] is None and one["kind"] == kind and one["name"] == options[kind]
    ]
    return rows_of([{"rights": found[0] if found else "none"}], columns)


def _attributes(output: bytes) -> Iterator[tuple[str, str]]:
    for line in lines_of(output):
        letters, blank, path = line.partition(" ")
        if not blank or not re.fullmatch(r"[-A-Za-z]+", letters):
            raise unexpected("F:attributes", "attribute letters and a path", line)
        yield letters, path


def parse_attributes(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `lsattr -d` to `path`, `letters` as set, `immutable` and `append_only` (chattr(1), e2fsprogs 1.47).

    >>> parse_attributes(b"----i---------e------- /a\n", (Column("letters"), Column("immutable", "boolean")))
    [{'letters': 'ie', 'immutable': True}]
    """
    return rows_of(
        [
            {
                "path": path,
                "letters": letters.replace("-", ""),
                **{name.replace("-", "_"): letter in letters for name, letter in _ATTRIBUTES.items()},
            }
            for letters, path in _attributes(output)
        ],
        columns,
    )


def parse_attribute(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    """Read whether the one `attribute` (immutable or append-only) is set to `is_set` and `path`."""
    letter = _ATTRIBUTES[options.get("attribute", "immutable")]
    records: list[dict[str, Json]] = [
        {"is_set": letter in letters, "path": path} for letters, path in _attributes(output)
    ]
    return rows_of(records, columns)
