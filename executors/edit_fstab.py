"""Entries of fstab(5): what is mounted where, one entry on a line of six fields."""

import re
from collections.abc import Iterator

from executors.edit_lines import line_end, refuse_line_break, split_lines, with_line_end
from intents.errors import ValueRejected

_NEEDED = frozenset({b"/", b"/boot", b"/boot/efi", b"/usr", b"/etc", b"/var", b"none", b"swap"})
"""Mount points without which the machine may not start."""

_ESCAPES = {b" ": rb"\040", b"\t": rb"\011", b"\\": rb"\134"}
"""fstab(5): how blanks are written inside a field."""


def add_mount(
    before: bytes, source: bytes, mount: bytes, *, kind: bytes = b"auto", options: bytes = b"defaults"
) -> bytes:
    r"""Return the content with an entry that mounts `source` at the directory `mount`.

    Dump and check order are 0. A mount point that has another entry is refused: two would be mounted
    over each other.

    >>> add_mount(b"# disks\n", b"/dev/sdb1", b"/srv/my data", kind=b"ext4")
    b'# disks\n/dev/sdb1\t/srv/my\\040data\text4\tdefaults\t0\t0\n'
    """
    for text, what in ((source, "source"), (mount, "mount point"), (kind, "type"), (options, "options")):
        refuse_line_break(text, what)
        if not text or text.startswith(b"#"):
            raise ValueRejected(f"The {what} can't be written into fstab.", remedy="Give it in full.")
    if not mount.startswith(b"/"):
        raise ValueRejected("A mount point is an absolute path.", remedy="Write it from / on.")
    if re.search(rb"[\s#]", kind + options):
        raise ValueRejected("Type and options have no blanks.", remedy="Separate options by commas.")
    fields = [_escaped(source), _escaped(mount), kind, options]
    for _, entry in _entries(before):
        if _same_mount(entry[1], fields[1]):
            if entry[:4] == fields:
                return before
            raise ValueRejected("The mount point has another entry in fstab.", remedy="Remove that entry first.")
    return with_line_end(before) + b"\t".join([*fields, b"0", b"0"]) + line_end(before)


def remove_mount(before: bytes, mount: bytes) -> bytes:
    r"""Return the content without the entries of the mount point `mount`.

    >>> remove_mount(b"/dev/sda1 / ext4 defaults 0 1\n/dev/sdb1 /srv ext4 defaults 0 0\n", b"/srv")
    b'/dev/sda1 / ext4 defaults 0 1\n'
    """
    refuse_line_break(mount, "mount point")
    if (mount.rstrip(b"/") or b"/") in _NEEDED:
        raise ValueRejected(
            "The machine may not start without this entry.", remedy="Edit it by hand, with a console at hand."
        )
    wanted = _escaped(mount)
    lines = split_lines(before)
    for index, entry in _entries(before):
        if _same_mount(entry[1], wanted):
            lines[index] = b""
    return b"".join(lines)


def _escaped(field: bytes) -> bytes:
    return re.sub(rb"[ \t\\]", lambda match: _ESCAPES[match[0]], field)


def _same_mount(left: bytes, right: bytes) -> bool:
    return (left.rstrip(b"/") or b"/") == (right.rstrip(b"/") or b"/")


def _entries(content: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Yield (index of the line, its fields) of every entry with at least the four fields that it must have."""
    for index, line in enumerate(split_lines(content)):
        fields = line.split()
        if len(fields) > 3 and not fields[0].startswith(b"#"):  # noqa: PLR2004 - fstab(5): source, mount, type, options
            yield index, fields
