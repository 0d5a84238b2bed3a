"""The keys with which a login is tried: files and the agent's, in the order of `HostAddress`."""

from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from executors.ssh_config import DEFAULT_IDENTITIES, HostAddress
from executors.ssh_errors import shown
from intents.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramiko import Agent, PKey


@contextmanager
def identities(address: HostAddress) -> "Iterator[Iterator[PKey]]":
    """Open the keys to try, each once; the agent's sign only while this is open.

    Servers end the connection after a few keys (MaxAuthTries, 6 by default), so that an address
    with its own files gets no others. An encrypted file is used through the agent if that holds
    its key.

    Raises `TargetError`, when the turn of a named file comes, if it is missing, isn't a key, or
    is encrypted and the agent doesn't hold it.
    """
    agent = _Agent()
    try:
        yield _in_turn(address, agent)
    finally:
        agent.close()


def _in_turn(address: HostAddress, agent: "_Agent") -> "Iterator[PKey]":
    if address.identity_files:
        for path in address.identity_files:
            yield _named_key(Path(path), address, agent)
        return
    seen: set[bytes] = set()
    for key in (*agent.held_keys(), *_usual_keys()):
        if key.asbytes() not in seen:
            seen.add(key.asbytes())
            yield key


class _Agent:
    """The person's agent, spoken to only when a key of it is needed. One that isn't there has no keys."""

    def __init__(self) -> None:
        self._agent: Agent | None = None

    def held_keys(self) -> "tuple[PKey, ...]":
        from paramiko import Agent, SSHException

        try:
            if self._agent is None:
                self._agent = Agent()
            return tuple(self._agent.get_keys())
        except (OSError, SSHException):
            return ()

    def close(self) -> None:
        if self._agent is not None:
            self._agent.close()


def _named_key(path: Path, address: HostAddress, agent: _Agent) -> "PKey":
    from paramiko import PasswordRequiredException, SSHException

    try:
        return _load(str(path), path.stat().st_mtime_ns)
    except PasswordRequiredException as error:
        for key in agent.held_keys():
            if key.asbytes() == _public_bytes(path):
                return key
        raise _bad_key(
            path, "is encrypted, and no agent holds it", "Add it to an agent: `ssh-add {path}`.", address
        ) from error
    except OSError as error:
        raise _bad_key(
            path, f"can't be read ({error.strerror})", "Correct the path of the identity file.", address
        ) from error
    except (SSHException, ValueError) as error:
        raise _bad_key(
            path, f"isn't a usable private key ({shown(error)})", "Name an ed25519, ecdsa or rsa key.", address
        ) from error


def _bad_key(path: Path, what: str, remedy: str, address: HostAddress) -> TargetError:
    return TargetError(f"The key {path} for {address.name} {what}.", remedy=remedy.format(path=path), host=address.name)


@lru_cache(maxsize=64)
def _load(path: str, modified_ns: int) -> "PKey":  # noqa: ARG001 - the time is part of the cache's key
    """Load one private key file and its certificate; an rsa 4096 key costs 0.5 s, so it is loaded once for all hosts."""
    from paramiko import ECDSAKey, Ed25519Key, PasswordRequiredException, RSAKey, SSHException

    fault: Exception = SSHException("unknown kind of key")
    for kind in (Ed25519Key, ECDSAKey, RSAKey):
        try:
            key = kind.from_private_key_file(path)
        except PasswordRequiredException:
            raise
        except (SSHException, ValueError, IndexError) as error:
            fault = error
            continue
        if Path(path + "-cert.pub").is_file():
            key.load_certificate(path + "-cert.pub")
        return key
    raise SSHException(str(fault))


def _usual_keys() -> "Iterator[PKey]":
    """Yield what `~/.ssh` has under the usual names; an encrypted or foreign file there is no fault, just no key."""
    from paramiko import SSHException

    for name in DEFAULT_IDENTITIES:
        path = Path(name).expanduser()
        try:
            yield _load(str(path), path.stat().st_mtime_ns)
        except (OSError, SSHException, ValueError):
            continue


def _public_bytes(path: Path) -> bytes:
    """Return the raw public key beside a private one (`FILE.pub`: type, base64, comment); empty if there is none."""
    import base64

    try:
        return base64.b64decode(Path(f"{path}.pub").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return b""
