"""The entry `protected` of policy files: what else must never be taken away on any host.

protected: {paths: [/srv/ledger], units: [postgresql.service], accounts: [deploy]}
"""

from collections.abc import Mapping
from pathlib import Path

from executors.policy_file import PROTECTED, SUFFIXES
from executors.protected import Protected
from executors.trusted_files import bad_file, list_files, read_trusted
from intents.errors import CatalogueError
from intents.pack_file import parse_pack
from intents.values import Json

_KEYS = ("paths", "units", "accounts")


def load_protected(folder: Path, *, must_be_root: bool | None) -> Protected:
    """Return what the files of a policy folder protect besides what always is.

    Raises `PolicyError` for an entry that can't be read or trusted.
    """
    found: dict[str, list[str]] = {key: [] for key in _KEYS}
    for path in list_files(folder, SUFFIXES, must_be_root=must_be_root):
        try:
            entry = parse_pack(read_trusted(path, must_be_root=must_be_root), str(path)).entries.get(PROTECTED)
        except CatalogueError as error:
            raise bad_file(path, f"can't be read ({error})") from None
        if entry is None:
            continue
        for key, words in _checked(path, entry).items():
            found[key] += words
    return Protected(paths=tuple(found["paths"]), units=tuple(found["units"]), accounts=tuple(found["accounts"]))


def _checked(path: Path, entry: Json) -> dict[str, list[str]]:
    if not isinstance(entry, Mapping) or set(entry) - set(_KEYS):
        raise bad_file(path, f"has a `{PROTECTED}` that is no mapping with {', '.join(_KEYS)}")
    checked: dict[str, list[str]] = {}
    for key, words in entry.items():
        if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
            raise bad_file(path, f"has `{PROTECTED}.{key}`, which is no list of words")
        checked[key] = [str(word) for word in words]
    if any(not word.startswith("/") for word in checked.get("paths", [])):
        raise bad_file(path, f"has a path in `{PROTECTED}` that doesn't begin with /")
    return checked
