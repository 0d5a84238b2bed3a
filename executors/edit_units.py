"""Settings of a systemd unit's drop-in file (systemd.unit(5), systemd.syntax(7))."""

import re

from executors.edit_lines import refuse_line_break, split_lines, with_line_end
from executors.edit_values import set_value
from intents.errors import ValueRejected

_ADDING_UP = re.compile(rb"Exec[A-Z][A-Za-z]*|Environment|EnvironmentFile|On[A-Z][A-Za-z]*|Listen[A-Z][A-Za-z]*")
"""Lists: a drop-in adds to them unless it empties them first (systemd.unit(5))."""


def set_unit_value(before: bytes, section: bytes, key: bytes, value: bytes) -> bytes:
    r"""Return the drop-in's content in which `key` of `section` has `value` alone.

    A list (ExecStart=, Environment=) is emptied first, so that the unit's own entries don't stay.

    >>> set_unit_value(b"", b"Service", b"Restart", b"always")
    b'[Service]\nRestart=always\n'
    >>> set_unit_value(b"", b"Service", b"ExecStart", b"/usr/bin/app")
    b'[Service]\nExecStart=\nExecStart=/usr/bin/app\n'
    """
    if not re.fullmatch(rb"[A-Z][A-Za-z0-9]*", section) or not re.fullmatch(rb"[A-Z][A-Za-z0-9]*", key):
        raise ValueRejected("Sections and settings of a unit are single words.", remedy="See systemd.directives(7).")
    refuse_line_break(value, "value")
    if value.endswith(b"\\"):
        raise ValueRejected("A backslash at the end would go on in the next line.", remedy="Leave it out.")
    if _ADDING_UP.fullmatch(key):
        return _set_list(before, section, key, value.strip())
    return set_value(before, key, value, section=section)


def _set_list(before: bytes, section: bytes, key: bytes, value: bytes) -> bytes:
    lines = split_lines(with_line_end(before))
    head = next((index for index, line in enumerate(lines) if line.strip() == b"[" + section + b"]"), None)
    wanted = [key + b"=\n", key + b"=" + value + b"\n"]
    if head is None:
        gap = [b"\n"] if lines else []
        return b"".join([*lines, *gap, b"[" + section + b"]\n", *wanted])
    stop = next((index for index in range(head + 1, len(lines)) if lines[index].lstrip()[:1] == b"["), len(lines))
    own = [index for index in range(head + 1, stop) if re.match(re.escape(key) + rb"[ \t]*=", lines[index])]
    if [lines[index] for index in own] == wanted:
        return before
    at = own[0] if own else stop
    kept = [line for index, line in enumerate(lines) if index not in own]
    return b"".join([*kept[:at], *wanted, *kept[at:]])


def set_unit_variable(before: bytes, name: bytes, value: bytes) -> bytes:
    r"""Return the drop-in's content in which the service's environment has the variable `name` with `value`.

    The unit's own variables and the drop-in's other ones stay; of the same name the last one wins
    (systemd.exec(5), Environment=), and a drop-in is read after the unit.

    >>> set_unit_variable(b"", b"LIMIT", b"50% of it")
    b'[Service]\nEnvironment="LIMIT=50%% of it"\n'
    """
    if not re.fullmatch(rb"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueRejected("This is not the name of a variable.", remedy="Write letters, digits and `_`.")
    refuse_line_break(value, "value")
    escaped = value.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"%", b"%%")
    wanted = b'Environment="' + name + b"=" + escaped + b'"\n'
    lines = split_lines(with_line_end(before))
    own = re.compile(rb'Environment="?' + re.escape(name) + rb"=")
    found = [index for index, line in enumerate(lines) if own.match(line)]
    if found:
        return b"".join(wanted if index == found[-1] else line for index, line in enumerate(lines))
    head = next((index for index, line in enumerate(lines) if line.strip() == b"[Service]"), None)
    if head is None:
        gap = [b"\n"] if lines else []
        return b"".join([*lines, *gap, b"[Service]\n", wanted])
    stop = next((index for index in range(head + 1, len(lines)) if lines[index].lstrip()[:1] == b"["), len(lines))
    while stop > head + 1 and not lines[stop - 1].strip():
        stop -= 1
    return b"".join([*lines[:stop], wanted, *lines[stop:]])
