"""Files too large to hold are edited while they pass: the same file and diff, and memory that doesn't grow with them."""

import hashlib
import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from executors.edit_large import content_of, plan_large_change
from executors.edit_planning import carry_out_edit
from executors.file_replace import Spooled
from executors.file_state import CONTENT_LIMIT_BYTES, FileHost, read_file
from executors.local import LocalTransport
from executors.plan import EditStep, Effect, PlannedStep
from executors.state import Target
from executors.step_planning import plan_steps
from executors.transport import Completed
from intents.catalogue import Catalogue
from intents.errors import PlanError, StepError, ValueRejected
from tests.support.command import ROOT
from tests.support.sshd import MISSING, Sshd, running_sshd

LINE = b"2026-01-01T00:00:00Z service[123]: a line like those of a log\n"
LARGE = LINE * (CONTENT_LIMIT_BYTES // len(LINE) + 10)
MEMORY_LIMIT_MB = 160
"""What a process may hold at most, twice of what was measured (72 MB, 2026): half of the file's size, for certain."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """This machine, whose backups lie in the test's own folder."""
    store = str(tmp_path / "store")
    monkeypatch.setattr("executors.file_replace._default_backup_directory", lambda *_given, **_more: store)
    transport = LocalTransport()
    return Target("local", transport, {}, transport.login())


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.log"
    path.write_bytes(LARGE)
    path.chmod(0o640)
    return path


def planned(catalogue: Catalogue, target: Target, intent: str, **values: str) -> tuple[PlannedStep, EditStep]:
    (made,) = plan_steps(catalogue[intent], values, target, cancel=None)
    assert isinstance(made.step, EditStep)
    return made, made.step


@pytest.mark.parametrize(
    ("intent", "values", "expected"),
    [
        ("file.append_line", {"line": "the end"}, LARGE + b"the end\n"),
        ("file.remove_line", {"match": "service[123]"}, b""),
        ("file.replace_text", {"old": "2026-01", "new": "2027-01"}, LARGE.replace(b"2026-01", b"2027-01")),
    ],
)
def test_a_large_file_is_edited_like_a_small_one(
    catalogue: Catalogue, target: Target, large: Path, intent: str, values: Mapping[str, str], expected: bytes
) -> None:
    made, step = planned(catalogue, target, intent, path=str(large), **values)
    assert (step.after, bool(step.streamed)) == (None, True)
    assert step.after_sha256 == hashlib.sha256(expected).hexdigest()
    assert len(made.diff) < 2 * 1024 * 1024
    outcome = carry_out_edit(made, step, target, None)
    assert large.read_bytes() == expected
    assert stat.S_IMODE(large.stat().st_mode) == 0o640
    assert outcome.after["sha256"] == step.after_sha256
    assert outcome.backup is not None
    assert Path(outcome.backup).read_bytes() == LARGE
    assert [path.name for path in large.parent.iterdir() if path.name.startswith(".sayso")] == []


def test_a_setting_of_a_large_file_is_set_in_its_place(catalogue: Catalogue, target: Target, tmp_path: Path) -> None:
    path = tmp_path / "large.conf"
    filling = b"# filling of a comment\n" * (CONTENT_LIMIT_BYTES // 23)
    path.write_bytes(b"[a]\nx = 1\n" + filling + b"[b]\nx = 2\n" + filling)
    made, step = planned(catalogue, target, "file.set_value", path=str(path), key="x", value="3", section="b")
    carry_out_edit(made, step, target, None)
    assert path.read_bytes() == b"[a]\nx = 1\n" + filling + b"[b]\nx = 3\n" + filling
    assert "-x = 2\n+x = 3\n" in made.diff


def test_a_large_file_is_replaced_by_a_content_that_is_given(catalogue: Catalogue, target: Target, large: Path) -> None:
    made, step = planned(catalogue, target, "file.create", path=str(large), content="short")
    assert made.is_summary
    carry_out_edit(made, step, target, None)
    assert large.read_bytes() == b"short\n"


def test_changes_that_are_too_many_to_show_make_the_diff_a_summary(
    catalogue: Catalogue, target: Target, large: Path
) -> None:
    made, _ = planned(catalogue, target, "file.replace_text", path=str(large), old="2026", new="2027")
    assert made.is_summary
    assert made.diff.split("\n")[2].startswith("Summary: only the first changes are shown: ")
    one, _ = planned(catalogue, target, "file.append_line", path=str(large), line="the end")
    assert not one.is_summary
    assert one.diff.endswith("+the end\n")


def test_what_is_already_so_changes_nothing(catalogue: Catalogue, target: Target, large: Path) -> None:
    made, _ = planned(catalogue, target, "file.append_line", path=str(large), line=LINE.decode().rstrip())
    assert made.effect is Effect.ALREADY_SO


def test_an_edit_that_must_hold_the_file_is_refused_in_one_sentence(target: Target, large: Path) -> None:
    state = read_file(target.transport, str(large), allow_large=True)
    with pytest.raises(
        ValueRejected, match=r"^The file is larger than 16 MiB, which this edit would have to hold whole\."
    ):
        plan_large_change(FileHost(target.transport), state, "add_host", {"address": "10.0.0.1", "name": "a"})


def test_a_large_file_that_moved_since_the_plan_is_left_alone(
    catalogue: Catalogue, target: Target, large: Path
) -> None:
    made, step = planned(catalogue, target, "file.append_line", path=str(large), line="the end")
    large.write_bytes(LARGE + b"meddled\n")
    with pytest.raises(PlanError, match="has changed"):
        carry_out_edit(made, step, target, None)
    assert large.read_bytes() == LARGE + b"meddled\n"


class Meddling(LocalTransport):
    """This machine, on which somebody writes to a file when a program is about to run."""

    def __init__(self, program: str, path: Path) -> None:
        super().__init__()
        self._program = program
        self._path = path

    def run(self, argv: Sequence[str], **options: Any) -> Completed:  # noqa: ANN401 - handed on as they are
        if argv[0] == self._program and self._program != "cmp":
            self._path.write_bytes(LARGE + b"meddled\n")
        if self._program == "cmp" == argv[0]:
            raise StepError("This needs `cmp`, which isn't installed.", remedy="", host="local", argv=tuple(argv))
        return super().run(argv, **options)


def test_a_change_of_a_large_file_at_the_last_moment_is_not_overwritten(
    catalogue: Catalogue, target: Target, large: Path
) -> None:
    made, step = planned(catalogue, target, "file.append_line", path=str(large), line="the end")
    with pytest.raises(PlanError, match="has changed"):
        carry_out_edit(made, step, replace(target, transport=Meddling("dd", large)), None)
    assert large.read_bytes() == LARGE + b"meddled\n"
    assert [path.name for path in large.parent.iterdir() if path.name.startswith(".sayso")] == []


def test_without_cmp_the_checksum_is_compared(catalogue: Catalogue, target: Target, large: Path) -> None:
    made, step = planned(catalogue, target, "file.append_line", path=str(large), line="the end")
    carry_out_edit(made, step, replace(target, transport=Meddling("cmp", large)), None)
    assert large.read_bytes() == LARGE + b"the end\n"


def test_what_is_kept_meanwhile_is_private_and_has_no_name(
    catalogue: Catalogue, target: Target, large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, step = planned(catalogue, target, "file.append_line", path=str(large), line="the end")
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spool))
    with content_of(step, FileHost(target.transport), len(LARGE)) as content:
        assert isinstance(content, Spooled)
        status = content.file.fileno()
        assert stat.S_IMODE(Path(f"/proc/self/fd/{status}").stat().st_mode) == 0o600
        assert list(spool.iterdir()) == []


def test_no_room_on_this_machine_is_said(catalogue: Catalogue, target: Target, large: Path) -> None:
    made, step = planned(catalogue, target, "file.append_line", path=str(large), line="the end")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("executors.edit_large._nameless_file", partial(open, "/dev/full", "wb"))
        with pytest.raises(StepError, match=r"can't be kept on this machine meanwhile: No space left") as caught:
            carry_out_edit(made, step, target, None)
    assert "TMPDIR" in caught.value.remedy
    assert large.read_bytes() == LARGE


# -- memory, of a process of its own


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file of 300 MB."""
    folder = tmp_path_factory.mktemp("huge")
    path = folder / "huge.log"
    with path.open("wb") as file:
        for _ in range(300):
            file.write(LINE * (1024 * 1024 // len(LINE)))
    path.chmod(0o640)
    yield path
    shutil.rmtree(folder)


def edit_and_undo(path: Path, folder: Path, sshd: Sshd | None) -> Any:  # noqa: ANN401 - JSON
    told = {
        "folder": str(folder),
        "path": str(path),
        "intent": "file.append_line",
        "arguments": {"line": "the end"},
        "sshd": None if sshd is None else [str(sshd.directory), sshd.port],
    }
    argv = [sys.executable, "-m", "tests.support.large_edit", json.dumps(told)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_edited_and_undone(found: Mapping[str, Any], path: Path) -> None:
    before = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1024 * 1024):
            before.update(chunk)
    whole = before.hexdigest()
    before.update(b"the end\n")
    assert found["sha256s"] == [before.hexdigest(), whole]
    assert found["modes"] == [0o640, 0o640]
    assert [diff[-9:] for diff in found["diffs"]] == ["+the end\n", "-the end\n"]
    assert found["peak_mb"] < MEMORY_LIMIT_MB


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_300_mb_are_edited_and_undone_in_little_memory(huge: Path, tmp_path: Path) -> None:
    assert_edited_and_undone(edit_and_undo(huge, tmp_path, None), huge)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.sshd
@pytest.mark.skipif(bool(MISSING), reason=MISSING or "sshd is there")
def test_300_mb_are_edited_and_undone_over_ssh_in_little_memory(huge: Path, tmp_path: Path) -> None:
    with running_sshd(tmp_path / "sshd") as server:
        assert_edited_and_undone(edit_and_undo(huge, tmp_path, server), huge)
