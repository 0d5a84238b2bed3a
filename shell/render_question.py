"""Questions and declines, for a person who reads them (asking itself is `shell.terminal`'s)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from intents.interpretation import Choice, Decline, Question
from shell.render_lines import print_line

if TYPE_CHECKING:
    from rich.console import Console


def render_question(question: Question, console: "Console") -> None:
    """Render a question with its choices numbered from 1."""
    print_line(console, question.text, lead="? ", style="bold")
    _render_choices(question.choices, console)


def render_decline(decline: Decline, console: "Console") -> None:
    """Render why nothing is done, and what comes nearest."""
    print_line(console, decline.reason)
    if decline.nearest:
        print_line(console, "Nearest to it:")
        _render_choices(decline.nearest, console)


def choice_words(choice: Choice) -> str:
    """Return what a choice says, with its intent where it has one.

    >>> choice_words(Choice("Restart a system service", intent="service.restart"))
    'Restart a system service  (service.restart)'
    """
    return f"{choice.text}  ({choice.intent})" if choice.intent and choice.intent != choice.text else choice.text


def _render_choices(choices: Sequence[Choice], console: "Console") -> None:
    width = len(str(len(choices)))
    for number, choice in enumerate(choices, start=1):
        print_line(console, choice_words(choice), indent=2, lead=f"{number:>{width}}. ")
