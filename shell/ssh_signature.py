"""Signatures by SSH keys in OpenSSH's own form (PROTOCOL.sshsig), as `ssh-keygen -Y sign` and `-Y verify` have it.

Keys and signatures are cryptography's; the agent is asked through paramiko. Ed25519, ECDSA over NIST's curves and
RSA (2048 bits and more, with SHA-512) are known.
"""

import base64
import binascii
import hashlib
import os
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
    load_ssh_public_key,
)

from intents.errors import PlanError

if TYPE_CHECKING:
    from paramiko import AgentKey

PublicKey: TypeAlias = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey
PrivateKey: TypeAlias = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey

SMALLEST_RSA_BITS = 2048
DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
"""The files below ~/.ssh that are tried when no key is named, in this order."""

_MAGIC = b"SSHSIG"
_VERSION = 1
_HASH = "sha512"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_LINE_CHARACTERS = 70
_LIMIT_BYTES = 64 * 1024


class BadSignatureError(ValueError):
    """A text is no signature of this key over these bytes; its words say why."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key that can sign: `blob` is its public key in SSH's wire form, `sign` returns SSH's wire form too."""

    blob: bytes
    where: str
    """The file, or the agent; for messages."""
    sign: Callable[[bytes], bytes]


def fingerprint(blob: bytes) -> str:
    """Return a public key's fingerprint, as `ssh-keygen -l` shows it.

    >>> fingerprint(b"")
    'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU'
    """
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii").rstrip("=")


def sign(message: bytes, signer: Signer, *, namespace: str) -> str:
    """Return the armored signature of `message`; `namespace` keeps it from being one for something else.

    Raises `PlanError` when the agent refuses.
    """
    raw = signer.sign(_to_sign(message, namespace))
    blob = _MAGIC + struct.pack(">I", _VERSION)
    blob += b"".join(_string(one) for one in (signer.blob, namespace.encode(), b"", _HASH.encode(), raw))
    text = base64.b64encode(blob).decode("ascii")
    lines = [text[at : at + _LINE_CHARACTERS] for at in range(0, len(text), _LINE_CHARACTERS)]
    return "\n".join([_BEGIN, *lines, _END, ""])


def verify(message: bytes, signature: str, *, namespace: str) -> bytes:
    """Return the public key (wire form) whose signature of `message` this is. Raises `BadSignatureError`."""
    reader = _Reader(_unarmored(signature))
    if reader.take(len(_MAGIC)) != _MAGIC or reader.number() != _VERSION:
        raise BadSignatureError("it is no SSH signature of version 1")
    blob, said_namespace, _reserved, said_hash, raw = (reader.string() for _ in range(5))
    reader.end()
    if said_namespace != namespace.encode() or said_hash != _HASH.encode():
        raise BadSignatureError("it was made for something else")
    try:
        _verify_raw(load_public(blob), raw, _to_sign(message, namespace))
    except InvalidSignature:
        raise BadSignatureError("it doesn't fit") from None
    return blob


def load_public(blob: bytes) -> PublicKey:
    """Return the public key of a wire form. Raises `BadSignatureError` for a kind that isn't known, or is too weak."""
    kind = _Reader(blob).string()
    try:
        key = load_ssh_public_key(kind + b" " + base64.b64encode(blob))
    except (ValueError, UnsupportedAlgorithm):
        raise BadSignatureError("its key is of no known kind") from None
    if isinstance(key, RSAPublicKey) and key.key_size < SMALLEST_RSA_BITS:
        raise BadSignatureError(f"its RSA key has fewer than {SMALLEST_RSA_BITS} bits")
    if isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey):
        return key
    raise BadSignatureError("its key is of no known kind")


def _to_sign(message: bytes, namespace: str) -> bytes:
    digest = hashlib.new(_HASH, message).digest()
    return _MAGIC + b"".join(_string(one) for one in (namespace.encode(), b"", _HASH.encode(), digest))


def _verify_raw(key: PublicKey, raw: bytes, signed: bytes) -> None:
    """Raise `InvalidSignature` or `BadSignatureError` unless the wire form is the key's signature."""
    reader = _Reader(raw)
    algorithm, value = reader.string().decode("ascii", "replace"), reader.string()
    reader.end()
    if isinstance(key, Ed25519PublicKey) and algorithm == "ssh-ed25519":
        key.verify(value, signed)
    elif isinstance(key, EllipticCurvePublicKey) and algorithm == _ecdsa_name(key):
        numbers = _Reader(value)
        first, second = numbers.positive(), numbers.positive()
        numbers.end()
        key.verify(encode_dss_signature(first, second), signed, ECDSA(_ecdsa_hash(key)))
    elif not isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey) and algorithm == "rsa-sha2-512":
        key.verify(value, signed, padding.PKCS1v15(), SHA512())
    else:
        raise BadSignatureError(f"its algorithm {algorithm!r} doesn't belong to its key")


def _ecdsa_name(key: EllipticCurvePublicKey | EllipticCurvePrivateKey) -> str:
    return {256: "ecdsa-sha2-nistp256", 384: "ecdsa-sha2-nistp384", 521: "ecdsa-sha2-nistp521"}.get(key.key_size, "")


def _ecdsa_hash(key: EllipticCurvePublicKey | EllipticCurvePrivateKey) -> HashAlgorithm:
    """The hash that RFC 5656, 6.2.1 gives each curve."""
    return {256: SHA256, 384: SHA384}.get(key.key_size, SHA512)()


# -- keys that sign


def file_signer(path: Path, passphrase: Callable[[str], str | None]) -> Signer:
    """Return the key of an OpenSSH private key file; an encrypted one asks `passphrase` (with a question) once.

    Raises `PlanError`.
    """
    content = _private_content(path)
    try:
        try:
            key = load_ssh_private_key(content, None)
        except TypeError:  # is encrypted
            given = passphrase(f"Passphrase of {path}:")
            if given is None:
                raise PlanError(f"The key {path} is encrypted.", remedy="Give its passphrase.") from None
            key = load_ssh_private_key(content, given.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise PlanError(
            f"{path} can't be used as a key: its passphrase is another, or it is no OpenSSH private key.",
            remedy="`ssh-keygen -p -f FILE` writes a key in OpenSSH's form.",
        ) from None
    if not isinstance(key, Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey):
        raise PlanError(f"The key {path} is of a kind that isn't used here.", remedy="Use an Ed25519 key.")
    usable: PrivateKey = key
    blob = base64.b64decode(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])
    try:
        load_public(blob)
    except BadSignatureError as error:
        raise PlanError(f"The key {path} can't be used: {error}.", remedy="Use an Ed25519 key.") from None
    return Signer(blob, str(path), lambda signed: _sign_raw(usable, signed))


def _private_content(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            content = stream.read(_LIMIT_BYTES + 1)
    except OSError as error:
        raise PlanError(f"The key {path} can't be read: {error.strerror}.", remedy="Name your private key.") from None
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PlanError(f"The key {path} may be used by others.", remedy=f"Make it yours alone: chmod 600 {path}")
    return content


def _sign_raw(key: PrivateKey, signed: bytes) -> bytes:

    match key:
        case Ed25519PrivateKey():
            algorithm, value = "ssh-ed25519", key.sign(signed)
        case EllipticCurvePrivateKey():
            numbers = decode_dss_signature(key.sign(signed, ECDSA(_ecdsa_hash(key))))
            algorithm, value = _ecdsa_name(key), b"".join(_string(_number_bytes(one)) for one in numbers)
        case RSAPrivateKey():
            algorithm, value = "rsa-sha2-512", key.sign(signed, padding.PKCS1v15(), SHA512())
    return _string(algorithm.encode()) + _string(value)


@contextmanager
def agent_signers() -> Iterator[tuple[Signer, ...]]:
    """Open the running ssh-agent; its keys sign while this is open. None of them where there is no agent."""
    from paramiko import Agent, SSHException

    with ExitStack() as opened:
        try:
            agent = Agent()
            opened.callback(agent.close)
            keys = agent.get_keys()
        except (OSError, SSHException):
            keys = ()
        yield tuple(Signer(key.asbytes(), "the ssh-agent", _agent_signature(key)) for key in keys)


def _agent_signature(key: "AgentKey") -> Callable[[bytes], bytes]:
    from paramiko import SSHException

    algorithm = "rsa-sha2-512" if key.get_name() == "ssh-rsa" else None

    def signature(signed: bytes) -> bytes:
        try:
            return bytes(key.sign_ssh_data(signed, algorithm))
        except (OSError, SSHException) as error:
            raise PlanError(f"The ssh-agent didn't sign: {error}.", remedy="Name the key: --key FILE") from None

    return signature


# -- SSH's wire form (RFC 4251, 5)


def _string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def _number_bytes(number: int) -> bytes:
    """A positive number with a leading zero byte where its first bit is set."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


@dataclass(slots=True)
class _Reader:
    """Reads the wire form from its beginning. Raises `BadSignatureError` at its end."""

    rest: bytes

    def take(self, count: int) -> bytes:
        if len(self.rest) < count:
            raise BadSignatureError("it is cut off")
        found, self.rest = self.rest[:count], self.rest[count:]
        return found

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.number())

    def positive(self) -> int:
        return int.from_bytes(self.string(), "big")

    def end(self) -> None:
        if self.rest:
            raise BadSignatureError("something stands behind it")


def _unarmored(text: str) -> bytes:
    lines = text.strip().split("\n")
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END or len(text) > _LIMIT_BYTES:  # noqa: PLR2004
        raise BadSignatureError("it is no armored SSH signature")
    try:
        return base64.b64decode("".join(lines[1:-1]), validate=True)
    except (ValueError, binascii.Error):
        raise BadSignatureError("it is not written in base64") from None
