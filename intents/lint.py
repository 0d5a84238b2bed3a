"""What a reader of a pack would object to, beyond the rules that it must keep to be loaded.

A finding is no fault of form: the pack works. It says that people won't reach the intent, that they
can't tell what it does, or that its risk is played down.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from intents.compilation import operations_of
from intents.intent import Command, Intent, Operation, Risk, Word
from intents.rules import SHELLS_AND_INTERPRETERS
from intents.template import words_of
from intents.words import stem, tokens_of

ENOUGH_EXAMPLES = 4
"""So many examples must differ in more than their order and small words."""

RUNS_PROGRAMS = (
    "-exec", "-execdir", "-ok", "-okdir", "--to-command", "--checkpoint-action", "--use-compress-program", "--rsh",
    "--init-command", "--exec-path", "ProxyCommand", "--preprocessor", "--filter=", "--pager=",
)  # fmt: skip
"""Options by which an ordinary program runs another (GTFOBins names most of them)."""

NAMES_ITS_PROGRAM = ("-exec", "-execdir", "-ok", "-okdir")
"""Those that are followed by the program: a literal one is as reviewed as the first word of the vector."""

WITHOUT_RETURN = frozenset(
    {"rm", "shred", "wipefs", "dd", "truncate", "userdel", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "mkfs.vfat", "mkfs"}
    | {"lvremove", "vgremove", "pvremove", "blkdiscard", "dropdb", "parted"}
)
"""Programs whose effect nothing brings back."""

WITHOUT_MEANING = frozenset("a an the please pls kindly could can would you me my just thanks".split())

_SLOT_WORD = "{}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is objected to in which intent, and where its entry stands (`file:line`)."""

    intent: str
    where: str
    text: str


def check_catalogue(catalogue: Mapping[str, Intent], names: Sequence[str]) -> list[Finding]:
    """Return the findings in the named intents, in their order; sentences are compared with the whole catalogue."""
    said: dict[frozenset[str], str] = {}
    for intent in catalogue.values():
        for example in intent.examples:
            said.setdefault(content_of(example), intent.name)
    return list(dict.fromkeys(one for name in names for one in _findings(catalogue[name], said, catalogue)))


def _findings(intent: Intent, said: Mapping[frozenset[str], str], catalogue: Mapping[str, Intent]) -> Iterator[Finding]:
    texts = [*_objections_to_words(intent), *_objections_to_sentences(intent, said, catalogue)]
    for operation in operations_of(intent):
        texts += _objections_to_operation(intent, operation, catalogue)
    yield from (Finding(intent.name, intent.where, text) for text in texts)


def content_of(sentence: str) -> frozenset[str]:
    """Return the stems of a sentence's words but articles and politeness; each slot counts as the same word.

    >>> content_of("please show the logs of {service}") == content_of("show me logs of {unit}")
    True
    """
    parts = sentence.replace("{", " {").replace("}", "} ").split()
    slots = {_SLOT_WORD for part in parts if part.startswith("{")}
    plain = " ".join(part for part in parts if not part.startswith("{"))
    return frozenset({stem(one.folded) for one in tokens_of(plain) if one.folded not in WITHOUT_MEANING} | slots)


def _objections_to_words(intent: Intent) -> Iterator[str]:
    if not intent.summary[:1].isupper() or intent.summary.endswith("."):
        yield "its summary begins with a capital and ends without a full stop"
    for parameter in intent.parameters.values():
        if not parameter.description:
            yield f"its parameter `{parameter.name}` has no description"
    for operation in operations_of(intent):
        for column in operation.read.columns if operation.read else ():
            if not column.description:
                yield f"its column `{column.name}` has no description"


def _objections_to_sentences(
    intent: Intent, said: Mapping[frozenset[str], str], catalogue: Mapping[str, Intent]
) -> Iterator[str]:
    own = [content_of(example) for example in intent.examples]
    if len(set(own)) < ENOUGH_EXAMPLES:
        yield "its examples say the same words in another order: write sentences that differ"
    for example, content in zip(intent.examples, own, strict=True):
        other = said.get(content, intent.name)
        if other != intent.name and content != frozenset({_SLOT_WORD}):
            yield f'"{example}" says the same as an example of `{other}`'
    for miss in intent.near_misses:
        if content_of(miss.text) in own:
            yield f'"{miss.text}" is a near miss and one of its examples'
        if miss.intent is not None and miss.intent == intent.name:
            yield f'"{miss.text}" is a near miss that names the intent itself'
        if miss.intent is not None and miss.intent not in catalogue:
            yield f'"{miss.text}" names `{miss.intent}`, which doesn\'t exist'


def _objections_to_operation(intent: Intent, operation: Operation, catalogue: Mapping[str, Intent]) -> Iterator[str]:
    for command in operation.commands:
        yield from _objections_to_vector(command)
    undo = operation.undo
    has_inverse = undo is not None and undo.intent is not None
    if operation.change is not None and _program(operation.change) in WITHOUT_RETURN:
        highest = max([intent.risk, *(rule.risk for rule in intent.risk_rules)])
        if highest < Risk.DESTRUCTIVE and not has_inverse:
            yield f"`{_program(operation.change)}` can't be taken back: its risk is `destructive`"
    inverse = catalogue.get(undo.intent) if undo is not None and undo.intent is not None else None
    is_reversible = intent.risk is Risk.REVERSIBLE and undo is not None and undo.left is None
    if is_reversible and inverse is not None and inverse.risk is Risk.DESTRUCTIVE:
        yield f"its undo by `{inverse.name}` would take along what was written since: add `left`, by which that is seen"
    if intent.effects and intent.risk is Risk.REVERSIBLE and {"execution", "access"} & set(intent.effects):
        yield f"what grants {' and '.join(intent.effects)} is at least `disruptive`"


def _objections_to_vector(command: Command) -> Iterator[str]:
    words = words_of(command.template)
    for word, following in zip(words, [*words[1:], Word("")], strict=True):
        option = next((one for one in RUNS_PROGRAMS if word.prefix.startswith(one)), None)
        is_named = option in NAMES_ITS_PROGRAM and following.parameter is None and following.prefix
        if option is not None and (not is_named or following.prefix in SHELLS_AND_INTERPRETERS):
            yield f"`{option}` makes `{_program(command)}` run another program"


def _program(command: Command) -> str:
    first = command.template[0]
    return first.prefix if isinstance(first, Word) else ""
