"""How a file's new content is checked before it takes its place: by the program that will read it, or by its syntax."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from executors.edit_crontab import check_system_crontab
from executors.staged_checks import Stage, stage_apache, stage_logrotate, stage_nginx, stage_unit
from intents.errors import CatalogueError
from intents.parsers.keys import key_of_line

BY_PATH = "by_path"
"""The validator that a pack names when the file's path decides."""

CANDIDATE = "{candidate}"
"""The word of a template that stands for the file with the new content."""


@dataclass(frozen=True, slots=True)
class Validator:
    """A check of a whole file: a program on the file's host (exit code 0 is good), a parser here, or one after the other."""

    name: str
    template: tuple[str, ...] = ()
    parse: Callable[[bytes], None] | None = None
    """Raises `ValueError` for content that isn't valid."""
    stage: Stage | None = None
    """Prepares the check of a file that is read as part of others; it may leave it to the template."""
    unknown: str = ""
    """What an older version of the program says of an option of the template: then there is no check."""

    def argv(self, candidate: str) -> tuple[str, ...]:
        """Return the argument vector that checks the file `candidate` (an absolute path)."""
        return tuple(candidate if word == CANDIDATE else word for word in self.template)


def _parse_json(content: bytes) -> None:
    try:
        json.loads(content)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _parse_toml(content: bytes) -> None:
    try:
        tomllib.loads(content.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _parse_yaml(content: bytes) -> None:
    """Syntax alone: tags of applications (`!include`) are theirs, and no alias is expanded."""
    import yaml

    try:
        for _ in yaml.parse(content.decode("utf-8"), Loader=yaml.SafeLoader):
            continue
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


_UNIT_LINE = re.compile(r"\s*(?:[#;].*|\[[A-Za-z][A-Za-z0-9-]*\]|[A-Za-z][A-Za-z0-9_-]*\s*=.*)?\Z")


def _parse_unit(content: bytes) -> None:
    """The form of systemd.syntax(7), where there is no systemd-analyze(1) as well."""
    continues, section = False, False
    for number, line in enumerate(content.decode("utf-8").split("\n"), start=1):
        if not continues and not _UNIT_LINE.match(line):
            raise ValueError(f"line {number} is no section, no `Key=value` and no comment")
        if not continues and "=" in line and not line.lstrip().startswith(("#", ";")) and not section:
            raise ValueError(f"line {number} stands before any section")
        section = section or line.lstrip().startswith("[")
        continues = line.endswith("\\")
    if continues:
        raise ValueError("the last line goes on where nothing follows")


def _parse_authorized_keys(content: bytes) -> None:
    """Each line that is neither empty nor a comment is one public key, sshd(8); sshd itself passes over what is none."""
    for number, line in enumerate(content.decode("utf-8", "surrogateescape").split("\n"), start=1):
        text = line.strip()
        if text and not text.startswith("#") and key_of_line(text)["fingerprint"] is None:
            what = "a private key, which nobody else may have" if "PRIVATE KEY" in text else "no public key"
            raise ValueError(f"line {number} is {what}")


VALIDATORS: Mapping[str, Validator] = {
    validator.name: validator
    for validator in (
        Validator("sshd", ("sshd", "-t", "-f", CANDIDATE)),  # sshd(8)
        Validator("visudo", ("visudo", "-c", "-f", CANDIDATE)),  # visudo(8)
        Validator("fstab", ("findmnt", "--verify", "--tab-file", CANDIDATE)),  # findmnt(8), util-linux 2.29
        # sysctl(8), procps 4; whether the kernel has the settings, not whether it takes the values.
        Validator("sysctl", ("sysctl", "--dry-run", "-p", CANDIDATE), unknown="option"),
        # Its form, and what systemd-analyze(1) says of it where there is systemd.
        Validator("unit", ("systemd-analyze", "verify", CANDIDATE), parse=_parse_unit, stage=stage_unit),
        Validator("nginx", ("nginx", "-t", "-q", "-c", CANDIDATE), stage=stage_nginx),  # nginx(8)
        Validator("apache", ("apache2ctl", "-t", "-f", CANDIDATE), stage=stage_apache),  # apache2ctl(8)
        # logrotate(8), debug mode: nothing is rotated, and no state is written.
        Validator("logrotate", ("logrotate", "-d", CANDIDATE), stage=stage_logrotate),
        Validator("crontab", ("crontab", "-T", CANDIDATE), unknown="option"),  # crontab(1) of cronie, and of Debian 13
        Validator("nft", ("nft", "-c", "-f", CANDIDATE)),  # nft(8)
        Validator("promtool", ("promtool", "check", "config", CANDIDATE)),  # promtool(1)
        Validator("authorized_keys", parse=_parse_authorized_keys),
        Validator("system_crontab", parse=check_system_crontab),
        Validator("json", parse=_parse_json),
        Validator("toml", parse=_parse_toml),
        Validator("yaml", parse=_parse_yaml),
    )
}

_OF_PATHS: tuple[tuple[str, str], ...] = (
    (r"/etc/ssh/sshd_config(\.d/[^/]+)?", "sshd"),
    (r"/etc/sudoers(\.d/[^/]+)?", "visudo"),
    (r"/etc/fstab", "fstab"),
    (r"/etc/nginx/nginx\.conf", "nginx"),
    (r"/etc/nginx/(conf\.d|sites-enabled|sites-available|snippets|modules-enabled|http\.d|default\.d)/[^/]+", "nginx"),
    (
        r"/(etc|run|usr/local/lib|usr/lib|lib)/systemd/system/([^/]+\.d/)?[^/]+\.(conf|service|socket|timer|mount|path|target|slice)",
        "unit",
    ),
    (r"/etc/sysctl\.conf|/etc/sysctl\.d/[^/]+\.conf", "sysctl"),
    (r"/etc/logrotate\.conf|/etc/logrotate\.d/[^/]+", "logrotate"),
    (r"/var/spool/cron/(crontabs/)?[^/]+", "crontab"),
    (r"/etc/apache2/(apache2\.conf|ports\.conf|(sites|conf|mods)-(enabled|available)/[^/]+\.(conf|load))", "apache"),
    (r"/etc/nftables\.conf", "nft"),
    (r"/etc/prometheus/prometheus\.ya?ml", "promtool"),
    (r".*/\.ssh/authorized_keys2?", "authorized_keys"),
    (r"/etc/crontab|/etc/cron\.d/[^/]+", "system_crontab"),
    (r".*\.json", "json"),
    (r".*\.toml", "toml"),
    (r".*\.ya?ml", "yaml"),
)
"""Pattern of the whole path -> validator; the first that fits."""


def validator_for(name: str | None, path: str) -> Validator | None:
    """Return the validator called `name` for the file `path`; None when there is none to run.

    >>> [validator_for("by_path", path).name for path in ("/etc/sudoers.d/ops", "/srv/app.yml")]
    ['visudo', 'yaml']
    >>> validator_for("by_path", "/etc/hosts") is None
    True

    Raises `CatalogueError` for a name that isn't in `VALIDATORS`.
    """
    if name is None:
        return None
    if name == BY_PATH:
        whole = str(PurePosixPath(path))
        found = next((kind for pattern, kind in _OF_PATHS if re.fullmatch(pattern, whole, re.DOTALL)), None)
        return None if found is None else VALIDATORS[found]
    if name not in VALIDATORS:
        raise CatalogueError(
            f"there is no validator {name!a}",
            remedy=f"Use one of: by_path, {', '.join(VALIDATORS)}.",
            where="validator",
        )
    return VALIDATORS[name]
