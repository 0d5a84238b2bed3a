"""What surrounds one run of sayso: streams, terminal, variables, folders, who runs it.

The only place that looks at `sys.std*`, `os.environ` and the process; everybody else is given the
value. Every part of it may be missing (closed streams, no HOME, a deleted folder) and it still is whole.
"""

import io
import os
import pwd
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO, TypeAlias

if TYPE_CHECKING:
    from rich.console import Console

ColorChoice: TypeAlias = Literal["auto", "always", "never"]

ROOT_UID = 0
LINE_LIMIT_BYTES = 1024 * 1024
"""A longer line of stdin is no request."""

_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Paths:
    """Sayso's own folders below those of the XDG Base Directory Specification 0.8; they may not exist yet."""

    config: Path
    state: Path
    cache: Path
    runtime: Path

    @property
    def settings_file(self) -> Path:
        """Where the person's settings are."""
        return self.config / "config.toml"

    @property
    def history_file(self) -> Path:
        """Where the history is, unless a setting says otherwise."""
        return self.state / "history.db"


@dataclass(frozen=True, slots=True)
class Environment:
    """One process's surroundings. `home` and `directory` are absolute; the folder may be gone."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    stdin_is_terminal: bool
    stdout_is_terminal: bool
    stderr_is_terminal: bool
    variables: Mapping[str, str]
    directory: str
    home: str
    user: str
    uid: int
    original_user: str | None
    """Who called sudo or doas, when root runs by it; None otherwise (others could set the variable themselves)."""
    paths: Paths
    warnings: tuple[str, ...] = ()
    """What a person should know of these surroundings, as sentences."""

    @classmethod
    def of_process(cls) -> "Environment":
        """Return the surroundings of this process."""
        variables = dict(os.environ)
        uid = os.geteuid()
        home = find_home(variables, uid)
        stdin = _stream(sys.stdin, 0, errors="surrogateescape")
        stdout = _stream(sys.stdout, 1, errors="backslashreplace")
        stderr = _stream(sys.stderr, 2, errors="backslashreplace")
        return cls(
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            stdin_is_terminal=_is_terminal(stdin),
            stdout_is_terminal=_is_terminal(stdout),
            stderr_is_terminal=_is_terminal(stderr),
            variables=variables,
            directory=_current_directory(variables),
            home=home,
            user=_user_name(variables, uid),
            uid=uid,
            original_user=find_original_user(variables, uid),
            paths=find_paths(variables, home, uid),
            warnings=ignored_folders(variables, home, uid),
        )

    @property
    def use_color(self) -> bool:
        """Whether results on stdout are coloured."""
        return wants_color(self.variables, is_terminal=self.stdout_is_terminal)

    @property
    def use_message_color(self) -> bool:
        """Whether messages on stderr are coloured."""
        return wants_color(self.variables, is_terminal=self.stderr_is_terminal)

    def consoles(self, *, color: ColorChoice = "auto") -> "tuple[Console, Console]":
        """Return the console of results (stdout) and that of messages (stderr).

        `color` is the person's setting; `auto` leaves it to the variables and the terminal.
        """
        from shell.consoles import UNLIMITED_WIDTH, open_console

        forced = {"auto": None, "always": True, "never": False}[color]
        out = open_console(
            self.stdout,
            self.variables,
            is_terminal=self.stdout_is_terminal,
            use_color=self.use_color if forced is None else forced,
            plain_width=UNLIMITED_WIDTH,
        )
        messages = open_console(
            self.stderr,
            self.variables,
            is_terminal=self.stderr_is_terminal,
            use_color=self.use_message_color if forced is None else forced,
            plain_width=UNLIMITED_WIDTH,
        )
        return out, messages

    def stdin_lines(self, *, limit_bytes: int = LINE_LIMIT_BYTES) -> Iterator[bytes]:
        """Yield the lines of stdin as bytes, as they come, without their line feed.

        A longer line is yielded cut after `limit_bytes` + 1 bytes, so that it can be refused; its rest is
        read and dropped.
        """
        stream = self.stdin.buffer if isinstance(self.stdin, io.TextIOWrapper) else io.BytesIO(self._stdin_text())
        while line := stream.readline(limit_bytes + 1):
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = stream.readline(_CHUNK_BYTES)
            yield line.removesuffix(b"\n")

    def _stdin_text(self) -> bytes:
        """Text streams that aren't over bytes (`io.StringIO`) stand for UTF-8."""
        return self.stdin.read().encode("utf-8", "surrogateescape")


def find_original_user(variables: Mapping[str, str], uid: int) -> str | None:
    """Return who became root here: what sudo(8) or doas(1) say; None for anybody else, who could say so themselves.

    >>> find_original_user({"DOAS_USER": "ann"}, 0), find_original_user({"SUDO_USER": "ann"}, 1000)
    ('ann', None)
    """
    if uid != ROOT_UID:
        return None
    return variables.get("SUDO_USER") or variables.get("DOAS_USER") or None


def wants_color(variables: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Return whether a stream gets colours: NO_COLOR, then FORCE_COLOR (both count when not empty), then the terminal.

    Sources: https://no-color.org, https://force-color.org.

    >>> wants_color({"FORCE_COLOR": "1"}, is_terminal=False)
    True
    >>> wants_color({"FORCE_COLOR": "1", "NO_COLOR": "1"}, is_terminal=True)
    False
    """
    if variables.get("NO_COLOR"):
        return False
    if variables.get("FORCE_COLOR"):
        return True
    return is_terminal and variables.get("TERM", "") not in {"dumb", ""}


def find_home(variables: Mapping[str, str], uid: int) -> str:
    """Return the home folder: HOME, else the account's, else `/`.

    As root a HOME that is somebody else's (`sudo -E`, `sudo` with `env_keep`) doesn't count: root
    would read that person's files as its own and leave its own among them.
    """
    home = variables.get("HOME", "")
    if home.startswith("/") and _may_be_own(Path(home), uid):
        return home
    with suppress(KeyError):
        return pwd.getpwuid(uid).pw_dir
    return "/"


def find_paths(variables: Mapping[str, str], home: str, uid: int) -> Paths:
    """Return sayso's folders; a variable that is relative, or somebody else's folder for root, doesn't count."""

    def base(variable: str, default: str | Path) -> Path:
        folder = variables.get(variable, "")
        is_usable = folder.startswith("/") and _may_be_own(Path(folder), uid)
        return Path(folder if is_usable else default) / "sayso"

    run = Path(f"/run/user/{uid}")
    return Paths(
        config=base("XDG_CONFIG_HOME", f"{home}/.config"),
        state=base("XDG_STATE_HOME", f"{home}/.local/state"),
        cache=base("XDG_CACHE_HOME", f"{home}/.cache"),
        runtime=base("XDG_RUNTIME_DIR", run if run.is_dir() else f"{home}/.cache"),
    )


def ignored_folders(variables: Mapping[str, str], home: str, uid: int) -> tuple[str, ...]:
    """Return the warning that root's variables name folders that aren't root's, so that others are used; none as a rule."""
    ignored = [
        name
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
        if (folder := variables.get(name, "")).startswith("/") and not _may_be_own(Path(folder), uid)
    ]
    if not ignored:
        return ()
    said = ", ".join(f"{name}={variables[name]}" for name in ignored)
    paths = find_paths(variables, home, uid)
    verb = "is" if len(ignored) == 1 else "are"
    used = f"settings are those of {paths.config}, history and backups those of {paths.state}"
    return (f"You are root, and {said} {verb} not root's, so it doesn't count: {used}.",)


def _may_be_own(folder: Path, uid: int) -> bool:
    """For root, the folder (or its nearest parent that exists) must be root's; others can't write elsewhere anyway."""
    if uid != ROOT_UID:
        return True
    for candidate in (folder, *folder.parents):
        with suppress(OSError):
            return candidate.stat().st_uid == ROOT_UID
    return False


def _user_name(variables: Mapping[str, str], uid: int) -> str:
    """The account's name; the variables are only for accounts that the user database doesn't know."""
    with suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return variables.get("USER") or variables.get("LOGNAME") or str(uid)


def _current_directory(variables: Mapping[str, str]) -> str:
    """Where the process is, also when that folder is gone: then paths below it don't exist, as they should.

    Any other folder in its place would make "here" mean something that the person didn't say.
    """
    with suppress(OSError):
        return str(Path.cwd())
    stale = variables.get("PWD", "")
    if stale.startswith("/"):
        return stale
    with suppress(OSError):
        return str(Path("/proc/self/cwd").readlink()).removesuffix(" (deleted)")
    return "/"


def _stream(stream: TextIO | None, descriptor: int, *, errors: str) -> TextIO:
    """A closed stream (`>&-`) becomes the null device; no character ends a program that only prints it."""
    if stream is None:
        return Path(os.devnull).open("r" if descriptor == 0 else "w", encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=errors)
    return stream


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False
