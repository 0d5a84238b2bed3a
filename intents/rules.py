"""What must hold for every intent beyond the shape of its entry: the safety rules of a vector.

Checked when a pack is validated, once for each content of it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from intents.errors import ValueRejected
from intents.intent import Command, Intent, Operation, Read, Template, Word
from intents.parsers.options import options_of
from intents.template import words_of

NAME = re.compile(r"[a-z][a-z0-9]*\.[a-z][a-z0-9_]*\Z")
SHELLS_AND_INTERPRETERS = frozenset(
    "sh bash dash zsh ksh fish ash busybox python python3 perl ruby node lua awk gawk mawk env xargs eval sudo su "
    "doas runuser setpriv nohup setsid chroot nsenter unshare watch parallel ssh script expect tclsh php".split()
)
"""Programs whose arguments are programs again; no vector may begin with one."""

SECRET = "secret"  # noqa: S105 - the name of a type
"""The type whose values are in no request, plan or vector: they are asked for when a step is about to run."""
FACTS = frozenset(
    "init packages os_id os_version userland kernel architecture selinux containers databases web backups firewall".split()
)
_SLOT = re.compile(r"\{([a-z_]+)\}")
_EXAMPLE_SLOT_PARAMETERS_ONLY = "an example may name only parameters of its intent"


def check_intent(intent: Intent, known_parser: Callable[[str], bool]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield (path in the entry, what is wrong and what to write) for every broken rule."""
    if not NAME.match(intent.name):
        yield (), "a name is `noun.verb` in small letters"
    yield from _check_examples(intent)
    yield from _check_defaults(intent)
    yield from _check_secrets(intent)
    yield from _check_operation(intent, intent.operation, known_parser, ())
    yield from _check_facts(intent.only, ("only",))
    for index, variant in enumerate(intent.variants):
        yield from _check_facts(variant.when, ("variants", str(index), "when"))
        yield from _check_operation(intent, variant.operation, known_parser, ("variants", str(index)))
    for rule in intent.risk_rules:
        if rule.parameter not in intent.parameters:
            yield ("risk",), f"`{rule.parameter}` is no parameter of this intent"


def _check_facts(facts: Iterable[str], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for fact in facts:
        if fact not in FACTS:
            yield path, f"`{fact}` is no fact; facts are {', '.join(sorted(FACTS))}"


def _check_examples(intent: Intent) -> Iterator[tuple[tuple[str, ...], str]]:
    for index, example in enumerate(intent.examples):
        for slot in _SLOT.findall(example):
            if slot not in intent.parameters:
                yield ("examples", str(index)), f"`{{{slot}}}`: {_EXAMPLE_SLOT_PARAMETERS_ONLY}"
    if len({example.casefold() for example in intent.examples}) < len(intent.examples):
        yield ("examples",), "two examples are the same sentence"


def _check_defaults(intent: Intent) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, parameter in intent.parameters.items():
        if parameter.required and parameter.default is not None:
            yield ("parameters", name), "a required parameter has no default; drop one of the two"


def _check_secrets(intent: Intent) -> Iterator[tuple[tuple[str, ...], str]]:
    """A secret is asked for in its time; a sentence, a default or a list of values never holds one."""
    for name, parameter in intent.parameters.items():
        if parameter.type.name != SECRET:
            continue
        if parameter.required or parameter.default is not None or parameter.many:
            yield (
                ("parameters", name),
                "a secret is asked for when the plan is approved; leave `required`, `default` and `many` out",
            )
        if any(name in _SLOT.findall(example) for example in intent.examples):
            yield ("examples",), f"`{{{name}}}` is a secret, which no sentence holds"


def _check_operation(
    intent: Intent, operation: Operation, known_parser: Callable[[str], bool], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, read in (("read", operation.read), ("state", operation.state), ("simulate", operation.simulate)):
        if read is not None:
            yield from _check_read(intent, read, known_parser, (*path, key))
    for index, touch in enumerate(operation.touches):
        yield from _check_read(intent, touch.read, known_parser, (*path, "touches", str(index), "read"))
    if operation.undo is not None and operation.undo.left is not None:
        yield from _check_read(intent, operation.undo.left, known_parser, (*path, "undo", "left"))
    if operation.change is not None:
        yield from _check_command(intent, operation.change, (*path, "change"))
    yield from _check_change_words(intent, operation, path)


def _check_read(
    intent: Intent, read: Read, known_parser: Callable[[str], bool], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    yield from _check_command(intent, read.command, path)
    if not known_parser(read.parser):
        yield (*path, "parse"), f"there is no parser `{read.parser}`"
    options, known = set(read.parser_options), options_of(read.parser)
    if options - known:
        yield (*path, "parse_with"), f"`{read.parser}` takes {', '.join(sorted(known)) or 'no options'}"
    for word in read.parser_options.values():
        yield from _check_placeholder(intent, word, (*path, "parse_with"))
    names = {column.name for column in read.columns}
    for column in read.order:
        if column.removeprefix("-") not in names:
            yield (*path, "order"), f"`{column}` is no column of this read"


def _check_change_words(
    intent: Intent, operation: Operation, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    columns = {column.name: column.type for column in operation.state.columns} if operation.state else {}
    yield from _check_expectations(intent, operation, columns, (*path, "expect"))
    words: Mapping[str, Word] = operation.undo.arguments if operation.undo else {}
    for word in words.values():
        if word.parameter and word.parameter.startswith("before."):
            if word.parameter.removeprefix("before.") not in columns:
                yield (*path, "undo"), f"`{word.parameter}` is no column of `state`"
        else:
            yield from _check_placeholder(intent, word, (*path, "undo"))
    edit, playbook = operation.edit, operation.playbook
    further = {
        "edit": (edit.path, *edit.arguments.values()) if edit else (),
        "playbook": tuple(playbook.variables.values()) if playbook else (),
        "then": tuple(word for one in operation.then for word in one.arguments.values()),
    }
    for key, some in further.items():
        for word in some:
            yield from _check_placeholder(intent, word, (*path, key))


def _check_expectations(
    intent: Intent, operation: Operation, columns: Mapping[str, str], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    for expectation in (*operation.needs, *operation.expect):
        if expectation.test != "absent" and expectation.column not in columns:
            yield path, f"`{expectation.column}` is no column of `state`"
        elif expectation.test in {"contains", "lacks"} and columns[expectation.column] != "list":
            yield path, f"`{expectation.column}` is no column of type `list`"
        for value in expectation.values:
            if isinstance(value, Word):
                yield from _check_placeholder(intent, value, path)


def _check_command(intent: Intent, command: Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    first = command.template[0]
    if not isinstance(first, Word) or first.parameter is not None:
        yield (*path, "run"), "a vector begins with the literal name of its program"
        return
    if first.prefix in SHELLS_AND_INTERPRETERS or "/" in first.prefix:
        yield (*path, "run"), f"`{first.prefix}` can't be the program: name one that does the job itself"
    for word in words_of(command.template):
        yield from _check_placeholder(intent, word, (*path, "run"))
    for word in command.stdin:
        parameter = intent.parameters.get(word.parameter or "")
        if parameter is None or parameter.type.name != SECRET:
            yield from _check_placeholder(intent, word, (*path, "stdin"))
        elif path[-1] != "change" or word.prefix or word.suffix:
            yield (*path, "stdin"), f"`{{{parameter.name}}}` is a secret: a piece of its own, and of `change` alone"
    yield from _check_options(intent, command.template, (*path, "run"))
    if command.makes is not None:
        parameter = intent.parameters.get(command.makes)
        if path[-1] != "change" or parameter is None or parameter.type.name != "path" or parameter.many:
            yield (*path, "makes"), "`makes` names the parameter of type `path` that a `change` writes to"
        elif all(word.parameter != command.makes for word in words_of(command.template)):
            yield (*path, "makes"), f"the vector has no `{{{command.makes}}}`"


def _check_placeholder(intent: Intent, word: Word, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if word.parameter is None:
        return
    parameter = intent.parameters.get(word.parameter)
    if parameter is None:
        yield path, f"`{{{word.parameter}}}` is no parameter of this intent"
        return
    if parameter.type.name == SECRET:
        yield path, f"`{{{word.parameter}}}` is a secret, which can go to the `stdin` of `change` only"
        return
    forms = {*parameter.type.formats, "comma"} if parameter.many else set(parameter.type.formats)
    if word.form is not None and word.form not in forms:
        known = ", ".join(sorted(forms)) or "none"
        yield path, f"`:{word.form}` is no form of the type `{parameter.type.name}` (known: {known})"
    if word.suffix and not parameter.type.embeddable:
        yield path, f"nothing may follow `{{{word.parameter}}}` in one word; give it a word of its own"
    if word.spread and not parameter.many:
        yield path, f"`{{{word.parameter}...}}` needs `many: true`"


def _check_options(intent: Intent, template: Template, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """A value that may begin with `-` must not be taken for an option."""
    words = words_of(template)
    guarded = False
    for previous, word in zip([Word(""), *words], words, strict=False):
        guarded = guarded or (word.parameter is None and word.prefix == "--")
        parameter = intent.parameters.get(word.parameter or "")
        if parameter is None or not parameter.type.may_start_with_dash or word.prefix or guarded:
            continue
        if previous.parameter is None and previous.prefix in {"-e", "-g", "-name", "-iname", "-path", "--regexp"}:
            continue
        yield path, f"`{{{word.parameter}}}` may begin with `-`: put `--` before it, or write `--option={{...}}`"


def check_value(intent: Intent, name: str, value: object) -> None:
    """Raise `ValueRejected` unless `name` is a parameter and `value` canonical for its type."""
    parameter = intent.parameters.get(name)
    if parameter is None:
        known = ", ".join(intent.parameters) or "none"
        raise ValueRejected(f"`{intent.name}` has no parameter `{name}`.", remedy=f"Its parameters are: {known}.")
    if parameter.type.name == SECRET:
        raise ValueRejected(
            f"The {name.replace('_', ' ')} is never given in words.",
            remedy="It is asked for when the plan is approved; a script has --secret-file FILE.",
        )
    if parameter.many:
        if not isinstance(value, list | tuple) or not value:
            raise ValueRejected(f"`{name}` takes a list of values.", remedy="Give at least one.")
        for one in value:
            parameter.type.check(one)
        return
    parameter.type.check(value)  # type: ignore[arg-type]  # check() itself is what says whether it is canonical
