"""Plans as values: one that a person could have asked for, and every shape that the classes allow."""

import os
import types
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Literal, Union, cast, get_args, get_origin

from hypothesis import strategies as st

from executors.plan import EditStep, Effect, Plan, PlannedStep, RunStep, Stage
from executors.plan_hash import finish_plan
from executors.state import Target
from intents.intent import Risk
from intents.interpretation import Argument, Evidence, Match
from intents.values import Json

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.lists(inner, max_size=2).map(tuple)
        | st.dictionaries(st.text(st.characters(), max_size=4), inner, max_size=2)
    ),
    max_leaves=4,
)


class HashedHost:
    """What a plan's hash looks at of a target."""

    def __init__(self, host: str, facts: Mapping[str, str]) -> None:
        self.host = host
        self.facts = facts


def values_of(type_: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401, PLR0911 - one return for each kind of type
    """Every value that a field of this type can have, whatever the class; lone surrogates and large numbers too."""
    origin, arguments = get_origin(type_), get_args(type_)
    if type_ == Json:
        return json_values
    if type_ in _PLAIN:
        return _PLAIN[type_]
    if origin in {Union, types.UnionType}:
        return st.one_of([values_of(one) for one in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(values_of(arguments[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*[values_of(one) for one in arguments])
    if origin is Mapping:
        return st.dictionaries(values_of(arguments[0]), values_of(arguments[1]), max_size=2)
    if isinstance(type_, type) and issubclass(type_, Enum):
        return st.sampled_from(list(type_))
    return st.builds(type_, **{field.name: values_of(field.type) for field in fields(type_)})


_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(), max_size=6),
    int: st.integers(),
    float: st.floats(allow_nan=False) | st.integers(),
    bool: st.booleans(),
    bytes: st.binary(max_size=6),
    types.NoneType: st.none(),
}


def plan_of(*steps: PlannedStep, host: str = "local", risk: Risk = Risk.REVERSIBLE, **facts: str) -> Plan:
    """Return a plan of one stage whose hash is right."""
    evidence = Evidence("request", (0, 4), "line")
    match = Match("file.append_line", {"path": Argument("/etc/app.conf", evidence)}, 1.0)
    stage = Stage("file.append_line", risk, (), match, {host: steps or (edit_step(),)})
    targets = cast("list[Target]", [HashedHost(host, {"os_id": "debian", **facts})])
    return finish_plan("add line b", [stage], targets, host_evidence=Evidence("default"), now=NOW)


def edit_step(*, before: str = "0" * 64, after: bytes = b"a\nb\n", diff: str = "+b\n", reason: str = "") -> PlannedStep:
    """Return an edit of /etc/app.conf."""
    return PlannedStep(EditStep("/etc/app.conf", before, after), Effect.WILL_CHANGE, diff, reason)


def run_step(*words: str, state: Mapping[str, Json] | None = None, effect: Effect = Effect.WILL_CHANGE) -> PlannedStep:
    """Return a command, with the state that it starts from."""
    return PlannedStep(RunStep(words, as_user="root"), effect, before=state or {})


def as_account(uid: int, action: Callable[[], object]) -> str:
    """Return what `action` gives (or the message of what it raises), as text, in a process of that account. Needs root.

    A fork, not a new program: the interpreter may lie where the other account can't go.
    """
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(ours)
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            try:
                said = str(action())
            except Exception as error:  # noqa: BLE001 - the parent judges it
                said = f"{type(error).__name__}: {error}"
            os.write(theirs, said.encode())
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as stream:
        said_bytes = stream.read()
    os.waitpid(child, 0)
    return said_bytes.decode()
