"""Where the secrets of a plan come from: the terminal, without echo and twice, or a private file that a script names."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from executors.become import Password, clear
from intents.errors import PlanError, RequestError
from shell.approval import Person

LIMIT_BYTES = 4096
"""The longest line that a terminal hands over (termios(3), canonical mode)."""
TRIES = 3
"""How often two lines that differ are asked for again."""

_ROOT = 0
_OTHERS = 0o077


@contextmanager
def held_secrets(
    names: Sequence[str], person: Person, file: Path | None, *, uid: int, hosts: Sequence[str]
) -> Iterator[dict[str, Password]]:
    """Give what `given_secrets` returns for as long as it is used, and overwrite it then."""
    secrets = given_secrets(names, person, file, uid=uid, hosts=hosts)
    try:
        yield secrets
    finally:
        for secret in secrets.values():
            secret.forget()


def given_secrets(
    names: Sequence[str], person: Person, file: Path | None, *, uid: int, hosts: Sequence[str]
) -> dict[str, Password]:
    """Return name -> secret for what a plan wants. `uid` is who runs sayso, `hosts` where it will be used.

    Raises `PlanError` where nobody gives one, `RequestError` where the file can't be used. Nothing of a secret is in either.
    """
    if not names:
        return {}
    if file is None:
        return {name: _asked(name, person, hosts) for name in names}
    if len(names) > 1:
        raise RequestError(
            f"--secret-file holds one secret, and {len(names)} are wanted: {', '.join(names)}.",
            remedy="Ask for one change at a time.",
        )
    return {names[0]: _from_file(file, uid)}


def _asked(name: str, person: Person, hosts: Sequence[str]) -> Password:
    where = "" if list(hosts) == ["local"] else f" on {', '.join(hosts)}"
    again = ""
    for _ in range(TRIES):
        first = person.ask_password(f"{again}New {name}{where}: ") if person.can_be_asked else None
        second = person.ask_password(f"The same {name} again: ") if first else None
        if not first or second is None:
            raise PlanError(
                f"The {name} was not given, so nothing was changed.",
                remedy="It is asked for at a terminal; a script has --secret-file FILE.",
            )
        if first == second:
            return _checked(bytearray(first, "utf-8", "surrogateescape"), f"This {name}")
        again = "The two were not the same. "
    raise PlanError(f"The {name} was typed differently {TRIES} times, so nothing was changed.", remedy="Ask again.")


def _from_file(path: Path, uid: int) -> Password:
    """Read a file of one line that nobody but its owner may read: ours or root's, no link, no pipe."""
    try:
        # Without O_NONBLOCK a named pipe would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise RequestError(f"{path} can't be read: {why}.", remedy="Name the file that holds the secret.") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise RequestError(f"{path} is no regular file.", remedy="Name the file that holds the secret.")
        if status.st_uid not in {uid, _ROOT} or status.st_mode & _OTHERS:
            raise RequestError(
                f"Others may read or change {path} (mode {stat.S_IMODE(status.st_mode):04o}, owner {status.st_uid}).",
                remedy=f"Make it yours alone: chmod 600 {path}",
            )
        content = bytearray(os.read(descriptor, LIMIT_BYTES + 2))
    finally:
        os.close(descriptor)
    if content.endswith(b"\n"):
        del content[-1]
    return _checked(content, f"The secret in {path}")


def _checked(content: bytearray, what: str) -> Password:
    """Return the secret: one line of text that isn't empty. Raises `RequestError`, which quotes nothing of it."""
    if not content or len(content) > LIMIT_BYTES or any(byte in content for byte in b"\0\r\n"):
        clear(content)
        raise RequestError(f"{what} can't be used.", remedy=f"Give one line of at most {LIMIT_BYTES} bytes.")
    return Password(content)
