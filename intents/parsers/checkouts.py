"""What git writes for programs: porcelain v2, refs, decorated commits, remotes."""

import re
from collections.abc import Iterator, Mapping, Sequence

from intents.parsers.conversion import decode, lines_of, rows_of, unexpected
from intents.parsers.generic import nul_fields
from intents.values import Column, Json, Row

_KINDS: Mapping[str, str] = {
    "M": "modified", "T": "modified", "A": "added", "D": "deleted", "R": "renamed", "C": "added",
}  # fmt: skip
_ORDINARY = re.compile(r"1 (?P<states>..) (?:\S+ ){6}(?P<path>.*)\Z", re.DOTALL)
_RENAMED = re.compile(r"2 (?P<states>..) (?:\S+ ){7}(?P<path>.*)\Z", re.DOTALL)
_UNMERGED = re.compile(r"u (?:\S+ ){9}(?P<path>.*)\Z", re.DOTALL)
_DETACHED = "(detached)"
_REF_FIELDS = 6
_PLACE_FIELDS = 3


def parse_git_status(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `git status --porcelain=v2 --branch -z` to a row of the branch and one of each file that differs."""
    if not output:
        return []
    headers, files = _porcelain(output)
    upstream = headers.get("branch.upstream")
    standing = "follows no remote branch"
    if upstream:
        ahead, behind = _ahead_behind(headers)
        standing = f"{ahead} ahead of and {behind} behind {upstream}" if ahead is not None else f"{upstream} is gone"
    branch: dict[str, Json] = {"what": "branch", "name": headers.get("branch.head"), "detail": standing}
    return rows_of([branch, *files], columns)


def parse_git_standing(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the same to one row: `branch`, `commit`, `upstream`, `ahead`, `behind` and the number of `changes`."""
    if not output:
        return []
    headers, files = _porcelain(output)
    ahead, behind = _ahead_behind(headers)
    record: dict[str, Json] = {
        "branch": headers.get("branch.head"),
        "commit": headers.get("branch.oid"),
        "upstream": headers.get("branch.upstream"),
        "ahead": ahead,
        "behind": behind,
        "changes": len(files),
    }
    return rows_of([record], columns)


def _porcelain(output: bytes) -> tuple[dict[str, str], list[dict[str, Json]]]:
    """git-status(1), "Porcelain Format Version 2" with -z: of a renamed file the old path is an entry of its own."""
    headers: dict[str, str] = {}
    files: list[dict[str, Json]] = []
    entries = iter([entry for (entry,) in nul_fields(output, 1, "F:git_status")])
    for entry in entries:
        if entry.startswith("# "):
            name, _, value = entry.removeprefix("# ").partition(" ")
            headers[name] = value
        elif not entry.startswith("! "):
            files.append(_changed(entry, entries))
    if "branch.head" not in headers:
        raise unexpected("F:git_status", "the branch", decode(output))
    return headers, files


def _changed(entry: str, entries: Iterator[str]) -> dict[str, Json]:
    if entry.startswith("? "):
        return {"what": "untracked", "name": entry.removeprefix("? ")}
    if match := _UNMERGED.match(entry):
        return {"what": "conflict", "name": match["path"]}
    match = _ORDINARY.match(entry) or _RENAMED.match(entry)
    if match is None:
        raise unexpected("F:git_status", "an entry of the porcelain format", entry)
    staged, unstaged = match["states"][0], match["states"][1]
    what = _KINDS.get(staged if staged != "." else unstaged, "modified")
    detail = "not staged" if staged == "." else "staged" if unstaged == "." else "staged, and changed since"
    old = next(entries, None) if entry.startswith("2 ") else None
    return {"what": what, "name": match["path"], "detail": f"{detail}, from {old}" if old is not None else detail}


def _ahead_behind(headers: Mapping[str, str]) -> tuple[int | None, int | None]:
    match = re.fullmatch(r"\+([0-9]+) -([0-9]+)", headers.get("branch.ab", ""))
    return (int(match[1]), int(match[2])) if match else (None, None)


_REF_KINDS: Mapping[str, str] = {"refs/heads/": "branch", "refs/remotes/": "remote", "refs/tags/": "tag"}


def parse_git_refs(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `git for-each-ref` with refname, objectname, upstream, track, date and HEAD between NULs, a ref in a line."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        fields = line.split("\0")
        prefix = next((prefix for prefix in _REF_KINDS if line.startswith(prefix)), None)
        if len(fields) != _REF_FIELDS or prefix is None:
            raise unexpected("F:git_refs", f"{_REF_FIELDS} fields of a ref", line)
        name, commit, upstream, track, time, head = fields
        records.append({
            "kind": _REF_KINDS[prefix], "name": name.removeprefix(prefix), "commit": commit, "upstream": upstream or None,
            "standing": track.strip("[]") or None, "time": time, "current": head == "*",
        })  # fmt: skip
    return rows_of(records, columns)


def parse_git_place(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `git log --no-walk` of HEAD and a wanted commit (hash, decorations, subject) to one row of HEAD.

    git writes a commit that is named twice once: then HEAD is `there`.
    """
    commits = nul_fields(output, _PLACE_FIELDS, "F:git_place")
    if not commits:
        return []
    commit, decorations, subject = commits[0]
    record: dict[str, Json] = {
        "commit": commit,
        "subject": subject,
        "branch": _branch_of(decorations.split(", ")),
        "there": len(commits) == 1,
    }
    return rows_of([record], columns)


def _branch_of(decorations: Sequence[str]) -> str:
    return next((one.removeprefix("HEAD -> ") for one in decorations if one.startswith("HEAD -> ")), _DETACHED)


_REMOTE = re.compile(r"(?P<name>\S+)\t(?P<url>.*) \((?P<direction>fetch|push)\)(?: \[.*\])?\Z")
_USER_INFO = re.compile(r"(?P<scheme>https?://(?=[^/@]*@)|[a-z+]+://(?=[^/@]*:[^/@]*@))[^/@]*@")
"""A token may stand where the user's name does in HTTP; the name in `ssh://git@host` is no secret."""


def parse_git_remotes(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `git remote --verbose` to `name`, `url` and `direction`; a password in the address is left out."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = _REMOTE.match(line)
        if match is None:
            raise unexpected("F:git_remotes", "a name, a tab, an address and what for", line)
        records.append({**match.groupdict(), "url": _USER_INFO.sub(r"\g<scheme>***@", match["url"])})
    return rows_of(records, columns)
