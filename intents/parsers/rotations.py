"""What a rule of logrotate(8) says, and when its logs were last rotated."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from intents.parsers.conversion import lines_of, rows_of, unexpected
from intents.values import Column, Row

_STATUS = re.compile(r'"(.+)" ([0-9]+(?:-[0-9]+){3}:[0-9]+:[0-9]+)\Z')
"""A line of logrotate's state file, version 2 (its logrotate.c)."""

_SCRIPTS = frozenset("firstaction lastaction prerotate postrotate preremove".split())


def parse_log_rule(output: bytes, columns: tuple[Column, ...], options: Mapping[str, str]) -> list[Row]:
    r"""Read `grep -s -H "" RULE STATE...` to one row of the rule at the path `rule`; none where there is no rule.

    `patterns` are its logs, `rotated` the last rotation of any of them as logrotate writes it; a full hour is when
    it first saw a log, which is no rotation (its logrotate.c, newState). `says_what_is_kept`
    is whether each block has a `rotate` of its own or of the file's top: without it logrotate keeps nothing
    (logrotate(8): 0), unless it is asked together with /etc/logrotate.conf. `has_scripts`: whether it runs commands.
    """
    rule, status = options.get("rule", ""), []
    text: list[str] = []
    for line in lines_of(output):
        path, colon, content = line.partition(":")
        if not colon or not path.startswith("/"):
            raise unexpected("F:log_rule", "lines `PATH:TEXT`", line)
        if path == rule:
            text.append(content.strip())
        elif match := _STATUS.match(content):
            status.append((match[1], match[2]))
    if not text:
        return []
    blocks = list(_blocks(text))
    patterns = [pattern for names, _ in blocks for pattern in names]
    dates = [when for log, when in status if _is_of(log, when, patterns)]
    record = {
        "patterns": patterns,
        "rotated": max(dates, key=_date, default=None),
        "says_what_is_kept": bool(blocks) and all(keeps for _, keeps in blocks),
        "has_scripts": any(line in _SCRIPTS for line in text),
    }
    return rows_of([record], columns)


def _blocks(lines: list[str]) -> Iterator[tuple[list[str], bool]]:
    """Yield (its patterns, whether it says how many old logs are kept) of each block, scripts passed over."""
    names: list[str] = []
    keeps_everywhere = keeps = inside = script = False
    for line in lines:
        if script:
            script = line != "endscript"
        elif line in _SCRIPTS:
            script = True
        elif line == "}":
            yield names, keeps
            names, inside = [], False
        elif not inside and (line.startswith(("/", '"')) or line == "{"):
            names += [one.strip('"') for one in re.findall(r'"[^"]*"|[^\s{}"]+', line)]
            inside, keeps = line.endswith("{"), keeps_everywhere
        elif re.match(r"rotate\s+-?[0-9]", line):
            keeps = True
            keeps_everywhere = keeps_everywhere or not inside


def _is_of(log: str, when: str, patterns: list[str]) -> bool:
    return not when.endswith(":0:0") and any(fnmatchcase(log, pattern) for pattern in patterns)


def _date(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.split("[-:]", text))
