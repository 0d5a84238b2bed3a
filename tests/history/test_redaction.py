import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from history.canonical import Json
from history.recording import Recording
from history.redaction import Redactor, redact
from history.redaction_patterns import MARK
from history.store import History

WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=12, max_size=24)

SHAPES = (
    "password={secret}",
    "Password: {secret} and more",
    "DB_PASSWORD='{secret}'",
    'db.password = "{secret}"',
    '{{"password": "{secret}", "user": "al"}}',
    '{{\\"token\\":\\"{secret}\\"}}',
    "token: {secret}",
    "api_key={secret}",
    "client_secret => {secret}",
    "aws_secret_access_key = {secret}",
    "mysql --password {secret} -h db",
    "mysql --password={secret} -h db",
    "vault --auth-token '{secret}'",
    "sshpass -p {secret} ssh web1",
    "Authorization: Bearer {secret}",
    "authorization: Basic {secret}==",
    "curl -H 'Authorization: {secret}'",
    "Bearer {secret}",
    "Set-Cookie: session={secret}; Path=/",
    "postgres://al:{secret}@db/app",
    "https://al:{secret}@x@example.org:8080/",
    "ghp_{secret}{secret}",
    "github_pat_{secret}{secret}",
    "glpat-{secret}{secret}",
    "xoxb-{secret}",
    "https://hooks.slack.com/services/{secret}",
    "x_eyJ{secret}.{secret}.{secret}",
    "root:$6${secret}$" + "{secret}" * 4 + ":19000:0",
    "root:$y$j9T${secret}$" + "{secret}:19000",
    "$argon2id$v=19$m=65536,t=3,p=4${secret}${secret}",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n{secret}\n-----END OPENSSH PRIVATE KEY-----\n",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{secret}\n=x",
    "set the password to {secret}1",
    "set the password of the user anna to {secret}1",
    "change anna's password to {secret}",
    "reset the password for anna to {secret}",
    "the token is '{secret}'",
)


@pytest.mark.parametrize("shape", SHAPES)
@given(secret=WORD, before=st.sampled_from(["", "x ", "line\n", "("]), after=st.sampled_from(["", " y", "\nline"]))
@settings(max_examples=15, deadline=None)
def test_a_secret_of_every_known_shape_is_gone(shape: str, secret: str, before: str, after: str) -> None:
    text = before + shape.format(secret=secret) + after
    once = redact({"argv": [text], text: 1})
    assert secret not in json.dumps(once)
    assert MARK in json.dumps(once)


@pytest.mark.parametrize(
    "value",
    [
        "passwd:         files systemd",
        "password\t[success=1 default=ignore]\tpam_unix.so obscure",
        "PasswordAuthentication no",
        "the password is locked",
        "systemctl restart --no-ask-password -- nginx.service",
        "http://example.org:8080/a@b",
        "who has a shell in /etc/passwd",
        "max_tokens: 4",
        "ssh al@web1 port 22: ok",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "d41d8cd98f00b204e9800998ecf8427e  empty",
        "price $5 and $6",
        ["systemctl", "--no-ask-password", "--", "nginx.service"],
        {"name": "nginx", "value": 3, "password": None, "secret": False, "token": ""},
    ],
)
def test_ordinary_text_is_kept(value: Json) -> None:
    assert redact(value) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a password=x1 b", f"a password={MARK} b"),
        ('{"password":"x","user":"al"}', f'{{"password":{MARK},"user":"al"}}'),
        ("ssh://al:x@h/p", f"ssh://al:{MARK}@h/p"),
        (["mysql", "--password", "x", "-h", "db"], ["mysql", "--password", MARK, "-h", "db"]),
        ({"key": "password", "value": "x", "path": "/a"}, {"key": "password", "value": MARK, "path": "/a"}),
        ({"dbPassword": ["a", 1, {"b": "c"}]}, {"dbPassword": [MARK, MARK, {"b": MARK}]}),
        ("AKIAABCDEFGHIJKLMNOP x", f"{MARK} x"),
    ],
)
def test_only_the_secret_is_replaced(value: Json, expected: Json) -> None:
    assert redact(value) == expected
    assert redact(expected) == expected


def test_a_private_key_read_line_by_line_is_redacted_in_its_rows_only() -> None:
    lines = ["a", "-----BEGIN RSA PRIVATE KEY-----", "MIIE", "abcd=", "-----END RSA PRIVATE KEY-----", "b"]
    value = redact({"rows": [{"number": number, "line": line} for number, line in enumerate(lines)], "after": "c"})
    assert isinstance(value, dict)
    kept = [row["line"] for row in value["rows"]]
    assert kept[0] == "a"
    assert kept[1].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert kept[2:4] == [MARK, MARK]
    assert kept[5] == "b"
    assert value["after"] == "c"


def test_two_keys_that_differ_only_in_their_secret_are_both_kept() -> None:
    value = redact({"password=a1": 1, "password=b2": 2})
    assert isinstance(value, dict)
    assert sorted(value.values()) == [1, 2]


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20), st.text(max_size=10), st.text(max_size=10))
def test_a_typed_secret_is_found_whatever_it_is_part_of(secret: str, before: str, after: str) -> None:
    """The secret's place holds the mark; what is around it could hold the secret by chance only if it did before."""
    text = before.replace(secret, "") + secret + after.replace(secret, "")
    assert MARK in Redactor([secret]).text(text)
    assert Redactor([secret]).redact({"line": f"<<{json.dumps(secret)}>>"}) != {"line": f"<<{json.dumps(secret)}>>"}


def test_a_typed_pin_is_found_as_a_number() -> None:
    assert Redactor(["4711"]).redact({"pin": 4711, "port": 22}) == {"pin": MARK, "port": 22}


@settings(max_examples=10, deadline=None)
@given(typed=WORD.map("Zq{}".format), looking=WORD.map("Qz{}".format))
def test_no_secret_is_in_any_byte_of_the_files(typed: str, looking: str) -> None:
    """The letters before the words keep them apart from hashes, which are hexadecimal."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "history.db"
        with History.open(path) as history:
            recording = Recording.begin(history, {"request": f"set it to {typed}"}, redactor=Redactor([typed]))
            for shape in SHAPES:
                recording.add("interpretation", {"argument": shape.format(secret=looking)})
            begun = recording.begin_step({"run": ["x", "--token", looking], "stdin": typed, f"k {typed}": typed})
            recording.end_step(begun, {"stdout": "x" * 65530 + f" password={looking} {typed}", "token": looking})
            raw = b"".join(file.read_bytes() for file in path.parent.iterdir())
            assert path.with_name("history.db-wal").stat().st_size > 0
        raw += b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert MARK.encode() in raw
    assert typed.encode() not in raw
    assert looking.encode() not in raw


@pytest.mark.parametrize(
    "piece",
    [
        *["password", "password=", 'password="', "://:a", "://", "eyJ", "eyJaaaaa.", "-----BEGIN PRIVATE KEY-----"],
        *[
            "$6$",
            "bearer ",
            "password to ",
            "set ",
            "password of ",
            "AKIA",
            "authorization: ",
            "cookie: ",
            "ghp_",
            "a",
            " ",
            "\\",
            '"',
            "--a-",
        ],
    ],
)
def test_no_text_makes_redaction_slow(piece: str) -> None:
    """Ten times the text may take a little more than ten times the time, never a hundred times."""

    def seconds(length: int) -> float:
        text = (piece * (length // len(piece) + 1))[:length]
        started = time.process_time()
        redact(text)
        return time.process_time() - started

    assert seconds(200_000) < 40 * max(seconds(20_000), 0.01)
