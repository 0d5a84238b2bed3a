"""Rules of sudoers(5) in a drop-in file of our own: one rule on a line, for one account and one program."""

import re

from executors.edit_lines import refuse_line_break, split_lines, with_line_end
from intents.errors import ValueRejected

_SPECIAL = re.compile(rb"[,:=\\ !()\[\]*?#\"]")
"""sudoers(5), "Other special characters and reserved words", and the wildcards: each is escaped."""

_ACCOUNT = re.compile(rb"%?[A-Za-z0-9_][A-Za-z0-9_.-]*\$?")


def allow_sudo(
    before: bytes, user: bytes, program: bytes, *, run_as: bytes = b"root", without_password: bool = False
) -> bytes:
    r"""Return the content with a rule that lets `user` run `program` (an absolute path, or ALL) as `run_as`.

    The program may be run with any arguments. An account's name that begins with `%` is a group.

    >>> allow_sudo(b"", b"deploy", b"/usr/bin/systemctl")
    b'deploy ALL=(root) /usr/bin/systemctl\n'
    """
    _check(user, run_as, program)
    tag = b"NOPASSWD: " if without_password else b""
    rule = user + b" ALL=(" + run_as + b") " + tag + _escaped(program)
    others = {line.strip() for line in split_lines(before)}
    return before if rule in others else with_line_end(before) + rule + b"\n"


def revoke_sudo(before: bytes, user: bytes, program: bytes) -> bytes:
    r"""Return the content without the rules that let `user` run `program`, with a password or without.

    >>> revoke_sudo(b"deploy ALL=(root) NOPASSWD: /usr/bin/id\nops ALL=(root) ALL\n", b"deploy", b"/usr/bin/id")
    b'ops ALL=(root) ALL\n'
    """
    _check(user, b"root", program)
    rule = re.compile(re.escape(user) + rb" ALL=\([^)]*\) (?:NOPASSWD: )?" + re.escape(_escaped(program)))
    return b"".join(line for line in split_lines(before) if not rule.fullmatch(line.strip()))


def _check(user: bytes, run_as: bytes, program: bytes) -> None:
    refuse_line_break(program, "program")
    if not _ACCOUNT.fullmatch(user) or not _ACCOUNT.fullmatch(run_as) or b"ALL" in {user, run_as}:
        raise ValueRejected("A rule is for one account, as one account.", remedy="Name an account that exists.")
    if program != b"ALL" and (not program.startswith(b"/") or program.endswith(b"/") or b"/../" in program):
        raise ValueRejected("sudo knows a program by its absolute path.", remedy="Write it like /usr/bin/systemctl.")


def _escaped(program: bytes) -> bytes:
    return _SPECIAL.sub(rb"\\\g<0>", program)
