"""`sayso model` and `sayso correct`: the model in use, how good it is, and what it should have understood."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from history.errors import HistoryError
from history.store import History
from intents.errors import RequestError
from intents.model_manifest import read_manifest
from intents.values import Json
from shell.command_json import write_json
from shell.corrections import correct
from shell.environment import Environment
from shell.exit_status import ExitStatus
from shell.model_trust import trust_model, trusted_models
from shell.named_intents import intent_called, load_catalogue
from shell.places import settings_of
from shell.render_lines import print_line

USES = "model, model trust FILE, model eval FILE"


def run_model(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    """Carry out `sayso model ...`. Raises `SaysoError`."""
    out, messages = environment.consoles()
    match list(words):
        case []:
            manifest = read_manifest()
            own = settings_of(environment, options).model
            if options.json:
                built_in: Json = {"name": manifest.name, "sha256": manifest.sha256}
                write_json(environment, "model", {"built_in": built_in, "in_use": str(own) if own else None})
                return ExitStatus.DONE
            print_line(out, f"built in: {manifest.name}, SHA-256 {manifest.sha256}")
            print_line(out, f"in use: {own or 'the built-in one'}")
        case ["trust", name]:
            path = Path(environment.directory, name)
            digest = trust_model(environment.paths.config, path)
            if options.json:
                write_json(environment, "model trust", {"path": str(path), "sha256": digest})
                return ExitStatus.DONE
            print_line(messages, f"Trusted {path}, SHA-256 {digest}")
        case ["eval", name]:
            _evaluate(Path(environment.directory, name), environment, options)
        case _:
            raise RequestError(f"`model {' '.join(words)}` is no command.", remedy=f"There are: {USES}.")
    return ExitStatus.DONE


def _evaluate(file: Path, environment: Environment, options: argparse.Namespace) -> None:
    """Print how the model in use understands a person's own sentences; nothing is planned or run."""
    from intents.interpreter import Interpreter
    from intents.measuring import Figures, judged, read_known_sentences
    from shell.judge import open_models

    sentences = read_known_sentences(file)
    catalogue = load_catalogue(environment)
    for sentence in sentences:
        if sentence.intent is not None:
            intent_called(sentence.intent, catalogue)
    config = environment.paths.config
    models = open_models(
        catalogue,
        environment.paths.cache,
        model=settings_of(environment, options).model,
        trusted=trusted_models(config),
        corrections_folder=config,
    )
    figures = Figures(list(judged(sentences, Interpreter(catalogue, models.judge, second=models.second), catalogue)))
    if options.json:
        said: list[Json] = [*figures.lines(), *figures.by_risk(catalogue)]
        write_json(
            environment, "model eval", {"name": models.identity.name, "sha256": models.identity.sha256, "figures": said}
        )
        return
    out, _ = environment.consoles()
    print_line(out, f"model {models.identity.name}, SHA-256 {models.identity.sha256}")
    for line in [*figures.lines(), *figures.by_risk(catalogue)]:
        print_line(out, line)
    for one in figures.inside:
        if not one.is_right:
            became = ", ".join(one.acted) or f"a question or a decline, nearest {one.first or 'nothing'}"
            print_line(out, f"{one.sentence.intent} became {became}: {one.sentence.text}")


def run_correct(words: Sequence[str], environment: Environment, options: argparse.Namespace) -> ExitStatus:
    """Carry out `sayso correct INTENT [SENTENCE]`: without a sentence, the last request is meant. Raises `SaysoError`."""
    if not words:
        raise RequestError(
            "`sayso correct` needs the intent that was meant.", remedy='Write e.g. sayso correct disk.usage "how full".'
        )
    intent = intent_called(words[0], load_catalogue(environment))
    sentence = " ".join(words[1:]).strip() or _last_request(settings_of(environment, options).history)
    correct(environment.paths.config, sentence, intent.name)
    if options.json:
        write_json(environment, "correct", {"sentence": sentence, "intent": intent.name})
        return ExitStatus.DONE
    _, messages = environment.consoles()
    print_line(messages, f'From now on "{sentence}" and what is much like it means `{intent.name}`: {intent.summary}.')
    return ExitStatus.DONE


def _last_request(file: Path) -> str:
    nothing = RequestError("There is no request before.", remedy='Write it down: sayso correct INTENT "THE SENTENCE".')
    if not file.exists():
        raise nothing
    try:
        with History.open(file, read_only=True) as history:
            for record in history.records(limit=20):
                if record.request and record.kind is not None:
                    return record.request
    except HistoryError as error:
        raise RequestError(error.message, remedy=error.remedy) from None
    raise nothing
