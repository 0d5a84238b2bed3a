"""Lines for a person: hanging indentation, marks, hosts; everything untrusted is made visible here."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from intents.intent import EffectName, Risk
from intents.interpretation import Evidence
from shell.host_names import folded
from shell.table import fold
from shell.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

RISK_MARKS: dict[Risk, tuple[str, str]] = {
    Risk.READ: ("○", "green"),
    Risk.REVERSIBLE: ("●", "cyan"),
    Risk.DISRUPTIVE: ("▲", "yellow"),
    Risk.DESTRUCTIVE: ("✖", "bold red"),
}
"""Each risk's symbol and colour; the symbol alone tells them apart where there is no colour."""

EFFECT_SENTENCES: dict[EffectName, str] = {
    "execution": "lets somebody run programs",
    "access": "gives somebody access",
    "persistence": "makes something run later or again",
    "secrets": "shows secrets",
}


def print_line(
    console: "Console", text: str, *, style: str = "", indent: int = 0, lead: str = "", further: str | None = None
) -> None:
    """Print untrusted `text`, folded to the console's width under its beginning.

    `lead` stands before the first line, after `indent` blanks; further lines begin below the text, after
    `further` where a folded line must not be taken for one of its own.
    """
    from rich.text import Text

    room = max(1, console.width - indent - len(lead))
    begin_further = " " * len(lead) if further is None else further
    for number, piece in enumerate(fold(visible(text), room)):
        before = " " * indent + (lead if number == 0 else begin_further)
        console.print(Text((before + piece).rstrip(), style=style), soft_wrap=True)


def print_block(console: "Console", text: str) -> None:
    """Print untrusted text as it is, line by line, never folded or cut: what a read gave as text."""
    from rich.segment import Segment, Segments

    # A segment is written as it stands; rich's Text would expand tabs.
    shown = visible(text.removesuffix("\n"), keep_newlines=True)
    console.print(Segments([Segment(f"{shown}\n")]), soft_wrap=True, end="")


def print_tail(console: "Console", text: str, *, limit: int, indent: int) -> None:
    """Print the last `limit` lines of untrusted text, and how many came before."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > limit:
        print_line(console, f"({len(lines) - limit} more lines before)", indent=indent, style="dim")
    for line in lines[-limit:]:
        print_line(console, line.replace("\t", "    "), indent=indent, lead="| ")


LISTED_HOSTS = 6
"""Up to so many hosts are listed one by one."""
QUOTES = "\"'`"


def host_list(hosts: Sequence[str]) -> str:
    """Return the names of hosts for a sentence; many are counted, and runs of numbers drawn together.

    >>> host_list(["local"]), host_list(["web1", "web2"])
    ('this machine', 'web1, web2')
    >>> host_list([f"web{number}" for number in range(1, 41)])
    '40 hosts: web[1-40]'
    """
    names = ["this machine" if host == "local" else host for host in hosts]
    return ", ".join(names) if len(names) <= LISTED_HOSTS else f"{len(names)} hosts: {folded(names)}"


def evidence_words(evidence: Evidence) -> str:
    """Return where a value comes from, in a few words.

    >>> evidence_words(Evidence("request", (8, 13), "nginx")), evidence_words(Evidence("default"))
    ('from "nginx"', 'by default')
    """
    sources = {
        "request": "from",
        "conversation": "from the conversation:",
        "inventory": "from the inventory:",
        "history": "from the history:",
        "answer": "from your answer:",
        "default": "by default",
    }
    words = sources[evidence.source]
    if evidence.source != "default":
        words = f'{words} "{evidence.text.strip(QUOTES)}"' if evidence.text else words.rstrip(":")
    return f"{words}, {evidence.note}" if evidence.note else words
