"""Plans that can't succeed are refused before they are shown, and a command that fails says what it has left."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from executors.host_paths import parse_mounts
from shell.exit_status import ExitStatus
from shell.response import Response
from shell.road import Options
from tests.support.sessions import session_in

YES = Options(yes=True)
DRY = Options(dry_run=True)
ROOT = Path(__file__).resolve().parents[2]

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may set attributes and mount in a namespace")


def told(response: Response) -> str:
    assert response.status is ExitStatus.REFUSED, response
    assert response.fault is not None
    assert response.plan is None, "no plan is shown that can't succeed"
    return response.fault.message


def test_a_mount_is_read_only_by_its_own_options_or_by_those_of_its_file_system() -> None:
    line = b"36 35 98:0 / /mnt %b,noatime master:1 - ext3 /dev/root %b,errors=continue\n"
    found = [parse_mounts(line % both)[0].is_read_only for both in ((b"rw", b"rw"), (b"ro", b"rw"), (b"rw", b"ro"))]
    assert found == [False, True, True]


def test_a_directory_is_not_deleted_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    with session_in(tmp_path) as session:
        assert "kind is directory" in told(session.run_intent("file.delete", [f"path={tmp_path}/d"], DRY))


def test_a_directory_that_holds_something_is_not_removed_also_not_by_undo(tmp_path: Path) -> None:
    made = tmp_path / "m"
    with session_in(tmp_path) as session:
        done = session.run_intent("file.make_directory", [f"path={made}"], YES)
        (made / "x").write_text("1\n")
        assert "it holds something, not nothing" in told(
            session.run_intent("file.remove_directory", [f"path={made}"], YES)
        )
        said = told(session.undo(None, YES))
        assert said.startswith(f"Record {done.record} can't be undone: ")
        assert "it holds something, not nothing" in said
        (made / "x").unlink()
        assert session.undo(None, YES).status is ExitStatus.DONE
    assert not made.exists()


@pytest.fixture
def immutable(tmp_path: Path) -> Iterator[Path]:
    """A file that nobody can change, in a directory that anybody can."""
    file = tmp_path / "fixed"
    file.write_text("1\n")
    if subprocess.run(["chattr", "+i", "--", file], capture_output=True, check=False).returncode != 0:
        pytest.skip("the file system of the temporary directory has no attributes")
    yield file
    subprocess.run(["chattr", "-i", "--", file], check=True)


@needs_root
@pytest.mark.parametrize(
    ("intent", "more"),
    [
        ("file.append_line", ["line=x"]),
        ("file.set_mode", ["mode=600"]),
        ("file.delete", []),
        ("file.truncate", []),
    ],
)
def test_an_immutable_file_is_not_planned_to_change(
    tmp_path: Path, immutable: Path, intent: str, more: list[str]
) -> None:
    with session_in(tmp_path) as session:
        said = told(session.run_intent(intent, [f"path={immutable}", *more], DRY))
    assert "it is immutable (lsattr shows `i`)" in said


@needs_root
def test_a_step_that_clears_the_attribute_makes_way_for_the_next(tmp_path: Path, immutable: Path) -> None:
    chain = [
        ("file.clear_attribute", [f"path={immutable}"]),
        ("file.append_line", [f"path={immutable}", "line=x"]),
    ]
    with session_in(tmp_path) as session:
        planned = session.run_intents(chain, DRY)
    assert planned.status is ExitStatus.DONE, planned.fault


IN_A_NAMESPACE = """
import subprocess, sys
from pathlib import Path
from shell.road import Options
from tests.support.sessions import session_in

folder, small = Path(sys.argv[1]), Path(sys.argv[1]) / "small"
small.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=True)
(small / "held").write_text("1")
(folder / "big").write_bytes(b"x" * 200_000)
yes = Options(yes=True)
with session_in(folder) as session:
    for intent, pairs in (
        ("file.copy", [f"source={folder}/big", f"target={small}/copy"]),
        ("archive.create", [f"source={folder}/big", f"target={small}/big.tar"]),
    ):
        done = session.run_intent(intent, pairs, yes)
        (outcome,) = done.outcomes["local"]
        print(int(done.status), outcome.status, outcome.message)
        for left in small.glob("*big*"):
            left.unlink()
        (small / "copy").unlink(missing_ok=True)
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    for intent, pairs in (
        ("file.append_line", [f"path={small}/held", "line=x"]),
        ("file.move", [f"source={small}/held", f"target={folder}/held"]),
    ):
        refused = session.run_intent(intent, pairs, Options(dry_run=True))
        print(int(refused.status), refused.fault.message if refused.fault else "planned")
"""


@needs_root
def test_a_full_disk_fails_and_says_what_is_left_and_a_read_only_one_is_refused(tmp_path: Path) -> None:
    """In a mount namespace of its own: the file systems are gone with it."""
    ran = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", IN_A_NAMESPACE, str(tmp_path)],
        capture_output=True, text=True, timeout=120, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    copied, packed, appended, moved = ran.stdout.splitlines()
    assert copied.startswith("1 failed `cp` failed")
    assert "No space left on device" in copied
    assert f"It has begun all the same: in_the_way is now {tmp_path}/small/copy." in copied
    assert packed.startswith("1 failed `tar` failed")
    assert f"kind is now file, path is now {tmp_path}/small/big.tar" in packed
    for refused in (appended, moved):
        assert refused.startswith("4 ")
        assert f'the file system on "{tmp_path}/small" is read-only' in refused
