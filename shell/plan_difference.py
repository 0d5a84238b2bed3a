"""What moved between a saved plan and the same plan made again: in words and as a diff, by host and step."""

import shlex
from collections.abc import Iterator, Mapping

from executors.diffs import state_diff, unified_diff
from executors.plan import EditStep, Plan, PlannedStep, PlaybookStep, RunStep, Stage, Step
from shell.render_lines import host_list
from shell.visible import visible


def is_same(saved: Plan, fresh: Plan) -> bool:
    """Whether a plan that was made again is the one that was saved: what runs, and what a person was told of it.

    What else a step touches (sessions, free space) changes by itself, and is no part of it.
    """
    return saved.hash == fresh.hash and _told(saved) == _told(fresh)


def _told(plan: Plan) -> list[object]:
    return [
        (host, one.cannot_undo, one.reason)
        for stage in plan.stages
        for host, steps in stage.hosts.items()
        for one in steps
    ]


def difference(saved: Plan, fresh: Plan) -> str:
    """Return what moved since the plan was saved, as lines; never empty, for the two are known to differ.

    ```text
    web1, step 1 (service.restart): the state is another:
    --- service.restart
    +++ service.restart
    -ActiveState: active
    +ActiveState: failed
    ```
    """
    found = [*_moved_facts(saved, fresh), *_moved_stages(saved, fresh)]
    return "\n".join(found) if found else f"The plan has another hash: it was {saved.hash}, and is {fresh.hash}."


def _moved_facts(saved: Plan, fresh: Plan) -> Iterator[str]:
    for host in dict.fromkeys([*saved.facts, *fresh.facts]):
        diff = state_diff(saved.facts.get(host, {}), fresh.facts.get(host, {}), "facts")
        if diff:
            yield f"{host_list([host])}: the machine is another:\n{diff.rstrip()}"


def _moved_stages(saved: Plan, fresh: Plan) -> Iterator[str]:
    if len(saved.stages) != len(fresh.stages):
        yield f"There were {len(saved.stages)} stages, and are {len(fresh.stages)}."
    for number, (before, after) in enumerate(zip(saved.stages, fresh.stages, strict=False), start=1):
        lead = f"stage {number}, " if len(saved.stages) > 1 else ""
        for one in (*_moved_request(before, after), *_moved_hosts(before, after)):
            yield f"{lead}{one}"


def _moved_request(before: Stage, after: Stage) -> Iterator[str]:
    if before.intent != after.intent:
        yield f"another intent: {before.intent} has become {after.intent}"
    arguments = state_diff(before.match.values(), after.match.values(), "arguments")
    if arguments:
        yield f"{before.intent}: the arguments are others:\n{arguments.rstrip()}"
    if before.risk is not after.risk:
        yield f"{before.intent}: the risk was {before.risk.word}, and is {after.risk.word}"
    if before.effects != after.effects:
        yield f"{before.intent}: what it grants or discloses was {_words(before)}, and is {_words(after)}"
    if before.envelope != after.envelope:
        yield f"{before.intent}: which rows it works on is no longer the same"


def _words(stage: Stage) -> str:
    return ", ".join(stage.effects) or "nothing"


def _moved_hosts(before: Stage, after: Stage) -> Iterator[str]:
    for host in dict.fromkeys([*before.hosts, *after.hosts]):
        where = host_list([host])
        if host not in after.hosts or host not in before.hosts:
            yield f"{where}: {'no longer there' if host in before.hosts else 'has come in addition'}"
            continue
        old, new = before.hosts[host], after.hosts[host]
        if len(old) != len(new):
            yield f"{where}: there were {len(old)} steps, and are {len(new)}"
        for number, (one, other) in enumerate(zip(old, new, strict=False), start=1):
            for what in _moved_step(before.intent, one, other):
                yield f"{where}, step {number} ({before.intent}): {what.rstrip()}"


def _moved_step(intent: str, before: PlannedStep, after: PlannedStep) -> Iterator[str]:
    """What follows from what was said already isn't said again: a file's sum from its state, the diff of a diff."""
    state = state_diff(before.before, after.before, intent)
    if state:
        yield f"the state is another:\n{state}"
    words = list(_moved_words(before.step, after.step, is_state_said=bool(state))) if before.step != after.step else []
    yield from words
    if before.effect is not after.effect:
        yield f"it was: {before.effect.value}; it is: {after.effect.value}"
    if before.diff != after.diff and not state and not words:
        diff = unified_diff(_bytes(before.diff), _bytes(after.diff), "what would change")
        yield f"it would change something else:\n{diff}"
    if before.arguments != after.arguments:
        yield f"the values from the rows are others:\n{state_diff(before.arguments, after.arguments, intent)}"
    if before.leads_to != after.leads_to:
        yield f"its paths lead elsewhere:\n{state_diff(dict(before.leads_to), dict(after.leads_to), intent)}"
    for what, old, new in (
        ("why", before.reason, after.reason),
        ("whether it can be undone", before.cannot_undo, after.cannot_undo),
        ("whether a rollback is armed", before.guard, after.guard),
    ):
        if old != new:
            yield f"{what}: it was `{visible(old or '-')}`, and is `{visible(new or '-')}`"


def _moved_words(before: Step, after: Step, *, is_state_said: bool) -> Iterator[str]:
    match before, after:
        case RunStep(), RunStep() if before.argv != after.argv:
            yield f"the command was `{visible(shlex.join(before.argv))}`, and is `{visible(shlex.join(after.argv))}`"
        case EditStep(), EditStep() if before.path == after.path:
            yield from _moved_file(before, after, is_state_said=is_state_said)
        case PlaybookStep(), PlaybookStep() if before.sha256 != after.sha256:
            yield f"the playbook {after.playbook} is another"
        case _:
            names: Mapping[str, str] = {"was": _described(before), "is": _described(after)}
            yield f"the step was {visible(names['was'])}, and is {visible(names['is'])}"


def _moved_file(before: EditStep, after: EditStep, *, is_state_said: bool) -> Iterator[str]:
    if before.before_sha256 != after.before_sha256 and not is_state_said:
        yield f"the file {visible(after.path)} is another ({_sum(before.before_sha256)} was, {_sum(after.before_sha256)} is)"
    if before.after != after.after:
        yield f"its content would be another:\n{unified_diff(before.after, after.after, after.path)}"
    elif before.later_sha256 != after.later_sha256:
        yield f"its content would be another ({_sum(before.later_sha256)} was planned, {_sum(after.later_sha256)} is)"


def _sum(sha256: str | None) -> str:
    return "absent" if sha256 is None else f"SHA-256 {sha256[:12]}…"


def _described(step: Step) -> str:
    """A step with all that decides how it runs, but for the bytes it is given."""
    match step:
        case RunStep():
            given = f", {len(step.stdin)} bytes on its standard input" if step.stdin is not None else ""
            what = f"`{shlex.join(step.argv)}`{given}, at most {step.timeout_s:g} s"
        case EditStep():
            what = f"an edit of {step.path} checked by {step.validator or 'nothing'}"
        case PlaybookStep():
            variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in step.variables)
            what = f"the playbook {step.playbook} {variables}"
    return f"{what}{f' as {step.as_user}' if step.as_user else ''}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
