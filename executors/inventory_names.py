"""Names of hosts as inventories write them: ranges (`web[01:20:2]`), ports (`web1:2222`, `[::1]:22`)."""

import ipaddress
import re
import string
from collections.abc import Sequence

RANGE_LIMIT = 100_000
"""More hosts than this from one line are a slip of the pen."""

_RANGE = re.compile(r"\[([^\[\]]*)\]")
_NAME = re.compile(r"[\w.:%-]+")
_LABEL = re.compile(r"[^\W_](?:[\w-]*[^\W_])?|_(?=\w)[\w-]*[^\W_]")


def expand_range(pattern: str) -> tuple[str, ...]:
    """Return the host names that a pattern with `[first:last]` or `[first:last:step]` stands for.

    Letters count like digits; a leading zero keeps the width, and then both ends must have it. An
    empty first is 0. As Ansible reads it (ansible-core 2.19), but a range of nothing is a fault.

    >>> expand_range("web[08:10].example"), expand_range("db-[a:c:2]"), expand_range("one")
    (('web08.example', 'web09.example', 'web10.example'), ('db-a', 'db-c'), ('one',))

    Raises `ValueError` for a range that makes no sense, and for a name that isn't one.
    """
    found = _RANGE.search(pattern)
    if found is None:
        # A name becomes part of paths (host_vars/NAME) and of argument vectors.
        if not _NAME.fullmatch(pattern) or pattern.startswith("-") or not pattern.strip("."):
            raise ValueError(f"{pattern!r} is not a host's name")
        return (pattern,)
    names: list[str] = []
    for step in _counted(found[1]):
        names += expand_range(pattern[: found.start()] + step + pattern[found.end() :])
        if len(names) > RANGE_LIMIT:
            raise ValueError(f"{pattern!r} stands for more than {RANGE_LIMIT} hosts")
    return tuple(names)


def _counted(bounds: str) -> Sequence[str]:
    first, last, step = _bounds(bounds)
    letters = string.ascii_letters
    if len(first) == len(last) == 1 and first in letters and last in letters:
        chosen: Sequence[str] = letters[letters.index(first) : letters.index(last) + 1 : step]
    elif first.isdecimal() and last.isdecimal():
        width = len(first) if first.startswith("0") and len(first) > 1 else 0
        if width and len(last) != width:
            raise ValueError(f"[{bounds}] needs ends of equal length, because of its leading zero")
        numbers = range(int(first), int(last) + 1, step)
        if len(numbers) > RANGE_LIMIT:
            raise ValueError(f"[{bounds}] stands for more than {RANGE_LIMIT} hosts")
        chosen = [str(number).zfill(width) for number in numbers]
    else:
        raise ValueError(f"[{bounds}] is not a range of numbers or letters")
    if not chosen:
        raise ValueError(f"[{bounds}] stands for nothing")
    return chosen


def _bounds(text: str) -> tuple[str, str, int]:
    parts = text.split(":")
    if len(parts) not in {2, 3} or not parts[1]:
        raise ValueError(f"[{text}] is not a range, first:last or first:last:step")
    step = parts[2] if len(parts) > 2 else "1"  # noqa: PLR2004 - first, last, step
    if not step.isdecimal() or int(step) < 1:
        raise ValueError(f"[{text}] counts in steps of {step!r}")
    return parts[0] or "0", parts[1], int(step)


def split_port(word: str) -> tuple[str, int | None]:
    """Split `host:2222`, `[::1]:22` and `web[1:3]:2222`; colons within a range or an IPv6 address belong to the name.

    What has no port, or isn't a host's name before one, comes back whole.

    >>> split_port("web[1:3]:2222"), split_port("[2001:db8::1]:22"), split_port("2001:db8::1")
    (('web[1:3]', 2222), ('2001:db8::1', 22), ('2001:db8::1', None))
    """
    found = re.fullmatch(r"\[(.+)\]:([0-9]+)", word) or re.fullmatch(r"((?:[^:\[\]]|\[[^\[\]]*\])+):([0-9]+)", word)
    if found is None or not is_host_pattern(found[1]):
        return word, None
    return found[1], int(found[2])


def is_host_pattern(text: str) -> bool:
    """Whether `text` is one host's name or address, in which ranges may stand.

    >>> is_host_pattern("web[1:3].example"), is_host_pattern("::1"), is_host_pattern("web:db")
    (True, True, False)
    """
    # A range stands for something of its own kind: a digit fits into a name and into an address.
    plain = _RANGE.sub(lambda found: "1" if re.fullmatch(r"[0-9a-zA-Z]*:[0-9a-zA-Z]+(:\d+)?", found[1]) else "!", text)
    try:
        ipaddress.ip_address(plain)
    except ValueError:
        return bool(plain) and all(_LABEL.fullmatch(label) for label in plain.split("."))
    return True
