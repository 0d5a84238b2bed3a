"""An intent as the rest of sayso sees it: frozen values, built by the catalogue from a pack's YAML.

An intent describes how its argument vectors are made; it never runs anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, TypeAlias

from intents.types.base import ParameterType
from intents.values import Column, Json


class Risk(IntEnum):
    """How bad a wrong run would be, in ascending order."""

    READ = 0
    REVERSIBLE = 1
    DISRUPTIVE = 2
    DESTRUCTIVE = 3

    @property
    def word(self) -> str:
        """The word used in packs, plans and JSON."""
        return self.name.lower()


EffectName: TypeAlias = Literal["execution", "access", "persistence", "secrets"]
"""What an intent grants (`execution`, `access`, `persistence`) or discloses (`secrets`)."""

Interrupt: TypeAlias = Literal["kill", "wait", "detach"]
EditOperation: TypeAlias = Literal[
    "put",
    "append_line",
    "remove_lines",
    "replace_text",
    "set_value",
    "set_directive",
    "set_block_directive",
    "set_unit_value",
    "set_unit_variable",
    "write_service",
    "write_log_rotation",
    "write_apt_source",
    "write_rpm_repository",
    "delete",
    "add_host",
    "remove_host",
    "add_mount",
    "remove_mount",
    "allow_sudo",
    "revoke_sudo",
    "add_cron_job",
]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One typed slot of an intent.

    `default` is written as a person would write it ("1 day ago") and parsed when it is used; None
    with `required` False means "not given".
    """

    name: str
    type: ParameterType
    required: bool
    default: Json = None
    description: str = ""
    many: bool = False
    """Takes several values ("nginx and redis"); its value is then a list of canonical values."""
    says: tuple[str, ...] = ()
    """Words that introduce the value ("lines", "owner"), besides the parameter's own name."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a vector template: literal text around at most one placeholder.

    `parameter` may be `before.COLUMN` in an undo. `spread` gives one argument per value of a list.
    """

    prefix: str
    parameter: str | None = None
    form: str | None = None
    suffix: str = ""
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Conditional:
    """Words that appear only when a parameter was given, or has a certain value."""

    parameter: str
    equals: Json
    """The value it must have; None means "was given (not null)"."""
    then: "tuple[TemplateItem, ...]"
    otherwise: "tuple[TemplateItem, ...]" = ()


TemplateItem: TypeAlias = Word | Conditional
Template: TypeAlias = tuple[TemplateItem, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run: vector template, the account, what to send on stdin, which exit codes are fine."""

    template: Template
    as_user: str | None = None
    """None: the person's own account. `root`, a fixed name, or `{parameter}`."""
    stdin: tuple[Word, ...] = ()
    """Its standard input, in pieces that are joined; empty for none."""
    ok_exit_codes: tuple[int, ...] = (0,)
    timeout_s: float = 60.0
    makes: str | None = None
    """The parameter that names a file which the program makes: nobody else reads it, and it is whole or not there."""


@dataclass(frozen=True, slots=True)
class Read:
    """A command whose output is parsed to typed rows."""

    command: Command
    parser: str
    """`kv`, `json`, `jsonl`, `lines`, `text`, `nul`, `jc:NAME`, or `F:NAME` from `intents.parsers`."""
    columns: tuple[Column, ...]
    order: tuple[str, ...] = ()
    """Default order: column names, `-` in front for descending."""
    limit: int | None = None
    """How many rows are shown when the request says nothing else ("10 of 212")."""
    parser_options: Mapping[str, Word] = field(default_factory=dict)
    """What the parser is told besides the output (a key, a separator), as templates by name."""
    with_stderr: bool = False
    """Whether the parser gets what the program writes to its standard error as well, behind the rest."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A typed edit of one file; `arguments` are templates by name (`line`, `key`, `value`, ...)."""

    path: Word
    operation: EditOperation
    arguments: Mapping[str, Word]
    validator: str | None = None
    """A name in `executors.validators`, `by_path`, or None."""
    create: bool = False
    """Whether an absent file is created (else it is an error), and its directory where that alone is missing."""
    path_end: str = ""
    """Literal text after the path (`.d/90-sayso.conf`), for values that nothing may follow in an argument."""
    follow: bool = False
    """Whether a symbolic link is followed; the plan then names the real file."""
    mode: int | None = None
    """The permission bits of a file that is created; None means 0644."""


@dataclass(frozen=True, slots=True)
class PlaybookRun:
    """A playbook of ours to run; `variables` are templates by name. Its dry run tells state and diff."""

    name: str
    variables: Mapping[str, Word]
    as_user: str | None = None
    """None: the person's own account; else `root`."""
    timeout_s: float = 300.0


ExpectTest: TypeAlias = Literal["equals", "changed", "one_of", "absent", "contains", "lacks"]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the state must show after the change: a column against a literal or `{parameter}`.

    `changed`: the value differs from the one before (a restart's MainPID). `one_of`: any of `values`.
    `contains` and `lacks`: the list in the column holds the value, or doesn't.
    """

    column: str
    test: ExpectTest
    values: tuple[Word | Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Undo:
    """The inverse as a request to another intent, or the reason why there is none.

    `arguments` may use `{parameter}` and `{before.COLUMN}`. For an edit both are None: the
    backup is the undo.
    """

    intent: str | None = None
    arguments: Mapping[str, Word] = field(default_factory=dict)
    impossible: str | None = None
    left: Read | None = None
    """What the change leaves behind (size, time of the last write), read when it has been made and again before it is
    taken back: where anything of it differs, somebody has worked on it since, and it stays."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """An intent that belongs to a change and is planned as its next step (a reload after an edit)."""

    intent: str
    arguments: Mapping[str, Word] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Touch:
    """What else a change touches (services that depend on it, sessions that will drop): shown, never decisive."""

    label: str
    read: Read


AccessKind: TypeAlias = Literal["ssh", "firewall", "network", "sudo", "pam"]
"""Through what a change can cut off the person who makes it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What an intent does on targets with certain facts: one read, or one change (command, edit or playbook)."""

    read: Read | None = None
    state: Read | None = None
    change: Command | None = None
    edit: Edit | None = None
    playbook: PlaybookRun | None = None
    simulate: Read | None = None
    """The tool's own dry run: its rows are what would change, no rows means that it is already so."""
    needs: tuple[Expectation, ...] = ()
    """What the state must be before the change; else the change is refused."""
    expect: tuple[Expectation, ...] = ()
    expect_within_s: float = 0.0
    """How long the state may take to become so after the command has ended (a process that is asked to end)."""
    touches: tuple[Touch, ...] = ()
    always: bool = False
    """Runs even when the state already is as expected (a restart)."""
    undo: Undo | None = None
    then: tuple[FollowUp, ...] = ()
    """What is planned after it, on the hosts where it changes something."""

    @property
    def commands(self) -> tuple[Command, ...]:
        """Every command that it may run, those that only read first."""
        reads = [
            read
            for read in (
                self.state,
                self.simulate,
                *(touch.read for touch in self.touches),
                self.undo.left if self.undo else None,
                self.read,
            )
            if read
        ]
        change = () if self.change is None else (self.change,)
        return (*(read.command for read in reads), *change)


@dataclass(frozen=True, slots=True)
class Variant:
    """An operation for targets whose facts have all these values (`init: openrc`)."""

    when: Mapping[str, str]
    operation: Operation


@dataclass(frozen=True, slots=True)
class RiskRule:
    """The risk when a parameter has a value (`repair: true` makes a check destructive)."""

    parameter: str
    equals: Json
    risk: Risk


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A sentence that sounds like this intent and belongs to another (or to none)."""

    text: str
    intent: str | None


@dataclass(frozen=True, slots=True)
class Intent:
    """A vetted operation of the catalogue."""

    name: str
    pack: str
    summary: str
    risk: Risk
    parameters: Mapping[str, Parameter]
    examples: tuple[str, ...]
    operation: Operation
    variants: tuple[Variant, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    effects: tuple[EffectName, ...] = ()
    interrupt: Interrupt = "kill"
    risk_rules: tuple[RiskRule, ...] = ()
    says: tuple[str, ...] = ()
    """Further words that this intent accounts for in a request (synonyms of its noun and verb)."""
    lock: str | None = None
    """The resource that a change locks on its target; None means the noun and the first argument."""
    cuts: tuple[AccessKind, ...] = ()
    """Through what a change can cut off the person who makes it."""
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Facts that a host must have, with their possible values; elsewhere the intent is refused."""
    where: str = ""
    """`file:line` of its entry."""
    schema_hash: str = ""
    """SHA-256 of its canonical entry; keys learned heads and records."""

    @property
    def is_change(self) -> bool:
        """Whether it changes the target."""
        return self.risk is not Risk.READ

    def risk_for(self, values: Mapping[str, Json]) -> Risk:
        """Return the risk with these argument values: the plain one, or the highest rule that holds."""
        held = [rule.risk for rule in self.risk_rules if values.get(rule.parameter) == rule.equals]
        return max([self.risk, *held])

    def operation_for(self, facts: Mapping[str, str]) -> Operation:
        """Return the operation of the first variant whose facts all hold, else the plain one."""
        for variant in self.variants:
            if all(facts.get(name) == value for name, value in variant.when.items()):
                return variant.operation
        return self.operation

    def unmet(self, facts: Mapping[str, str]) -> tuple[str, tuple[str, ...]] | None:
        """Return the first fact of `only` that a host lacks, with the values that it needs; None where all hold."""
        return next(((name, values) for name, values in self.only.items() if facts.get(name) not in values), None)
