"""The files of OpenSSH's client configuration as lines, with includes where they stand.

Nothing is decided here: which lines hold for a host is the matter of `executors.ssh_config`. A file
that others may write is refused, as ssh refuses the person's own one: it could name programs to run
and whose keys to trust.
"""

import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from intents.errors import TargetError

INCLUDE_DEPTH = 16
"""As OpenSSH 9.2 has it (readconf.c, READCONF_MAX_DEPTH)."""
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_ROOT = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One line: keyword in lower case, the rest as it stands, where it is; for `Include` the files that it names."""

    keyword: str
    rest: str
    path: Path
    number: int
    included: tuple[tuple["Line", ...], ...] = ()

    @property
    def where(self) -> str:
        """Return file and line for a message."""
        return f"{self.path} line {self.number}"

    def words(self) -> tuple[str, ...]:
        """Return the arguments. Raises `TargetError` for a quote that isn't closed."""
        try:
            return split_words(self.rest)
        except ValueError as error:
            raise bad_line(self, str(error)) from error


def read_lines(path: Path) -> tuple[Line, ...]:
    """Return the lines of a file and of those that it includes; relative includes are looked for in its folder.

    Raises `TargetError` when a file can't be read, may be written by others, or includes itself.
    """
    return _read(path, path.parent, 0)


def parse_lines(text: str, path: Path = Path("ssh_config")) -> tuple[Line, ...]:
    r"""Return the lines of a text; an `Include` in it is left as an ordinary line.

    >>> [(line.keyword, line.rest) for line in parse_lines("# x\n Host a b\nPort=22  \n")]
    [('host', 'a b'), ('port', '22')]
    """
    found: list[Line] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        # readconf.c: trailing white space goes; then `keyword rest`, `keyword=rest`, or both.
        match = re.fullmatch(r'[ \t\r\f]*"?([^\s="#]+)"?(?:[ \t]*=[ \t]*|[ \t]+)(.+)', raw.rstrip())
        if match is not None:
            found.append(Line(match[1].lower(), match[2], path, number))
    return tuple(found)


def split_words(text: str) -> tuple[str, ...]:
    r"""Split arguments as OpenSSH does (misc.c, argv_split): quotes, a few escapes, and `#` begins a comment.

    >>> split_words(r'a "b c" d\ e "#x" # comment')
    ('a', 'b c', 'd e', '#x')

    Raises `ValueError` for a quote that isn't closed.
    """
    words: list[str] = []
    position = 0
    while position < len(text):
        if text[position] in " \t":
            position += 1
            continue
        if text[position] == "#":
            break
        word, position = _word(text, position)
        words.append(word)
    return tuple(words)


def _word(text: str, position: int) -> tuple[str, int]:
    """Return the word that begins at `position`, and where it ends."""
    letters: list[str] = []
    quote = ""
    while position < len(text):
        letter = text[position]
        following = text[position + 1 : position + 2]
        if letter == "\\" and (following in {"'", '"', "\\"} or (not quote and following == " ")):
            letters.append(following)
            position += 1
        elif not quote and letter in " \t":
            break
        elif not quote and letter in "'\"":
            quote = letter
        elif letter == quote:
            quote = ""
        else:
            letters.append(letter)
        position += 1
    if quote:
        raise ValueError("a quote isn't closed")
    return "".join(letters), position


def bad_line(line: Line, what: str) -> TargetError:
    """Return the error for a line that can't be used."""
    return TargetError(
        f"The SSH configuration {line.where} can't be used: {ascii(what)[1:-1][:200]}.",
        remedy="Correct that line; `ssh -G HOST` shows what ssh makes of it.",
        host="",
    )


def _read(path: Path, directory: Path, depth: int) -> tuple[Line, ...]:
    if depth > INCLUDE_DEPTH:
        raise _bad_file(path, "includes itself, or too deeply", "Take the Include line out.")
    lines: list[Line] = []
    for line in parse_lines(_text(path), path):
        if line.keyword != "include":
            lines.append(line)
            continue
        files = tuple(_read(found, directory, depth + 1) for word in line.words() for found in _named(word, directory))
        lines.append(Line(line.keyword, line.rest, line.path, line.number, files))
    return tuple(lines)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            content = stream.read()
    except OSError as error:
        raise _bad_file(path, f"can't be read ({error.strerror})", "Correct its permissions.") from error
    if status.st_uid not in {_ROOT, os.geteuid()} or status.st_mode & _WRITABLE_BY_OTHERS:
        raise _bad_file(
            path,
            "is not yours or root's, or may be written by others, who could name programs to run",
            f"Take it over, or `chmod go-w {path}`.",
        )
    return content.decode("utf-8", "surrogateescape")


def _named(pattern: str, directory: Path) -> Iterator[Path]:
    where = Path(pattern).expanduser()
    for found in sorted(glob.glob(str(where if where.is_absolute() else directory / where))):  # noqa: PTH207 - absolute patterns too
        yield Path(found)


def _bad_file(path: Path, what: str, remedy: str) -> TargetError:
    return TargetError(f"The SSH configuration {path} {what}.", remedy=remedy, host="")


def lines_with_includes(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield every line, those of included files in their place."""
    for line in lines:
        yield line
        for file in line.included:
            yield from lines_with_includes(file)
