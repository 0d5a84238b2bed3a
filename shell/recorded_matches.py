"""What a request was taken to mean, as the history keeps it, and back: so that it can be planned again on other hosts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

from history.redaction_patterns import MARK
from intents.errors import PlanError
from intents.interpretation import Argument, Evidence, Match, RowReference
from intents.operations import Aggregate, Columns, Count, Export, Filter, Group, Limit, RowOperation, Sort, Unique
from intents.values import Json

_OPERATIONS: Mapping[str, type[RowOperation]] = {
    one.__name__.lower(): one for one in (Filter, Sort, Limit, Count, Aggregate, Group, Unique, Columns, Export)
}


def recorded_match(match: Match) -> dict[str, Json]:
    """Return a match as plain JSON."""
    return {
        "intent": match.intent,
        "arguments": match.values(),
        "evidence": {name: _evidence(argument.evidence) for name, argument in match.arguments.items()},
        "operations": [repr(operation) for operation in match.operations],
        "row_operations": [{"op": type(one).__name__.lower(), **asdict(one)} for one in match.operations],
        "references": {name: asdict(one) for name, one in match.references.items()},
        "declared_by": match.declared_by,
    }


def match_of(recorded: Json, record: int) -> Match:
    """Return the match that was recorded, its values with the history as their evidence.

    Raises `PlanError` where it holds a secret, which the history doesn't keep, or can't be read.
    """
    try:
        if not isinstance(recorded, Mapping):
            raise TypeError("no object")  # noqa: TRY301 - told like everything else that doesn't fit
        values = _mapping(recorded.get("arguments"))
        if _holds_secret(values):
            raise PlanError(
                f"Record {record} was given a secret, which is not kept.", remedy="Ask for it again in full."
            )
        evidence = Evidence("history", note=f"record {record}")
        operations = recorded.get("row_operations")
        return Match(
            str(recorded["intent"]),
            {name: Argument(value, evidence) for name, value in values.items()},
            1.0,
            tuple(_operation(one) for one in operations) if isinstance(operations, Sequence) else (),
            references={name: _reference(one) for name, one in _mapping(recorded.get("references")).items()},
            declared_by=declared if isinstance(declared := recorded.get("declared_by"), str) else None,
        )
    except (KeyError, TypeError) as error:
        raise PlanError(f"What record {record} was about can't be read: {error}.", remedy="Ask for it again.") from None


def _operation(recorded: Json) -> RowOperation:
    written = _mapping(recorded)
    kind = _OPERATIONS[str(written.get("op"))]
    values = {one.name: written[one.name] for one in fields(kind)}
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})  # type: ignore[arg-type]  # written from the same fields


def _reference(recorded: Json) -> RowReference:
    written = _mapping(recorded)
    return RowReference(**{one.name: written[one.name] for one in fields(RowReference)})  # type: ignore[arg-type]  # written from the same fields


def _holds_secret(value: Json) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_secret(one) for one in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(_holds_secret(one) for one in value)
    return isinstance(value, str) and MARK in value


def _evidence(evidence: Evidence) -> Json:
    return {
        "from": evidence.source,
        "span": list(evidence.span) if evidence.span else None,
        "text": evidence.text,
    }


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
