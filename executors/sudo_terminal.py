"""A terminal that sudo alone asks at, so that the command's own streams carry nothing but its own.

sudo reads a password from its controlling terminal. Here that is a pseudo-terminal whose other end
is ours, so stdin needs no password line before the command's input, and stderr no prompt taken out
of it. Its end (a hang-up) is also a signal that the kernel sends, which ends root's processes that
an ordinary account can't signal.
"""

import os
import selectors
import time
import tty
from pathlib import Path

from executors.become import Dialogue, clear
from intents.errors import StepError

OPENER = 'exec 3<>"$1" 3>&-; shift; exec "$@"'
"""Run by `/bin/sh -c` as leader of a new session. Arguments: the terminal's path, and the vector.

A leader without a terminal gets the first one that it opens as its controlling terminal (tty_ioctl(4), TIOCSCTTY).
"""
CHUNK_BYTES = 4096
WRITE_LIMIT_S = 5.0


class SudoTerminal:
    """One pseudo-terminal for one sudo. `hang_up` or `close` ends it."""

    def __init__(self, dialogue: Dialogue, *, host: str) -> None:
        """Open it. Raises `StepError` where there are no pseudo-terminals."""
        self.dialogue = dialogue
        self.has_hung_up = False
        try:
            self._ours, self._theirs = os.openpty()
            # Every character of a password arrives as it is; nothing is echoed or turned into a signal.
            tty.setraw(self._theirs)
            self.path = os.ttyname(self._theirs)
            os.set_blocking(self._ours, False)
        except OSError as error:
            raise StepError(
                f"sudo can't be given a terminal to ask for the password at: {error.strerror or error}.",
                remedy="Run `sudo -v` first, or make /dev/pts available.",
                host=host,
            ) from error

    def command(self, shell: str, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Return the vector that runs `argv` with this terminal; `shell` is the path of `sh`."""
        return (shell, "-c", OPENER, "sayso", self.path, *argv)

    def fileno(self) -> int:
        """Return our end."""
        return self._ours

    def converse(self, sudo: int) -> bool:
        """Hear what was said at the terminal and answer; False when nobody can say anything any more.

        `sudo` is its process id: once it has a child the command runs, and is answered nothing.
        Raises what `Dialogue.hear` raises.
        """
        try:
            said = os.read(self._ours, CHUNK_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not said:
            return False
        if has_children(sudo):
            return True
        line = self.dialogue.hear(said)
        if line is not None:
            try:
                self._write(line)
            finally:
                clear(line)
        return True

    def hang_up(self) -> None:
        """End the terminal: the kernel sends SIGHUP to sudo, which passes it on."""
        if not self.has_hung_up:
            self.has_hung_up = True
            os.close(self._theirs)
            os.close(self._ours)

    def _write(self, line: bytearray) -> None:
        waiting = memoryview(line)
        end = time.monotonic() + WRITE_LIMIT_S
        with selectors.DefaultSelector() as selector:
            selector.register(self._ours, selectors.EVENT_WRITE)
            while waiting and time.monotonic() < end:
                selector.select(end - time.monotonic())
                waiting = waiting[os.write(self._ours, waiting) :]
        waiting.release()


def has_children(process_id: int) -> bool:
    """Whether a process has children, as far as /proc shows them."""
    return any(parent == process_id for parent, _ in _processes().values())


def groups_below(process_id: int) -> list[int]:
    """Return the process groups of a process and all its descendants, its own first."""
    processes = _processes()
    found = [process_id]
    for one in found:
        found += [child for child, (parent, _) in processes.items() if parent == one]
    return list(dict.fromkeys(processes[one][1] for one in found if one in processes))


def _processes() -> dict[int, tuple[int, int]]:
    """Return each visible process with its parent and its process group (proc_pid_stat(5))."""
    found: dict[int, tuple[int, int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
            except OSError:
                continue
            found[int(folder.name)] = (int(fields[1]), int(fields[2]))
    return found
