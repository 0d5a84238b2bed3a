"""Questions at a real pseudo-terminal: a person's side is played through its master end."""

import codecs
import os
import pty
import select
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from shell.terminal import Terminal

Answer = TypeVar("Answer")
PATIENCE_S = 20


class Seat:
    """The person's end: what the terminal shows, and the keys."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self.shown = ""
        # The echo of one character can come in two reads.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def wait_for(self, text: str) -> None:
        while text not in self.shown:
            ready = select.select([self.master], [], [], PATIENCE_S)[0]
            assert ready, f"{text!r} was not shown, only {self.shown!r}"
            self.shown += self._decoder.decode(os.read(self.master, 4096))

    def settings(self) -> list[object]:
        return termios.tcgetattr(self.slave)

    def close(self) -> None:
        for descriptor in (self.master, self.slave):
            os.close(descriptor)


@pytest.fixture
def seat() -> Iterator[Seat]:
    one = Seat()
    yield one
    one.close()


def answered(seat: Seat, ask: Callable[[Terminal], Answer], prompt: str, *keys: bytes) -> Answer:
    """Ask in a thread; type each of `keys` when the prompt has been shown once more."""
    results: list[Answer] = []
    terminal = Terminal.open(device=os.ttyname(seat.slave))
    assert terminal is not None
    with terminal:
        thread = threading.Thread(target=lambda: results.append(ask(terminal)))
        thread.start()
        for typed in keys:
            seat.wait_for(prompt)
            seat.shown = ""
            seat.type(typed)
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    return results[0]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (b"y\n", True), (b"YES\r", True), (b" y \n", True), (b"n\n", False), (b"\n", False), (b"yy\n", False),
        (b"yes please\n", False), (b"\x03", False), (b"y\x03", False), (b"\x04", False), (b"n\x7fy\n", True),
        (b"\xff\n", False),
    ],
)  # fmt: skip
def test_only_a_clear_yes_is_yes(seat: Seat, keys: bytes, *, expected: bool) -> None:
    assert answered(seat, lambda terminal: terminal.ask_yes_no("Do it?"), "Do it? [y/N] ", keys) is expected


def test_what_was_typed_before_the_question_approves_nothing(seat: Seat) -> None:
    seat.type(b"y\ny\nyes\n")
    assert not answered(seat, lambda terminal: terminal.ask_yes_no("Do it?"), "[y/N] ", b"\n")


def test_an_unfinished_line_from_before_is_thrown_away_too(seat: Seat) -> None:
    seat.type(b"ye")
    assert not answered(seat, lambda terminal: terminal.ask_yes_no("Do it?"), "[y/N] ", b"s\n")


def test_the_settings_are_as_before(seat: Seat) -> None:
    raw = termios.tcgetattr(seat.slave)
    raw[3] &= ~(termios.ICANON | termios.ECHO)
    termios.tcsetattr(seat.slave, termios.TCSANOW, raw)
    before = seat.settings()
    assert answered(seat, lambda terminal: terminal.ask_yes_no("Do it?"), "[y/N] ", b"y\n")
    assert seat.settings() == before
    answered(seat, lambda terminal: terminal.ask_yes_no("Do it?"), "[y/N] ", b"\x03")
    assert seat.settings() == before


def test_the_settings_are_as_before_after_an_interrupt(seat: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    before = seat.settings()

    def interrupted(_self: Terminal, _deadline: float | None) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(Terminal, "_read_line", interrupted)
    assert not answered(seat, lambda terminal: terminal.ask_yes_no("Do it?"), "never")
    assert seat.settings() == before


def test_a_terminal_that_goes_away_is_no() -> None:
    seat = Seat()
    terminal = Terminal.open(device=os.ttyname(seat.slave))
    assert terminal is not None
    os.close(seat.slave)
    os.close(seat.master)
    with terminal:
        assert not terminal.ask_yes_no("Do it?")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [(b"nginx.service\n", True), (b"nginx\n", False), (b"y\n", False), (b"\n", False), (b"\x03", False)],
)
def test_a_name_must_be_typed_exactly(seat: Seat, keys: bytes, *, expected: bool) -> None:
    asked = answered(seat, lambda terminal: terminal.ask_typed("nginx.service"), "to go on: ", keys)
    assert asked is expected


def test_an_empty_name_is_never_typed(seat: Seat) -> None:
    assert not answered(seat, lambda terminal: terminal.ask_typed(""), "to go on: ", b"\n")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((b"2\n",), 1), ((b"\n",), None), ((b"\x03",), None), ((b"9\n", b"1\n"), 0), ((b"0\n", b"x\n", b"-1\n"), None),
        (("²\n".encode(), b"2\n"), 1),
    ],
)  # fmt: skip
def test_a_choice_is_made_by_its_number(seat: Seat, keys: tuple[bytes, ...], expected: int | None) -> None:
    first, *further = keys
    results: list[int | None] = []
    terminal = Terminal.open(device=os.ttyname(seat.slave))
    assert terminal is not None
    with terminal:
        thread = threading.Thread(target=lambda: results.append(terminal.ask_choice("Which?", ["one", "t\x1bwo"])))
        thread.start()
        seat.wait_for("empty for none] ")
        assert "  1. one" in seat.shown
        assert "  2. t␛wo" in seat.shown
        seat.type(first)
        for typed in further:
            seat.wait_for("from 1 to 2: ")
            seat.shown = ""
            seat.type(typed)
        thread.join(PATIENCE_S)
    assert results == [expected]


def test_text_is_read_as_a_line(seat: Seat) -> None:
    assert (
        answered(seat, lambda terminal: terminal.ask_text("Which file?"), "Which file? ", b" /tmp/a b \n") == "/tmp/a b"
    )


def test_output_is_stopped_while_a_question_is_open(seat: Seat) -> None:
    events: list[str] = []

    @contextmanager
    def stopped() -> Iterator[None]:
        events.append("stopped")
        yield
        events.append("goes on")

    terminal = Terminal.open(device=os.ttyname(seat.slave), output_stopped=stopped)
    assert terminal is not None
    with terminal:
        thread = threading.Thread(target=lambda: events.append(str(terminal.ask_yes_no("Do it?"))))
        thread.start()
        seat.wait_for("[y/N] ")
        assert events == ["stopped"]
        seat.type(b"y\n")
        thread.join(PATIENCE_S)
    assert events == ["stopped", "goes on", "True"]


def test_what_is_no_terminal_can_not_be_asked() -> None:
    assert Terminal.open(device="/dev/null") is None
    assert Terminal.open(device="/nonexistent/tty") is None
