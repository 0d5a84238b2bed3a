"""Makes an address of the settings that hold for a host: tokens, `~` and variables replaced, values checked."""

import os
import re
import shlex
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from executors.ssh_address import DEFAULT_CONNECT_TIMEOUT_S, DEFAULT_PORT, HostAddress
from executors.ssh_config_reading import Settings
from executors.ssh_config_tokens import local_user, replace_tokens, replace_variables
from intents.errors import TargetError

DEFAULT_USER_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
DEFAULT_GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
_NEEDS_A_SHELL = re.compile(r"[|&;<>()$`*?\[\]{}!\n]|(?:^|\s)~")
"""What in a ProxyCommand only a shell could make sense of."""


class Expansion:
    """Makes an address of settings: tokens (`%h`), `~`, and `${VARIABLE}` replaced, as ssh_config(5), TOKENS, says."""

    def __init__(self, name: str, settings: Settings, address: HostAddress | None = None) -> None:
        self._name = name
        self._settings = settings
        hostname = replace_tokens(self._first("hostname") or name, {"h": name}, name)
        self._hostname = hostname.lower() if address is None else address.hostname
        self._port = _port(name, self._first("port") or DEFAULT_PORT)
        self._user = self._first("user") or local_user()

    def address(self, known: Mapping[str, Any]) -> HostAddress:
        """Return the address without its way."""
        named = [one for one in self._settings.get("identityfile", ()) if one.lower() != "none"]
        files = known.get("identity_files") or tuple(self.path(one) for one in named)
        return HostAddress(
            name=self._name,
            hostname=self._hostname,
            port=self._port,
            user=self._user,
            identity_files=tuple(files),
            known_hosts_files=self._known_hosts(),
            connect_timeout_s=float(known.get("connect_timeout_s", DEFAULT_CONNECT_TIMEOUT_S)),
            identities_only=self._is_on("identitiesonly"),
            uses_default_identities="identityfile" not in self._settings,
            identity_agent=self._agent(),
            certificate_files=tuple(
                self.path(one) for one in self._settings.get("certificatefile", ()) if one.lower() != "none"
            ),
            host_key_alias=self._first("hostkeyalias"),
            proxy_command=self._proxy_command(),
            has_compression=self._is_on("compression"),
        )

    def path(self, text: str) -> str:
        """Return an absolute path."""
        return str(Path(replace_variables(self.tokens(text), self._name)).expanduser().absolute())

    def tokens(self, text: str) -> str:
        """Return `text` with its tokens replaced. Raises `TargetError` for one that isn't known."""
        local = socket.gethostname()
        known = {
            "d": str(Path("~").expanduser()),
            "h": self._hostname,
            "i": str(os.getuid()),
            "k": self._first("hostkeyalias") or self._name,
            "L": local.partition(".")[0],
            "l": local,
            "n": self._name,
            "p": str(self._port),
            "r": self._user,
            "u": local_user(),
        }
        return replace_tokens(text, known, self._name)

    def _first(self, keyword: str) -> str | None:
        return next(iter(self._settings.get(keyword, ())), None)

    def _is_on(self, keyword: str) -> bool:
        return (self._first(keyword) or "no").lower() in {"yes", "true"}

    def _known_hosts(self) -> tuple[str, ...]:
        own = self._settings.get("userknownhostsfile", DEFAULT_USER_KNOWN_HOSTS)
        common = self._settings.get("globalknownhostsfile", DEFAULT_GLOBAL_KNOWN_HOSTS)
        return tuple(self.path(one) for one in (*own, *common) if one.lower() != "none")

    def _agent(self) -> str | None:
        text = self._first("identityagent")
        if text is None or text == "SSH_AUTH_SOCK":
            return None
        if text.lower() == "none":
            return "none"
        return replace_variables("${" + text[1:] + "}", self._name) if re.fullmatch(r"\$\w+", text) else self.path(text)

    def _proxy_command(self) -> tuple[str, ...]:
        """Return the vector of a ProxyCommand. Raises `TargetError` where only a shell could read it."""
        text = self._first("proxycommand")
        if text is None or text.lower() == "none":
            return ()
        bare = re.sub(r"^exec\s+", "", text)
        try:
            words = shlex.split(bare)
        except ValueError:
            words = []
        if not words or _NEEDS_A_SHELL.search(re.sub(r"'[^']*'", "", bare)) or "=" in words[0]:
            raise TargetError(
                f"The ProxyCommand of {self._name} needs a shell, which never reads anything here: {ascii(text)[:120]}.",
                remedy="Write it as one program with its arguments, use ProxyJump, or let ssh itself connect: "
                "`sayso_transport=openssh` in the inventory.",
                host=self._name,
            )
        return tuple(self.tokens(word) for word in words)


def _port(name: str, value: object) -> int:
    text = str(value)
    if text.isascii() and text.isdigit() and 0 < int(text) < 1 << 16:
        return int(text)
    raise TargetError(f"{name} has the port {ascii(text)[:40]}.", remedy="Give a number from 1 to 65535.", host=name)
