"""Whether what a request was read to mean on its first host means the same on the others.

Names ("nginx") and relative paths are read against one host. On another the same words may name something
else, or nothing: such a host is left out, and told.
"""

from collections.abc import Callable, Mapping, Sequence

from executors.outcome_status import status_of_error
from executors.plan import LeftOut, OutcomeStatus
from executors.side_by_side import side_by_side
from executors.state import Target
from executors.transport import Cancel
from intents.errors import SaysoError, ValueRejected
from intents.intent import Intent, Parameter
from intents.interpretation import Match
from intents.types.base import ValueContext
from intents.values import Json


def left_out(faults: Mapping[str, SaysoError]) -> list[LeftOut]:
    """Return the hosts that can't be reached as such that a plan leaves out."""
    return [LeftOut(host, "unreachable", str(error)) for host, error in faults.items()]


def same_everywhere(
    matches: Sequence[Match],
    catalogue: Mapping[str, Intent],
    targets: Sequence[Target],
    *,
    context_of: Callable[[Target], ValueContext],
    at_once: int,
    cancel: Cancel,
) -> tuple[list[Target], list[LeftOut]]:
    """Return the targets on which the matches mean what they mean on the first, and those that are left out."""
    first, *others = targets
    said = [one for match in matches for one in _said(match, catalogue[match.intent], context_of(first))]
    if not said or not others:
        return list(targets), []

    def check(target: Target) -> None:
        context = context_of(target)
        for words, value, parameter in said:
            _require_same(words, value, parameter, target, first, context)

    checked = side_by_side(check, others, at_once=at_once, cancel=cancel)
    is_change = any(catalogue[match.intent].is_change for match in matches)
    meant, out = [first], []
    for target, fault in zip(others, checked, strict=True):
        if fault is None:
            meant.append(target)
        else:
            status: OutcomeStatus = (
                "refused" if is_change and isinstance(fault, ValueRejected) else status_of_error(fault)
            )
            out.append(LeftOut(target.host, status, str(fault)))
    return meant, out


def _said(match: Match, intent: Intent, context: ValueContext) -> list[tuple[str, Json, Parameter]]:
    """Return the words that arguments were read from, with their values, where those words alone give them."""
    found: list[tuple[str, Json, Parameter]] = []
    for name, argument in match.arguments.items():
        parameter, text = intent.parameters.get(name), argument.evidence.text
        if parameter is None or argument.evidence.source == "history":
            continue
        said: list[tuple[str, Json]] = [(text, argument.value)] if text and not parameter.many else []
        if parameter.many and isinstance(argument.value, list | tuple):
            said = [(one, one) for one in argument.value if isinstance(one, str)]
        found += [(words, value, parameter) for words, value in said if _means(words, value, parameter, context)]
    return found


def _means(words: str, value: Json, parameter: Parameter, context: ValueContext) -> bool:
    try:
        return parameter.type.parse(words, context) == value
    except ValueRejected:
        return False


def _require_same(
    words: str, value: Json, parameter: Parameter, target: Target, first: Target, context: ValueContext
) -> None:
    """Raise `ValueRejected` where the words mean something else on a host than on the first one, or nothing."""
    try:
        there: Json = parameter.type.parse(words, context)
    except ValueRejected as error:
        raise ValueRejected(f"On {target.host}: {error.message}", remedy=error.remedy) from error
    if there != value:
        shown, other = parameter.type.show(value), parameter.type.show(there)
        raise ValueRejected(
            f"`{words}` is {shown} on {first.host}, and {other} on {target.host}.",
            remedy=f"Write {shown} in full, or ask for {target.host} by itself.",
        )
