"""Directives of sshd_config(5): the first value of a keyword wins, and holds for all before the first `Match`."""

import re

from executors.edit_lines import split_lines
from executors.edit_values import set_value
from intents.errors import ValueRejected

_NOT_SET = frozenset({b"match", b"include", b"host", b"subsystem"})
"""Keywords that open a block, read another file, or have two parts."""

_ADDING_UP = frozenset(
    b"port listenaddress hostkey hostcertificate acceptenv setenv allowusers allowgroups denyusers denygroups".split()
)
"""Keywords whose lines add up instead of the first one winning."""


def set_directive(before: bytes, directive: bytes, value: bytes) -> bytes:
    r"""Return the content in which sshd's `directive` has `value` for everybody.

    The first line of it outside of `Match` blocks gets the value; else the line comes after the commented
    default, else at the end of the part before the first `Match`. Values in `Match` blocks stay, and so do
    the files of an `Include`: `overruled_by` says whether one could win.

    >>> set_directive(b"#PermitRootLogin yes\nMatch User git\n  X11Forwarding no\n", b"PermitRootLogin", b"no")
    b'#PermitRootLogin yes\nPermitRootLogin no\nMatch User git\n  X11Forwarding no\n'

    Raises `ValueRejected` for a keyword that is no single setting, or that stands on several lines that add up.
    """
    name = directive.lower()
    if not re.fullmatch(rb"[A-Za-z0-9]+", directive) or name in _NOT_SET:
        raise ValueRejected("This is not a setting with one value.", remedy="Edit the file's lines instead.")
    if not value.strip():
        raise ValueRejected("sshd's settings have a value.", remedy="Give the value.")
    if name in _ADDING_UP and len(_lines_of(before, name)) > 1:
        raise ValueRejected(
            "This setting stands on several lines, which add up.", remedy="Edit the line that is meant instead."
        )
    return set_value(before, directive, value, default_separator=b" ")


def overruled_by(content: bytes, directive: bytes) -> str:
    r"""Return in words what in the file could overrule the directive's value; empty where nothing can.

    >>> overruled_by(b"Include /etc/ssh/sshd_config.d/*.conf\nPort 22\n", b"Port")
    'line 1 includes other files, and a value there wins over this one'
    """
    for number, line in enumerate(split_lines(content), start=1):
        words = line.split()
        first = words[0].lower().partition(b"=")[0] if words else b""
        if first in {b"match", directive.lower()}:
            break
        if first == b"include":
            return f"line {number} includes other files, and a value there wins over this one"
    blocks = _in_blocks(content, directive.lower())
    return f"line {blocks[0]} has another value under `Match`" if blocks else ""


def _lines_of(content: bytes, name: bytes) -> list[int]:
    """Return the numbers of the lines before the first `Match` that set the keyword."""
    found = []
    for number, line in enumerate(split_lines(content), start=1):
        keyword = re.split(rb"[ \t=]", line.strip(), maxsplit=1)[0].lower()
        if keyword == b"match":
            break
        if keyword == name:
            found.append(number)
    return found


def _in_blocks(content: bytes, name: bytes) -> list[int]:
    found, is_inside = [], False
    for number, line in enumerate(split_lines(content), start=1):
        keyword = re.split(rb"[ \t=]", line.strip(), maxsplit=1)[0].lower()
        is_inside = is_inside or keyword == b"match"
        if is_inside and keyword == name:
            found.append(number)
    return found
