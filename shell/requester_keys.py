"""Which keys a person can sign with: what their agent holds, and the public halves in their `.ssh` folders.

Whoever asks for a plan must not be its second person by another name. The keys stand in the plan file for that.
"""

import base64
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from shell.ssh_signature import agent_signers, fingerprint

_LONGEST_BYTES = 16 * 1024
_MOST_FILES = 100


def held_keys(folders: Sequence[Path]) -> tuple[str, ...]:
    """Return the fingerprints (`SHA256:…`) of the keys that the running agent holds, and of `*.pub` in the folders."""
    with agent_signers() as signers:
        found = {fingerprint(signer.blob) for signer in signers}
    for folder in folders:
        found |= set(_public_halves(folder))
    return tuple(sorted(found))


def _public_halves(folder: Path) -> Iterator[str]:
    try:
        names = sorted(path.name for path in folder.iterdir() if path.name.endswith(".pub"))
    except OSError:
        return
    for name in names[:_MOST_FILES]:
        words = _content(folder / name).split()
        try:
            yield fingerprint(base64.b64decode(words[1], validate=True))
        except (IndexError, ValueError):
            continue


def _content(path: Path) -> bytes:
    """A regular file's beginning; a pipe that somebody put there is not waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, _LONGEST_BYTES) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(descriptor)
