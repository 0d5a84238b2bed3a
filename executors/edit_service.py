"""The unit file of a service from typed parts: a command of words, an account, a folder (systemd.service(5))."""

import re
import shlex

from executors.edit_lines import refuse_line_break
from intents.errors import ValueRejected

_PROGRAM = re.compile(r"/[A-Za-z0-9_+./-]*[A-Za-z0-9_+.-]")
"""Without the marks that systemd reads before a program (`@`, `-`, `:`, `+`, `!`) and without blanks."""

_SHELLS = frozenset("sh bash dash zsh ksh ash fish busybox".split())
"""Programs to which `-c` gives a text that is read as a program."""

_ACCOUNT = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?")


def write_service(
    before: bytes,
    command: bytes,
    description: bytes,
    *,
    user: bytes = b"",
    directory: bytes = b"",
    restart: bytes = b"on-failure",
) -> bytes:
    r"""Return a unit file that runs `command` as `user` (root where none is named), restarted as `restart` says.

    The command is split into words as a shell would split them, but nothing in it is expanded, by nobody.

    >>> print(write_service(b"", b"/opt/app/run --rate 50%", b"The app", user=b"deploy").decode())
    [Unit]
    Description=The app
    After=network.target
    <BLANKLINE>
    [Service]
    ExecStart=/opt/app/run "--rate" "50%%"
    User=deploy
    Restart=on-failure
    <BLANKLINE>
    [Install]
    WantedBy=multi-user.target
    <BLANKLINE>

    Raises `ValueRejected` for a program without its absolute path, for a shell with `-c`, and where another unit
    file is there already.
    """
    for text, what in ((command, "command"), (description, "description"), (directory, "directory")):
        refuse_line_break(text, what)
        _refuse_end(text)
    if user and not _ACCOUNT.fullmatch(user):
        raise ValueRejected("This is not the name of an account.", remedy="Name an account that exists.")
    if directory and not directory.startswith(b"/"):
        raise ValueRejected("A service's directory is an absolute path.", remedy="Write it from / on.")
    service = [b"ExecStart=" + _exec_start(command)]
    service += [b"User=" + user] if user else []
    service += [b"WorkingDirectory=" + directory.replace(b"%", b"%%")] if directory else []
    service += [b"Restart=" + restart]
    lines = [
        b"[Unit]",
        b"Description=" + description.strip().replace(b"%", b"%%"),
        b"After=network.target",
        b"",
        b"[Service]",
        *service,
        b"",
        b"[Install]",
        b"WantedBy=multi-user.target",
        b"",
    ]
    after = b"\n".join(lines)
    if before.strip() and before != after:
        raise ValueRejected(
            "There is a service of that name already, which is another one.",
            remedy="Choose another name, or remove that service first.",
        )
    return after


def _exec_start(command: bytes) -> bytes:
    try:
        words = shlex.split(command.decode("utf-8"))
    except ValueError as error:
        raise ValueRejected(f"The command can't be read: {error}.", remedy="Close every quote.") from error
    if not words or not _PROGRAM.fullmatch(words[0]):
        raise ValueRejected(
            "A service's program is named by its absolute path.", remedy="Write it like /opt/app/run --port 8080."
        )
    if words[0].rpartition("/")[2] in _SHELLS and any(re.fullmatch("-[a-z]*c[a-z]*", word) for word in words[1:]):
        raise ValueRejected(
            "A service's command is one program with its arguments, not a text for a shell.",
            remedy="Put that text into a script, and name the script.",
        )
    return " ".join((words[0], *(quoted_word(word) for word in words[1:]))).encode("utf-8")


def quoted_word(word: str) -> str:
    r"""Return a word as it stands in a command line of a unit, so that it means itself alone.

    systemd.service(5), "Command lines": `%` begins a specifier and `$` a variable, doubled they are literal; within
    double quotes a backslash escapes itself and the quote.

    >>> print(quoted_word('say "$HOME" at 5%'))
    "say \"$$HOME\" at 5%%"
    """
    if re.search(r"[\x00-\x1f\x7f]", word):
        raise ValueRejected("A command has no control characters.", remedy="Leave them out.")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _refuse_end(text: bytes) -> None:
    if text.endswith(b"\\"):
        raise ValueRejected("A backslash at the end would go on in the next line.", remedy="Leave it out.")
