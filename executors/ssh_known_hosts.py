"""Whether a host's key is the one that the person trusts: known_hosts, as sshd(8) describes it.

Read here and not by `paramiko.HostKeys`, which drops `@revoked` lines, knows no patterns, keeps
one key of a type per host, and takes the locale's encoding (5.1.0).
"""

import base64
import fnmatch
import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["trusted", "unknown", "changed", "revoked", "certified"]
"""`certified`: no key is known, but an authority is, whose certificate the host might show."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One line: patterns of host names (or one hashed name), key type, key as raw bytes."""

    names: str
    key_type: str
    key: bytes
    is_revoked: bool = False
    is_authority: bool = False
    """Whether it is an authority's key (`@cert-authority`), which vouches for hosts and is no host's own."""

    def is_for(self, name: str) -> bool:
        """Whether the line is about `name`; `!pattern` excludes.

        >>> KnownKey("*.example,!db.example", "ssh-ed25519", b"").is_for("web.example")
        True
        >>> KnownKey("*.example,!db.example", "ssh-ed25519", b"").is_for("db.example")
        False
        """
        if self.names.startswith("|1|"):
            return _is_hash_of(self.names, name)
        patterns = [pattern.lower() for pattern in self.names.split(",")]
        if any(pattern.startswith("!") and _matches(pattern[1:], name) for pattern in patterns):
            return False
        return any(_matches(pattern, name) for pattern in patterns if not pattern.startswith("!"))


class KnownHosts:
    """The lines of several known_hosts files."""

    def __init__(self, keys: Sequence[KnownKey]) -> None:
        self._keys = tuple(keys)

    @classmethod
    def load(cls, paths: Sequence[str]) -> "KnownHosts":
        """Read the files that exist; lines that can't be understood trust nobody and are left out.

        Raises `OSError` when a file exists but can't be read.
        """
        keys: list[KnownKey] = []
        for path in map(Path, paths):
            if path.exists():
                keys += _parse(path.read_text(encoding="utf-8", errors="replace"))
        return cls(keys)

    def key_types(self, name: str) -> tuple[str, ...]:
        """Return the types of the keys that are trusted for a host, so that the server is asked for one of these."""
        return tuple(known.key_type for known in self._about(name) if not (known.is_revoked or known.is_authority))

    def judge(self, name: str, key: bytes) -> Verdict:
        """Return what is to be thought of `key` (raw public key) being shown by the host of that name.

        Where nothing is known under `[host]:port`, a key that is known for `host` is good, as for ssh
        (sshconnect.c, check_host_key).
        """
        verdict = self._judge(name, key)
        bare = re.fullmatch(r"\[(.+)\]:\d+", name)
        if verdict in {"unknown", "certified"} and bare is not None:
            without_port = self._judge(bare[1], key)
            return without_port if without_port in {"trusted", "revoked"} else verdict
        return verdict

    def _judge(self, name: str, key: bytes) -> Verdict:
        about = self._about(name)
        if any(known.is_revoked and known.key == key for known in about):
            return "revoked"
        trusted = [known for known in about if not (known.is_revoked or known.is_authority)]
        if any(known.key == key for known in trusted):
            return "trusted"
        if trusted:
            return "changed"
        return "certified" if any(known.is_authority for known in about) else "unknown"

    def _about(self, name: str) -> list[KnownKey]:
        return [key for key in self._keys if key.is_for(name)]


def _parse(text: str) -> Iterator[KnownKey]:
    """`[@marker] names type key [comment]`."""
    for line in text.splitlines():
        words = line.split()
        marker = words[0] if words and words[0] in {"@revoked", "@cert-authority"} else ""
        if marker:
            words = words[1:]
        if len(words) < 3 or words[0].startswith(("#", "@")):  # noqa: PLR2004 - names, type, key
            continue
        try:
            key = base64.b64decode(words[2], validate=True)
        except ValueError:
            continue
        yield KnownKey(words[0], words[1], key, marker == "@revoked", marker == "@cert-authority")


def _matches(pattern: str, name: str) -> bool:
    """Only `*` and `?` are special; the brackets of `[host]:port` are themselves."""
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def _is_hash_of(hashed: str, name: str) -> bool:
    """`|1|salt|hash`: HMAC-SHA1 of the name with the salt, both base64 (OpenSSH hostfile.c)."""
    try:
        _, _, salt, expected = hashed.split("|")
        digest = hmac.new(base64.b64decode(salt), name.encode(), "sha1").digest()
        return hmac.compare_digest(digest, base64.b64decode(expected))
    except ValueError:
        return False
