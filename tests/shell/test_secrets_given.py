"""Where a plan's secrets come from, and from where they don't."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from intents.errors import PlanError, RequestError
from intents.types.base import ValueContext
from shell.approval import Nobody
from shell.direct import direct_match
from shell.secrets_given import given_secrets
from tests.support.reads import CATALOGUE
from tests.support.sessions import Approver

NAME = "password of anna"


class Typist(Approver):
    """Types one line after the other."""

    def __init__(self, *lines: str | None) -> None:
        super().__init__()
        self.lines = list(lines)

    @property
    def can_be_asked(self) -> bool:
        return True

    def ask_password(self, prompt: str) -> str | None:
        self.prompts.append(prompt)
        return self.lines.pop(0)


def private(path: Path, content: bytes = b"hunter2\n") -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_nothing_is_asked_where_nothing_is_wanted() -> None:
    assert given_secrets((), Nobody(), None, uid=1000, hosts=["local"]) == {}


def test_it_is_typed_twice_and_named_with_its_host() -> None:
    person = Typist("hunter2", "hunter2")
    given = given_secrets((NAME,), person, None, uid=1000, hosts=["web1", "web2"])
    assert given[NAME].text() == b"hunter2"
    assert person.prompts == ["New password of anna on web1, web2: ", "The same password of anna again: "]
    assert "hunter2" not in repr(given)


def test_two_lines_that_differ_are_asked_for_again() -> None:
    given = given_secrets((NAME,), Typist("hunter2", "hunter3", "other", "other"), None, uid=1000, hosts=["local"])
    assert given[NAME].text() == b"other"


def test_three_times_differently_is_no_password() -> None:
    with pytest.raises(PlanError, match="differently"):
        given_secrets((NAME,), Typist(*"abcdef"), None, uid=1000, hosts=["local"])


@pytest.mark.parametrize("lines", [(None,), ("",), ("a", None)])
def test_who_types_nothing_changes_nothing(lines: tuple[str | None, ...]) -> None:
    with pytest.raises(PlanError, match="not given"):
        given_secrets((NAME,), Typist(*lines), None, uid=1000, hosts=["local"])


def test_nobody_is_told_of_the_file() -> None:
    with pytest.raises(PlanError) as raised:
        given_secrets((NAME,), Nobody(), None, uid=1000, hosts=["local"])
    assert "--secret-file" in raised.value.remedy


def test_the_line_of_a_private_file_is_taken(tmp_path: Path) -> None:
    given = given_secrets((NAME,), Nobody(), private(tmp_path / "it"), uid=os.getuid(), hosts=["local"])
    assert given[NAME].text() == b"hunter2"


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines\n", b"nul\0\n", b"x" * 4097])
def test_what_is_no_single_line_is_refused_unquoted(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(RequestError) as raised:
        given_secrets((NAME,), Nobody(), private(tmp_path / "it", content), uid=os.getuid(), hosts=["local"])
    assert not any(line and line.decode() in str(raised.value) for line in content.split(b"\n"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_file_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    file = private(tmp_path / "it")
    file.chmod(mode)
    with pytest.raises(RequestError, match="Others may"):
        given_secrets((NAME,), Nobody(), file, uid=os.getuid(), hosts=["local"])


def test_a_link_and_a_pipe_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(private(tmp_path / "it"))
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("link", "pipe", "absent"):
        with pytest.raises(RequestError):
            given_secrets((NAME,), Nobody(), tmp_path / name, uid=os.getuid(), hosts=["local"])


def test_one_file_is_not_used_for_two_secrets(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="one secret"):
        given_secrets((NAME, "password of bob"), Nobody(), private(tmp_path / "it"), uid=os.getuid(), hosts=["local"])


@pytest.mark.parametrize("text", ["hunter2", "@name"])
def test_no_pair_of_run_gives_it(text: str) -> None:
    context = ValueContext(datetime.now(UTC), "/", "/")
    with pytest.raises(RequestError) as raised:
        direct_match(CATALOGUE["user.set_password"], ["user=root", f"password={text}"], context, place=1)
    assert "hunter2" not in str(raised.value)
