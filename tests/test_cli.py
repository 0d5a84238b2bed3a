"""The installed command from the outside: what a person's shell and a script see."""

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from shell.contract import to_json
from tests.support import responses
from tests.support.command import COMMAND, ROOT, Finished, Sayso

pytestmark = pytest.mark.model

SCHEMA: dict[str, Any] = json.loads((ROOT / "shell" / "schema" / "sayso-1.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
LIMIT_S = 30.0


@pytest.fixture
def sayso(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Sayso:
    return Sayso(tmp_path, cache=tmp_path_factory.getbasetemp() / "sayso-cache")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.conf"
    path.write_text("a = 1\n")
    return path


def objects(finished: Finished) -> list[dict[str, Any]]:
    """The JSON objects on stdout, each valid by the schema."""
    found = [json.loads(line) for line in finished.stdout.splitlines()]
    for one in found:
        VALIDATOR.validate(one)
        assert set(one) == set(SCHEMA["properties"]), "the schema describes every field"
    return found


# -- the JSON contract


def test_the_schema_is_a_schema_and_fits_responses_of_every_kind() -> None:
    VALIDATOR.check_schema(SCHEMA)
    for make in responses.EVERY_KIND.values():
        VALIDATOR.validate(to_json(make()))


def test_piped_requests_give_one_valid_object_a_line(sayso: Sayso) -> None:
    done = sayso.run("--json", stdin=b"show disk usage\nwho is logged in\n\nshow me the last 3 lines of /etc/passwd\n")
    assert (done.status, done.stderr) == (0, "")
    disk, who, tail = objects(done)
    assert [one["matches"][0]["intent"] for one in (disk, who, tail)] == ["disk.usage", "user.logged_in", "file.tail"]
    assert disk["outcomes"]["local"][0]["status"] == "ok"
    assert (tail["matches"][0]["arguments"]["path"], tail["exit_status"]) == ("/etc/passwd", 0)
    for evidence in tail["matches"][0]["evidence"].values():
        assert evidence["from"] == "request"
        start, end = evidence["span"]
        assert tail["request"][start:end] == evidence["text"]
    assert len({one["record"] for one in (disk, who, tail)}) == 3


def test_the_worst_line_of_a_pipe_gives_the_status(sayso: Sayso) -> None:
    done = sayso.run("--json", stdin=b"who is logged in\nwrite me a poem about the sea\n")
    assert [one["exit_status"] for one in objects(done)] == [0, 3]
    assert done.status == 3


def test_every_fault_is_an_object_too(sayso: Sayso) -> None:
    for words, status in ((("--json", "--nope"), 2), (("--json", ""), 2), (("--json", "run", "disk.usag"), 2)):
        done = sayso.run(*words)
        (one,) = objects(done)
        assert (done.status, one["exit_status"], one["kind"]) == (status, status, "error")
        assert one["error"]["message"]
        assert one["error"]["try"]


def test_a_change_is_described_whole(sayso: Sayso, file: Path) -> None:
    done = sayso.run("--json", "--yes", f"add the line 'b = 2' to {file}")
    (one,) = objects(done)
    (step,) = one["plan"]["stages"][0]["hosts"]["local"]
    assert "+b = 2" in step["diff"]
    assert one["approval"]["how"] == "--yes"
    assert one["outcomes"]["local"][0]["status"] == "changed"
    assert (done.status, file.read_text()) == (0, "a = 1\nb = 2\n")


# -- requests, options and commands


def test_one_shot_read(sayso: Sayso) -> None:
    done = sayso.run("show", "me", "the", "last", "2", "lines", "of", "/etc/passwd")
    last = Path("/etc/passwd").read_text().splitlines()[-1]
    assert (done.status, done.stderr) == (0, "")
    assert last in done.stdout


@pytest.mark.parametrize(
    "words", [["history of logins"], ["run out of disk space, are we"], ["undo what I did to nginx"]]
)
def test_a_single_argument_with_a_space_is_always_a_request(sayso: Sayso, words: list[str]) -> None:
    (one,) = objects(sayso.run("--json", *words))
    assert (one["request"], one["error"]) == (words[0], None)
    assert one["interpretation"] is not None


def test_a_change_needs_approval_and_can_be_taken_back(sayso: Sayso, file: Path) -> None:
    order = f"add the line 'b = 2' to {file}"
    refused = sayso.run(order)
    assert (refused.status, refused.stdout, file.read_text()) == (4, "", "a = 1\n")
    assert "+b = 2" in refused.stderr
    assert "Not approved" in refused.stderr
    planned = sayso.run("--dry-run", "--yes", order)
    assert (planned.status, file.read_text()) == (0, "a = 1\n")
    assert "+b = 2" in planned.stdout
    done = sayso.run("--yes", order)
    assert (done.status, file.read_text()) == (0, "a = 1\nb = 2\n")
    again = sayso.run("--yes", order)
    assert (again.status, file.read_text()) == (0, "a = 1\nb = 2\n"), "already so"
    undone = sayso.run("--yes", "undo")
    assert (undone.status, file.read_text()) == (0, "a = 1\n")
    listed = sayso.run("history")
    assert listed.stdout.count("file.append_line") == 5
    assert sayso.run("history", "verify").status == 0


def test_no_flag_lets_a_script_destroy(sayso: Sayso, file: Path) -> None:
    done = sayso.run("--yes", f"delete the file {file}")
    assert (done.status, done.stdout) == (4, "")
    assert "/etc/sayso/policy.d" in done.stderr
    assert file.exists()


def test_explain_touches_nothing(sayso: Sayso, file: Path) -> None:
    done = sayso.run("--explain", "--yes", f"add the line 'b = 2' to {file}")
    assert (done.status, file.read_text()) == (0, "a = 1\n")
    assert "file.append_line" in done.stdout
    assert "b = 2" in done.stdout


def test_expect_guards_a_script(sayso: Sayso, file: Path) -> None:
    assert sayso.run("--expect", "user.logged_in", "who is logged in").status == 0
    other = sayso.run("--expect", "disk.usage", "--yes", f"add the line 'b = 2' to {file}")
    assert (other.status, other.stdout, file.read_text()) == (3, "", "a = 1\n")
    assert "disk.usage" in other.stderr


def test_run_needs_no_english(sayso: Sayso, file: Path) -> None:
    assert "a = 1" in sayso.run("run", "file.show", f"path={file}").stdout
    done = sayso.run("--yes", "run", "file.append_line", f"path={file}", "line=show disk usage")
    assert (done.status, file.read_text()) == (0, "a = 1\nshow disk usage\n")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--version"], 0),
        (["--help"], 0),
        (["intents"], 0),
        (["config"], 0),
        (["model"], 0),
        (["history"], 0),
        (["--nope"], 2),
        (["--timeout", "0", "who is logged in"], 2),
        (["run"], 2),
        (["undo", "yesterday"], 2),
        (["history", "show", "99"], 2),
        (["history", "sideways"], 2),
        (["--on", "moon", "who is logged in"], 2),
        (["--config", "nothing.toml", "who is logged in"], 2),
        (["run", "file.show", "path=/nothing/here"], 1),
        (["bake a cake with three eggs"], 3),
        (["--model", "nothing.gguf", "who is logged in"], 6),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_exit_statuses(sayso: Sayso, words: list[str], status: int) -> None:
    done = sayso.run(*words)
    assert done.status == status, done.everything
    assert bool(done.stdout) == (status == 0), "stdout has results only"
    assert bool(done.stderr) == (status != 0)
    assert "Traceback" not in done.everything


def test_the_same_request_is_understood_the_same_in_every_process(sayso: Sayso) -> None:
    def understood() -> str:
        (one,) = objects(sayso.run("--json", "--explain", "which filesystems are more than half full"))
        one["interpretation"].pop("timing_ms")
        return json.dumps([one["matches"], one["confidence"], one["interpretation"], one["model"]])

    assert understood() == understood()


# -- the terminal's neighbours: colours, pipes, signals


def test_colour_only_where_it_is_wanted(sayso: Sayso) -> None:
    def shown(**variables: str) -> str:
        return sayso.run("--dry-run", "run", "file.delete", "path=/etc/hostname", variables=variables).everything

    assert "\x1b" not in shown()
    assert "\x1b[" in shown(FORCE_COLOR="1")
    assert "\x1b" not in shown(NO_COLOR="1", TERM="xterm-256color")


def test_a_pipe_that_is_closed_early_is_no_fault(sayso: Sayso, tmp_path: Path) -> None:
    large = tmp_path / "large.log"
    large.write_text("".join(f"a line of the log, number {number}\n" for number in range(6000)))
    with sayso.start("run", "file.show", f"path={large}") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        status = process.wait(LIMIT_S)
    assert (status, said) == (0, b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_a_long_step_ends_it_and_the_record(
    sayso: Sayso, tmp_path: Path, number: signal.Signals
) -> None:
    endless = tmp_path / "endless"
    os.mkfifo(endless)
    started = time.monotonic()
    with sayso.start("run", "file.show", f"path={endless}") as process:
        child = child_of(process.pid, "head")
        process.send_signal(number)
        out, said = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in said
    assert time.monotonic() - started < 15, "not only when the step's own time is over"
    assert not Path(f"/proc/{child}").exists()
    kinds = recorded(sayso)
    assert kinds[-3:] == ["step_begin", "step_end", "end"]
    assert sayso.run("history", "verify").status == 0


def test_a_signal_ends_all_piped_requests(sayso: Sayso, tmp_path: Path, file: Path) -> None:
    endless = tmp_path / "endless"
    os.mkfifo(endless)
    with subprocess.Popen(
        ["env", "--default-signal=INT", *COMMAND, "--yes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=sayso.environment(),
    ) as process:
        assert process.stdin is not None
        process.stdin.write(f"show me {endless}\nadd the line 'b = 2' to {file}\n".encode())
        process.stdin.flush()
        child_of(process.pid, "head")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT_S)
    assert (process.returncode, file.read_text()) == (130, "a = 1\n")


def child_of(parent: int, name: str) -> int:
    """Wait until the process has a child that runs `name`; return its id."""
    limit = time.monotonic() + LIMIT_S
    while time.monotonic() < limit:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            for child in task.read_text().split():
                with suppress(FileNotFoundError, ProcessLookupError):  # it may end while it is looked at
                    words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
                    if Path(words[0]).name == name:
                        return int(child)
        select.select([], [], [], 0.02)
    raise AssertionError(f"no {name} was started")


def recorded(sayso: Sayso) -> list[str]:
    """The kinds of events of the last record."""
    last = json.loads(sayso.run("--json", "history", "1").stdout)["record"]
    return [json.loads(line)["kind"] for line in sayso.run("--json", "history", "show", str(last)).stdout.splitlines()]


# -- hostile surroundings

HOSTILE = "x\x1b[31m\x1b]0;owned\x07[red]y[bold]\u202e\u200bz\x9b2J"
FORBIDDEN = ("\x1b", "\x07", "\u202e", "\u200b", "\x9b", "\r")


def is_clean(finished: Finished) -> bool:
    return not any(mark in finished.everything for mark in FORBIDDEN)


@pytest.mark.parametrize(
    "words", [["show"], ["--explain", "show"], ["--json", "show"], ["--dry-run", "delete the file"]]
)
def test_hostile_requests_are_shown_harmless(sayso: Sayso, words: list[str]) -> None:
    done = sayso.run(*words[:-1], f"{words[-1]} '{HOSTILE}'")
    assert is_clean(done), done
    assert "Traceback" not in done.everything
    assert is_clean(sayso.run("history"))


def test_hostile_names_and_content_are_shown_harmless(sayso: Sayso, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / HOSTILE).write_text(f"{HOSTILE}\n")
    (folder / "plain").write_text(f"{HOSTILE}\r{HOSTILE}\n")
    for words in (
        ("run", "file.list", f"path={folder}"),
        ("run", "file.show", f"path={folder}/plain"),
        ("run", "file.search", f"path={folder}", "text=[red]"),
        ("--dry-run", "run", "file.append_line", f"path={folder}/plain", f"line={HOSTILE}"),
        ("--json", "run", "file.show", f"path={folder}/plain"),
    ):
        done = sayso.run(*words)
        assert done.status == 0, done
        assert is_clean(done), done
        assert "[red]y[bold]" in done.everything, "markup is text"


def test_no_program_of_the_caller_is_run(sayso: Sayso, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("df", "who", "head"):
        (folder / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
        (folder / name).chmod(0o755)
    variables: Mapping[str, str] = {"PATH": f"{folder}:{os.environ['PATH']}"}
    done = sayso.run("--json", stdin=b"show disk usage\nwho is logged in\n", directory=folder, variables=variables)
    assert [one["outcomes"]["local"][0]["status"] for one in objects(done)] == ["ok", "ok"]
    assert not (tmp_path / "was-run").exists()


def test_folders_of_the_caller_with_our_names_are_not_imported(sayso: Sayso, tmp_path: Path) -> None:
    for name in ("intents", "shell", "executors", "history"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a stranger')\n")
    done = sayso.run("run", "host.os", directory=tmp_path, variables={"PYTHONPATH": str(tmp_path)})
    assert (done.status, done.stderr) == (0, "")
