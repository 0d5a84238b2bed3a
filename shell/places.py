"""From environment, settings and options to the places that a session works with."""

import argparse
from pathlib import Path

from executors.policy import SYSTEM_POLICY
from shell.environment import Environment
from shell.model_trust import trusted_models
from shell.ownership import require_own_file
from shell.pack_trust import trusted_packs
from shell.session import Places
from shell.settings import Settings, load_settings


def settings_of(environment: Environment, options: argparse.Namespace) -> Settings:
    """Return the settings of this run, the options on top. Raises `SettingsError`."""
    given = {"model": options.model} if options.model else {}
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
    return Places(
        directory=environment.directory,
        user=environment.original_user or environment.user,
        uid=environment.uid,
        cache=environment.paths.cache,
        history=settings.history,
        own_policy=environment.paths.config / "policy.d",
        system_policy=SYSTEM_POLICY,
        inventories=named or configured,
        ssh_configs=(ssh_config,) if ssh_config.exists() else (),
        model=settings.model,
        trusted_models=trusted_models(environment.paths.config) if settings.model else {},
        timeout_s=settings.timeout_s,
        connect_timeout_s=settings.ssh_connect_timeout_s,
        user_packs=packs,
        warnings=warnings,
    )


def _own_inventory(environment: Environment) -> tuple[Path, ...]:
    """The inventory that is used when none is named, if it is there."""
    path = environment.paths.config / "inventory.ini"
    return (path,) if path.exists() else ()
