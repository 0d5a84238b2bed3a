"""From environment, settings and options to the places that a session works with."""

import argparse
import pwd
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from executors.policy import SYSTEM_GRANTS, SYSTEM_POLICY
from executors.schedule import Schedule
from executors.ssh_address import SYSTEM_CONFIG, TransportName
from executors.state import BACKUP_LIMIT_BYTES
from shell.environment import Environment
from shell.hosts_file import hosts_file
from shell.hosts_trust import HostTrust
from shell.model_trust import trusted_models
from shell.ownership import require_own_file
from shell.pack_trust import trusted_packs
from shell.plan_files import original_uid
from shell.second_person import APPROVERS
from shell.settings import Settings, load_settings

_SETTING_OPTIONS = ("model", "batches", "max_failures", "host_timeout_s")
"""The options that say for one run what a setting of the same name says for all."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a session finds its files, and who runs it; from the environment and the settings."""

    directory: str
    user: str
    uid: int
    cache: Path
    history: Path
    own_policy: Path
    system_policy: Path
    inventories: tuple[Path, ...] = ()
    ssh_configs: tuple[Path, ...] = ()
    host_trust: HostTrust | None = None
    """Which inventories may make something run; none when None."""
    ssh_transport: TransportName = "paramiko"
    """What makes SSH connections where the inventory doesn't say."""
    model: Path | None = None
    connect_timeout_s: float = 10.0
    trusted_models: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None
    user_packs: Mapping[Path, bytes] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    state: Path | None = None
    """Where plan keys and the marks of used plans lie; the history's folder when None."""
    system_grants: Path | None = None
    own_grants: Path | None = None
    approvers: Path = APPROVERS
    corrections: Path | None = None
    """The folder with what this person said that sentences mean."""
    backup_limit_bytes: int = BACKUP_LIMIT_BYTES
    connect_retries: int = 0
    """How often a host that can't be reached is tried again."""
    schedule: Schedule = field(default_factory=Schedule)
    """How a plan goes over its hosts."""
    guard_limit_s: int = 120
    """How long a change that can cut off access stands without proof."""
    original_uid: int | None = None
    """The uid that logged in, behind sudo or doas; `uid` when None."""
    ssh_folders: tuple[Path, ...] = ()
    """Where the person's public keys lie: in the home, and in that of the account that logged in."""

    @property
    def state_folder(self) -> Path:
        """Where plan keys and the marks of used plans lie."""
        return self.state or self.history.parent


def settings_of(environment: Environment, options: argparse.Namespace) -> Settings:
    """Return the settings of this run, the options on top. Raises `SettingsError`."""
    given = {name: text for name in _SETTING_OPTIONS if (text := getattr(options, name, None))}
    if getattr(options, "pause", False):
        given["pause"] = "always"
    file = Path(environment.directory, options.config) if options.config else None
    return load_settings(environment, given, file=file)


def find_places(environment: Environment, options: argparse.Namespace, settings: Settings) -> Places:
    """Return where the session finds its files."""
    packs, warnings = trusted_packs(environment.paths.config, environment.uid)
    named = tuple(Path(environment.directory, path) for path in options.inventory)
    configured = settings.inventory or _own_inventory(environment)
    for path in (*(named or configured), *([settings.model] if settings.model else [])):
        require_own_file(path, environment.uid)
    ssh_config = Path(environment.home) / ".ssh" / "config"
    logged_in = original_uid(environment.uid, environment.variables)
    return Places(
        directory=environment.directory,
        user=environment.original_user or environment.user,
        uid=environment.uid,
        cache=environment.paths.cache,
        history=settings.history,
        own_policy=environment.paths.config / "policy.d",
        system_policy=SYSTEM_POLICY,
        inventories=(*_added_hosts(environment), *(named or configured)),
        host_trust=HostTrust(environment.paths.config, environment.uid),
        ssh_configs=tuple(path for path in (ssh_config, SYSTEM_CONFIG) if path.exists()),
        ssh_transport=settings.ssh_transport,
        model=settings.model,
        trusted_models=trusted_models(environment.paths.config) if settings.model else {},
        timeout_s=settings.timeout_s,
        connect_timeout_s=settings.ssh_connect_timeout_s,
        connect_retries=settings.connect_retries,
        schedule=_schedule_of(settings, environment),
        backup_limit_bytes=int(settings.backup_limit_bytes),
        user_packs=packs,
        warnings=warnings,
        state=environment.paths.state,
        system_grants=SYSTEM_GRANTS,
        own_grants=environment.paths.config / "grants.d",
        original_uid=logged_in,
        ssh_folders=_ssh_folders(environment, logged_in),
        corrections=environment.paths.config,
    )


def _schedule_of(settings: Settings, environment: Environment) -> Schedule:
    """In a script nobody is asked, whatever the settings say."""
    return Schedule(
        settings.batches,
        settings.max_failures,
        pauses=settings.pause == "always" and environment.stdin_is_terminal and environment.stdout_is_terminal,
        hosts_at_once=max(1, settings.hosts_at_once),
        host_timeout_s=settings.host_timeout_s,
    )


def _ssh_folders(environment: Environment, logged_in: int) -> tuple[Path, ...]:
    homes = [environment.home]
    with suppress(KeyError):
        homes.append(pwd.getpwuid(logged_in).pw_dir)
    return tuple(Path(home) / ".ssh" for home in dict.fromkeys(homes))


def _own_inventory(environment: Environment) -> tuple[Path, ...]:
    """The inventory that is used when none is named, if it is there."""
    path = environment.paths.config / "inventory.ini"
    return (path,) if path.exists() else ()


def _added_hosts(environment: Environment) -> tuple[Path, ...]:
    """The hosts that `sayso hosts add` keeps; first, so that what an inventory says of the same host wins."""
    path = hosts_file(environment.paths.config)
    return (path,) if path.exists() else ()
