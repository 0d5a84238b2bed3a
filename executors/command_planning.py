"""Plans a change that one command makes: from the state read before, or by the tool's own dry run.

The same two tell afterwards whether it came true: "exited 0" alone is no success.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from executors.acting_account import acting_account
from executors.diffs import state_diff
from executors.forecast import Forecast
from executors.plan import Effect, PlannedStep, Touched
from executors.state import Target, expected_values, listed, read_rows, read_state, run_step, unmet
from executors.transport import Cancel
from intents.errors import PlanError, SaysoError
from intents.intent import Intent, Operation
from intents.types.visible import visible
from intents.values import Column, Json, Row

SHOWN_ROWS = 200
"""Rows of a dry run that a diff shows one by one; of more, number and total size stand for the rest."""
SHOWN_TOUCHED = 20
PAUSE_S = 0.2
"""Between two looks at a state that takes a while to come."""

SIMULATED = "simulated_sha256"
"""The key in a state before that stands for the rows of the tool's dry run."""

_SIGNS = {"install": "+", "create": "+", "add": "+", "remove": "-", "delete": "-", "purge": "-"}


def plan_command(
    intent: Intent,
    operation: Operation,
    values: Mapping[str, Json],
    target: Target,
    *,
    cancel: Cancel | None,
    with_touched: bool = True,
    forecast: Forecast | None = None,
) -> PlannedStep:
    """Return the planned step of a change by command.

    Where an earlier stage of the plan changes the same state, that one's result counts as the state before.
    Raises `StepError` when the state can't be read, `PlanError` when it is not what the change needs.
    """
    if operation.change is None:
        raise PlanError(f"`{intent.name}` has nothing to run on {target.host}.", remedy="Report this pack.")
    reading = run_step(intent, operation.state.command, values, interrupt="kill").argv if operation.state else ()
    before, is_predicted = _state_before(intent, operation, values, target, forecast, cancel)
    step = run_step(intent, operation.change, values, interrupt=intent.interrupt)
    account = acting_account(intent, operation.change, values, target, cancel)
    step = step if account is None else replace(step, as_user=account)
    rows = read_rows(intent, operation.simulate, values, target, cancel) if operation.simulate is not None else None
    if _is_so(intent, operation, values, before, rows) and not operation.always:
        there_is = before or rows is not None
        reason = "the state is already as wanted" if there_is else f"there is no {subject_of(intent, values)}"
        fingerprint = _fingerprint(before, rows)
        return PlannedStep(step, Effect.ALREADY_SO, reason=reason, before=fingerprint, is_predicted=is_predicted)
    refuse_lacking(intent, operation, values, target, before)
    after = predicted_state(intent, operation, values, before)
    is_predicted = is_predicted or (forecast is not None and forecast.has_answered)
    if forecast is not None:
        is_gone = any(one.test == "absent" for one in operation.expect)
        forecast.take_command(step, reading, after, is_gone=is_gone)
    diff = state_diff(before, after, subject_of(intent, values))
    is_summary = False
    if rows is not None and operation.simulate is not None:
        diff += rows_diff(rows, operation.simulate.columns)
        is_summary = len(rows) > SHOWN_ROWS
    return PlannedStep(
        step,
        Effect.WILL_CHANGE,
        diff=diff,
        before=_fingerprint(before, rows),
        cannot_undo=operation.undo.impossible if operation.undo else None,
        touched=touched_by(intent, operation, values, target, cancel) if with_touched else (),
        is_summary=is_summary,
        is_predicted=is_predicted,
    )


def _state_before(
    intent: Intent,
    operation: Operation,
    values: Mapping[str, Json],
    target: Target,
    forecast: Forecast | None,
    cancel: Cancel | None,
) -> tuple[Row, bool]:
    """Return the state before the change, and whether an earlier stage of the plan has to bring it about."""
    if operation.state is None:
        return {}, False
    if forecast is None:
        return read_state(intent, operation.state, values, target, cancel), False
    return forecast.read(intent, operation.state, values, cancel)


def refuse_lacking(
    intent: Intent, operation: Operation, values: Mapping[str, Json], target: Target, before: Row
) -> None:
    """Raise `PlanError` where the state before isn't what the change needs."""
    lacking = unmet(intent, operation.needs, values, before=None, now=before)
    if lacking:
        raise PlanError(
            f"`{intent.name}` can't be done with {subject_of(intent, values)} on {target.host}: {'; '.join(lacking)}.",
            remedy="Look at what is there, and ask for what fits it.",
        )


def not_come_true(
    intent: Intent,
    operation: Operation,
    values: Mapping[str, Json],
    target: Target,
    *,
    before: Mapping[str, Json],
    cancel: Cancel | None,
) -> tuple[Row, list[str]]:
    """Return the state after a change, and in words what it lacks of what was promised.

    Where the operation says that it takes a while, the state is read until it is so or that time is over.
    """
    deadline = time.monotonic() + operation.expect_within_s
    while True:
        after, problems = _lacking_now(intent, operation, values, target, before=before, cancel=cancel)
        if not problems or time.monotonic() >= deadline or (cancel is not None and cancel.is_set):
            return after, problems
        time.sleep(PAUSE_S)


def _lacking_now(
    intent: Intent,
    operation: Operation,
    values: Mapping[str, Json],
    target: Target,
    *,
    before: Mapping[str, Json],
    cancel: Cancel | None,
) -> tuple[Row, list[str]]:
    after: Row = {}
    problems: list[str] = []
    if operation.state is not None:
        after = read_state(intent, operation.state, values, target, cancel)
        problems += unmet(intent, operation.expect, values, before=before, now=after)
    if operation.simulate is not None and not operation.always:
        left = read_rows(intent, operation.simulate, values, target, cancel)
        problems += [f"its dry run still finds {len(left)} to do"] if left else []
    return after, problems


def predicted_state(intent: Intent, operation: Operation, values: Mapping[str, Json], before: Row) -> dict[str, Json]:
    """Return the state that the change is expected to lead to; `(new)` stands for what only the run can tell."""
    after = dict(before)
    for expectation in operation.expect:
        if expectation.test == "absent":
            return {}
        if expectation.test == "changed":
            after[expectation.column] = "(new)"
            continue
        accepted = expected_values(intent, expectation, values)
        if expectation.test in {"contains", "lacks"}:
            others = [one for one in listed(before.get(expectation.column)) if one not in accepted]
            after[expectation.column] = [*others, *accepted] if expectation.test == "contains" else others
            continue
        if str(before.get(expectation.column)) not in accepted:
            after[expectation.column] = accepted[0] if accepted else None
    return after


def subject_of(intent: Intent, values: Mapping[str, Json]) -> str:
    """Return what an operation is about: its first argument, else its name."""
    first = next((values[name] for name in intent.parameters if values.get(name) is not None), intent.name)
    return ", ".join(str(one) for one in first) if isinstance(first, list | tuple) else str(first)


def rows_diff(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    r"""Return what a dry run would do as lines of a diff; a column `action` gives the sign.

    >>> columns = (Column("action"), Column("name"), Column("version"))
    >>> print(rows_diff([{"action": "install", "name": "jq", "version": "1.6"}], columns), end="")
    +install jq 1.6
    """
    # In an order of their own: a listing's is by chance, and nobody finds a name in it.
    told = sorted(
        (f"{_SIGNS.get(str(row.get('action')), '~')}{visible(_line(row, columns))}\n" for row in rows), key=_order
    )
    lines = told[:SHOWN_ROWS]
    if len(rows) > SHOWN_ROWS:
        lines.append(f"Summary: and {len(rows) - SHOWN_ROWS} more\n")
    sizes = [column.name for column in columns if column.type == "size"]
    if len(rows) > 1:
        totals = [f"{name} {sum(_number(row.get(name)) for row in rows)} bytes" for name in sizes]
        lines.append("@@ " + ", ".join([f"{len(rows)} in all", *totals]) + " @@\n")
    return "".join(lines)


def _order(line: str) -> tuple[str, str]:
    """By what is named, then by what happens to it."""
    return line[1:], line[:1]


def touched_by(
    intent: Intent, operation: Operation, values: Mapping[str, Json], target: Target, cancel: Cancel | None
) -> tuple[Touched, ...]:
    """Return what else a change touches; what can't be read is said, and decides nothing."""
    found = []
    for touch in operation.touches:
        try:
            rows = read_rows(intent, touch.read, values, target, cancel)
        except SaysoError as error:
            found.append(Touched(touch.label, (f"can't be told: {error.message}",)))
            continue
        if rows:
            lines = [_line(row, touch.read.columns) for row in rows[:SHOWN_TOUCHED]]
            more = [f"and {len(rows) - SHOWN_TOUCHED} more"] if len(rows) > SHOWN_TOUCHED else []
            found.append(Touched(touch.label, (*lines, *more)))
    return tuple(found)


def _is_so(
    intent: Intent, operation: Operation, values: Mapping[str, Json], before: Row, rows: Sequence[Row] | None
) -> bool:
    if rows is not None and rows:
        return False
    if rows is not None and not operation.expect:
        return True
    return not unmet(intent, operation.expect, values, before=None, now=before)


def _fingerprint(before: Row, rows: Sequence[Row] | None) -> dict[str, Json]:
    if rows is None:
        return dict(before)
    # Sorted, for a folder is listed in any order, and another one is no change.
    told = json.dumps(
        sorted(json.dumps(dict(row), sort_keys=True, ensure_ascii=False, default=str) for row in rows),
        ensure_ascii=False,
    )
    return {**before, SIMULATED: hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()}


def _line(row: Row, columns: Sequence[Column]) -> str:
    shown: list[str] = []
    for column in columns:
        value = row.get(column.name)
        if value is None or value == "":
            continue
        text = ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value)
        shown.append(f"{text} bytes" if column.type == "size" else text)
    return " ".join(shown)


def _number(value: Json) -> int:
    return int(value) if isinstance(value, int | float) else 0
