"""The folders `group_vars` and `host_vars` beside an inventory, read when a host's variables are first asked for."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from executors.inventory_data import Variable, Variables
from executors.inventory_yaml import variables_in
from intents.errors import TargetError

Kind: TypeAlias = Literal["group_vars", "host_vars"]

EXTENSIONS = ("", ".yml", ".yaml", ".json")
"""Of files for the same name the first that is there counts, so that a folder goes before `NAME.yml`."""
FOLDER_DEPTH = 16


class VariableFolders:
    """What the files beside several inventories say; a later inventory's win."""

    def __init__(self, folders: Iterable[Path], read_text: Callable[[Path], str]) -> None:
        """Take the folders in which the inventories lie, and how a file is read."""
        once = tuple(dict.fromkeys(folders))
        self._places: dict[Kind, tuple[Path, ...]] = {
            kind: tuple(folder / kind for folder in once) for kind in ("group_vars", "host_vars")
        }
        self._read_text = read_text
        self._listed: dict[Path, frozenset[str]] = {}
        self._read: dict[Path, Variables | None] = {}

    def of_groups(self, names: Sequence[str]) -> Variables:
        """Return the variables of groups, the later of `names` winning within one folder. Raises `TargetError`."""
        return self._merged("group_vars", names)

    def of_host(self, name: str) -> Variables:
        """Return the variables of a host. Raises `TargetError`."""
        return self._merged("host_vars", (name,))

    def encrypted_files(self, groups: Sequence[str], host: str) -> tuple[Path, ...]:
        """Return the files for a host that ansible-vault encrypted as a whole, so that nothing of them is known."""
        wanted: tuple[tuple[Kind, Sequence[str]], ...] = (("group_vars", groups), ("host_vars", (host,)))
        return tuple(
            file
            for kind, names in wanted
            for folder in self._places[kind]
            for name in names
            for file in self._files(folder, name)
            if self._variables(file) is None
        )

    def _merged(self, kind: Kind, names: Sequence[str]) -> Variables:
        merged: Variables = {}
        for folder in self._places[kind]:
            for name in names:
                for file in self._files(folder, name):
                    merged.update(self._variables(file) or {})
        return merged

    def _files(self, folder: Path, name: str) -> tuple[Path, ...]:
        present = self._names_in(folder)
        if not present or "/" in name or not name.strip("."):
            return ()
        found = next((name + extension for extension in EXTENSIONS if name + extension in present), None)
        if found is None:
            return ()
        path = folder / found
        return tuple(_files_below(path, 0)) if path.is_dir() else (path,)

    def _names_in(self, folder: Path) -> frozenset[str]:
        if folder not in self._listed:
            try:
                self._listed[folder] = frozenset(path.name for path in folder.iterdir())
            except (FileNotFoundError, NotADirectoryError):
                self._listed[folder] = frozenset()
            except OSError as error:
                raise _bad_file(folder, f"can't be read ({error.strerror})") from error
        return self._listed[folder]

    def _variables(self, file: Path) -> Variables | None:
        """None for a file that is encrypted as a whole."""
        if file not in self._read:
            try:
                found = variables_in(self._read_text(file))
            except ValueError as error:
                raise _bad_file(file, str(error)) from error
            self._read[file] = None if found is None else {name: Variable(one, file) for name, one in found.items()}
        return self._read[file]


def _files_below(folder: Path, depth: int) -> Iterable[Path]:
    """In the order of names: no hidden ones and no backups; folders without an extension are gone into."""
    if depth > FOLDER_DEPTH:
        raise _bad_file(folder, "is nested too deeply")
    for path in sorted(folder.iterdir(), key=lambda one: one.name):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir():
            yield from _files_below(path, depth + 1) if not path.suffix else ()
        elif path.is_file() and path.suffix in EXTENSIONS:
            yield path


def _bad_file(path: Path, what: str) -> TargetError:
    return TargetError(
        f"The variables {path} {what}.", remedy="Give a YAML or JSON mapping of names to values.", host=""
    )
