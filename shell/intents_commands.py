"""`sayso intents`: what can be asked for, and a person's own packs: new, check, trust."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from intents.errors import RequestError
from intents.values import Json
from shell.command_json import write_json
from shell.environment import Environment
from shell.exit_status import ExitStatus
from shell.named_intents import intent_called, load_catalogue
from shell.pack_trust import trust_pack
from shell.pins import own_content

USES = "intents, intents show NAME, search WORDS, new NAME [read|change|edit], check FILE or --all, trust FILE"


def run_intents(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    """Carry out `sayso intents ...`. Raises `SaysoError`."""
    match list(words):
        case []:
            return _list(environment, None, as_json=options.json)
        case ["search", first, *more]:
            return _list(environment, " ".join([first, *more]), as_json=options.json)
        case ["show", name]:
            return _show(environment, name, as_json=options.json)
        case ["trust", *names]:
            return _trust(environment, names, as_json=options.json)
        case ["new", name, *shape] if len(shape) <= 1:
            return _new(environment, name, *shape, as_json=options.json)
        case ["check", *names] if names or options.all:
            return _check(environment, names, everything=options.all, as_json=options.json)
    raise RequestError(f"`intents {' '.join(words)}` is no command.", remedy=f"There are: {USES}.")


def _list(environment: Environment, wanted: str | None, *, as_json: bool) -> ExitStatus:
    from shell.render_intents import listed_intent, render_intents

    catalogue = load_catalogue(environment)
    found = list(catalogue.values()) if wanted is None else catalogue.search(wanted)
    if as_json:
        for intent in found:
            write_json(environment, "intents", listed_intent(intent))
        return ExitStatus.DONE
    out, _ = environment.consoles()
    render_intents(found, out)
    return ExitStatus.DONE


def _show(environment: Environment, name: str, *, as_json: bool) -> ExitStatus:
    from shell.render_intents import listed_intent, render_intent

    intent = intent_called(name, load_catalogue(environment))
    if as_json:
        write_json(environment, "intents", listed_intent(intent))
        return ExitStatus.DONE
    out, _ = environment.consoles()
    render_intent(intent, out)
    return ExitStatus.DONE


def _trust(environment: Environment, names: Sequence[str], *, as_json: bool) -> ExitStatus:
    if len(names) != 1:
        raise RequestError("`sayso intents trust` needs one file.", remedy="Name the pack to trust.")
    path = Path(environment.directory, names[0])
    trusted = trust_pack(environment.paths.config, path, environment.uid)
    if as_json:
        write_json(environment, "intents trust", {"path": str(path), "intents": list(trusted)})
        return ExitStatus.DONE
    _, messages = environment.consoles()
    messages.print(f"Trusted {path}: {', '.join(trusted)}", markup=False)
    return ExitStatus.DONE


def _new(environment: Environment, name: str, shape: str = "read", *, as_json: bool) -> ExitStatus:
    """Write a pack to start from into the folder of one's own packs; nothing is overwritten."""
    from intents.scaffold import scaffold
    from shell.render_lines import print_line

    text = scaffold(name, shape)
    if name in load_catalogue(environment):
        raise RequestError(f"`{name}` is already the name of an intent.", remedy="Choose another name.")
    path = environment.paths.config / "packs" / f"{name.replace('.', '_')}.yml"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise RequestError(f"{path} is already there.", remedy="Edit it, or choose another name.") from None
    path.chmod(0o600)
    if as_json:
        write_json(environment, "intents new", {"path": str(path), "intent": name})
        return ExitStatus.DONE
    out, _ = environment.consoles()
    print_line(out, f"Wrote {path}: edit it, then `sayso intents check {path}` and `sayso intents trust {path}`.")
    return ExitStatus.DONE


def _check(environment: Environment, names: Sequence[str], *, everything: bool, as_json: bool) -> ExitStatus:
    """Say what a reader would object to; 1 when there is anything."""
    from intents.catalogue import Catalogue
    from intents.lint import check_catalogue
    from shell.render_lines import print_line

    out, messages = environment.consoles()
    known = set(Catalogue.load())
    packs: Mapping[Path, bytes] = {path: _content(path, environment) for path in _paths(environment, names)}
    catalogue = Catalogue.load(user_packs=packs)
    checked = [name for name in catalogue if everything or name not in known]
    findings = check_catalogue(catalogue, checked)
    status = ExitStatus.FAILED if findings else ExitStatus.DONE
    if as_json:
        listed: list[Json] = [
            {"where": finding.where, "intent": finding.intent, "problem": finding.text} for finding in findings
        ]
        write_json(environment, "intents check", {"checked": len(checked), "findings": listed})
        return status
    for finding in findings:
        print_line(out, f"{finding.where}: `{finding.intent}`: {finding.text}")
    number = f"{len(findings)} finding{'s' if len(findings) != 1 else ''}" if findings else "nothing to object to"
    print_line(messages, f"{len(checked)} intent{'s' if len(checked) != 1 else ''}: {number}.")
    return status


def _paths(environment: Environment, names: Sequence[str]) -> list[Path]:
    return [Path(environment.directory, name).resolve() for name in names]


def _content(path: Path, environment: Environment) -> bytes:
    if not path.is_file():
        raise RequestError(f"There is no file {path}.", remedy="Check the path.")
    return own_content(path, environment.uid)
