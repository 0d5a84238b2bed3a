"""The shape of a pack's entry, as pydantic models; used only when a pack changed.

What pydantic can't know (names of types and parsers, placeholders, options) is checked by
`intents.rules` on the built intent.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from intents.errors import CatalogueError
from intents.intent import EditOperation
from intents.pack_file import PackFile

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
ParameterName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*$")]
Scalar = str | int | float | bool
RiskWord = Literal["read", "reversible", "disruptive", "destructive"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class ParameterEntry(_Strict):
    """A parameter; `choices`, `min`, `max` and `multiline` are options of its type."""

    type: Text
    required: bool = False
    default: Scalar | list[Scalar] | None = None
    description: str = ""
    says: list[Text] = []
    many: bool = False
    choices: list[str] | dict[str, str] | None = None
    min: int | None = None
    max: int | None = None
    multiline: bool | None = None


class GivenEntry(_Strict):
    """Words that appear when a parameter was given."""

    given: ParameterName
    then: "list[VectorItem]"
    otherwise: "list[VectorItem]" = Field(default=[], alias="else")


class WhenEntry(_Strict):
    """Words that appear when a parameter has a value."""

    when: dict[ParameterName, Scalar] = Field(min_length=1, max_length=1)
    then: "list[VectorItem]"
    otherwise: "list[VectorItem]" = Field(default=[], alias="else")


VectorItem = str | GivenEntry | WhenEntry


class ColumnEntry(_Strict):
    """A typed column of a read."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    type: Literal[
        "text", "integer", "number", "size", "duration", "moment", "percentage", "boolean", "address", "path", "list"
    ] = "text"
    says: list[Text] = []
    description: str = ""
    values: list[str] = []


class CommandEntry(_Strict):
    """A program to run."""

    run: list[VectorItem] = Field(min_length=1)
    as_user: str | None = None
    stdin: str | list[str] | None = None
    ok_exit_codes: list[int] = [0]
    timeout_s: float | int = 60
    makes: ParameterName | None = None


class ReadEntry(CommandEntry):
    """A program whose output is parsed to rows."""

    parse: Text
    parse_with: dict[ParameterName, str] = {}
    with_stderr: bool = False
    columns: list[ColumnEntry] = Field(min_length=1)
    order: list[str] = []
    limit: int | None = Field(default=None, ge=1)


class EditEntry(_Strict):
    """A typed edit of one file."""

    path: Text
    operation: EditOperation
    arguments: dict[str, str] = Field(alias="with")
    validator: str | None = None
    create: bool = False
    path_end: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]*$")] = ""
    follow: bool = False
    mode: Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$")] | None = None


class PlaybookEntry(_Strict):
    """A playbook of ours to run."""

    name: Text
    variables: dict[ParameterName, str] = {}
    as_user: Literal["root"] | None = None
    timeout_s: float | int = 300


class ChangedEntry(_Strict):
    """An expectation: the value differs from the one before."""

    changed: Literal[True]


class OneOfEntry(_Strict):
    """An expectation: the value is one of these."""

    one_of: list[Scalar] = Field(min_length=1)


class AbsentEntry(_Strict):
    """An expectation: there is no such state any more."""

    absent: Literal[True]


class ContainsEntry(_Strict):
    """An expectation: the list holds this value."""

    contains: Text


class LacksEntry(_Strict):
    """An expectation: the list doesn't hold this value."""

    lacks: Text


class UndoEntry(_Strict):
    """The inverse request, or why there is none."""

    intent: str | None = None
    arguments: dict[str, str] = Field(default={}, alias="with")
    impossible: Text | None = None
    left: ReadEntry | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "UndoEntry":
        if (self.intent is None) == (self.impossible is None):
            raise ValueError("an undo has either `intent` (with `with`) or `impossible` (the reason)")
        if self.left is not None and self.intent is None:
            raise ValueError("`left` belongs to an undo with `intent`")
        return self


class TouchEntry(_Strict):
    """What else a change touches."""

    label: Text
    read: ReadEntry


class FollowUpEntry(_Strict):
    """An intent that is planned as the next step after a change."""

    intent: Text
    arguments: dict[ParameterName, str] = Field(default={}, alias="with")


ExpectationEntry = Scalar | ChangedEntry | OneOfEntry | AbsentEntry | ContainsEntry | LacksEntry


class OperationEntry(_Strict):
    """A read, or a change by a command, by an edit or by a playbook."""

    read: ReadEntry | None = None
    state: ReadEntry | None = None
    change: CommandEntry | None = None
    edit: EditEntry | None = None
    playbook: PlaybookEntry | None = None
    simulate: ReadEntry | None = None
    needs: dict[str, ExpectationEntry] = {}
    expect: dict[str, ExpectationEntry] = {}
    expect_within_s: float | int = Field(default=0, ge=0, le=120)
    touches: list[TouchEntry] = []
    always: bool = False
    undo: UndoEntry | None = None
    then: list[FollowUpEntry] = []

    @model_validator(mode="after")
    def _one_shape(self) -> "OperationEntry":
        shapes = [shape is not None for shape in (self.read, self.change, self.edit, self.playbook)]
        if sum(shapes) != 1:
            raise ValueError("give exactly one of `read`, `change`, `edit` and `playbook`")
        if self.change is not None and self.undo is None:
            raise ValueError("a change by command needs `undo`")
        if self.change is not None and self.simulate is None and (self.state is None or not self.expect):
            raise ValueError("a change by command needs `state` with `expect`, or `simulate`")
        if self.change is None and self.simulate is not None:
            raise ValueError("`simulate` belongs to a `change`")
        if self.change is None and self.edit is None and self.needs:
            raise ValueError("`needs` belongs to a `change` or an `edit`")
        if self.then and self.change is None and self.edit is None:
            raise ValueError("`then` stands beside a `change` or an `edit`")
        if self.needs and self.state is None:
            raise ValueError("`needs` is about `state`, which is missing")
        if self.playbook is not None and (self.state is not None or self.expect or self.undo is None):
            raise ValueError("a change by playbook needs `undo`; its own dry run stands for `state` and `expect`")
        return self


class VariantEntry(OperationEntry):
    """The operation for targets with certain facts."""

    when: dict[str, str] = Field(min_length=1)


class NearMissEntry(_Strict):
    """A sentence that belongs elsewhere."""

    text: Text
    intent: str | None


class RiskRuleEntry(_Strict):
    """A higher risk when a parameter has a value."""

    when: dict[ParameterName, Scalar] = Field(min_length=1, max_length=1)
    risk: RiskWord


class RiskEntry(_Strict):
    """A risk that depends on arguments."""

    default: RiskWord
    when: list[RiskRuleEntry]


class Entry(OperationEntry):
    """One intent."""

    summary: Text
    risk: RiskWord | RiskEntry
    effects: list[Literal["execution", "access", "persistence", "secrets"]] = []
    interrupt: Literal["kill", "wait", "detach"] = "kill"
    says: list[Text] = []
    lock: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*$")] | None = None
    cuts: list[Literal["ssh", "firewall", "network", "sudo", "pam"]] = []
    only: dict[str, list[Text]] = {}
    parameters: dict[ParameterName, ParameterEntry] = {}
    examples: list[Text] = Field(min_length=4)
    near_misses: list[NearMissEntry] = Field(min_length=2)
    variants: list[VariantEntry] = []

    @model_validator(mode="after")
    def _read_is_read(self) -> "Entry":
        default = self.risk if isinstance(self.risk, str) else self.risk.default
        if (self.read is not None) != (default == "read"):
            raise ValueError("an intent with risk `read` has a `read`, and no other has one")
        return self


def validate_entry(pack: PackFile, name: str) -> dict[str, Any]:
    """Return the entry as plain values with every default filled in.

    Raises `CatalogueError` with file, line, what is wrong and what to write.
    """
    try:
        entry = Entry.model_validate(pack.entries[name])
    except ValidationError as error:
        raise _first_error(pack, name, error) from None
    return entry.model_dump(mode="json", by_alias=True, exclude_none=True)


def _first_error(pack: PackFile, name: str, error: ValidationError) -> CatalogueError:
    """Say the first fault in the file's order; union branches are skipped over in paths."""
    faults = error.errors(include_url=False)
    # A misspelt key also shows up as a missing one; the misspelling is what helps.
    faults = [fault for fault in faults if fault["type"] == "extra_forbidden"] or faults
    deepest = max(
        faults, key=lambda fault: len([part for part in fault["loc"] if (name, part) in pack.lines] or fault["loc"])
    )
    known: list[str | int] = [name]
    for part in deepest["loc"]:
        if (*known, part) in pack.lines:
            known.append(part)
    key = ".".join(str(part) for part in deepest["loc"] if not str(part)[:1].isupper() and "[" not in str(part))
    message = str(deepest["msg"]).removeprefix("Value error, ")
    if deepest["type"] == "extra_forbidden":
        message = "this key is not known"
    return CatalogueError(
        f"`{name}`: {f'`{key}`: ' if key else ''}{message[:1].lower()}{message[1:]}.",
        remedy="See docs/packs.md for the form of an entry.",
        where=pack.where(tuple(known)),
    )
