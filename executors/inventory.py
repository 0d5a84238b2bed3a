"""Which hosts there are, and how each is reached: Ansible's inventories and the SSH configuration.

What is text is only read. What would make a program run here (a script, a plugin, a variable such
as `ansible_ssh_common_args`) counts only where its file was trusted (`sayso hosts trust`); the
hosts that it concerns are refused otherwise. Jinja is never evaluated. `local` is for the caller.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from executors.inventory_arguments import ARGUMENTS, parse_arguments
from executors.inventory_data import ALL, EVERYBODY, UNGROUPED, InventoryData, Variables, Vaulted
from executors.inventory_patterns import match_hosts
from executors.inventory_sources import NoTrust, SourceTrust, read_sources, require_trust
from executors.inventory_vars import VariableFolders
from executors.ssh_address import HostAddress, TransportName
from executors.ssh_config import SshConfig
from executors.ssh_errors import shown
from intents.errors import TargetError

ADDRESS_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "hostname": ("ansible_host", "ansible_ssh_host"),
    "port": ("ansible_port", "ansible_ssh_port"),
    "user": ("ansible_user", "ansible_ssh_user"),
    "identity_files": ("ansible_ssh_private_key_file", "ansible_private_key_file"),
    "transport": ("sayso_transport",),
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
SYSTEM_CONFIGS = (Path("~/.ssh/config"), Path("/etc/ssh/ssh_config"))


class Inventory:
    """Names of hosts and groups, their variables, and how each host is reached."""

    def __init__(
        self,
        data: InventoryData,
        folders: VariableFolders,
        ssh_config: SshConfig,
        trust: SourceTrust,
    ) -> None:
        """Take what was read; `load` is how to get one."""
        self._data = data
        self._folders = folders
        self._ssh_config = ssh_config
        self._trust = trust
        self._of_groups: dict[tuple[str, ...], Variables] = {}

    @classmethod
    def load(
        cls,
        paths: Sequence[Path],
        ssh_config_paths: Sequence[Path] | None = None,
        *,
        trust: SourceTrust | None = None,
        ssh_transport: TransportName = "paramiko",
    ) -> "Inventory":
        """Read inventories (files, or folders of them) and the SSH configuration (by default the user's and the system's).

        `ssh_transport` makes the connections of hosts for which the inventory names none.

        Raises `TargetError` when a file is missing, isn't an inventory, could be written by others,
        or would make something run and isn't trusted.
        """
        trust = trust or NoTrust()
        data, folders = read_sources(paths, trust)
        configs = [path.expanduser() for path in (SYSTEM_CONFIGS if ssh_config_paths is None else ssh_config_paths)]
        ssh_config = SshConfig.load(configs, transport=ssh_transport)
        for name in ssh_config.literal_hosts():
            if name not in data.hosts:
                data.add_host(name, UNGROUPED, configs[0])
        data.settle()
        return cls(data, folders, ssh_config, trust)

    def host_names(self) -> tuple[str, ...]:
        """Return the names of all hosts, in the order of the files."""
        return tuple(self._data.hosts)

    def group_names(self) -> tuple[str, ...]:
        """Return the names of all groups, `all` first; `ungrouped` is left out."""
        return ("all", *(name for name in self._data.groups if name not in EVERYBODY))

    def groups_of(self, host: str) -> tuple[str, ...]:
        """Return the groups that a host is in, parents included, `all` first; empty for a host that isn't known."""
        if host not in self._data.hosts:
            return ()
        own = {group.name for group in self._data.groups_of(host)}
        return ("all", *(name for name in self.group_names() if name in own))

    def source_of(self, host: str) -> Path:
        """Return the file that names a host first. Raises `KeyError` for a host that isn't known."""
        return self._data.first_source[host]

    def members(self, pattern: str) -> tuple[str, ...]:
        """Return the names of the hosts that `pattern` means (`executors.inventory_patterns`). Raises `TargetError`."""
        return match_hosts(pattern, self._data)

    def resolve(self, pattern: str) -> tuple[HostAddress, ...]:
        """Return how the hosts that `pattern` means are reached, each once, in its order.

        Raises `TargetError` for a name that isn't known (naming the closest), for a pattern that
        means no host, and for a host whose address can't be used.
        """
        return tuple(self.address(name) for name in self.members(pattern))

    def variables(self, host: str) -> Variables:
        """Return a host's variables, each with the file that it comes from, in Ansible's order of precedence.

        Of `all`, then of groups from the outermost in (equal ones by `ansible_group_priority`, then by
        name), then those of the `group_vars` files in the same order, the host's own, and those of its
        `host_vars`. Raises `TargetError` for a file of variables that can't be read.
        """
        groups = self._group_order(host)
        if groups not in self._of_groups:
            merged: Variables = {}
            for name in (ALL, *groups):
                merged.update(self._data.groups[name].variables)
            merged.update(self._folders.of_groups((ALL,)))
            merged.update(self._folders.of_groups(groups))
            self._of_groups[groups] = merged
        return {**self._of_groups[groups], **self._data.hosts[host], **self._folders.of_host(host)}

    def encrypted_files(self, host: str) -> tuple[Path, ...]:
        """Return the files of variables for a host that are encrypted as a whole. Raises `TargetError`."""
        return self._folders.encrypted_files((ALL, *self._group_order(host)), host)

    def _group_order(self, host: str) -> tuple[str, ...]:
        return tuple(group.name for group in self._data.groups_of(host))

    def address(self, host: str) -> HostAddress:
        """Return how a host is reached. Raises `TargetError` when what is said of it can't be used."""
        variables = self.variables(host)
        self._refuse_what_runs(host, variables)
        given = _arguments(host, variables)
        for needed, names in ADDRESS_VARIABLES.items():
            values = (variables[name].value for name in names if name in variables)
            value = next((value for value in values if value not in (None, "")), None)
            if value is not None:
                given[needed] = _plain(host, needed, value)
        if "identity_files" in given:
            given["identity_files"] = (str(Path(str(given["identity_files"])).expanduser()),)
        address = self._ssh_config.address(host, given=given)
        if given.get("jumps") and address.transport == "openssh":
            raise TargetError(
                f"The inventory gives {host} a jump host in its arguments of ssh, which the transport openssh doesn't take from there.",
                remedy="Say it in your SSH configuration (ProxyJump), which ssh reads itself.",
                host=host,
            )
        return address

    def _refuse_what_runs(self, host: str, variables: Variables) -> None:
        for name in sorted(RUNNING_VARIABLES & variables.keys()):
            variable = variables[name]
            if variable.value in (None, ""):
                continue
            require_trust(
                variable.source,
                self._trust,
                f"gives {host} {name}, which can make programs run here",
                otherwise="say it in your SSH configuration and remove the variable",
                host=host,
            )
        connection = str(variables["ansible_connection"].value) if "ansible_connection" in variables else "ssh"
        if connection not in SSH_CONNECTIONS and not (connection == "local" and host in LOCAL_NAMES):
            raise TargetError(
                f"The inventory reaches {host} by {shown(connection)!r}, which is not supported.",
                remedy="Only ssh is; this machine is `local`.",
                host=host,
            )


def _arguments(host: str, variables: Variables) -> dict[str, object]:
    """What trusted arguments of ssh say; a variable of its own (`ansible_port`) goes before them, as in Ansible."""
    found: dict[str, object] = {}
    for name in sorted(RUNNING_VARIABLES & variables.keys()):
        value = variables[name].value
        if value in (None, ""):
            continue
        try:
            if name not in ARGUMENTS or not isinstance(value, str):
                raise ValueError("what it names")  # noqa: TRY301 - one sentence for all that can't be followed
            found = {**parse_arguments(value), **found}
        except ValueError as error:
            raise TargetError(
                f"The inventory gives {host} {name}, and sayso can't follow {error}.",
                remedy="Say it in your SSH configuration (Host, HostName, ProxyJump, User, Port, IdentityFile).",
                host=host,
            ) from error
    return found


def _plain(host: str, needed: str, value: object) -> object:
    if isinstance(value, Vaulted):
        raise TargetError(
            f"The {needed} of {host} in the inventory is encrypted by ansible-vault.",
            remedy="Write it in clear text, or in your SSH configuration: sayso opens no vault.",
            host=host,
        )
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
