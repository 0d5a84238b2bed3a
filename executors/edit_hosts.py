"""Entries of hosts(5): an address and the names that it has, one entry on a line."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from executors.edit_lines import line_end, refuse_line_break, split_lines, with_line_end
from intents.errors import ValueRejected

_NAME = re.compile(rb"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
"""hosts(5): names hold letters, digits, "-" and "."; the underscore is met in practice."""

_OWN_NAMES = frozenset({b"localhost", b"localhost.localdomain", b"ip6-localhost", b"ip6-loopback"})
"""What programs expect of every machine."""


@dataclass(frozen=True, slots=True)
class _Entry:
    index: int
    address: bytes
    names: tuple[bytes, ...]


def add_host(before: bytes, address: bytes, name: bytes) -> bytes:
    r"""Return the content in which `name` stands for `address`.

    The first entry of a name wins (hosts(5)), so a name that stands for another address of the same
    family is refused rather than added where it would have no effect.

    >>> add_host(b"127.0.0.1 localhost\n", b"10.0.0.5", b"db1")
    b'127.0.0.1 localhost\n10.0.0.5\tdb1\n'
    """
    wanted = _address(address)
    if not _NAME.fullmatch(name):
        raise ValueRejected("This is not the name of a host.", remedy="Give a name of letters, digits, `-` and `.`.")
    for entry in _entries(before):
        if name.lower() not in {one.lower() for one in entry.names}:
            continue
        found = _address_or_none(entry.address)
        if found == wanted:
            return before
        if found is not None and found.version == wanted.version:
            shown = entry.address.decode("ascii", "backslashreplace")
            raise ValueRejected(f"The name stands for {shown} already.", remedy="Remove that entry first.")
    return with_line_end(before) + address + b"\t" + name + line_end(before)


def remove_host(before: bytes, name: bytes) -> bytes:
    r"""Return the content without `name`; a line that has no other name goes whole.

    >>> remove_host(b"10.0.0.5 db1 db\n10.0.0.6 web # old\n", b"db")
    b'10.0.0.5 db1\n10.0.0.6 web # old\n'
    """
    refuse_line_break(name, "name")
    if name.lower() in _OWN_NAMES:
        raise ValueRejected("Programs rely on this name of the machine itself.", remedy="Name another host.")
    lines = split_lines(before)
    for entry in _entries(before):
        if name.lower() in {one.lower() for one in entry.names}:
            is_only = all(one.lower() == name.lower() for one in entry.names)
            lines[entry.index] = b"" if is_only else _without(lines[entry.index], name)
    return b"".join(lines)


def _without(line: bytes, name: bytes) -> bytes:
    text, mark, comment = line.partition(b"#")
    return re.sub(rb"[ \t]+" + re.escape(name) + rb"(?=[ \t\r\n]|\Z)", b"", text, flags=re.IGNORECASE) + mark + comment


def _entries(content: bytes) -> Iterator[_Entry]:
    for index, line in enumerate(split_lines(content)):
        words = line.partition(b"#")[0].split()
        if len(words) > 1:
            yield _Entry(index, words[0], tuple(words[1:]))


def _address(text: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    found = _address_or_none(text)
    if found is None:
        raise ValueRejected("This is not an IP address.", remedy="Write it like 10.0.0.5 or 2001:db8::5.")
    return found


def _address_or_none(text: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.decode("ascii"))
    except ValueError:
        return None
