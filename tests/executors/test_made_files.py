"""A program that makes a file: nobody else reads it, and it is whole or not there."""

from pathlib import Path

import pytest

from executors.local import LocalTransport
from executors.made_files import execute_making
from executors.plan import RunStep
from executors.state import Target
from intents.errors import StepError


@pytest.fixture
def target() -> Target:
    transport = LocalTransport()
    return Target("local", transport, {}, transport.login())


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def making(path: Path, *words: str) -> RunStep:
    return RunStep((*words, f"of={path}"), makes=str(path))


def test_the_file_is_there_with_its_content_and_for_its_owner_alone(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "a dump"
    done = execute_making(target, making(path, "dd", "if=/etc/hostname", "status=none"), str(path), cancel=None)
    assert done.exit_code == 0
    assert path.read_bytes() == Path("/etc/hostname").read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert names_in(tmp_path) == ["a dump"]


def test_what_a_failed_run_wrote_is_gone(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    (tmp_path / "source").write_text("x" * 100)
    step = RunStep(("cp", "--", str(tmp_path / "source"), "/nowhere", str(path)), makes=str(path))
    assert execute_making(target, step, str(path), cancel=None).exit_code == 1
    assert names_in(tmp_path) == ["source"]


def test_nobody_can_read_it_while_it_is_written(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    step = RunStep(
        ("find", str(tmp_path), "-mindepth", "1", "-printf", "%m %y\\n", "-fprint", str(path)), makes=str(path)
    )
    assert execute_making(target, step, str(path), cancel=None).stdout.splitlines()[0] == b"700 d"


def test_what_came_to_the_place_meanwhile_stays(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_text("somebody else's")
    with pytest.raises(StepError):
        execute_making(target, making(path, "dd", "if=/etc/hostname", "status=none"), str(path), cancel=None)
    assert path.read_text() == "somebody else's"
    assert names_in(tmp_path) == ["dump"]


def test_a_folder_that_can_not_be_written_to_is_said(target: Target) -> None:
    path = Path("/proc/dump")
    with pytest.raises(StepError, match="/proc can't be written to"):
        execute_making(target, making(path, "dd", "if=/etc/hostname"), str(path), cancel=None)
