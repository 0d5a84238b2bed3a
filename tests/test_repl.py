"""The conversation in a real pseudo-terminal: what a person types and sees."""

import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.support.command import COMMAND, Sayso

pytestmark = [pytest.mark.model, pytest.mark.slow]

LIMIT_S = 20.0
CTRL_C, CTRL_D, ENTER = "\x03", "\x04", "\r"
PROMPT = "\x1b[?2004h"
"""The prompt turns bracketed paste on each time it begins to read."""


class Talk:
    """sayso in a pseudo-terminal of 80 columns and 24 lines."""

    def __init__(self, sayso: Sayso, *words: str) -> None:
        self._master, self._slave = pty.openpty()
        termios.tcsetwinsize(self._slave, (24, 80))
        self.settings_before = self.settings()
        variables = {"TERM": "xterm", "LINES": "24", "COLUMNS": "80", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self.process = subprocess.Popen(
            # Its own session with the terminal as the controlling one: /dev/tty must be this one.
            ["env", "--default-signal=INT", "setsid", "--ctty", *COMMAND, *words],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            cwd=sayso.folder,
            env=sayso.environment(variables),
        )
        self.seen = ""
        self._read_until = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LIMIT_S)
        os.close(self._master)
        os.close(self._slave)

    def settings(self) -> list[object]:
        """The terminal's settings, as tcgetattr(3) has them."""
        return list(termios.tcgetattr(self._slave))

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def wait_for(self, text: str) -> str:
        """Read until `text` is on the screen after what was waited for before; return what came until then."""
        limit = time.monotonic() + LIMIT_S
        while text not in self.seen[self._read_until :]:
            if time.monotonic() > limit or not self._read(0.1):
                raise AssertionError(f"never saw {text!r} in {self.seen[self._read_until :]!r}")
        end = self.seen.index(text, self._read_until) + len(text)
        part = self.seen[self._read_until : end]
        self._read_until = end
        return part

    def wait_for_end(self) -> int:
        """Read until the process ends; return its exit status."""
        limit = time.monotonic() + LIMIT_S
        while self.process.poll() is None and time.monotonic() < limit:
            self._read(0.05)
        return self.process.wait(1)

    def _read(self, wait_s: float) -> bool:
        """Take in what is there; False when nobody will write any more."""
        if select.select([self._master], [], [], wait_s)[0]:
            try:
                self.seen += os.read(self._master, 65536).decode("utf-8", "replace")
            except OSError:
                return False
        return self.process.poll() is None


@pytest.fixture
def sayso(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Sayso:
    return Sayso(tmp_path, cache=tmp_path_factory.getbasetemp() / "sayso-cache")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.conf"
    path.write_text("a = 1\n")
    return path


@pytest.fixture
def talk(sayso: Sayso) -> Iterator[Talk]:
    with Talk(sayso) as talk:
        talk.wait_for("Ctrl-D leaves")
        talk.wait_for(PROMPT)
        yield talk


def test_a_read_is_answered(talk: Talk) -> None:
    talk.type("show me the last 2 lines of /etc/passwd" + ENTER)
    talk.wait_for(Path("/etc/passwd").read_text().splitlines()[-1])
    talk.wait_for(PROMPT)
    talk.type(CTRL_D)
    assert talk.wait_for_end() == 0


def test_a_change_waits_for_yes_and_undo_takes_it_back(talk: Talk, file: Path) -> None:
    order = f"add the line 'b = 2' to {file}"
    talk.type(order + ENTER)
    plan = talk.wait_for("[y/N] ")
    assert "+b = 2" in plan
    assert file.read_text() == "a = 1\n"
    talk.type("n" + ENTER)
    talk.wait_for("Not approved")
    talk.wait_for(PROMPT)
    assert file.read_text() == "a = 1\n"
    talk.type(order + ENTER)
    talk.wait_for("[y/N] ")
    talk.type("y" + ENTER)
    talk.wait_for("takes it back")
    talk.wait_for(PROMPT)
    assert file.read_text() == "a = 1\nb = 2\n"
    talk.type("undo" + ENTER)
    assert "-b = 2" in talk.wait_for("[y/N] ")
    talk.type("y" + ENTER)
    talk.wait_for(PROMPT)
    assert file.read_text() == "a = 1\n"
    talk.type("history" + ENTER)
    talk.wait_for("file.append_line")
    talk.wait_for(PROMPT)


def test_what_was_typed_ahead_approves_nothing(talk: Talk, file: Path) -> None:
    talk.type(f"add the line 'b = 2' to {file}{ENTER}y{ENTER}y{ENTER}")
    talk.wait_for("[y/N] ")
    assert file.read_text() == "a = 1\n"
    talk.type(ENTER)
    talk.wait_for("Not approved")
    assert file.read_text() == "a = 1\n"


def test_ctrl_c_at_the_question_is_no_and_the_conversation_goes_on(talk: Talk, file: Path) -> None:
    talk.type(f"add the line 'b = 2' to {file}{ENTER}")
    talk.wait_for("[y/N] ")
    talk.type(CTRL_C)
    talk.wait_for("Not approved")
    talk.wait_for(PROMPT)
    assert file.read_text() == "a = 1\n"


def test_what_destroys_needs_the_name_typed(talk: Talk, file: Path) -> None:
    talk.type(f"delete the file {file}{ENTER}")
    talk.wait_for("to go on: ")
    talk.type("y" + ENTER)
    talk.wait_for("Not approved")
    talk.wait_for(PROMPT)
    assert file.exists()
    talk.type(f"delete the file {file}{ENTER}")
    talk.wait_for("to go on: ")
    talk.type(f"{file}{ENTER}")
    talk.wait_for(PROMPT)
    assert not file.exists()


def test_ctrl_c_at_the_prompt_goes_on(talk: Talk) -> None:
    talk.type("half a request" + CTRL_C)
    talk.wait_for(PROMPT)
    talk.type("help" + ENTER)
    talk.wait_for("Take back the last change")
    talk.wait_for(PROMPT)
    talk.type("exit" + ENTER)
    assert talk.wait_for_end() == 0


def test_ctrl_c_ends_a_long_read_and_the_next_request_is_answered(talk: Talk, tmp_path: Path) -> None:
    endless = tmp_path / "endless"
    os.mkfifo(endless)
    talk.type(f"show me {endless}{ENTER}")
    until_opened(endless)
    talk.type(CTRL_C)
    talk.wait_for("was stopped")
    talk.wait_for(PROMPT)
    talk.type("which linux is this" + ENTER)
    talk.wait_for("codename")
    talk.wait_for(PROMPT)


def until_opened(fifo: Path) -> None:
    """Wait until a process reads the FIFO, by the files that processes have open or wait to open."""
    limit = time.monotonic() + LIMIT_S
    while time.monotonic() < limit:
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = process.read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"/head") and str(fifo).encode() in words:
                return
        select.select([], [], [], 0.02)
    raise AssertionError("nothing reads the FIFO")


def test_the_terminal_is_left_as_it_was_found(sayso: Sayso, file: Path) -> None:
    with Talk(sayso) as talk:
        talk.wait_for(PROMPT)
        talk.type(f"add the line 'b = 2' to {file}{ENTER}")
        talk.wait_for("[y/N] ")
        talk.type("n" + ENTER)
        talk.wait_for(PROMPT)
        talk.type(CTRL_D)
        assert talk.wait_for_end() == 0
        assert talk.settings() == talk.settings_before


def test_a_signal_at_the_question_leaves_the_terminal_as_it_was(sayso: Sayso, file: Path) -> None:
    with Talk(sayso, f"add the line 'b = 2' to {file}") as talk:
        talk.wait_for("[y/N] ")
        talk.process.send_signal(signal.SIGTERM)
        assert talk.wait_for_end() in {4, 130}
        assert talk.settings() == talk.settings_before
        assert "Traceback" not in talk.seen
    assert file.read_text() == "a = 1\n"


def test_output_to_a_pipe_asks_nothing(sayso: Sayso, file: Path) -> None:
    done = sayso.run(f"add the line 'b = 2' to {file}", stdin=b"y\n")
    assert (done.status, file.read_text()) == (4, "a = 1\n")
    assert "[y/N]" not in done.everything
