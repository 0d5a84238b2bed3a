"""Validates packs and compiles them to the plain entries that the catalogue keeps in its cache."""

import re
from collections.abc import Mapping
from typing import Any

from intents.build import build_intent
from intents.errors import CatalogueError, ValueRejected
from intents.intent import FollowUp, Intent, Operation, Risk, Word
from intents.pack_file import KeyPath, PackFile, parse_pack
from intents.pack_source import PackSource
from intents.parsers import is_known_parser
from intents.rules import check_intent
from intents.schema import validate_entry


def compile_packs(sources: list[PackSource]) -> dict[str, dict[str, Any]]:
    """Return intent name -> {pack, where, entry} for all packs, built-in ones first.

    Raises `CatalogueError` at the first thing that is wrong.
    """
    compiled: dict[str, dict[str, Any]] = {}
    built: dict[str, Intent] = {}
    reviewed: set[str] = set()
    sentences: dict[str, str] = {}
    for source in sources:
        pack = parse_pack(_text(source), source.shown)
        for name in pack.entries:
            if name in compiled:
                raise CatalogueError(
                    f"`{name}` is already the name of another intent ({compiled[name]['where']}).",
                    remedy="Choose another name.",
                    where=pack.where((name,)),
                )
            entry, intent = _compile_entry(pack, name, source)
            programs = programs_of(intent)
            if source.is_built_in:
                reviewed |= programs
            else:
                _raise_risk_of_unreviewed(entry, programs - reviewed)
                _refuse_shadowing(pack, intent, sentences)
            compiled[name] = {"pack": source.pack, "where": pack.where((name,)), "entry": entry}
            built[name] = intent
            if source.is_built_in:
                sentences |= {_plain_sentence(example): name for example in intent.examples}
    _check_references(built)
    return compiled


def _text(source: PackSource) -> str:
    try:
        return source.content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CatalogueError(
            f"byte {error.start} is not UTF-8.", remedy="Save the file as UTF-8.", where=f"{source.shown}:1"
        ) from None


def _compile_entry(pack: PackFile, name: str, source: PackSource) -> tuple[dict[str, Any], Intent]:
    entry = validate_entry(pack, name)
    where = pack.where((name,))
    try:
        intent = build_intent(name, entry, pack=source.pack, where=where)
    except ValueRejected as error:
        raise CatalogueError(f"`{name}`: {error.message}", remedy=error.remedy, where=where) from None
    except ValueError as error:
        raise CatalogueError(f"`{name}`: {error}.", remedy="See docs/packs.md.", where=where) from None
    for path, problem in check_intent(intent, is_known_parser):
        place: KeyPath = (name, *(int(part) if part.isdigit() else part for part in path))
        raise CatalogueError(f"`{name}`: {problem}.", remedy="See docs/packs.md.", where=pack.where(place))
    return entry, intent


def _raise_risk_of_unreviewed(entry: dict[str, Any], unreviewed: set[str]) -> None:
    """A person's own pack that runs a program we never reviewed is at least disruptive, whatever it says.

    A read keeps its shape, so its risk is raised through `effects`: it grants execution, which no
    flag and no standing grant covers.
    """
    if not unreviewed:
        return
    if isinstance(entry["risk"], str) and Risk[entry["risk"].upper()] in {Risk.READ, Risk.REVERSIBLE}:
        entry["risk"] = "disruptive"
    if "execution" not in entry["effects"]:
        entry["effects"] = [*entry["effects"], "execution"]


def _plain_sentence(example: str) -> str:
    return " ".join(re.sub(r"\{[a-z_]+\}", "{}", example).casefold().split())


def _refuse_shadowing(pack: PackFile, intent: Intent, sentences: Mapping[str, str]) -> None:
    """A person's own pack may not claim a sentence that a built-in intent is reached by."""
    for index, example in enumerate(intent.examples):
        taken = sentences.get(_plain_sentence(example))
        if taken is not None:
            raise CatalogueError(
                f'`{intent.name}`: "{example}" is a sentence of `{taken}`.',
                remedy="Say it in other words.",
                where=pack.where((intent.name, "examples", index)),
            )


def operations_of(intent: Intent) -> list[Operation]:
    """Return the plain operation and those of the variants."""
    return [intent.operation, *(variant.operation for variant in intent.variants)]


def programs_of(intent: Intent) -> set[str]:
    """Return the names of all programs that the intent may run; a playbook counts as one, `playbook:NAME`."""
    programs = set()
    for operation in operations_of(intent):
        programs |= {first.prefix for command in operation.commands if isinstance(first := command.template[0], Word)}
        programs |= {f"playbook:{operation.playbook.name}"} if operation.playbook else set()
    return programs


def _check_follow_up(intent: Intent, follow_up: FollowUp, built: Mapping[str, Intent]) -> None:
    following = built.get(follow_up.intent)
    if following is None:
        problem = f"its `then` names `{follow_up.intent}`, which doesn't exist"
    elif set(follow_up.arguments) - set(following.parameters):
        unknown = min(set(follow_up.arguments) - set(following.parameters))
        problem = f"`{following.name}` has no parameter `{unknown}`"
    elif any(operation.then for operation in operations_of(following)):
        problem = f"`{following.name}` has a `then` of its own"
    elif missing := {one.name for one in following.parameters.values() if one.required} - set(follow_up.arguments):
        problem = f"`{following.name}` needs `{min(missing)}`"
    else:
        return
    raise CatalogueError(f"`{intent.name}`: {problem}.", remedy="See `then` in docs/packs.md.", where=intent.where)


def _check_references(built: dict[str, Intent]) -> None:
    for intent in built.values():
        for operation in operations_of(intent):
            undo = operation.undo
            if undo and undo.intent and undo.intent not in built:
                raise CatalogueError(
                    f"`{intent.name}`: its undo names `{undo.intent}`, which doesn't exist.",
                    remedy="Name an intent of the catalogue.",
                    where=intent.where,
                )
            if undo and undo.intent:
                unknown = set(undo.arguments) - set(built[undo.intent].parameters)
                if unknown:
                    raise CatalogueError(
                        f"`{intent.name}`: `{undo.intent}` has no parameter `{min(unknown)}`.",
                        remedy="Check the undo's arguments.",
                        where=intent.where,
                    )
            for follow_up in operation.then:
                _check_follow_up(intent, follow_up, built)
        for miss in intent.near_misses:
            if miss.intent is not None and miss.intent not in built:
                raise CatalogueError(
                    f'`{intent.name}`: the near miss "{miss.text}" names `{miss.intent}`, which doesn\'t exist.',
                    remedy="Name an intent of the catalogue, or null.",
                    where=intent.where,
                )
