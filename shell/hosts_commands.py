"""`sayso hosts`: which hosts there are, how each is reached and whether it answers; hosts of one's own; trust."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from executors.inventory import Inventory
from executors.inventory_data import Variable, Vaulted
from executors.ssh_config import HostAddress
from history.redaction import redact
from intents.errors import RequestError, SaysoError
from intents.values import Json
from shell.command_json import write_json
from shell.environment import Environment
from shell.exit_status import ExitStatus
from shell.facts_kept import KeptFacts, kept_facts
from shell.hosts_file import KeptHosts, check_name, hosts_file, parse_pairs
from shell.hosts_probe import Probe, probe_hosts
from shell.hosts_trust import HostTrust
from shell.places import find_places, settings_of
from shell.render_hosts import render_facts, render_host, render_hosts, render_probes
from shell.render_lines import print_line
from shell.targets import Targets

USES = (
    "hosts [list [PATTERN]], hosts show HOST, hosts test [PATTERN], hosts facts [PATTERN], "
    "hosts add NAME [address= port= user= identity= groups=], hosts remove NAME, hosts trust [PATH], hosts untrust PATH, "
    "hosts trust-key HOST [FINGERPRINT]"
)
_NODES_SHOWN = 200
"""A list or mapping with more in it is only named: aliases of YAML can stand for more than any memory holds."""

_Command: TypeAlias = Callable[[Sequence[str], Environment, argparse.Namespace], ExitStatus]


def run_hosts(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    """Carry out `sayso hosts ...`. Raises `SaysoError`."""
    action, *rest = words or ["list"]
    fewest, most, carry_out = _COMMANDS.get(action, (0, -1, _list))
    if not fewest <= len(rest) <= most:
        raise RequestError(
            f"`hosts {' '.join(words)}` is no command.", remedy=f"There are: {USES}. Put a request into quotes."
        )
    return carry_out(rest, environment, options)


# -- looking


def _list(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    inventory = _targets(environment, options).inventory
    names = inventory.members(words[0]) if words else inventory.host_names()
    rows = [_listed(name, inventory) for name in names]
    if options.json:
        return _write_lines("hosts list", rows, environment)
    out, messages = environment.consoles()
    render_hosts(rows, out, messages)
    return ExitStatus.DONE


def _listed(name: str, inventory: Inventory) -> dict[str, Json]:
    address, fault = _address(name, inventory)
    return {
        "host": name,
        "address": address.hostname if address else None,
        "port": address.port if address else None,
        "user": address.user if address else None,
        "groups": [group for group in inventory.groups_of(name) if group != "all"],
        "source": str(inventory.source_of(name)),
        "error": _told(fault),
    }


def _address(name: str, inventory: Inventory) -> tuple[HostAddress | None, SaysoError | None]:
    try:
        return inventory.address(name), None
    except SaysoError as fault:
        return None, fault


def _told(fault: SaysoError | None) -> Json:
    return None if fault is None else {"code": fault.code, "message": fault.message, "try": fault.remedy}


def _show(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    inventory = _targets(environment, options).inventory
    (name,) = _one(words[0], inventory)
    address, fault = _address(name, inventory)
    shown: dict[str, Json] = {
        **_listed(name, inventory),
        "identity_files": list(address.identity_files) if address else [],
        "known_hosts_files": list(address.known_hosts_files) if address else [],
        "variables": {key: _variable(key, one) for key, one in sorted(inventory.variables(name).items())},
        "encrypted_files": [str(path) for path in inventory.encrypted_files(name)],
    }
    if options.json:
        return _write_lines("hosts show", [shown], environment)
    out, messages = environment.consoles()
    render_host(shown, out, messages)
    return ExitStatus.DONE if fault is None else ExitStatus.UNREACHABLE


def _one(pattern: str, inventory: Inventory) -> tuple[str]:
    names = inventory.members(pattern)
    if len(names) != 1:
        raise RequestError(
            f"`{pattern}` means {len(names)} hosts.", remedy=f"Name one, or `sayso hosts list '{pattern}'`."
        )
    return (names[0],)


def _variable(name: str, variable: Variable) -> Json:
    """A variable as it may be shown: what its name or its look says is secret is masked, by the rules of the history."""
    masked = redact({name: _plain(variable.value, [_NODES_SHOWN])})
    value = masked[name] if isinstance(masked, Mapping) else None
    return {"value": value, "source": str(variable.source)}


def _plain(value: object, room: list[int]) -> Json:
    room[0] -= 1
    if room[0] < 0:
        return "(more)"
    if isinstance(value, Vaulted):
        return "(encrypted by ansible-vault)"
    if isinstance(value, Mapping):
        return {str(name): _plain(one, room) for name, one in list(value.items())[: room[0] + 1]}
    if isinstance(value, list | tuple):
        return [_plain(one, room) for one in value[: room[0] + 1]]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


# -- asking the hosts


def _test(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    probes = _probe(words, environment, options)
    if options.json:
        _write_lines("hosts test", [probe.listed() for probe in probes], environment)
    else:
        out, messages = environment.consoles()
        render_probes(probes, out, messages)
    return _status(probes)


def _facts(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    """Show what was gathered last; hosts of which nothing is kept are asked now."""
    inventory = _targets(environment, options).inventory
    names = inventory.members(words[0]) if words else inventory.host_names()
    cache = environment.paths.cache
    unknown = [name for name in names if kept_facts(cache, name) is None]
    probes = _probe([",".join(unknown)], environment, options) if unknown else ()
    found: dict[str, KeptFacts | None] = {name: kept_facts(cache, name) for name in names}
    faults = {probe.host: probe.fault for probe in probes if probe.fault is not None}
    if options.json:
        _write_lines(
            "hosts facts",
            [
                {
                    "host": name,
                    "facts": dict(kept.facts) if kept else None,
                    "age_s": round(kept.age_s) if kept else None,
                    "error": _told(faults.get(name)),
                }
                for name, kept in found.items()
            ],
            environment,
        )
    else:
        out, messages = environment.consoles()
        render_facts(found, faults, out, messages)
    return _status(probes)


def _probe(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> tuple[Probe, ...]:
    targets = _targets(environment, options)
    names = targets.inventory.members(words[0]) if words else targets.inventory.host_names()
    return probe_hosts(names, targets.inventory, targets.new_connection, environment.paths.cache)


def _status(probes: Sequence[Probe]) -> ExitStatus:
    return ExitStatus.UNREACHABLE if any(probe.fault is not None for probe in probes) else ExitStatus.DONE


# -- hosts of one's own


def _add(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    name = check_name(words[0])
    said, groups = parse_pairs(words[1:], environment.home)
    path = hosts_file(environment.paths.config)
    kept = KeptHosts.read(path)
    is_new = name not in kept.hosts
    kept.put(name, said, groups)
    kept.write(path)
    inventory = _targets(environment, options).inventory
    _, messages = environment.consoles()
    if options.json:
        _write_lines(
            "hosts add", [{"host": name, "what": "added" if is_new else "changed", "file": str(path)}], environment
        )
    else:
        print_line(
            messages, f"{'Added' if is_new else 'Changed'} {name} in {path}; `sayso hosts test {name}` tries it."
        )
    if any(variable.source != path for variable in inventory.variables(name).values()):
        print_line(
            messages,
            f"Another inventory says something of {name}, too, and goes first: `sayso hosts show {name}`.",
            lead="! ",
        )
    return ExitStatus.DONE


def _remove(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    name = words[0]
    path = hosts_file(environment.paths.config)
    kept = KeptHosts.read(path)
    if name not in kept.hosts:
        raise _not_kept(name, path, environment, options)
    kept.drop(name)
    kept.write(path)
    if options.json:
        return _write_lines("hosts remove", [{"host": name, "what": "removed", "file": str(path)}], environment)
    _, messages = environment.consoles()
    print_line(messages, f"Removed {name} from {path}.")
    return ExitStatus.DONE


def _not_kept(name: str, path: Path, environment: Environment, options: argparse.Namespace) -> RequestError:
    inventory = _targets(environment, options).inventory
    if name in inventory.host_names():
        source = inventory.source_of(name)
        return RequestError(f"{name} isn't in {path} but in {source}.", remedy=f"Remove it there: {source}.")
    return RequestError(f"There is no host {name} in {path}.", remedy="`sayso hosts list` shows all hosts.")


# -- trust


def _trust(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    trust = HostTrust(environment.paths.config, environment.uid)
    out, messages = environment.consoles()
    if words:
        path = Path(environment.directory, words[0])
        files = trust.trust(path)
        if options.json:
            return _write_lines("hosts trust", [{"path": str(file), "state": "trusted"} for file in files], environment)
        count = "" if len(files) == 1 else f" ({len(files)} files)"
        print_line(
            messages, f"Trusted {path.resolve()}{count}, as it is now; a file that changes isn't trusted any more."
        )
        return ExitStatus.DONE
    listed = trust.listed()
    if options.json:
        return _write_lines(
            "hosts trust", [{"path": name, "state": state} for name, state in listed.items()], environment
        )
    for name, state in listed.items():
        print_line(out, f"{name}  {state}")
    if not listed:
        print_line(out, "No inventory is trusted to run something.")
    return ExitStatus.DONE


def _untrust(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    trust = HostTrust(environment.paths.config, environment.uid)
    gone = trust.untrust(Path(environment.directory, words[0]))
    if options.json:
        return _write_lines("hosts untrust", [{"path": name, "state": "unknown"} for name in gone], environment)
    _, messages = environment.consoles()
    print_line(messages, f"Not trusted any more: {', '.join(gone)}.")
    return ExitStatus.DONE


def _trust_key(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    from shell.host_keys import trust_host_key

    targets = _targets(environment, options)
    (name,) = _one(words[0], targets.inventory)
    told = trust_host_key(
        name, targets.inventory.address(name), targets.new_connection, fingerprint=words[1] if words[1:] else None
    )
    if options.json:
        return _write_lines("hosts trust-key", [{"host": name, "what": told}], environment)
    _, messages = environment.consoles()
    print_line(messages, told)
    return ExitStatus.DONE


def _targets(environment: Environment, options: argparse.Namespace) -> Targets:
    places = find_places(environment, options, settings_of(environment, options))
    return Targets.of(places)


def _write_lines(command: str, rows: Sequence[Mapping[str, Json]], environment: Environment) -> ExitStatus:
    for row in rows:
        write_json(environment, command, row)
    return ExitStatus.DONE


_ANY = 64
_COMMANDS: Mapping[str, tuple[int, int, _Command]] = {
    "list": (0, 1, _list),
    "show": (1, 1, _show),
    "test": (0, 1, _test),
    "facts": (0, 1, _facts),
    "add": (1, _ANY, _add),
    "remove": (1, 1, _remove),
    "trust": (0, 1, _trust),
    "untrust": (1, 1, _untrust),
    "trust-key": (1, 2, _trust_key),
}
"""Each command: the fewest and the most words that it takes, and what carries it out."""
