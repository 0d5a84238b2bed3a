"""`sayso policy grant|grants|revoke`: standing permissions, given for a time, listed, taken back."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from executors.grants import Grant, new_grant, revoke_grant, save_grant
from executors.policy import Question, Verdict
from intents.catalogue import Catalogue
from intents.errors import PolicyError, RequestError
from intents.intent import Intent, Risk
from intents.values import Json
from shell.command_json import write_json
from shell.direct import direct_match
from shell.environment import Environment
from shell.exit_status import ExitStatus
from shell.named_intents import intent_called, load_catalogue
from shell.policy_places import (
    PolicyPlaces,
    find_hosts,
    open_targets,
    person_of,
    standing_hosts,
    touched_by,
    value_context,
)
from shell.render_lines import print_line
from shell.render_policy import grant_sentence, listed_grant, render_grants
from shell.terminal import Terminal
from shell.until import parse_until

_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+")
_ALWAYS = re.compile(r"^\s*(?:please\s+)?(?:always\s+)?(?:allow|permit|let)\s+(?:me\s+)?(?:to\s+)?", re.IGNORECASE)
_UNTIL = re.compile(r"\s+(?:until|till)\s+(?P<when>[^,;]+?)\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a grant is asked for: an intent with its values, where, and until when (as it was said)."""

    intent: str
    arguments: dict[str, Json]
    on: str | None
    until: str


def run_grant(
    words: Sequence[str], environment: Environment, options: argparse.Namespace, places: PolicyPlaces
) -> ExitStatus:
    """Give a grant: shown first, and asked about unless `--yes` says so. Root's `scope=system` counts for scripts."""
    catalogue = load_catalogue(environment)
    ours, rest = _own_words(words, catalogue)
    if not rest:
        raise RequestError(
            "`sayso policy grant` needs what it is for.",
            remedy='Write e.g. sayso policy grant service.restart service=nginx until=friday, or "restart nginx".',
        )
    now = datetime.now().astimezone()
    targets = open_targets(environment, options)
    try:
        wanted = _wanted(rest, ours.get("until") or getattr(options, "until", None), catalogue, environment, options)
        hosts = standing_hosts(wanted.on, targets)
        grant = new_grant(
            wanted.intent,
            _values(wanted, rest, catalogue, environment, options),
            hosts,
            until=parse_until(wanted.until, now),
            now=now,
            created_by=person_of(environment),
            note=ours.get("note", ""),
        )
        found = find_hosts(wanted.on, targets)
        effects = touched_by(catalogue[grant.intent], grant.arguments, found.names)
        _refuse_what_no_grant_covers(grant, catalogue[grant.intent], effects)
    finally:
        targets.close()
    folder = _folder(ours.get("scope", "own"), environment, places)
    _, messages = environment.consoles()
    before = _same_before(grant, folder, places, environment, now)
    if before is not None and before.until_utc >= grant.until_utc:
        print_line(messages, f"That is granted already: {before.id} allows {grant_sentence(before)}.")
        if options.json:
            write_json(environment, "policy grant", listed_grant(before, now))
        return ExitStatus.DONE
    print_line(messages, f"Always allow, without asking: {grant_sentence(grant)}.")
    if not options.yes and not _is_wanted():
        raise PolicyError(
            "Nothing was granted.", remedy="Answer at a terminal, or add --yes.", rule="grants are approved by a person"
        )
    save_grant(folder, grant)
    if before is not None:
        revoke_grant(folder, before)
        print_line(messages, f"It takes the place of {before.id}, which would have ended sooner.")
    _report(grant, environment, options)
    intent = catalogue[grant.intent]
    question = Question(
        person_of(environment), intent.name, intent.risk_for(grant.arguments), effects, found.names, "terminal",
        arguments=grant.arguments, at=now, groups=found.groups,
    )  # fmt: skip
    decision = places.load(environment).decide(question)
    if decision.verdict is not Verdict.ALLOW:
        print_line(
            messages,
            f"It changes nothing for now: the rule `{decision.rule}` says {decision.word}. `sayso policy explain` tells why.",
            lead="! ",
        )
    return ExitStatus.DONE


def run_grants(
    _words: Sequence[str], environment: Environment, options: argparse.Namespace, places: PolicyPlaces
) -> ExitStatus:
    """List every grant, also those that have expired."""
    grants = places.load(environment).grants
    now = datetime.now().astimezone()
    if options.json:
        for grant in grants:
            write_json(environment, "policy grants", listed_grant(grant, now))
        return ExitStatus.DONE
    out, _ = environment.consoles()
    render_grants(grants, out, now=now)
    return ExitStatus.DONE


def run_revoke(
    words: Sequence[str], environment: Environment, options: argparse.Namespace, places: PolicyPlaces
) -> ExitStatus:
    """Take a grant back, and say what it was."""
    if len(words) != 1:
        raise RequestError("`sayso policy revoke` needs one ID.", remedy="`sayso policy grants` lists them.")
    wanted = words[0].removeprefix("grant ")
    grant = next((one for one in places.load(environment).grants if one.id == wanted), None)
    if grant is None:
        raise RequestError(f"There is no grant `{wanted}`.", remedy="`sayso policy grants` lists them.")
    revoke_grant(places.system_grants if grant.is_system else places.own_grants, grant)
    if options.json:
        write_json(environment, "policy revoke", {"revoked": grant.id})
        return ExitStatus.DONE
    out, _ = environment.consoles()
    print_line(out, f"Revoked {grant.id}: {grant_sentence(grant)}.")
    return ExitStatus.DONE


def _own_words(words: Sequence[str], catalogue: Catalogue) -> tuple[dict[str, str], list[str]]:
    """Return the words that are about the grant (`until=`, `note=`, `scope=`), and the others.

    A parameter of the intent that has such a name comes first; then `--until` says when the grant ends.
    """
    intent = catalogue.get(words[0]) if words else None
    ours: dict[str, str] = {}
    rest: list[str] = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in {"until", "note", "scope"} and not (intent and key in intent.parameters):
            ours[key] = value
        else:
            rest.append(word)
    return ours, rest


def _wanted(
    rest: Sequence[str],
    until: str | None,
    catalogue: Catalogue,
    environment: Environment,
    options: argparse.Namespace,
) -> _Wanted:
    if _NAME.fullmatch(rest[0]) or rest[0] in catalogue:
        return _Wanted(intent_called(rest[0], catalogue).name, {}, options.on, _end(until))
    request = _ALWAYS.sub("", " ".join(rest))
    said = _UNTIL.search(request)
    if said is not None:
        if until is not None:
            raise RequestError("The request says until when, and so do you.", remedy="Say it in one place only.")
        request, until = request[: said.start()], said["when"]
    return _understood(request, _end(until), environment, options)


def _end(until: str | None) -> str:
    if not until:
        raise RequestError(
            "A grant has to end.", remedy="Add until=WHEN, such as until=friday or until=2026-12-31; at most 90 days."
        )
    return until


def _understood(request: str, until: str, environment: Environment, options: argparse.Namespace) -> _Wanted:
    """Return what the session's interpreter understands; it touches no host, and nothing is planned."""
    from shell.answering import Answering
    from shell.road import Options

    with Answering(environment, options) as answering:
        response = answering.session.handle(request, Options(on=options.on, explain=True))
    interpretation = response.interpretation
    if response.fault is not None:
        raise RequestError(response.fault.message, remedy=response.fault.remedy)
    if interpretation is None or len(interpretation.matches) != 1:
        raise RequestError(
            f"`{request}` is not understood as one operation.",
            remedy="Name the intent itself: sayso policy grant INTENT key=value ... until=WHEN.",
        )
    (match,) = interpretation.matches
    return _Wanted(match.intent, dict(match.values()), ",".join(response.hosts) or options.on, until)


def _values(
    wanted: _Wanted,
    rest: Sequence[str],
    catalogue: Catalogue,
    environment: Environment,
    options: argparse.Namespace,
) -> dict[str, Json]:
    """Return the canonical values: those that were understood, or the pairs' own."""
    if rest[0] != wanted.intent:
        return wanted.arguments
    targets = open_targets(environment, options)
    try:
        names = find_hosts(wanted.on, targets).names
        context = value_context(names, environment, targets, datetime.now().astimezone())
        return dict(direct_match(catalogue[wanted.intent], rest[1:], context).values())
    finally:
        targets.close()


def _same_before(
    grant: Grant, folder: Path, places: PolicyPlaces, environment: Environment, now: datetime
) -> Grant | None:
    """Return the grant in force of the same scope that is for the same thing, if there is one: two would be one too many."""
    is_system = folder == places.system_grants
    return next(
        (
            one
            for one in places.load(environment).grants
            if one.is_system == is_system
            and one.is_in_force(now)
            and (one.intent, dict(one.arguments)) == (grant.intent, dict(grant.arguments))
            and set(one.hosts) == set(grant.hosts)
        ),
        None,
    )


def _refuse_what_no_grant_covers(grant: Grant, intent: Intent, effects: Sequence[str]) -> None:
    if not intent.is_change and not effects:
        raise RequestError(f"`{intent.name}` only reads, which needs no grant.", remedy="Just ask for it.")
    if intent.risk_for(grant.arguments) is Risk.DESTRUCTIVE:
        told = "destroys"
    elif effects:
        told = f"touches {', '.join(effects)}"
    else:
        return
    raise PolicyError(
        f"`{intent.name}` with these values {told}, which no standing grant covers.",
        remedy="Approve it each time; for a script, root writes a rule that names it.",
        rule="grants cover nothing that destroys, grants or discloses",
    )


def _folder(scope: str, environment: Environment, places: PolicyPlaces) -> Path:
    if scope == "own":
        return places.own_grants
    if scope != "system":
        raise RequestError(f"`scope={scope}` is neither own nor system.", remedy="Write scope=own or scope=system.")
    if environment.uid != 0:
        raise PolicyError(
            "Only root gives grants that count for scripts.",
            remedy="Leave scope=system out.",
            rule=str(places.system_grants),
        )
    return places.system_grants


def _is_wanted() -> bool:
    terminal = Terminal.open()
    if terminal is None:
        return False
    with terminal:
        return terminal.ask_yes_no("Grant it?")


def _report(grant: Grant, environment: Environment, options: argparse.Namespace) -> None:
    if options.json:
        write_json(environment, "policy grant", listed_grant(grant, datetime.now().astimezone()))
        return
    out, _ = environment.consoles()
    print_line(out, f"Granted {grant.id}. `sayso policy revoke {grant.id}` takes it back.")
