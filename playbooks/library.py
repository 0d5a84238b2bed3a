"""The playbooks that intents may name: `playbooks/<name>/playbook.yml` and, beside it, `meta.yml`.

Read and checked here; run elsewhere. `meta.yml` says what a playbook takes:

    summary: Limit the disk space that the systemd journal takes
    variables:
      max_bytes: {required: true, description: ...}
      directory: {required: false, default: /etc/..., description: ...}
    guarded_files: [/etc/ssh/sshd_config.d/00-sayso-hardening.conf]
    imports: [chrony]

`guarded_files` (of root's) are put back by the rollback that is armed before a playbook that can cut off access;
`imports` are the playbooks whose files it uses as well.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PLAYBOOKS = Path(__file__).resolve().parent
"""The folder of our playbooks."""

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_ABSOLUTE = re.compile(r"/[^\0]+\Z")
_META_KEYS = frozenset(("summary", "variables", "guarded_files", "imports"))
_RESERVED_PREFIX = "ansible_"
"""Variables that begin so decide how Ansible connects and what it runs."""


class PlaybookError(Exception):
    """A playbook isn't there, isn't complete, or isn't given what it takes."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a playbook; one that isn't required has a default."""

    name: str
    required: bool
    default: str | None
    description: str


@dataclass(frozen=True, slots=True)
class Playbook:
    """A playbook of ours: `path` is its YAML file, `sha256` covers every file of its folder and of what it imports."""

    name: str
    path: Path
    summary: str
    variables: Mapping[str, Variable]
    sha256: str
    guarded_files: tuple[str, ...] = ()
    """What a rollback puts back where the playbook has cut off access: absolute paths."""

    def complete(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the value of each variable, the defaults filled in.

        Raises `PlaybookError` for a variable that is missing, or that it doesn't have.
        """
        unknown = sorted(set(given) - set(self.variables))
        if unknown:
            raise PlaybookError(f"the playbook `{self.name}` has no variable `{unknown[0]}`")
        values: dict[str, str] = {}
        for name, variable in self.variables.items():
            value = given.get(name, variable.default)
            if value is None:
                raise PlaybookError(f"the playbook `{self.name}` needs a value for `{name}`")
            values[name] = value
        return values


def playbook_names() -> tuple[str, ...]:
    """Return the names of all playbooks, sorted.

    >>> "limit_journal" in playbook_names()
    True
    """
    return tuple(sorted(path.parent.name for path in PLAYBOOKS.glob("*/playbook.yml")))


def find_playbook(name: str) -> Playbook:
    """Return the playbook called `name`.

    >>> find_playbook("limit_journal").variables["max_bytes"].required
    True

    Raises `PlaybookError` when there is none, or when one of its two files doesn't say what it must.
    """
    folder = PLAYBOOKS / name
    if not _NAME.match(name) or not (folder / "playbook.yml").is_file():
        raise PlaybookError(f"there is no playbook `{name}`")
    meta = _mapping(_read_yaml(folder / "meta.yml"), folder / "meta.yml")
    summary = meta.get("summary")
    if set(meta) - _META_KEYS or not isinstance(summary, str) or not summary:
        raise PlaybookError(
            f"{folder / 'meta.yml'}: it has a `summary` (text), `variables`, `guarded_files`, `imports`, and nothing else"
        )
    variables = _mapping(meta.get("variables", {}), folder / "meta.yml")
    path = folder / "playbook.yml"
    if not isinstance(_read_yaml(path), list):
        raise PlaybookError(f"{path}: a playbook is a list of plays")
    known = {name: _variable(name, entry, folder / "meta.yml") for name, entry in variables.items()}
    guarded = _texts(meta.get("guarded_files", []), _ABSOLUTE, folder / "meta.yml")
    folders = [PLAYBOOKS / one for one in _texts(meta.get("imports", []), _NAME, folder / "meta.yml")]
    missing = next((one for one in folders if not one.is_dir()), None)
    if missing is not None:
        raise PlaybookError(f"{folder / 'meta.yml'}: there is no playbook `{missing.name}` to import")
    return Playbook(name, path, summary, known, _hash_of([folder, *folders]), guarded)


def _variable(name: str, entry: object, where: Path) -> Variable:
    if not _NAME.match(name) or name.startswith(_RESERVED_PREFIX):
        raise PlaybookError(f"{where}: `{name}` can't be the name of a variable")
    known = _mapping(entry, where)
    required, default, description = known.get("required"), known.get("default"), known.get("description")
    is_complete = set(known) <= {"required", "default", "description"} and isinstance(description, str)
    is_default_right = default is None if required is True else isinstance(default, str) and required is False
    if not is_complete or not is_default_right:
        raise PlaybookError(
            f"{where}: `{name}` has a `description`, and either `required: true` or `required: false` with a `default`"
            " (text)"
        )
    return Variable(name, required is True, str(default) if default is not None else None, str(description))


def _read_yaml(path: Path) -> object:
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise PlaybookError(f"{path}: it can't be read: {error}") from error


def _mapping(value: object, where: Path) -> dict[str, object]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise PlaybookError(f"{where}: names with what they stand for are expected here")
    return value


def _texts(value: object, form: re.Pattern[str], where: Path) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and form.match(one) for one in value):
        raise PlaybookError(f"{where}: `guarded_files` are absolute paths, `imports` names of playbooks")
    return tuple(value)


def _hash_of(folders: Sequence[Path]) -> str:
    """SHA-256 (hex) over the relative path, the length and the content of each file."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()
