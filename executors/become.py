"""How a session acts as another account: what sudo or doas want on which host, and the password, asked for once.

A password lives in this process's memory alone, in an array that `Become.forget` overwrites. It is
written to sudo only, and only after sudo has asked for it: each sudo gets a prompt of its own with
a random mark, and nothing but that mark is answered. It is never part of an argument vector, an
environment, an exception or a representation.
"""

import re
import secrets
import threading
import time
from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias

from executors.accounts import sudo_error
from intents.errors import StepError
from intents.types.visible import visible

Way: TypeAlias = Literal["sudo", "password", "doas"]
"""`sudo`: asks nothing, as far as is known; `password`: sudo wants one; `doas`: there is no sudo."""

TRIES = 3
"""How often a person may type a password: once, and twice more after a wrong one."""
PASSWORD_LIMIT_BYTES = 1023
"""sudo reads no longer ones (SUDO_CONV_REPL_MAX, sudo 1.9)."""
HEARD_LIMIT_BYTES = 64 * 1024


class Prompter(Protocol):
    """Somebody who can type a password."""

    def ask_password(self, prompt: str) -> str | None:
        """Show `prompt`, read a line without showing it; None when nobody answers."""
        ...


class Password:
    """A password in memory. Shows itself to nobody."""

    __slots__ = ("_secret", "is_proven")

    def __init__(self, secret: bytearray) -> None:
        self._secret = secret
        self.is_proven = False
        """Whether a sudo has taken it."""

    def __repr__(self) -> str:
        return "Password(***)"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a password is not written anywhere")

    def text(self) -> bytearray:
        """Return a copy of the password. Whoever writes it clears it afterwards (`clear`)."""
        return bytearray(self._secret)

    def line(self) -> bytearray:
        """Return the line for sudo. Whoever writes it clears it afterwards (`clear`)."""
        line = self.text()
        line.append(0x0A)
        return line

    def forget(self) -> None:
        """Overwrite the password."""
        clear(self._secret)


def clear(secret: bytearray) -> None:
    """Overwrite `secret` in its place."""
    secret[:] = bytes(len(secret))


class Become:
    """What one session knows about acting as other accounts. May be used by several threads at once."""

    def __init__(self, prompter: Prompter | None = None, *, group_of: Callable[[str], str] | None = None) -> None:
        """Take who is asked (nobody when None), and which hosts share a password.

        `group_of` returns the name of a host's become group; without it each host is its own, so
        that no host is sent what was typed for another.
        """
        self._prompter = prompter
        self._group_of = group_of
        self._ways: dict[tuple[str, str], Way] = {}
        self._passwords: dict[tuple[str, str, str], Password] = {}
        self._lock = threading.Lock()
        self._asking = threading.Lock()

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody to ask."""
        return self._prompter is not None

    def way(self, host: str, account: str) -> Way | None:
        """Return how `account` is reached on `host`, None while that isn't known."""
        with self._lock:
            return self._ways.get((host, account))

    def remember(self, host: str, account: str, way: Way) -> None:
        """Note how `account` is reached on `host`."""
        with self._lock:
            self._ways[host, account] = way

    def forget(self) -> None:
        """Overwrite every password; one that is wanted again is asked for again."""
        with self._lock:
            for password in self._passwords.values():
                password.forget()
            self._passwords.clear()

    def dialogue(self, host: str, account: str, argv: tuple[str, ...], *, may_ask: bool = True) -> "Dialogue":
        """Return the conversation with one sudo. `may_ask` False: only a password that is known is given."""
        return Dialogue(self, host, account, argv, may_ask=may_ask and self.can_ask)

    def password(
        self, host: str, person: str, prompt: str, *, refused: Password | None = None, may_ask: bool = True
    ) -> Password | None:
        """Return the password of `person` for `host`: the known one, else (also when it is the `refused` one) a typed one.

        Of threads that want the same one, the first asks and the others wait. None when nobody answers.
        """
        own, shared = self._keys(host, person)
        with self._asking:
            with self._lock:
                known = self._passwords.get(own) or self._passwords.get(shared)
            if known is not None and known is not refused:
                return known
            typed = self._type(host, prompt) if may_ask else None
            if typed is None:
                return None
            with self._lock:
                # What this host refused may be right for the rest of its group, so that it gets one of its own.
                key = own if shared in self._passwords else shared
                replaced = self._passwords.get(key)
                self._passwords[key] = typed
            if replaced is not None:
                replaced.forget()
            return typed

    def reject(self, password: Password) -> None:
        """Forget a password that was refused, unless a sudo has taken it before."""
        if password.is_proven:
            return
        with self._lock:
            self._passwords = {key: kept for key, kept in self._passwords.items() if kept is not password}
        password.forget()

    def _keys(self, host: str, person: str) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
        """Return under what a password is kept: for the host alone, and for its group."""
        own = ("host", host, person)
        return own, own if self._group_of is None else ("group", self._group_of(host), person)

    def _type(self, host: str, prompt: str) -> Password | None:
        typed = None if self._prompter is None else self._prompter.ask_password(prompt)
        if not typed:
            return None
        secret = bytearray(typed, "utf-8", "surrogateescape")
        if len(secret) > PASSWORD_LIMIT_BYTES or any(byte in secret for byte in b"\0\r\n"):
            clear(secret)
            raise StepError(
                "sudo can't take this password: it is too long, or has a line break or NUL in it.",
                remedy=f"Type one of at most {PASSWORD_LIMIT_BYTES} bytes on one line.",
                host=host,
            )
        return Password(secret)


class Dialogue:
    """The conversation with one sudo: hears what it says before the command starts, and answers its prompt."""

    def __init__(self, become: Become, host: str, account: str, argv: tuple[str, ...], *, may_ask: bool) -> None:
        self._become = become
        self._host = host
        self._account = account
        self._argv = argv
        self._may_ask = may_ask
        self._mark = secrets.token_hex(16)
        self._question = re.compile(rf"{self._mark}:([^\n]{{0,256}}?):{self._mark}".encode())
        self._heard = b""
        self._given: Password | None = None
        self._refusals = 0
        self.waited_s = 0.0
        """How long the person was waited for, in seconds: no part of the command's time."""

    @property
    def prompt(self) -> str:
        """The prompt for sudo to show. `%p` is whose password it wants: sudoers may say root's (sudo(8), `-p`)."""
        return f"{self._mark}:%p:{self._mark}"

    def hear(self, said: bytes) -> bytearray | None:
        """Take what sudo wrote; return the line to write when it asks, which the caller clears once written.

        Raises `StepError` when there is no password to give, or the third one was wrong.
        """
        self._heard = (self._heard + said)[-HEARD_LIMIT_BYTES:]
        asked = self._question.search(self._heard)
        if asked is None:
            return None
        before, self._heard = self._heard[: asked.start()], self._heard[asked.end() :]
        person = visible(asked[1].decode("utf-8", "replace"))
        if self._given is not None:
            self._count_refusal(before)
        self._given = self._ask(person)
        return self._given.line()

    def without_prompts(self, said: bytes) -> bytes:
        """Return `said` without sudo's prompts."""
        return self._question.sub(b"", said)

    def succeeded(self) -> None:
        """Note that sudo has started the command: the password that was given is right."""
        if self._given is not None:
            self._given.is_proven = True

    def failed_if_wrong(self, said: bytes) -> None:
        """Forget the password that was given last when sudo gave up because of it."""
        if self._given is not None and b"incorrect password" in said:
            self._become.reject(self._given)

    def error(self, said: bytes) -> StepError:
        """Return the error for what sudo wrote instead of starting the command."""
        return sudo_error(said, as_user=self._account, host=self._host, argv=self._argv)

    def _count_refusal(self, before: bytes) -> None:
        """Count a prompt that came again. sudo says something (`Sorry, try again.`) when the answer was wrong."""
        if not before.strip():
            raise StepError(
                f"sudo asks for something besides the password to act as {self._account}; that can't be given.",
                remedy=f"A second factor can't be typed here: give the account a NOPASSWD rule, or log in as {self._account}.",
                host=self._host,
                argv=self._argv,
                exit_code=1,
            )
        self._refusals += 1
        if self._given is not None:
            self._become.reject(self._given)
        if self._refusals >= TRIES:
            raise self.error(b"sudo: %d incorrect password attempts" % self._refusals)

    def _ask(self, person: str) -> Password:
        where = "this machine" if self._host == "local" else self._host
        again = "That was not the password. " if self._refusals else ""
        prompt = f"{again}[sudo] password of {person} on {where}, to act as {self._account}: "
        started = time.monotonic()
        try:
            given = self._become.password(self._host, person, prompt, refused=self._given, may_ask=self._may_ask)
        finally:
            self.waited_s += time.monotonic() - started
        if given is None:
            raise self.error(b"sudo: a password is required")
        return given
