"""Hostile values through every parameter of every intent: one argument holds exactly the value, or it is refused."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import BinaryIO

import pytest

from executors.plan import RunStep
from executors.state import Target, run_step
from executors.step_planning import plan_steps
from executors.transport import Cancel, Completed, Login
from intents.catalogue import Catalogue
from intents.compilation import operations_of
from intents.errors import SaysoError
from intents.grounding import default_value
from intents.intent import Command, Conditional, Intent, Parameter, Template, Word
from intents.rules import check_value
from intents.template import words_of
from intents.types.base import ValueContext
from intents.values import Json
from tests.support.hostile_values import HOSTILE_VALUES

CATALOGUE = Catalogue.load()
CONTEXT = ValueContext(datetime(2026, 11, 24, 23, 0, tzinfo=UTC), "/home/alice", "/home/alice")
FACTS = {"init": "systemd", "userland": "gnu", "packages": "apt", "os_id": "debian"}
PLAIN_TEXTS = (
    "5", "1GB", "/srv/a", "nginx", "80", "10.0.0.1", "root", "0644", "yesterday", "tcp", "alpha", "eth0", "yes", "10 minutes", "a.example",
    "https://a.example/", "TERM", "40dc1520", "10.0.0.0/8", "Europe/Berlin", "50%", "daily", "0 3 * * *", "sdb1",
)  # fmt: skip
"""One of these is a good value of any type."""


class Spy:
    """A transport that runs nothing, answers with nothing, and keeps what it was asked to run."""

    host = "local"

    def __init__(self) -> None:
        self.vectors: list[tuple[str, ...]] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | BinaryIO | None = None,
        as_user: str | None = None,
        timeout_s: float = 60.0,
        cancel: Cancel | None = None,
        on_output: Callable[[bytes], None] | None = None,
        uninterruptible: bool = False,
    ) -> Completed:
        del stdin, as_user, timeout_s, cancel, on_output, uninterruptible
        self.vectors.append(tuple(argv))
        return Completed(tuple(argv), "exited", 0, None, b"", b"", 0, 0, 0.0)

    def login(self) -> Login:
        return Login(1000, "alice", "/home/alice", "/home/alice")

    def close(self) -> None:
        self.vectors.clear()


def parsed(parameter: Parameter, text: str) -> Json:
    value = parameter.type.parse(text, CONTEXT)
    return [value] if parameter.many else value


def plain_value(parameter: Parameter) -> Json:
    if parameter.default is not None:
        return default_value(parameter, CONTEXT)
    for text in (*PLAIN_TEXTS, *parameter.type.complete("", CONTEXT)):
        try:
            return parsed(parameter, text)
        except (SaysoError, ValueError):
            continue
    raise AssertionError(f"no plain value for the type {parameter.type.name}")


def accepted(intent: Intent, name: str) -> list[tuple[str, Json]]:
    """The hostile texts that the parameter takes, with their canonical values; all others were refused in words."""
    taken = []
    for text in HOSTILE_VALUES:
        try:
            value = parsed(intent.parameters[name], text)
            check_value(intent, name, value)
        except SaysoError:
            continue
        taken.append((text, value))
    return taken


EVERY_PARAMETER = [
    pytest.param(CATALOGUE[intent], name, id=f"{intent}:{name}")
    for intent in sorted(CATALOGUE)
    for name in CATALOGUE[intent].parameters
]


def test_there_are_three_hundred() -> None:
    assert len(HOSTILE_VALUES) >= 300


@pytest.mark.parametrize(("intent", "name"), EVERY_PARAMETER)
def test_a_value_stays_one_argument(intent: Intent, name: str) -> None:
    others = {other: plain_value(parameter) for other, parameter in intent.parameters.items() if parameter.required}
    taken = accepted(intent, name)
    plain = {**others, name: plain_value(intent.parameters[name])} if taken else {}
    for text, value in taken:
        hostile = {**others, name: value}
        for command in (command for operation in operations_of(intent) for command in operation.commands):
            if _decides_words(command.template, name):
                continue  # a choice: its values are a closed list, checked by its type
            try:
                vector = run_step(intent, command, hostile, interrupt="kill").argv
            except SaysoError:
                continue  # refused, e.g. for a NUL
            assert_only_own_words_differ(intent, command, name, value, vector, plain, text)
            assert_no_new_option(intent, command, vector, name, value)


def _decides_words(template: Template, name: str) -> bool:
    """Whether words come and go with the parameter's value."""
    return any(
        isinstance(item, Conditional)
        and (
            (item.parameter == name and item.equals is not None)
            or _decides_words(item.then, name)
            or _decides_words(item.otherwise, name)
        )
        for item in template
    )


def assert_only_own_words_differ(
    intent: Intent,
    command: Command,
    name: str,
    value: Json,
    vector: tuple[str, ...],
    plain: dict[str, Json],
    text: str,
) -> None:
    """Against a harmless value: as many arguments, and only those differ that are the value, whole, in its place."""
    harmless = run_step(intent, command, plain, interrupt="kill").argv
    assert len(vector) == len(harmless), (text, vector)
    one = value[0] if isinstance(value, list) else value
    kind = intent.parameters[name].type
    own = {
        f"{word.prefix}{kind.render(one, None if word.form == 'comma' else word.form)}{word.suffix}"
        for word in words_of(command.template)
        if word.parameter == name
    }
    for hostile, plain_word in zip(vector, harmless, strict=True):
        assert hostile == plain_word or hostile in own, (text, vector)


def assert_no_new_option(intent: Intent, command: Command, vector: tuple[str, ...], name: str, value: Json) -> None:
    """An argument that holds nothing but the value and begins with `-` stands behind `--` or an option that takes it."""
    own = {word.parameter for word in words_of(command.template) if not word.prefix and word.parameter == name}
    if not own:
        return
    one = value[0] if isinstance(value, list) else value
    rendered = intent.parameters[name].type.render(one)
    if not rendered.startswith("-"):
        return
    for place, argument in enumerate(vector):
        is_separator = argument == "--" and "--" not in vector[:place]
        if argument == rendered and place > 0 and not is_separator:
            assert "--" in vector[:place] or vector[place - 1].startswith("-"), vector


@pytest.mark.parametrize(("intent", "name"), EVERY_PARAMETER)
def test_planning_runs_only_vetted_programs(intent: Intent, name: str) -> None:
    others = {other: plain_value(parameter) for other, parameter in intent.parameters.items() if parameter.required}
    vetted = {
        word.prefix
        for operation in operations_of(intent)
        for command in operation.commands
        if isinstance(word := command.template[0], Word)
    }
    if intent.operation.playbook is not None:
        pytest.skip("a playbook is ansible-runner's own process; its variables are tested with the playbooks")
    for text, value in accepted(intent, name)[:40]:
        spy = Spy()
        target = Target("local", spy, FACTS, spy.login())
        try:
            steps = plan_steps(intent, {**others, name: value}, target, cancel=None)
        except SaysoError:
            steps = ()
        for planned in steps:
            if isinstance(planned.step, RunStep):
                assert planned.step.argv[0] in vetted, text
        for vector in spy.vectors:
            assert vector[0] in vetted | OUR_OWN, text
            assert not any("\0" in word for word in vector), text


OUR_OWN = frozenset(
    {"stat", "test", "cat", "readlink", "sha256sum", "getent", "systemctl", "id", "findmnt", "realpath", "ps"}
)
"""What planning itself reads with: files, accounts, links."""
