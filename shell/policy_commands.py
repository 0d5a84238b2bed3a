"""`sayso policy`: what is in force, what is wrong with it, why it decides as it does, and the sudoers that make it a wall."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from executors.facts import gather_facts
from executors.grants import load_grants
from executors.local import LocalTransport
from executors.policy import SYSTEM_POLICY
from executors.policy_check import Finding, check_rules
from executors.policy_file import SUFFIXES, read_rules
from executors.policy_rules import Rule
from executors.programs import find_program
from executors.sudoers import Sudoers, least_sudoers, write_sudoers
from executors.trusted_files import list_files
from intents.errors import PolicyError, RequestError
from intents.values import Json
from shell.command_json import write_json
from shell.environment import Environment
from shell.exit_status import ExitStatus
from shell.grant_commands import run_grant, run_grants, run_revoke
from shell.named_intents import load_catalogue
from shell.policy_explain import run_explain
from shell.policy_places import PolicyPlaces, person_of
from shell.render_lines import print_line
from shell.render_policy import (
    SHOWN_DOORS,
    default_words,
    listed_grant,
    listed_rule,
    render_findings,
    render_policy,
)

_THERE_ARE = (
    "There are: policy, policy check [FILE|FOLDER], policy explain INTENT [key=value ...], policy sudoers [USER], "
    "policy grant INTENT key=value ... until=WHEN, policy grants, policy revoke ID."
)


def run_policy(
    words: Sequence[str],
    environment: Environment,
    options: argparse.Namespace,
    *,
    places: PolicyPlaces | None = None,
) -> ExitStatus:
    """Carry out `policy` with its words. Raises `SaysoError`; `places` are where policy lies unless the usual ones."""
    where = places or PolicyPlaces.of(environment)
    subject, *rest = words or ("",)
    most, carry_out = _COMMANDS.get(subject, (-1, _in_force))
    if len(rest) > most:
        raise RequestError(f"`policy {' '.join(words)}` is no command.", remedy=_THERE_ARE)
    return carry_out(rest, environment, options, where)


def _in_force(
    _words: Sequence[str], environment: Environment, options: argparse.Namespace, places: PolicyPlaces
) -> ExitStatus:
    """Show what is in force."""
    policy = places.load(environment)
    now = datetime.now().astimezone()
    folders = _folders(places)
    if options.json:
        rules: list[Json] = [listed_rule(rule, "system") for rule in policy.system]
        rules += [listed_rule(rule, "own") for rule in policy.own]
        defaults: dict[str, Json] = {what: dict(zip(SHOWN_DOORS, said, strict=True)) for what, said in default_words()}
        grants: list[Json] = [listed_grant(grant, now) for grant in policy.grants]
        told: dict[str, Json] = {"defaults": defaults, "folders": dict(folders), "rules": rules, "grants": grants}
        write_json(environment, "policy", told)
        return ExitStatus.DONE
    out, _ = environment.consoles()
    render_policy(policy, folders, out, now=now)
    return ExitStatus.DONE


def _folders(places: PolicyPlaces) -> list[tuple[str, str]]:
    """Return (what, where and how many files) of the four folders."""
    found: list[tuple[str, str]] = []
    for what, folder, suffixes in (
        ("system rules", places.system, SUFFIXES),
        ("own rules", places.own, SUFFIXES),
        ("system grants", places.system_grants, (".json",)),
        ("own grants", places.own_grants, (".json",)),
    ):
        files = list_files(folder, suffixes, must_be_root=None)
        count = f"{len(files)} file{'' if len(files) == 1 else 's'}" if files else "none"
        found.append((what, f"{folder} ({count})"))
    return found


def _check(
    words: Sequence[str], environment: Environment, options: argparse.Namespace, places: PolicyPlaces
) -> ExitStatus:
    """Look for what is wrong with the policy in force, or with a file or folder before it is put there."""
    findings: list[Finding] = []
    checked: list[str] = []
    if not words:
        findings += _check_folder(places.system, environment, checked, is_system=True)
        findings += _check_folder(places.own, environment, checked, is_system=False)
        findings += _check_grants(environment, places)
    else:
        path = Path(environment.directory, words[0])
        if not path.exists():
            raise RequestError(f"There is no {path}.", remedy="Name a policy file, or a folder of them.")
        is_system = not path.is_relative_to(places.own)
        findings += _check_folder(path, environment, checked, is_system=is_system)
    findings.sort(key=_place)
    if options.json:
        for finding in findings:
            line = {"where": finding.where, "problem": finding.problem, "remedy": finding.remedy}
            write_json(environment, "policy check", line)
    else:
        out, _ = environment.consoles()
        render_findings(findings, checked, out)
    return ExitStatus.USAGE if findings else ExitStatus.DONE


def _place(finding: Finding) -> tuple[str, int]:
    file, _, line = finding.where.rpartition(":")
    return (file, int(line)) if line.isdecimal() else (finding.where, 0)


def _check_folder(path: Path, environment: Environment, checked: list[str], *, is_system: bool) -> list[Finding]:
    """Check the files of a folder together (or the one file): what can't be read, who may write, what makes no sense."""
    in_force = path in {SYSTEM_POLICY, *SYSTEM_POLICY.parents} or SYSTEM_POLICY in path.parents
    must_be_root = True if environment.uid == 0 or in_force else None
    findings: list[Finding] = []
    rules: list[Rule] = []
    try:
        files = list_files(path, SUFFIXES, must_be_root=must_be_root) if not path.is_file() else (path,)
        findings += _strangers(path)
    except PolicyError as error:
        return [_finding(error)]
    for file in files:
        checked.append(str(file))
        try:
            read = read_rules(file, must_be_root=must_be_root)
        except PolicyError as error:
            findings.append(_finding(error))
            continue
        rules += read.rules
        findings += [_finding(fault) for fault in read.faults]
    if rules:
        catalogue = load_catalogue(environment)
        findings += check_rules(rules, catalogue, is_system=is_system, now=datetime.now().astimezone())
    return findings


def _strangers(folder: Path) -> list[Finding]:
    """Files in a folder of rules that aren't read: whoever put them there may think that they are."""
    if not folder.is_dir():
        return []
    return [
        Finding(str(path), "is not read, because its name doesn't end in .yml", "Rename it, or remove it.")
        for path in sorted(folder.iterdir())
        if path.suffix not in SUFFIXES or path.name.startswith(".")
    ]


def _check_grants(environment: Environment, places: PolicyPlaces) -> list[Finding]:
    findings: list[Finding] = []
    for folder, is_system in ((places.system_grants, True), (places.own_grants, False)):
        try:
            grants = load_grants(folder, is_system=is_system)
        except PolicyError as error:
            findings.append(_finding(error))
            continue
        catalogue = load_catalogue(environment) if grants else {}
        findings += [
            Finding(
                f"{folder}/{grant.id}.json",
                f"grants `{grant.intent}`, which is no intent",
                f"`sayso policy revoke {grant.id}`",
            )
            for grant in grants
            if grant.intent not in catalogue
        ]
    return findings


def _finding(error: PolicyError) -> Finding:
    where = error.rule or "policy"
    problem = error.message.removeprefix(f"{where}: ").rstrip(".")
    return Finding(where, problem, error.remedy)


def _sudoers(
    words: Sequence[str], environment: Environment, options: argparse.Namespace, places: PolicyPlaces
) -> ExitStatus:
    """Write the sudoers file of a user to stdout. One's own rules count for oneself alone."""
    me = person_of(environment)
    name = words[0] if words else me
    policy = places.load(environment)
    facts = gather_facts(LocalTransport(directory=environment.directory))
    theirs = policy if name == me else replace(policy, own=())
    try:
        found = least_sudoers(name, load_catalogue(environment), theirs, facts, find_program=find_program)
    except ValueError:
        raise RequestError(f"`{name}` can't be a user's name.", remedy="Name an account of this machine.") from None
    if options.json:
        write_json(environment, "policy sudoers", _listed_sudoers(found))
        return ExitStatus.DONE
    on = f"{datetime.now().astimezone():%Y-%m-%d}"
    environment.stdout.write(write_sudoers(found, host=facts.get("hostname", "this machine"), on=on))
    if found.left_out:
        _, messages = environment.consoles()
        count = len(found.left_out)
        print_line(
            messages, f"{count} operations can't be held narrowly; they are listed at the end, each with the reason."
        )
    return ExitStatus.DONE


def _listed_sudoers(found: Sudoers) -> dict[str, Json]:
    entries: list[Json] = [
        {"intent": one.intent, "alias": one.alias, "commands": list(one.commands), "needs_password": one.needs_password}
        for one in found.entries
    ]
    left_out: list[Json] = [{"intent": one.intent, "reason": one.reason} for one in found.left_out]
    return {"user": found.user, "entries": entries, "left_out": left_out}


_Command: TypeAlias = Callable[[Sequence[str], Environment, argparse.Namespace, PolicyPlaces], ExitStatus]

_COMMANDS: Mapping[str, tuple[int, _Command]] = {
    "": (0, _in_force),
    "check": (1, _check),
    "explain": (sys.maxsize, run_explain),
    "sudoers": (1, _sudoers),
    "grant": (sys.maxsize, run_grant),
    "grants": (0, run_grants),
    "revoke": (sys.maxsize, run_revoke),
}
"""The word after `policy`: how many words may follow it, and what carries it out."""
