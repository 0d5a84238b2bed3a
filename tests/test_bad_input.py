"""Bad input, bad files and a bad machine: one clear sentence with its remedy, the right status, nothing changed."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from intents import model_judge
from intents.model_manifest import read_manifest
from shell.exit_status import ExitStatus
from shell.road import Options
from tests.support.command import Finished, Sayso
from tests.support.sessions import session_in

pytestmark = pytest.mark.model

READ = "who is logged in"
PACK = """\
test.look:
  summary: Show how long the machine has been up, by another name
  risk: read
  examples: [look at the test bench, look it up on the bench, bench look, take a look at the bench]
  near_misses:
    - {text: "show me the file", intent: file.show}
    - {text: "look", intent: null}
  read:
    run: [df, -l]
    parse: lines
    columns: [{name: line, type: text}]
"""
MOUNTED = 'mount -t tmpfs -o size=64k tmpfs "$1" && shift && exec "$@"'
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'


@pytest.fixture
def sayso(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Sayso:
    return Sayso(tmp_path, cache=tmp_path_factory.getbasetemp() / "sayso-cache")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.conf"
    path.write_text("a = 1\n")
    return path


def change(file: Path) -> list[str]:
    return ["--yes", "run", "file.append_line", f"path={file}", "line=b = 2"]


def unfolded(text: str) -> str:
    """The text without its blanks: messages are folded, also in the middle of a long path."""
    return "".join(text.split())


def assert_refused(done: Finished, status: int, *said: str) -> None:
    """One fault with its remedy on stderr, nothing on stdout, no traceback."""
    assert done.status == status, done.everything
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.count("✗ ") == 1
    assert done.stderr.count("→ ") == 1, "a remedy"
    for words in said:
        assert unfolded(words) in unfolded(done.stderr)


def in_own_mounts(script: str, folder: Path) -> Sequence[str]:
    """A prefix that runs a command among mounts of its own; skips the test where that isn't allowed."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare(1) isn't installed")
    folder.mkdir(parents=True, exist_ok=True)
    prefix = [unshare, "--mount", "sh", "-c", script, "sh", str(folder)]
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"mounts of one's own aren't allowed here: {tried.stderr.strip()}")
    return prefix


# -- requests


@pytest.mark.parametrize("request_text", ["", "   ", "\t"])
def test_an_empty_request(sayso: Sayso, request_text: str) -> None:
    assert_refused(sayso.run(request_text), 2, "empty")


def test_a_request_that_is_too_long(sayso: Sayso) -> None:
    assert_refused(sayso.run("show me " + "x" * 100_000), 2, "characters")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"a" * (1024 * 1024 + 1), "longer than 1 MiB"),
        (b"a" * (1024 * 1024), "characters"),
        (b"show \xff me the disks", "UTF-8"),
        (b"who is\0 logged in", "NUL"),
    ],
    ids=["longer than allowed", "1 MiB", "no UTF-8", "NUL"],
)
def test_a_bad_line_is_one_fault_and_the_next_line_goes_on(sayso: Sayso, line: bytes, said: str) -> None:
    assert_refused(sayso.run(stdin=line + b"\n"), 2, said)
    done = sayso.run("--json", stdin=line + b"\nwho is logged in\n")
    statuses = [json.loads(one)["exit_status"] for one in done.stdout.splitlines()]
    assert (done.status, statuses) == (2, [2, 0])


def test_no_input_at_all_is_no_fault(sayso: Sayso) -> None:
    done = sayso.run(stdin=b"")
    assert (done.status, done.everything) == (0, "")


@pytest.mark.parametrize(
    "words", [["--colour", READ], ["--on"], ["--timeout", "soon", READ], ["--timeout", "nan", READ]]
)
def test_a_bad_option(sayso: Sayso, words: list[str]) -> None:
    assert_refused(sayso.run(*words), 2)


# -- the machine


def test_folders_that_cannot_be_made_stop_changes_alone(sayso: Sayso, file: Path) -> None:
    blocked = str(file)
    variables = {"XDG_STATE_HOME": blocked, "XDG_CONFIG_HOME": blocked, "XDG_CACHE_HOME": blocked, "HOME": blocked}
    read = sayso.run(READ, variables=variables)
    assert read.status == 0
    assert unfolded("history can't be written") in unfolded(read.stderr)
    assert_refused(sayso.run(*change(file), variables=variables), 6, "Without a record nothing is changed")
    assert file.read_text() == "a = 1\n"


def test_a_read_only_home_stops_changes_alone(sayso: Sayso, tmp_path: Path) -> None:
    home = tmp_path / "home"
    prefix = in_own_mounts(READ_ONLY, home)
    file = tmp_path / "app.conf"
    file.write_text("a = 1\n")
    variables = {"XDG_STATE_HOME": "", "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": ""}
    read = sayso.run("run", "host.os", variables=variables, prefix=prefix)
    assert read.status == 0
    assert_refused(sayso.run(*change(file), variables=variables, prefix=prefix), 6, "Read-only file system")
    assert file.read_text() == "a = 1\n"


def test_a_full_disk_for_the_history_stops_changes(sayso: Sayso, file: Path) -> None:
    prefix = in_own_mounts(MOUNTED, sayso.state)
    # SQLite's write-ahead log alone needs more than the 64 KiB there.
    done = sayso.run(*change(file), prefix=prefix)
    assert_refused(done, 6, "history")
    assert file.read_text() == "a = 1\n"
    assert "history" in sayso.run("run", "host.os", prefix=prefix).everything


def test_a_history_that_is_no_database(sayso: Sayso, file: Path) -> None:
    sayso.state.mkdir(parents=True)
    sayso.history.write_bytes(b"no database, but somebody's notes\n" * 40)
    assert_refused(sayso.run(*change(file)), 6, "not an SQLite database")
    assert_refused(sayso.run("history"), 6, "not an SQLite database")
    assert file.read_text() == "a = 1\n"
    assert sayso.history.read_bytes().startswith(b"no database")


def test_a_file_that_may_not_be_read(sayso: Sayso, file: Path) -> None:
    prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    if prefix and shutil.which("setpriv") is None:
        pytest.skip("root may read everything, and setpriv(1) isn't installed")
    file.chmod(0)
    for words in (["run", "file.show", f"path={file}"], change(file)):
        done = sayso.run(*words, prefix=prefix)
        assert (done.status, done.stdout) == (1, ""), done
        assert "ermission denied" in done.stderr
        assert "ermissions" in done.stderr, "a remedy"
    file.chmod(0o600)
    assert file.read_text() == "a = 1\n"


def test_a_program_that_is_not_installed(sayso: Sayso) -> None:
    if shutil.which("journalctl", path="/usr/sbin:/usr/bin:/sbin:/bin") is not None:
        pytest.skip("this machine has journalctl")
    done = sayso.run("run", "service.logs", "service=ssh")
    assert_refused(done, 1, "journalctl")


# -- files of one's own


def test_an_untrusted_pack_is_inert_and_said_to_be(sayso: Sayso) -> None:
    path = sayso.add_pack("bench", PACK)
    done = sayso.run("run", "host.os")
    assert done.status == 0
    assert unfolded(f"sayso intents trust {path}") in unfolded(done.stderr)
    assert_refused(sayso.run("run", "test.look"), 2, "no intent `test.look`")


def test_a_trusted_pack_that_changed_is_inert_again(sayso: Sayso) -> None:
    path = sayso.add_pack("bench", PACK)
    assert sayso.run("intents", "trust", str(path)).status == 0
    done = sayso.run("run", "test.look")
    assert (done.status, done.stderr) == (0, "")
    sayso.add_pack("bench", PACK + "# later\n")
    assert_refused(sayso.run("run", "test.look"), 2, "has changed since it was trusted")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PACK.replace("risk: read", "risk: [read"), "bench.yml:"),
        (PACK.replace("run: [df", "run: [bash"), "`bash` can't be the program"),
        (PACK.replace("  risk: read\n", ""), "risk"),
        (PACK.replace("parse: lines", "parse: F:os.system"), "no parser"),
        ("!!python/object/apply:os.system [id]\n", "bench.yml:1"),
    ],
    ids=["no YAML", "a shell", "no risk", "no such parser", "a tag"],
)
def test_a_broken_pack_cannot_be_trusted(sayso: Sayso, content: str, said: str) -> None:
    path = sayso.add_pack("bench", content)
    assert_refused(sayso.run("intents", "trust", str(path)), 6, said)
    assert_refused(sayso.run("run", "test.look"), 2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'colour = "red"\n', "no setting `colour`"),
        (b"color = \n", "no TOML"),
        (b'color = "pink"\n', "color"),
        (b"timeout_s = true\n", "timeout_s"),
        (b"\xff\xfe", "no TOML"),
    ],
)
def test_a_settings_file_that_is_wrong(sayso: Sayso, content: bytes, said: str) -> None:
    sayso.config.mkdir(parents=True)
    (sayso.config / "config.toml").write_bytes(content)
    assert_refused(sayso.run(READ), 2, said, "config.toml")


@pytest.mark.parametrize(
    "content", ["careful: {decision: [", "careful: {decision: perhaps}\n", "careful: {decisions: deny}\n", "- deny\n"]
)
def test_a_policy_file_that_is_wrong_stops_everything(sayso: Sayso, file: Path, content: str) -> None:
    folder = sayso.config / "policy.d"
    folder.mkdir(parents=True)
    (folder / "own.yml").write_text(content)
    for words in (["run", "host.os"], change(file)):
        done = sayso.run(*words)
        assert done.status in {4, 6}
        assert_refused(done, done.status, "own.yml")
    assert file.read_text() == "a = 1\n"


@pytest.mark.parametrize("name", ["trusted-packs.json", "trusted-models.json"])
def test_a_list_of_trust_that_is_wrong(sayso: Sayso, name: str) -> None:
    sayso.config.mkdir(parents=True)
    (sayso.config / name).write_text("{")
    assert_refused(sayso.run("--model", str(read_manifest().file), READ), 6, name)


@pytest.mark.parametrize(
    ("content", "said"),
    [("web1 ansible_port=many\n", "'many'"), ("[web\nweb1\n", "hosts.ini"), ("\x00\xff", "hosts.ini")],
    ids=["no port", "no INI", "no text"],
)
def test_an_inventory_that_is_wrong(sayso: Sayso, tmp_path: Path, content: str, said: str) -> None:
    inventory = tmp_path / "hosts.ini"
    inventory.write_text(content)
    assert_refused(sayso.run("--inventory", str(inventory), "--on", "web1", READ), 2, said)


# -- the model


def test_a_model_that_is_missing_or_no_model(sayso: Sayso, tmp_path: Path) -> None:
    assert_refused(sayso.run("--model", str(tmp_path / "none.gguf"), READ), 6, "none.gguf")
    other = tmp_path / "other.gguf"
    other.write_bytes(b"FUGG" + bytes(1000))
    assert_refused(sayso.run("--model", str(other), READ), 6, "not trusted")
    assert_refused(sayso.run("model", "trust", str(other)), 6, "no GGUF")


@pytest.mark.parametrize("damage", ["truncated", "wrong magic", "one bit"])
def test_a_trusted_model_that_was_damaged(sayso: Sayso, tmp_path: Path, damage: str) -> None:
    content = bytearray(read_manifest().file.read_bytes())
    own = tmp_path / "own.gguf"
    own.write_bytes(content)
    assert sayso.run("model", "trust", str(own)).status == 0
    if damage == "truncated":
        del content[-4096:]
    else:
        content[0 if damage == "wrong magic" else -1] ^= 1
    own.write_bytes(content)
    assert_refused(sayso.run("--model", str(own), READ), 6, "own.gguf")


def test_requests_without_english_need_no_model(sayso: Sayso, tmp_path: Path) -> None:
    done = sayso.run("--model", str(tmp_path / "none.gguf"), "run", "host.os")
    assert (done.status, done.stderr) == (0, "")


def test_a_damaged_shipped_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "head.npz"
    damaged.write_bytes(model_judge.SHIPPED_HEAD.read_bytes()[:2000])
    monkeypatch.setattr(model_judge, "SHIPPED_HEAD", damaged)
    with session_in(tmp_path) as session:
        response = session.handle(READ, Options())
    assert response.status is ExitStatus.INTEGRITY
    assert response.fault is not None
    assert response.fault.code == "model"
    assert "head" in response.fault.message
    assert response.fault.remedy
