"""The keys with which a login is tried: files and the agent's, in the order of `HostAddress`."""

import base64
import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from executors.ssh_address import DEFAULT_IDENTITIES, HostAddress
from executors.ssh_errors import shown
from intents.errors import TargetError

if TYPE_CHECKING:
    from paramiko import Agent, AgentKey, PKey

TRIES = 3
"""How often a passphrase may be typed: once, and twice more after a wrong one."""


class Prompter(Protocol):
    """Somebody who can type a passphrase."""

    def ask_password(self, prompt: str) -> str | None:
        """Show `prompt`, read a line without showing it; None when nobody answers."""
        ...


class Passphrases:
    """Key files that a person has unlocked, for one session: each is asked for once, and only the key is kept."""

    def __init__(self, prompter: Prompter | None = None) -> None:
        """Take who is asked; with None every locked key stays locked."""
        self._prompter = prompter
        self._unlocked: dict[str, PKey | None] = {}
        self._asking = threading.Lock()

    def unlock(self, path: Path) -> "PKey | None":
        """Return the key of an encrypted file, or None where nobody knows its passphrase; the first thread asks, the others wait."""
        with self._asking:
            if str(path) not in self._unlocked:
                self._unlocked[str(path)] = self._ask(path)
            return self._unlocked[str(path)]

    def forget(self) -> None:
        """Drop the keys; one that is wanted again is asked for again."""
        self._unlocked.clear()

    def _ask(self, path: Path) -> "PKey | None":
        from paramiko import SSHException

        again = ""
        for _ in range(TRIES if self._prompter is not None else 0):
            typed = self._prompter.ask_password(f"{again}passphrase of the key {path}: ") if self._prompter else None
            if not typed:
                return None
            try:
                return _private_key(str(path), typed)
            except (SSHException, ValueError, OSError):
                again = "That was not the passphrase. "
        return None


@contextmanager
def identities(address: HostAddress, passphrases: Passphrases | None = None) -> "Iterator[Iterator[PKey]]":
    """Open the keys to try, each once; the agent's sign only while this is open.

    Servers end the connection after a few keys (MaxAuthTries, 6 by default), so that files that are named go
    first. An encrypted file is used through the agent if that holds its key; else its passphrase is asked for,
    after everything else has failed.

    Raises `TargetError`, when no other key was good, if a named file is missing, isn't a key, or can't be
    unlocked.
    """
    agent = _Agent(address.identity_agent)
    try:
        yield _Keys(address, agent, passphrases or Passphrases()).in_turn()
    finally:
        agent.close()


class _Keys:
    """The keys of one login, while they are tried."""

    def __init__(self, address: HostAddress, agent: "_Agent", passphrases: Passphrases) -> None:
        self._address = address
        self._agent = agent
        self._passphrases = passphrases
        self._seen: set[bytes] = set()
        self._locked: list[Path] = []
        self._faults: list[TargetError] = []

    def in_turn(self) -> "Iterator[PKey]":
        address = self._address
        steps: list[Callable[[], Iterator[PKey]]] = [self._of_files]
        if not address.identities_only:
            # The agent's before files that nobody named, as an agent is there to be used.
            steps.insert(1 if address.identity_files else 0, self._of_agent)
        for step in (*steps, self._of_locked_files):
            yield from step()
        if self._faults:
            raise self._faults[0]

    def _of_files(self) -> "Iterator[PKey]":
        from paramiko import PasswordRequiredException, SSHException

        named = self._address.identity_files
        for path in map(Path, named or (DEFAULT_IDENTITIES if self._address.uses_default_identities else ())):
            file = path.expanduser()
            try:
                yield from self._with_certificates(_load(str(file), file.stat().st_mtime_ns), file)
            except PasswordRequiredException:
                held = self._agent.holds(_public_bytes(file))
                if held is None:
                    self._locked.append(file)
                else:
                    yield from self._new(held)
            except OSError as error:
                self._note(
                    file,
                    f"can't be read ({error.strerror})",
                    "Correct the path of the identity file.",
                    is_named=bool(named),
                )
            except (SSHException, ValueError) as error:
                held = self._agent.holds(_public_part(file))  # IdentityFile may name a public key
                if held is not None:
                    yield from self._new(held)
                    continue
                what = f"isn't a usable private key ({shown(error)})"
                self._note(file, what, "Name an ed25519, ecdsa or rsa key.", is_named=bool(named))

    def _of_agent(self) -> "Iterator[PKey]":
        for key in self._agent.held_keys():
            yield from self._new(key)

    def _of_locked_files(self) -> "Iterator[PKey]":
        for file in self._locked:
            key = self._passphrases.unlock(file)
            if key is not None:
                yield from self._with_certificates(key, file)
            else:
                what = "is encrypted, and no agent holds it"
                self._note(
                    file, what, f"Add it to an agent: `ssh-add {file}`.", is_named=bool(self._address.identity_files)
                )

    def _with_certificates(self, key: "PKey", file: Path) -> "Iterator[PKey]":
        """Yield the key with each certificate that is made for it, then by itself (as ssh offers them)."""
        for path in (*self._address.certificate_files, f"{file}-cert.pub"):
            if path and _certified_key(Path(path)) == key.asbytes():
                certified = copy.copy(key)  # the key itself is shared with other hosts
                certified.load_certificate(path)
                yield certified
        yield from self._new(key)

    def _new(self, key: "PKey") -> "Iterator[PKey]":
        if key.asbytes() not in self._seen:
            self._seen.add(key.asbytes())
            yield key

    def _note(self, path: Path, what: str, remedy: str, *, is_named: bool) -> None:
        """Keep a fault for the case that no key is good; the usual files needn't be there."""
        if is_named:
            name = self._address.name
            self._faults.append(TargetError(f"The key {path} for {name} {what}.", remedy=remedy, host=name))


class _Agent:
    """The person's agent, spoken to only when a key of it is needed. One that isn't there has no keys."""

    def __init__(self, socket_path: str | None) -> None:
        self._path = socket_path
        self._agent: Agent | None = None

    def held_keys(self) -> "tuple[AgentKey, ...]":
        from paramiko import SSHException

        if self._path == "none":
            return ()
        try:
            if self._agent is None:
                self._agent = self._open()
            return tuple(self._agent.get_keys())
        except (OSError, SSHException):
            return ()

    def holds(self, public: bytes) -> "AgentKey | None":
        """Return the agent's key of that public part, or None."""
        return next((key for key in self.held_keys() if key.asbytes() == public), None) if public else None

    def close(self) -> None:
        if self._agent is not None:
            self._agent.close()

    def _open(self) -> "Agent":
        import socket

        from paramiko import Agent
        from paramiko.agent import AgentSSH

        if self._path is None:
            return Agent()
        # paramiko 5.1 knows SSH_AUTH_SOCK only; `Agent` is this class with that one lookup before it.
        agent = Agent.__new__(Agent)
        AgentSSH.__init__(agent)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(self._path)
        agent._connect(connection)  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public way
        return agent


@lru_cache(maxsize=64)
def _load(path: str, modified_ns: int) -> "PKey":  # noqa: ARG001 - the time is part of the cache's key
    """Load one private key file; an rsa 4096 key costs 0.5 s, so it is loaded once for all hosts."""
    return _private_key(path, None)


def _private_key(path: str, passphrase: str | None) -> "PKey":
    from paramiko import ECDSAKey, Ed25519Key, PasswordRequiredException, RSAKey, SSHException

    fault: Exception = SSHException("unknown kind of key")
    for kind in (Ed25519Key, ECDSAKey, RSAKey):
        try:
            return kind.from_private_key_file(path, passphrase)
        except PasswordRequiredException:
            raise
        except (SSHException, ValueError, IndexError) as error:
            fault = error
    raise SSHException(str(fault))


def _public_bytes(path: Path) -> bytes:
    """Return the raw public key beside a private one (`FILE.pub`); empty if there is none."""
    return _public_part(Path(f"{path}.pub"))


def _public_part(path: Path) -> bytes:
    """Return the raw key of a public key's file (type, base64, comment); empty if it is none."""
    try:
        return base64.b64decode(path.read_text(encoding="ascii").split()[1], validate=True)
    except (OSError, ValueError, IndexError):
        return b""


def _certified_key(path: Path) -> bytes:
    """Return the raw public key for which a certificate is; empty if there is none.

    PROTOCOL.certkeys: type, nonce, then the fields of the public key itself, whose type is the certificate's without its ending.
    """
    from paramiko import Message

    fields = {
        "ssh-ed25519": 1,
        "ecdsa-sha2-nistp256": 2,
        "ecdsa-sha2-nistp384": 2,
        "ecdsa-sha2-nistp521": 2,
        "ssh-rsa": 2,
    }
    blob = _public_part(path)
    if not blob:
        return b""
    message = Message(blob)
    kind = message.get_binary().decode("ascii", "replace").removesuffix("-cert-v01@openssh.com")
    message.get_binary()
    key = Message()
    key.add_string(kind)
    for _ in range(fields.get(kind, 0)):
        key.add_string(message.get_binary())
    return key.asbytes()
