"""Which files a web server reads through which include, and copies in which another stands for one; pure."""

import fnmatch
import posixpath
import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from executors.edit_nginx import includes_of

_FILE = re.compile(rb"(?m)^# configuration file (?P<path>/[^\n]+):\n")
"""How `nginx -T` begins each file (nginx(8), 1.22)."""


_APACHE_INCLUDE = re.compile(
    rb"(?im)^[ \t]*Include(?:Optional)?[ \t]+(?P<quote>\"?)(?P<name>[^\"\r\n]+?)(?P=quote)[ \t]*$"
)
"""mod_so's core directives Include and IncludeOptional: a directive is a line (httpd 2.4, configuring)."""

_APACHE_LISTED = re.compile(rb"(?m)^ +\((?:\*|[0-9]+)\) (?P<path>/[^\n]+)$")
"""How `apache2ctl -t -D DUMP_INCLUDES` names each file, the main one first (httpd 2.4)."""


@dataclass(frozen=True, slots=True)
class Syntax:
    """How a server's files include others."""

    includes: Callable[[bytes], list[tuple[int, int, str]]]
    """Each include as (start, end, pattern)."""
    statement: str
    separator: str


def apache_includes_of(content: bytes) -> list[tuple[int, int, str]]:
    r"""Return each Include and IncludeOptional as (start, end, pattern).

    >>> apache_includes_of(b"Listen 80\nIncludeOptional mods-enabled/*.load\n")
    [(10, 45, 'mods-enabled/*.load')]
    """
    return [
        (match.start(), match.end(), match["name"].decode("utf-8", "surrogateescape"))
        for match in _APACHE_INCLUDE.finditer(content)
    ]


NGINX = Syntax(includes_of, 'include "{}";', " ")
APACHE = Syntax(apache_includes_of, 'Include "{}"', "\n")


def apache_names_of(dump: bytes) -> list[str]:
    r"""Return the paths of the files that Apache reads, the main one first, each once.

    >>> apache_names_of(b"Included configuration files:\n  (*) /etc/a.conf\n    (146) /etc/b.load\n")
    ['/etc/a.conf', '/etc/b.load']
    """
    return list(
        dict.fromkeys(match["path"].decode("utf-8", "surrogateescape") for match in _APACHE_LISTED.finditer(dump))
    )


def apache_root_of(main: str, content: bytes) -> str:
    """Return the directory from which Apache takes relative names: ServerRoot, else the main file's own."""
    match = re.search(rb"(?im)^[ \t]*ServerRoot[ \t]+\"?([^\"\r\n]+?)\"?[ \t]*$", content)
    return match[1].decode("utf-8", "surrogateescape") if match else posixpath.dirname(main)


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
    syntax: Syntax = NGINX,
    folder: str | None = None,
) -> dict[str, bytes]:
    r"""Return copies of the files that lead to `actual`, by new names, in which `candidate` stands for it.

    `same`: the names by which the files include `actual` (links to it). `folder`: where relative names begin, if not
    beside the main file. The copy of the main file is the last one.
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
        for start, end, pattern in reversed(syntax.includes(content)):
            names = _included(pattern, folder or posixpath.dirname(main), {*sources, actual})
            replaced = [(name, copy_of(name)) for name in names]
            if any(new is not None for _, new in replaced):
                lines = [syntax.statement.format(new or name) for name, new in replaced]
                content = (
                    content[:start] + syntax.separator.join(lines).encode("utf-8", "surrogateescape") + content[end:]
                )
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
