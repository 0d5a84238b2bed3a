"""The temporary files of an edit: their names, and taking away what an edit that was cut off left of them."""

import hashlib
import secrets
from collections.abc import Sequence

from executors.file_state import FileHost, file_status, real_path
from executors.safe_directories import acts_as_root, refuse_shared_directories

CANDIDATE = ".sayso"
"""How the new content's name begins, beside the file."""
PART = ".part"
"""How a backup's name begins in its store until it is whole."""


def temporary_name(kind: str, path: str) -> str:
    """Return a name that nobody can foresee (128 random bits), and that tells which file it is for."""
    return f"{_beginning(kind, path)}{secrets.token_hex(16)}"


def _beginning(kind: str, path: str) -> str:
    return f"{kind}-{hashlib.sha256(path.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}-"


def remove_leftovers(host: FileHost, path: str, store: str, *, made_directory: bool) -> Sequence[str]:
    """Remove what edits of `path` left beside it and in the store of backups; return the names that were there.

    To be called with the file's lock held: an edit that still runs needs its own. An empty directory that the edit
    made goes as well. Raises `StepError`.
    """
    parent = path.rsplit("/", 1)[0] or "/"
    directory = real_path(host, parent).rstrip("/")
    actual = f"{directory}/{path.rsplit('/', 1)[1]}"
    if file_status(host, directory or "/").kind == "absent":
        return ()  # what the backup's store may hold of such a file is nothing: it was to be created
    if acts_as_root(host):
        refuse_shared_directories(host, path, links_may_lead_on=True)
        refuse_shared_directories(host, actual)
    found = [*_named(host, directory or "/", CANDIDATE, actual), *_named(host, store, PART, actual)]
    if found:
        host.run(("rm", "-f", "--", *found), doing="Removing what was left of an edit", is_final=True)
    if made_directory:
        host.run(("rmdir", "--", parent), doing="Removing the directory", ok=(0, 1), is_final=True)
    return found


def _named(host: FileHost, directory: str, kind: str, path: str) -> list[str]:
    pattern = f"{_beginning(kind, path)}*"
    words = ("find", directory, "-mindepth", "1", "-maxdepth", "1", "-type", "f", "-name", pattern, "-print0")
    said = host.run(words, doing="Looking for what was left of an edit", ok=(0, 1)).stdout  # 1: there is no store yet
    return said.decode("utf-8", "surrogateescape").split("\0")[:-1]
