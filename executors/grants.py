"""Standing grants: "always allow restarting nginx on the web hosts until Friday" as a dated, revocable value.

A grant stands in the place of the default alone: what a rule says is never loosened by it. It names one intent and
its exact values, ends after 90 days at the latest, and never covers what destroys, grants or
discloses. One's own count at the terminal; root's in /etc/sayso/grants.d also for scripts.
"""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from executors.policy_rules import Condition, Question, argument_texts, host_matches
from executors.trusted_files import bad_file, list_files, read_trusted
from intents.errors import PolicyError
from intents.intent import Risk
from intents.private_file import replace_privately
from intents.types.visible import excerpt
from intents.values import Json

SYSTEM_GRANTS = Path("/etc/sayso/grants.d")
LONGEST = timedelta(days=90)
SUFFIX = ".json"

_ID = re.compile(r"g[0-9a-f]{8}")
_KEYS = ("id", "intent", "arguments", "hosts", "until_utc", "created_utc", "created_by", "note")


@dataclass(frozen=True, slots=True)
class Grant:
    """One standing permission. `hosts` are names, or `@group` of the inventory."""

    id: str
    intent: str
    arguments: Mapping[str, Json]
    """The canonical values that it is for; an argument that isn't named must not be given."""
    hosts: tuple[str, ...]
    until_utc: datetime
    created_utc: datetime
    created_by: str
    note: str = ""
    is_system: bool = field(default=False, compare=False)
    """Whether it lies in the system's folder, so that it counts for scripts as well."""

    @property
    def rule(self) -> str:
        """How decisions and records call it."""
        return f"grant {self.id}"

    def is_in_force(self, at: datetime | None) -> bool:
        """Whether it counts at an aware moment: from its creation to its end. At an unknown time it doesn't."""
        return at is not None and self.created_utc <= at < self.until_utc

    def covers(self, question: Question) -> bool:
        """Whether it answers the question: every condition holds for sure."""
        return all(one.answer is True for one in self.conditions(question))

    def conditions(self, question: Question) -> tuple[Condition, ...]:
        """Return what has to hold, each answered for the question."""
        doors = ("terminal", "script") if self.is_system else ("terminal",)
        hosts = [[host_matches(host, one, question.groups) for one in self.hosts] for host in question.hosts]
        until = f"{self.until_utc:%Y-%m-%d %H:%M} UTC"
        is_mild = question.risk < Risk.DESTRUCTIVE and not question.effects
        return (
            Condition("intent", question.intent == self.intent, f"`{question.intent}`, it is for `{self.intent}`"),
            Condition(
                "risk",
                is_mild,
                f"the risk is {question.risk.word}; what destroys, grants or discloses is never covered",
            ),
            Condition("arguments", self._covers_arguments(question), f"it is for {_told(self.arguments)}"),
            Condition("hosts", bool(hosts) and all(True in one for one in hosts), f"it is for {', '.join(self.hosts)}"),
            Condition("door", question.door in doors, f"the door {question.door}, it is for {', '.join(doors)}"),
            Condition("time", self.is_in_force(question.at), f"it ends {until}"),
        )

    def _covers_arguments(self, question: Question) -> bool:
        """A path that leads elsewhere isn't the one that was granted: the link may be another tomorrow."""
        present = {name for name, value in question.arguments.items() if value is not None}
        if present != set(self.arguments):
            return False
        return all(set(question.texts_of(name)) <= set(argument_texts(self.arguments[name])) for name in present)


def new_grant(
    intent: str,
    arguments: Mapping[str, Json],
    hosts: tuple[str, ...],
    *,
    until: datetime,
    now: datetime,
    created_by: str,
    note: str = "",
) -> Grant:
    """Return a grant from now on with a new id. Raises `PolicyError` for an end that has been, or is more than 90 days away."""
    given = {name: value for name, value in arguments.items() if value is not None}
    grant = Grant(
        f"g{secrets.token_hex(4)}",
        intent,
        given,
        hosts,
        # Whole seconds, as the file keeps them: what is granted is what is read again.
        until.astimezone(UTC).replace(microsecond=0),
        now.astimezone(UTC).replace(microsecond=0),
        created_by,
        note,
    )
    fault = _span_fault(grant)
    if fault is not None:
        raise PolicyError(
            f"Such a grant {fault}.", remedy="Name a later day, at most 90 days from now.", rule=grant.rule
        )
    return grant


def _span_fault(grant: Grant) -> str | None:
    if grant.until_utc <= grant.created_utc:
        return "would end before it begins"
    if grant.until_utc - grant.created_utc > LONGEST:
        return f"would last longer than {LONGEST.days} days"
    return None


def load_grants(folder: Path, *, is_system: bool) -> tuple[Grant, ...]:
    """Return the grants of a folder, also those that have expired; none when there is no folder.

    Raises `PolicyError` for a file that can't be read as a grant, and for one that others may write.
    """
    files = list_files(folder, [SUFFIX], must_be_root=is_system)
    return tuple(_read_grant(path, is_system=is_system) for path in files)


def save_grant(folder: Path, grant: Grant) -> Path:
    """Write a grant to a file of its own (0600), whole or not at all, and return the path. Raises `PolicyError`."""
    path = folder / f"{grant.id}{SUFFIX}"
    content = {
        "id": grant.id,
        "intent": grant.intent,
        "arguments": dict(grant.arguments),
        "hosts": list(grant.hosts),
        "until_utc": grant.until_utc.isoformat(),
        "created_utc": grant.created_utc.isoformat(),
        "created_by": grant.created_by,
        "note": grant.note,
    }
    try:
        replace_privately(path, (json.dumps(content, indent=2) + "\n").encode())
    except OSError as error:
        raise PolicyError(
            f"The grant can't be written to {folder} ({error.strerror}).",
            remedy="Check the folder, and the space on its file system.",
            rule=grant.rule,
        ) from None
    return path


def revoke_grant(folder: Path, grant: Grant) -> None:
    """Remove a grant's file. Raises `PolicyError` when that can't be done, so that nobody takes it for revoked."""
    try:
        (folder / f"{grant.id}{SUFFIX}").unlink()
    except OSError as error:
        raise PolicyError(
            f"The grant {grant.id} can't be removed from {folder} ({error.strerror}); it is still in force.",
            remedy="Root's grants are revoked by root.",
            rule=grant.rule,
        ) from None


def _read_grant(path: Path, *, is_system: bool) -> Grant:
    text = read_trusted(path, must_be_root=is_system)
    try:
        entry = json.loads(text)
    except ValueError as error:
        raise bad_file(path, f"is not valid JSON ({error})") from None
    if not isinstance(entry, dict):
        raise bad_file(path, "is not a JSON object")
    unknown = [key for key in entry if key not in _KEYS]
    missing = [key for key in _KEYS if key not in entry and key != "note"]
    if unknown or missing:
        raise bad_file(
            path, f"has the unknown word {excerpt(unknown[0])}" if unknown else f"doesn't say `{missing[0]}`"
        )
    grant = _checked(path, entry, is_system=is_system)
    if path.name != f"{grant.id}{SUFFIX}":
        raise bad_file(path, f"holds the grant {excerpt(grant.id)}, after which it isn't called")
    fault = _span_fault(grant)
    if fault is not None:
        raise bad_file(path, f"holds a grant that {fault}")
    return grant


def _checked(path: Path, entry: Mapping[str, Json], *, is_system: bool) -> Grant:
    def text(key: str, default: str | None = None) -> str:
        value = entry.get(key, default)
        if not isinstance(value, str):
            raise bad_file(path, f"has no text as `{key}`")
        return value

    def moment(key: str) -> datetime:
        try:
            found = datetime.fromisoformat(text(key))
        except ValueError:
            raise bad_file(path, f"has a `{key}` that is no RFC 3339 time") from None
        if found.tzinfo is None:
            raise bad_file(path, f"has a `{key}` without an offset (write +00:00)")
        return found

    arguments, hosts = entry["arguments"], entry["hosts"]
    if not isinstance(arguments, dict):
        raise bad_file(path, "has no object as `arguments`")
    if not isinstance(hosts, list) or not hosts or not all(isinstance(host, str) for host in hosts):
        raise bad_file(path, "has no list of names as `hosts`")
    if not _ID.fullmatch(text("id")):
        raise bad_file(path, f"has the id {excerpt(text('id'))}, which is not a g and 8 hexadecimal digits")
    return Grant(
        text("id"), text("intent"), arguments, tuple(str(host) for host in hosts), moment("until_utc"),
        moment("created_utc"), text("created_by"), text("note", ""), is_system=is_system,
    )  # fmt: skip


def _told(arguments: Mapping[str, Json]) -> str:
    return ", ".join(f"{name} {'/'.join(argument_texts(value))}" for name, value in arguments.items()) or "no argument"
