"""A rule of logrotate(8) from typed parts: which logs, how often, how many old ones are kept."""

import re
from fnmatch import fnmatchcase

from executors.edit_lines import refuse_line_break
from intents.errors import ValueRejected

_PATTERN = re.compile(rb"/[^\x00-\x1f\x7f\"'\\{}#,;$~]+")
"""What logrotate reads as itself, within quotes where there is a blank (its config.c splits words as popt does)."""

_EVERY = frozenset({b"daily", b"weekly", b"monthly"})


def write_log_rotation(before: bytes, pattern: bytes, every: bytes, keep: bytes) -> bytes:
    r"""Return a rule that rotates the logs of `pattern` `every` so often and keeps `keep` old ones of each, packed.

    A log is copied and then emptied, so that a program that has it open goes on writing into it (logrotate(8),
    copytruncate); what it writes in between is lost.

    >>> print(write_log_rotation(b"", b"/srv/app/*.log", b"weekly", b"8").decode().expandtabs(4))
    /srv/app/*.log {
        weekly
        rotate 8
        missingok
        notifempty
        compress
        copytruncate
    }
    <BLANKLINE>

    Raises `ValueRejected` for a pattern that is no absolute path, or that fits the old logs as well, and where
    another rule is there already.
    """
    refuse_line_break(pattern, "pattern")
    if not _PATTERN.fullmatch(pattern) or any(part in {b"", b".", b".."} for part in pattern[1:].split(b"/")):
        raise ValueRejected(
            "The logs are named by an absolute path, without quotes, braces and their like.",
            remedy="Write it like /srv/app/*.log.",
        )
    if _fits_old_logs(pattern):
        raise ValueRejected(
            "The pattern fits what is rotated as well, which would be rotated again and again.",
            remedy="Let it end as the logs do, like *.log.",
        )
    if every not in _EVERY or not re.fullmatch(rb"[1-9][0-9]{0,3}", keep):
        raise ValueRejected("Logs are rotated daily, weekly or monthly, and 1 to 9999 are kept.", remedy="Say both.")
    head = b'"' + pattern + b'"' if b" " in pattern else pattern
    directives = (every, b"rotate " + keep, b"missingok", b"notifempty", b"compress", b"copytruncate")
    after = b"\n".join([head + b" {", *(b"\t" + one for one in directives), b"}", b""])
    if before.strip() and before != after:
        raise ValueRejected(
            "There is a rule of that name already, which is another one.",
            remedy="Choose another name, or remove that file of /etc/logrotate.d first.",
        )
    return after


def _fits_old_logs(pattern: bytes) -> bool:
    """Whether a log that the pattern fits would still fit it as `log.1` or `log.1.gz`: what the last `*` takes."""
    _, star, end = pattern.rpartition(b"/")[2].decode("utf-8", "surrogateescape").rpartition("*")
    return bool(star) and any(fnmatchcase(old, f"*{end}") for old in (".1", ".1.gz"))
