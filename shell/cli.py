"""The command line: words to a command or a request, answers to stdout, everything else to stderr."""

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from intents.errors import SaysoError
from shell.environment import Environment
from shell.exit_status import ExitStatus, combined
from shell.version import VERSION
from shell.visible import visible

if TYPE_CHECKING:
    from shell.answering import Answering

HELP = """\
usage: sayso [OPTIONS] WORDS...        one request in plain English
       sayso [OPTIONS]                 a conversation (on a terminal); one request a line (from a pipe)
       sayso [OPTIONS] run INTENT key=value ... [then INTENT key=@column ...]     by name, no English
       sayso [OPTIONS] plan [-o FILE] WORDS... | run INTENT ...     the plan alone; into a file for later
       sayso apply FILE [--approval FILE]     carry out a saved plan, once
       sayso approve FILE [--key FILE]        sign somebody else's plan, where policy wants two people
       sayso undo [RECORD]             take back the last change, or that of a record
       sayso retry [RECORD]            the same again on the hosts where it failed or wasn't begun
       sayso recover [RECORD]          changes that were cut off: what became of them
       sayso policy [check | explain | sudoers | grant | grants | revoke]     who may do what
       sayso backups [list | clean]    what edits keep, for undo
       sayso hosts [list | show HOST | test | facts | add | remove | trust | untrust]     which hosts there are
       sayso history [N | show RECORD | verify]     what was asked and done
       sayso intents [show NAME | search WORDS]     what can be asked for
       sayso intents [new NAME | check FILE | trust FILE]      operations of your own
       sayso model [trust FILE|eval FILE]   the model in use; use another GGUF file; measure it
       sayso correct INTENT [SENTENCE]      say what a sentence (or the last request) means
       sayso config                    every setting, its value and where that comes from

examples:
  sayso which filesystems are more than half full
  sayso "show the five largest files in /var/log"
  sayso --on web1,web2 is nginx running
  sayso --dry-run restart nginx        the plan with its diff; nothing is changed
  sayso --json who is logged in        one JSON object (docs/scripts.md)

options:
  --on TARGETS       hosts, groups or a pattern such as 'web:&staging:!web3' (`local` is this machine)
  --inventory PATH   Ansible inventory, INI or YAML; can be given several times
  --dry-run          show the plan with its diff, run no step
  --explain          show what was understood and the argument vectors; touch no host
  --secret-file FILE the password that a change wants, for scripts (docs/scripts.md)
  --yes              approve what is at most reversible; policy decides about the rest
  --expect INTENT    end with 3 unless the request is understood as this intent
  --json             one JSON object per request on stdout, nothing else there
  --stream           the same in pieces, as hosts finish: plan, row, outcome, end (docs/scripts.md)
  --model PATH       another model file
  --timeout SECONDS  limit for each command
  --batches SIZES    over several hosts, a change goes in batches of these sizes (1,10%,100%)
  --max-failures N   begin no further host once more than N (or P%) have failed
  --host-timeout S   limit for all steps on one host
  --pause            ask before each further batch
  --config PATH      another configuration file
  --debug            show the traceback of an error
  --version, --help

A single argument that contains a space is always a request; otherwise the first word may name a command.

exit status: 0 done, 1 an operation failed or its outcome is unknown, 2 usage, 3 not understood or a
question is open, 4 refused or not approved, 5 some hosts unreachable, 6 integrity (history, model or
catalogue), 130 interrupted
"""

COMMANDS = (
    "run", "plan", "apply", "approve", "undo", "retry", "recover", "history", "hosts", "intents", "policy", "backups", "model", "correct",
    "config", "help",
)  # fmt: skip


SESSIONLESS = frozenset(
    {"history", "hosts", "intents", "model", "correct", "config", "recover", "approve", "policy", "backups"}
)
"""The commands that open no session, or one of their own when they need it."""


class _UsageError(SaysoError):
    code = "usage"


class _Parser(argparse.ArgumentParser):
    """Faults of usage are one sentence like all others, not argparse's own exit."""

    def error(self, message: str) -> NoReturn:
        raise _UsageError(
            f"{message[:1].upper()}{message[1:]}.",
            remedy="`sayso --help` shows the options; put a request that holds dashes into quotes.",
        )


@dataclass(frozen=True, slots=True)
class Invocation:
    """A parsed command line."""

    options: argparse.Namespace
    command: str | None
    """One of COMMANDS, or None for a request (or none at all)."""
    words: tuple[str, ...]


def parse_arguments(argv: Sequence[str]) -> Invocation:
    """Return what the command line says. Raises a usage error for unknown options.

    >>> parse_arguments(["history of logins on web1"]).command is None
    True
    >>> parse_arguments(["history", "show", "3"]).command
    'history'
    """
    parser = _Parser(prog="sayso", add_help=False, allow_abbrev=False)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--on")
    parser.add_argument("--inventory", action="append", default=[])
    parser.add_argument("--expect")
    parser.add_argument("--model")
    parser.add_argument("--timeout", type=float)
    parser.add_argument("--config")
    parser.add_argument("--output", "-o")
    parser.add_argument("--key")
    parser.add_argument("--approval", action="append", default=[])
    parser.add_argument("--expires")
    parser.add_argument("--until")
    parser.add_argument("--older-than")
    parser.add_argument("--secret-file")
    parser.add_argument("--batches")
    parser.add_argument("--max-failures")
    parser.add_argument("--host-timeout", dest="host_timeout_s")
    for flag in ("--all", "--dry-run", "--explain", "--yes", "--json", "--debug", "--pause", "--stream"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--version", "-V", action="store_true")
    parser.add_argument("--help", "-h", action="store_true")
    options = parser.parse_intermixed_args(list(argv))
    if options.timeout is not None and not options.timeout > 0:
        raise _UsageError("--timeout needs a number of seconds above 0.", remedy="Write e.g. --timeout 30.")
    words = tuple(options.words)
    is_command = bool(words) and words[0] in COMMANDS and " " not in words[0]
    return Invocation(options, words[0] if is_command else None, words[1:] if is_command else words)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one invocation and return its exit status. Expected faults never show a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    environment = Environment.of_process()
    try:
        with _signals():
            return int(_dispatch(parse_arguments(arguments), environment))
    except SaysoError as error:
        if "--debug" in arguments:
            raise
        return _show_fault(environment, error, arguments)
    except KeyboardInterrupt:
        environment.stderr.write("Interrupted.\n")
        return int(ExitStatus.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`sayso ... | head`): nothing is left to say to it.
        sys.stdout = None  # keeps the interpreter from flushing it at exit
        return int(ExitStatus.DONE)


def _show_fault(environment: Environment, error: SaysoError, arguments: Sequence[str]) -> int:
    from shell.answering import fault_response, write_response

    response = fault_response("", error)
    if "--stream" in arguments:
        from shell.streaming import Stream

        Stream(environment.stdout, lambda _name: None).end(response)
    else:
        write_response(response, environment, as_json="--json" in arguments)
    return int(response.status)


@contextmanager
def _signals() -> Iterator[None]:
    """SIGTERM ends like Ctrl-C: work is cancelled and the history says what is unknown."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _dispatch(invocation: Invocation, environment: Environment) -> ExitStatus:
    options = invocation.options
    if options.version:
        environment.stdout.write(f"sayso {VERSION}\n")
        return ExitStatus.DONE
    if options.help or invocation.command == "help":
        environment.stdout.write(HELP)
        return ExitStatus.DONE
    for warning in environment.warnings:
        environment.stderr.write(f"! {visible(warning)}\n")
    if invocation.command in SESSIONLESS:
        from shell.commands import run_command

        return run_command(invocation.command, invocation.words, environment, options)
    return _answer(invocation, environment)


def _answer(invocation: Invocation, environment: Environment) -> ExitStatus:
    """Everything that needs a session: requests from the words, the pipe or the terminal; run; undo."""
    from shell.answering import Answering

    with Answering(environment, invocation.options) as answering:
        if invocation.command is not None:
            return _carry_out(invocation.command, invocation, answering)
        if invocation.words:
            return answering.answer(" ".join(invocation.words))
        if environment.stdin_is_terminal:
            from shell.repl import converse

            return converse(answering)
        return combined(answering.answer_lines(environment.stdin_lines()))


def _carry_out(command: str, invocation: Invocation, answering: "Answering") -> ExitStatus:
    """The commands that go a request's road without English, or with a plan kept for later."""
    if command == "run":
        return answering.run_intent(invocation.words)
    if command == "plan":
        return answering.plan(invocation.words, invocation.options.output)
    if command == "apply":
        return answering.apply(invocation.words, invocation.options.approval)
    if command == "retry":
        return answering.retry(_record_number(invocation.words))
    return answering.undo(_record_number(invocation.words))


def _record_number(words: Sequence[str]) -> int | None:
    if not words:
        return None
    if len(words) == 1 and words[0].isdigit():
        return int(words[0])
    raise _UsageError(f"`{' '.join(words)}` is no record number.", remedy="`sayso history` shows the numbers.")
