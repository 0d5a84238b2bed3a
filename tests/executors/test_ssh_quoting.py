"""The one quoting function, checked against real shells."""

import os
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from executors.ssh_quoting import quote_for_posix_shell

AWKWARD = [
    "",
    " ",
    "\n",
    "'",
    '"',
    "\\",
    "\\\\",
    "$(id)",
    "`id`",
    "$HOME",
    "-n",
    "--",
    "*",
    "~",
    "!!",
    "a\tb",
    "é😀",
    "#",
    ";",
    "{a,b}",
    "'\\''",
]

words = st.lists(
    st.one_of(st.sampled_from(AWKWARD), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))),
    min_size=1,
    max_size=6,
)


def _as_read_by(shell: str, argv: list[str]) -> list[str]:
    """Return the words that `shell -c` makes of the quoted text, as a program gets them."""
    text = quote_for_posix_shell(["/usr/bin/printf", "%s\\0", *argv])
    done = subprocess.run([shell, "-c", os.fsencode(text)], capture_output=True, check=True, timeout=20)
    return [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(words)
@example(AWKWARD)
@example(["caf\udce9"])
def test_a_shell_reads_back_exactly_the_words(argv: list[str]) -> None:
    assert _as_read_by("/bin/sh", argv) == argv


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "ksh"])
def test_every_posix_shell_reads_the_awkward_words(shell: str) -> None:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} isn't installed")
    assert _as_read_by(path, AWKWARD) == AWKWARD


@pytest.mark.parametrize("argv", [[], ["printf", "a\0b"], ["a\0"]])
def test_what_no_vector_can_be_is_refused(argv: list[str]) -> None:
    with pytest.raises(ValueError, match=r"NUL|empty"):
        quote_for_posix_shell(argv)
