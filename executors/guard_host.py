"""What the lock-out guard does on a host: commands as root, with their failures turned into errors."""

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from executors.file_state import last_line
from executors.transport import TRUSTED_PATH, Cancel, Completed, Transport
from intents.errors import StepError, UnreachableError

GUARD_DIRECTORY = "/var/lib/sayso/guard"
"""Root's, 0700: one directory for each armed guard, with the copies that its rollback restores."""

_STAT_WORDS = 3


@dataclass(frozen=True, slots=True)
class RootHost:
    """A transport on which the guard acts as root."""

    transport: Transport
    cancel: Cancel | None = None

    def run(
        self,
        *argv: str,
        doing: str,
        stdin: bytes | None = None,
        ok: Sequence[int | None] = (0,),
        timeout_s: float = 30.0,
        as_user: str = "root",
    ) -> Completed:
        """Run `argv`. Raises `StepError` when it fails, `UnreachableError` when the connection goes away."""
        completed = self.transport.run(argv, stdin=stdin, as_user=as_user, timeout_s=timeout_s, cancel=self.cancel)
        if completed.ending == "exited" and completed.exit_code in ok:
            return completed
        host = self.transport.host
        if completed.ending == "lost":
            raise UnreachableError(
                f"The connection to {host} went away: {doing}.", remedy="Check the host, and ask again.", host=host
            )
        said = last_line(completed.stderr) or last_line(completed.stdout) or completed.ending
        raise StepError(
            f"{doing} on {host} failed: {said.rstrip('.')}.",
            remedy="Look at the message, then ask again.",
            host=host,
            argv=completed.argv,
            exit_code=completed.exit_code,
        )

    def write(self, path: str, text: str) -> None:
        """Write a small file, down to the disk."""
        self.run("dd", f"of={path}", "conv=fsync", "status=none", stdin=text.encode(), doing=f"Writing {path}")

    def make_directory(self, path: str, *, as_user: str = "root") -> None:
        """Make a directory that only its owner may enter."""
        self.run("mkdir", "-p", "-m", "0700", "--", path, doing=f"Making {path}", as_user=as_user)

    def find_programs(self, *names: str) -> Mapping[str, str]:
        """Return the absolute path of each program that is there, root's, and writable by root alone.

        `{"nft": "/usr/sbin/nft"}`; one that is missing has no entry.
        """
        found: dict[str, str] = {}
        wanted = [f"{folder}/{name}" for name in dict.fromkeys(names) for folder in TRUSTED_PATH.split(":")]
        # exit code 1: some of them aren't there, which is what is asked
        completed = self.run("stat", "-L", "-c", "%u %f %n", "--", *wanted, doing="Looking for programs", ok=(0, 1))
        for line in completed.stdout.decode("utf-8", "replace").splitlines():
            words = line.split(" ", 2)
            if len(words) != _STAT_WORDS or words[0] != "0":
                continue
            mode = int(words[1], 16)
            if stat.S_ISREG(mode) and not mode & (stat.S_IWGRP | stat.S_IWOTH) and mode & stat.S_IXUSR:
                found.setdefault(words[2].rpartition("/")[2], words[2])
        return found

    def absolute(self, vectors: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
        """Return the vectors with absolute programs. Raises `StepError` for one that isn't there."""
        found = self.find_programs(*(vector[0].rpartition("/")[2] for vector in vectors)) if vectors else {}
        return tuple((self._program(vector[0], found), *vector[1:]) for vector in vectors)

    def _program(self, program: str, found: Mapping[str, str]) -> str:
        name = program.rpartition("/")[2]
        path = found.get(name)
        if path is None or (program.startswith("/") and program.rpartition("/")[0] not in TRUSTED_PATH.split(":")):
            raise StepError(
                f"{name} isn't there on {self.transport.host}, which taking the change back needs.",
                remedy=f"Install it, below {TRUSTED_PATH}.",
                host=self.transport.host,
            )
        return path
