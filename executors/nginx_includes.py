"""Which files nginx reads through which `include`, from the dump of its whole configuration; pure."""

import fnmatch
import posixpath
import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

from executors.edit_nginx import includes_of

_FILE = re.compile(rb"(?m)^# configuration file (?P<path>/[^\n]+):\n")
"""How `nginx -T` begins each file (nginx(8), 1.22)."""


def sources_of(dump: bytes) -> dict[str, bytes]:
    r"""Return the content of each file of a dump by its path, the main file first.

    >>> sources_of(b"# configuration file /etc/nginx/nginx.conf:\nevents {}\n\n")
    {'/etc/nginx/nginx.conf': b'events {}\n\n'}
    """
    found = list(_FILE.finditer(dump))
    ends = [match.start() for match in found[1:]] + [len(dump)]
    return {
        match["path"].decode("utf-8", "surrogateescape"): dump[match.end() : end]
        for match, end in zip(found, ends, strict=True)
    }


def including_instead(
    sources: Mapping[str, bytes],
    main: str,
    *,
    actual: str,
    same: AbstractSet[str],
    candidate: str,
    name_copy: Callable[[], str],
) -> dict[str, bytes]:
    r"""Return copies of the files that lead to `actual`, by new names, in which `candidate` stands for it.

    `same`: the names by which the files include `actual` (links to it). The copy of the main file is the last one.
    Empty where nothing includes it.

    >>> sources = {"/n/main": b"http { include d/*.conf; }\n", "/n/d/b.conf": b"gzip on;\n"}
    >>> including_instead(
    ...     sources, "/n/main", actual="/n/d/a.conf", same=set(), candidate="/n/d/.new", name_copy=lambda: "/n/.copy"
    ... )
    {'/n/.copy': b'http { include "/n/d/.new"; include "/n/d/b.conf"; }\n'}
    """
    copies: dict[str, bytes] = {}
    instead: dict[str, str | None] = dict.fromkeys({*same, actual}, candidate)

    def copy_of(path: str) -> str | None:
        """Return what stands for the file; None for itself."""
        if path in instead:
            return instead[path]
        instead[path] = None  # a file that includes itself leads nowhere
        content, is_other = sources.get(path, b""), False
        for start, end, pattern in reversed(includes_of(content)):
            names = _included(pattern, posixpath.dirname(main), {*sources, actual})
            replaced = [(name, copy_of(name)) for name in names]
            if any(new is not None for _, new in replaced):
                lines = [f'include "{new or name}";' for name, new in replaced]
                content = content[:start] + " ".join(lines).encode("utf-8", "surrogateescape") + content[end:]
                is_other = True
        if is_other:
            instead[path] = name_copy()
            copies[instead[path] or ""] = content
        return instead[path]

    copy_of(main)
    return copies


def _included(pattern: str, folder: str, names: AbstractSet[str]) -> list[str]:
    """Return the names that glob(7) gives for a pattern: `*` stops at a slash and doesn't match a leading dot."""
    parts = posixpath.normpath(posixpath.join(folder, pattern)).split("/")
    return sorted(
        name
        for name in names
        if len(name.split("/")) == len(parts)
        and all(
            fnmatch.fnmatchcase(own, part) and (not own.startswith(".") or part.startswith("."))
            for own, part in zip(name.split("/"), parts, strict=True)
        )
    )
