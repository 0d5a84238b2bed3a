"""How a program is asked about a file that it reads only as part of others: a drop-in, a file that nginx includes.

The candidate is put where the program will find it, beside copies of what belongs to it, in places of our own;
nothing that is in use changes.
"""

import posixpath
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from executors.file_state import FileHost
from executors.missing_programs import MissingProgramError
from executors.transport import Completed
from executors.web_includes import (
    APACHE,
    apache_names_of,
    apache_root_of,
    including_instead,
    sources_of,
)

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
    fault: str = ""
    """A text that makes the line with it a fault, whatever the exit code; empty where the exit code alone tells."""
    counts_exit_code: bool = True
    """Whether an exit code other than 0 is a fault at all."""


NotChecked: TypeAlias = str
"""Why there can be no check."""

Stage: TypeAlias = Callable[[FileHost, str, str], StagedCheck | NotChecked | None]
"""From host, candidate and the file's own path to the check; None: the validator's plain command does."""


def remove_staged(host: FileHost, check: StagedCheck) -> None:
    """Remove what was staged."""
    if check.made:
        host.run(("rm", "-r", "-f", "--", *check.made), doing="Removing what was checked", is_final=True)


def fault_of(check: StagedCheck, completed: Completed) -> str | None:
    """Return what the program objects to in the candidate, or None.

    What it said without the candidate as well doesn't count; nor does its exit code, where it says nothing new.
    """
    lines = [line for line in (completed.stderr + completed.stdout).splitlines() if line not in check.said_before]
    texts = [line.decode("utf-8", "replace") for line in lines if line.strip()]
    mark = check.fault or check.staged
    named = [
        text + (f" {following}" if text.endswith(":") else "")
        for text, following in zip(texts, [*texts[1:], ""], strict=False)
        if mark in text
    ]
    ended_well = completed.ending == "exited" and (completed.exit_code == 0 or not check.counts_exit_code)
    if ended_well:
        return named[0] if named and check.fault else None
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
    staged = f"{made}/{unit}{drop_in or ''}"
    check = StagedCheck(argv, staged, (made,), fault=staged)
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
    same = _names_of(host, list(sources), actual)
    folder = posixpath.dirname(main)
    copies = including_instead(
        sources, main, actual=actual, same=same, candidate=candidate, name_copy=lambda: _copy_name(folder)
    )
    if not copies:
        return "nginx doesn't read it"
    argv = ("nginx", "-t", "-q", "-c", next(reversed(copies)))
    return _with_copies(host, StagedCheck(argv, candidate, tuple(copies)), copies)


def stage_apache(host: FileHost, candidate: str, actual: str) -> StagedCheck | NotChecked | None:
    """Stage a copy of Apache's main file in which the candidate is included instead of the file.

    What is included by an included file isn't looked into. None where the file is the main file itself.
    """
    if posixpath.basename(actual) == "apache2.conf":
        return None
    try:
        vector = ("apache2ctl", "-t", "-D", "DUMP_INCLUDES")
        dumped = host.transport.run(vector, as_user=host.as_user, cancel=host.cancel)
    except MissingProgramError as error:
        return error.message
    names = apache_names_of(dumped.stdout)
    if dumped.ending != "exited" or dumped.exit_code != 0 or not names:
        return "Apache refuses its configuration as it is"
    main = names[0]
    content = host.run(("cat", "--", main), doing=_PREPARING).stdout
    copies = including_instead(
        {**dict.fromkeys(names, b""), main: content},
        main,
        actual=actual,
        same=_names_of(host, names, actual),
        candidate=candidate,
        name_copy=lambda: _copy_name(posixpath.dirname(main)),
        syntax=APACHE,
        folder=apache_root_of(main, content),
    )
    if not copies:
        return "Apache's main file doesn't include it"
    argv = ("apache2ctl", "-t", "-f", next(reversed(copies)))
    return _with_copies(host, StagedCheck(argv, candidate, tuple(copies)), copies)


def stage_logrotate(_host: FileHost, candidate: str, _actual: str) -> StagedCheck | NotChecked | None:
    """Ask logrotate what it would do. logrotate(8) 3.21 exits with 1 also for a log that isn't there yet."""
    argv = ("logrotate", "-d", candidate)
    return StagedCheck(argv, candidate, (), fault=f"error: {candidate}:", counts_exit_code=False)


def _names_of(host: FileHost, names: Sequence[str], actual: str) -> set[str]:
    """Return those of the names that lead to the file."""
    followed = host.run(("readlink", "-f", "--", *names), doing=_PREPARING).stdout.decode("utf-8", "surrogateescape")
    return {name for name, real in zip(names, followed.splitlines(), strict=False) if real == actual}


def _with_copies(host: FileHost, check: StagedCheck, copies: Mapping[str, bytes]) -> StagedCheck:
    """Write the copies, for root alone as what they are copies of may be, and return the check."""
    try:
        for path, content in copies.items():
            host.run(("touch", "--", path), doing=_PREPARING)
            host.run(("chmod", "0600", "--", path), doing=_PREPARING)
            host.run(("dd", f"of={path}", "status=none"), stdin=content, doing=_PREPARING)
    except BaseException:
        remove_staged(host, check)
        raise
    return check


def _copy_name(folder: str) -> str:
    return f"{folder}/.sayso-{secrets.token_hex(16)}"
