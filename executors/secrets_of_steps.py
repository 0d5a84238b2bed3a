"""Secrets of steps: what a plan asks for once it is approved, and how it gets to the program that wants it.

A plan holds a secret's name and its place in the standard input, never the secret. It is put in at the
last moment, and whatever the program says is searched for it before anybody else sees it.
"""

from collections.abc import Mapping
from dataclasses import replace

from executors.become import Password, clear
from executors.plan import Effect, Plan, RunStep
from executors.state import Target, execute
from executors.transport import Cancel, Completed
from intents.errors import StepError

MARK = b"[redacted]"
"""Stands in a program's output where the secret stood."""


def secrets_wanted(plan: Plan) -> tuple[str, ...]:
    """Return the names of the secrets that the plan's steps need, each once: "password of anna"."""
    names = [
        name
        for stage in plan.stages
        for steps in stage.hosts.values()
        for planned in steps
        if isinstance(planned.step, RunStep) and planned.effect is not Effect.ALREADY_SO
        for name, _ in planned.step.secrets
    ]
    return tuple(dict.fromkeys(names))


def execute_with_secrets(
    target: Target, step: RunStep, secrets: Mapping[str, Password], *, cancel: Cancel | None
) -> Completed:
    """Run a step with its secrets in their places. Raises `StepError` where one was not given, or it can't be run."""
    if not step.secrets:
        return execute(target, step, cancel=cancel)
    missing = next((name for name, _ in step.secrets if name not in secrets), None)
    if missing is not None:
        raise StepError(f"The {missing} was not given, so nothing was run.", remedy="Ask again.", host=target.host)
    filled = bytearray(step.stdin or b"")
    texts = [(place, secrets[name].text()) for name, place in step.secrets]
    try:
        for place, text in reversed(texts):
            filled[place:place] = text
        completed = execute(target, replace(step, stdin=bytes(filled), secrets=()), cancel=cancel)
        stdout, stderr = completed.stdout, completed.stderr
        for _, text in texts:
            stdout, stderr = stdout.replace(bytes(text), MARK), stderr.replace(bytes(text), MARK)
        return replace(completed, stdout=stdout, stderr=stderr)
    finally:
        for written in (filled, *(text for _, text in texts)):
            clear(written)
