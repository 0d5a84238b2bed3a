"""Which hosts there are: Ansible's static inventories (INI, YAML) and the SSH configuration.

Inventories are data here. Nothing in them is run or evaluated: scripts are refused when loaded;
Jinja and variables that can run a program are refused for the hosts that they concern, and
variables that sayso has no use for are left alone. `local` and `localhost` without an address
are for the caller.
"""

import difflib
import fnmatch
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from executors.ssh_config import HostAddress, SshConfig
from executors.ssh_errors import shown
from intents.errors import TargetError

Variables = dict[str, object]

ADDRESS_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "hostname": ("ansible_host", "ansible_ssh_host"),
    "port": ("ansible_port", "ansible_ssh_port"),
    "user": ("ansible_user", "ansible_ssh_user"),
    "identity_files": ("ansible_ssh_private_key_file", "ansible_private_key_file"),
}
"""What an address needs -> Ansible's variables for it, the first that is there counting."""

RUNNING_VARIABLES = frozenset(
    {
        "ansible_ssh_args",
        "ansible_ssh_common_args",
        "ansible_ssh_extra_args",
        "ansible_sftp_extra_args",
        "ansible_scp_extra_args",
        "ansible_ssh_executable",
        "ansible_sftp_executable",
        "ansible_scp_executable",
        "ansible_paramiko_proxy_command",
        "ansible_ssh_proxy_command",
    }
)
"""Variables by which an inventory makes programs run here, or changes how host keys are checked."""

SSH_CONNECTIONS = frozenset({"ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh"})
LOCAL_NAMES = frozenset({"local", "localhost"})
EVERYBODY = ("all", "ungrouped")
DEPTH_LIMIT = 32
RANGE_LIMIT = 100_000
SYSTEM_CONFIGS = (Path("~/.ssh/config"), Path("/etc/ssh/ssh_config"))


@dataclass(slots=True)
class _Group:
    """One group while inventories are read; dicts keep the order of the files."""

    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)
    variables: Variables = field(default_factory=dict)


class Inventory:
    """Names of hosts and groups, and how each host is reached."""

    def __init__(self, groups: Mapping[str, _Group], hosts: Mapping[str, Variables], ssh_config: SshConfig) -> None:
        """Take what was read; `load` is how to get one."""
        self._groups = groups
        self._hosts = hosts
        self._ssh_config = ssh_config

    @classmethod
    def load(cls, paths: Sequence[Path], ssh_config_paths: Sequence[Path] | None = None) -> "Inventory":
        """Read inventories (files, or folders of them) and the SSH configuration (by default the user's and the system's).

        Raises `TargetError` when a file is missing, is a script, isn't an inventory, or, for
        root, could be written by others.
        """
        reading = _Reading()
        for path in paths:
            for file in _files(path):
                reading.read(file)
        configs = SYSTEM_CONFIGS if ssh_config_paths is None else ssh_config_paths
        ssh_config = SshConfig.load([path.expanduser() for path in configs])
        for name in ssh_config.literal_hosts():
            reading.hosts.setdefault(name, {})
        return cls(reading.groups, reading.hosts, ssh_config)

    def host_names(self) -> tuple[str, ...]:
        """Return the names of all hosts, in the order of the files."""
        return tuple(self._hosts)

    def group_names(self) -> tuple[str, ...]:
        """Return the names of all groups, `all` first."""
        return ("all", *(name for name in self._groups if name not in EVERYBODY))

    def resolve(self, pattern: str) -> tuple[HostAddress, ...]:
        """Return the hosts that `pattern` means, each once, in its order.

        `pattern` is a comma list of host names, group names, globs (`web*`) and `all`; a term
        with `!` takes hosts away, and with only such terms they are taken from all.

        Raises `TargetError` for a name that isn't known (naming the closest), for a pattern that
        means no host, and for a host whose address can't be used.
        """
        terms = [term.strip() for term in pattern.split(",") if term.strip()]
        wanted = [term for term in terms if not term.startswith("!")]
        chosen: dict[str, None] = {}
        for term in wanted or ["all"]:
            chosen.update(dict.fromkeys(self._members(term)))
        for term in terms:
            if term.startswith("!"):
                for name in self._members(term[1:].strip()):
                    chosen.pop(name, None)
        if not terms or not chosen:
            raise TargetError(
                f"{shown(pattern)!r} means no host.",
                remedy="Name hosts or groups of the inventory; `--inventory PATH` gives one.",
                host=shown(pattern),
            )
        return tuple(self._address(name) for name in chosen)

    def _members(self, term: str) -> Iterable[str]:
        if term == "all":
            return tuple(self._hosts)
        if term in self._hosts:
            return (term,)
        if term in self._groups or term == "ungrouped":
            return tuple(self._hosts_of(term))
        names = (*self._hosts, *self._groups)
        found = [name for name in names if fnmatch.fnmatchcase(name, term)] if re.search(r"[*?\[]", term) else []
        if not found:
            closest = difflib.get_close_matches(term, (*names, "all"), n=1, cutoff=0.5)
            raise TargetError(
                f"No host or group is called {shown(term)!r}.",
                remedy=f"Did you mean {shown(closest[0])}?"
                if closest
                else "`--inventory PATH` names an inventory that has it.",
                host=shown(term),
            )
        return tuple(host for name in found for host in ((name,) if name in self._hosts else self._hosts_of(name)))

    def _hosts_of(self, group: str) -> Iterator[str]:
        """Yield the hosts of a group and of its children, all the way down."""
        if group == "ungrouped":
            grouped = {host for name, one in self._groups.items() if name not in EVERYBODY for host in one.hosts}
            yield from (host for host in self._hosts if host not in grouped)
            return
        for name in self._family(group):
            yield from self._groups[name].hosts

    def _family(self, group: str) -> tuple[str, ...]:
        """Return a group and all groups below it, each once (a circle is no fault here)."""
        family: dict[str, None] = {group: None}
        waiting = [group]
        while waiting:
            for child in self._groups[waiting.pop(0)].children:
                if child not in family:
                    family[child] = None
                    waiting.append(child)
        return tuple(family)

    def _variables(self, host: str) -> Variables:
        """Return a host's variables: of `all`, then of groups from the outermost in, then its own (Ansible's order)."""
        merged: Variables = dict(self._groups["all"].variables) if "all" in self._groups else {}
        mine = [name for name in self._groups if name != "all" and host in set(self._hosts_of(name))]
        # A group that has more of the host's groups above it is further in; equal ones go by name.
        for name in sorted(mine, key=lambda one: (sum(one in self._family(other) for other in mine), one)):
            merged.update(self._groups[name].variables)
        return {**merged, **self._hosts[host]}

    def _address(self, host: str) -> HostAddress:
        variables = self._variables(host)
        _refuse_what_runs(host, variables)
        given: Variables = {}
        for needed, names in ADDRESS_VARIABLES.items():
            value = next((variables[name] for name in names if variables.get(name) not in (None, "")), None)
            if value is not None:
                given[needed] = _plain(host, needed, value)
        if "identity_files" in given:
            given["identity_files"] = (str(Path(str(given["identity_files"])).expanduser()),)
        return self._ssh_config.address(host, given=given)


class _Reading:
    """What has been read so far, of all files."""

    def __init__(self) -> None:
        self.groups: dict[str, _Group] = {}
        self.hosts: dict[str, Variables] = {}

    def read(self, path: Path) -> None:
        text = _static_text(path)
        if path.suffix.lower() in {".yml", ".yaml", ".json"}:
            self._read_yaml(path, text)
        else:
            self._read_ini(path, text)

    def _group(self, name: str) -> _Group:
        return self.groups.setdefault(name, _Group())

    def _add_host(self, group: str, name: str, variables: Mapping[str, object]) -> None:
        self.hosts.setdefault(name, {}).update(variables)
        self._group(group).hosts[name] = None

    def _read_ini(self, path: Path, text: str) -> None:
        """`[group]`, `[group:children]`, `[group:vars]`; `#` and `;` begin comments (Ansible's ini inventory plugin)."""
        group, kind = "ungrouped", "hosts"
        for number, raw in enumerate(text.splitlines(), start=1):
            line = raw.strip()
            if not line or line[0] in "#;":
                continue
            section = re.fullmatch(r"\[([^\[\]:\s]+)(?::(hosts|children|vars))?\]\s*(?:[#;].*)?", line)
            if section is not None:
                group, kind = section[1], section[2] or "hosts"
                self._group(group)
                continue
            try:
                self._read_ini_line(group, kind, line)
            except ValueError as error:
                raise _bad_file(path, f"line {number} can't be read: {shown(error)}") from error

    def _read_ini_line(self, group: str, kind: str, line: str) -> None:
        if kind == "vars":
            name, equals, value = line.partition("=")
            if not equals:
                raise ValueError("a variable has the form name=value")
            self._group(group).variables[name.strip()] = _unquoted(value.strip())
            return
        words = shlex.split(line, comments=True)
        if kind == "children":
            self._group(group).children[words[0]] = None
            self._group(words[0])
            return
        variables: Variables = {}
        for word in words[1:]:
            name, equals, value = word.partition("=")
            if not equals:
                raise ValueError(f"{word!r} has not the form name=value")
            variables[name] = value
        pattern, port = _split_port(words[0])
        if port is not None:
            variables.setdefault("ansible_port", port)
        for host in expand_range(pattern):
            self._add_host(group, host, variables)

    def _read_yaml(self, path: Path, text: str) -> None:
        document = _parse_yaml(path, text)
        if document is None:
            return
        for name, body in _mapping(path, document, "the file").items():
            self._read_yaml_group(path, str(name), body, 0)

    def _read_yaml_group(self, path: Path, name: str, body: object, depth: int) -> None:
        if depth > DEPTH_LIMIT:
            raise _bad_file(path, f"nests groups more than {DEPTH_LIMIT} deep")
        group = self._group(name)
        parts = _mapping(path, body, name)
        if "plugin" in parts or not set(parts) <= {"hosts", "children", "vars"}:
            strange = sorted(str(part) for part in set(parts) - {"hosts", "children", "vars"})
            raise _bad_file(
                path, f"has {', '.join(map(shown, strange))} in {shown(name)}; a group holds hosts, children, vars"
            )
        group.variables.update({str(key): value for key, value in _mapping(path, parts.get("vars"), name).items()})
        for pattern, variables in _mapping(path, parts.get("hosts"), name).items():
            own = {str(key): value for key, value in _mapping(path, variables, str(pattern)).items()}
            try:
                names = expand_range(str(pattern))
            except ValueError as error:
                raise _bad_file(path, shown(error)) from error
            for host in names:
                self._add_host(name, host, own)
        for child, child_body in _mapping(path, parts.get("children"), name).items():
            group.children[str(child)] = None
            self._read_yaml_group(path, str(child), child_body, depth + 1)


def expand_range(pattern: str) -> tuple[str, ...]:
    """Return the host names that a pattern with `[first:last]` or `[first:last:step]` stands for.

    Letters count like digits, and a leading zero keeps the width.

    >>> expand_range("web[08:10].example"), expand_range("db-[a:c:2]"), expand_range("one")
    (('web08.example', 'web09.example', 'web10.example'), ('db-a', 'db-c'), ('one',))

    Raises `ValueError` for a range that makes no sense, and for a name that isn't one.
    """
    found = re.search(r"\[(\w+):(\w+)(?::(\d+))?\]", pattern)
    if found is None:
        if not re.fullmatch(r"[\w.:-]+", pattern) or pattern.startswith("-"):
            raise ValueError(f"{pattern!r} is not a host's name")
        return (pattern,)
    names: list[str] = []
    for step in _counted(found[1], found[2], int(found[3] or 1)):
        names += expand_range(pattern[: found.start()] + step + pattern[found.end() :])
        if len(names) > RANGE_LIMIT:
            raise ValueError(f"{pattern!r} stands for more than {RANGE_LIMIT} hosts")
    return tuple(names)


def _counted(first: str, last: str, step: int) -> Iterator[str]:
    if first.isdecimal() and last.isdecimal():
        numbers = range(int(first), int(last) + 1, step or 1)
        width = len(first) if first.startswith("0") else 0
    elif len(first) == len(last) == 1 and first.isalpha() and last.isalpha():
        numbers, width = range(ord(first), ord(last) + 1, step or 1), -1
    else:
        raise ValueError(f"[{first}:{last}] is not a range of numbers or letters")
    if step < 1 or not numbers:
        raise ValueError(f"[{first}:{last}:{step}] stands for nothing")
    for number in numbers:
        yield chr(number) if width < 0 else str(number).zfill(width)


def _split_port(word: str) -> tuple[str, str | None]:
    """Split `host:2222`; colons within a range and those of an IPv6 address belong to the name."""
    bare = re.sub(r"\[[^\]]*\]", "", word)
    if bare.count(":") != 1:
        return word, None
    name, _, port = word.rpartition(":")
    if not port.isdecimal():
        raise ValueError(f"{port!r} is not a port")
    return name, port


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _refuse_what_runs(host: str, variables: Mapping[str, object]) -> None:
    running = sorted(name for name in RUNNING_VARIABLES if variables.get(name) not in (None, ""))
    if running:
        raise TargetError(
            f"The inventory gives {host} {', '.join(running)}, which can make programs run here.",
            remedy="Say it in the SSH configuration (HostName, User, Port, IdentityFile) and remove the variable.",
            host=host,
        )
    connection = str(variables.get("ansible_connection", "ssh"))
    if connection not in SSH_CONNECTIONS and not (connection == "local" and host in LOCAL_NAMES):
        raise TargetError(
            f"The inventory reaches {host} by {shown(connection)!r}, which is not supported.",
            remedy="Only ssh is; this machine is `local`.",
            host=host,
        )


def _plain(host: str, needed: str, value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TargetError(
            f"The {needed} of {host} in the inventory is not a plain value.", remedy="Write it as text.", host=host
        )
    if isinstance(value, str) and re.search(r"\{\{|\{%|\{#", value):
        raise TargetError(
            f"The {needed} of {host} in the inventory is a Jinja expression ({shown(value)}).",
            remedy="Write the value itself: inventories are read, never evaluated.",
            host=host,
        )
    return value


def _files(path: Path) -> list[Path]:
    """Return the files of an inventory; in a folder all but hidden ones, backups, and the folders of variables."""
    if not path.is_dir():
        return [path]
    ignored = (".orig", ".bak", ".ini.example", ".cfg", ".retry", ".pyc", ".pyo", "~")
    return sorted(
        file
        for file in path.iterdir()
        if file.is_file() and not file.name.startswith(".") and not file.name.endswith(ignored)
    )


def _static_text(path: Path) -> str:
    try:
        status = path.stat()
        if status.st_mode & 0o111:
            raise _bad_file(path, "is executable, so Ansible would run it as a script")
        if os.geteuid() == 0 and (status.st_uid != 0 or status.st_mode & 0o022):
            raise _bad_file(path, "isn't root's, or can be written by others; as root only a file that is safe counts")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise _bad_file(path, f"can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _bad_file(path, "is not UTF-8 text") from error


def _bad_file(path: Path, what: str) -> TargetError:
    return TargetError(
        f"The inventory {path} {what}.", remedy="Give a static inventory: INI or YAML, not executable.", host=""
    )


def _parse_yaml(path: Path, text: str) -> object:
    """Parse with the safe loader, to which Ansible's own tags are opaque: a vaulted value is never needed for an address."""
    import yaml

    class Loader(yaml.SafeLoader):
        """The safe loader of this call."""

    Loader.add_constructor("!vault", lambda _loader, _node: object())
    Loader.add_constructor("!unsafe", lambda _loader, node: str(node.value))
    loader = Loader(text)
    try:
        document: object = loader.get_single_data()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _bad_file(path, f"is not YAML: {shown(error)}") from error
    finally:
        loader.dispose()
    return document


def _mapping(path: Path, value: object, where: str) -> Mapping[object, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _bad_file(path, f"has something else than a mapping at {shown(where)}")
    return value
