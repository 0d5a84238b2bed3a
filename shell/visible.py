"""Untrusted text made safe to show: what can't be seen, or would move what is seen, becomes a mark.

Output of hosts, file names, diffs and requests all pass here before they reach a terminal. Ordinary
text, combining marks and emoji included, stays as it is; nothing is lost silently.
"""

import re

_UNSAFE = (
    "\u0000-\u001f\u007f-\u009f"  # C0, DEL, C1
    "\u00ad\u034f"  # soft hyphen, combining grapheme joiner: no width
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks, embeddings, overrides, isolates
    "\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # fillers and inherent vowels that show nothing
    "\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufeff"  # zero width and deprecated format characters
    "\u2028\u2029"  # line and paragraph separators
    "\ufff0-\ufffb"  # interlinear annotation and unassigned ignorable characters
    "\ud800-\udfff"  # lone surrogates: bytes that were no UTF-8
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"  # tag characters: a whole hidden alphabet
)
_UNSAFE_CHARACTER = re.compile(f"[{_UNSAFE}]")
_CONTROL_PICTURES = 0x2400
_SPACE = 0x20
NEWLINE_MARK = "\u240a"
"""What `visible` shows for a line feed: ␊."""
_DELETE = 0x7F


def visible(text: str, *, keep_newlines: bool = False) -> str:
    r"""Return `text` with every unsafe character as a mark; idempotent.

    Control characters become their control picture (Unicode block 2400), all others `<U+XXXX>`.
    `keep_newlines` keeps the line feed and the tab: text that is shown in lines of its own.

    >>> visible("a\x1b[31mb\u202ec\n")
    'a␛[31mb<U+202E>c␊'
    >>> visible("a\tb\n", keep_newlines=True)
    'a\tb\n'
    """
    if text.isascii() and text.isprintable():
        return text

    def marked(found: re.Match[str]) -> str:
        character = found.group()
        return character if keep_newlines and character in "\n\t" else _mark(character)

    return _UNSAFE_CHARACTER.sub(marked, text)


def _mark(character: str) -> str:
    point = ord(character)
    if point < _SPACE:
        return chr(_CONTROL_PICTURES + point)
    return "␡" if point == _DELETE else f"<U+{point:04X}>"
