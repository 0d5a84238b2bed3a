"""What kind of sentence a request is: an order, a question about something, or a typed shell line."""

import re
from collections.abc import Set as AbstractSet

from intents.errors import RequestError
from intents.words import stem, tokens_of

MAXIMUM_LENGTH = 2_000
"""Code points of a request; people don't type longer ones, and the model reads 256 tokens."""

_POLITE = re.compile(
    r"^(?:hey|hi|hello|ok|okay|so|please|pls|also|and)?[\s,]*(?:(?:can|could|would|will)\s+(?:you|u|we|someone)\s+"
    r"(?:please\s+|pls\s+|kindly\s+|just\s+|quickly\s+)?(?!tell|explain|say|know|help)|(?:would|do)\s+you\s+mind\s+|i(?:'d|\s+would)\s+like\s+(?:you\s+)?to\s+"
    r"|i\s+(?:want|need)\s+(?:you\s+)?to\s+)",
    re.IGNORECASE,
)
_POLITE_INSIDE = re.compile(
    r"\b(?:(?:can|could|would|will|might)\s+you\s+(?:please|kindly|be\s+(?:so\s+(?:kind|good)|kind|a\s+dear)|do\s+me)\b(?:\s+as)?(?:\s+to)?"
    r"|(?:might|may|could)\s+i\s+(?:trouble|ask|bother)\s+you\s+to\b"
    r"|i\s+(?:should|would|'d)\s+be\s+(?:\w+\s+)?(?:grateful|obliged|thankful|glad|happy)\s+if\b)"
    r"(?!\s+(?:tell|explain|say|know|advise|recommend|help|confirm|let\s+me\s+know|you\s+(?:could|would|can)\s+(?:tell|explain|say|let|advise|confirm)))",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"^(?:(?:hey|hi|hello|ok|okay|so|please|pls|quick\s+question|question|and|but|also)[\s,:]+)*"
    r"(?:how|why|what|what's|whats|which|who|whose|when|where|is|isn't|are|aren't|was|were|does|do|did|doesn't|should|shall|"
    r"would|could|can|may|might|will|has|have|had|am|any\s+idea|tell\s+me|explain|i\s+wonder|wondering|do\s+you\s+know|is\s+it)\b",
    re.IGNORECASE,
)
_HYPOTHETICAL = re.compile(
    r"\b(?:would\s+it\s+help|what\s+would|what\s+happens|should\s+i|should\s+we|how\s+(?:do|can|would|should|to)|is\s+it\s+(?:safe|ok|possible)"
    r"|what\s+if|am\s+i\s+allowed|could\s+be|can\s+be|would\s+you\s+recommend|better\s+to)\b",
    re.IGNORECASE,
)
_EXPLANATION = re.compile(
    r"\b(?:explain(?:ed)?\s+(?:to\s+(?:me|us)\b|what\b|how\b|why\b|the\s+(?:difference|concept|meaning)\b|me\b)|teach\s+(?:me|us)\b"
    r"|what(?:'s|\s+is|,\s*\w+,\s*is)\s+(?:an?\s+(?!good\b)\w+|the\s+difference\b|meant\s+by\b)|difference\s+between\s+\w+\s+and\b)",
    re.IGNORECASE,
)
_SHELL_SIGNS = re.compile(
    r"\|\s*\w|(?<![-=])>{1,2}\s*[\w/&~]|<\s*[\w/(]|&&|&\s*$|\$\(|`|\$\{|;\s*\w+\s|\\\s*$", re.MULTILINE
)
_COMMANDS = frozenset(
    "ls cat grep awk sed find df du ps top kill rm cp mv chmod chown systemctl journalctl service apt apt-get dnf yum "
    "ip ss netstat ping curl wget tar zip unzip ssh scp rsync git docker podman kubectl mount umount mkfs dd free uptime "
    "who w id useradd usermod userdel passwd crontab nano vi vim less tail head echo touch mkdir ln stat file uname "
    "hostnamectl timedatectl lsblk blkid fdisk ufw iptables nft export cd pwd history man sh bash python python3 xargs sort "
    "uniq cut wc tee sudo for while if cd xargs".split()
)


def check_request(text: str) -> str:
    """Return the request without the white space around it.

    Raises `RequestError` for what can't be a request: nothing, too much, or characters no text has.
    """
    stripped = text.strip()
    if not stripped:
        raise RequestError(
            "The request is empty.", remedy='Say what you want, e.g. "which filesystems are almost full".'
        )
    if len(stripped) > MAXIMUM_LENGTH:
        raise RequestError(
            f"The request has {len(stripped):,} characters; {MAXIMUM_LENGTH:,} are allowed.",
            remedy="Say it in a sentence or two; put long content into a file.",
        )
    if "\0" in stripped:
        raise RequestError("The request holds a NUL character.", remedy="Remove it; a request is plain text.")
    if any(0xD800 <= ord(character) <= 0xDFFF for character in stripped):  # noqa: PLR2004 - UTF-16 surrogates
        raise RequestError("The request is not valid UTF-8.", remedy="Send it as UTF-8 text.")
    return stripped


def is_asking(text: str) -> bool:
    """Whether the sentence only asks, so that it may never become a change.

    >>> is_asking("how do I restart nginx?"), is_asking("could you please restart nginx")
    (True, False)
    """
    if _POLITE_INSIDE.search(text):
        return False
    if _HYPOTHETICAL.search(text):
        return True
    if _POLITE.match(text):
        return False
    return bool(_ASKING.match(text)) or text.rstrip().endswith("?")


def is_explanation(text: str) -> bool:
    """Whether the sentence wants something explained rather than looked up or done.

    >>> is_explanation("what is a zombie process?"), is_explanation("what is my address")
    (True, False)
    """
    return bool(_EXPLANATION.search(text))


def is_shell_line(text: str) -> bool:
    """Whether the request uses a shell's own language: pipes, redirections, substitutions, several commands.

    A plain command (`df -h /var`) is read like any other request: it says what is wanted, only tersely.

    >>> is_shell_line("ps aux | grep nginx"), is_shell_line("df -h /var")
    (True, False)
    """
    tokens = tokens_of(text)
    if not tokens:
        return False
    first = tokens[0].text
    if first.startswith("./") or first in {"export", "sh", "bash", "python", "python3", "xargs", "eval"}:
        return True
    return first in _COMMANDS and bool(_SHELL_SIGNS.search(text))


_ROW_VERBS = "sort|order|rank|group|count|sum|limit|filter"
"""Verbs that go on about the same rows: "list them and sort them by size" is one step."""
_CLAUSES = re.compile(
    r"\s*(?:;|,?\s+and\s+then|,?\s+then|,\s*after\s+that|,?\s+and\s+after\s+that"
    rf"|,?\s+and(?=\s+(?!(?:{_ROW_VERBS})\b)[a-z]+\s+(?:it|them|those|these|each\s+of\s+them|all\s+of\s+them)\b))\s+",
    re.IGNORECASE,
)


_ORDERED = re.compile(r"\bthen\b|\bafter\s+that\b", re.IGNORECASE)


def is_ordered(text: str) -> bool:
    """Whether the sentence says that its steps follow each other; a semicolon alone may stand between a story and a wish.

    >>> is_ordered("stop nginx, then start it"), is_ordered("the fan roars; which processes are busy")
    (True, False)
    """
    return bool(_ORDERED.search(text))


_STATEMENT = re.compile(
    r"^(?:(?:so|well|ok|okay|and|but|hey|hi|hello|also)[\s,]+)*(?:there\b|it\b|its\b|it's\b|the\b|an?\b|that\b|this\b|these\b|those\b|our\b|my\b|his\b|her\b"
    r"|their\b|he\b|she\b|they\b|you\b|some(?:one|body|thing)\b|every(?:one|body|thing)\b|nobody\b|none\b|one\b|now\s+that\b|since\b|because\b|as\b|after\b"
    r"|when\s|for\s|apart\b|at\s|in\s|on\s|(?:i|we)\b(?!\s*(?:'d|would|want|need|should)\b))",
    re.IGNORECASE,
)


def is_statement(text: str) -> bool:
    """Whether a clause tells something rather than orders or asks it, by how it begins.

    >>> is_statement("the log has swollen dreadfully"), is_statement("I'd like the log emptied"), is_statement("empty it")
    (True, False, False)
    """
    return bool(_STATEMENT.match(text.strip()))


_SHOWN = re.compile(r"^(?:please\s+|just\s+)?(?:show|list|give|print|tell|display)\b", re.IGNORECASE)
_FOR_EACH = re.compile(r"^\s*for\s+(?:each|every)\b", re.IGNORECASE)


_LISTED_STEP = re.compile(r"(,\s+)([A-Za-z]+)")


def is_shown(clause: str) -> bool:
    """Whether a clause only wants something shown ("and list them")."""
    return bool(_SHOWN.match(clause.strip()))


def is_for_each(text: str) -> bool:
    """Whether something is wanted for each of what has to be found out first ("for each failed unit show its log")."""
    return bool(_FOR_EACH.match(text))


def clauses_of(text: str, verbs: AbstractSet[str] = frozenset()) -> list[tuple[int, str]]:
    """Return the steps of "do A and then B": (offset, clause) in order; one for a plain sentence.

    `verbs` are stems of orders: where steps follow each other, a comma before one of them parts two of these.

    >>> clauses_of("stop nginx and then start it")
    [(0, 'stop nginx'), (20, 'start it')]
    >>> clauses_of("which units failed and restart them"), clauses_of("list users and sort them")
    ([(0, 'which units failed'), (23, 'restart them')], [(0, 'list users and sort them')])
    >>> clauses_of("stop it, copy /a to /b and then start it", frozenset({stem("copy")}))
    [(0, 'stop it'), (9, 'copy /a to /b'), (32, 'start it')]
    """
    quoted = [match.span() for match in re.finditer(r"\"[^\"]*\"|'[^']*'", text)]
    cuts = [match.span() for match in _CLAUSES.finditer(text)]
    if is_ordered(text):
        cuts += [match.span(1) for match in _LISTED_STEP.finditer(text) if stem(match[2].casefold()) in verbs]
    clauses, start = [], 0
    for begin, end in sorted(cuts):
        if begin < start or any(one <= begin < other for one, other in quoted):
            continue
        if begin > start:
            clauses.append((start, text[start:begin]))
        start = end
    clauses.append((start, text[start:]))
    return [(offset, clause) for offset, clause in clauses if clause.strip()]
