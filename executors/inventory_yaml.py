"""Ansible's YAML and JSON: the YAML form of inventories, and files of variables. Only data is made of them."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from executors.inventory_data import InventoryData, Vaulted
from executors.inventory_names import expand_range, split_port
from executors.ssh_errors import shown

DEPTH_LIMIT = 32
VAULT_HEADER = "$ANSIBLE_VAULT;"
_PARTS = ("vars", "children", "hosts")


class NotYamlError(ValueError):
    """Text that isn't YAML, or isn't a mapping: perhaps an inventory of another form."""


def parse_yaml(text: str) -> object:
    """Return the data of a YAML or JSON text; `!vault` values are `Vaulted`, `!unsafe` ones plain text.

    Raises `NotYamlError`.
    """
    import yaml

    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)  # before YAML, which reads some numbers differently
        except (ValueError, RecursionError):
            pass
    loader = _loader_class()(text)
    try:
        document: object = loader.get_single_data()
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, OverflowError) as error:
        raise NotYamlError(f"is not YAML: {shown(error)}") from error
    finally:
        loader.dispose()
    return document


@lru_cache(maxsize=1)
def _loader_class() -> Any:  # noqa: ANN401 - PyYAML's classes have no common type
    """Return the safe loader (the one in C where PyYAML has it, nine times as fast), with Ansible's own tags."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]  # the base is chosen at run time
        """The safe loader that knows `!vault` and `!unsafe`."""

    for tag in ("!vault", "!vault-encrypted"):
        Loader.add_constructor(tag, lambda loader, node: Vaulted(str(loader.construct_scalar(node))))
    Loader.add_constructor("!unsafe", lambda loader, node: str(loader.construct_scalar(node)))
    return Loader


def read_yaml(data: InventoryData, path: Path, document: Mapping[object, object]) -> None:
    """Add what a parsed YAML inventory says to `data`. Raises `ValueError` with what is wrong."""
    for name, body in document.items():
        _read_group(data, path, name, body, 0)


def _read_group(data: InventoryData, path: Path, name: object, body: object, depth: int) -> None:
    if depth > DEPTH_LIMIT:
        raise ValueError(f"nests groups more than {DEPTH_LIMIT} deep")
    group = _name(name)
    data.add_group(group)
    parts = _mapping(body, group)
    strange = sorted(str(part) for part in parts if part not in _PARTS)
    if strange:
        raise ValueError(f"has {', '.join(map(shown, strange))} in {shown(group)}; a group holds hosts, children, vars")
    # In the order of the file, which decides the order of hosts and of groups.
    for part in parts:
        inner = _named(parts[part], group)
        if part == "vars":
            for variable, value in inner.items():
                data.set_variable(group, str(variable), value, path)
        elif part == "children":
            for child, child_body in inner.items():
                _read_group(data, path, child, child_body, depth + 1)
                data.add_child(group, _name(child))
        else:
            _read_hosts(data, path, group, inner)


def _read_hosts(data: InventoryData, path: Path, group: str, hosts: Mapping[object, object]) -> None:
    for written, body in hosts.items():
        pattern, port = split_port(_name(written))
        variables = _mapping(body, str(written))
        for host in expand_range(pattern):
            data.add_host(host, group, path, port=port)
            for name, value in variables.items():
                data.set_variable(host, str(name), value, path)


def read_toml(data: InventoryData, path: Path, document: Mapping[str, object]) -> None:
    """Add what a parsed TOML inventory says to `data`: as YAML's, but `children` is a list of names.

    Raises `ValueError`.
    """
    for name, body in document.items():
        parts = dict(_mapping(body, name))
        children = parts.get("children", [])
        if not isinstance(children, list):
            raise ValueError(f"has something else than a list as the children of {shown(name)}")  # noqa: TRY004 - a file's fault
        parts["children"] = {str(child): None for child in children}
        _read_group(data, path, name, parts, 0)


def variables_in(text: str) -> Mapping[str, object] | None:
    """Return the variables of a file below group_vars or host_vars; None for one that is encrypted as a whole.

    Raises `ValueError`.
    """
    if text.startswith(VAULT_HEADER):
        return None
    document = parse_yaml(text)
    return {str(name): value for name, value in _mapping(document or None, "its top").items()}


def _name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"has the name {shown(value)}, which is no text; put it into quotes")
    return value


def _named(value: object, where: str) -> Mapping[object, object]:
    """A part of a group: one name alone stands for itself with nothing below it, as Ansible has it."""
    return {value: None} if isinstance(value, str) else _mapping(value, where)


def _mapping(value: object, where: str) -> Mapping[object, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"has something else than a mapping at {shown(where)}")  # noqa: TRY004 - a file's fault
    return value
