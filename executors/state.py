"""Reads a target: rows of a read, the one-row state before and after a change, expectations on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from executors.file_state import last_line
from executors.known_failures import known_failure
from executors.missing_programs import MissingProgramError
from executors.ssh_config import HostAddress
from executors.transport import Cancel, Completed, Login, Transport
from intents.errors import StepError
from intents.intent import Command, Expectation, Intent, Interrupt, Read, Word
from intents.parsers import parse_output
from intents.rules import SECRET
from intents.template import render_template, render_word
from intents.values import Json, Row

from executors.plan import RunStep  # isort: skip

BACKUP_LIMIT_BYTES = 1024 * 1024 * 1024
"""How much a store of backups may hold, unless the settings say otherwise."""


@dataclass(frozen=True, slots=True)
class Target:
    """One host of a plan: its name, how it is reached, what it is, who we are there."""

    host: str
    transport: Transport
    facts: Mapping[str, str]
    login: Login
    address: HostAddress | None = None
    """How the host is reached by SSH, for what doesn't go through the transport (Ansible); None for this machine."""
    limit_s: float | None = None
    """The most seconds that the caller gives a step, where the transport doesn't hold it to that."""
    backup_limit_bytes: int = BACKUP_LIMIT_BYTES
    """How much the store of backups there may hold."""


def run_step(intent: Intent, command: Command, values: Mapping[str, Json], *, interrupt: Interrupt) -> RunStep:
    """Derive the step of one command from the intent and checked values. Pure."""
    stdin, secrets = _stdin(intent, command, values)
    return RunStep(
        argv=render_template(command.template, intent.parameters, values),
        as_user=_account(command, values),
        stdin=stdin,
        ok_exit_codes=command.ok_exit_codes,
        timeout_s=command.timeout_s,
        interrupt=interrupt,
        makes=None if command.makes is None else str(values[command.makes]),
        secrets=secrets,
    )


def _stdin(
    intent: Intent, command: Command, values: Mapping[str, Json]
) -> tuple[bytes | None, tuple[tuple[str, int], ...]]:
    """Return what goes to standard input without its secrets, and what each of them is called and where it goes in."""
    written = b""
    secrets: list[tuple[str, int]] = []
    for word in command.stdin:
        parameter = intent.parameters.get(word.parameter or "")
        if parameter is not None and parameter.type.name == SECRET:
            secrets.append((_secret_name(intent, parameter.name, values), len(written)))
        else:
            written += "".join(render_word(word, intent.parameters, values)).encode()
    return (written if command.stdin else None), tuple(secrets)


def _secret_name(intent: Intent, parameter: str, values: Mapping[str, Json]) -> str:
    """Return what a secret is called: whose it is tells the intent's first argument."""
    owner = next((values[name] for name in intent.parameters if values.get(name) is not None), intent.name)
    return f"{parameter.replace('_', ' ')} of {owner}"


def vectors_of(intent: Intent, values: Mapping[str, Json], facts: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return the argument vectors that an intent would run on a target with these facts, state read first. Pure."""
    operation = intent.operation_for(facts)
    return [run_step(intent, command, values, interrupt=intent.interrupt).argv for command in operation.commands]


def _account(command: Command, values: Mapping[str, Json]) -> str | None:
    as_user = command.as_user
    if as_user is not None and as_user.startswith("{"):
        value = values.get(as_user.strip("{}"))
        return None if value is None else str(value)
    return as_user


def execute(
    target: Target,
    step: RunStep,
    *,
    cancel: Cancel | None = None,
    on_output: Callable[[bytes], None] | None = None,
) -> Completed:
    """Run one step on its target. Raises `StepError` where it can't be run at all."""
    if step.secrets:
        raise StepError(
            f"The {step.secrets[0][0]} is not known, so nothing was run.", remedy="Ask again.", host=target.host
        )
    try:
        return target.transport.run(
            step.argv,
            stdin=step.stdin,
            as_user=step.as_user,
            timeout_s=step.timeout_s,
            cancel=cancel,
            on_output=on_output,
            uninterruptible=step.interrupt != "kill",
        )
    except MissingProgramError as error:
        raise error.on(target.facts.get("packages", "none")) from error


def failure_of(completed: Completed, step: RunStep, host: str) -> StepError | None:
    """Return why a completed command is no success, or None."""
    program = step.argv[0]
    if completed.ending == "lost":
        return UnreachableStepError(host, step.argv)
    if completed.ending == "timeout":
        message, remedy = (
            f"`{program}` didn't end within {step.timeout_s:g} seconds.",
            "Try again with a longer --timeout.",
        )
    elif completed.ending == "cancelled":
        message, remedy = f"`{program}` was stopped.", "Run it again if you still want it."
    elif completed.ending == "signalled":
        message, remedy = (
            f"`{program}` was killed by signal {completed.signal}.",
            "Look at the host's logs for the cause.",
        )
    elif completed.exit_code in step.ok_exit_codes:
        return None
    elif (known := known_failure(completed.stderr or completed.stdout, host)) is not None:
        message, remedy = known
    else:
        said = last_line(completed.stderr) or last_line(completed.stdout)
        message = f"`{program}` failed with exit code {completed.exit_code}" + (f": {said}" if said else "")
        message += "" if message.endswith((".", "!", "?")) else "."
        is_full = b"No space left on device" in completed.stderr or b"quota exceeded" in completed.stderr
        remedy = (
            "Free some space on that file system first."
            if is_full
            else "Check the values that the plan shows, and your permissions on the host."
        )
    return StepError(message, remedy=remedy, host=host, argv=step.argv, exit_code=completed.exit_code)


class UnreachableStepError(StepError):
    """The connection went away while a step ran: what it did is unknown."""

    code = "unknown"

    def __init__(self, host: str, argv: tuple[str, ...]) -> None:
        super().__init__(
            f"The connection to {host} went away while `{argv[0]}` ran; what it did is unknown.",
            remedy="Check the host, then ask for the state again.",
            host=host,
            argv=argv,
        )


def read_rows(
    intent: Intent, read: Read, values: Mapping[str, Json], target: Target, cancel: Cancel | None
) -> tuple[Row, ...]:
    """Return the rows of a read that belongs to a change. Raises `StepError` when it fails."""
    step = run_step(intent, read.command, values, interrupt="kill")
    completed = execute(target, step, cancel=cancel)
    failure = failure_of(completed, step, target.host)
    if failure is not None:
        raise failure
    if completed.is_truncated:
        raise StepError(
            f"`{step.argv[0]}` says more than can be held, so what would change can't be told.",
            remedy="Ask for less at once.",
            host=target.host,
            argv=step.argv,
        )
    if completed.exit_code and b"ermission denied" in completed.stderr:
        # An accepted exit code (stat: 1) means "absent" only when nothing was hidden from us.
        raise StepError(
            f"The state can't be read: {last_line(completed.stderr)}",
            remedy="Run it as an account that may read this.",
            host=target.host,
            argv=step.argv,
            exit_code=completed.exit_code,
        )
    return tuple(
        parse_output(read.parser, said_to(read, completed), read.columns, parser_options(intent, read, values))
    )


def said_to(read: Read, completed: Completed) -> bytes:
    """Return what a read's parser gets of a program's output."""
    return completed.stdout + completed.stderr if read.with_stderr else completed.stdout


def parser_options(intent: Intent, read: Read, values: Mapping[str, Json]) -> dict[str, str]:
    """Return what the parser of a read is told besides the output; a parameter that was not given has no entry."""
    rendered = {name: render_word(word, intent.parameters, values) for name, word in read.parser_options.items()}
    return {name: "".join(words) for name, words in rendered.items() if words}


def read_state(intent: Intent, read: Read, values: Mapping[str, Json], target: Target, cancel: Cancel | None) -> Row:
    """Return the state as one row; empty where there is none (the thing is absent).

    Raises `StepError` when the state can't be read.
    """
    rows = read_rows(intent, read, values, target, cancel)
    return rows[0] if rows else {}


def expected_values(intent: Intent, expectation: Expectation, values: Mapping[str, Json]) -> list[str]:
    """Return the texts that an expectation accepts for its column."""
    accepted: list[str] = []
    for value in expectation.values:
        accepted += render_word(value, intent.parameters, values) if isinstance(value, Word) else [as_text(value)]
    return accepted


def listed(value: Json) -> list[str]:
    """Return the items of a list column as texts; none for anything else."""
    return [as_text(one) for one in value] if isinstance(value, list | tuple) else []


def as_text(value: Json) -> str:
    """Return a value as state texts are compared."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def unmet(
    intent: Intent, expect: tuple[Expectation, ...], values: Mapping[str, Json], *, before: Row | None, now: Row
) -> list[str]:
    """Return in words what the state `now` lacks of the expectation.

    `before` is None while planning, where `changed` can't hold yet.
    """
    problems = []
    for expectation in expect:
        shown = as_text(now.get(expectation.column))
        if expectation.test == "absent":
            if now:
                problems.append("it is still there")
        elif expectation.test == "changed":
            if before is None or as_text(before.get(expectation.column)) == shown:
                problems.append(f"{expectation.column} is still {shown or 'unset'}")
        elif expectation.test in {"contains", "lacks"}:
            (wanted,) = expected_values(intent, expectation, values)
            if (wanted in listed(now.get(expectation.column))) != (expectation.test == "contains"):
                lacking = "doesn't hold" if expectation.test == "contains" else "still holds"
                problems.append(f"{expectation.column} {lacking} {wanted}")
        else:
            accepted = expected_values(intent, expectation, values)
            if shown not in accepted or not now:
                said = "it holds" if expectation.column == "holds" else f"{expectation.column} is"
                problems.append(f"{said} {shown or 'unset'}, not {' or '.join(accepted)}")
    return problems
