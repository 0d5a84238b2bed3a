"""Rows as text: into a file through a plan with its diff, by name and with odd values."""

import csv
import json
from pathlib import Path

import pytest

from intents.export import exported
from intents.values import Column, Json
from shell.exit_status import ExitStatus
from shell.road import Options
from tests.support.sessions import session_in


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    path.mkdir()
    (path / 'a "quoted", name').write_text("x" * 10)
    (path / "line\nbreak").write_text("y")
    return path


def test_all_rows_go_into_a_file_that_is_shown_before_it_is_written(tmp_path: Path, folder: Path) -> None:
    report = tmp_path / "report.csv"
    asked = [("file.largest", [f"path={folder}"]), ("file.create", [f"path={report}", "content=@:csv"])]
    with session_in(tmp_path) as session:
        planned = session.run_intents(asked, Options(dry_run=True))
        assert planned.plan is not None
        (step,) = planned.plan.stages[1].hosts["local"]
        assert "+++" in step.diff
        assert not report.exists()
        done = session.run_intents(asked, Options(yes=True))
        assert done.status is ExitStatus.DONE
        with report.open(newline="") as stream:
            paths = {row["path"] for row in csv.DictReader(stream)}
        assert paths == {str(path) for path in folder.iterdir()}
        assert session.undo(done.record, Options(yes=True)).status is ExitStatus.DONE
        assert not report.exists()


def test_rows_after_a_change_do_not_go_into_a_file_unseen(tmp_path: Path, folder: Path) -> None:
    asked = [
        ("file.make_directory", [f"path={folder}/new"]),
        ("file.list", [f"path={folder}"]),
        ("file.create", [f"path={tmp_path}/report.csv", "content=@:csv"]),
    ]
    with session_in(tmp_path) as session:
        refused = session.run_intents(asked, Options(yes=True))
    assert refused.fault is not None
    assert "come after a change" in refused.fault.message


def test_values_stay_what_they_are_and_moments_can_be_read() -> None:
    rows: list[dict[str, Json]] = [
        {"name": "=1+1", "size": 5, "tags": ["a", "b"], "empty": None, "yes": True, "seen": 0}
    ]
    columns = [Column(name) for name in ("name", "size", "tags", "empty", "yes")] + [Column("seen", "moment")]
    (names, values) = csv.reader(exported(rows, columns, "csv").splitlines())
    assert names == list(rows[0])
    assert values == ["=1+1", "5", "a b", "", "true", "1970-01-01T00:00:00Z"]
    assert json.loads(exported(rows, columns, "json")) == [{**rows[0], "seen": "1970-01-01T00:00:00Z"}]
