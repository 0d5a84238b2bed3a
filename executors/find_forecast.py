"""What find(1) will print of paths that planned steps touch, for the few expressions by which a state is read."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from executors.foreseen_files import FileForecast, Foreseen, NotForeseenError
from executors.stat_forecast import UNKNOWN, UNKNOWN_NUMBER, Answer
from executors.transport import Completed

__all__ = ["Answer", "answer_find"]

_DIRECTIVE = re.compile(r"%(T@|[%A-Za-z])")
_OF_STAT = {"s": "s", "m": "a", "u": "U", "g": "G", "U": "u", "G": "g", "l": "l", "i": "i", "D": "d"}
"""A directive of -printf -> that of stat(1) with the same meaning."""
_NUMBERS = frozenset(("s", "U", "G", "i", "D", "T@"))
_LETTERS = {"regular file": "f", "regular empty file": "f", "directory": "d", "symbolic link": "l"}
_ESCAPES = {"\\0": "\0", "\\n": "\n", "\\t": "\t", "\\\\": "\\"}

Ask = Callable[[Sequence[str]], Completed]


def answer_find(argv: Sequence[str], files: FileForecast, ask: Ask) -> Answer:
    """Return what `find PATH... -maxdepth 0 EXPRESSION` will say.

    Of an expression -printf, -type, -empty, -o and parentheses are known. Raises `NotForeseenError` for others.
    """
    words = list(argv[1:])
    starts = [place for place, word in enumerate(words) if word.startswith("/")]
    end = next((place for place in range(starts[0], len(words)) if not words[place].startswith("/")), len(words))
    paths, expression = words[starts[0] : end], words[end:]
    if expression[:2] != ["-maxdepth", "0"]:
        raise NotForeseenError(paths[0])
    stdout, stderr = "", ""
    for path in paths:
        found = files.at(path)
        node = None if found is None else _Node(path, found, files, ask)
        if node is None or not node.is_there:
            stderr += f"find: '{path}': No such file or directory\n"
            continue
        _Expression(node, expression[2:]).alternatives(is_wanted=True)
        stdout += node.printed
    return Answer(stdout.encode("utf-8", "surrogateescape"), stderr.encode(), int(bool(stderr)))


@dataclass(slots=True)
class _Node:
    """One path that find looks at."""

    path: str
    found: Foreseen
    files: FileForecast
    ask: Ask
    printed: str = ""
    _asked: dict[str, str | None] = field(default_factory=dict)

    @property
    def is_there(self) -> bool:
        if self.found.origin is None and self.found.kind is None:
            raise NotForeseenError(self.path)
        return self.found.origin is None or self.value("y") != ""

    def value(self, directive: str) -> str:
        """Return the text of a directive of -printf; empty where there is nothing."""
        if directive in {"%", "p"}:
            return "%" if directive == "%" else self.path
        if directive == "y" and self.found.kind is not None:
            return _LETTERS.get(self.found.kind, UNKNOWN)
        known = _OF_STAT.get(directive)
        if known is not None and known in self.found.fixed:
            return self.found.fixed[known] or self._unknown(directive)
        if self.found.origin is None:
            return self._unknown(directive)
        if directive not in self._asked:
            told = self.ask(["find", "-P", self.found.origin, "-maxdepth", "0", "-printf", f"%{directive}"])
            self._asked[directive] = told.stdout.decode("utf-8", "surrogateescape")
        return self._asked[directive] or ""

    def _unknown(self, directive: str) -> str:
        return str(UNKNOWN_NUMBER) if directive in _NUMBERS else UNKNOWN

    @property
    def is_empty(self) -> bool:
        """Whether it is an empty file, or a directory with nothing in it by then."""
        if self.found.is_opaque:
            raise NotForeseenError(self.path)
        if self.value("y") == "f":
            return self.value("s") == "0"
        if self.value("y") != "d":
            return False
        below = self.files.names_below(self.path)
        if any(below.values()):
            return False
        if self.found.origin is None:
            return True
        listed = self.ask(["find", "-P", self.found.origin, "-mindepth", "1", "-maxdepth", "1", "-printf", "%f\\0"])
        names = listed.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
        return all(name in below for name in names)


@dataclass(slots=True)
class _Expression:
    """The words of an expression, read from left to right as find does: `-o` between lists of primaries."""

    node: _Node
    words: list[str]

    def alternatives(self, *, is_wanted: bool) -> bool:
        """Evaluate up to a closing parenthesis or the end; what isn't wanted is only read over."""
        holds = self._all(is_wanted=is_wanted)
        while self.words[:1] == ["-o"]:
            del self.words[0]
            holds = self._all(is_wanted=is_wanted and not holds) or holds
        return holds

    def _all(self, *, is_wanted: bool) -> bool:
        holds = True
        while self.words and self.words[0] not in {"-o", ")"}:
            holds = self._primary(is_wanted=is_wanted and holds) and holds
        return holds

    def _primary(self, *, is_wanted: bool) -> bool:
        word = self.words.pop(0)
        if word == "(":
            holds = self.alternatives(is_wanted=is_wanted)
            del self.words[0]
            return holds
        if word == "-printf":
            form = self.words.pop(0)
            self.node.printed += self._rendered(form) if is_wanted else ""
            return True
        if word == "-type":
            letter = self.words.pop(0)
            return is_wanted and self.node.value("y") == letter
        if word == "-empty":
            return is_wanted and self.node.is_empty
        if word == "-exec":
            command = [self.words.pop(0)]
            while command[-1] not in {";", "+"}:
                command.append(self.words.pop(0))
            if is_wanted:
                self.node.printed += self._executed(command)
            return is_wanted
        raise NotForeseenError(self.node.path)

    def _executed(self, command: list[str]) -> str:
        """Return what sha256sum will print of a file whose content is known or can be read; no other program is known."""
        node, found = self.node, self.node.found
        is_read = found.origin is not None and "s" not in found.fixed and not found.is_opaque
        if command[:2] != ["sha256sum", "--zero"] or (found.content is None and not is_read):
            raise NotForeseenError(node.path)
        if found.content is not None:
            return f"{hashlib.sha256(found.content).hexdigest()}  {node.path}\0"
        told = node.ask(["sha256sum", "--zero", "--", found.origin or node.path]).stdout
        checksum = told.decode("utf-8", "surrogateescape").partition(" ")[0]
        return f"{checksum}  {node.path}\0" if checksum else ""

    def _rendered(self, form: str) -> str:
        text = _DIRECTIVE.sub(lambda match: self.node.value(match[1]), form)
        return re.sub(r"\\[0nt\\]", lambda match: _ESCAPES[match[0]], text)
