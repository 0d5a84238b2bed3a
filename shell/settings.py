"""What a person can set: declared once, read from arguments, environment and one TOML file.

Precedence: argument > environment > file > default. Every value knows where it comes from.
"""

import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

from executors.schedule import HOSTS_AT_ONCE, Share, parse_batches
from executors.ssh_address import TransportName
from intents.errors import SaysoError
from intents.values import Json
from shell.environment import ROOT_UID, ColorChoice, Environment

SettingKind: TypeAlias = Literal["path", "paths", "duration", "size", "choice", "count", "batches", "share"]
SettingSource: TypeAlias = Literal["argument", "environment", "file", "default"]

SettingValue: TypeAlias = Path | tuple[Path, ...] | float | int | str | Share | tuple[Share, ...]

_WRITABLE_BY_OTHERS = 0o022
_LARGEST_COUNT = 1000


class SettingsError(SaysoError):
    """A setting can't be used: unknown, or a value that doesn't fit. The person corrects it where it was found."""

    code: ClassVar[str] = "settings"


@dataclass(frozen=True, slots=True)
class Setting:
    """One declaration. `default` is written as a person would write it; None means "not set"."""

    name: str
    kind: SettingKind
    default: str | None
    variable: str
    help: str
    choices: tuple[str, ...] = ()


SETTINGS: tuple[Setting, ...] = (
    Setting("model", "path", None, "SAYSO_MODEL", "A GGUF file, instead of the one that is shipped."),
    Setting(
        "inventory", "paths", None, "SAYSO_INVENTORY", "Ansible inventories: which hosts there are; several by `:`."
    ),
    Setting("timeout_s", "duration", None, "SAYSO_TIMEOUT", "The longest that one command may take, in seconds."),
    Setting(
        "color", "choice", "auto", "SAYSO_COLOR", "Whether output is coloured.", choices=("auto", "always", "never")
    ),
    Setting("history", "path", None, "SAYSO_HISTORY", "The history's file."),
    Setting(
        "ssh_connect_timeout_s", "duration", "10", "SAYSO_SSH_CONNECT_TIMEOUT", "How long a host may take to answer."
    ),
    Setting(
        "ssh_transport",
        "choice",
        "paramiko",
        "SAYSO_SSH_TRANSPORT",
        "What makes SSH connections: sayso's own client (paramiko), or the system's ssh (openssh).",
        choices=("paramiko", "openssh"),
    ),
    Setting(
        "backup_limit_bytes", "size", "1 GiB", "SAYSO_BACKUP_LIMIT", "How much a host keeps of edited files, for undo."
    ),
    Setting(
        "connect_retries",
        "count",
        "1",
        "SAYSO_CONNECT_RETRIES",
        "How often a host that can't be reached is tried again.",
    ),
    Setting(
        "hosts_at_once",
        "count",
        str(HOSTS_AT_ONCE),
        "SAYSO_HOSTS_AT_ONCE",
        "The most hosts worked on at the same time.",
    ),
    Setting(
        "host_timeout_s",
        "duration",
        None,
        "SAYSO_HOST_TIMEOUT",
        "The longest that all steps on one host may take, in seconds.",
    ),
    Setting(
        "batches", "batches", "1,10%,100%", "SAYSO_BATCHES", "The batches in which a change goes over several hosts."
    ),
    Setting(
        "max_failures", "share", None, "SAYSO_MAX_FAILURES", "How many hosts may fail before no further one is begun."
    ),
    Setting(
        "pause",
        "choice",
        "never",
        "SAYSO_PAUSE",
        "Whether a person is asked between two batches.",
        choices=("never", "always"),
    ),
)
"""Every setting there is, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The values in force. `sources` says for each name where its value comes from."""

    model: Path | None
    inventory: tuple[Path, ...]
    timeout_s: float | None
    color: ColorChoice
    history: Path
    ssh_connect_timeout_s: float
    ssh_transport: TransportName
    backup_limit_bytes: float
    connect_retries: int
    hosts_at_once: int
    host_timeout_s: float | None
    batches: tuple[Share, ...]
    max_failures: Share | None
    pause: Literal["never", "always"]
    sources: Mapping[str, SettingSource]

    def described(self) -> tuple[tuple[str, str, str], ...]:
        """Return (name, value, where it comes from) of every setting, in their order."""
        origins = {setting.name: setting.variable for setting in SETTINGS}
        words = {"environment": "environment {}", "file": "file", "argument": "argument", "default": "default"}
        return tuple(
            (name, _shown(getattr(self, name)), words[self.sources[name]].format(origins[name])) for name in origins
        )


def load_settings(
    environment: Environment, arguments: Mapping[str, str | Sequence[str]] | None = None, *, file: Path | None = None
) -> Settings:
    """Return the settings of this run.

    `arguments` maps a setting's name to its text (or texts, for several) on the command line. `file` is read instead of the
    person's own one, and must then exist. A relative path in an argument or a variable is relative to
    the current folder, one in the file to the file's folder.

    Raises `SettingsError` for an unknown key, a value that doesn't fit, or a file that can't be used.
    """
    found: dict[str, tuple[SettingSource, Json, str]] = {}
    path = file or environment.paths.settings_file
    for name, value in _read_file(path, environment, is_named=file is not None).items():
        found[name] = ("file", value, f"`{name}` in {path}")
    for setting in SETTINGS:
        text = environment.variables.get(setting.variable)
        if text:
            found[setting.name] = ("environment", text, setting.variable)
    for name, given in (arguments or {}).items():
        found[name] = ("argument", given, f"the argument for `{name}`")
    _refuse_unknown(found, path)
    values: dict[str, SettingValue | None] = {}
    sources: dict[str, SettingSource] = {}
    for setting in SETTINGS:
        source, value, where = found.get(setting.name, ("default", setting.default, "the default"))
        folder = str(path.parent) if source == "file" else environment.directory
        values[setting.name] = None if value is None else _parse(setting, value, where, folder, environment.home)
        sources[setting.name] = source
    values["history"] = values["history"] or environment.paths.history_file
    values["inventory"] = values["inventory"] or ()
    return Settings(**values, sources=sources)  # type: ignore[arg-type]  # each parser gives its field's type


def _refuse_unknown(found: Mapping[str, object], path: Path) -> None:
    known = [setting.name for setting in SETTINGS]
    for name in found:
        if name not in known:
            raise SettingsError(
                f"There is no setting `{name}` (in {path}).", remedy=f"The settings are: {', '.join(known)}."
            )


def _read_file(path: Path, environment: Environment, *, is_named: bool) -> Mapping[str, Json]:
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            content = stream.read()
    except (FileNotFoundError, NotADirectoryError):
        if is_named:
            raise SettingsError(f"The settings file {path} doesn't exist.", remedy="Correct --config.") from None
        return {}
    except OSError as error:
        raise SettingsError(f"The settings file {path} can't be read: {error.strerror}.", remedy="See to it.") from None
    if environment.uid == ROOT_UID and (status.st_uid != ROOT_UID or status.st_mode & _WRITABLE_BY_OTHERS):
        raise SettingsError(
            f"The settings file {path} can be changed by others than root.",
            remedy=f"Make it root's (`chown root {path}`, `chmod 644 {path}`), or remove it.",
        )
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {path} is no TOML: {error}.", remedy="Correct that place.") from None


def _parse(setting: Setting, value: Json, where: str, folder: str, home: str) -> SettingValue:
    parsers: dict[SettingKind, Callable[[], SettingValue]] = {
        "path": lambda: _path(value, folder, home),
        "paths": lambda: _paths(value, folder, home),
        "duration": lambda: _amount(value, "duration"),
        "size": lambda: _amount(value, "size"),
        "choice": lambda: _choice(value, setting.choices),
        "count": lambda: _count(value),
        "batches": lambda: parse_batches(_as_text(value)),
        "share": lambda: Share.parse(_as_text(value)),
    }
    try:
        return parsers[setting.kind]()
    except ValueError as error:
        raise SettingsError(f"{where} can't be used: {error}.", remedy=setting.help) from None


def _path(value: Json, folder: str, home: str) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("it must be a path")
    if value == "~" or value.startswith("~/"):
        return Path(home, value[2:])
    return Path(os.path.normpath(Path(folder, value)))


def _paths(value: Json, folder: str, home: str) -> tuple[Path, ...]:
    """A list, or text with `:` between the paths as in PATH."""
    if isinstance(value, str):
        value = [one for one in value.split(os.pathsep) if one]
    if not isinstance(value, Sequence):
        raise ValueError("it must be a path or a list of paths")  # noqa: TRY004 - a file's content, not a caller's
    return tuple(_path(one, folder, home) for one in value)


def _amount(value: Json, kind: Literal["duration", "size"]) -> float:
    """A number in the setting's own unit, or text with a unit ("5 min", "64 MiB")."""
    from intents.types.base import ValueContext
    from intents.types.numbers import Duration, Size

    example = "30 or 5 min" if kind == "duration" else "16 MiB"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"it must be a {kind}, such as {example}")  # noqa: TRY004 - a file's content, not a caller's
    try:
        parsed = (Duration() if kind == "duration" else Size()).parse(
            str(value), ValueContext(now=datetime.now(UTC), directory="/", home="/")
        )
    except SaysoError:
        raise ValueError(f"`{value}` is no {kind}, such as {example}") from None
    if not isinstance(parsed, int | float) or parsed <= 0:
        raise ValueError("it must be more than 0")
    return parsed


def _choice(value: Json, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"it must be one of {', '.join(choices)}")
    return value


def _count(value: Json) -> int:
    text = _as_text(value)
    if not text.isdecimal() or int(text) > _LARGEST_COUNT:
        raise ValueError(f"`{text}` is no whole number from 0 to {_LARGEST_COUNT}")
    return int(text)


def _as_text(value: Json) -> str:
    """A number or a list in the file says the same as its text."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(str(one) for one in value)
    return str(value).strip()


def _shown(value: object) -> str:
    if value is None or value == ():
        return "not set"
    if isinstance(value, Share):
        return value.words
    if isinstance(value, tuple) and isinstance(value[0], Share):
        return ",".join(_shown(one) for one in value)
    return os.pathsep.join(str(one) for one in value) if isinstance(value, tuple) else str(value)
