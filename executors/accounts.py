"""Under which account a command runs on this machine, and what it takes to get there."""

import os
import pwd
from dataclasses import dataclass

from executors.transport import Login
from intents.errors import StepError

NOT_ALLOWED_PREFIXES = (b"sudo:", b"Sorry, user ")
"""How sudo's own complaints begin (sudo 1.9, exit code 1): no password, not in sudoers, not allowed."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the kernel and a command's environment know it."""

    uid: int
    gid: int
    name: str
    home: str

    @property
    def group_ids(self) -> tuple[int, ...]:
        """The groups that a login of the account has."""
        return tuple(os.getgrouplist(self.name, self.gid))

    @property
    def environment(self) -> dict[str, str]:
        """HOME, USER and LOGNAME."""
        return {"HOME": self.home, "USER": self.name, "LOGNAME": self.name}


def own_account() -> Account:
    """Return the account with the effective uid; a uid without an entry gets its number as name, and `/` as home."""
    uid = os.geteuid()
    try:
        return _account(pwd.getpwuid(uid))
    except KeyError:
        return Account(uid, os.getegid(), str(uid), "/")


def account_named(name: str, *, host: str) -> Account:
    """Return the account called `name`. Raises `StepError` when there is none."""
    try:
        return _account(pwd.getpwnam(name))
    except (KeyError, ValueError) as error:
        raise StepError(
            f"There is no account {name!a} here.", remedy="Check its spelling with `getent passwd`.", host=host
        ) from error


def own_login(directory: str) -> Login:
    """Return the own account as a transport tells it."""
    own = own_account()
    return Login(uid=own.uid, user=own.name, home=own.home, directory=directory)


def sudo_error(stderr: bytes, *, as_user: str, host: str, argv: tuple[str, ...]) -> StepError:
    """Return the error for a command that sudo didn't start, from what sudo wrote."""
    said = ascii(stderr.decode("utf-8", "replace").strip().split("\n")[0])[1:-1][:200]
    if b"password is required" in stderr or b"terminal is required" in stderr:
        return StepError(
            f"This runs as {as_user}, for which sudo wants a password.",
            remedy="Run `sudo -v` in this terminal first, and then ask again.",
            host=host,
            argv=argv,
            exit_code=1,
        )
    return StepError(
        f"sudo doesn't let this run as {as_user}: {said}",
        remedy="Ask the administrator for a rule (`sudo -l` shows yours), or act as root.",
        host=host,
        argv=argv,
        exit_code=1,
    )


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, entry.pw_dir or "/")
