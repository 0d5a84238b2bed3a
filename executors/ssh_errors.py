"""paramiko's exceptions and those of sockets become ours here, and nowhere else.

Text in them can come from the server: it is shown as ASCII and cut, so that it can't steer a
terminal.
"""

import socket
from collections.abc import Mapping

from executors.ssh_address import HostAddress
from intents.errors import TargetError, UnreachableError

SHOWN_CHARACTERS = 200

REMEDIES: Mapping[str, str] = {
    "SSHException": "Check that an SSH server answers there: `ssh -v -p {port} {user}@{hostname}`.",
    "AuthenticationException": "Check the account and its key: `ssh -v -p {port} {user}@{hostname}`.",
    "PasswordRequiredException": "Add the key to an agent: `ssh-add`.",
    "BadAuthenticationType": "Install a public key for {user} on the host; sayso logs in by key only.",
    "PartialAuthentication": "The host wants a second factor, which sayso can't give; use an account that needs a key only.",
    "UnableToAuthenticate": "Check the account and its key: `ssh -v -p {port} {user}@{hostname}`.",
    "ChannelException": "The host opens no more sessions: look at MaxSessions in its sshd_config.",
    "BadHostKeyException": "Find out why the key changed before anything else.",
    "IncompatiblePeer": "The host offers only algorithms that are no longer safe (SHA-1, 3DES, CBC); upgrade its SSH server.",
    "ProxyCommandFailure": "Run the ProxyCommand of the SSH configuration by hand.",
    "NoValidConnectionsError": "Check that the host is up and that port {port} is right and open.",
    "CouldNotCanonicalize": "Give the host's full name as HostName in the SSH configuration.",
    "ConfigParseError": "Check it with `ssh -G {name}`.",
    "MessageOrderError": "Something on the way tampers with the connection; don't use it before you know what.",
}
"""paramiko class -> what to try. A test compares this with `paramiko.ssh_exception`."""

_OF_THE_TARGET = frozenset(
    {"BadHostKeyException", "CouldNotCanonicalize", "ConfigParseError", "PasswordRequiredException"}
)
"""Faults of what is configured here, and not of the host's being reachable."""


def shown(text: object) -> str:
    r"""Return foreign text as one line of printable ASCII.

    >>> shown("bad\x1b[2Jbanner\r\n")
    'bad\\x1b[2Jbanner'
    """
    raw = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return ascii(raw.strip())[1:-1][:SHOWN_CHARACTERS]


def target_error(error: BaseException, address: HostAddress) -> TargetError:
    """Return our error for one of paramiko's or a socket's: `UnreachableError`, or `TargetError` for a fault on our side."""
    where = f"{address.name} ({address.hostname} port {address.port})"
    name = next((base.__name__ for base in type(error).__mro__ if base.__name__ in REMEDIES), None)
    if name is not None:
        remedy = REMEDIES[name].format(
            port=address.port, user=address.user, hostname=address.hostname, name=address.name
        )
        kind = TargetError if name in _OF_THE_TARGET else UnreachableError
        return kind(f"No session with {where} as {address.user}: {shown(error)}.", remedy=remedy, host=address.name)
    return UnreachableError(
        f"{where} can't be reached: {_socket_fault(error, address)}.", remedy=_socket_remedy(error), host=address.name
    )


def _socket_fault(error: BaseException, address: HostAddress) -> str:
    if isinstance(error, TimeoutError):
        return f"it didn't answer within {address.connect_timeout_s:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens on that port"
    if isinstance(error, socket.gaierror):
        return f"its name can't be resolved ({shown(error.strerror)})"
    return shown(error) or type(error).__name__


def _socket_remedy(error: BaseException) -> str:
    if isinstance(error, socket.gaierror):
        return "Check the spelling, or give its address as HostName or ansible_host."
    return "Check that the host is up and that the port is right and open."
