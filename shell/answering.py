"""Answers requests for one process: builds the session from settings, shows what comes back.

The one-shot command, piped input and the REPL differ only in where the requests come from.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from executors.undo import DoneStep
from intents.errors import RequestError, SaysoError
from intents.intent import Intent
from intents.types.base import ValueContext
from intents.types.registry import make_type
from shell.approval import Nobody, Person
from shell.contract import IntentLookup, dump
from shell.direct import operations_in
from shell.environment import ColorChoice, Environment
from shell.exit_status import ExitStatus
from shell.places import find_places, settings_of
from shell.plan_files import require_new_file
from shell.progress import progress_of
from shell.response import Fault, Response
from shell.road import Options, status_of
from shell.session import Session
from shell.streaming import Stream

LINE_LIMIT_BYTES = 1024 * 1024
"""A longer line of piped input is refused without being held in memory whole."""


class Answering:
    """One process's session with its options. Use as a context manager."""

    def __init__(self, environment: Environment, options: argparse.Namespace) -> None:
        self.environment = environment
        self._namespace = options
        self.as_json: bool = options.json or options.stream
        self.options = Options(
            on=options.on,
            dry_run=options.dry_run,
            explain=options.explain,
            yes=options.yes,
            expect=options.expect,
            timeout_s=options.timeout,
            secret_file=Path(environment.directory, options.secret_file) if options.secret_file else None,
        )
        settings = settings_of(environment, options)
        self._color = settings.color
        places = find_places(environment, options, settings)
        self.is_interactive = environment.stdin_is_terminal and environment.stdout_is_terminal and not self.as_json
        person: Person = Nobody()
        if self.is_interactive:
            from shell.person import TerminalPerson

            person = TerminalPerson(environment)
        self.session = Session(places, door="terminal" if self.is_interactive else "script", person=person)
        if options.pause and not self.is_interactive:
            raise RequestError(
                "`--pause` asks before each further batch, and there is nobody to ask.",
                remedy="Use a terminal, or --max-failures.",
            )
        self._stream = Stream(environment.stdout, self._find_intent) if options.stream else None
        if self._stream is not None:
            self.session.watch = self._stream.watch
        elif environment.stderr_is_terminal and not self.as_json:
            self.session.watch = lambda plan: progress_of(plan, environment.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.session.close()

    def answer(
        self, request: str, *, on: str | None = None, dry_run: bool = False, explain: bool = False
    ) -> ExitStatus:
        """Carry out one request and show the response; what is given here adds to the process's options."""
        options = replace(
            self.options,
            on=on or self.options.on,
            dry_run=dry_run or self.options.dry_run,
            explain=explain or self.options.explain,
        )
        return self._show(self.session.handle(request, options), explain=options.explain)

    def run_command(self, command: str, words: Sequence[str]) -> ExitStatus:
        """Carry out a command that needs no session (history, intents); a fault is shown, not raised."""
        from shell.commands import run_command

        try:
            return run_command(command, words, self.environment, self._namespace)
        except SaysoError as error:
            return self._show(fault_response(" ".join([command, *words]), error))

    def run_intent(self, words: Sequence[str]) -> ExitStatus:
        """Carry out `run INTENT key=value ...`."""
        if not words:
            raise RequestError("`sayso run` needs the name of an intent.", remedy="`sayso intents` lists them.")
        return self._show(self.session.run_intents(operations_in(words), self.options))

    def plan(self, words: Sequence[str], output: str | None) -> ExitStatus:
        """Show the plan of a request, or of `run INTENT ...`; into a file for later when `output` names one."""
        if not words:
            raise RequestError("`sayso plan` needs a request.", remedy="Write e.g. sayso plan -o FILE restart nginx.")
        life = self._life()
        path = None if output is None else Path(self.environment.directory, output)
        if path is not None:  # told before anything is read or shown
            require_new_file(path)
        options = replace(self.options, dry_run=True)
        if words[0] == "run":
            response = self.session.run_intents(operations_in(words[1:]), options)
        else:
            response = self.session.handle(" ".join(words), options)
        status = self._show(response)
        if path is None or response.plan is None or response.fault is not None:
            return status
        if response.plan.is_empty:
            return status
        saved = self.session.save_plan(response.plan, path, life=life)
        self.environment.stderr.write(
            f"Saved in {path}; `sayso apply {output}` carries it out until {saved.expires_utc:%Y-%m-%d %H:%M} UTC.\n"
        )
        return status

    def apply(self, words: Sequence[str], approvals: Sequence[str]) -> ExitStatus:
        """Carry out a saved plan."""
        if self._namespace.batches or self._namespace.max_failures or self._namespace.pause:
            raise RequestError(
                "A saved plan goes over its hosts as it says.",
                remedy="Give --batches, --max-failures and --pause to `sayso plan`.",
            )
        if len(words) != 1:
            raise RequestError("`sayso apply` needs one plan file.", remedy="`sayso plan -o FILE ...` makes one.")
        folder = self.environment.directory
        return self._show(
            self.session.apply_file(Path(folder, words[0]), [Path(folder, one) for one in approvals], self.options)
        )

    def _life(self) -> timedelta | None:
        text: str | None = self._namespace.expires
        if text is None:
            return None
        context = ValueContext(datetime.now().astimezone(), self.environment.directory, self.environment.home)
        seconds = make_type("duration", {}).parse(text, context)
        if not isinstance(seconds, int | float):
            raise RequestError(f"`{text}` is no time.", remedy="Write e.g. --expires 2h.")
        return timedelta(seconds=float(seconds))

    def repeat(self, step: DoneStep) -> ExitStatus:
        """Plan a step of the history anew."""
        return self._show(self.session.repeat(step, self.options))

    def retry(self, record: int | None) -> ExitStatus:
        """Try a record again on the hosts where it didn't end well."""
        return self._show(self.session.retry(record, self.options))

    def undo(self, record: int | None) -> ExitStatus:
        """Take back a record's change."""
        return self._show(self.session.undo(record, self.options))

    def answer_lines(self, lines: Iterable[bytes]) -> Iterator[ExitStatus]:
        """Answer one request a line; a line that is no text is a fault of its own and stops no other."""
        for line in lines:
            if not line.strip():
                continue
            try:
                request = _decoded(line)
            except RequestError as error:
                yield self._show(fault_response("", error))
                continue
            status = self.answer(request)
            yield status
            if status is ExitStatus.INTERRUPTED:
                return  # the interrupt was for all of them

    def _find_intent(self, name: str) -> Intent | None:
        """Look an intent up for risk and effects; a catalogue that can't be loaded has none."""
        try:
            return self.session.catalogue.get(name)
        except SaysoError:
            return None

    def _show(self, response: Response, *, explain: bool = False) -> ExitStatus:
        if self._stream is not None:
            self._stream.end(response)
            return response.status
        write_response(
            response,
            self.environment,
            as_json=self.as_json,
            explain=explain,
            is_asked=self.is_interactive,
            color=self._color,
            find_intent=self._find_intent,
        )
        return response.status


def _decoded(line: bytes) -> str:
    if len(line) > LINE_LIMIT_BYTES:
        raise RequestError("A line of the input is longer than 1 MiB.", remedy="Write one request a line.")
    try:
        return line.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise RequestError(
            f"A line of the input is not valid UTF-8 (byte {error.start}).", remedy="Send the requests as UTF-8 text."
        ) from None


def fault_response(request: str, error: SaysoError) -> Response:
    """Return the response of a fault that came before a session could answer."""
    return Response(request, status_of(error), fault=Fault(error.code, error.message, error.remedy))


def write_response(
    response: Response,
    environment: Environment,
    *,
    as_json: bool,
    explain: bool = False,
    is_asked: bool = False,
    color: ColorChoice = "auto",
    find_intent: IntentLookup | None = None,
) -> None:
    """Write a response: one JSON line on stdout, or for a person results on stdout and the rest on stderr.

    `is_asked`: a person was asked, so a plan that was not approved has been on the screen already.
    """
    if as_json:
        environment.stdout.write(dump(response, find_intent=find_intent) + "\n")
        environment.stdout.flush()
        return
    from shell.render import render_explain, render_response

    out, messages = environment.consoles(color=color)
    if explain and response.fault is None:
        render_explain(response, out)
        return
    refused = response.fault is not None and response.fault.code == "not_approved"
    was_shown = (response.approval is not None and response.approval.how == "terminal") or (is_asked and refused)
    render_response(response, out, messages, plan_was_shown=was_shown)
