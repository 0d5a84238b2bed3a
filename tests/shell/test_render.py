"""What a person sees, compared with recorded screens; SAYSO_UPDATE_GOLDENS=1 records them again."""

import io
import os
from datetime import UTC
from pathlib import Path

import pytest
from rich.console import Console

from shell.consoles import open_console
from shell.render import render_explain, render_response
from tests.support.responses import EVERY_KIND

GOLDENS = Path(__file__).parent / "goldens"
WIDTHS = (40, 80, 200)


def console_of(width: int, *, use_color: bool = False) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return open_console(stream, {}, is_terminal=False, use_color=use_color, plain_width=width), stream


def rendered(kind: str, width: int, *, use_color: bool = False) -> str:
    out, out_text = console_of(width, use_color=use_color)
    messages, messages_text = console_of(width, use_color=use_color)
    render_response(EVERY_KIND[kind](), out, messages, zone=UTC)
    explain, explain_text = console_of(width, use_color=use_color)
    render_explain(EVERY_KIND[kind](), explain, zone=UTC)
    return f"-- stdout\n{out_text.getvalue()}-- stderr\n{messages_text.getvalue()}-- explain\n{explain_text.getvalue()}"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_response_is_shown_as_recorded(kind: str, width: int) -> None:
    shown = rendered(kind, width)
    golden = GOLDENS / f"{kind}_{width}.txt"
    if os.environ.get("SAYSO_UPDATE_GOLDENS") == "1":
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")
