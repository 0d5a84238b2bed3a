"""Runs a program that makes a file, so that the file is whole or not there, and nobody else reads it meanwhile.

The program writes into a folder of ours beside the place (0700, with a name that nobody can know before). What it
wrote becomes 0600 and is put in its place, over nothing. What a failed run wrote goes with the folder.
"""

import posixpath
import secrets
from dataclasses import replace

from executors.file_state import last_line
from executors.plan import RunStep
from executors.state import Target, execute
from executors.transport import Cancel, Completed
from intents.errors import StepError

_LIMIT_S = 60.0


def execute_making(target: Target, step: RunStep, path: str, *, cancel: Cancel | None) -> Completed:
    """Run a step whose vector names the file `path` that it makes; return how the program itself ended.

    Raises `StepError` where the file can't be made there, or something else has come to that place meanwhile.
    """
    folder = posixpath.join(posixpath.dirname(path), f".sayso-{secrets.token_hex(16)}")
    written = posixpath.join(folder, posixpath.basename(path))
    _run(target, step, ("mkdir", "-m", "0700", "--", folder), f"{posixpath.dirname(path)} can't be written to")
    try:
        argv = tuple(f"{word.removesuffix(path)}{written}" if _names(word, path) else word for word in step.argv)
        completed = execute(target, replace(step, argv=argv, makes=None), cancel=cancel)
        if completed.ending == "exited" and completed.exit_code in step.ok_exit_codes:
            _run(target, step, ("chmod", "0600", "--", written), f"`{step.argv[0]}` made no file")
            _run(target, step, ("mv", "-n", "-T", "--", written, path), f"{path} can't be put in its place")
            # Over what is there `mv -n` moves nothing, and older ones say nothing of it: then the folder isn't empty.
            _run(target, step, ("rmdir", "--", folder), f"{path} is there by now, and was left as it is")
        return completed
    finally:
        execute(target, _helper(step, ("rm", "-r", "-f", "--", folder)))


def _names(word: str, path: str) -> bool:
    """Whether a word of the vector is the path, or an option that ends with it."""
    return word == path or word.endswith(f"={path}")


def _helper(step: RunStep, argv: tuple[str, ...]) -> RunStep:
    return RunStep(argv, as_user=step.as_user, timeout_s=_LIMIT_S, interrupt="wait")


def _run(target: Target, step: RunStep, argv: tuple[str, ...], what: str) -> None:
    completed = execute(target, _helper(step, argv))
    if completed.ending != "exited" or completed.exit_code:
        said = last_line(completed.stderr)
        raise StepError(
            f"{what}{f': {said}' if said else ''}.",
            remedy="Look at what is there, then ask again.",
            host=target.host,
            argv=argv,
            exit_code=completed.exit_code,
        )
