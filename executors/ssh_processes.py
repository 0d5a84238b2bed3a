"""Starts the programs by which hosts are reached: the system's `ssh`, and the proxies of the SSH configuration.

Beside `executors.local` the only place that starts processes. They get no terminal, so that none of them can ask
anybody anything, and an environment of their own.
"""

import contextlib
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from executors.accounts import own_account
from executors.programs import find_program
from executors.transport import TRUSTED_PATH
from intents.errors import TargetError

Process: TypeAlias = subprocess.Popen[bytes]

HANDED_ON = ("SSH_AUTH_SOCK", "KRB5CCNAME", "XDG_RUNTIME_DIR")
"""Where the person's keys, tickets and agents are; nothing else of the environment goes to these programs."""

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_END_LIMIT_S = 2.0


def start_proxy(vector: Sequence[str], *, host: str) -> tuple[socket.socket, Process]:
    """Start the program of a ProxyCommand; return the socket that leads to the host, and the process.

    Raises `TargetError` where the program isn't there or others may write it.
    """
    program = _proxy_program(vector[0], host)
    ours, its = socket.socketpair()
    try:
        with its:
            process = subprocess.Popen(
                (program, *vector[1:]),
                stdin=its.fileno(),
                stdout=its.fileno(),
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=_environment(),
                start_new_session=True,
            )
    except OSError as error:
        ours.close()
        raise TargetError(
            f"The ProxyCommand of {host} can't be started: {error.strerror}.",
            remedy="Check the program in the SSH configuration.",
            host=host,
        ) from error
    return ours, process


def start_ssh(arguments: Sequence[str], *, has_streams: bool) -> Process:
    """Start the system's `ssh`, with pipes for its streams or none. Raises `StepError` when it isn't there."""
    stream = subprocess.PIPE if has_streams else subprocess.DEVNULL
    return subprocess.Popen(
        (find_program("ssh"), *arguments),
        stdin=stream,
        stdout=stream,
        stderr=stream,
        cwd="/",
        env=_environment(),
        bufsize=0,
        start_new_session=True,
    )


def run_ssh(arguments: Sequence[str], *, limit_s: float) -> int | None:
    """Run `ssh` without streams; return its exit code, None when it had to be ended after `limit_s`."""
    process = start_ssh(arguments, has_streams=False)
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        end_process(process)


def end_process(process: Process) -> None:
    """End a process and what it has started, and reap it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_LIMIT_S)


def _environment() -> dict[str, str]:
    handed = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    return {
        **own_account().environment,
        "PATH": TRUSTED_PATH,
        "LC_ALL": "C.UTF-8",
        "SSH_ASKPASS_REQUIRE": "never",
        **handed,
    }


def _proxy_program(name: str, host: str) -> str:
    """A bare name is looked for in the trusted folders; a path may lead elsewhere, if only its owner, who is us or root, may write there."""
    if not name.startswith("/"):
        return find_program(name, host=host)
    for place in (Path(name).resolve(), *Path(name).resolve().parents):
        try:
            status = place.stat()
        except OSError as error:
            raise TargetError(
                f"The ProxyCommand of {host} names {name}: {error.strerror}.",
                remedy="Check the program in the SSH configuration.",
                host=host,
            ) from error
        is_sticky = bool(status.st_mode & stat.S_ISVTX) and stat.S_ISDIR(status.st_mode)
        if status.st_uid not in {0, os.geteuid()} or (status.st_mode & _WRITABLE_BY_OTHERS and not is_sticky):
            raise TargetError(
                f"The ProxyCommand of {host} names {name}, but others may write {place}.",
                remedy="Use a program that only you or root may write.",
                host=host,
            )
    return name
