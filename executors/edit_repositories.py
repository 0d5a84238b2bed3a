"""Files that name a repository of packages, from typed parts: apt's deb822 sources and dnf's .repo files."""

import re

from executors.edit_lines import refuse_line_break
from intents.errors import ValueRejected

_URL = re.compile(rb"https?://[^\s\[\]]+")
_WORD = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._~/+-]*")
"""A suite or a component, sources.list(5); a suite may end in `/`, and then there are no components."""
_NAME = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]*")
"""An id of a repository, dnf.conf(5)."""


def write_apt_source(before: bytes, url: bytes, suite: bytes, key: bytes, *, components: bytes = b"main") -> bytes:
    r"""Return a source of apt whose packages must be signed by the key in the file `key`.

    sources.list(5), "DEB822-STYLE FORMAT". The key vouches for this repository alone.

    >>> print(write_apt_source(b"", b"https://example.org/debian", b"bookworm", b"/etc/apt/keyrings/example.asc").decode())
    Types: deb
    URIs: https://example.org/debian
    Suites: bookworm
    Components: main
    Signed-By: /etc/apt/keyrings/example.asc
    <BLANKLINE>

    Raises `ValueRejected` for what is no web address, suite, component or path, and where another source is there.
    """
    _refuse_other_than_web(url)
    for word, what in ((suite, "suite"), *((one, "component") for one in components.split())):
        if not _WORD.fullmatch(word):
            raise ValueRejected(f"This is not the name of a {what}.", remedy="Write it like bookworm, or like main.")
    _refuse_other_than_path(key)
    exact = suite.endswith(b"/")
    fields = [b"Types: deb", b"URIs: " + url, b"Suites: " + suite]
    fields += [] if exact else [b"Components: " + b" ".join(components.split())]
    return _unless_other(before, b"\n".join([*fields, b"Signed-By: " + key, b""]))


def write_rpm_repository(before: bytes, name: bytes, url: bytes, key: bytes) -> bytes:
    r"""Return a repository of dnf whose packages must be signed by the key in the file `key`; dnf.conf(5).

    >>> print(write_rpm_repository(b"", b"example", b"https://example.org/el9", b"/etc/pki/rpm-gpg/example").decode())
    [example]
    name=example
    baseurl=https://example.org/el9
    enabled=1
    gpgcheck=1
    gpgkey=file:///etc/pki/rpm-gpg/example
    <BLANKLINE>

    Raises `ValueRejected` for what is no name, web address or path, and where another repository is there.
    """
    if not _NAME.fullmatch(name):
        raise ValueRejected("This is not the name of a repository.", remedy="Use letters, digits, dots and dashes.")
    _refuse_other_than_web(url)
    _refuse_other_than_path(key)
    lines = [
        b"[" + name + b"]",
        b"name=" + name,
        b"baseurl=" + url,
        b"enabled=1",
        b"gpgcheck=1",
        b"gpgkey=file://" + key,
    ]
    return _unless_other(before, b"\n".join([*lines, b""]))


def _refuse_other_than_web(url: bytes) -> None:
    refuse_line_break(url, "address")
    if not _URL.fullmatch(url):
        raise ValueRejected("A repository is a web address.", remedy="Write it like https://example.org/debian.")


def _refuse_other_than_path(key: bytes) -> None:
    refuse_line_break(key, "key")
    if not re.fullmatch(rb"/[^\s%$]+", key):
        raise ValueRejected(
            "The key is named by the absolute path of its file, without blanks.",
            remedy="Write it like /etc/apt/keyrings/example.asc.",
        )


def _unless_other(before: bytes, after: bytes) -> bytes:
    if before.strip() and before != after:
        raise ValueRejected(
            "There is a repository of that name already, which is another one.",
            remedy="Choose another name, or remove that file first.",
        )
    return after
