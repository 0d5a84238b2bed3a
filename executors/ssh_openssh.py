"""Connections that the system's `ssh` makes: for GSSAPI, PKCS#11, host certificates, `Match exec` and the like.

One background `ssh` per connection logs in and listens on a socket in a folder that only we may enter; each command is a
further `ssh` that goes through it. What must not depend on anybody's configuration stands first in a file of our own,
where the first value wins, and which holds for jump hosts as well.
"""

import contextlib
import os
import re
import secrets
import selectors
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from executors.programs import find_program
from executors.ssh_address import HostAddress
from executors.ssh_channel import ChannelFault
from executors.ssh_errors import shown
from executors.ssh_processes import Process, end_process, run_ssh, start_ssh
from executors.ssh_quoting import quote_for_posix_shell
from intents.errors import HostKeyError, StepError, TargetError, UnreachableError

FIXED: Mapping[str, str] = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
    "PasswordAuthentication": "no",
    "KbdInteractiveAuthentication": "no",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "ClearAllForwardings": "yes",
    "Tunnel": "no",
    "PermitLocalCommand": "no",
    "RemoteCommand": "none",
    "RequestTTY": "no",
    "EscapeChar": "none",
    "AddKeysToAgent": "no",
    "TCPKeepAlive": "yes",
    "ServerAliveInterval": "4",
    "ServerAliveCountMax": "3",
    "LogLevel": "DEBUG1",
    "ControlMaster": "auto",
    "ControlPersist": "60",
}
"""What holds for every host and every jump host, whatever the configuration says (ssh_config(5)). Jump hosts are shared."""

CHUNK_BYTES = 32 * 1024
LOG_LIMIT_BYTES = 256 * 1024
_OWN_FAULT = 255
"""The exit code of `ssh` for its own faults, for commands that a signal ended, and for commands that exit with it."""


class OpenSshConnection:
    """A login that `ssh` holds open. Several threads may open channels of it."""

    def __init__(self, address: HostAddress, folder: Path) -> None:
        """Log in. `folder` is for sockets and logs; only this account may enter it.

        Raises `HostKeyError` for a host key that isn't trusted, `TargetError` for a configuration that ssh refuses,
        `UnreachableError` when there is no answer or the login is refused, `StepError` when there is no `ssh`.
        """
        self._address = address
        self._folder = folder
        self._socket = folder / secrets.token_hex(6)
        self._options = ("-F", str(self._write_configuration()), *explicit_options(address))
        log = self._socket.with_suffix(".log")
        arguments = ("-N", "-f", "-M", "-S", str(self._socket), "-E", str(log), *self._options, "--", address.name)
        limit_s = address.connect_timeout_s + address.login_timeout_s
        code = run_ssh(arguments, limit_s=limit_s)
        said = _read_log(log)
        log.unlink(missing_ok=True)
        if code != 0 or not self.is_active:
            raise _fault(said, address, code, limit_s)

    @property
    def is_active(self) -> bool:
        """Whether the background `ssh` listens."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(self._socket))
            return True
        return False

    def open_channel(self) -> "OpenSshChannel":
        """Return a channel; `ssh` itself makes a connection for it where the server gives no more sessions on this one."""
        if not self.is_active:
            raise ChannelFault
        arguments = ("-T", "-S", str(self._socket), "-o", "ControlMaster=no", "-E", os.devnull, *self._options)
        return OpenSshChannel((*arguments, "--", self._address.name))

    def close(self) -> None:
        """End the background `ssh`; it would end by itself after a minute."""
        if self.is_active:
            run_ssh(("-F", "none", "-S", str(self._socket), "-O", "exit", "--", "any"), limit_s=5.0)

    def _write_configuration(self) -> Path:
        path = self._socket.with_suffix(".conf")
        path.write_text(configuration_for(self._address, self._folder), encoding="utf-8", errors="surrogateescape")
        return path


class OpenSshChannel:
    """One command by one `ssh` of its own, as `SessionChannel`."""

    reports_end = False
    signal: int | None = None

    def __init__(self, arguments: tuple[str, ...]) -> None:
        self._arguments = arguments
        self._process: Process | None = None
        self._selector = selectors.DefaultSelector()
        self._ending_file: int | None = None
        self._open: dict[str, IO[bytes]] = {}

    def execute(self, command: bytes, limit_s: float) -> None:  # noqa: ARG002 - the command's own limit does it
        """See `SessionChannel`. The server's refusal shows as an `ssh` that ends."""
        try:
            process = self._process = start_ssh((*self._arguments, os.fsdecode(command)), has_streams=True)
        except OSError as error:
            raise ChannelFault from error
        for name, stream in (("stdin", process.stdin), ("stdout", process.stdout), ("stderr", process.stderr)):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                self._open[name] = stream
        for name in ("stdout", "stderr"):
            self._selector.register(self._open[name], selectors.EVENT_READ)
        with contextlib.suppress(OSError):
            self._ending_file = os.pidfd_open(process.pid)
            self._selector.register(self._ending_file, selectors.EVENT_READ)

    def read_stdout(self) -> bytes:
        """See `SessionChannel`."""
        return self._read("stdout")

    def read_stderr(self) -> bytes:
        """See `SessionChannel`."""
        return self._read("stderr")

    def write(self, data: bytes | bytearray) -> int:
        """See `SessionChannel`."""
        stream = self._open.get("stdin")
        if stream is None:
            raise BrokenPipeError
        try:
            return os.write(stream.fileno(), data)
        except BlockingIOError:
            return 0

    def close_input(self) -> None:
        """See `SessionChannel`."""
        stream = self._open.pop("stdin", None)
        if stream is not None:
            stream.close()

    @property
    def is_at_end(self) -> bool:
        """See `SessionChannel`."""
        return not {"stdout", "stderr"} & self._open.keys()

    @property
    def has_ended(self) -> bool:
        """See `SessionChannel`."""
        return self._process is not None and self._process.poll() is not None

    @property
    def exit_code(self) -> int | None:
        """See `SessionChannel`. Only for a command that didn't get to its start line: after that the starter tells."""
        code = None if self._process is None else self._process.poll()
        return code if code is not None and 0 <= code < _OWN_FAULT else None

    def wait(self, limit_s: float) -> None:
        """See `SessionChannel`."""
        for key, _ in self._selector.select(limit_s):
            if key.fileobj == self._ending_file:
                self._selector.unregister(key.fileobj)  # it stays readable

    def close(self) -> None:
        """See `SessionChannel`."""
        if self._process is not None:
            end_process(self._process)
        self._selector.close()
        if self._ending_file is not None:
            os.close(self._ending_file)
            self._ending_file = None
        for stream in self._open.values():
            with contextlib.suppress(OSError):
                stream.close()
        self._open.clear()

    def _read(self, name: str) -> bytes:
        stream = self._open.get(name)
        if stream is None:
            return b""
        try:
            data = os.read(stream.fileno(), CHUNK_BYTES)
        except BlockingIOError:
            return b""
        if not data:
            self._selector.unregister(stream)
            del self._open[name]
            stream.close()
        return data


def configuration_for(address: HostAddress, folder: Path) -> str:
    """Return the text of a configuration file: what is fixed, then the files of `address`. Sockets lie in `folder`."""
    lines = [f"{keyword} {value}" for keyword, value in FIXED.items()]
    lines.append(f"ControlPath {_quoted(str(folder))}/%C")
    lines.append(f"ConnectTimeout {max(1, round(address.connect_timeout_s))}")
    lines += [f"Include {_quoted(path)}" for path in address.config_files]
    return "\n".join(lines) + "\n"


def options_for(address: HostAddress) -> tuple[str, ...]:
    """Return what ssh needs to be told to reach a host as `address` says, without any configuration: `Keyword=value` each."""
    known_hosts = " ".join(_quoted(_token_free(path)) for path in address.known_hosts_files) or "none"
    is_bound = address.identities_only or bool(address.identity_files)
    return (
        f"HostName={_token_free(address.hostname)}",
        f"Port={address.port}",
        f"User={_quoted(address.user)}",
        f"UserKnownHostsFile={known_hosts}",
        "GlobalKnownHostsFile=none",
        f"IdentitiesOnly={'yes' if is_bound else 'no'}",
        *(f"IdentityFile={_quoted(_token_free(path))}" for path in address.identity_files),
        *further_options(address),
    )


def further_options(address: HostAddress) -> tuple[str, ...]:
    """Return the options for what not every host has: certificates, an alias, an agent, compression, and the way through others."""
    options = [f"CertificateFile={_quoted(_token_free(path))}" for path in address.certificate_files]
    options += [f"HostKeyAlias={address.host_key_alias}"] if address.host_key_alias else []
    options += [f"IdentityAgent={_quoted(_token_free(address.identity_agent))}"] if address.identity_agent else []
    options += ["Compression=yes"] if address.has_compression else []
    if address.jump is not None:
        # ssh gives this to a shell, after its tokens: the jump's own tokens are for the ssh in there.
        fixed = [f"{keyword}={value}" for keyword, value in FIXED.items() if not keyword.startswith("Control")]
        told = [word for option in (*fixed, *options_for(address.jump)) for word in ("-o", option)]
        before = [_token_free(word) for word in (find_program("ssh"), "-F", "none", *told)]
        way = quote_for_posix_shell((*before, "-W", "[%h]:%p", "--", _token_free(address.jump.name)))
        options.append(f"ProxyCommand={way}")
    elif address.proxy_command:
        options.append(f"ProxyCommand={quote_for_posix_shell([_token_free(word) for word in address.proxy_command])}")
    return tuple(options)


def explicit_options(address: HostAddress) -> tuple[str, ...]:
    """Return the options for what `ssh` can't find in its configuration: everything where there is none."""
    if not address.config_files:
        return tuple(word for option in options_for(address) for word in ("-o", option))
    keywords = {
        "hostname": "HostName=",
        "port": "Port=",
        "user": "User=",
        "identity_files": "IdentityFile=",
        "jumps": "ProxyCommand=",
    }
    wanted = tuple(keywords[name] for name in address.given if name in keywords)
    told = [option for option in options_for(address) if wanted and option.startswith(wanted)]
    told += ["IdentitiesOnly=yes"] if "identity_files" in address.given else []
    return tuple(word for option in told for word in ("-o", option))


def _token_free(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """Quote for ssh's option parser, which splits at spaces and knows no line breaks within quotes (misc.c, argv_split)."""
    if "\n" in text or "\0" in text:
        raise TargetError(f"{shown(text)} has a line break in it.", remedy="Use a name without.", host="")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _read_log(path: Path) -> str:
    try:
        with path.open("rb") as log:
            return log.read(LOG_LIMIT_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _fault(said: str, address: HostAddress, code: int | None, limit_s: float) -> TargetError | StepError:
    """Return the error for what `ssh` wrote into its log (OpenSSH 9.2: sshconnect.c, ssh.c, readconf.c)."""
    where = f"{address.name} ({address.hostname} port {address.port})"
    key = next(iter(re.findall(r"^debug1: Server host key: (\S+ \S+)", said, re.MULTILINE)[-1:]), "")
    complaints = [line for line in said.splitlines() if line.strip() and not line.startswith("debug")]
    last = shown(complaints[-1]) if complaints else "ssh says nothing more"
    if "HOST IDENTIFICATION HAS CHANGED" in said or "has changed and you have requested strict checking" in said:
        return HostKeyError(
            f"WARNING: the key of {where} HAS CHANGED: it shows {shown(key)}. Somebody may be between you and the host. "
            "Nothing was sent.",
            remedy="Ask the host's operator for its fingerprint. Only if it is this one, remove the old line with "
            f"`ssh-keygen -R '{address.key_name}'` and accept the new key.",
            host=address.name,
        )
    if "REVOKED" in said or "marked as revoked" in said:
        return HostKeyError(
            f"WARNING: the key of {where} HAS BEEN REVOKED: it shows {shown(key)}. Nothing was sent.",
            remedy="Ask the host's operator; don't connect before you know why.",
            host=address.name,
        )
    if re.search(r"No \S+ host key is known for", said) or "Host key verification failed" in said:
        return HostKeyError(
            f"The key of {where} is not known: {shown(key)}.",
            remedy="Compare it with what the host's operator says; then accept it once with "
            f"`ssh -p {address.port} {address.user}@{address.hostname}`.",
            host=address.name,
        )
    if re.search(r"Bad (configuration option|owner or permissions)|terminating, \d+ bad configuration", said):
        return TargetError(
            f"ssh refuses the configuration for {address.name}: {last}.",
            remedy="Check it with `ssh -G " + address.name + "`.",
            host=address.name,
        )
    if "Permission denied (" in said or "Too many authentication failures" in said:
        return UnreachableError(
            f"{where} refused the login of {shown(address.user)}: {last}.",
            remedy=f"Try `ssh {address.name} true`: it must work without asking anything.",
            host=address.name,
        )
    if code is None:
        last = f"no login within {limit_s:g} s"
    return UnreachableError(
        f"{where} can't be reached by ssh: {last}.",
        remedy=f"Check that the host is up; `ssh -v {address.name}` tells more.",
        host=address.name,
    )
