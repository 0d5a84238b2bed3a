"""Directives of nginx-style configuration: simple ones end with a semicolon, blocks hold others in braces."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from executors.edit_lines import line_end, refuse_line_break
from intents.errors import ValueRejected

_TOKEN = re.compile(
    rb"(?P<blank>\s+|#[^\n]*)|(?P<mark>[{};])"
    rb"|(?P<word>(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\\.|\$\{[^}]*\}|[^\s{};\"'\\$]|\$)+)",
    re.DOTALL,
)
"""As nginx reads its files (ngx_conf_file.c, 1.24): blanks and comments, marks, words with quotes and `${name}`."""

_REPEATED = frozenset(
    b"add_header allow deny listen server_name include error_page proxy_set_header fastcgi_param set rewrite".split()
)
"""Simple directives that may stand several times in one block."""


@dataclass(slots=True)
class _Directive:
    """One directive with where it stands: `start` to `end` (after `;` or `}`), its words, its children."""

    words: list[bytes]
    start: int
    words_end: int
    end: int = 0
    body_start: int = 0
    """Just after `{` of a block."""
    children: "list[_Directive] | None" = None


@dataclass(slots=True)
class _Reader:
    content: bytes
    tokens: Iterator["re.Match[bytes]"] = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = self._tokens()

    def _tokens(self) -> "Iterator[re.Match[bytes]]":
        place = 0
        while place < len(self.content):
            match = _TOKEN.match(self.content, place)
            if match is None:
                raise _unreadable()
            place = match.end()
            if match.lastgroup != "blank":
                yield match

    def read(self, *, is_block: bool) -> tuple[list[_Directive], int]:
        """Return the directives up to the end of the block (or of the file), and where its `}` stands."""
        found: list[_Directive] = []
        words: list[re.Match[bytes]] = []
        for token in self.tokens:
            if token.lastgroup == "word":
                words.append(token)
                continue
            if token[0] == b"}":
                if words or not is_block:
                    raise _unreadable()
                return found, token.start()
            if not words:
                raise _unreadable()
            one = _Directive([word[0] for word in words], words[0].start(), words[-1].end())
            if token[0] == b"{":
                one.body_start = token.end()
                one.children, close = self.read(is_block=True)
                one.end = close + 1
            else:
                one.end = token.end()
            found.append(one)
            words = []
        if is_block or words:
            raise _unreadable()
        return found, len(self.content)


def set_block_directive(before: bytes, directive: bytes, value: bytes, *, block: bytes = b"") -> bytes:
    r"""Return the content in which the simple `directive` has `value` in one block.

    `block` names the way to it, its parts separated by ` > `: `http > server example.org > location /api`. The
    words after a block's name are its arguments, or of a server one of its names. Empty means the file's
    top level.

    >>> set_block_directive(b"http {\n    gzip off; # why\n}\n", b"gzip", b"on", block=b"http")
    b'http {\n    gzip on; # why\n}\n'

    Raises `ValueRejected` where the block isn't there, or several fit; for a directive that stands there
    several times; and for a file that can't be read.
    """
    for text, what in ((directive, "directive"), (value, "value"), (block, "block")):
        refuse_line_break(text, what)
    _check_words(directive, value)
    children, close = _Reader(before).read(is_block=False)
    start = 0
    for part in filter(None, (part.split() for part in block.split(b">"))):
        inner = _only(children, part)
        children, start, close = inner.children or [], inner.body_start, inner.end - 1
    own = [one for one in children if one.words[0] == directive and one.children is None]
    if len(own) > 1 or (own and directive in _REPEATED and own[0].words[1:] != value.split()):
        raise ValueRejected("This directive may stand there several times.", remedy="Edit the line that is meant.")
    if own:
        one = own[0]
        old = before[one.start : one.words_end]
        gap = re.match(rb"\S+(\s*)", old)
        between = (gap[1] if gap and len(one.words) > 1 else b"") or b" "
        if one.words[1:] == _words_of(value):
            return before
        return before[: one.start] + directive + between + value + before[one.words_end :]
    return _added(before, children, (start, close), line=directive + b" " + value + b";")


def includes_of(content: bytes) -> list[tuple[int, int, str]]:
    r"""Return each `include` at any depth as (start, end after its semicolon, pattern), in the file's order.

    >>> includes_of(b"http { include d/*.conf; }")
    [(7, 24, 'd/*.conf')]

    Raises `ValueRejected` for a file that can't be read.
    """
    found: list[tuple[int, int, str]] = []
    waiting, _ = _Reader(content).read(is_block=False)
    while waiting:
        one = waiting.pop()
        waiting += one.children or []
        if one.words[0] == b"include" and len(one.words) == 2:  # noqa: PLR2004 - the keyword and its pattern
            pattern = one.words[1].decode("utf-8", "surrogateescape").strip("\"'")
            found.append((one.start, one.end, pattern))
    return sorted(found)


def _check_words(directive: bytes, value: bytes) -> None:
    if not re.fullmatch(rb"[a-z_][a-z0-9_]*", directive):
        raise ValueRejected("This is not the name of a directive.", remedy="Give its name alone.")
    try:
        tokens = [match.lastgroup for match in _whole(value)]
    except ValueRejected:
        tokens = ["mark"]
    if "mark" in tokens or "word" not in tokens or b"#" in value.replace(b"\\#", b""):
        raise ValueRejected("A directive's value is words without `;`, `{`, `}` or `#`.", remedy="Quote what needs it.")


def _words_of(value: bytes) -> list[bytes]:
    return [match[0] for match in _whole(value) if match.lastgroup == "word"]


def _whole(value: bytes) -> "list[re.Match[bytes]]":
    found, place = [], 0
    while place < len(value):
        match = _TOKEN.match(value, place)
        if match is None:
            raise _unreadable()
        found.append(match)
        place = match.end()
    return found


def _only(children: Sequence[_Directive], part: Sequence[bytes]) -> _Directive:
    shown = b" ".join(part).decode("utf-8", "backslashreplace")
    fitting = [one for one in children if one.children is not None and _fits(one, part)]
    if not fitting:
        raise ValueRejected(f"There is no block `{shown}` in the file.", remedy="Name the way to it: `http > server`.")
    if len(fitting) > 1:
        raise ValueRejected(f"{len(fitting)} blocks are `{shown}`.", remedy="Add its name: `server example.org`.")
    return fitting[0]


def _fits(one: _Directive, part: Sequence[bytes]) -> bool:
    if one.words[0] != part[0]:
        return False
    if len(part) == 1 or one.words[1:] == list(part[1:]):
        return True
    names = [name for child in one.children or [] if child.words[0] == b"server_name" for name in child.words[1:]]
    return len(part) == 2 and part[1] in names  # noqa: PLR2004 - the block's name, and one of the server's


def _added(before: bytes, children: Sequence[_Directive], place: tuple[int, int], *, line: bytes) -> bytes:
    """Put the line after the block's last directive, indented as that one, else at the block's end."""
    start, close = place
    end = line_end(before)
    if children:
        last = children[-1]
        line_start = before.rfind(b"\n", 0, last.start) + 1
        indent = re.match(rb"[ \t]*", before[line_start : last.start])
        rest = before.find(b"\n", last.end, close)
        at = rest + 1 if rest >= 0 else last.end
        lead = b"" if rest >= 0 else end
        return before[:at] + lead + (indent[0] if indent else b"") + line + end + before[at:]
    if close == len(before):
        gap = b"" if before.endswith(b"\n") or not before else end
        return before + gap + line + end
    opening = before.rfind(b"\n", 0, start) + 1
    outer = re.match(rb"[ \t]*", before[opening:start])
    margin = outer[0] if outer else b""
    body = before[start:close].rstrip()
    return before[:start] + body + end + margin + b"    " + line + end + margin + before[close:]


def _unreadable() -> ValueRejected:
    return ValueRejected("The file can't be read as nginx reads it.", remedy="Run `nginx -t`, and correct it first.")
