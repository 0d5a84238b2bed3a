"""Inventories that run something, read by Ansible's own loader: scripts and plugins. Only for sources that are trusted.

`ansible-inventory --export` tells groups and hosts with the variables of each apart, so that they
are merged here like those of any other source; the folders of variables are left to us.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from executors.inventory_data import InventoryData, Vaulted
from executors.local import LocalTransport
from executors.ssh_errors import shown
from executors.transport import TRUSTED_PATH
from intents.errors import TargetError

TIMEOUT_S = 120.0
_META = "_meta"


def read_dynamic(data: InventoryData, path: Path, *, plugin: Literal["script", "auto"]) -> None:
    """Run Ansible on one trusted source and add what it says to `data`. Raises `TargetError`, `ValueError`.

    `plugin` is Ansible's for the source: `script` runs it, `auto` takes the one that it names.
    """
    document = _listed(path, plugin)
    meta = _mapping(document.pop(_META, {}))
    for name, body in document.items():
        data.add_group(name)
        parts = _mapping(body)
        for variable, value in _mapping(parts.get("vars", {})).items():
            data.set_variable(name, variable, _plain(value), path)
        for host in _names(parts.get("hosts", [])):
            data.add_host(host, name, path)
    for name, body in document.items():
        for child in _names(_mapping(body).get("children", [])):
            data.add_group(child)
            data.add_child(name, child)
    for host, variables in _mapping(meta.get("hostvars", {})).items():
        if host not in data.hosts:
            data.add_host(host, "ungrouped", path)
        for variable, value in _mapping(variables).items():
            data.set_variable(host, variable, _plain(value), path)


def _listed(path: Path, plugin: str) -> dict[str, object]:
    # A folder of root's as the current one: an ansible.cfg that lies where we happen to be doesn't count.
    completed = LocalTransport(directory="/").run(
        ("env", *_environment(plugin), _program(), "--list", "--export", "-i", str(path)), timeout_s=TIMEOUT_S
    )
    if completed.ending != "exited" or completed.exit_code != 0:
        told = _told(completed.stderr.decode("utf-8", "replace"))
        raise TargetError(
            f"Ansible can't read the inventory {path} ({completed.ending}): {told}.",
            remedy=f"Look at it with `ansible-inventory -i {path} --list`.",
            host="",
        )
    try:
        return _mapping(json.loads(completed.stdout))
    except (ValueError, RecursionError) as error:
        raise TargetError(
            f"What Ansible says of the inventory {path} can't be read: {shown(error)}.",
            remedy=f"Look at it with `ansible-inventory -i {path} --list`.",
            host="",
        ) from error


def _told(stderr: str) -> str:
    """Ansible says it three times; once is enough, and after it what a script said itself."""
    first = stderr.strip().partition("\n")[0].removeprefix("[WARNING]: ")
    _, _, own = stderr.partition("Standard error from inventory script:")
    return " ".join(shown(one) for one in (first, own.partition("[ERROR]")[0].strip()) if one)


def _program() -> str:
    found = shutil.which("ansible-inventory", path=f"{Path(sys.executable).parent}:{TRUSTED_PATH}")
    if found is None:
        raise TargetError(
            "An inventory that runs something needs ansible-core, which isn't installed here.",
            remedy="pip install 'sayso[ansible]'",
            host="",
        )
    return found


def _environment(plugin: str) -> tuple[str, ...]:
    """Nothing of the caller's environment gets through but HOME: what a plugin needs stands in its own files."""
    return (
        f"PATH={Path(sys.executable).parent}:{TRUSTED_PATH}",
        f"HOME={Path('~').expanduser()}",
        f"ANSIBLE_LOCAL_TEMP={os.environ.get('TMPDIR') or '/tmp'}",  # noqa: S108 - Ansible makes a private folder in it
        f"ANSIBLE_INVENTORY_ENABLED={plugin}",
        "ANSIBLE_VARS_ENABLED=",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=1",
        "ANSIBLE_DEPRECATION_WARNINGS=0",
        "ANSIBLE_NOCOLOR=1",
    )


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError("holds something else than a mapping")  # noqa: TRY004 - a program's fault
    return value


def _names(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError("holds something else than a list of names")
    return value


def _plain(value: object) -> object:
    """`{"__ansible_vault": text}` and `{"__ansible_unsafe": text}` are values of a kind of their own."""
    if isinstance(value, Mapping):
        if set(value) == {"__ansible_vault"}:
            return Vaulted(str(value["__ansible_vault"]))
        if set(value) == {"__ansible_unsafe"}:
            return _plain(value["__ansible_unsafe"])
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
