"""How text reaches a stream: a rich console that reads no markup and asks nobody about its surroundings.

Rich is imported when the first console is made. What a stream is (terminal or not, coloured or not)
is decided by `shell.environment` and the settings, never again here.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

UNLIMITED_WIDTH = 1_000_000
"""The width of what goes to no terminal: nothing is cut or folded for a program that reads lines."""


def open_console(
    stream: TextIO, variables: Mapping[str, str], *, is_terminal: bool, use_color: bool, plain_width: int
) -> "Console":
    """Return the console of a stream.

    A terminal is as wide as it says (COLUMNS comes first), anything else `plain_width`.
    """
    from rich.console import Console

    class OurConsole(Console):
        def on_broken_pipe(self) -> None:
            """Leave it to the command line: rich's own way ends the process with 1."""
            raise BrokenPipeError

    has_true_color = variables.get("COLORTERM") in {"truecolor", "24bit"}
    return OurConsole(
        file=stream,
        force_terminal=is_terminal or use_color,
        force_interactive=False,
        color_system=("truecolor" if has_true_color else "standard") if use_color else None,
        no_color=not use_color,
        width=None if is_terminal else plain_width,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={name: value for name, value in variables.items() if name in {"COLUMNS", "LINES", "TERM"}},
    )
