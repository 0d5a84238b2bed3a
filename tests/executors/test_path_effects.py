"""What paths imply: planted through every intent that takes a path, and no alarm for ordinary ones."""

import pytest

from executors.path_effects import effects_of, effects_of_path, risk_with
from executors.path_uses import CHANGING, uses_of
from intents.catalogue import Catalogue
from intents.intent import EffectName, Intent, Risk
from intents.types.words import Choice
from intents.values import Json

CATALOGUE = Catalogue.load()

PLANTED: tuple[tuple[str, EffectName], ...] = (
    *((path, "persistence") for path in (
        "/etc/crontab", "/etc/cron.d/x", "/etc/cron.daily/x", "/etc/anacrontab", "/var/spool/cron/crontabs/ann",
        "/var/spool/at/a1", "/etc/systemd/system/x.service", "/etc/systemd/system/x.service.d/o.conf",
        "/run/systemd/system/x.timer", "/etc/systemd/system-generators/x", "/home/ann/.config/systemd/user/x.service",
        "/etc/init.d/x", "/etc/rc.local", "/etc/runlevels/default/x", "/etc/profile", "/etc/profile.d/x.sh",
        "/etc/bash.bashrc", "/etc/environment", "/home/ann/.bashrc", "/root/.profile", "/etc/ld.so.preload",
        "/etc/ld.so.conf.d/x.conf", "/etc/apt/apt.conf.d/99x", "/etc/logrotate.d/x", "/etc/udev/rules.d/1.rules",
        "/etc/NetworkManager/dispatcher.d/x", "/etc/update-motd.d/99-x", "/srv/app/.git/hooks/post-commit",
        "/etc/modprobe.d/x.conf", "/etc/modules-load.d/x.conf", "/etc/sysctl.d/x.conf", "/boot/grub/grub.cfg",
        "/etc/default/grub", "/usr/local/bin/x", "/usr/bin/sudo", "/etc/sayso/policy.d/x.yml",
        "/home/ann/.config/sayso/packs/x.yml", "/home/ann/.local/state/sayso/history.db",
    )),
    *((path, "access") for path in (
        "/etc/sudoers", "/etc/sudoers.d/x", "/etc/doas.conf", "/etc/polkit-1/rules.d/x.rules",
        "/home/ann/.ssh/authorized_keys", "/srv/git/.ssh/authorized_keys", "/etc/ssh/sshd_config",
        "/etc/ssh/sshd_config.d/x.conf", "/etc/pam.d/sshd", "/etc/nsswitch.conf", "/etc/shells", "/etc/passwd",
        "/etc/group", "/etc/shadow", "/etc/gshadow", "/proc/sys/kernel/core_pattern", "/dev/sda1",
        "/ETC/Sudoers", "/etc/ssh", "/etc", "/proc/self/root/etc/sudoers", "/proc/1/root/etc/shadow",
    )),
    *((path, "secrets") for path in (
        "/etc/shadow", "/etc/gshadow", "/home/ann/.ssh/id_ed25519", "/srv/keys/id_deploy", "/srv/tls/site.key",
        "/etc/ssl/private/x", "/etc/ssh/ssh_host_ed25519_key", "/root/.gnupg/x", "/home/ann/.netrc",
        "/home/ann/.pgpass", "/home/ann/.aws/credentials", "/home/ann/.kube/config", "/proc/1/environ", "/srv/app/.env",
    )),
)  # fmt: skip

ORDINARY = """
    /srv/app/config.yml /var/log /var/log/nginx/access.log /home/x/notes.txt /etc/hosts /etc/nginx/nginx.conf
    /home/x/project/main.py /tmp /tmp/x /srv /opt/app/run.log /var/www/html/index.html /etc/motd /etc/fstab
    /proc/meminfo /proc/cpuinfo /proc/mounts /etc/hostname /srv/x/key.txt /mnt /media/usb /data /var/lib/postgresql/15/main /etc/resolv.conf /etc/timezone
    /usr/share/doc/x /home/x/Documents /var/cache/apt /srv/etc/passwd /etc/systemd/timesyncd.conf /srv/app/cert.pem
    /etc/ssl/certs/x.pem /srv/crontab /home/x/keyboard.txt /var/tmp/shadow /etc/sudoers-notes /srv/ssh
""".split()

NEUTRAL: dict[str, Json] = {
    "text": "x", "mode": "0640", "count": 1, "regex": "x", "glob": "*.x", "name:user": "ann", "user": "ann", "group": "staff",
    "name:database": "shop", "name:revision": "main", "name:snapshot": "40dc1520",
    "name:hostname": "db1.example", "name:service": "shop.service", "size": 1000000, "name:unit": "nginx.service", "boolean": False, "address": "10.0.0.5",
    "url": "https://example.org/x", "package": "htop",
}  # fmt: skip


SHOWING = {
    "file.show", "file.head", "file.tail", "file.search", "file.compare", "file.compare_directories", "web.access",
    # Of these programs not every use shows what is in the file; they are taken for the worst.
    "certificate.file", "sqlite.tables", "sqlite.check",
    "git.status", "git.log", "git.diff", "git.branches", "git.remotes",
}  # fmt: skip
"""Reads that count as showing what is in a file; so do all of the pack text."""
CHECKED_ONLY = {
    ("package.repository_add", "key"), ("file.remove_copy", "source"), ("file.unlink", "target"),
    ("user.sudo_grant", "program"), ("user.sudo_revoke", "program"), ("disk.fstab_add", "mount"), ("disk.fstab_remove", "mount"), ("service.create", "directory"),
}  # fmt: skip
"""Paths that a change only compares with what is there before, or writes into a file as a text."""


def written(path: str) -> str:
    return path


def values_with(intent: Intent, name: str, path: str) -> dict[str, Json]:
    """Return values of the intent with one path planted, and harmless ones besides."""
    values: dict[str, Json] = {}
    for other, parameter in intent.parameters.items():
        if other == name:
            values[other] = [path] if parameter.many else path
        elif parameter.type.name in {"path", "mount"}:
            values[other] = ["/srv/plain"] if parameter.many else "/srv/plain"
        elif parameter.required:
            kind = parameter.type
            neutral = kind.choices[0][0] if isinstance(kind, Choice) else NEUTRAL[kind.name]
            values[other] = [neutral] if parameter.many else neutral
    return values


def path_parameters(*, changes: bool) -> list[tuple[str, str]]:
    found = []
    for intent in CATALOGUE.values():
        for name, parameter in intent.parameters.items():
            if parameter.type.name in {"path", "mount"} and intent.is_change is changes:
                found.append((intent.name, name))
    return found


def use_of(intent: Intent, name: str) -> set[str]:
    return {use.use for use in uses_of(intent, values_with(intent, name, "/planted")) if use.path == "/planted"}


@pytest.mark.parametrize(("intent_name", "parameter"), path_parameters(changes=True))
def test_a_change_shows_what_it_plants(intent_name: str, parameter: str) -> None:
    intent = CATALOGUE[intent_name]
    uses = use_of(intent, parameter)
    assert uses or (intent_name, parameter) in CHECKED_ONLY, "every path of a change stands in its step"
    if not uses:
        return
    for path, effect in PLANTED:
        effects = effects_of(intent, values_with(intent, parameter, path), resolve=written)
        if uses == {"create"} and path == "/etc":
            continue  # a new folder has nothing below it
        if uses & CHANGING:
            assert effect in effects, path
        elif uses == {"show"}:
            assert ("secrets" in effects) is ("secrets" in effects_of_path(path)), path
        else:
            assert uses == {"name"}
            assert effects == intent.effects


@pytest.mark.parametrize(("intent_name", "parameter"), path_parameters(changes=False))
def test_a_read_discloses_only_what_it_shows(intent_name: str, parameter: str) -> None:
    intent = CATALOGUE[intent_name]
    shows = "show" in use_of(intent, parameter)
    assert shows == (intent.pack == "text" or intent_name in SHOWING)
    for path, effect in PLANTED:
        effects = effects_of(intent, values_with(intent, parameter, path), resolve=written)
        assert set(effects) <= {"secrets"}
        if effect == "secrets":
            assert ("secrets" in effects) is shows, path


@pytest.mark.parametrize("path", ORDINARY)
def test_an_ordinary_path_raises_no_alarm(path: str) -> None:
    assert effects_of_path(path) == frozenset()


def test_where_a_path_leads_counts_as_well_as_how_it_is_written() -> None:
    intent = CATALOGUE["file.append_line"]
    values: dict[str, Json] = {"path": "/srv/link", "line": "x"}
    assert effects_of(intent, values, resolve=written) == ()
    assert effects_of(intent, values, resolve=lambda _: "/etc/cron.d/x") == ("execution", "persistence")
    planted: dict[str, Json] = {"path": "/etc/cron.d/x", "line": "x"}
    assert effects_of(intent, planted, resolve=lambda _: "/srv/x") == ("execution", "persistence")


def test_writing_in_text_beginning_with_a_slash_is_no_path_in_a_read() -> None:
    values: dict[str, Json] = {"path": "/var/log/app", "text": "/etc/shadow"}
    assert effects_of(CATALOGUE["file.search"], values, resolve=written) == ()


def test_reading_a_public_key_or_the_list_of_accounts_discloses_nothing() -> None:
    for path in ("/home/ann/.ssh/id_ed25519.pub", "/etc/passwd", "/home/ann/.ssh/config"):
        assert effects_of(CATALOGUE["file.show"], {"path": path}, resolve=written) == ()


def test_the_setuid_bit_grants_access() -> None:
    values: dict[str, Json] = {"path": "/srv/tool", "mode": "4755"}
    assert effects_of(CATALOGUE["file.set_mode"], values, resolve=written) == ("access",)
    assert effects_of(CATALOGUE["file.set_mode"], {**values, "mode": "2755"}, resolve=written) == ()


def test_what_grants_is_at_least_disruptive() -> None:
    assert risk_with(Risk.REVERSIBLE, ("access",)) is Risk.DISRUPTIVE
    assert risk_with(Risk.DESTRUCTIVE, ("access",)) is Risk.DESTRUCTIVE
    assert risk_with(Risk.READ, ("secrets",)) is Risk.READ
    assert risk_with(Risk.REVERSIBLE, ()) is Risk.REVERSIBLE


@pytest.mark.parametrize(
    "intent",
    [one for one in CATALOGUE.values() if not one.is_change and not any(p.required for p in one.parameters.values())],
    ids=lambda one: one.name,
)
def test_an_everyday_read_discloses_nothing(intent: Intent) -> None:
    """A script may make it without a rule."""
    for facts in ({"init": "systemd"}, {"init": "openrc", "userland": "busybox"}):
        assert effects_of(intent, {}, resolve=lambda path: path, facts=facts) == intent.effects


def test_an_archive_is_written_of_what_is_read_and_the_other_way_round() -> None:
    values: dict[str, Json] = {"source": "/srv/a", "target": "/srv/a.zip", "path": "/srv/a.zip"}
    packed = {("/srv/a", "show"), ("/srv/a.zip", "change")}
    for name in ("archive.create", "archive.zip"):
        assert {(use.path, use.use) for use in uses_of(CATALOGUE[name], values)} == packed
    unpacked = {("/srv/a.zip", "show"), ("/srv/b", "sweep")}
    for name in ("archive.extract", "archive.merge", "archive.unzip"):
        assert {(use.path, use.use) for use in uses_of(CATALOGUE[name], {**values, "target": "/srv/b"})} == unpacked


def test_a_read_of_a_file_of_the_kernels_asks_the_host_nothing_about_its_path() -> None:
    asked: list[str] = []

    def resolve(path: str) -> str:
        asked.append(path)
        return path

    assert effects_of(CATALOGUE["system.uptime"], {}, resolve=resolve) == ()
    assert asked == []
