"""What the SSH connections of one session share: jump hosts' connections, keys that a person has unlocked, ssh's own sockets."""

import contextlib
import shutil
import tempfile
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from executors.ssh_address import HostAddress
from executors.ssh_connection import SshConnection
from executors.ssh_keys import Passphrases, Prompter
from executors.ssh_processes import run_ssh

if TYPE_CHECKING:
    from paramiko import Channel

_ASK_LIMIT_S = 5.0


class SshShared:
    """Shared by the transports of a session, which may use it at the same time. `close` ends all of it."""

    def __init__(self, prompter: Prompter | None = None) -> None:
        """Take who can be asked for a key's passphrase; nobody when None."""
        self.passphrases = Passphrases(prompter)
        self._lock = threading.Lock()
        self._opening: dict[HostAddress, threading.Lock] = {}
        self._jumps: dict[HostAddress, SshConnection] = {}
        self._folder: Path | None = None

    def tunnel(self, jump: HostAddress, hostname: str, port: int) -> "Channel":
        """Return a way from a jump host to `hostname`, over the one connection to the jump host that all share.

        Raises what connecting to the jump host raises, and paramiko's `ChannelException` where it reaches nobody.
        """
        with self._lock:
            opening = self._opening.setdefault(jump, threading.Lock())
        with opening:  # hosts behind it wait for one login instead of making ten
            known = self._jumps.get(jump)
            if known is None or not known.is_active:
                known = self._jumps[jump] = SshConnection(jump, self)
        return known.open_tunnel(hostname, port)

    def control_folder(self) -> Path:
        """Return the folder (0700) for the sockets of `ssh`, made when first asked for.

        It lies in /tmp: a socket's path may have 107 characters (unix(7)), which a home directory can use up.
        """
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="sayso-"))
                # Also where nobody calls `close`: ssh's own sockets end by themselves, files don't.
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            return self._folder

    def close(self) -> None:
        """End every shared connection, and forget the keys."""
        with self._lock:
            for connection in self._jumps.values():
                connection.close()
            self._jumps.clear()
            self.passphrases.forget()
            folder, self._folder = self._folder, None
        if folder is None:
            return
        for path in folder.iterdir():
            if path.is_socket():  # a master of a jump host that `ssh` made by itself
                with contextlib.suppress(Exception):
                    run_ssh(["-F", "none", "-S", str(path), "-O", "exit", "--", "any"], limit_s=_ASK_LIMIT_S)
        shutil.rmtree(folder, ignore_errors=True)
