"""What openssl tells of certificates: of a file, and of a server that presents one."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from intents.parsers.conversion import decode, lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

_X509: Mapping[str, str] = {
    "subject": "subject", "issuer": "issuer", "serial": "serial", "notBefore": "valid_from", "notAfter": "valid_until",
}  # fmt: skip
_CERTIFICATE_TIME = "%b %d %H:%M:%S %Y GMT"
_CERTIFICATE_KEYS = {"subject": "subject", "issuer": "issuer", "notAfter": "expires", "notBefore": "since"}


def parse_openssl_x509(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `openssl x509 -noout` with subject, issuer, serial, dates, fingerprint and subjectAltName to one row."""
    record: dict[str, Json] = {}
    names: list[Json] = []
    for line in lines_of(output):
        name, equals, value = line.partition("=")
        if name in _X509:
            record[_X509[name]] = _openssl_time(value) if name.startswith("not") else value.strip()
        elif equals and name.casefold().endswith("fingerprint"):
            record["fingerprint"] = value
        elif re.match(r"\s+(?:DNS|IP Address|email|URI):", line):
            names += [part.partition(":")[2] for part in line.strip().split(", ")]
    if output.strip() and "subject" not in record:
        raise unexpected("F:openssl_x509", "a certificate's subject", decode(output))
    return rows_of([{**record, "names": names}] if record else [], columns)


def _openssl_time(text: str) -> int:
    try:
        return int(datetime.strptime(text.strip(), "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise unexpected("F:openssl_x509", "a date such as Nov 25 06:00:00 2026 GMT", text) from None


_LEAF = re.compile(
    r"^ 0 s:(?P<subject>.*)\n   i:(?P<issuer>.*)\n(?:   a:.*\n)?(?:   v:NotBefore: (?P<start>.*); NotAfter: (?P<end>.*)\n)?",
    re.MULTILINE,
)
_SESSION = re.compile(r"^(?:New|Reused), (?P<protocol>[^,]+), Cipher is (?P<cipher>\S+)", re.MULTILINE)
_VERIFIED = re.compile(r"^\s*Verify return code: [0-9]+ \((?P<verified>.*)\)", re.MULTILINE)


def parse_openssl_s_client(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `openssl s_client` to one row of the server's own certificate; no handshake is no row."""
    text = decode(output)
    leaf, session, verified = _LEAF.search(text), _SESSION.search(text), _VERIFIED.search(text)
    if leaf is None:
        return []
    record: dict[str, Json] = {
        "subject": leaf["subject"],
        "issuer": leaf["issuer"],
        "valid_from": _openssl_time(leaf["start"]) if leaf["start"] else None,
        "valid_until": _openssl_time(leaf["end"]) if leaf["end"] else None,
        "verified": verified["verified"] if verified else None,
        "protocol": session["protocol"] if session else None,
        "cipher": session["cipher"] if session else None,
    }
    record["verified"] = "OK" if record["verified"] == "ok" else record["verified"]
    return rows_of([record], columns)


def parse_certificates_found(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `find -print -exec openssl x509 -noout ... -in {} ;` to `path`, `subject`, `issuer`, `since` and `expires`.

    find writes a file's path, openssl (3.0, `-nameopt RFC2253`) its lines `subject=`, `issuer=`,
    `notBefore=` and `notAfter=` below it; nothing for a file that holds no certificate, which is no
    row then. Of a chain only the first certificate, the host's own, is told.
    """
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        if line.startswith("/"):
            records.append({"path": line})
            continue
        key, equals, value = line.partition("=")
        if not equals or key not in _CERTIFICATE_KEYS or not records:
            raise unexpected("F:certificates_found", "a path, or subject=, issuer=, notBefore= or notAfter=", line)
        name = _CERTIFICATE_KEYS[key]
        records[-1][name] = _epoch(value) if key.startswith("not") else value.strip()
    return rows_of([record for record in records if "expires" in record], columns)


def _epoch(text: str) -> int:
    try:
        return int(datetime.strptime(" ".join(text.split()), _CERTIFICATE_TIME).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise unexpected("F:certificates_found", "a time such as `Nov 24 23:00:00 2026 GMT`", text) from None
