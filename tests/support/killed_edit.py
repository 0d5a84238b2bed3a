"""Runs one edit in a process that kills itself, as a power cut would, at a stage of the replacement of the file.

Arguments: folder, ssh_config, stage (one of `STAGES`, or "in the middle of the content"), and `key=value` pairs. The
host is called `box`. The history lies below `folder/state`.
"""

import io
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from executors.ssh import SshTransport
from executors.transport import Completed
from shell.road import Options
from tests.support.sessions import Approver, session_in

MIDDLE = "in the middle of the content"
PIECES_BEFORE = 2


def _names(argv: Sequence[str], program: str, *marks: str) -> bool:
    return argv[0] == program and all(any(mark in word for word in argv) for mark in marks)


STAGES: Mapping[str, Callable[[Sequence[str]], bool]] = {
    "backup": lambda argv: _names(argv, "cp", "/.part-"),
    "backup's name": lambda argv: _names(argv, "mv", "/.part-"),
    "temporary file": lambda argv: _names(argv, "cp", "/.sayso-"),
    "content": lambda argv: _names(argv, "dd", "/.sayso-"),
    "content's check": lambda argv: _names(argv, "sha256sum", "/.sayso-"),
    "replace": lambda argv: _names(argv, "mv", "/.sayso-"),
    "synced": lambda argv: _names(argv, "sync") and ".part-" not in argv[-1],
}
"""The commands of an edit by what is about to happen, in order; before "synced" the file has been replaced."""


class _Dying(io.BytesIO):
    """A content of which the reader dies before the last piece."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._pieces = 0

    def read(self, size: int | None = -1) -> bytes:
        if self._pieces == PIECES_BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)
        self._pieces += 1
        return super().read(size)


def main(folder: str, config: str, stage: str, *pairs: str) -> None:
    """Carry the edit out until the stage."""
    plainly = SshTransport.run

    def run(transport: SshTransport, argv: Sequence[str], **options: Any) -> Completed:  # noqa: ANN401 - handed on
        if stage == MIDDLE:
            if STAGES["content"](argv):
                options["stdin"] = _Dying(options["stdin"])
        elif STAGES[stage](argv):
            os.kill(os.getpid(), signal.SIGKILL)
        return plainly(transport, argv, **options)

    SshTransport.run = run  # type: ignore[method-assign, assignment]  # this process exists for that
    with session_in(Path(folder), door="terminal", person=Approver(), ssh_configs=(Path(config),)) as session:
        session.run_intent("file.append_line", pairs, Options(on="box"))


if __name__ == "__main__":
    main(*sys.argv[1:])
