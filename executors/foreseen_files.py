"""What the files of one host will be once the steps planned so far have run: nothing is written, nothing is read.

The steps' argument vectors are read by the programs' own grammar, as `executors.path_uses` does. A path that no step
touches stays what it is. What a program leaves that no rule here knows is unknown, and said to be.
"""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from executors.file_state import shown_path
from executors.path_uses import CHANGING, uses_of_vector
from executors.plan import EditStep, RunStep
from executors.transport import Login
from intents.errors import PlanError
from intents.values import Row

_KINDS: Mapping[str, str] = {
    "file": "regular file",
    "f": "regular file",
    "directory": "directory",
    "d": "directory",
    "link": "symbolic link",
    "l": "symbolic link",
}
"""Our words and find's letters -> the words of `stat %F`."""
_RAW_KINDS = {"regular file": 0o100000, "directory": 0o040000, "symbolic link": 0o120000}
_TIMES = ("X", "x", "Y", "y", "Z", "z", "W", "w", "i")
"""What is another for a file that is written anew: its times and its inode."""
_RIGHTS_PROGRAMS = frozenset(("setfacl", "setfattr", "restorecon", "chcon"))
_NEW_FILE_MODE = 0o644


class NotForeseenError(PlanError):
    """A step depends on what an earlier one of its plan leaves, and that can't be told beforehand."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"What {shown_path(path)} will be once an earlier step of this plan has run can't be told beforehand.",
            remedy="Ask for the steps up to that one first, and for the rest when they are done.",
        )


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What will be at a path: what lies at `origin` now (None: something that isn't there yet), but for `fixed`."""

    origin: str | None = None
    fixed: Mapping[str, str | None] = field(default_factory=dict)
    """stat(1) directive -> its text (`{"a": "600", "F": "directory"}`); None where nobody knows it yet."""
    content: bytes | None = None
    """The content of a file that is written by an earlier step, where it is known."""
    is_opaque: bool = False
    """Whether nobody knows what lies below it, nor what is in it."""

    @property
    def kind(self) -> str | None:
        """The words of `stat %F`, where they are known without looking."""
        return self.fixed.get("F")

    @property
    def is_as_at_origin(self) -> bool:
        """Whether a program would find here exactly what it finds at the origin now."""
        return self.origin is not None and not self.fixed and self.content is None and not self.is_opaque

    def value(self, directive: str) -> str | None:
        """Return what stat(1) will print for a directive; None where nobody knows it. Only for what is fixed or new."""
        if directive != "f" or self.fixed.get("f") is not None:
            return self.fixed.get(directive)
        mode = self.fixed.get("a") or ("755" if self.kind == "directory" else "644")
        return f"{_RAW_KINDS.get(self.kind or '', 0o100000) | int(mode, 8):x}"


@dataclass(slots=True)
class FileForecast:
    """The paths that the planned steps touch, each with what will be there; None where nothing will be."""

    login: Login
    _entries: dict[str, Foreseen | None] = field(default_factory=dict)
    _attributes: dict[str, dict[str, bool]] = field(default_factory=dict)

    def at(self, path: str) -> Foreseen | None:
        """Return what will be at an absolute path; None where nothing will be.

        A path that no step touches has itself as origin, whether it is there or not. Raises `NotForeseenError`.
        """
        path = posixpath.normpath(path)
        if path in self._entries:
            return self._entries[path]
        ancestor = posixpath.dirname(path)
        while ancestor not in self._entries and ancestor != "/":
            ancestor = posixpath.dirname(ancestor)
        if ancestor not in self._entries:
            return Foreseen(path)
        above = self._entries[ancestor]
        if above is None:
            return None
        if above.is_opaque or above.kind == "symbolic link":
            raise NotForeseenError(path)
        if above.origin is None:
            return None  # a new directory is empty
        return Foreseen(posixpath.join(above.origin, posixpath.relpath(path, ancestor)))

    def is_touched(self, path: str) -> bool:
        """Whether something else will be at the path than what is there now."""
        return self.at(path) != Foreseen(posixpath.normpath(path))

    def names_below(self, path: str) -> dict[str, bool]:
        """Return name -> whether it will be there, of the entries of a directory that a step makes or takes away."""
        path = posixpath.normpath(path)
        return {
            posixpath.basename(one): entry is not None
            for one, entry in self._entries.items()
            if posixpath.dirname(one) == path and one != "/"
        }

    def is_touched_below(self, path: str) -> bool:
        """Whether a step touches something below the path."""
        return any(_is_below(one, posixpath.normpath(path)) for one in self._entries)

    def attributes(self, path: str) -> Mapping[str, bool]:
        """Return letter -> whether it will be set, of the attributes (lsattr) that a step sets or clears."""
        return self._attributes.get(posixpath.normpath(path), {})

    def take_edit(self, step: EditStep, content: bytes | None) -> None:
        """Take what an edit leads to. `content` is what the file will hold, None where nobody knows it."""
        path = posixpath.normpath(step.path)
        if step.is_deletion:
            self._remove(path)
            if step.makes_directory:
                self._remove(posixpath.dirname(path))
            return
        if step.makes_directory:
            self._entries[posixpath.dirname(path)] = self._made("directory", step.as_user, mode=0o755)
        size = None if content is None else str(len(content))
        if step.before_sha256 is None:
            mode = None if step.restores else (_NEW_FILE_MODE if step.mode is None else step.mode)
            made = self._made("regular file", step.as_user, mode=mode, size=size)
            self._entries[path] = replace(made, content=content)
            return
        before = self.at(path) or Foreseen(path)
        fixed = {**before.fixed, **dict.fromkeys(_TIMES), "s": size}
        self._entries[path] = replace(before, fixed=fixed, content=content, is_opaque=content is None)

    def take_command(self, step: RunStep, after: Row, *, is_gone: bool) -> None:
        """Take what a command leads to: by its program's rule, else by the predicted state after it.

        `is_gone`: the command promises that what it is about is gone.
        """
        program, words = posixpath.basename(step.argv[0]), list(step.argv[1:])
        operands = words[words.index("--") + 1 :] if "--" in words else []
        options = words[: words.index("--")] if "--" in words else words
        if (
            operands
            and all(one.startswith("/") for one in operands)
            and self._by_rule(program, options, operands, step)
        ):
            return
        changed = list(dict.fromkeys(use.path for use in uses_of_vector(step.argv) if use.use in CHANGING))
        for path in map(posixpath.normpath, changed):
            self._remove(path)
            kind = _KINDS.get(str(after.get("kind")))
            if is_gone and len(changed) == 1:
                continue
            known: dict[str, str | None] = {} if kind is None or len(changed) > 1 else {"F": kind}
            self._entries[path] = Foreseen(fixed=known, is_opaque=True)

    # -- the programs whose effect is known

    def _by_rule(self, program: str, options: Sequence[str], operands: Sequence[str], step: RunStep) -> bool:
        """Take the effect of a program that is known by name; return whether it is."""
        *_, last = paths = [posixpath.normpath(one) for one in operands]
        if program in {"rm", "rmdir"}:
            for path in paths:
                self._remove(path)
        elif program == "mkdir" and "-m" in options:
            mode = int(options[options.index("-m") + 1], 8)
            self._entries[last] = self._made("directory", step.as_user, mode=mode)
        elif program == "touch":
            self._entries[last] = replace(self._made("regular file", step.as_user, size="0"), content=b"")
        elif program == "mv" and "-T" in options:
            self._move(paths[0], last)
        elif program == "cp" and "-T" in options and "--no-clobber" in options:
            source = self.at(paths[0])
            self._entries[last] = None if source is None else replace(source, fixed={**source.fixed, "i": None})
        elif program == "ln" and "-s" in options:
            fixed = {**self._made("symbolic link", step.as_user).fixed, "l": operands[0]}
            self._entries[last] = Foreseen(fixed=fixed)
        elif program in {"chmod", "chown", "chgrp", "chattr", "truncate"} | _RIGHTS_PROGRAMS:
            for path in paths:
                self._change(program, options, path)
        else:
            return False
        return True

    def _change(self, program: str, options: Sequence[str], path: str) -> None:
        if program == "chattr":
            for word in options:
                if word[:1] in {"+", "-"}:
                    flags = dict.fromkeys(word[1:], word.startswith("+"))
                    self._attributes.setdefault(path, {}).update(flags)
            return
        before = self.at(path)
        if before is None:
            return
        fixed = dict(before.fixed)
        content = before.content
        if program == "chmod":
            fixed["a"] = f"{int(options[-1], 8):o}"
        elif program == "truncate":
            fixed |= {**dict.fromkeys(_TIMES), "s": "0"}
            content = b""
        else:
            fixed |= {"a": None, "U": None, "G": None, "u": None, "g": None}
        fixed.pop("f", None)
        self._entries[path] = replace(before, fixed=fixed, content=content)

    def _move(self, source: str, target: str) -> None:
        moved = self.at(source)
        below = {one: entry for one, entry in self._entries.items() if _is_below(one, source)}
        self._remove(source)
        self._remove(target)
        self._entries[target] = moved
        for one, entry in below.items():
            self._entries[posixpath.join(target, posixpath.relpath(one, source))] = entry

    def _remove(self, path: str) -> None:
        for below in [one for one in self._entries if _is_below(one, path)]:
            del self._entries[below]
        self._entries[path] = None

    def _made(self, kind: str, as_user: str | None, *, mode: int | None = None, size: str | None = None) -> Foreseen:
        """Return something new; its group depends on its directory, and without `mode` its rights on the umask."""
        uid = self.login.uid if as_user is None else 0 if as_user == "root" else None
        return Foreseen(
            fixed={
                "F": kind,
                "a": None if mode is None else f"{mode:o}",
                "s": size,
                "U": self.login.user if as_user is None else as_user,
                "u": None if uid is None else str(uid),
                "h": "1",
            }
        )


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")
