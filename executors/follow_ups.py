"""Follow-ups: intents that a change declares as its next steps (a reload after an edit of a unit file).

They are planned, shown, approved and recorded as steps of their own, on the hosts where the change has
something to do.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from executors.plan import Effect, Stage
from executors.state import Target
from intents.errors import PlanError
from intents.grounding import default_value
from intents.intent import FollowUp, Intent, Word
from intents.interpretation import Argument, Evidence, Match
from intents.template import render_word
from intents.types.base import ValueContext
from intents.values import Json


def without_declared(matches: Sequence[Match]) -> Iterator[Match]:
    """Yield the matches that were asked for: those that one before them declares are made anew by planning it."""
    declaring = None
    for match in matches:
        if match.declared_by is not None and match.declared_by == declaring:
            continue
        declaring = match.intent
        yield match


def follow_ups_of(
    stage: Stage, catalogue: Mapping[str, Intent], targets: Sequence[Target]
) -> Iterator[tuple[Match, tuple[Target, ...]]]:
    """Yield the follow-ups of a stage, each with the targets on which the stage has something to do.

    Raises `PlanError` where they depend on rows that are not there yet.
    """
    intent = catalogue[stage.intent]
    found: dict[tuple[str, str], tuple[Match, list[Target]]] = {}
    for target in targets:
        declared = intent.operation_for(target.facts).then
        if declared and stage.envelope is not None:
            raise PlanError(
                f"`{intent.name}` has further steps, which can't be planned for rows that are not there yet.",
                remedy="Ask for the first change, then for this one.",
            )
        for planned in stage.hosts[target.host] if declared else ():
            if planned.effect is Effect.ALREADY_SO:
                continue
            for one in declared:
                match = follow_up_match(one, intent, stage.values_of(planned), catalogue, target)
                _, hosts = found.setdefault((one.intent, repr(match.values())), (match, []))
                hosts += [target] if target not in hosts else []
    for match, hosts in found.values():
        yield match, tuple(hosts)


def follow_up_match(
    follow_up: FollowUp, intent: Intent, values: Mapping[str, Json], catalogue: Mapping[str, Intent], target: Target
) -> Match:
    """Return the request that a follow-up stands for, with the values of the change that declares it."""
    following = catalogue[follow_up.intent]
    context = ValueContext(datetime.now().astimezone(), target.login.directory, target.login.home)
    evidence = Evidence("default", note=f"belongs to {intent.name}")
    arguments = {
        name: Argument(default_value(parameter, context), Evidence("default"))
        for name, parameter in following.parameters.items()
        if parameter.default is not None and name not in follow_up.arguments
    }
    for name, found in rendered_values(follow_up.arguments, intent, values, following, context).items():
        if found:
            arguments[name] = Argument(found if following.parameters[name].many else found[0], evidence)
    return Match(follow_up.intent, arguments, 1.0, declared_by=intent.name)


def rendered_values(
    words: Mapping[str, Word], intent: Intent, values: Mapping[str, Json], other: Intent, context: ValueContext
) -> dict[str, list[Json]]:
    """Return for each parameter of `other` what the words of `intent` give with its values; nothing for one not given.

    Raises `ValueRejected` for a value that the parameter doesn't take.
    """
    return {
        name: [
            other.parameters[name].type.parse(text, context) for text in render_word(word, intent.parameters, values)
        ]
        for name, word in words.items()
    }
