"""Hosts of which most answered the same: that answer once, and of each other host only what differs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from executors.diffs import unified_diff
from executors.plan import Outcome
from intents.values import Row
from shell.render_lines import host_list, print_line
from shell.render_plan import render_diff

if TYPE_CHECKING:
    from rich.console import Console

Groups: TypeAlias = Sequence[tuple[tuple[str, ...], Outcome]]
_FEWEST_HOSTS = 5


def majority_of(groups: Groups) -> int | None:
    """Return the place of the answer that more than half of the hosts gave; None where nobody's answer is the usual one."""
    total = sum(len(hosts) for hosts, _ in groups)
    if total < _FEWEST_HOSTS or len(groups) == 1:
        return None
    largest = max(range(len(groups)), key=lambda place: len(groups[place][0]))
    return largest if 2 * len(groups[largest][0]) > total else None


def render_head(groups: Groups, usual: int, console: "Console") -> None:
    """Say how many hosts answered the same, and how many otherwise."""
    hosts = groups[usual][0]
    others = sum(len(some) for some, _ in groups) - len(hosts)
    differ = "1 differs" if others == 1 else f"{others} differ"
    print_line(
        console, f"{len(hosts)} hosts answered the same, {differ}. The same on {host_list(hosts)}:", style="bold"
    )


def render_text_difference(hosts: Sequence[str], text: str, usual: str, console: "Console") -> None:
    """Show how the text of hosts differs from the usual one."""
    print_line(
        console, f"{host_list(hosts)} differs:" if len(hosts) == 1 else f"{host_list(hosts)} differ:", style="bold"
    )
    diff = unified_diff(_lines(usual), _lines(text), "the answer")
    changed = [line for line in diff.splitlines() if not line.startswith(("--- ", "+++ "))]
    render_diff("\n".join(changed), console, indent=2)


def _lines(text: str) -> bytes:
    """Return the text with an end to its last line, which is none of the hosts' own."""
    return (text + "\n").encode("utf-8", "surrogateescape")


def different_rows(rows: Sequence[Row], usual: Sequence[Row]) -> list[tuple[str, Row]]:
    """Return the rows that only these hosts have (`+`), and those that only the others have (`-`), in their order.

    >>> different_rows([{"a": 1}, {"a": 3}], [{"a": 1}, {"a": 2}])
    [('-', {'a': 2}), ('+', {'a': 3})]
    """
    mine, theirs = [repr(row) for row in rows], [repr(row) for row in usual]
    missing = [("-", row) for row, shown in zip(usual, theirs, strict=True) if shown not in mine]
    return missing + [("+", row) for row, shown in zip(rows, mine, strict=True) if shown not in theirs]
