"""A change may declare further steps: planned, shown and recorded after it, only where it has something to do."""

from pathlib import Path

import pytest

from executors.follow_ups import without_declared
from intents.catalogue import Catalogue
from intents.errors import CatalogueError
from shell.exit_status import ExitStatus
from shell.road import Options
from tests.support.sessions import session_in

ENTRIES = """
stamp.set:
  summary: Write the stamp
  risk: reversible
  parameters:
    file: {type: path, required: true}
    line: {type: text, required: true}
    copy: {type: path, required: true}
  examples: [stamp it with one line please, stamp two of them, a stamp is wanted here, put the stamp of three]
  near_misses: [{text: stamp collecting, intent: null}, {text: stampede, intent: null}]
  edit: {path: "{file}", operation: append_line, with: {line: "{line}"}, create: true}
  then: [{intent: stamp.copy, with: {file: "{file}", copy: "{copy}"}}]
stamp.copy:
  summary: Copy the stamp over its copy
  risk: reversible
  parameters:
    file: {type: path, required: true}
    copy: {type: path, required: true}
  examples: [renew the copy of that stamp, copying stamps is a hobby, once more onto the copy, stamp duty]
  near_misses: [{text: stamp collecting, intent: null}, {text: stampede, intent: null}]
  state:
    run: [stat, "--printf=%n\\\\0", --, "{file}"]
    parse: nul
    columns: [{name: path, type: path}]
  change: {run: [cp, --, "{file}", "{copy}"]}
  expect: {path: "{file}"}
  always: true
  undo: {impossible: "a copy is made anew from the file"}
"""


def _packs(entries: str) -> dict[Path, bytes]:
    return {Path("/packs/stamp.yml"): entries.encode()}


def test_a_then_may_name_only_what_exists_and_must_fill_what_is_needed() -> None:
    with pytest.raises(CatalogueError, match="doesn't exist"):
        Catalogue.load(user_packs=_packs(ENTRIES.replace("intent: stamp.copy, with", "intent: stamp.no, with")))
    with pytest.raises(CatalogueError, match="needs `copy`"):
        Catalogue.load(user_packs=_packs(ENTRIES.replace(', copy: "{copy}"}}]', "}}]")))
    with pytest.raises(CatalogueError, match="no parameter `other`"):
        Catalogue.load(user_packs=_packs(ENTRIES.replace(', copy: "{copy}"}}]', ', other: "{copy}"}}]')))


def test_a_follow_up_runs_after_the_change_and_again_when_it_is_taken_back(tmp_path: Path) -> None:
    file, copy = tmp_path / "stamp", tmp_path / "copy"
    file.write_text("old\n")
    asked = [("stamp.set", [f"file={file}", "line=new", f"copy={copy}"])]
    with session_in(tmp_path, user_packs=_packs(ENTRIES)) as session:
        done = session.run_intents(asked, Options(yes=True))
        assert done.status is ExitStatus.DONE
        assert done.plan is not None
        assert [stage.match.declared_by for stage in done.plan.stages] == [None, "stamp.set"]
        assert copy.read_text() == "old\nnew\n", "the follow-up saw what the change made"
        undone = session.undo(done.record, Options(yes=True))
        assert undone.status is ExitStatus.DONE
        assert (file.read_text(), copy.read_text()) == ("old\n", "old\n")
        again = session.undo(undone.record, Options(yes=True))
        assert again.status is ExitStatus.DONE
        assert copy.read_text() == "old\nnew\n"


def test_where_the_change_has_nothing_to_do_nothing_follows(tmp_path: Path) -> None:
    file, copy = tmp_path / "stamp", tmp_path / "copy"
    file.write_text("new\n")
    with session_in(tmp_path, user_packs=_packs(ENTRIES)) as session:
        done = session.run_intents([("stamp.set", [f"file={file}", "line=new", f"copy={copy}"])], Options(yes=True))
        assert done.plan is not None
        assert len(done.plan.stages) == 1
    assert not copy.exists()


def test_a_saved_plan_with_a_follow_up_is_the_same_when_planned_again(tmp_path: Path) -> None:
    file, copy = tmp_path / "stamp", tmp_path / "copy"
    file.write_text("old\n")
    asked = [("stamp.set", [f"file={file}", "line=new", f"copy={copy}"])]
    with session_in(tmp_path, user_packs=_packs(ENTRIES)) as session:
        first = session.run_intents(asked, Options(dry_run=True))
        assert first.plan is not None
        matches = tuple(stage.match for stage in first.plan.stages)
        assert list(without_declared(matches)) == [matches[0]]
