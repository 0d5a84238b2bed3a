"""How a program is asked about a file that it reads only as part of others: a drop-in, a file that nginx includes.

The candidate is put where the program will find it, beside copies of what belongs to it, in places of our own;
nothing that is in use changes.
"""

import posixpath
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from executors.file_state import FileHost
from executors.missing_programs import MissingProgramError
from executors.nginx_includes import including_instead, sources_of
from executors.transport import Completed

_PREPARING = "Preparing the check of the new content"

_UNIT = re.compile(
    r"(?P<folder>/.*)/(?P<unit>[^/]+\.(?:service|socket|timer|mount|automount|swap|path|target|slice))"
    r"(?P<drop_in>\.d/[^/]+\.conf)?"
)


@dataclass(frozen=True, slots=True)
class StagedCheck:
    """A command that checks the candidate where it was staged, and what is to be removed after it."""

    argv: tuple[str, ...]
    staged: str
    """The path by which the program names the candidate."""
    made: tuple[str, ...]
    """Files and directories of ours."""
    said_before: frozenset[bytes] = field(default=frozenset())
    """The lines that the program says without the candidate: they are no fault of it."""
    names_faults: bool = False
    """Whether a line that names the candidate is a fault even when the program exits with 0."""


NotChecked: TypeAlias = str
"""Why there can be no check."""

Stage: TypeAlias = Callable[[FileHost, str, str], StagedCheck | NotChecked | None]
"""From host, candidate and the file's own path to the check; None: the validator's plain command does."""


def remove_staged(host: FileHost, check: StagedCheck) -> None:
    """Remove what was staged."""
    host.run(("rm", "-r", "-f", "--", *check.made), doing="Removing what was checked", is_final=True)


def fault_of(check: StagedCheck, completed: Completed) -> str | None:
    """Return what the program objects to in the candidate, or None.

    What it said without the candidate as well doesn't count; nor does its exit code, where it says nothing new.
    """
    lines = [line for line in (completed.stderr + completed.stdout).splitlines() if line not in check.said_before]
    texts = [line.decode("utf-8", "replace") for line in lines if line.strip()]
    named = [text for text in texts if check.staged in text]
    if completed.ending == "exited" and completed.exit_code == 0:
        return named[0] if named and check.names_faults else None
    if not texts and check.said_before and completed.ending == "exited":
        return None
    return (named or texts or [f"it {completed.ending}"])[0 if named else -1]


def stage_unit(host: FileHost, candidate: str, actual: str) -> StagedCheck | NotChecked | None:
    """Stage a unit file under its own name, or a drop-in beside a copy of its unit, in a private directory.

    systemd-analyze(1), verify: the directory of a unit file that is named comes first in the search for units and
    drop-ins, so that ours hide those of the same names. It exits with 0 for what systemd ignores (a misspelt
    key), but says so with the file's name (systemd 252).
    """
    match = _UNIT.fullmatch(actual)
    if match is None:
        return "its name is not that of a unit or of a drop-in"
    unit, drop_in = match["unit"], match["drop_in"]
    fragment = _fragment_of(host, unit) if drop_in else candidate
    if not fragment:
        return f"there is no unit {unit}"
    made = host.run(("mktemp", "-d", "/tmp/sayso-XXXXXXXXXXXX"), doing=_PREPARING).stdout.decode().strip()  # noqa: S108 - mktemp(1) makes it anew, for us alone
    argv = ("systemd-analyze", "verify", "--man=no", f"{made}/{unit}")
    check = StagedCheck(argv, f"{made}/{unit}{drop_in or ''}", (made,), names_faults=True)
    try:
        host.run(("cp", "-L", "--", fragment, f"{made}/{unit}"), doing=_PREPARING)
        if not drop_in:
            return check
        before = host.transport.run(argv, as_user=host.as_user, cancel=host.cancel)
        host.run(("mkdir", "--", posixpath.dirname(check.staged)), doing=_PREPARING)
        host.run(("cp", "--", candidate, check.staged), doing=_PREPARING)
    except MissingProgramError as error:
        remove_staged(host, check)
        return error.message
    except BaseException:
        remove_staged(host, check)
        raise
    return replace(check, said_before=frozenset((before.stderr + before.stdout).splitlines()))


def _fragment_of(host: FileHost, unit: str) -> str:
    """Return the unit's own file; a template is asked for by an instance of it."""
    vector = ("systemctl", "show", "--property=FragmentPath", "--value", "--", unit.replace("@.", "@sayso."))
    shown = host.run(vector, doing="Looking for the unit's file", ok=tuple(range(256)))
    return shown.stdout.decode("utf-8", "surrogateescape").strip()


def stage_nginx(host: FileHost, candidate: str, actual: str) -> StagedCheck | NotChecked | None:
    """Stage a copy of nginx's main file, beside it, in which the candidate is included instead of the file.

    Beside it, because nginx takes relative names from the main file's directory. What includes files that
    include it is copied as well. None where the file is the main file itself.
    """
    if posixpath.basename(actual) == "nginx.conf":
        return None
    try:
        dumped = host.transport.run(("nginx", "-T", "-q"), as_user=host.as_user, cancel=host.cancel)
    except MissingProgramError as error:
        return error.message
    if dumped.ending != "exited" or dumped.exit_code != 0:
        return "nginx refuses its configuration as it is"
    sources = sources_of(dumped.stdout)
    main = next(iter(sources), "")
    followed = host.run(("readlink", "-f", "--", *sources), doing=_PREPARING).stdout.decode("utf-8", "surrogateescape")
    same = {name for name, real in zip(sources, followed.splitlines(), strict=False) if real == actual}
    folder = posixpath.dirname(main)
    copies = including_instead(
        sources, main, actual=actual, same=same, candidate=candidate, name_copy=lambda: _copy_name(folder)
    )
    if not copies:
        return "nginx doesn't read it"
    check = StagedCheck(("nginx", "-t", "-q", "-c", next(reversed(copies))), candidate, tuple(copies))
    try:
        for path, content in copies.items():
            # What nginx reads as root may be for root alone.
            host.run(("touch", "--", path), doing=_PREPARING)
            host.run(("chmod", "0600", "--", path), doing=_PREPARING)
            host.run(("dd", f"of={path}", "status=none"), stdin=content, doing=_PREPARING)
    except BaseException:
        remove_staged(host, check)
        raise
    return check


def _copy_name(folder: str) -> str:
    return f"{folder}/.sayso-{secrets.token_hex(16)}"
