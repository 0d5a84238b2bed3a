"""`sayso backups`: what edits keep for undo on each host, and making room there."""

import argparse
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from executors.backups import Backup, list_backups, remove_backups, store_of, to_remove
from executors.state import Target
from history.store import History
from intents.errors import PolicyError, RequestError
from intents.types.base import ValueContext
from intents.types.registry import make_type
from intents.values import Json
from shell.answering import Answering
from shell.environment import Environment
from shell.exit_status import ExitStatus
from shell.places import settings_of
from shell.render_lines import host_list, print_line
from shell.terminal import Terminal
from shell.units import human_size


def run_backups(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    """Carry out `backups`, `backups list` or `backups clean`; the hosts are those of `--on`.

    Cleaning shows what goes and asks; scripts need `--yes`. It stands in the history like everything else.
    """
    action = _action(words)
    older_than_s = _age(options, environment)
    with Answering(environment, options) as answering:
        for target in answering.session.open_hosts(options.on or "local"):
            kept = list_backups(target)
            if action == "list":
                _list(target, kept, environment, as_json=options.json)
            else:
                limit = target.backup_limit_bytes
                gone = to_remove(kept, now=time.time(), older_than_s=older_than_s, limit_bytes=limit)
                _clean(target, gone, answering, options)
    return ExitStatus.DONE


def _action(words: Sequence[str]) -> str:
    if not words or list(words) == ["list"]:
        return "list"
    if list(words) == ["clean"]:
        return "clean"
    raise RequestError(
        f"`backups {' '.join(words)}` is no command.",
        remedy="There are: backups list, backups clean [--older-than 30d].",
    )


def _age(options: argparse.Namespace, environment: Environment) -> float | None:
    if options.older_than is None:
        return None
    context = ValueContext(datetime.now().astimezone(), environment.directory, environment.home)
    seconds = make_type("duration", {}).parse(options.older_than, context)
    return float(seconds) if isinstance(seconds, int | float) else None


def _list(target: Target, kept: Sequence[Backup], environment: Environment, *, as_json: bool) -> None:
    if as_json:
        for one in kept:
            line = {"host": target.host, "path": one.path, "size": one.size_bytes, "kept_at": one.kept_at}
            environment.stdout.write(json.dumps(line) + "\n")
        return
    out, _ = environment.consoles()
    size = sum(one.size_bytes for one in kept)
    print_line(
        out,
        f"{host_list([target.host])}: {len(kept)} contents, {human_size(size)} of "
        f"{human_size(target.backup_limit_bytes)}, in {store_of(target)}",
    )
    for one in kept:
        when = datetime.fromtimestamp(one.kept_at, UTC).strftime("%Y-%m-%d %H:%M")
        print_line(out, f"{when}  {human_size(one.size_bytes):>10}  {one.path}", indent=2)


def _clean(target: Target, gone: Sequence[Backup], answering: Answering, options: argparse.Namespace) -> None:
    _, messages = answering.environment.consoles()
    where = host_list([target.host])
    if not gone:
        print_line(messages, f"{where}: nothing to remove.")
        return
    size = human_size(sum(one.size_bytes for one in gone))
    for one in gone:
        print_line(messages, one.path, indent=2, lead="- ")
    print_line(
        messages, f"{where}: {len(gone)} contents, {size}; the edits that they are of can't be undone after that."
    )
    if options.dry_run:
        return
    if not options.yes and not _is_wanted(answering):
        raise PolicyError(
            "Nothing was removed: it was not approved.", remedy="Approve it at a terminal, or add --yes.", rule=""
        )
    settings = settings_of(answering.environment, options)
    with History.open(settings.history) as history:
        record = history.new_record(
            {
                "request": "backups clean",
                "user": answering.environment.user,
                "directory": answering.environment.directory,
            }
        )
        begun = history.append(
            "step_begin", record, {"host": target.host, "intent": "backups clean", "risk": "destructive"}
        )
        remove_backups(target, gone)
        removed: dict[str, Json] = {
            "begun": begun.number,
            "host": target.host,
            "status": "ok",
            "rows": [one.path for one in gone],
        }
        history.append("step_end", record, removed)
        history.append("end", record, {"status": int(ExitStatus.DONE), "what": "changed"})


def _is_wanted(answering: Answering) -> bool:
    terminal = Terminal.open() if answering.is_interactive else None
    if terminal is None:
        return False
    with terminal:
        return terminal.ask_yes_no("Remove them?")
