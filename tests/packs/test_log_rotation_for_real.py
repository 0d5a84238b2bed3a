"""Rules of logrotate, by a real one: what the rule that is written does, and how its rotation is told from none."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from executors.edits import apply_edit
from intents.parsers import parse_output
from intents.values import Column, Row

PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
pytestmark = pytest.mark.skipif(shutil.which("logrotate", path=PATH) is None, reason="needs the program logrotate")
COLUMNS = (
    Column("patterns", "list"),
    Column("rotated"),
    Column("says_what_is_kept", "boolean"),
    Column("has_scripts", "boolean"),
)


class Place:
    """A folder of logs, a rule and a state file of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.logs, self.rule, self.status = folder / "my logs", folder / "rule", folder / "status"
        self.logs.mkdir(mode=0o755)

    def write(self, content: bytes) -> None:
        self.rule.write_bytes(content)
        self.rule.chmod(0o644)

    def rotate(self) -> None:
        """As the vector of log.rotate does, but for the state file."""
        subprocess.run(
            ["logrotate", "-v", "-f", "-s", str(self.status), str(self.rule)],
            check=True,
            capture_output=True,
            env={"PATH": PATH},
        )

    def state(self) -> Row:
        argv = ["grep", "-s", "-H", "-e", "", "--", str(self.rule), str(self.status)]
        output = subprocess.run(argv, capture_output=True, check=False).stdout
        (row,) = parse_output("F:log_rule", output, COLUMNS, {"rule": str(self.rule)})
        return row


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def written(place: Place, keep: int) -> bytes:
    arguments = {"pattern": f"{place.logs}/*.log", "every": "weekly", "keep": str(keep)}
    content = apply_edit("write_log_rotation", b"", arguments)
    assert content is not None
    return content


def test_the_rule_that_is_written_keeps_as_many_as_it_says_and_the_program_its_file(place: Place) -> None:
    place.write(written(place, 2))
    log = place.logs / "app.log"
    with log.open("a") as program:
        for round_ in range(4):
            program.write(f"{round_}\n")
            program.flush()
            place.rotate()
    assert sorted(path.name for path in place.logs.iterdir()) == ["app.log", "app.log.1.gz", "app.log.2.gz"]
    assert log.read_bytes() == b""


def test_a_rotation_shows_in_the_state_and_an_empty_log_is_none(place: Place) -> None:
    place.write(written(place, 2))
    (place.logs / "app.log").write_text("")
    before = place.state()
    assert (before["rotated"], before["says_what_is_kept"], before["has_scripts"]) == (None, True, False)
    assert before["patterns"] == [f"{place.logs}/*.log"]
    place.rotate()
    assert place.state()["rotated"] is None
    (place.logs / "app.log").write_text("a line\n")
    place.rotate()
    assert place.state()["rotated"] is not None


def test_a_rule_that_says_nothing_of_it_keeps_nothing_and_the_state_warns_of_that(place: Place) -> None:
    place.write(f'"{place.logs}/*.log" {{\n\tweekly\n}}\n'.encode())
    assert place.state()["says_what_is_kept"] is False
    (place.logs / "app.log").write_text("gone\n")
    place.rotate()
    assert list(place.logs.iterdir()) == []
