"""What cvtsudoers(1) says of the rules by which sudo goes."""

from collections.abc import Iterator, Mapping

from intents.parsers.conversion import rows_of, unexpected
from intents.parsers.generic import load_json
from intents.values import Column, Json, Row


def parse_sudo_rules(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `cvtsudoers -e -f json` to one row per command of a rule.

    `command` (with `!` in front where it is forbidden), `run_as` (accounts, then `:` and groups), `needs_password`
    and `hosts`. No rule is no row; without a list of accounts sudo runs it as root (sudoers(5), Runas_Spec).
    """
    return rows_of(_records(output), columns)


def parse_sudo_commands(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    r"""Read `cvtsudoers -e -f json` to one row, with all that the rules let somebody run in the list `commands`.

    >>> parse_sudo_commands(b'{"Defaults": []}', (Column("commands", "list"),))
    [{'commands': []}]
    """
    commands: list[Json] = [record["command"] for record in _records(output)]
    return rows_of([{"commands": commands}], columns) if output.strip() else []


def _records(output: bytes) -> Iterator[dict[str, Json]]:
    whole = load_json(output) if output.strip() else {}
    if not isinstance(whole, Mapping):
        raise unexpected("F:sudo_rules", "an object with User_Specs", str(whole))
    for rule in _objects(whole.get("User_Specs")):
        hosts = _names(rule.get("Host_List"))
        for one in _objects(rule.get("Cmnd_Specs")):
            groups = _names(one.get("runasgroups"))
            run_as = ", ".join(_names(one.get("runasusers")) or ["root"]) + (f":{', '.join(groups)}" if groups else "")
            options = [option.get("authenticate") for option in _objects(one.get("Options"))]
            for command in _objects(one.get("Commands")):
                sign = "!" if command.get("negated") else ""
                yield {
                    "command": f"{sign}{command.get('command') or command.get('cmndalias') or ''}",
                    "run_as": run_as,
                    "needs_password": False not in options,
                    "hosts": ", ".join(hosts),
                }


def _objects(value: Json) -> Iterator[Mapping[str, Json]]:
    for one in value if isinstance(value, list) else ():
        if not isinstance(one, Mapping):
            raise unexpected("F:sudo_rules", "an object", str(one))
        yield one


def _names(value: Json) -> list[str]:
    """`{"username": "ann"}`, `{"usergroup": "adm", "negated": true}`: one name each, whatever its kind."""
    return [
        ("!" if one.get("negated") else "") + str(name)
        for one in _objects(value)
        for key, name in one.items()
        if key != "negated"
    ]
