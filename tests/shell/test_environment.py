"""One value for all that surrounds a process, whatever is missing from it."""

import io
import json
import os
import pwd
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from shell.environment import Environment, find_home, find_paths, ignored_folders, wants_color
from tests.support.command import Sayso

ROOT = Path(__file__).parents[2]
PROBE = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
if len(sys.argv) > 2:
    os.rmdir(sys.argv[2])
from shell.environment import Environment
e = Environment.of_process()
found = {"directory": e.directory, "home": e.home, "user": e.user, "uid": e.uid, "original": e.original_user,
         "terminals": [e.stdin_is_terminal, e.stdout_is_terminal, e.stderr_is_terminal], "color": e.use_color,
         "lines": [line.decode("latin-1") for line in e.stdin_lines()]}
e.stdout.write("\\udce4\\n" if "SURROGATE" in e.variables else "")
with open(os.environ["RESULT"], "w") as result:
    json.dump(found, result)
heavy = {"rich", "pydantic", "numpy", "paramiko", "llama_cpp"} & set(sys.modules)
assert not heavy, heavy
"""


def probe(
    tmp_path: Path,
    *arguments: str,
    variables: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes = b"",
) -> dict[str, object]:
    result = tmp_path / "result.json"
    subprocess.run(
        [sys.executable, "-c", PROBE, str(ROOT), *arguments],
        env={"RESULT": str(result), **(variables or {})},
        cwd=cwd or tmp_path,
        input=stdin,
        check=True,
        capture_output=True,
    )
    found: dict[str, object] = json.loads(result.read_text())
    return found


def test_a_process_without_variables_works(tmp_path: Path) -> None:
    account = pwd.getpwuid(os.geteuid())
    found = probe(tmp_path)
    assert (found["home"], found["user"], found["uid"]) == (account.pw_dir, account.pw_name, os.geteuid())
    assert found["terminals"] == [False, False, False]
    assert found["color"] is False
    assert found["directory"] == str(tmp_path)


def test_a_deleted_folder_keeps_its_name(tmp_path: Path) -> None:
    """Another folder in its place would make "here" mean something else."""
    gone = tmp_path / "gone"
    gone.mkdir()
    assert probe(tmp_path, str(gone), cwd=gone)["directory"] == str(gone)


def test_output_that_is_no_utf8_ends_nothing(tmp_path: Path) -> None:
    probe(tmp_path, variables={"SURROGATE": "1", "PYTHONIOENCODING": "ascii:strict"})


def test_lines_of_stdin_are_bytes_and_a_long_one_is_cut(tmp_path: Path) -> None:
    long = b"x" * (1024 * 1024 + 100_000)
    found = probe(tmp_path, stdin=b"one\n\xff\n" + long + b"\nlast")
    lines = found["lines"]
    assert isinstance(lines, list)
    assert [lines[0], lines[1], lines[3]] == ["one", "\xff", "last"]
    assert len(lines[2]) == 1024 * 1024 + 1


def test_closed_streams_are_the_null_device(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    close = (
        "import os, sys; [os.close(n) for n in (0, 1, 2)]; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    subprocess.run(
        [sys.executable, "-c", close, "-c", PROBE, str(ROOT)],
        env={"RESULT": str(result)}, cwd=tmp_path, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert json.loads(result.read_text())["terminals"] == [False, False, False]


def test_only_root_has_an_original_user(tmp_path: Path) -> None:
    expected = "ada" if os.geteuid() == 0 else None
    assert probe(tmp_path, variables={"SUDO_USER": "ada"})["original"] == expected
    assert probe(tmp_path, variables={"DOAS_USER": "ada"})["original"] == expected


@pytest.mark.parametrize(
    ("variables", "is_terminal", "expected"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm"}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({}, True, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
    ],
)
def test_colour_is_decided_by_variables_then_terminal(
    variables: dict[str, str], *, is_terminal: bool, expected: bool
) -> None:
    assert wants_color(variables, is_terminal=is_terminal) is expected


def test_folders_follow_the_xdg_specification(tmp_path: Path) -> None:
    variables = {
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_STATE_HOME": "relative",
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
    }
    paths = find_paths(variables, "/home/ada", os.geteuid())
    assert paths.config == tmp_path / "sayso"
    assert paths.settings_file == tmp_path / "sayso" / "config.toml"
    assert paths.history_file == Path("/home/ada/.local/state/sayso/history.db")
    assert paths.cache == Path("/home/ada/.cache/sayso")
    assert paths.runtime == tmp_path / "run" / "sayso"


def test_roots_own_folders_are_below_root() -> None:
    paths = find_paths({}, find_home({}, 0), 0)
    root = pwd.getpwuid(0).pw_dir
    assert paths.config == Path(root, ".config/sayso")
    assert paths.history_file == Path(root, ".local/state/sayso/history.db")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder somebody else's")
def test_root_does_not_take_somebody_elses_home_for_its_own(tmp_path: Path) -> None:
    """`sudo -E` keeps HOME and the XDG variables."""
    theirs = tmp_path / "home"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    assert find_home({"HOME": str(theirs)}, 0) == pwd.getpwuid(0).pw_dir
    assert find_home({"HOME": str(theirs / "new")}, 0) == pwd.getpwuid(0).pw_dir
    assert find_home({"HOME": str(theirs)}, 65534) == str(theirs)
    assert find_paths({"XDG_STATE_HOME": str(theirs)}, "/root", 0).state == Path("/root/.local/state/sayso")


def test_consoles_write_results_and_messages_apart_and_read_no_markup() -> None:
    here = Environment.of_process()
    out_text, message_text = io.StringIO(), io.StringIO()
    environment = replace(
        here, stdout=out_text, stderr=message_text, stdout_is_terminal=False, stderr_is_terminal=False, variables={}
    )
    out, messages = environment.consoles()
    out.print("[bold]x[/bold] " + "y" * 500)
    messages.print("said")
    assert out_text.getvalue() == "[bold]x[/bold] " + "y" * 500 + "\n"
    assert message_text.getvalue() == "said\n"
    colored, _ = environment.consoles(color="always")
    colored.print("red", style="red")
    assert "\x1b[31mred" in out_text.getvalue()


def test_a_terminals_colour_can_be_switched_off() -> None:
    text = io.StringIO()
    environment = replace(
        Environment.of_process(), stdout=text, stdout_is_terminal=True, variables={"TERM": "xterm", "NO_COLOR": "1"}
    )
    out, _ = environment.consoles()
    out.print("red", style="bold red")
    assert text.getvalue() == "red\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's variables are judged")
def test_root_is_told_once_that_somebody_elses_folders_do_not_count(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 1, 1)
    variables = {"HOME": str(theirs), "XDG_STATE_HOME": str(theirs)}
    (warning,) = ignored_folders(variables, "/root", 0)
    assert f"HOME={theirs}, XDG_STATE_HOME={theirs} are not root's" in warning
    assert "/root/.local/state/sayso" in warning
    assert ignored_folders({"HOME": "/root"}, "/root", 0) == ()
    assert ignored_folders(variables, "/home/ann", 1000) == ()
    sayso = Sayso(tmp_path)
    done = sayso.run("config", variables={"XDG_STATE_HOME": str(theirs)})
    assert done.stderr.count("is not root's") == 1
    assert "is not root's" not in sayso.run("config").stderr
