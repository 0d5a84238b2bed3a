"""Where policy and grants lie, and the hosts, groups and values that a question to them is about."""

import argparse
import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from executors.host_paths import HostPaths
from executors.installation import programs_of
from executors.path_effects import effects_of
from executors.path_uses import paths_given
from executors.policy import SYSTEM_GRANTS, SYSTEM_POLICY, Policy, load_policy
from intents.errors import TargetError
from intents.intent import EffectName, Intent
from intents.targets import LOCAL
from intents.types.base import ValueContext
from intents.values import Json
from shell.environment import Environment
from shell.places import find_places, settings_of
from shell.targets import Targets, host_patterns


@dataclass(frozen=True, slots=True)
class PolicyPlaces:
    """The four folders."""

    system: Path
    own: Path
    system_grants: Path
    own_grants: Path

    @classmethod
    def of(cls, environment: Environment) -> "PolicyPlaces":
        """Return the system's folders and those of the person's configuration."""
        config = environment.paths.config
        return cls(SYSTEM_POLICY, config / "policy.d", SYSTEM_GRANTS, config / "grants.d")

    def load(self, environment: Environment) -> Policy:
        """Return the policy in force. Raises `PolicyError`."""
        return load_policy(
            self.system,
            self.own,
            as_root=environment.uid == 0,
            system_grants=self.system_grants,
            own_grants=self.own_grants,
        )


@dataclass(frozen=True, slots=True)
class Hosts:
    """Hosts as a policy sees them: their names, and the groups of each."""

    names: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]


def person_of(environment: Environment) -> str:
    """Return the name that rules compare: who asks, also behind sudo."""
    return environment.original_user or environment.user


def value_context(hosts: Sequence[str], environment: Environment, targets: Targets, now: datetime) -> ValueContext:
    """Return what values are read against: this machine's names where it is the target; of others nothing is asked."""
    if tuple(hosts) == (LOCAL,):
        return targets.context(targets.local(), now)
    return ValueContext(now, environment.directory, environment.home)


def open_targets(environment: Environment, options: argparse.Namespace) -> Targets:
    """Return the targets of the settings' inventories; nothing is connected to. Use it up with `close`."""
    places = find_places(environment, options, settings_of(environment, options))
    return Targets.of(places)


def find_hosts(on: str | None, targets: Targets) -> Hosts:
    """Return the hosts that `--on` means (this machine when None). Raises `TargetError` for unknown ones."""
    names = targets.names(host_patterns(on) if on else [LOCAL])
    return Hosts(names, targets.groups_of(names))


def touched_by(intent: Intent, values: Mapping[str, Json], hosts: Sequence[str]) -> tuple[EffectName, ...]:
    """Return what the intent grants or discloses with these values; links are followed on this machine only."""
    is_here = tuple(hosts) == (LOCAL,)
    resolve = os.path.realpath if is_here else posixpath.normpath
    return effects_of(intent, values, resolve=resolve, programs=programs_of(LOCAL) if is_here else ())


def leads_of(
    intent: Intent, values: Mapping[str, Json], hosts: Sequence[str], targets: Targets
) -> dict[str, tuple[str, ...]]:
    """Return where the paths among the values lead on this machine; of other hosts nothing is asked."""
    if tuple(hosts) != (LOCAL,):
        return {}
    leads = HostPaths(targets.local().transport).leads_of(paths_given(intent, values))
    return {path: (real,) for path, real in leads.items()}


def standing_hosts(on: str | None, targets: Targets) -> tuple[str, ...]:
    """Return what a grant keeps of `--on`: names, and groups as `@group`, so that it follows who is in them.

    Raises `TargetError` for an unknown name, and for a pattern, which might come to mean other hosts.
    """
    kept: list[str] = []
    for term in [one.strip() for one in (on or LOCAL).split(",") if one.strip()]:
        if term == LOCAL:
            kept.append(LOCAL)
            continue
        if any(mark in term for mark in "*?[!&~@:"):
            raise TargetError(
                f"A grant can't be for `{term}`.", remedy="Name hosts or groups of the inventory.", host=term
            )
        targets.inventory.members(term)
        kept.append(term if term in targets.inventory.host_names() else f"@{term}")
    return tuple(kept)
