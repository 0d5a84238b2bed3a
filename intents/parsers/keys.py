"""Public keys of SSH as files and tools write them: whose key it is, its kind, its fingerprint.

A fingerprint is computed here from the key itself, so that one command reads many files.
"""

import re
from base64 import b64encode
from binascii import Error as NotBase64
from binascii import a2b_base64
from hashlib import sha256

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.values import Column, Json, Row

KEY_KINDS = (
    r"(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
    r"(?:-cert-v01@openssh\.com)?"
)
"""sshd(8), AUTHORIZED_KEYS FILE FORMAT, OpenSSH 9.2."""
_KEY = re.compile(rf"(?P<kind>{KEY_KINDS})[ \t]+(?P<blob>[A-Za-z0-9+/]+=*)(?:[ \t]+(?P<comment>.*))?\Z")
_OPTION = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*")+[ \t]+')
_ACCOUNT_OF_HOME = re.compile(r"(?:/home/)?.*?/?(?P<name>[^/]+)/\.ssh/[^/]+\Z")
_ACCOUNT_OF_FOLDER = re.compile(r"/etc/ssh/authorized_keys(?:\.d)?/(?P<name>[^/]+)\Z")
_FOUND = re.compile(r"# Host (?P<host>.*) found: line (?P<line>[0-9]+)")
_FINGERPRINT = re.compile(r"(?P<host>\S+) (?P<kind>[A-Z0-9-]+) (?P<fingerprint>(?:SHA256|MD5):\S+)")
_KEYGEN = re.compile(r"(?P<bits>[0-9]+) (?P<fingerprint>(?:SHA256|MD5):\S+) (?P<comment>.*) \((?P<kind>[A-Z0-9-]+)\)\Z")


def fingerprint_of(blob: str) -> str | None:
    """Return the fingerprint that ssh-keygen writes for a key's base64 text; None for what is no base64.

    >>> fingerprint_of("AAAAC3NzaC1lZDI1NTE5AAAAIJCYzZEl0eL5sB3+vO3n5ZpQw4Cq0yq3Dwj0XcYv8m1T")[:10]
    'SHA256:BpW'
    """
    try:
        digest = sha256(a2b_base64(blob, strict_mode=True)).digest()
    except NotBase64:
        return None
    return f"SHA256:{b64encode(digest).decode().rstrip('=')}"


def parse_authorized_keys(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `grep -H` of authorized_keys files (`path:line`) to `account`, `kind`, `fingerprint`, `comment`, `options`, `path`.

    The account is the one whose home or whose file it is. What is no key is a row too, with the whole
    line as its `comment` and no fingerprint: sshd passes over it, and somebody meant it as one.
    """
    records: list[dict[str, Json]] = []
    for entry in lines_of(output):
        path, colon, line = entry.partition(":")
        if not colon or not path.startswith("/"):
            raise unexpected("F:authorized_keys", "a path, a colon and a line", entry)
        owner = _ACCOUNT_OF_FOLDER.match(path) or _ACCOUNT_OF_HOME.match(path)
        records.append({"account": owner["name"] if owner else None, "path": path, **key_of_line(line)})
    return rows_of(records, columns)


def key_of_line(line: str) -> dict[str, Json]:
    r"""Return the parts of one line of authorized_keys: `options`, `kind`, `fingerprint`, `comment`.

    >>> key_of_line('from="10.0.0.0/8",no-pty ssh-rsa AAAA bob@laptop')["options"]
    'from="10.0.0.0/8",no-pty'
    """
    text = line.strip()
    match, options = _KEY.match(text), None
    if match is None:
        option = _OPTION.match(text)
        if option is not None:
            match, options = _KEY.match(text[option.end() :]), option[0].strip()
    fingerprint = fingerprint_of(match["blob"]) if match else None
    if match is None or fingerprint is None:
        return {"kind": None, "fingerprint": None, "comment": text, "options": None}
    return {"kind": match["kind"], "fingerprint": fingerprint, "comment": match["comment"], "options": options}


def parse_public_keys(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read public keys (`kind base64 comment`, one a line) to `kind`, `fingerprint` and `comment`."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        if not line.strip():
            continue
        record = key_of_line(line)
        if record["fingerprint"] is None:
            raise unexpected("F:public_keys", "a public key", line)
        records.append(record)
    return rows_of(records, columns)


def parse_keyscan(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `ssh-keyscan` (`host kind base64`, comments with #) to `host`, `kind` and `fingerprint`."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        if line.startswith("#") or not line.strip():
            continue
        host, _, key = line.partition(" ")
        record = key_of_line(key)
        if record["fingerprint"] is None:
            raise unexpected("F:keyscan", "a host and its public key", line)
        records.append({"host": host, **record})
    return rows_of(records, columns)


def parse_known_host(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `ssh-keygen -l -F HOST` to `host`, `line` (of the file), `kind` and `fingerprint`."""
    records: list[dict[str, Json]] = []
    number: str | None = None
    for line in lines_of(output):
        found, key = _FOUND.match(line), _FINGERPRINT.match(line)
        if found:
            number = found["line"]
        elif key:
            records.append({"line": number, **key.groupdict()})
        else:
            raise unexpected("F:known_host", "`# Host NAME found: line N` or a fingerprint", line)
    return rows_of(records, columns)


def parse_key_fingerprint(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `ssh-keygen -l -f FILE` to `bits`, `fingerprint`, `comment` and `kind`; no row for no output."""
    records: list[dict[str, Json]] = []
    for line in lines_of(output):
        match = _KEYGEN.match(line)
        if match is None:
            raise unexpected("F:key_fingerprint", "bits, a fingerprint, a comment and a kind", line)
        records.append(dict(match.groupdict()))
    return rows_of(records, columns)
