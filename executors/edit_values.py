"""Set one key of a configuration file in the file's own style: `k = v`, `k=v`, `k: v` or `k v`."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from executors.edit_lines import line_end, refuse_line_break, split_lines, with_line_end
from intents.errors import ValueRejected

_SECTION = re.compile(rb"[ \t]*\[([^\]\r\n]+)\][ \t]*(?:[#;].*)?\r?\n?")
"""`[section]` alone on its line, as in ini files, TOML and systemd units."""

_CONDITIONAL = re.compile(rb"(?:match|host)[ \t]+\S.*", re.IGNORECASE | re.DOTALL)
"""sshd_config(5) and ssh_config(5): what follows such a line holds only under its condition."""

_SETTING = re.compile(rb"[ \t]*[\w.\-/]+(?P<separator>[ \t]*=[ \t]*|[ \t]*:[ \t]+|[ \t]+)[^\s=:].*", re.DOTALL)
"""Any line that sets something; used to learn the style of a file."""

_DEFAULT_SEPARATOR = b"="
"""What ini, environment, sysctl and systemd files all take."""


@dataclass(frozen=True, slots=True)
class _Setting:
    """A line that sets the key, in parts that together are the line."""

    before_separator: bytes
    separator: bytes
    value: bytes
    trailing: bytes
    """A comment on the same line, or nginx's semicolon."""
    end: bytes


def set_value(
    before: bytes,
    key: bytes,
    value: bytes,
    *,
    section: bytes | None = None,
    default_separator: bytes = _DEFAULT_SEPARATOR,
) -> bytes:
    r"""Return the content with `key` set to `value`.

    The first line that sets the key gets the value; its comment, its quotes and the way in which
    it separates the two stay. Else the line is put right after a commented default (`#Port 22`),
    else at the end of the section, which is made where it is missing. Without `section` the part
    before the first section (or before the first `Match` of sshd_config) is meant, unless the key
    stands in one section alone. `default_separator` stands between the two where no line of the file shows another.

    >>> set_value(b"#Port 22\nUser root # admin\n", b"Port", b"2222")
    b'#Port 22\nPort 2222\nUser root # admin\n'
    >>> set_value(b"[a]\nx = 1 ; one\n[b]\nx = 2\n", b"x", b"3", section=b"b")
    b'[a]\nx = 1 ; one\n[b]\nx = 3\n'

    Raises `ValueRejected` for a key or value that isn't one line, or that can't be one, and for a key that stands in
    several sections when none is named.
    """
    value = value.strip()
    for text, what in ((key, "key"), (value, "value"), (section or b"", "section")):
        refuse_line_break(text, what)
    if not key.strip() or key != key.strip() or re.search(rb"[=:#;\[\]]", key):
        raise ValueRejected("This is not the name of a setting.", remedy="Give the key alone, without its value.")
    lines = split_lines(before)
    start, stop = _part(lines, key, section)
    for index in range(start, stop):
        setting = _parse(lines[index], key)
        if setting is not None:
            lines[index] = _with_value(setting, value)
            return b"".join(lines)
    separator = _separator(lines[start:stop]) or _separator(lines) or default_separator
    return _added(before, lines, (start, stop), key=key, value=value, section=section, separator=separator)


def _part(lines: Sequence[bytes], key: bytes, section: bytes | None) -> tuple[int, int]:
    """Return the lines (from, to) that belong to the section; (n, n) for n lines when it is missing."""
    heads = [(index, match[1].strip()) for index, line in enumerate(lines) if (match := _SECTION.fullmatch(line))]
    if section is not None:
        start = next((index + 1 for index, name in heads if name == section), None)
        if start is None:
            return len(lines), len(lines)
        return start, next((index for index, _ in heads if index >= start), len(lines))
    stop = heads[0][0] if heads else _first_conditional(lines, key)
    if heads and not any(_parse(line, key) for line in lines[:stop]):
        found = [index for index, line in enumerate(lines) if _parse(line, key)]
        if len(found) == 1:
            return found[0], found[0] + 1
        if found:
            names = ", ".join(sorted({name.decode("utf-8", "backslashreplace") for _, name in heads}))
            raise ValueRejected("The setting stands in several sections.", remedy=f"Name one: {names[:200]}.")
    return 0, stop


def _first_conditional(lines: Sequence[bytes], key: bytes) -> int:
    """`Host` opens a block only where what follows is indented: elsewhere it is a setting like others."""
    if key.lower() in {b"host", b"match"}:
        return len(lines)
    for index, line in enumerate(lines):
        if _CONDITIONAL.fullmatch(line):
            following = next((later for later in lines[index + 1 :] if later.strip() and later[:1] != b"#"), b"")
            if line[:5].lower() == b"match" or following[:1] in {b" ", b"\t"}:
                return index
    return len(lines)


def _parse(line: bytes, key: bytes, *, comment: bytes = b"") -> _Setting | None:
    """Read a line that sets `key`, after a pattern for a comment mark if one is given.

    Names compare as they are written, but without case where blanks separate (sshd_config).
    """
    match = re.fullmatch(
        rb"(?P<key>[ \t]*(?P<mark>" + comment + rb")(?P<name>(?i:" + re.escape(key) + rb")))"
        rb"(?P<separator>[ \t]*[=:][ \t]*|[ \t]+|(?=\r?\n?\Z))"
        rb"(?P<value>\"(?:[^\"\\]|\\.)*\"|'[^']*'|.*?)"
        # A mark directly after the separator is a comment with a blank after it, else a value (#fff).
        rb"(?P<trailing>(?:[ \t]*;)?(?:[ \t]+[#;].*?|(?<=[ \t])[#;][ \t].*?)?[ \t]*)"
        rb"(?P<end>\r?\n?)",
        line,
    )
    if match is None or (match["name"] != key and match["separator"].strip()):
        return None
    value, trailing = match["value"], match["trailing"]
    if match["separator"].strip() and trailing[:1] == b";":
        # There the semicolon belongs to the value (Categories=A;B;).
        value, trailing = value + b";", trailing[1:]
    return _Setting(match["key"], match["separator"], value, trailing, match["end"])


def _with_value(setting: _Setting, value: bytes) -> bytes:
    """Return the line with the value, or the line as it is when it says so already."""
    quoted = _quoted_like(setting.value, value)
    line = setting.before_separator + setting.separator + setting.value + setting.trailing + setting.end
    rest = setting.value + setting.trailing
    for wanted in (value, quoted):
        if setting.value == wanted or (
            wanted and re.fullmatch(re.escape(wanted) + rb"[ \t]*;?(?:[ \t]+[#;].*)?", rest)
        ):
            return line
    trailing = setting.trailing
    if trailing.startswith(b";") and value.endswith(b";"):
        trailing = trailing[1:]
    if trailing[:1] in {b"#", b";"} and not setting.value and value:
        trailing = b" " + trailing
    separator = setting.separator or (b" " if value else b"")
    return setting.before_separator + separator + quoted + trailing + setting.end


def _quoted_like(old: bytes, value: bytes) -> bytes:
    """Put `value` into the quotes that the old one had, unless it has quotes of its own."""
    quote = old[:1]
    is_quoted = len(old) > 1 and quote in {b'"', b"'"} and old.endswith(quote)
    return quote + value + quote if is_quoted and value[:1] not in {b'"', b"'"} and quote not in value else value


def _added(
    before: bytes,
    lines: list[bytes],
    part: tuple[int, int],
    *,
    key: bytes,
    value: bytes,
    section: bytes | None,
    separator: bytes,
) -> bytes:
    start, stop = part
    end = line_end(before)
    commented = _commented_default(lines[start:stop], key)
    if commented is not None:
        index, default = commented
        indent = default.before_separator[: len(default.before_separator) - len(default.before_separator.lstrip())]
        line = indent + key + (default.separator or b" ") + _quoted_like(default.value, value) + end
        at = start + index + 1
    else:
        line = key + separator + value + end
        at = _after_last_text(lines, start, stop)
    is_missing = section is not None and start == len(lines) and not _has_section(lines, section)
    if is_missing and section is not None:
        gap = end if before.strip() and lines[-1].strip() else b""
        return with_line_end(before) + gap + b"[" + section + b"]" + end + line
    return with_line_end(b"".join(lines[:at])) + line + b"".join(lines[at:])


def _has_section(lines: Sequence[bytes], section: bytes) -> bool:
    return any((match := _SECTION.fullmatch(line)) and match[1].strip() == section for line in lines)


def _commented_default(lines: Sequence[bytes], key: bytes) -> tuple[int, _Setting] | None:
    """`#Port 22` goes before `# Port = 22`; a sentence that begins with the key (`# Port is ...`) is none."""
    for index, line in enumerate(lines):
        setting = _parse(line, key, comment=rb"[#;]")
        if setting is not None:
            return index, setting
    for index, line in enumerate(lines):
        setting = _parse(line, key, comment=rb"[#;]+[ \t]+")
        if setting is not None and (setting.separator.strip() or len(setting.value.split()) == 1):
            return index, setting
    return None


def _separator(lines: Sequence[bytes]) -> bytes | None:
    """Return the separator that most lines use, or None where no line sets anything."""
    found = Counter(
        match["separator"]
        for line in lines
        if line.lstrip()[:1] not in {b"#", b";", b"["} and (match := _SETTING.fullmatch(line))
    )
    return found.most_common(1)[0][0] if found else None


def _after_last_text(lines: Sequence[bytes], start: int, stop: int) -> int:
    """Return the index after the part's last line that isn't blank, so that the gap before the next section stays."""
    while stop > start and not lines[stop - 1].strip():
        stop -= 1
    return stop
