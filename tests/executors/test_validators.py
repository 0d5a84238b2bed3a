"""Which check belongs to which file, and that the checks tell good content from bad."""

import os
import shutil
from pathlib import Path

import pytest

from executors.local import LocalTransport
from executors.validators import VALIDATORS, validator_for
from intents.errors import CatalogueError


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/etc/ssh/sshd_config", "sshd"),
        ("/etc/ssh/sshd_config.d/10-a.conf", "sshd"),
        ("/etc/ssh/ssh_config", None),
        ("/etc/sudoers", "visudo"),
        ("/etc/sudoers.d/ops", "visudo"),
        ("/etc/sudoers.d/deep/ops", None),
        ("/srv/etc/sudoers", None),
        ("/etc/fstab", "fstab"),
        ("/etc/nginx/nginx.conf", "nginx"),
        ("/etc/nginx/conf.d/a.conf", "nginx"),
        ("/etc/nginx/sites-available/a", "nginx"),
        ("/etc/nginx/mime.types", None),
        ("/etc/systemd/system/a.service", "unit"),
        ("/etc/systemd/system/a.service.d/10-a.conf", "unit"),
        ("/etc/systemd/system.conf", None),
        ("/etc/apache2/sites-available/a.conf", "apache"),
        ("/etc/apache2/envvars", None),
        ("/etc/sysctl.d/10-a.conf", "sysctl"),
        ("/etc/logrotate.d/a", "logrotate"),
        ("/var/spool/cron/crontabs/ann", "crontab"),
        ("/srv/a b\n.json", "json"),
        ("/srv/a.yaml", "yaml"),
        ("/srv/a.toml", "toml"),
        ("/home/ann/.ssh/authorized_keys", "authorized_keys"),
        ("/home/ann/authorized_keys", None),
        ("/etc/crontab", "system_crontab"),
        ("/etc/cron.d/site", "system_crontab"),
        ("/etc/cron.daily/site", None),
        ("/etc/hosts", None),
    ],
)
def test_the_path_chooses(path: str, name: str | None) -> None:
    validator = validator_for("by_path", path)
    assert (validator.name if validator else None) == name


def test_a_name_chooses_whatever_the_path() -> None:
    validator = validator_for("visudo", "/tmp/x")
    assert validator is not None
    assert validator.argv("/tmp/-c {x}") == ("visudo", "-c", "-f", "/tmp/-c {x}")
    assert validator_for(None, "/etc/sudoers") is None
    with pytest.raises(CatalogueError, match="no validator 'vi'"):
        validator_for("vi", "/etc/hosts")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("json", b'{"a": [1]}', b'{"a": [1}'),
        ("json", b"[]", b"\xff\xfe["),
        ("json", b"[]", b"[" * 100_000),
        ("toml", b"a = 1\n[b]\n", b"a = \n"),
        ("toml", b"", b"a = '\xff'\n"),
        ("yaml", b"a: !include b.yml\n---\nc: [1]\n", b"a: [1\nb: 2\n"),
        ("yaml", b"", b"a: \xff\n"),
    ],
)
def test_parsers_tell_good_from_bad(name: str, good: bytes, bad: bytes) -> None:
    parse = VALIDATORS[name].parse
    assert parse is not None
    parse(good)
    with pytest.raises(ValueError):  # noqa: PT011 - the words are the parser's own
        parse(bad)


@pytest.mark.skipif(shutil.which("sshd", path="/usr/sbin") is None, reason="sshd isn't installed")
@pytest.mark.skipif(not Path("/run/sshd").is_dir(), reason="sshd -t needs /run/sshd, which its service makes")
@pytest.mark.skipif(os.geteuid() != 0, reason="sshd -t reads the host keys")
def test_sshd_tells_good_from_bad(tmp_path: Path) -> None:
    path = tmp_path / "sshd config"
    path.write_text("Port 2222\n", encoding="utf-8")
    argv = VALIDATORS["sshd"].argv(str(path))
    assert LocalTransport().run(argv).exit_code == 0
    path.write_text("Prot 2222\n", encoding="utf-8")
    assert LocalTransport().run(argv).exit_code != 0


@pytest.mark.skipif(shutil.which("findmnt") is None, reason="findmnt isn't installed")
def test_findmnt_tells_good_from_bad(tmp_path: Path) -> None:
    path = tmp_path / "fstab"
    path.write_text("tmpfs /tmp tmpfs defaults 0 0\n", encoding="utf-8")
    argv = VALIDATORS["fstab"].argv(str(path))
    assert LocalTransport().run(argv).exit_code == 0
    path.write_text("tmpfs /no/such/place nosuchfs defaults 0 0\n", encoding="utf-8")
    assert LocalTransport().run(argv).exit_code != 0


KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO39scqYS4YC+SiTQiHTbGb9v/VH9kTIbIVeoHfX9/aZ"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("authorized_keys", b"# people\n\n" + KEY + b' ann@laptop\nno-pty,from="10.0.0.0/8" ' + KEY + b"\n", None),
        ("authorized_keys", b"", None),
        ("authorized_keys", KEY + b"\n-----BEGIN OPENSSH PRIVATE KEY-----\n", "line 2 is a private key"),
        ("authorized_keys", b"ssh-rsa is-no-base64 x\n", "line 1 is no public key"),
        ("authorized_keys", b"ann's key\n", "line 1 is no public key"),
        ("system_crontab", b"MAILTO=ops\n# m h\n*/5 * * jan-jun 0,6 root run a\n@reboot ann b\n", None),
        ("system_crontab", b"", None),
        ("system_crontab", b"0 3 * * * root a", "no end"),
        ("system_crontab", b"# x\n0 3 * * *\n", "line 2 needs an account and a command"),
        ("system_crontab", b"0 3 * * * /usr/bin/a b\n", "line 1 needs an account"),
        ("system_crontab", b"0 3 * 13 * root a\n", "line 1: 13 is no month"),
    ],
)
def test_content_that_its_reader_would_pass_over_is_refused(name: str, content: bytes, why: str | None) -> None:
    parse = VALIDATORS[name].parse
    assert parse is not None
    if why is None:
        parse(content)
        return
    with pytest.raises(ValueError, match=why):
        parse(content)
