"""Hosts for a person: the list, one host in full, how each answered, what each is."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from intents.errors import SaysoError
from intents.values import Json
from shell.facts_kept import KeptFacts
from shell.hosts_probe import Probe
from shell.render_lines import print_line
from shell.table import Heading, layout_table
from shell.units import human_duration
from shell.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN_FACTS = ("os_id", "os_version", "kernel", "architecture", "init", "packages", "login_user")


def render_hosts(rows: Sequence[Mapping[str, Json]], out: "Console", messages: "Console") -> None:
    """Render hosts as a table: name, address, groups, the file that names it; then those that can't be reached as said."""
    if not rows:
        print_line(messages, "No host is known.")
        print_line(
            messages,
            "`sayso hosts add NAME address=...` makes one known; `--inventory PATH` names an inventory.",
            lead="→ ",
        )
        return
    cells = [[str(row["host"]), _where(row), ", ".join(_names(row["groups"])), str(row["source"])] for row in rows]
    _table(("host", "address", "groups", "source"), cells, out)
    for row in rows:
        _render_error(str(row["host"]), row["error"], messages)


def render_host(shown: Mapping[str, Json], out: "Console", messages: "Console") -> None:
    """Render one host in full: how it is reached, and each variable with the file that it comes from."""
    lines = {
        "host": str(shown["host"]),
        "reached as": _where(shown),
        "groups": ", ".join(_names(shown["groups"])) or "none",
        "keys": ", ".join(_names(shown["identity_files"])) or "the agent's, then the usual ones in ~/.ssh",
        "known hosts": ", ".join(_names(shown["known_hosts_files"])),
        "named in": str(shown["source"]),
    }
    for name, text in lines.items():
        if text:
            print_line(out, text, lead=f"{name:12}")
    variables = shown["variables"]
    if isinstance(variables, Mapping) and variables:
        print_line(out, "")
        cells = [
            [name, str(one["value"]), str(one["source"])] for name, one in variables.items() if isinstance(one, Mapping)
        ]
        _table(("variable", "value", "source"), cells, out)
    for path in _names(shown["encrypted_files"]):
        print_line(messages, f"{path} is encrypted as a whole; nothing of it is known.", lead="! ")
    _render_error(str(shown["host"]), shown["error"], messages)


def render_probes(probes: Sequence[Probe], out: "Console", messages: "Console") -> None:
    """Render how each host answered; one sentence and what to do next for each that didn't."""
    cells = [
        [
            probe.host,
            "ok" if probe.fault is None else "FAILED",
            probe.login or "",
            "" if probe.latency_ms is None else f"{probe.latency_ms:.0f} ms",
            probe.host_key,
        ]
        for probe in probes
    ]
    _table(("host", "answer", "login", "latency", "host key"), cells, out)
    for probe in probes:
        if probe.fault is not None:
            _render_fault(probe.host, probe.fault, messages)


def render_facts(
    found: Mapping[str, KeptFacts | None],
    faults: Mapping[str, SaysoError],
    out: "Console",
    messages: "Console",
) -> None:
    """Render what each host is, and how long ago that was seen; hosts that couldn't be asked come after."""
    cells = [
        [host, *(kept.facts.get(name, "") for name in _SHOWN_FACTS), f"{human_duration(round(kept.age_s))} ago"]
        for host, kept in found.items()
        if kept is not None
    ]
    if cells:
        _table(("host", *(name.replace("_", " ") for name in _SHOWN_FACTS), "seen"), cells, out)
    for host, fault in faults.items():
        _render_fault(host, fault, messages)


def _table(names: Sequence[str], cells: Sequence[Sequence[str]], out: "Console") -> None:
    safe = [[visible(cell) for cell in row] for row in cells]
    for line in layout_table([Heading(name) for name in names], safe, width=out.width):
        out.print(line, soft_wrap=True)


def _render_fault(host: str, fault: SaysoError, messages: "Console") -> None:
    _render_error(host, {"message": fault.message, "try": fault.remedy}, messages)


def _render_error(host: str, error: Json, messages: "Console") -> None:
    if isinstance(error, Mapping):
        print_line(messages, f"{host}: {error['message']}", lead="✗ ", style="bold red")
        print_line(messages, str(error["try"]), lead="→ ", indent=2)


def _where(row: Mapping[str, Json]) -> str:
    """`user@address`, with the port where it isn't SSH's; how it can't be reached is told apart."""
    if row["address"] is None:
        return "refused"
    port = "" if row["port"] == 22 else f" port {row['port']}"  # noqa: PLR2004 - the port of SSH
    return f"{row['user']}@{row['address']}{port}"


def _names(value: Json) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
