"""Reads the sources of an inventory: files and folders, in Ansible's order; those that run something only when trusted.

A source that is text is read here. One that is a program, or names a plugin of Ansible, makes
something run: it goes through Ansible itself, and only if its content was trusted.
"""

import os
import stat
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from executors.inventory_data import InventoryData
from executors.inventory_ini import read_ini
from executors.inventory_vars import VariableFolders
from executors.inventory_yaml import NotYamlError, parse_yaml, read_toml, read_yaml
from executors.ssh_errors import shown
from intents.errors import TargetError

TrustState: TypeAlias = Literal["own", "trusted", "changed", "unknown"]
"""`own`: a file of the person's or the system's own configuration of sayso; the others by what was pinned."""

IGNORED_NAMES = frozenset({"host_vars", "group_vars", "vars_plugins"})
IGNORED_ENDINGS = (
    ".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry",
)  # fmt: skip
"""In a folder, files with these endings are no inventories (ansible-core 2.19, INVENTORY_IGNORE_EXTS)."""
YAML_ENDINGS = frozenset({"", ".yml", ".yaml", ".json"})
FOLDER_DEPTH = 16
SIZE_LIMIT_BYTES = 64 * 1024 * 1024
_WRITABLE_BY_OTHERS = 0o022


class SourceTrust(Protocol):
    """What a person has said about files that can make something run."""

    def state(self, path: Path) -> TrustState:
        """Return what is to be thought of the content that `path` has now."""
        ...


class NoTrust:
    """Nothing is trusted."""

    def state(self, _path: Path) -> TrustState:
        """Return `unknown`."""
        return "unknown"


def require_trust(path: Path, trust: SourceTrust, what: str, *, otherwise: str, host: str = "") -> None:
    """Raise `TargetError` unless `path` may make something run; `what` says how, `otherwise` what to do instead."""
    state = trust.state(path)
    if state in {"own", "trusted"}:
        return
    told = f"{path} has changed since it was trusted, and {what}." if state == "changed" else f"{path} {what}."
    raise TargetError(told, remedy=f"Look at it, then `sayso hosts trust {path}`; or {otherwise}.", host=host)


def read_sources(paths: Sequence[Path], trust: SourceTrust) -> tuple[InventoryData, VariableFolders]:
    """Return what the sources say, not settled yet, and the folders of variables beside them.

    Raises `TargetError` for a file that can't be read, isn't an inventory, could be written by
    others, or would make something run and isn't trusted.
    """
    data = InventoryData()
    for path in paths:
        _read(data, path, trust, 0)
    return data, VariableFolders((path if path.is_dir() else path.parent for path in paths), read_own_text)


def source_files(path: Path, depth: int = 0) -> tuple[Path, ...]:
    """Return every file that belongs to a source: itself, or all in a folder, with those of variables.

    Raises `TargetError` for a folder that can't be read.
    """
    if not path.is_dir():
        return (path,)
    if depth > FOLDER_DEPTH:
        raise bad_source(path, "is nested too deeply")
    try:
        inner = sorted(one for one in path.iterdir() if not one.name.startswith("."))
    except OSError as error:
        raise bad_source(path, f"can't be read ({error.strerror})") from error
    return tuple(file for one in inner for file in source_files(one, depth + 1))


def _read(data: InventoryData, path: Path, trust: SourceTrust, depth: int) -> None:
    if not path.is_dir():
        _read_file(data, path, trust)
        return
    if depth > FOLDER_DEPTH:
        raise bad_source(path, "is nested too deeply")
    try:
        names = sorted(os.listdir(path))  # noqa: PTH208 - the order is that of the names, as Ansible has it
    except OSError as error:
        raise bad_source(path, f"can't be read ({error.strerror})") from error
    for name in names:
        if not (name.startswith(".") or name in IGNORED_NAMES or name.endswith(IGNORED_ENDINGS)):
            _read(data, path / name, trust, depth + 1)


def _read_file(data: InventoryData, path: Path, trust: SourceTrust) -> None:
    text = read_own_text(path)
    try:
        if os.access(path, os.X_OK) and path.stat().st_mode & 0o111:
            require_trust(path, trust, "is executable, so Ansible would run it as a script", otherwise="`chmod a-x` it")
            _read_dynamic(data, path, "script")
        elif path.suffix == ".toml":
            read_toml(data, path, tomllib.loads(text))
        elif not _read_as_yaml(data, path, text, trust):
            read_ini(data, path, text)
    except ValueError as error:
        raise bad_source(path, shown(error)) from error


def _read_as_yaml(data: InventoryData, path: Path, text: str, trust: SourceTrust) -> bool:
    """Read a file as YAML; False when it should rather be INI: by its name, or because it is no YAML inventory."""
    if path.suffix not in YAML_ENDINGS or (not path.suffix and text.lstrip()[:1] == "["):
        return False
    try:
        document = parse_yaml(text)
    except NotYamlError as error:
        return _rather_ini(data, path, text, error)
    if document is None:
        return True
    if not isinstance(document, dict):
        return _rather_ini(data, path, text, NotYamlError("has something else than a mapping at its top"))
    if document.get("plugin"):
        what = f"names the inventory plugin {shown(document['plugin'])}, which runs"
        require_trust(path, trust, what, otherwise="write the hosts down")
        _read_dynamic(data, path, "auto")
    else:
        read_yaml(data, path, document)
    return True


def _rather_ini(data: InventoryData, path: Path, text: str, error: NotYamlError) -> bool:
    """INI in a file that is called YAML is read, as Ansible does; if it isn't INI either, the fault of the YAML counts."""
    if not path.suffix:
        return False
    try:
        read_ini(InventoryData(), path, text)
    except ValueError:
        raise error from None
    read_ini(data, path, text)
    return True


def _read_dynamic(data: InventoryData, path: Path, plugin: Literal["script", "auto"]) -> None:
    from executors.inventory_ansible import read_dynamic

    read_dynamic(data, path, plugin=plugin)


def read_own_text(path: Path) -> str:
    """Return the text of a file that nobody else may write (root: that is root's). Raises `TargetError`."""
    try:
        with path.open("rb") as stream:
            _require_own(os.fstat(stream.fileno()), path)
            content = stream.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise bad_source(path, f"can't be read ({error.strerror})") from error
    if len(content) > SIZE_LIMIT_BYTES:
        raise bad_source(path, f"is larger than {SIZE_LIMIT_BYTES // 1024 // 1024} MiB")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise bad_source(path, "is not UTF-8 text") from None


def _require_own(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise bad_source(path, "is not a regular file")
    owners = {0, os.geteuid()}
    if status.st_uid not in owners or status.st_mode & _WRITABLE_BY_OTHERS:
        owner = "root's" if os.geteuid() == 0 else "yours or root's"
        raise TargetError(
            f"The inventory {path} isn't {owner}, or can be written by others.",
            remedy="Make it your own (`chown`), and `chmod go-w` it: who writes it decides where you log in.",
            host="",
        )


def bad_source(path: Path, what: str) -> TargetError:
    """Return the error for a source that can't be used."""
    return TargetError(
        f"The inventory {path} {what}.", remedy="Give an inventory that Ansible reads: INI, YAML, or a folder.", host=""
    )
