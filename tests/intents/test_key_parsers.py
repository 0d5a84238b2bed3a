"""Parsers of keys and of at's jobs, with real tools where there are some."""

import subprocess
from pathlib import Path

from intents.parsers import parse_output
from intents.parsers.keys import fingerprint_of
from intents.values import Column


def test_a_fingerprint_is_the_one_that_ssh_keygen_writes(tmp_path: Path) -> None:
    key = tmp_path / "key"
    for kind in ("ed25519", "ecdsa", "rsa"):
        key.unlink(missing_ok=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "a b", "-f", key],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        public = key.with_suffix(".pub").read_bytes()
        told = subprocess.run(["ssh-keygen", "-l", "-f", key], check=True, capture_output=True).stdout
        (by_tool,) = parse_output("F:key_fingerprint", told, (Column("fingerprint"), Column("comment")))
        (by_us,) = parse_output("F:public_keys", public, (Column("fingerprint"), Column("comment")))
        assert by_us == by_tool
        assert by_us["comment"] == "a b"


def test_what_is_no_base64_has_no_fingerprint() -> None:
    assert fingerprint_of("not base64!") is None


def test_the_commands_of_an_at_job_are_told_without_its_environment() -> None:
    """Recorded with at 3.2."""
    output = (
        b"#!/bin/sh\n# atrun uid=0 gid=0\n# mail root 0\numask 22\nTZ=UTC0; export TZ\n"
        b"cd / || {\n\t echo 'Execution directory inaccessible' >&2\n\t exit 1\n}\necho hi\nif true; then\n}\n"
    )
    rows = parse_output("F:at_commands", output, (Column("command"),))
    assert [row["command"] for row in rows] == ["echo hi", "if true; then", "}"]
    assert parse_output("F:at_commands", b"", (Column("command"),)) == []
