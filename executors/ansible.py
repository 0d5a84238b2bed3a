"""Runs a playbook on one target with ansible-runner: as a dry run whose diff is what gets approved, and for real.

What ansible-runner would do by itself and is kept from doing: hand on the caller's whole
environment (ANSIBLE_* included) and write it to a file, turn host key checking off, keep
every event and the output on disk, put variables on a command line.
"""

import json
import math
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from executors.accounts import own_account
from executors.ansible_events import Event, Report
from executors.ansible_leftovers import FOLDER_PREFIX, in_use, remove_abandoned
from executors.ansible_processes import end_processes
from executors.local import LocalTransport
from executors.plan import Effect, Outcome, PlaybookStep
from executors.programs import find_program
from executors.ssh_address import HostAddress
from executors.ssh_errors import shown
from executors.ssh_openssh import configuration_for, explicit_options, further_options
from executors.state import Target
from executors.transport import ENVIRONMENT, TRUSTED_PATH, Cancel
from intents.errors import SaysoError, StepError, TargetError, UnreachableError
from intents.targets import LOCAL
from playbooks.library import Playbook

SEARCH_PATH = f"{Path(sys.executable).parent}:{TRUSTED_PATH}"
"""Where `ansible-playbook` is looked for: beside our own Python, where the extra `ansible` puts it, then the system."""

POLL_S = 0.2
"""How often a cancel and the timeout are looked for."""

INVENTORY_NAME = "target"
"""What the host is called inside a run: a real name could be a pattern to Ansible (`web[1:3]`)."""

PROOF_TAG = "proof"
"""The tag of tasks that only look at what came of the change; a dry run, which has nothing to look at, goes without."""

RUNNER_VARIABLES = frozenset(
    {
        "ANSIBLE_CALLBACK_PLUGINS",
        "ANSIBLE_STDOUT_CALLBACK",
        "ANSIBLE_RETRY_FILES_ENABLED",
        "AWX_ISOLATED_DATA_DIR",
        "RUNNER_OMIT_EVENTS",
        "RUNNER_ONLY_FAILED_EVENTS",
    }
)
"""What ansible-runner 2.4 itself adds to the environment, so that its events reach us; the rest is the caller's."""

SILENCE_S = 4
"""ServerAliveInterval: a connection that has died silently ends after three of these."""

_MASTER_S = 60
_REMOTE_TMP = "/tmp"  # noqa: S108 - Ansible makes a folder of its own in it, and removes that
"""Where files lie that a module needs. Ansible's own choice, ~/.ansible, is made by a dry run as well, and stays."""
_SOCKET_PATH_BYTES = 107 - len("/0123456789.0123456789abcdef")
"""How long the folder of a control socket may be: unix(7), less Ansible's name and ssh's addition while it binds."""
_UNTRUSTED_KEY = ("Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED", "host key is known")
_SUDO_WANTS_PASSWORD = ("Missing sudo password", "password is required", "terminal is required")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a dry run says: the effect, the unified diffs, and in `reasons` the tasks that it is because of."""

    effect: Effect
    diff: str
    reasons: tuple[str, ...]


def check_playbook(
    playbook: Playbook, step: PlaybookStep, target: Target, *, cancel: Cancel | None = None
) -> CheckResult:
    """Run the playbook with `--check --diff` and return what it would do; nothing is changed.

    *Cannot know* where a task was left out that a dry run can't tell about (a command), also when
    a later task fails that may need its result.

    Raises `StepError` when Ansible is missing or a task fails, `UnreachableError` (or
    `TargetError`, for a host key) when the host can't be reached.
    """
    report, ending = _run(playbook, step, target, cancel, is_check=True)
    if ending != "ended":
        raise StepError(f"The dry run of `{playbook.name}` {ending}.", remedy="Ask again.", host=target.host)
    if report.unreachable is not None:
        raise _unreachable(report.unreachable, target)
    left_out = tuple(f'a dry run leaves out the task "{task}"' for task in report.left_out)
    if report.has_failed:
        if left_out and report.failed_task:
            failed = f'the task "{report.failed_task}" can\'t be tried without it: {report.failure}'
            return CheckResult(Effect.CANNOT_KNOW, report.diff, (*left_out, failed))
        raise _failed(report, playbook, target)
    if left_out:
        return CheckResult(Effect.CANNOT_KNOW, report.diff, left_out)
    if report.has_changed:
        return CheckResult(Effect.WILL_CHANGE, report.diff, tuple(report.changed))
    return CheckResult(Effect.ALREADY_SO, "", ("the playbook finds nothing to change",))


def apply_playbook(
    playbook: Playbook,
    step: PlaybookStep,
    target: Target,
    *,
    cancel: Cancel | None = None,
    on_task: Callable[[str], None] | None = None,
) -> Outcome:
    """Run the playbook for real and return its outcome; `unknown` where it was cut off.

    `stdout` has a line for each task that was run: `changed: Set the limit`. `on_task` is called with each of
    these lines (without its end) as it comes.

    A step whose `interrupt` isn't `kill` isn't ended by `cancel` once it has begun. Raises
    `StepError` when Ansible is missing or sudo asks for a password, `UnreachableError` (or
    `TargetError`, for a host key) when the host couldn't be reached before anything was done.
    """
    started = time.monotonic()
    stoppable = cancel if step.interrupt == "kill" else None
    report, ending = _run(playbook, step, target, stoppable, is_check=False, on_task=on_task)
    duration_s = time.monotonic() - started
    host, cut_off = target.host, "what it did until then is unknown. Check the host, then ask again for a dry run."
    told = "".join(f"{line}\n" for line in report.lines)
    if ending != "ended":
        message = f"The playbook `{playbook.name}` {ending}; {cut_off}"
        return Outcome(host, "unknown", message, stdout=told, duration_s=duration_s)
    if report.unreachable is not None:
        if not report.has_acted:
            raise _unreachable(report.unreachable, target)
        message = f"The connection to {host} went away while `{playbook.name}` ran; {cut_off}"
        return Outcome(host, "unknown", message, stdout=told, duration_s=duration_s)
    if report.has_failed:
        error = _failed(report, playbook, target)
        return Outcome(host, "failed", str(error), report.failure_exit_code, stdout=told, duration_s=duration_s)
    return Outcome(host, "changed" if report.has_changed else "ok", stdout=told, duration_s=duration_s)


# -- one run of ansible-runner


def _run(
    playbook: Playbook,
    step: PlaybookStep,
    target: Target,
    cancel: Cancel | None,
    *,
    is_check: bool,
    on_task: Callable[[str], None] | None = None,
) -> tuple[Report, str]:
    """Return what was told, and `ended`, `was stopped` or `didn't end within N seconds`."""
    runner_type, config_type = _load_runner(target.host)
    report, given_up, cut_off = Report(), threading.Event(), list[str]()
    if cancel is not None and cancel.is_set:
        return report, "was stopped"

    def take_event(event: Event) -> bool:
        before = len(report.told)
        report.add(event)
        if on_task is not None:
            for line in report.lines[before:]:
                on_task(line)
        return False  # it isn't written to disk

    limit_s = min(step.timeout_s, target.limit_s or math.inf)
    python = _python_of(target, cancel)
    with _private_folder(playbook, step, target, python) as folder:
        config = config_type(
            private_data_dir=str(folder),
            playbook=str(playbook.path),
            inventory=str(folder / "hosts.yml"),
            envvars=_environment(folder, target.address),
            cmdline=f"--check --diff --skip-tags {PROOF_TAG}" if is_check else None,
            fact_cache_type="memory",
            quiet=True,
        )
        config.prepare()
        # prepare() has put the caller's environment under ours.
        kept = {*_environment(folder, target.address), *RUNNER_VARIABLES}
        config.env = {name: value for name, value in config.env.items() if name in kept}
        deadline = time.monotonic() + limit_s

        def must_end() -> bool:
            has_timed_out = time.monotonic() >= deadline
            if has_timed_out or given_up.is_set() or (cancel is not None and cancel.is_set):
                end_processes(folder)
                cut_off.append(f"didn't end within {limit_s:g} seconds" if has_timed_out else "was stopped")
            return bool(cut_off)

        runner = runner_type(config, event_handler=take_event, cancel_callback=must_end)
        # On a thread of its own: a Ctrl-C in ours then ends the run before the folder goes.
        try:
            with ThreadPoolExecutor(max_workers=1) as pool:
                work = pool.submit(runner.run)
                try:
                    work.result()
                except BaseException:
                    given_up.set()
                    raise
        finally:
            _end_masters(folder)
    return report, cut_off[0] if cut_off else "ended"


def _load_runner(host: str) -> tuple[type[Any], type[Any]]:
    """Return ansible-runner's `Runner` and `RunnerConfig`. Raises `StepError` without it or without ansible-core."""
    if shutil.which("ansible-playbook", path=SEARCH_PATH) is not None:
        with suppress(ImportError):
            from ansible_runner.config.runner import RunnerConfig
            from ansible_runner.runner import Runner

            return Runner, RunnerConfig
    raise StepError(
        "This needs ansible-core, which isn't installed here.", remedy="pip install 'sayso[ansible]'", host=host
    )


@contextmanager
def _private_folder(playbook: Playbook, step: PlaybookStep, target: Target, python: str) -> Iterator[Path]:
    """Make the folder that a run lives in (0700, in memory where that can be), and remove it whatever happens."""
    parent = _memory_folder()
    remove_abandoned(Path(parent or tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX, dir=parent) as name, in_use(Path(name)):
        folder = Path(name)
        for below in ("env", "control", "tmp"):
            (folder / below).mkdir(mode=0o700)
        _write(folder / "ansible.cfg", "")  # ansible-core 2.19 doesn't take /dev/null
        settings = {"suppress_output_file": True, "suppress_ansible_output": True, "pexpect_timeout": POLL_S}
        _write(folder / "env" / "settings", json.dumps(settings))
        _write(folder / "env" / "extravars", _yaml(playbook.complete(dict(step.variables))))
        inventory = {"all": {"hosts": {INVENTORY_NAME: _host_variables(folder, step, target, python)}}}
        _write(folder / "hosts.yml", _yaml(inventory))
        yield folder


def _memory_folder() -> str | None:
    """Return a folder in memory that we may write in: variables may be secret, and a disk keeps what was deleted."""
    candidates = (Path(f"/run/user/{os.geteuid()}"), Path("/dev/shm"))  # noqa: S108 - a new 0700 folder is made in it
    return next((str(path) for path in candidates if path.is_dir() and os.access(path, os.W_OK | os.X_OK)), None)


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _yaml(value: Mapping[str, object]) -> str:
    """Return YAML that carries `!unsafe`, Ansible's mark for "no template"; it would run what it finds in `{{ }}`.

    On the whole, not on each text: a marked text is looked at once more, and "yes" or "null" would be none.
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - an alias would lose the tag
            return True

    Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))
    return "--- !unsafe\n" + str(yaml.dump(dict(value), Dumper=Dumper, allow_unicode=True, default_flow_style=False))


def _environment(folder: Path, address: HostAddress | None) -> dict[str, str]:
    """Return the whole environment of a run; what isn't here, Ansible doesn't get."""
    environment = {
        **ENVIRONMENT,
        **own_account().environment,
        "PATH": SEARCH_PATH,
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "control"),
        "ANSIBLE_HOST_KEY_CHECKING": "True",  # else ansible-runner turns it off
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_VERBOSITY": "1",  # only then does a skipped task tell why
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        "ANSIBLE_CALLBACK_PLUGINS": "",
        "AWX_LIB_DIRECTORY": "",
    }
    if address is not None:
        environment["ANSIBLE_TIMEOUT"] = str(math.ceil(address.connect_timeout_s))
        agent = os.environ.get("SSH_AUTH_SOCK")  # as paramiko does, which the other operations use
        if agent:
            environment["SSH_AUTH_SOCK"] = agent
    return environment


def _host_variables(folder: Path, step: PlaybookStep, target: Target, python: str) -> dict[str, object]:
    variables: dict[str, object] = {"ansible_python_interpreter": python}
    if step.as_user is not None and target.login.uid != 0:
        variables |= {"ansible_become": True, "ansible_become_method": "sudo", "ansible_become_user": step.as_user}
    address = target.address
    if address is not None:
        return variables | _ssh_variables(address, folder / "control")
    if target.host != LOCAL:
        raise StepError(
            f"It isn't known how Ansible would reach {target.host}.",
            remedy="Name a host of the inventory.",
            host=target.host,
        )
    return variables | {"ansible_connection": "local", "ansible_remote_tmp": str(folder / "tmp")}


def _python_of(target: Target, cancel: Cancel | None) -> str:
    """Return the system's Python on the target, from the trusted path.

    Ansible's own search takes what is first on the account's PATH: a version manager's shim, which
    may not run, or a file that others than root may write. Raises `StepError` where there is none.
    """
    asked = target.transport.run(["python3", "-c", "import sys; print(sys.executable)"], timeout_s=30.0, cancel=cancel)
    path = asked.stdout.decode(errors="replace").strip()
    if asked.exit_code != 0 or not path.startswith("/"):
        said = shown(asked.stderr) or asked.ending
        raise StepError(f"python3 doesn't run there: {said}.", remedy="Check it on the host.", host=target.host)
    return path


def _ssh_variables(address: HostAddress, control: Path) -> dict[str, object]:
    """Return the connection as `executors.ssh` makes it: same address, way, keys and known hosts.

    A configuration file is read only where `ssh` reads it for everything else, too.
    """
    known_hosts = " ".join(_for_ssh(path) for path in address.known_hosts_files) or "/dev/null"
    options = [
        f"UserKnownHostsFile={known_hosts}",
        "GlobalKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=yes",
        "UpdateHostKeys=no",
        "BatchMode=yes",
        f"IdentitiesOnly={'yes' if address.identity_files else 'no'}",
        *(f"IdentityFile={_for_ssh(path)}" for path in address.identity_files),
        f"ServerAliveInterval={SILENCE_S}",
    ]
    options += further_options(address)
    if len(os.fsencode(control)) <= _SOCKET_PATH_BYTES:  # else each task logs in anew, which works as well
        options += ["ControlMaster=auto", f"ControlPersist={_MASTER_S}"]
    else:
        options += ["ControlMaster=no", "ControlPath=none"]
    words = ["-F", "none", *(word for option in options for word in ("-o", option))]
    variables: dict[str, object] = {
        "ansible_connection": "ssh",
        "ansible_remote_tmp": _REMOTE_TMP,
        "ansible_host": address.hostname,
        "ansible_port": address.port,
        "ansible_user": address.user,
        "sayso_known_hosts": address.known_hosts_files[0] if address.known_hosts_files else "",
        "ansible_ssh_executable": find_program("ssh"),
    }
    if address.transport == "openssh" and address.config_files:
        # There ssh itself finds out how the host is reached, by the word that people call it.
        own = control.parent / "ssh_config"
        own.write_text(configuration_for(address, control), encoding="utf-8", errors="surrogateescape")
        words = ["-F", str(own), *explicit_options(address)]
        variables |= {"ansible_host": address.name}
        del variables["ansible_port"], variables["ansible_user"]
    return variables | {"ansible_ssh_args": " ".join(_quoted(word) for word in words)}


def _for_ssh(path: str) -> str:
    """Quote a path for ssh's option parser, which splits at spaces and has `%` tokens (ssh_config(5))."""
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def _quoted(word: str) -> str:
    """Quote a word for `shlex.split`, by which Ansible reads its SSH arguments; no shell sees them."""
    return "'" + word.replace("'", "'\"'\"'") + "'"


def _end_masters(folder: Path) -> None:
    """End the shared connections of this run; they would wait for more for a minute, in a folder that is gone."""
    for socket in (folder / "control").iterdir():
        with suppress(SaysoError):
            LocalTransport(directory="/").run(
                ["ssh", "-F", "none", "-O", "exit", "-o", f"ControlPath={_for_ssh(str(socket))}", "--", INVENTORY_NAME],
                timeout_s=5.0,
            )


# -- faults


def _unreachable(message: str, target: Target) -> TargetError:
    host = target.host
    said = shown(message.removeprefix("Task failed: "))
    if any(sign in message for sign in _UNTRUSTED_KEY):
        return TargetError(
            f"The host key of {host} isn't trusted: {said}.", remedy="Compare it with the host's own first.", host=host
        )
    return UnreachableError(
        f"{host} can't be reached by Ansible: {said}.", remedy="Check that the host is up, and the login.", host=host
    )


def _failed(report: Report, playbook: Playbook, target: Target) -> StepError:
    host = target.host
    if any(sign in report.failure for sign in _SUDO_WANTS_PASSWORD):
        return StepError(
            f'The task "{report.failed_task}" runs as root, for which sudo wants a password.',
            remedy="Log in as an account that may use sudo without one, or as root.",
            host=host,
        )
    if report.failed_task:
        message = f'The task "{report.failed_task}" of `{playbook.name}` failed: {shown(report.failure)}'
    else:
        said = shown(" ".join(report.output)) or "Ansible says nothing more"
        message = f"The playbook `{playbook.name}` didn't run to its end: {said}"
    message += "" if message.endswith((".", "!", "?")) else "."
    remedy = "Look at the host, and ask for a dry run."
    return StepError(message, remedy=remedy, host=host, exit_code=report.failure_exit_code)
