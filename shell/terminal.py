"""Questions to the person at the terminal itself, never to a pipe.

An approval is read from the terminal device, after everything that was typed or pasted before the
question is thrown away, and with other output stopped. Ctrl-C, end of input and a lost terminal all
mean no. The terminal is left as it was found, whatever happens.
"""

import os
import select
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Self

from shell.visible import visible

DEVICE = "/dev/tty"
QUIET_S = 0.1
"""How long nothing may arrive before a question is shown: the rest of a paste comes faster, a person doesn't."""
TRIES = 3
"""How often an answer that is none of the choices is asked for again."""

_CTRL_C = b"\x03"
_LINE_LIMIT_BYTES = 4096
_READ_BYTES = 1024
_LOCAL_FLAGS = 3
_CONTROL_CHARACTERS = 6


class Terminal:
    """An open terminal device. Use as a context manager, or call `close`.

    `output_stopped` gives a context in which nobody else writes to the terminal (progress, streams).
    """

    def __init__(
        self, descriptor: int, *, output_stopped: Callable[[], AbstractContextManager[object]] = nullcontext
    ) -> None:
        self._descriptor = descriptor
        self._output_stopped = output_stopped

    @classmethod
    def open(
        cls,
        *,
        device: str = DEVICE,
        output_stopped: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> "Terminal | None":
        """Return the controlling terminal, or None when there is none: then nobody can be asked."""
        try:
            descriptor = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            return None
        if os.isatty(descriptor):
            return cls(descriptor, output_stopped=output_stopped)
        os.close(descriptor)
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the device back."""
        with suppress(OSError):
            os.close(self._descriptor)

    def ask_yes_no(self, question: str, *, limit_s: float | None = None) -> bool:
        """Return True only for a clear `y` or `yes`; an empty line, anything else, Ctrl-C and end of input are no.

        So is no answer within `limit_s`.
        """
        answer = self._ask(f"{visible(question)} [y/N] ", limit_s=limit_s)
        return answer is not None and answer.strip().casefold() in {"y", "yes"}

    def ask_typed(self, name: str) -> bool:
        """Return whether the person typed exactly `name`, the object that will be affected."""
        answer = self._ask(f"Type {visible(name)} to go on: ")
        return answer is not None and name.strip() != "" and answer.strip() == name

    def ask_choice(self, question: str, choices: Sequence[str]) -> int | None:
        """Return the index (from 0) of the choice that was numbered; None when none was taken."""
        lines = [visible(question), *(f"  {number}. {visible(one)}" for number, one in enumerate(choices, start=1))]
        prompt = "\n".join([*lines, f"[1-{len(choices)}, empty for none] "])
        for _ in range(TRIES):
            answer = self._ask(prompt)
            if answer is None or not answer.strip():
                return None
            if answer.strip().isascii() and answer.strip().isdigit() and 1 <= int(answer) <= len(choices):
                return int(answer) - 1
            prompt = f"Please type a number from 1 to {len(choices)}: "
        return None

    def ask_text(self, question: str) -> str | None:
        """Return the line that was typed, without blanks around it; None for an empty one, Ctrl-C and end of input."""
        answer = self._ask(f"{visible(question)} ")
        return (answer or "").strip() or None

    def ask_password(self, prompt: str) -> str | None:
        """Return what was typed, unseen and as it is; None for Ctrl-C and end of input."""
        return self._ask(f"{visible(prompt)} ", echo=False)

    def _ask(self, prompt: str, *, limit_s: float | None = None, echo: bool = True) -> str | None:
        """Return one typed line, None for Ctrl-C, end of input or a terminal that went away."""
        with self._output_stopped():
            try:
                with self._settings_kept():
                    self._discard_pending()
                    self._set_line_mode(echo=echo)
                    self._write(prompt)
                    return self._read_line(None if limit_s is None else time.monotonic() + limit_s)
            except (KeyboardInterrupt, OSError, termios.error):
                with suppress(OSError):
                    self._write("\n")
                return None

    @contextmanager
    def _settings_kept(self) -> Iterator[None]:
        kept = termios.tcgetattr(self._descriptor)
        try:
            yield
        finally:
            with suppress(termios.error):
                termios.tcsetattr(self._descriptor, termios.TCSADRAIN, kept)

    def _discard_pending(self) -> None:
        """Throw away what was typed ahead, and go on until nothing more arrives.

        Without ICANON every byte of an unfinished line can be seen; without ECHO it isn't shown.
        """
        settings = termios.tcgetattr(self._descriptor)
        settings[_LOCAL_FLAGS] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
        termios.tcsetattr(self._descriptor, termios.TCSAFLUSH, settings)
        while select.select([self._descriptor], [], [], QUIET_S)[0]:
            if not os.read(self._descriptor, _READ_BYTES):
                raise OSError("the terminal went away")
            termios.tcflush(self._descriptor, termios.TCIFLUSH)

    def _set_line_mode(self, *, echo: bool) -> None:
        """Lines with editing, and with echo but for a password; Ctrl-C ends the line as a character, so that it interrupts nothing else."""
        settings = termios.tcgetattr(self._descriptor)
        settings[0] = (settings[0] | termios.ICRNL) & ~(termios.IGNCR | termios.INLCR)
        settings[1] |= termios.OPOST | termios.ONLCR
        settings[_LOCAL_FLAGS] |= termios.ICANON | ((termios.ECHO | termios.ECHOE) if echo else termios.ECHONL)
        settings[_LOCAL_FLAGS] &= ~(0 if echo else termios.ECHO)
        settings[_LOCAL_FLAGS] &= ~termios.ISIG
        settings[_CONTROL_CHARACTERS][termios.VEOL] = _CTRL_C
        termios.tcsetattr(self._descriptor, termios.TCSAFLUSH, settings)

    def _write(self, text: str) -> None:
        waiting = text.encode("utf-8", "backslashreplace")
        while waiting:
            waiting = waiting[os.write(self._descriptor, waiting) :]

    def _read_line(self, deadline: float | None) -> str | None:
        line = b""
        while not line.endswith(b"\n"):
            left_s = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._descriptor], [], [], left_s)[0]:
                self._write("\n")
                return None
            chunk = os.read(self._descriptor, _READ_BYTES)
            line += chunk
            if not chunk or _CTRL_C in chunk or len(line) > _LINE_LIMIT_BYTES:
                self._write("\n")
                return None
        return line.decode("utf-8", "replace").rstrip("\n")
