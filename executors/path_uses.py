"""What an intent does with each path of its step: names it, looks at it, shows it, changes it, or sweeps all below it.

Read off the argument vector that would run, by the program's own grammar. In doubt a change sweeps
and a read shows: a program that no table knows is taken for the worst of its kind.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from intents.intent import Intent, Operation
from intents.template import render_template, render_word
from intents.values import Json

Use: TypeAlias = Literal["name", "look", "show", "create", "change", "sweep", "unmount"]
"""What becomes of the path.

`name`: it only stands in an option (an account's shell). `look`: its attributes are read. `show`: its
content is read or copied elsewhere. `create`: a directory is made where nothing is. `change`: the entry
itself is written, removed or gets other rights. `sweep`: so is what lies below. `unmount`: the file system goes.
"""

CHANGING: frozenset[Use] = frozenset(("create", "change", "sweep", "unmount"))

ATTRIBUTE_PROGRAMS = frozenset(
    "apk borg df dpkg dpkg-query du dumpe2fs file find findmnt getfacl ls lsattr lsblk lsof namei readlink realpath rpm sfdisk sha256sum md5sum sha1sum pacman"
    " sha512sum smartctl stat wipefs"
    " systemctl systemd-analyze test tree fuser wc".split()
)
"""Programs that, run by a read, tell of a path but not what is in it."""

NAMING_PROGRAMS = frozenset("useradd usermod adduser chsh".split())
"""Programs whose paths become a value somewhere (`--shell=/bin/bash`) and aren't written to."""

READING_PROGRAMS = frozenset({"pg_restore"})
"""Programs that only read the paths they are given, also where they change something else (a database)."""

SOURCES_FIRST = frozenset("cp install ln mount rsync scp".split())
"""Programs of which the last path is written, and those before it are read."""

ENTRY_PROGRAMS = frozenset(
    "rm rmdir chmod chown chgrp chattr setfacl setfattr touch truncate tee dd restorecon chcon pg_dump mysqldump".split()
)
"""Programs that act on the entry alone, unless told to recurse."""

_RECURSIVE = re.compile(r"-[A-Za-z]*[rRa][A-Za-z]*|--recursive|--archive|--delete.*|--remove-source-files")
"""Options that reach below a directory. `a` is cp's and rsync's; of the others none has it for something harmless."""

_EMBEDDED = re.compile(r"(?:--?[A-Za-z][\w-]*=|[a-z]+=|-[A-Za-z])(/.*)", re.DOTALL)
"""A path behind an option's name: `--shell=/bin/sh`, `of=/dev/sda`, `-C/srv`."""

_TARGET_OPTION = re.compile(r"(?:--target-directory=|-t)(/.*)", re.DOTALL)
_PROSE_TYPES = frozenset(("text", "regex", "glob"))


@dataclass(frozen=True, slots=True)
class PathUse:
    """One path as it stands in a step, and what becomes of it."""

    path: str
    use: Use


def uses_of(intent: Intent, values: Mapping[str, Json], *, facts: Mapping[str, str] | None = None) -> list[PathUse]:
    """Return every path of the step with what becomes of it, each pair once.

    Without `facts` the paths of every variant count. Raises `ValueRejected` for a value that no argument can hold.
    """
    if facts is None:
        operations = [intent.operation, *(variant.operation for variant in intent.variants)]
    else:
        operations = [intent.operation_for(facts)]
    return list(dict.fromkeys(use for operation in operations for use in _uses(intent, operation, values)))


def paths_given(intent: Intent, values: Mapping[str, Json]) -> list[str]:
    """Return the absolute paths among the arguments, each once: what a rule may compare, and a link may disguise."""
    found: dict[str, None] = {}
    for value in _without_prose(intent, values).values():
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(one, str) and one.startswith("/") and "\0" not in one:
                found[one] = None
    return list(found)


def vectors_of_change(intent: Intent, values: Mapping[str, Json], facts: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return the argument vector that changes the target, as a list of none or one."""
    operation = intent.operation_for(facts)
    command = operation.change or (operation.read.command if operation.read and intent.is_change else None)
    return [render_template(command.template, intent.parameters, values)] if command else []


def _uses(intent: Intent, operation: Operation, values: Mapping[str, Json]) -> Iterator[PathUse]:
    if operation.read is not None:
        # A text that somebody looks for may begin with a slash; in a read it is no path.
        known = values if intent.is_change else _without_prose(intent, values)
        vector = render_template(operation.read.command.template, intent.parameters, known)
        yield from uses_of_vector(vector, is_change=intent.is_change)
    if operation.change is not None:
        yield from uses_of_vector(render_template(operation.change.template, intent.parameters, values))
    if operation.edit is not None:
        path = "".join(render_word(operation.edit.path, intent.parameters, values)) + operation.edit.path_end
        if path.startswith("/"):
            yield PathUse(path, "change")
    if operation.playbook is not None:
        for word in operation.playbook.variables.values():
            text = "".join(render_word(word, intent.parameters, values))
            if text.startswith("/"):
                yield PathUse(text, "sweep")


def _without_prose(intent: Intent, values: Mapping[str, Json]) -> dict[str, Json]:
    return {
        name: value
        for name, value in values.items()
        if name not in intent.parameters or intent.parameters[name].type.name not in _PROSE_TYPES
    }


def uses_of_vector(argv: Sequence[str], *, is_change: bool = True) -> list[PathUse]:
    """Return the paths of an argument vector with what becomes of them. Pure.

    >>> uses_of_vector(["cp", "-a", "-T", "--", "/etc/hosts", "/srv/hosts"])
    [PathUse(path='/etc/hosts', use='show'), PathUse(path='/srv/hosts', use='sweep')]
    >>> uses_of_vector(["useradd", "--shell=/bin/zsh", "--", "ann"])
    [PathUse(path='/bin/zsh', use='name')]
    >>> uses_of_vector(["tail", "-n", "5", "--", "/var/log/syslog"], is_change=False)
    [PathUse(path='/var/log/syslog', use='show')]
    """
    program, words = posixpath.basename(argv[0]), argv[1:]
    if not is_change:
        return list(_of_read(program, words))
    if program in _GRAMMARS:
        return _GRAMMARS[program](words)
    if program in SOURCES_FIRST:
        return _of_copy(program, words)
    use: Use | None = "name" if program in NAMING_PROGRAMS else "show" if program in READING_PROGRAMS else None
    return [PathUse(path, use or _use_of_change(program, words)) for path in _paths(words)]


def _of_read(program: str, words: Sequence[str]) -> Iterator[PathUse]:
    for word in words:
        # Where backups lie and where their password is says nothing of what is in them.
        names = program in ATTRIBUTE_PROGRAMS or (program == "restic" and word.startswith("--"))
        yield from (PathUse(path, "look" if names else "show") for path in _paths([word]))


def _use_of_change(program: str, words: Sequence[str]) -> Use:
    if program == "mkdir":
        return "create"
    if program in {"umount", "fusermount"}:
        return "unmount"
    if program in ENTRY_PROGRAMS and not _is_recursive(words):
        return "change"
    return "sweep"


def _is_recursive(words: Sequence[str]) -> bool:
    options = words[: words.index("--")] if "--" in words else words
    return any(_RECURSIVE.fullmatch(word) for word in options)


def _of_copy(program: str, words: Sequence[str]) -> list[PathUse]:
    """A mount hides what lies below its directory, as if it were swept."""
    reach: Use = "sweep" if program == "mount" or _is_recursive(words) else "change"
    given = [match[1] for word in words if (match := _TARGET_OPTION.fullmatch(word))]
    plain = [word for word in words if word.startswith("/")]
    sources = plain if given else plain[:-1]
    targets = given or plain[-1:]
    source_use: Use = "sweep" if "--remove-source-files" in words else "name" if program in {"ln", "mount"} else "show"
    return [*(PathUse(path, source_use) for path in sources), *(PathUse(path, reach) for path in targets)]


def _of_dd(words: Sequence[str]) -> list[PathUse]:
    return [PathUse(path, "show" if word.startswith("if=") else "change") for word in words for path in _paths([word])]


def _of_restic(words: Sequence[str]) -> list[PathUse]:
    """What is backed up is read. In a repository restic makes and removes files of its own; the folder and others stay."""
    uses: list[PathUse] = []
    for word in words:
        option = word.partition("=")[0] if word.startswith("--") else ""
        known: dict[str, Use] = {"": "show", "--repo": "create", "--target": "sweep"}
        uses += [PathUse(path, known.get(option, "name")) for path in _paths([word])]
    return uses


def _of_tar(words: Sequence[str]) -> list[PathUse]:
    """An archive that is made is written and its members read; one that is unpacked is read, and its folder written.

    A member that is made of a relative name (behind `--`) lies in the `--directory` before it.
    """
    first = next(iter(words), "")
    is_made = "--create" in words or bool(re.fullmatch(r"-?[A-Za-z]*c[A-Za-z]*", first))
    members = words[words.index("--") + 1 :] if is_made and "--" in words else []
    uses: list[PathUse] = []
    directory = ""
    for place, word in enumerate(words):
        before = words[place - 1] if place else ""
        is_archive = word.startswith("--file=") or before == "--file" or bool(re.fullmatch(r"-?[A-Za-z]*f", before))
        is_directory = word.startswith("--directory=") or before in {"--directory", "-C"}
        for path in _paths([word]):
            directory = path if is_directory else directory
            if is_directory and members:
                continue
            is_written = is_archive if is_made else not is_archive
            reach: Use = "change" if is_archive else "sweep"
            uses.append(PathUse(path, reach if is_written else "show"))
    return [*uses, *(PathUse(posixpath.join(directory, name), "show") for name in members if not name.startswith("/"))]


def _of_zip(words: Sequence[str]) -> list[PathUse]:
    """The archive comes first, and is written; the others are read."""
    archive, *others = _paths(words)
    return [PathUse(archive, "change"), *(PathUse(path, "show") for path in others)]


def _of_unzip(words: Sequence[str]) -> list[PathUse]:
    """The archive comes first, and is read; what follows `-d` is written below."""
    archive, *others = _paths(words)
    return [PathUse(archive, "show"), *(PathUse(path, "sweep") for path in others)]


_GRAMMARS: Mapping[str, Callable[[Sequence[str]], list[PathUse]]] = {
    "dd": _of_dd,
    "restic": _of_restic,
    "tar": _of_tar,
    "unzip": _of_unzip,
    "zip": _of_zip,
}
"""Programs that say in a word what becomes of its path."""


def _paths(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        if word.startswith("/"):
            yield word
        elif match := _EMBEDDED.fullmatch(word):
            yield match[1]
