"""What stat(1) will print of paths that planned steps touch: in the format that it was asked for."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from executors.foreseen_files import FileForecast, Foreseen, NotForeseenError
from executors.transport import Completed

UNKNOWN_NUMBER = 4611686018427387847
"""Stands in a column of numbers for what only the run can tell: no file has that size, that time or that inode."""
UNKNOWN = "(new)"
"""The same in a column of text."""

_DIRECTIVE = re.compile(r"%([-.\d]*)([%A-Za-z])")
_NUMBERS = frozenset("sugdhiXYZWDbB")
_ESCAPES = {"\\0": "\0", "\\n": "\n", "\\t": "\t", "\\\\": "\\"}


class Answer(NamedTuple):
    """What a program is taken to have said."""

    stdout: bytes = b""
    stderr: bytes = b""
    exit_code: int = 0


def answer_stat(
    argv: Sequence[str], files: FileForecast, ask: Callable[[Sequence[str]], Completed]
) -> Answer | Completed:
    """Return what `stat [-L] (-c | --printf) FORMAT -- PATH...` will say, path by path.

    Raises `NotForeseenError` for a vector of another form.
    """
    head = _separated(argv[: argv.index("--")]) if "--" in argv else []
    paths = list(argv[argv.index("--") + 1 :]) if head else []
    options = head[1:-1]
    if not head or options[-1:] not in (["-c"], ["--printf"]) or set(options[:-1]) - {"-L"}:
        raise NotForeseenError(next(word for word in argv if word.startswith("/")))
    stdout, stderr, exit_code = b"", b"", 0
    for answer in _answers(head, paths, files, ask):
        stdout, stderr, exit_code = stdout + answer.stdout, stderr + answer.stderr, max(exit_code, answer.exit_code)
    return Answer(stdout, stderr, exit_code)


def _separated(head: Sequence[str]) -> list[str]:
    """Return the words with a format that is joined to its option (`--printf=FORMAT`) as a word of its own."""
    *others, last = head
    option, joined, form = last.partition("=")
    return [*others, {"--format": "-c"}.get(option, option), form] if joined and option.startswith("--") else list(head)


def _answers(
    head: list[str], paths: list[str], files: FileForecast, ask: Callable[[Sequence[str]], Completed]
) -> Iterator[Answer]:
    for is_touched, group in groupby(paths, key=files.is_touched):
        if not is_touched:
            yield _asked([*head, "--", *group], ask)
            continue
        for path in group:
            yield _of_path(head, path, files, ask)


def _of_path(head: list[str], path: str, files: FileForecast, ask: Callable[[Sequence[str]], Completed]) -> Answer:
    found = files.at(path)
    if found is not None and found.kind == "symbolic link" and "-L" in head:
        found = files.at(found.fixed.get("l") or "/")
    if found is None:
        return Answer(b"", f"stat: cannot statx '{path}': No such file or directory\n".encode(), 1)
    if found.origin is None and found.kind is None:
        raise NotForeseenError(path)
    form, is_printf = head[-1], head[-2] == "--printf"
    if found.origin is not None:
        return _asked([*head[:-1], _with_fixed(form, path, found, is_printf=is_printf), "--", found.origin], ask)
    text = _DIRECTIVE.sub(lambda match: _text(match, path, found, is_guessed="%f" in form), form)
    if is_printf:
        text = re.sub(r"\\[0nt\\]", lambda match: _ESCAPES[match[0]], text)
    return Answer((text + ("" if is_printf else "\n")).encode("utf-8", "surrogateescape"))


def _asked(argv: Sequence[str], ask: Callable[[Sequence[str]], Completed]) -> Answer:
    done = ask(argv)
    return Answer(done.stdout, done.stderr, 1 if done.exit_code is None else done.exit_code)


def _with_fixed(form: str, path: str, found: Foreseen, *, is_printf: bool) -> str:
    """Return the format with the name, and what will be another, written out."""

    def written(match: re.Match[str]) -> str:
        letter = match[2]
        if letter == "%" or (letter != "n" and letter not in found.fixed):
            return match[0]
        text = _text(match, path, found, is_guessed="%f" in form)
        return text.replace("\\", "\\\\").replace("%", "%%") if is_printf else text.replace("%", "%%")

    return _DIRECTIVE.sub(written, form)


def _text(match: re.Match[str], path: str, found: Foreseen, *, is_guessed: bool) -> str:
    """Return what stands for one directive. `is_guessed`: for who only wants to know what kind of thing it is."""
    letter = match[2]
    if letter in {"%", "n"}:
        return "%" if letter == "%" else path
    value = found.value(letter)
    if value is not None:
        return value
    if letter in _NUMBERS:
        return str(UNKNOWN_NUMBER)
    if letter == "a" and is_guessed:
        return "755" if found.kind == "directory" else "644"
    return UNKNOWN
