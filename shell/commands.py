"""The commands besides requests: what each is named and where it is carried out, loaded when it is called."""

import argparse
from collections.abc import Callable, Mapping, Sequence

from shell.environment import Environment
from shell.exit_status import ExitStatus
from shell.places import settings_of


def run_command(
    command: str, words: Sequence[str], environment: Environment, options: argparse.Namespace
) -> ExitStatus:
    """Carry out a command with its words. Raises `SaysoError`."""
    return _COMMANDS[command](words, environment, options)


def _history(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    from shell.history_commands import run_history

    return run_history(words, environment, settings_of(environment, options), as_json=options.json)


def _recover(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    from shell.recover_command import run_recover

    return run_recover(words, environment, options)


def _approve(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    from shell.approve_command import run_approve

    return run_approve(words, environment, options)


def _backups(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    from shell.backup_commands import run_backups

    return run_backups(words, environment, options)


def _policy(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    from shell.policy_commands import run_policy

    return run_policy(words, environment, options)


def _config(_words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    from shell.command_json import write_json
    from shell.render_lines import print_line

    described = settings_of(environment, options).described()
    if options.json:
        write_json(
            environment,
            "config",
            {"settings": {name: {"value": value, "from": said} for name, value, said in described}},
        )
        return ExitStatus.DONE
    out, _ = environment.consoles()
    for name, value, source in described:
        print_line(out, f"{name} = {value}  ({source})")
    return ExitStatus.DONE


def _model(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    from shell.model_commands import run_model

    return run_model(words, environment, options)


def _correct(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    from shell.model_commands import run_correct

    return run_correct(words, environment, options)


def _hosts(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    from shell.hosts_commands import run_hosts

    return run_hosts(words, environment, options)


def _intents(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    from shell.intents_commands import run_intents

    return run_intents(words, environment, options)


_COMMANDS: Mapping[str, Callable[[Sequence[str], Environment, argparse.Namespace], ExitStatus]] = {
    "approve": _approve,
    "backups": _backups,
    "correct": _correct,
    "history": _history,
    "hosts": _hosts,
    "intents": _intents,
    "policy": _policy,
    "recover": _recover,
    "model": _model,
    "config": _config,
}
"""What each command does; the modules behind them are loaded when they are called."""
