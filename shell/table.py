"""Tables that fit: no value is cut; what is too wide is folded, and what can't be folded is listed.

Three forms, by the width that there is: columns side by side; the same with long texts folded in
their column; one block of `name  value` lines per row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

_GAP = 2
_NARROWEST_FOLD = 12
"""Below this a folded column is harder to read than a list."""


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a column: its name, whether it is a number (stands right), whether its cells stay whole."""

    name: str
    is_number: bool = False
    is_whole: bool = False


def layout_table(
    headings: Sequence[Heading], rows: Sequence[Sequence[str]], *, width: int, has_header: bool = True
) -> "list[Text]":
    """Return the lines of a table, without blanks at their ends.

    Cells are safe, single-line text, one for each heading. Wide characters count two columns.

    >>> table = layout_table([Heading("name"), Heading("size", is_number=True)], [["a", "9"], ["bcd", "10"]], width=40)
    >>> [line.plain for line in table]
    ['name  size', 'a        9', 'bcd     10']
    """
    widths = _natural_widths(headings, rows, has_header=has_header)
    fitted = _fitted(headings, widths, width)
    if fitted is None:
        return _listed(headings, rows, width)
    lines = _row_lines([heading.name for heading in headings], headings, fitted, "bold") if has_header else []
    for row in rows:
        lines += _row_lines(row, headings, fitted, "")
    return lines


def fold(text: str, width: int) -> list[str]:
    """Return `text` in pieces of at most `width` terminal columns, broken after a blank where that helps.

    >>> fold("one two three", 8)
    ['one two', 'three']
    """
    if width < 1:
        return [text]
    pieces: list[str] = []
    start = 0
    while (end := _fitting(text, start, width)) < len(text):
        blank = text.rfind(" ", start + 1, end + 1)
        if blank > 0 and text[start:blank].strip():
            pieces.append(text[start:blank].rstrip())
            start = next((place for place in range(blank, len(text)) if text[place] != " "), len(text))
        else:
            pieces.append(text[start:end])
            start = end
    return [*pieces, text[start:]] if start < len(text) or not pieces else pieces


def _fitting(text: str, start: int, width: int) -> int:
    """Where the piece that begins at `start` must end: one character at least, however wide."""
    used = 0
    for place in range(start, len(text)):
        used += _cells(text[place])
        if used > width:
            return max(start + 1, place)
    return len(text)


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _natural_widths(headings: Sequence[Heading], rows: Sequence[Sequence[str]], *, has_header: bool) -> list[int]:
    heads = [_cells(heading.name) if has_header else 0 for heading in headings]
    return [max([head, *(_cells(row[index]) for row in rows)]) for index, head in enumerate(heads)]


def _fitted(headings: Sequence[Heading], natural: Sequence[int], width: int) -> list[int] | None:
    """The widths after the widest texts gave way, or None when even then the table is too wide."""
    widths = list(natural)
    excess = sum(widths) + _GAP * (len(widths) - 1) - width
    while excess > 0:
        texts = [
            index
            for index, one in enumerate(headings)
            if not (one.is_number or one.is_whole) and widths[index] > _NARROWEST_FOLD
        ]
        if not texts:
            return None
        widest = max(texts, key=lambda index: widths[index])
        others = [widths[index] for index in texts if index != widest]
        next_width = max([_NARROWEST_FOLD, *others])
        step = min(excess, max(1, widths[widest] - next_width))
        widths[widest] -= step
        excess -= step
    return widths


def _row_lines(cells: Sequence[str], headings: Sequence[Heading], widths: Sequence[int], style: str) -> "list[Text]":
    from rich.text import Text

    folded = [fold(cell, width) for cell, width in zip(cells, widths, strict=True)]
    lines: list[Text] = []
    for number in range(max(len(pieces) for pieces in folded)):
        parts = []
        for pieces, heading, width in zip(folded, headings, widths, strict=True):
            piece = pieces[number] if number < len(pieces) else ""
            blanks = " " * (width - _cells(piece))
            parts.append(blanks + piece if heading.is_number else piece + blanks)
        lines.append(Text((" " * _GAP).join(parts).rstrip(), style=style))
    return lines


def _listed(headings: Sequence[Heading], rows: Sequence[Sequence[str]], width: int) -> "list[Text]":
    """One block per row, an empty line between two."""
    from rich.text import Text

    label = max(_cells(heading.name) for heading in headings)
    has_room = width - label - _GAP >= _NARROWEST_FOLD
    lines: list[Text] = []
    for number, row in enumerate(rows):
        if number:
            lines.append(Text(""))
        for heading, cell in zip(headings, row, strict=True):
            head = heading.name + " " * (label - _cells(heading.name) + _GAP)
            if not has_room:
                lines.append(Text(heading.name, style="bold"))
            indent = _cells(head) if has_room else _GAP
            for place, piece in enumerate(fold(cell, max(1, width - indent))):
                lead = Text(head, style="bold") if has_room and not place else Text(" " * indent)
                lines.append(_without_end_blanks(lead + Text(piece)))
    return lines


def _without_end_blanks(text: "Text") -> "Text":
    text.rstrip()
    return text
