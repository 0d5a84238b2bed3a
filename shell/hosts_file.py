"""The hosts that `sayso hosts add` keeps: one YAML inventory in the configuration folder, readable by Ansible as well."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from executors.inventory_data import EVERYBODY
from executors.inventory_names import is_host_pattern
from executors.inventory_yaml import parse_yaml
from intents.errors import IntegrityError, RequestError
from intents.private_file import replace_privately

HEADER = "# Kept by `sayso hosts add` and `sayso hosts remove`; an inventory that Ansible reads, too.\n"
VARIABLES: Mapping[str, str] = {
    "address": "ansible_host",
    "port": "ansible_port",
    "user": "ansible_user",
    "identity": "ansible_ssh_private_key_file",
}
"""What can be said of a host -> Ansible's variable for it."""
RESERVED = frozenset({"local", "localhost", *EVERYBODY})
_USER = re.compile(r"[A-Za-z0-9_][\w.@\\-]{0,255}\$?")
_GROUP = re.compile(r"[A-Za-z_][\w-]{0,127}")
_PORTS = range(1, 1 << 16)


def hosts_file(config: Path) -> Path:
    """Return where the hosts are kept; the file may not exist yet."""
    return config / "hosts.yml"


@dataclass(slots=True)
class KeptHosts:
    """The hosts of the file: name -> variables, and group -> names, both in order."""

    hosts: dict[str, dict[str, str | int]] = field(default_factory=dict)
    groups: dict[str, dict[str, None]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "KeptHosts":
        """Read the file; one that isn't there holds nobody.

        Raises `IntegrityError` for a file that somebody edited into another shape: it is theirs then.
        """
        try:
            document = parse_yaml(path.read_text(encoding="utf-8"))
            return cls._of(document or {})
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise IntegrityError(
                "the kept hosts can't be changed, because the file has another shape.",
                remedy=f"Move {path} away, or name it as an inventory of your own by --inventory ({error}).",
                where=str(path),
            ) from None

    @classmethod
    def _of(cls, document: object) -> "KeptHosts":
        kept = cls()
        if not isinstance(document, dict):
            raise TypeError("no mapping")
        for group, body in document.items():
            if set(body) != {"hosts"}:
                raise ValueError(f"{group} has more than hosts")
            if group == "all":
                kept.hosts = {str(name): dict(variables or {}) for name, variables in (body["hosts"] or {}).items()}
            else:
                kept.groups[str(group)] = {str(name): None for name in body["hosts"] or {}}
        return kept

    def write(self, path: Path) -> None:
        """Replace the file. Raises `OSError`."""
        import yaml

        document: dict[str, object] = {"all": {"hosts": {name: one or None for name, one in self.hosts.items()}}}
        document |= {group: {"hosts": dict(names)} for group, names in self.groups.items() if names}
        replace_privately(path, (HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)).encode())

    def put(self, name: str, said: Mapping[str, str | int], groups: Sequence[str] | None) -> None:
        """Take what is said of a host; with `groups` it is in these alone, with None where it was."""
        variables = self.hosts.setdefault(name, {})
        variables.update({VARIABLES[key]: value for key, value in said.items()})
        if groups is not None:
            for names in self.groups.values():
                names.pop(name, None)
            for group in groups:
                self.groups.setdefault(group, {})[name] = None

    def drop(self, name: str) -> None:
        """Forget a host. Raises `KeyError`."""
        del self.hosts[name]
        for names in self.groups.values():
            names.pop(name, None)


def check_name(name: str) -> str:
    """Return `name` if a host can be called so. Raises `RequestError`."""
    if name in RESERVED or "[" in name or not is_host_pattern(name):
        raise RequestError(
            f"`{name}` can't be the name of a host.",
            remedy="Letters, digits, dots and dashes make a name; local, localhost, all and ungrouped have a meaning already.",
        )
    return name


def parse_pairs(pairs: Sequence[str], home: str) -> tuple[dict[str, str | int], tuple[str, ...] | None]:
    """Return what `key=value` pairs say of a host (by the keys of `VARIABLES`), and its groups, None if none are named.

    Raises `RequestError`.
    """
    said: dict[str, str | int] = {}
    groups: tuple[str, ...] | None = None
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or key not in (*VARIABLES, "groups"):
            raise RequestError(
                f"`{pair}` says nothing of a host.",
                remedy="There are: address=, port=, user=, identity=FILE, groups=GROUP,GROUP.",
            )
        if key == "groups":
            groups = tuple(dict.fromkeys(one.strip() for one in value.split(",") if one.strip()))
            for group in groups:
                if group in EVERYBODY or not _GROUP.fullmatch(group):
                    raise RequestError(f"`{group}` can't be the name of a group.", remedy="Letters, digits, _ and -.")
        else:
            said[key] = _PARSERS[key](value, home)
    return said, groups


def _address(value: str, _home: str) -> str:
    if "[" in value or not is_host_pattern(value):
        raise RequestError(f"`{value}` is no address.", remedy="Give a DNS name, or an IPv4 or IPv6 address.")
    return value


def _port(value: str, _home: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value) in _PORTS):
        raise RequestError(f"`{value}` is no port.", remedy="Give a number from 1 to 65535.")
    return int(value)


def _user(value: str, _home: str) -> str:
    if not _USER.fullmatch(value):
        raise RequestError(f"`{value}` is no account's name.", remedy="Give the name under which you log in there.")
    return value


def _identity(value: str, home: str) -> str:
    path = Path(home, value[2:]) if value.startswith("~/") else Path(value)
    if not path.is_absolute() or not path.is_file():
        raise RequestError(
            f"There is no key {path}.", remedy="Give the private key's absolute path (`~/` may begin it)."
        )
    return str(path)


_PARSERS: Mapping[str, Callable[[str, str], str | int]] = {
    "address": _address,
    "port": _port,
    "user": _user,
    "identity": _identity,
}
