r"""The least that sudo has to allow, so that a person can do as root what the policy lets them do.

Every command of an intent that runs as root becomes one entry: its absolute program and a regular expression (sudoers(5),
sudo 1.9.10) over its whole arguments, made from the vector's template and the alphabets of the parameters' types.
What can't be held that narrowly (a path, a free text, what is read from stdin) is left out, with the reason.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from executors.policy import Policy, Question, Verdict
from intents.errors import StepError
from intents.intent import Command, Intent, Parameter, Template, TemplateItem, Word
from intents.targets import LOCAL
from intents.types.base import ParameterType
from intents.types.named import NameType
from intents.types.words import Boolean, Choice, ClosedWords

LONGEST_PATTERN = 1024
"""sudoers(5): regular expressions are limited to 1024 characters."""

_NUMBER, _DECIMAL = "[0-9]+", r"[0-9]+(\.[0-9]+)?"
_NUMERIC: Mapping[str, str] = {
    "count": _NUMBER,
    "size": _NUMBER,
    "pid": _NUMBER,
    "port": _NUMBER,
    "percentage": _DECIMAL,
    "duration": _DECIMAL,
    "moment": "[0-9TZ:-]+",
    "mode": "[0-7]{4}",
    "address": "[0-9a-fA-F:.]+(/[0-9]+)?",
}
"""What the types of numbers, moments and addresses write, none of it beginning with `-`."""

_NAMES: Mapping[str, str] = {
    "name:unit": "[A-Za-z0-9_:@.][A-Za-z0-9_:@.-]*",
    "name:service": "[A-Za-z0-9_][A-Za-z0-9_:.-]*",
    "name:timer": "[A-Za-z0-9_:@.][A-Za-z0-9_:@.-]*",
    "package": "[A-Za-z0-9][A-Za-z0-9+._:-]*",
    "process": "[A-Za-z0-9_][A-Za-z0-9_.+:@-]*",
    "name:image": "[A-Za-z0-9][A-Za-z0-9_.:/@-]*",
    "name:timezone": "[A-Za-z][A-Za-z0-9_+/-]*",
    "name:sysctl": "[a-z][A-Za-z0-9_./-]*",
}
_PLAIN_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
"""The other kinds of names: accounts, groups, interfaces, hosts, containers, modules, databases, jails."""

_USER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\$?")
_REFUSED = (
    (frozenset({"user", "name:user"}), r"^(.*[ =,])?root([ ,].*)?$"),
    (frozenset({"name:unit"}), r"^(.* )?(debug-shell|rescue|emergency)(\.[a-z]+)?( .*)?$"),
)
"""Values that no pattern of the type excludes: the root account, and the units that open a root shell."""
_SPECIAL = re.compile(r"[.\[\](){}*+?|^$\\#]")


@dataclass(frozen=True, slots=True)
class SudoersEntry:
    """What one intent needs: commands as sudoers writes them, and whether sudo asks for the password."""

    intent: str
    commands: tuple[str, ...]
    needs_password: bool

    @property
    def alias(self) -> str:
        """The name of its Cmnd_Alias: capitals, digits and underscores, as sudoers(5) wants it."""
        return f"SAYSO_{re.sub('[^A-Z0-9]', '_', self.intent.upper())}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An intent that needs root and gets no entry, and why."""

    intent: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sudoers:
    """What a user gets, and what not."""

    user: str
    entries: tuple[SudoersEntry, ...]
    left_out: tuple[LeftOut, ...]


class _NotNarrowError(Exception):
    """A command can't be held by a narrow pattern; the text says why."""


def least_sudoers(
    user: str,
    catalogue: Mapping[str, Intent],
    policy: Policy,
    facts: Mapping[str, str],
    *,
    find_program: Callable[[str], str],
) -> Sudoers:
    """Return what `user` needs on this machine, whose `facts` choose the variants.

    What scripts may run as well needs no password; all else does. An intent that grants execution, access or
    persistence is left out: with it, whoever holds it could give themselves the rest.
    """
    if not _USER_NAME.fullmatch(user):
        raise ValueError(user)
    entries: list[SudoersEntry] = []
    left_out: list[LeftOut] = []
    for intent in catalogue.values():
        if not _needs_root(intent, facts):
            continue
        try:
            needs_password = _needs_password(user, intent, policy)
            commands = _commands(intent, facts, find_program)
        except _NotNarrowError as reason:
            left_out.append(LeftOut(intent.name, str(reason)))
            continue
        entries.append(SudoersEntry(intent.name, commands, needs_password))
    return Sudoers(user, tuple(entries), tuple(left_out))


def write_sudoers(sudoers: Sudoers, *, host: str, on: str) -> str:
    """Return the text of the sudoers file: aliases, one rule for each way of asking, and what is left out as comments."""
    lines = [
        f"# What {sudoers.user} needs as root for sayso on {_comment(host)}, by the policy of {on}.",
        "# Written by `sayso policy sudoers`; needs sudo 1.9.10 or later. Check it with `visudo -c -f FILE`, then put it",
        "# into /etc/sudoers.d, root's, mode 0440. It is the wall of which the policy is the sign.",
        "",
    ]
    for entry in sudoers.entries:
        joined = ", \\\n    ".join(entry.commands)
        lines += [f"Cmnd_Alias {entry.alias} = \\\n    {joined}", ""]
    for needs_password, tag in ((True, "PASSWD"), (False, "NOPASSWD")):
        aliases = [entry.alias for entry in sudoers.entries if entry.needs_password is needs_password]
        if aliases:
            lines += [f"{sudoers.user} ALL = (root) {tag}: \\\n    " + ", \\\n    ".join(aliases), ""]
    if sudoers.left_out:
        lines.append("# Left out, so these need another way to root:")
        lines += [f"#   {one.intent}: {_comment(one.reason)}" for one in sudoers.left_out]
    return "\n".join(lines).rstrip("\n") + "\n"


def _comment(text: str) -> str:
    """One line, and not ending in a backslash, which would continue it."""
    return text.encode("ascii", "backslashreplace").decode().replace("\n", " ").rstrip("\\")


def _needs_root(intent: Intent, facts: Mapping[str, str]) -> bool:
    operation = intent.operation_for(facts)
    is_root_playbook = operation.playbook is not None and operation.playbook.as_user is not None
    others = any(command.as_user is not None for command in operation.commands)
    return others or is_root_playbook or operation.edit is not None


def _needs_password(user: str, intent: Intent, policy: Policy) -> bool:
    """Return whether a person has to be there. Raises where the policy doesn't let the user, whatever the arguments."""
    risk = max([intent.risk, *(rule.risk for rule in intent.risk_rules)])
    decision = policy.decide(Question(user, intent.name, risk, intent.effects, (LOCAL,), "terminal"))
    if decision.verdict is Verdict.DENY:
        raise _NotNarrowError(f"the rule `{decision.rule}` denies it, or denies some of its values")
    if decision.verdict is Verdict.TWO_PEOPLE:
        raise _NotNarrowError(f"the rule `{decision.rule}` wants two people, which sudo can't ask for")
    granted = [effect for effect in intent.effects if effect != "secrets"]
    if granted:
        raise _NotNarrowError(f"it grants {', '.join(granted)}: whoever holds it could take the rest")
    scripted = policy.decide(Question(user, intent.name, risk, intent.effects, (LOCAL,), "script"))
    return scripted.verdict is not Verdict.ALLOW and scripted.verdict is not Verdict.ASK


def _commands(intent: Intent, facts: Mapping[str, str], find_program: Callable[[str], str]) -> tuple[str, ...]:
    operation = intent.operation_for(facts)
    if operation.edit is not None:
        raise _NotNarrowError("it edits a file of any name, by several commands")
    if operation.playbook is not None:
        raise _NotNarrowError("it runs a playbook, whose commands Ansible chooses")
    found: dict[str, None] = {}
    for command in operation.commands:
        if command.as_user is None:
            continue
        if command.as_user != "root":
            raise _NotNarrowError(f"it runs as {command.as_user}, not as root")
        for text in _command(command, intent.parameters, find_program):
            found[text] = None
    return tuple(found)


def _command(
    command: Command, parameters: Mapping[str, Parameter], find_program: Callable[[str], str]
) -> tuple[str, ...]:
    if any(word.parameter is not None for word in command.stdin):
        raise _NotNarrowError("what decides comes by stdin, at which sudo doesn't look")
    program, *arguments = command.template
    if not isinstance(program, Word) or program.parameter is not None:
        raise _NotNarrowError("its program isn't fixed")
    try:
        path = find_program(program.prefix)
    except StepError as error:
        raise _NotNarrowError(error.message) from None
    pattern = _pattern(tuple(arguments), parameters)
    if not pattern:
        return (f'{path} ""',)
    if not pattern.startswith(" "):  # an argument that may be missing brings its blank along
        raise _NotNarrowError("its first argument may be missing")
    whole = f"^{pattern[1:]}$"
    if len(whole) > LONGEST_PATTERN:
        raise _NotNarrowError("its pattern would be longer than sudo takes")
    kinds = {parameters[name].type.name for name in _names(tuple(arguments)) if name in parameters}
    refused = [f"!{path} {pattern}" for types, pattern in _REFUSED if types & kinds]
    return (f"{path} {whole}", *refused)


def _pattern(template: Template, parameters: Mapping[str, Parameter], given: frozenset[str] = frozenset()) -> str:
    """Return the expression of the words; `given` are parameters that have a value for sure."""
    return "".join(_item(item, parameters, given) for item in template)


def _item(item: TemplateItem, parameters: Mapping[str, Parameter], given: frozenset[str]) -> str:
    """Return the expression of one item with the blank before it."""
    if isinstance(item, Word):
        return _word(item, parameters, given)
    then = _pattern(item.then, parameters, given | {item.parameter})
    otherwise = _pattern(item.otherwise, parameters, given)
    if then and otherwise:
        return f"(({then})|({otherwise}))"
    return f"({then or otherwise})?" if then or otherwise else ""


def _word(word: Word, parameters: Mapping[str, Parameter], given: frozenset[str]) -> str:
    prefix, suffix = _literal(word.prefix), _literal(word.suffix)
    if word.parameter is None:
        return f" {prefix}"
    parameter = parameters[word.parameter]
    is_there = parameter.required or parameter.default is not None or word.parameter in given
    value = _value(word.parameter, parameter.type, word.form)
    if word.form == "comma":
        value = f"{value}(,{value})*"
    one = f" {prefix}{value}{suffix}"
    if word.spread or (parameter.many and word.form != "comma"):
        return f"({one})+" if is_there else f"({one})*"
    return one if is_there else f"({one})?"


def _names(template: Template) -> list[str]:
    """Return the parameters of every word, also of those behind conditions."""
    names: list[str] = []
    for item in template:
        if isinstance(item, Word):
            names += [item.parameter] if item.parameter else []
        else:
            names += _names(item.then) + _names(item.otherwise)
    return names


def _value(name: str, kind: ParameterType, form: str | None) -> str:
    """Return the expression of a type's values; no blank is in any of them."""
    if isinstance(kind, Choice):
        return _one_of([written for _, written in kind.choices])
    if isinstance(kind, ClosedWords):
        return _one_of(kind.vocabulary)
    if isinstance(kind, Boolean):
        return _one_of([kind.render(True, form), kind.render(False, form)])  # noqa: FBT003 - the value itself
    if kind.name in _NUMERIC:
        return _NUMERIC[kind.name]
    if isinstance(kind, NameType):
        return _NAMES.get(kind.name, _PLAIN_NAME)
    raise _NotNarrowError(f"`{name}` is a {kind.name}, for which no pattern is narrow")


def _one_of(words: Sequence[str]) -> str:
    return f"({'|'.join(_literal(word) for word in dict.fromkeys(words))})"


def _literal(text: str) -> str:
    if not text.isprintable() or not text.isascii():
        raise _NotNarrowError("its arguments hold characters that sudoers can't")
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text)
