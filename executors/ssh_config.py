"""What OpenSSH's client configuration says of a host, read statically.

Read: HostName, User, Port, IdentityFile, IdentitiesOnly, UserKnownHostsFile, Include. Nothing in
these files is ever run: `Match exec` and a proxy are refused for the hosts that they concern.
"""

import getpass
import glob
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intents.errors import TargetError

DEFAULT_PORT = 22
DEFAULT_CONNECT_TIMEOUT_S = 10.0
DEFAULT_KNOWN_HOSTS = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")
DEFAULT_IDENTITIES = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
INCLUDE_DEPTH = 16
"""As OpenSSH 9.2 has it (readconf.c, READCONF_MAX_DEPTH)."""


@dataclass(frozen=True, slots=True)
class HostAddress:
    """How a host is reached by SSH, and whose word is taken for its key.

    `name` is what people call it; `hostname` is a DNS name or an address. With no
    `identity_files` the agent's keys and then the usual files in `~/.ssh` are tried; with some,
    these alone. Paths are absolute.
    """

    name: str
    hostname: str
    port: int
    user: str
    identity_files: tuple[str, ...]
    known_hosts_files: tuple[str, ...]
    connect_timeout_s: float


class SshConfig:
    """The configuration files, the first value of a setting winning, as ssh_config(5) says."""

    def __init__(self, blocks: Sequence[str]) -> None:
        """Take the text of each file, the user's own first, with includes in place."""
        self._text = "\nHost *\n".join(blocks)

    @classmethod
    def load(cls, paths: Sequence[Path]) -> "SshConfig":
        """Read `paths` in order; files that don't exist are left out.

        Raises `TargetError` when a file can't be read, or has an Include that isn't at its top.
        """
        return cls([_read(path, path.parent, 0) for path in paths if path.exists()])

    def literal_hosts(self) -> tuple[str, ...]:
        r"""Return the names that stand in `Host` lines without a pattern, in order.

        >>> SshConfig(["Host web1 web2 *.example !db\n  User admin"]).literal_hosts()
        ('web1', 'web2')
        """
        names: dict[str, None] = {}
        for keyword, value in _settings(self._text):
            if keyword == "host":
                names.update(dict.fromkeys(word for word in _words(value) if not re.search(r"[*?!]", word)))
        return tuple(names)

    def address(self, name: str, *, given: Mapping[str, Any] | None = None) -> HostAddress:
        """Return how `name` is reached.

        `given` holds what the inventory says, which goes first: `hostname`, `port`, `user`,
        `identity_files`, `connect_timeout_s`.

        Raises `TargetError` for what would run a program (Match exec, a proxy), a setting that
        isn't valid, or a file that can't be parsed.
        """
        known = dict(given or {})
        asked = str(known.get("hostname", name))
        settings = self._lookup(name, asked)
        return HostAddress(
            name=name,
            hostname=asked if "hostname" in known else str(settings.get("hostname", asked)),
            port=_port(name, known.get("port", settings.get("port", DEFAULT_PORT))),
            user=str(known.get("user") or settings.get("user") or getpass.getuser()),
            identity_files=tuple(known.get("identity_files") or _identity_files(settings)),
            known_hosts_files=_known_hosts_files(settings),
            connect_timeout_s=float(known.get("connect_timeout_s", DEFAULT_CONNECT_TIMEOUT_S)),
        )

    def _lookup(self, name: str, asked: str) -> Mapping[str, Any]:
        """Return the settings under `name`, as a person at ssh would get them by that word."""
        if not self._text.strip():
            return {}
        self._refuse_match_exec(name)
        from paramiko.config import SSHConfig
        from paramiko.ssh_exception import SSHException

        try:
            settings: Mapping[str, Any] = SSHConfig.from_text(self._text).lookup(name)
        except (SSHException, ValueError, KeyError) as error:
            raise TargetError(
                f"The SSH configuration for {name} can't be read: {ascii(str(error))[:200]}.",
                remedy="Check it with `ssh -G " + shlex.quote(asked) + "`.",
                host=name,
            ) from error
        for keyword in ("proxyjump", "proxycommand"):
            value = settings.get(keyword)
            if value is not None and str(value).lower() != "none":
                raise TargetError(
                    f"{name} is reached through {keyword} in the SSH configuration, which is not supported yet.",
                    remedy="Run sayso where the host can be reached directly.",
                    host=name,
                )
        return settings

    def _refuse_match_exec(self, name: str) -> None:
        for keyword, value in _settings(self._text):
            if keyword == "match" and any(word.lower().lstrip("!") == "exec" for word in _words(value)):
                raise TargetError(
                    "The SSH configuration has `Match exec`, which runs a command to find its settings.",
                    remedy="Move those settings into a Host block; sayso never runs commands from a configuration.",
                    host=name,
                )


def _settings(text: str) -> list[tuple[str, str]]:
    """Return (keyword in lower case, the rest) of each line; ssh_config(5): `keyword value` or `keyword=value`."""
    found = (re.match(r"\s*(\w+)(?:\s*=\s*|\s+)(.+)", line) for line in text.splitlines())
    return [(match[1].lower(), match[2].strip()) for match in found if match]


def _words(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()


def _read(path: Path, directory: Path, depth: int) -> str:
    """Return a file's text with its includes (relative to `directory`) put in their place."""
    if depth > INCLUDE_DEPTH:
        raise _bad_file(path, "includes itself, or too deeply")
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise _bad_file(path, f"can't be read ({error.strerror})") from error
    lines: list[str] = []
    in_block = False
    for line in text.splitlines():
        keyword, value = next(iter(_settings(line)), ("", ""))
        in_block = in_block or keyword in {"host", "match"}
        if keyword != "include":
            lines.append(line)
            continue
        if in_block:
            # There it holds for that block's hosts only, which text put in its place can't say.
            raise _bad_file(path, "has an Include inside a Host or Match block, which is not supported")
        for pattern in _words(value):
            where = Path(pattern).expanduser()
            for found in sorted(glob.glob(str(where if where.is_absolute() else directory / where))):  # noqa: PTH207 - absolute patterns too
                lines += [_read(Path(found), directory, depth + 1), "Host *"]
    return "\n".join(lines)


def _bad_file(path: Path, what: str) -> TargetError:
    return TargetError(
        f"The SSH configuration {path} {what}.",
        remedy="Correct the file, or move its Include lines to the top.",
        host="",
    )


def _port(name: str, value: object) -> int:
    text = str(value)
    if text.isascii() and text.isdigit() and 0 < int(text) < 1 << 16:
        return int(text)
    raise TargetError(f"{name} has the port {ascii(text)[:40]}.", remedy="Give a number from 1 to 65535.", host=name)


def _identity_files(settings: Mapping[str, Any]) -> tuple[str, ...]:
    named = [str(Path(path).expanduser()) for path in settings.get("identityfile", []) if path.lower() != "none"]
    if named:
        return tuple(named)
    if str(settings.get("identitiesonly", "no")).lower() == "yes":
        return tuple(str(path) for path in map(_expanded, DEFAULT_IDENTITIES) if path.exists())
    return ()


def _known_hosts_files(settings: Mapping[str, Any]) -> tuple[str, ...]:
    named = _words(str(settings["userknownhostsfile"])) if "userknownhostsfile" in settings else []
    files = [*named, DEFAULT_KNOWN_HOSTS[1]] if named else list(DEFAULT_KNOWN_HOSTS)
    return tuple(str(_expanded(path)) for path in files if path.lower() != "none")


def _expanded(path: str) -> Path:
    return Path(path).expanduser()
