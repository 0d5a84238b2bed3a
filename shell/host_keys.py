"""`sayso hosts trust-key HOST`: a host's key is learned once a person, or a known fingerprint, vouches for it."""

import os
from collections.abc import Callable
from pathlib import Path

from executors.ssh_address import HostAddress
from executors.transport import Transport
from intents.errors import HostKeyError, UnknownKey
from shell.terminal import Terminal


def trust_host_key(
    name: str, address: HostAddress, connect: Callable[[HostAddress], Transport], *, fingerprint: str | None
) -> str:
    """Add the key that a host shows to known_hosts and return what was done, in a sentence.

    The fingerprint that was named has to be the key's; without one the person at the terminal is asked.
    A key that has changed or was revoked is never learned here.

    Raises `HostKeyError` where nobody vouches for the key, `SaysoError` when the host can't be reached.
    """
    transport = connect(address)
    try:
        transport.login()
    except HostKeyError as error:
        if error.unknown is None:
            raise
        _require_vouched(error, error.unknown, fingerprint)
        _add_line(error.unknown)
        return f"{error.host} is known by {error.unknown.fingerprint} now, in {error.unknown.file}."
    finally:
        transport.close()
    return f"The key of {name} is known already."


def _require_vouched(error: HostKeyError, key: UnknownKey, fingerprint: str | None) -> None:
    if fingerprint is not None:
        if fingerprint != key.fingerprint:
            raise HostKeyError(
                f"{error.host} shows the key {key.fingerprint}, not {fingerprint}. Nothing was learned.",
                remedy="Ask the host's operator again; somebody may be between you and the host.",
                host=error.host,
            )
        return
    terminal = Terminal.open()
    if terminal is None:
        raise HostKeyError(
            error.message,
            remedy=f"Compare it with what the host's operator says, then `sayso hosts trust-key {error.host} FINGERPRINT`.",
            host=error.host,
        )
    with terminal:
        if not terminal.ask_yes_no(f"{error.message} Does the host's operator name this fingerprint?"):
            raise HostKeyError(
                f"The key of {error.host} was not learned.", remedy="Ask the host's operator.", host=error.host
            )


def _add_line(key: UnknownKey) -> None:
    path = Path(key.file).expanduser()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as stream:
        is_open = stream.seek(0, os.SEEK_END) > 0
        if is_open:
            stream.seek(-1, os.SEEK_END)
            is_open = stream.read(1) != b"\n"  # somebody's last line has no end
        stream.write((("\n" if is_open else "") + key.line + "\n").encode())
