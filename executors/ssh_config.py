"""What OpenSSH's client configuration says of a host: the settings that sayso uses, as ssh_config(5) has them.

Nothing in these files is ever run to find settings: what stands behind `Match exec` (and behind criteria that
only ssh can judge) is *uncertain*, and a host whose settings are uncertain is refused, unless the `ssh` program
itself makes its connections (`HostAddress.transport`), which reads the same files.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from executors.ssh_address import HostAddress, TransportName
from executors.ssh_config_file import Line, lines_with_includes, parse_lines, read_lines
from executors.ssh_config_match import wants_second_reading
from executors.ssh_config_reading import Reading, Settings
from executors.ssh_config_values import Expansion
from intents.errors import TargetError

__all__ = ["HostAddress", "SshConfig"]

HOPS_LIMIT = 8
"""How many jump hosts may lie on the way; more is taken for a circle."""


class SshConfig:
    """The configuration files, the first value of a setting winning, as ssh_config(5) says."""

    def __init__(
        self, files: Sequence[tuple[Line, ...]], *, paths: Sequence[Path] = (), transport: TransportName = "paramiko"
    ) -> None:
        """Take the lines of each file, the user's own first; `transport` is for hosts that name none."""
        self._files = tuple(files)
        self._paths = tuple(str(path) for path in paths)
        self._transport: TransportName = transport

    @classmethod
    def of_text(cls, text: str) -> "SshConfig":
        """Return a configuration of one text without includes."""
        return cls([parse_lines(text)])

    @classmethod
    def load(cls, paths: Sequence[Path], *, transport: TransportName = "paramiko") -> "SshConfig":
        """Read `paths` in order; files that don't exist are left out.

        Raises `TargetError` when a file can't be read, or may be written by others.
        """
        there = [path for path in paths if path.exists()]
        return cls([read_lines(path) for path in there], paths=there, transport=transport)

    def literal_hosts(self) -> tuple[str, ...]:
        r"""Return the names that stand in `Host` lines without a pattern, in order.

        >>> SshConfig.of_text("Host web1 web2 *.example !db\n  User admin").literal_hosts()
        ('web1', 'web2')
        """
        names: dict[str, None] = {}
        for line in (one for file in self._files for one in lines_with_includes(file)):
            if line.keyword == "host":
                names.update(dict.fromkeys(word for word in line.words() if not re.search(r"[*?!]", word)))
        return tuple(names)

    def settings(self, name: str, *, given: Mapping[str, str] | None = None) -> Settings:
        """Return what the files set for `name`, as `ssh -G` shows it; `given` is keyword -> value, as by `ssh -o`.

        Raises `TargetError` for a line that can't be used, and for one of which only ssh could tell whether it
        holds.
        """
        reading = self._read(name, given or {})
        for keyword, line in reading.uncertain.items():
            raise _uncertain(name, keyword, line)
        return reading.values

    def address(self, name: str, *, given: Mapping[str, Any] | None = None) -> HostAddress:
        """Return how `name` is reached.

        `given` holds what the inventory says, which goes first: `hostname`, `port`, `user`,
        `identity_files`, `connect_timeout_s`, `transport`.

        Raises `TargetError` for what could only be known by running a program, for a setting that isn't
        valid, and for jump hosts that lead in a circle.
        """
        return self._address(name, dict(given or {}), way=())

    def _address(self, name: str, known: dict[str, Any], *, way: tuple[str, ...]) -> HostAddress:
        """`way` holds the hosts that are reached through this one, the last of them first."""
        transport = self._transport_of(name, known)
        asked = {word: str(known[word]) for word in ("hostname", "user", "port") if known.get(word)}
        reading = self._read(name, asked)
        if transport == "paramiko":
            for keyword, line in reading.uncertain.items():
                if keyword != "identityfile" or "identity_files" not in known:
                    raise _uncertain(name, keyword, line)
        address = Expansion(name, reading.values).address(known)
        address = replace(
            address, transport=transport, config_files=self._paths, given=tuple(sorted(known.keys() - {"transport"}))
        )
        if transport == "openssh" and "jumps" not in known:
            return address  # the way there is ssh's own affair
        jumps = known["jumps"] if "jumps" in known else _jumps(reading.values)
        if jumps:
            expanded = [Expansion(name, reading.values, address).tokens(jump) for jump in jumps]
            return replace(address, jump=self._jump(name, expanded, way=(*way, name)))
        return address

    def _jump(self, name: str, jumps: list[str], *, way: tuple[str, ...]) -> HostAddress:
        """Return the last of `jumps`, reached through those before it; the first one's own settings say how it is reached."""
        *before, last = jumps
        found = re.fullmatch(
            r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?P<host>\[[^\]]+\]|[^:@\[\]]+)(?::(?P<port>\d+))?/?", last
        )
        if found is None:
            raise TargetError(
                f"{name} has the jump host {ascii(last)[:80]}, which isn't [user@]host[:port].",
                remedy="Correct ProxyJump in the SSH configuration.",
                host=name,
            )
        hop = found["host"].strip("[]")
        if hop in way or len(way) > HOPS_LIMIT:
            raise TargetError(
                f"The jump hosts of {way[0]} lead in a circle through {hop}.",
                remedy=f"Give {hop} `ProxyJump none` in the SSH configuration, above the line that sets it for others.",
                host=way[0],
            )
        known: dict[str, Any] = {word: found[word] for word in ("user", "port") if found[word]}
        known["transport"] = "paramiko"
        if before:
            known["jumps"] = tuple(before)
        return self._address(hop, known, way=way)

    def _transport_of(self, name: str, known: Mapping[str, Any]) -> TransportName:
        wanted = str(known.get("transport") or self._transport)
        if wanted == "openssh":
            return "openssh"
        if wanted == "paramiko":
            return "paramiko"
        raise TargetError(
            f"{name} has the transport {ascii(wanted)[:40]}.", remedy="It is `paramiko` or `openssh`.", host=name
        )

    def _read(self, name: str, given: Mapping[str, str]) -> Reading:
        reading = Reading(name, {keyword: (value,) for keyword, value in given.items()})
        for file in self._files:
            reading.read(file, holds=True)
        if any(
            line.keyword == "match" and wants_second_reading(line)
            for file in self._files
            for line in lines_with_includes(file)
        ):
            reading.begin_again()
            for file in self._files:
                reading.read(file, holds=True)
        return reading


def _jumps(settings: Settings) -> tuple[str, ...]:
    text = next(iter(settings.get("proxyjump", ())), "none")
    return () if text.lower() == "none" else tuple(part.strip() for part in text.split(","))


def _uncertain(name: str, keyword: str, line: Line) -> TargetError:
    return TargetError(
        f"{keyword} of {name} ({line.where}) stands behind a Match criterion that only ssh can judge, such as `Match exec`; "
        "sayso runs nothing to find settings.",
        remedy="Move it into a Host block, or let ssh itself connect: `sayso_transport=openssh` for the host in the "
        "inventory, or the setting `ssh_transport`.",
        host=name,
    )
