"""`sayso policy explain INTENT [key=value ...]`: which rule decides at a terminal and in a script, and why."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from executors.path_effects import risk_with
from executors.policy import SYSTEM_POLICY, Decision, Policy, Question, Verdict, Weighed
from executors.protected import refuse_protected
from intents.errors import PolicyError, RequestError, SaysoError, ValueRejected
from intents.intent import Intent, Risk
from intents.names import NoNames
from intents.targets import LOCAL
from intents.types.base import ParameterType, ValueContext
from intents.values import Json
from shell.command_json import write_json
from shell.environment import Environment
from shell.exit_status import ExitStatus
from shell.named_intents import intent_called, load_catalogue
from shell.places import Places, find_places, settings_of
from shell.policy_places import PolicyPlaces, find_hosts, leads_of, open_targets, person_of, touched_by, value_context
from shell.protected_places import protected_of
from shell.render_lines import host_list, print_line
from shell.render_policy import SHOWN_DOORS, render_why
from shell.targets import Targets


def run_explain(
    words: Sequence[str], environment: Environment, options: argparse.Namespace, places: PolicyPlaces
) -> ExitStatus:
    """Show each door's decision step by step; touches no host but this one. Arguments may be left out."""
    if not words:
        raise RequestError("`sayso policy explain` needs the name of an intent.", remedy="`sayso intents` lists them.")
    intent = intent_called(words[0], load_catalogue(environment))
    policy = places.load(environment)
    now = datetime.now().astimezone()
    targets = open_targets(environment, options)
    try:
        hosts = find_hosts(options.on, targets)
        values = given_values(intent, words[1:], value_context(hosts.names, environment, targets, now))
        leads = leads_of(intent, values, hosts.names, targets)
        usual = find_places(environment, options, settings_of(environment, options))
        places_in_use = replace(usual, system_policy=places.system, own_policy=places.own)
        protected = _protection(intent, values, hosts.names, targets, places_in_use)
    finally:
        targets.close()
    effects = touched_by(intent, values, hosts.names)
    question = Question(
        person_of(environment), intent.name, risk_with(intent.risk_for(values), effects), effects, hosts.names, "terminal",
        arguments=values, at=now, groups=hosts.groups, leads_to=leads,
    )  # fmt: skip
    if not options.json and protected.told:
        print_line(environment.consoles()[0], protected.told)
    for door in SHOWN_DOORS:
        asked = replace(question, door=door)
        decision, weighed = policy.decide(asked), policy.weigh(asked)
        counsel = counsel_for(asked, decision, policy)
        if protected.found is not None:
            decision = Decision(Verdict.DENY, f"protected: {protected.found}", "it is protected whatever is approved")
            counsel = ["nothing: if it has to be, do it by hand, with a second way in at hand"]
        if options.json:
            write_json(environment, "policy explain", _listed(asked, decision, weighed, counsel, protected))
        else:
            out, _ = environment.consoles()
            render_why(asked, decision, weighed, counsel, out)
    return ExitStatus.DONE


@dataclass(frozen=True, slots=True)
class _Protection:
    """Whether what is asked about is protected: `found` says by what, `unknown` why that can't be told."""

    found: str | None = None
    unknown: str | None = None

    @property
    def told(self) -> str:
        """Both as a sentence; empty where there is nothing to say."""
        if self.found is not None:
            return f"Refused: protected ({self.found})."
        return f"Whether it is protected can't be told: {self.unknown}." if self.unknown is not None else ""


def _protection(
    intent: Intent, values: Mapping[str, Json], hosts: Sequence[str], targets: Targets, places: Places
) -> _Protection:
    """Look at this machine as the plan would; on others nothing is looked at before the plan."""
    if not intent.is_change:
        return _Protection()
    missing = [one.name for one in intent.parameters.values() if one.required and values.get(one.name) is None]
    if missing:
        return _Protection(unknown=f"it depends on {', '.join(missing)}, which isn't given")
    if tuple(hosts) != (LOCAL,):
        return _Protection(unknown=f"{host_list(hosts)} is looked at when the plan is made")
    try:
        refuse_protected(intent, values, targets.local(), protected_of(places))
    except PolicyError as error:
        return _Protection(found=error.rule.removeprefix("protected: "))
    except SaysoError as error:
        return _Protection(unknown=error.message.rstrip("."))
    return _Protection()


def given_values(intent: Intent, pairs: Sequence[str], context: ValueContext) -> dict[str, Json]:
    """Return the canonical values of `key=value` pairs; what isn't given stays unknown.

    Raises `RequestError` for what is no argument, `ValueRejected` for a value that doesn't fit.
    """
    values: dict[str, Json] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        parameter = intent.parameters.get(key)
        if not equals or parameter is None:
            known = ", ".join(f"{name}=" for name in intent.parameters) or "none"
            raise RequestError(f"`{pair}` is no argument of `{intent.name}`.", remedy=f"Its arguments are: {known}.")
        value = _value(parameter.type, text, context)
        before = values.get(key)
        values[key] = [*(before if isinstance(before, list) else []), value] if parameter.many else value
    return values


def _value(kind: ParameterType, text: str, context: ValueContext) -> Json:
    """Return the value as this machine's names have it, else as it would be where it exists: rules are about both."""
    try:
        return kind.parse(text, context)
    except ValueRejected:
        return kind.parse(text, replace(context, names=NoNames()))


def counsel_for(question: Question, decision: Decision, policy: Policy) -> list[str]:
    """Return what would change the answer, as sentences; none where nothing could but the rule that says so."""
    rule = next(
        (one for one in (*policy.system, *policy.own) if one.name == decision.rule and one.verdict is decision.verdict),
        None,
    )
    if rule is None:
        return _about_default(question, decision)
    is_system = rule in policy.system
    whose = "root's; no option and no file of yours lifts it" if is_system else "your own"
    found = [f"the rule `{rule.name}` in {rule.where}, which is {whose}"]
    for condition in rule.conditions(question, loosens=False):
        if condition.answer is None and condition.name.startswith("arguments."):
            found.append(
                f"giving {condition.name.removeprefix('arguments.')}=: what isn't known counts against the request"
            )
        elif condition.name in {"times", "until", "from"}:
            found.append(f"another time: {condition.told}")
        elif condition.name in {"hosts", "more_hosts_than"}:
            found.append(f"other hosts: {condition.told}")
    return found


def _about_default(question: Question, decision: Decision) -> list[str]:
    if decision.rule.startswith("grant "):
        return [f"`sayso policy revoke {decision.rule.removeprefix('grant ')}` takes the grant back"]
    is_mild = question.risk < Risk.DESTRUCTIVE and not question.effects
    effects = f" with effects: [{', '.join(question.effects)}]" if question.effects else ""
    if decision.verdict is Verdict.DENY:
        found = [
            f"a rule in {SYSTEM_POLICY} with intents: [{question.intent}]{effects} and decision: ask, then --yes counts"
        ]
        return [*found, "a system grant (scope=system, by root)"] if is_mild else found
    if decision.verdict is Verdict.ASK and is_mild:
        return ["a standing grant: `sayso policy grant`", "a rule of your own, which can only make it stricter"]
    return ["a rule of your own, which can only make it stricter"]


def _listed(
    question: Question,
    decision: Decision,
    weighed: Sequence[Weighed],
    counsel: Sequence[str],
    protection: _Protection,
) -> dict[str, Json]:
    rules: list[Json] = [
        {
            "name": one.name,
            "source": one.source,
            "decision": one.verdict.word,
            "part": one.part,
            "conditions": [{"name": each.name, "holds": each.answer, "told": each.told} for each in one.conditions],
            "remark": one.remark,
        }
        for one in weighed
    ]
    return {
        "door": question.door,
        "intent": question.intent,
        "hosts": list(question.hosts),
        "arguments": dict(question.arguments),
        "decision": decision.word,
        "rule": decision.rule,
        "why": decision.why,
        "protected": protection.found,
        "protected_unknown": protection.unknown,
        "leads_to": {path: list(reals) for path, reals in question.leads_to.items()},
        "rules": rules,
        "what_would_change_it": list(counsel),
    }
