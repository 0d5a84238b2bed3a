"""A transport that reads a host as it will be once the planned steps have run: for planning the steps after them.

What no planned step touches is read from the host. Of the rest stat, find, cat, test and a few more are answered from
the forecast, another program is asked about the place where the thing lies now, and what can't be told either way is
refused (`NotForeseenError`), so that no plan is made whose later steps stand on a guess.
"""

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import BinaryIO

from executors.find_forecast import Answer, answer_find
from executors.foreseen_files import FileForecast, NotForeseenError
from executors.path_uses import uses_of_vector
from executors.stat_forecast import answer_stat
from executors.transport import Cancel, Completed, Login, Transport

_ONE_PATH = re.compile(r"(?:--?[A-Za-z][\w-]*=|-[A-Za-z])?(/.*)", re.DOTALL)


class ForeseenTransport:
    """Reads a host through a forecast of its files. For reads alone: nothing that changes a host goes this way."""

    def __init__(self, inner: Transport, files: FileForecast) -> None:
        self._inner = inner
        self._files = files
        self.has_answered = False
        """Whether anything was answered from the forecast since this was last set to False."""

    @property
    def host(self) -> str:
        """The host's name."""
        return self._inner.host

    def login(self) -> Login:
        """Return the inner transport's login."""
        return self._inner.login()

    def close(self) -> None:
        """Leave the inner transport open: it is not ours."""

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | BinaryIO | None = None,
        as_user: str | None = None,
        timeout_s: float = 60.0,
        cancel: Cancel | None = None,
        on_output: Callable[[bytes], None] | None = None,
        uninterruptible: bool = False,
    ) -> Completed:
        """Answer from the forecast where a path of the vector is touched by a planned step, else run it."""

        def ask(vector: Sequence[str]) -> Completed:
            return self._inner.run(
                vector,
                stdin=stdin,
                as_user=as_user,
                timeout_s=timeout_s,
                cancel=cancel,
                on_output=on_output,
                uninterruptible=uninterruptible,
            )

        if not self.is_affected(argv):
            return ask(argv)
        self.has_answered = True
        answer = self._answered(posixpath.basename(argv[0]), list(argv), ask)
        if isinstance(answer, Completed):
            return answer
        if on_output is not None:
            on_output(answer.stdout)
        return Completed(
            tuple(argv), "exited", answer.exit_code, None, answer.stdout, answer.stderr,
            len(answer.stdout), len(answer.stderr), 0.0,
        )  # fmt: skip

    def is_affected(self, argv: Sequence[str]) -> bool:
        """Whether a path of the vector is another by then; of what looks into a directory, also below it.

        Raises `NotForeseenError` where that can't be told.
        """
        program = posixpath.basename(argv[0])
        paths = [use.path for use in uses_of_vector(argv, is_change=False)]
        if any(self._files.is_touched(path) for path in paths):
            return True
        if program == "find":
            return any(self._files.is_touched_below(path) for path in paths)
        return program == "lsattr" and any(self._files.attributes(path) for path in paths)

    def _answered(self, program: str, argv: list[str], ask: Callable[[Sequence[str]], Completed]) -> Answer | Completed:
        if program == "stat":
            return answer_stat(argv, self._files, ask)
        if program in {"find", *_RULES}:
            moved = None if program == "lsattr" else self._at_origin(argv, ask, may_drop=program == "find")
            if moved is not None:
                return moved
            return answer_find(argv, self._files, ask) if program == "find" else _RULES[program](argv, self._files, ask)
        moved = self._at_origin(argv, ask, may_drop=False)
        if moved is None:
            raise NotForeseenError(next(path for path in _paths(argv) if self._files.is_touched(path)))
        return moved

    def _at_origin(
        self, argv: Sequence[str], ask: Callable[[Sequence[str]], Completed], *, may_drop: bool
    ) -> Answer | Completed | None:
        """Ask about the places where the things lie now, and answer as if they lay where they will; None where that is another thing."""
        names: dict[str, str] = {}
        words: list[str] = []
        missing: list[str] = []
        for word in argv:
            match = _ONE_PATH.fullmatch(word)
            if match is None or not self._files.is_touched(match[1]):
                if match is not None and self._files.is_touched_below(match[1]):
                    return None
                words.append(word)
                continue
            found = self._files.at(match[1])
            if found is None and may_drop and word == match[1]:
                missing.append(word)
                continue
            if found is None or found.origin is None or not found.is_as_at_origin or found.origin in names:
                return None
            if self._files.is_touched_below(match[1]):
                return None
            names[found.origin] = match[1]
            words.append(word[: match.start(1)] + found.origin)
        if any(name in argv for name in names):
            return None  # a place is asked about under both its names
        told = [f"find: '{path}': No such file or directory\n".encode() for path in missing]
        if missing and not names and not _paths(words):
            return Answer(b"", b"".join(told), 1)
        done = ask(words)
        return Answer(
            _renamed(done.stdout, names), _renamed(done.stderr, names) + b"".join(told), done.exit_code or bool(told)
        ) if done.ending == "exited" and not done.is_truncated else done  # fmt: skip


def _paths(argv: Sequence[str]) -> list[str]:
    return [use.path for use in uses_of_vector(argv, is_change=False)]


def _renamed(output: bytes, names: dict[str, str]) -> bytes:
    """Return output with each origin in the name under which it will be there; only whole names and what lies below."""
    for origin, name in names.items():
        pattern = rb"(?<![^\0\n\t '\"])" + re.escape(origin.encode()) + rb"(?=[/\0\n\t '\":]|$)"
        output = re.sub(pattern, name.encode().replace(b"\\", rb"\\"), output)
    return output


# -- programs that planning asks by itself


def _operands(argv: Sequence[str]) -> list[str]:
    return list(argv[argv.index("--") + 1 :]) if "--" in argv else [word for word in argv[1:] if word.startswith("/")]


def _content(path: str, files: FileForecast, ask: Callable[[Sequence[str]], Completed]) -> Completed | bytes | None:
    """Return the content of a file by then; None where there will be none."""
    found = files.at(path)
    if found is None:
        return None
    if found.content is not None:
        return found.content
    if found.origin is None or found.is_opaque or "s" in found.fixed:
        raise NotForeseenError(path)
    return ask(["cat", "--", found.origin])


def _cat(argv: list[str], files: FileForecast, ask: Callable[[Sequence[str]], Completed]) -> Answer | Completed:
    (path,) = _operands(argv)
    content = _content(path, files, ask)
    if content is None:
        return Answer(b"", f"cat: {path}: No such file or directory\n".encode(), 1)
    return Answer(content) if isinstance(content, bytes) else content


def _sha256sum(argv: list[str], files: FileForecast, ask: Callable[[Sequence[str]], Completed]) -> Answer | Completed:
    (path,) = _operands(argv)
    found = files.at(path)
    if found is None or (found.content is None and not found.is_as_at_origin):
        raise NotForeseenError(path)
    if found.content is None:
        return ask(argv)
    return Answer(f"{hashlib.sha256(found.content).hexdigest()}  {path}\n".encode())


def _test(argv: list[str], files: FileForecast, ask: Callable[[Sequence[str]], Completed]) -> Answer | Completed:
    """What a step makes is there, ours, and may be written."""
    _, option, path = argv
    found = files.at(path)
    if found is None:
        return Answer(exit_code=1)
    if found.origin is not None:
        return ask([argv[0], option, found.origin])
    kinds = {"-d": "directory", "-f": "regular file"}
    return Answer(exit_code=int(option in kinds and found.kind != kinds[option]))


def _realpath(argv: list[str], files: FileForecast, ask: Callable[[Sequence[str]], Completed]) -> Answer | Completed:
    """realpath(1) with -z, readlink(1) with -f: links are followed up to what a step makes or moves."""
    ends = b"\0" if "-z" in argv else b"" if "-n" in argv else b"\n"
    options = [word for word in argv[1:] if not word.startswith("/") and word != "--"]
    output = b""
    for is_touched, group in groupby(_operands(argv), key=files.is_touched):
        paths = list(group)
        if not is_touched:
            output += ask([argv[0], *options, "--", *paths]).stdout
            continue
        for path in paths:
            output += _real(argv[0], path, files, ask).encode() + ends
    return Answer(output)


def _real(program: str, path: str, files: FileForecast, ask: Callable[[Sequence[str]], Completed]) -> str:
    for place, rest in _places(posixpath.normpath(path)):
        found = files.at(place)
        if found is not None and found.kind == "symbolic link":
            target = posixpath.join(posixpath.dirname(place), found.fixed.get("l") or "", rest)
            return _real(program, target, files, ask)
        if not files.is_touched(place):
            options = ["-m", "-z"] if program == "realpath" else ["-f", "-n"]
            known = ask([program, *options, "--", place]).stdout.rstrip(b"\0").decode("utf-8", "surrogateescape")
            return posixpath.join(known, rest) if rest else known
    return path


def _places(path: str) -> Iterator[tuple[str, str]]:
    """Yield the path and each directory on the way up, with the rest of the path below it."""
    place = path
    while place != "/":
        yield place, posixpath.relpath(path, place) if place != path else ""
        place = posixpath.dirname(place)
    yield "/", path.lstrip("/")


def _lsattr(argv: list[str], files: FileForecast, ask: Callable[[Sequence[str]], Completed]) -> Answer | Completed:
    """Only what is there now has attributes; those that a step sets or clears are others by then."""
    lines: list[str] = []
    for path in _operands(argv):
        found = files.at(path)
        if found is None or found.origin is None:
            continue
        told = ask([argv[0], *argv[1 : argv.index("--")], "--", found.origin]).stdout.decode("utf-8", "surrogateescape")
        flags, space, _ = told.rstrip("\n").partition(" ")
        for letter, is_set in files.attributes(path).items():
            flags = flags.replace(letter, "-") + (letter if is_set else "")
        lines += [f"{flags} {path}\n"] if space else []
    return Answer("".join(lines).encode("utf-8", "surrogateescape"))


def _df(argv: list[str], files: FileForecast, ask: Callable[[Sequence[str]], Completed]) -> Answer | Completed:
    """The file system of what will be there is that of the directory that is there now."""
    words = []
    for word in argv:
        path = word
        while path.startswith("/") and path != "/" and files.is_touched(path):
            path = posixpath.dirname(path)
        words.append(path)
    return ask(words)


_RULES: dict[str, Callable[[list[str], FileForecast, Callable[[Sequence[str]], Completed]], Answer | Completed]] = {
    "cat": _cat,
    "df": _df,
    "lsattr": _lsattr,
    "readlink": _realpath,
    "realpath": _realpath,
    "sha256sum": _sha256sum,
    "test": _test,
}
