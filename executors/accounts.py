"""Under which account a command runs on this machine, and what it takes to get there."""

import os
import pwd
import re
from dataclasses import dataclass

from executors.transport import Login
from intents.errors import StepError

LOCAL = "local"

NOT_ALLOWED_PREFIXES = (b"sudo: ", b"Sorry, user ", b"doas: ")
"""How the complaints of sudo 1.9 and doas 6.8 begin (exit code 1). `NAME is not in the sudoers file.` is the one that doesn't."""

_NOT_IN_SUDOERS = rb"is not in the sudoers file|may not run sudo|is not allowed to run sudo"
_IN_NO_SUDOERS = rb"is not in the sudoers file"
_WANTS_PASSWORD = (
    rb"password is required|terminal is required|no password was provided|interactive authentication is required"
)
_ASK_FOR_A_RULE = "Ask the administrator for a rule (`sudo -l` shows yours), or act as {account}."

_REFUSALS: tuple[tuple[bytes, str, str], ...] = (
    (
        rb"(?i)(account|password) (is |has )?(expired|locked)|account validation failure|is your account locked",
        "sudo doesn't let this run as {account}{where}, because the own account or its password has expired or is locked.",
        "Have the administrator renew it (`chage -l NAME` shows the dates).",
    ),
    (
        rb"doas: Auth",
        "This runs as {account}{where}, for which doas wants a password; that can't be given to it here.",
        "Add a `permit nopass` rule to doas.conf, install sudo, or act as {account}.",
    ),
    (
        rb"doas: ",
        "doas doesn't let this run as {account}{where}: {said}",
        "Add a `permit nopass` rule to doas.conf, or act as {account}.",
    ),
    (
        _WANTS_PASSWORD,
        "This runs as {account}{where}, for which sudo wants a password.",
        "{first} a NOPASSWD rule made (`sayso policy sudoers` writes one), or ask at a terminal, where it can be typed.",
    ),
    (
        rb"must have a tty",
        "sudo doesn't let this run as {account}{where}: its sudoers demands a terminal (requiretty), and commands have none.",
        "Take `requiretty` out of sudoers for this account (`Defaults:NAME !requiretty`).",
    ),
    (
        rb"incorrect password attempt|Maximum \d+ incorrect",
        "sudo didn't accept the password to act as {account}{where}; nothing was run.",
        "Ask again with the right password; after several wrong ones the account may be locked for a while.",
    ),
    (
        rb"timed out reading password",
        "sudo waited too long for the password to act as {account}{where}; nothing was run.",
        "Ask again, and type it in time.",
    ),
    (
        _NOT_IN_SUDOERS,
        "This account may not use sudo{where}, so that this can't run as {account}.",
        "Ask the administrator to add it to sudoers, or act as {account}.",
    ),
    (
        rb"is not allowed to (execute|run)",
        "sudoers doesn't let this command run as {account}{where}: {said}",
        _ASK_FOR_A_RULE,
    ),
)
"""What is found in what was said (sudo 1.9.13, opendoas 6.8), the sentence, and what to try; the first one counts."""


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


def sudo_error(said: bytes, *, as_user: str, host: str, argv: tuple[str, ...]) -> StepError:
    """Return the error for a command that sudo or doas didn't start, from what they wrote instead."""
    general = ("sudo doesn't let this run as {account}{where}: {said}", _ASK_FOR_A_RULE)
    sentence, remedy = next((rest for found, *rest in _REFUSALS if re.search(found, said)), general)
    values = {
        "account": as_user,
        "where": "" if host == LOCAL else f" on {host}",
        "said": ascii(said.decode("utf-8", "replace").strip().split("\n")[-1])[1:-1][:200],
        "first": "Run `sudo -v` in this terminal first, or have" if host == LOCAL else "Have",
    }
    return StepError(sentence.format(**values), remedy=remedy.format(**values), host=host, argv=argv, exit_code=1)


def is_refusal(stderr: bytes) -> bool:
    """Whether stderr, of a sudo or doas that ended with 1 and no stdout, is its own complaint and not the command's."""
    return stderr.startswith(NOT_ALLOWED_PREFIXES) or re.match(rb"[^\n]{1,64} " + _IN_NO_SUDOERS, stderr) is not None


def wants_password(said: bytes) -> bool:
    """Whether sudo, told to ask nothing, would have asked for a password."""
    return re.search(_WANTS_PASSWORD, said) is not None


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, entry.pw_dir or "/")
