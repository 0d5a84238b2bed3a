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
