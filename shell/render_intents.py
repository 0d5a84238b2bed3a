"""What can be asked for: the catalogue as a list, and one intent in full."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from intents.intent import Intent
from intents.values import Json
from shell.render_lines import print_line
from shell.table import Heading, layout_table

if TYPE_CHECKING:
    from rich.console import Console


def render_intents(intents: Sequence[Intent], console: "Console") -> None:
    """Render intents as a table: name, risk, summary, an example."""
    if not intents:
        print_line(console, "Nothing in the catalogue fits these words.")
        return
    headings = [Heading("intent"), Heading("risk"), Heading("what it does"), Heading("say")]
    cells = [[intent.name, intent.risk.word, intent.summary, intent.examples[0]] for intent in intents]
    for line in layout_table(headings, cells, width=console.width):
        console.print(line, soft_wrap=True)


def listed_intent(intent: Intent) -> dict[str, Json]:
    """Return an intent as JSON: what can be asked for, with what, and what takes it back."""
    parameters: list[Json] = [
        {
            "name": parameter.name,
            "type": parameter.type.name,
            "required": parameter.required,
            "many": parameter.many,
            "default": parameter.default,
            "description": parameter.description,
        }
        for parameter in intent.parameters.values()
    ]
    undo = intent.operation.undo
    return {
        "name": intent.name,
        "summary": intent.summary,
        "risk": intent.risk.word,
        "effects": list(intent.effects),
        "parameters": parameters,
        "examples": list(intent.examples),
        "undo": undo.intent if undo is not None else "backup" if intent.operation.edit is not None else None,
        "cannot_undo": undo.impossible if undo is not None else None,
        "where": intent.where,
    }


def render_intent(intent: Intent, console: "Console") -> None:
    """Render one intent: parameters, examples, what undoes it."""
    print_line(console, f"{intent.name}  {intent.summary}", style="bold")
    print_line(
        console, f"risk: {intent.risk.word}" + (f"; touches {', '.join(intent.effects)}" if intent.effects else "")
    )
    print_line(console, f"defined in {intent.where}")
    for parameter in intent.parameters.values():
        need = (
            "required"
            if parameter.required
            else f"default {parameter.default}"
            if parameter.default is not None
            else "optional"
        )
        print_line(console, f"{parameter.name}: {parameter.type.name}, {need}. {parameter.description}", indent=2)
    print_line(console, "Say for example:")
    for example in intent.examples:
        print_line(console, example, indent=2)
    undo = intent.operation.undo
    if undo is not None:
        print_line(console, f"Undo: {undo.intent or 'not possible: ' + str(undo.impossible)}")
    elif intent.operation.edit is not None:
        print_line(console, "Undo: the file's backup")
