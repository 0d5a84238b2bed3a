"""Values of the network: port, protocol, address, URL. Nothing here resolves or connects."""

import ipaddress
import re
from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import SplitResult, urlsplit

from intents.errors import ValueRejected
from intents.types.base import Found, ValueContext
from intents.types.canonical import CanonicalType, Reading, ShapedType, plain_string
from intents.types.numbers import IntroducedNumber, introduced_by
from intents.types.spoken import any_of
from intents.types.tokens import words
from intents.types.visible import excerpt
from intents.types.words import ClosedWords
from intents.values import Json

WELL_KNOWN_PORTS = {
    "ssh": 22, "smtp": 25, "dns": 53, "http": 80, "https": 443, "mysql": 3306, "postgres": 5432, "postgresql": 5432,
    "redis": 6379,
}  # fmt: skip
"""From the IANA registry of service names and port numbers; the names as people say them."""

_WELL_KNOWN = re.compile(rf"(?<![\w./:@-])(?ai:{any_of(WELL_KNOWN_PORTS)})(?![\w/:@-])(?!\.\w)")


class Port(IntroducedNumber):
    """A TCP or UDP port: "port 8080", "8080/tcp", "https". Canonical: int from 1 to 65535."""

    name: ClassVar[str] = "port"
    high: ClassVar[int] = 65535
    introduced: ClassVar[re.Pattern[str]] = introduced_by("ports?")

    def _bare_spans(self, text: str) -> list[tuple[int, int]]:
        with_protocol = [match.span(1) for match in _WITH_PROTOCOL.finditer(text)]
        return sorted(
            super()._bare_spans(text) + with_protocol + [match.span() for match in _WELL_KNOWN.finditer(text)]
        )

    def _read(self, text: str, context: ValueContext) -> Reading:
        said = text.strip().lower()
        if said in WELL_KNOWN_PORTS:
            return Reading(WELL_KNOWN_PORTS[said], f"the port of {said}")
        return super()._read(text, context)

    def complete(self, prefix: str, context: ValueContext) -> Sequence[str]:  # noqa: ARG002 - needs no context
        """Return the well-known names."""
        return tuple(name for name in WELL_KNOWN_PORTS if name.startswith(prefix))


_WITH_PROTOCOL = re.compile(r"(?<![\w./:@-])([0-9]{1,5})/(?:tcp|udp)(?!\w)|(?<!\S):([0-9]{1,5})(?!\w)")


class Protocol(ClosedWords):
    """A transport: tcp, udp, sctp, icmp, icmpv6. Canonical: the lower-case word."""

    name: ClassVar[str] = "protocol"
    vocabulary: ClassVar[tuple[str, ...]] = ("tcp", "udp", "sctp", "icmp", "icmpv6")


_ADDRESS = re.compile(
    r"(?<![\w.:/@%-])(?=[0-9A-Fa-f:])[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9][A-Za-z0-9_.-]{0,14})?(?:/[0-9]{1,3})?(?![\w/%@-])"
)


class Address(ShapedType[str]):
    """An IPv4 or IPv6 address, or a network in CIDR form. Canonical: the shortest text.

    A network with host bits ("10.0.0.5/24") stays as it is: it is never widened.
    """

    name: ClassVar[str] = "address"
    embeddable: ClassVar[bool] = True
    pattern: ClassVar[re.Pattern[str]] = _ADDRESS

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return every address; a full stop or colon after it belongs to the sentence."""
        found: list[Found] = []
        for match in self.pattern.finditer(text):
            whole = self._found(match.start(), match.end(), match.group(), context)
            shorter = match.group().rstrip(".:")
            found += whole or self._found(match.start(), match.start() + len(shorter), shorter, context)
        return found

    def _read(self, text: str, context: ValueContext) -> Reading:  # noqa: ARG002 - needs no context
        return Reading(_canonical_address(text.strip()))

    def _checked(self, value: Json) -> str:
        address = plain_string(value, "the address", 64)
        if _canonical_address(address) != address:
            raise ValueRejected(
                f"{excerpt(address)} is not in its shortest form.", remedy=f"Write {_canonical_address(address)}."
            )
        return address

    def _write(self, value: str, form: str | None) -> str:  # noqa: ARG002 - one form
        return value


def _canonical_address(text: str) -> str:
    try:
        if not _ADDRESS.fullmatch(text):
            raise ValueError(text)  # noqa: TRY301 - one sentence for both faults
        return str(ipaddress.ip_interface(text) if "/" in text else ipaddress.ip_address(text))
    except ValueError:
        raise ValueRejected(
            f"{excerpt(text)} is not an address.", remedy='Write one such as "10.0.0.5", "fe80::1" or "10.0.0.0/8".'
        ) from None


SCHEMES = ("http", "https", "ftp", "ftps", "sftp")
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")


class Url(CanonicalType[str]):
    """The address of a resource: http, https, ftp, ftps, sftp. Canonical: scheme and host in lower case.

    Only the characters of RFC 3986 are allowed, and no user name or password: those would stand in
    process lists, plans and the history.
    """

    name: ClassVar[str] = "url"

    def find(self, text: str, context: ValueContext) -> Sequence[Found]:
        """Return every word with a known scheme."""
        return [
            found
            for token in words(text)
            if "://" in token.text[:9]
            for found in self._found(token.start, token.end, token.text, context)
        ]

    def _read(self, text: str, context: ValueContext) -> Reading:  # noqa: ARG002 - needs no context
        return Reading(_canonical_url(text.strip()))

    def _checked(self, value: Json) -> str:
        url = plain_string(value, "the URL", 2048)
        if _canonical_url(url) != url:
            raise ValueRejected(
                f"{excerpt(url)} has capitals in its scheme or host.", remedy="Write those in lower case."
            )
        return url

    def _write(self, value: str, form: str | None) -> str:  # noqa: ARG002 - one form
        return value


def _canonical_url(text: str) -> str:
    remedy = 'Write one such as "https://example.org/file".'
    if not _URL_CHARACTERS.fullmatch(text):
        raise ValueRejected(f"{excerpt(text)} is not a URL.", remedy=remedy)
    parts = _split(text, remedy)
    if "@" in parts.netloc:
        raise ValueRejected(
            "A user name or password can't be part of a URL: it would be visible to others.",
            remedy="Remove everything before the @.",
        )
    if parts.scheme not in SCHEMES:
        raise ValueRejected(
            f"{excerpt(text)} is not a URL.", remedy=f"It must begin with {', '.join(SCHEMES)} and ://."
        )
    return f"{parts.scheme}://{parts.netloc.lower()}{text[text.index('://') + 3 + len(parts.netloc) :]}"


def _split(text: str, remedy: str) -> SplitResult:
    """Return the parts of a URL with a host and a sound port. Raises `ValueRejected`."""
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname or "", parts.port
        if ":" in host:
            ipaddress.ip_address(host)
        elif not _is_host(host) or parts.netloc.endswith(":"):
            raise ValueError(text)  # noqa: TRY301 - one sentence for all faults
    except ValueError:
        raise ValueRejected(f"{excerpt(text)} is not a URL with a host.", remedy=remedy) from None
    return parts


def _is_host(host: str) -> bool:
    """Whether `host` is a name of RFC 1123 labels, an IPv4 address included."""
    labels = host.removesuffix(".").split(".")
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)  # noqa: PLR2004 - RFC 1035


_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
