"""`sayso backups`: what edits keep for undo on each host, and making room there."""

import argparse
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from executors.backups import Backup, list_backups, store_of, to_remove
from executors.state import Target
from intents.errors import RequestError
from intents.types.base import ValueContext
from intents.types.registry import make_type
from intents.values import Json
from shell.answering import Answering
from shell.backup_cleaning import clean
from shell.command_json import write_json
from shell.environment import Environment
from shell.exit_status import ExitStatus
from shell.render_lines import host_list, print_line
from shell.units import human_size


def run_backups(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    """Carry out `backups`, `backups list` or `backups clean`; the hosts are those of `--on`.

    Cleaning shows what goes and which records lose their undo. Nothing brings that back, so a person types the
    store's name, or a rule of the system names `backups.clean`. It stands in the history like everything else.
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
                clean(target, gone, answering, options)
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
            line: dict[str, Json] = {
                "host": target.host, "path": one.path, "size": one.size_bytes, "kept_at": one.kept_at
            }  # fmt: skip
            write_json(environment, "backups", line)
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
