"""What alice does in the private place of `tests.support.sudo_place`; each scenario prints what it found as JSON."""

import base64
import io
import json
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from executors.become import Become
from executors.local import LocalTransport
from executors.ssh import SshTransport
from executors.ssh_config import HostAddress
from executors.transport import Cancel, Transport
from intents.errors import StepError
from tests.support.typist import Typist

Found = dict[str, object]


def _transport(settings: Mapping[str, Any], become: Become | None) -> Transport:
    if not settings.get("sshd"):
        return LocalTransport(become=become)
    directory, port = settings["sshd"]
    key, known = f"{directory}/login_key", f"{directory}/known_hosts"
    return SshTransport(HostAddress("web1", "127.0.0.1", int(port), "alice", (key,), (known,), 10.0), become=become)


def _processes() -> dict[int, tuple[list[str], str]]:
    """Return the arguments and the readable part of the environment of every process."""
    found: dict[int, tuple[list[str], str]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        try:
            environment = (folder / "environ").read_bytes().decode("utf-8", "replace")
        except OSError:
            environment = ""
        found[int(folder.name)] = (arguments, environment)
    return found


def run_commands(settings: Mapping[str, Any]) -> Found:
    """Run commands one after another and tell of each how it ended, and of the person what was asked."""
    person = Typist(*settings.get("passwords") or ())
    become = Become(person) if settings.get("passwords") is not None else None
    transport = _transport(settings, become)
    results: list[object] = []
    for argv in settings["commands"]:
        stdin = base64.b64decode(settings["stdin"]) if settings.get("stdin") else None
        given: bytes | BinaryIO | None = stdin
        if stdin is not None and settings.get("as_file"):
            given = io.BytesIO(stdin)
        try:
            done = transport.run(argv, as_user=settings.get("as_user", "root"), stdin=given, timeout_s=20)
            results.append(
                {
                    "ending": done.ending,
                    "exit_code": done.exit_code,
                    "stdout": base64.b64encode(done.stdout).decode(),
                    "stderr": done.stderr.decode("utf-8", "replace"),
                }
            )
        except StepError as error:
            shown = repr(error) + str(error) + repr(vars(error)) + repr(become and vars(become))
            results.append({"message": error.message, "remedy": error.remedy, "shown": shown})
    transport.close()
    return {"results": results, "prompts": person.prompts}


def end_command(settings: Mapping[str, Any]) -> Found:
    """Start a long command as root and end it by a cancel or the timeout; look at every process meanwhile."""
    become = Become(Typist(*settings["passwords"])) if settings.get("passwords") is not None else None
    transport = _transport(settings, become)
    cancel = Cancel()
    mark = settings["seconds"]
    seen: list[str] = []

    def is_running() -> bool:
        return any(
            arguments[:2] == ["sleep", mark] or arguments[:2] == ["/usr/bin/sleep", mark]
            for arguments, _ in _processes().values()
        )

    def watch() -> None:
        end = time.monotonic() + 15
        while time.monotonic() < end and not is_running():
            time.sleep(0.02)
        seen.extend("\0".join(arguments) + environment for arguments, environment in _processes().values())
        if settings["how"] == "cancel":
            cancel.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    timeout_s = 2.0 if settings["how"] == "timeout" else 60.0
    done = transport.run(
        [*settings.get("wrapper", ()), "sleep", mark], as_user="root", timeout_s=timeout_s, cancel=cancel
    )
    watcher.join()
    end = time.monotonic() + 5
    while time.monotonic() < end and is_running():
        time.sleep(0.02)
    transport.close()
    everything = "\n".join(seen)
    return {
        "ending": done.ending,
        "duration_s": done.duration_s,
        "was_running": mark in everything,
        "still_running": is_running(),
        "password_seen": settings.get("password", "\0\0") in everything,
    }


if __name__ == "__main__":
    told = json.load(sys.stdin)
    json.dump({"run_commands": run_commands, "end_command": end_command}[sys.argv[1]](told), sys.stdout)
