"""The variants for busybox, run by a real busybox, answer what GNU's tools answer on the same files."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from executors.state import parser_options, run_step
from intents.parsers import parse_output
from intents.values import Json, Row
from tests.support.reads import CATALOGUE, read_for_real, with_defaults

FACTS = {"userland": "busybox", "init": "openrc", "packages": "apk", "os_id": "alpine"}
BUSYBOX = shutil.which("busybox")
pytestmark = pytest.mark.skipif(BUSYBOX is None, reason="needs the program busybox (scripts/setup.sh installs it)")

CASES: list[tuple[str, dict[str, Json]]] = [
    ("file.list", {"path": "{root}"}),
    ("file.find", {"path": "{root}", "name": "*.TXT", "hidden": False}),
    ("file.find", {"path": "{root}", "kind": "file", "exclude": "b*", "larger": 1, "mode": "0640"}),
    ("file.find", {"path": "{root}", "kind": "file", "since": 10**9 - 1, "before": 10**9 + 1}),
    ("file.find", {"path": "{root}", "hidden": True, "depth": 1}),
    ("file.find", {"path": "{root}", "empty": True}),
    ("file.tree", {"path": "{root}"}),
    ("file.count", {"path": "{root}"}),
    ("file.count", {"path": "{root}", "kind": "directory", "name": "s*", "depth": 1}),
    ("file.recent", {"path": "{root}"}),
    ("file.largest", {"path": "{root}"}),
    ("file.largest", {"path": "{root}", "larger": 7}),
    ("file.compare_directories", {"left": "{root}/sub dir", "right": "{root}/.hid"}),
    ("file.head", {"path": "{root}/a.txt", "lines": 2}),
    ("file.compare", {"left": "{root}/a.txt", "right": "{root}/b c.txt"}),
    ("file.count_lines", {"paths": ["{root}/a.txt", "{root}/b c.txt"]}),
    ("file.broken_links", {"path": "{root}"}),
    ("file.duplicates", {"path": "{root}", "larger": 1}),
    ("text.match", {"path": "{root}/a.txt", "text": "x", "context": 1, "ignore_case": True}),
    ("text.match", {"path": "{root}/a.txt", "text": "^[0-9]+$", "regex": True, "invert": True}),
    ("text.match", {"path": "{root}/a.txt", "text": "x", "whole_word": True}),
    ("text.count", {"path": "{root}/a.txt", "text": "x"}),
    ("text.extract", {"path": "{root}/a.txt", "pattern": "[0-9]+"}),
    ("text.lines", {"path": "{root}/a.txt", "first": 2, "last": 3}),
    ("text.lines", {"path": "{root}/a.txt", "first": 2}),
    ("text.sort", {"path": "{root}/a.txt"}),
    ("text.sort", {"path": "{root}/a.txt", "numeric": True, "reverse": True}),
    ("text.sort", {"path": "{root}/a.txt", "column": 2, "separator": "comma"}),
    ("text.unique", {"path": "{root}/a.txt"}),
    ("text.columns", {"path": "{root}/a.txt", "columns": [2]}),
    ("text.frequency", {"path": "{root}/a.txt"}),
    ("network.addresses", {}),
    ("network.addresses", {"interface": "lo"}),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    for place in (folder / "sub dir", folder / ".hid"):
        place.mkdir(parents=True)
        (place / "below.txt").write_text(place.name)
    (folder / "a.txt").write_bytes(b"x 1,9\n7\nX y,3\n\nxx 20\n7\nno end")
    (folder / "b c.txt").write_text("x 1,9\n8\n")
    (folder / "new\nline.txt").write_text("")
    (folder / "link").symlink_to("gone")
    (folder / "twin\nof it").write_text("x 1,9\n8\n")
    for path in (folder / "a.txt", folder / "b c.txt"):
        path.chmod(0o640)
        os.utime(path, (10**9, 10**9))
    return folder


@pytest.fixture(scope="module")
def applets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds busybox alone, under the names of its programs."""
    folder = tmp_path_factory.mktemp("applets")
    assert BUSYBOX is not None
    names = subprocess.run([BUSYBOX, "--list"], capture_output=True, check=True, text=True).stdout.split()
    for name in names:
        (folder / name).symlink_to(BUSYBOX)
    return folder


def placed(value: Json, root: Path) -> Json:
    if isinstance(value, list):
        return [placed(one, root) for one in value]
    return value.replace("{root}", str(root)) if isinstance(value, str) else value


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=[f"{name}-{place}" for place, (name, _) in enumerate(CASES)])
def test_busybox_answers_as_gnu_does(name: str, arguments: dict[str, Json], root: Path, applets: Path) -> None:
    intent, values = CATALOGUE[name], {key: placed(value, root) for key, value in arguments.items()}
    read, full = intent.operation_for(FACTS).read, with_defaults(CATALOGUE[name], values)
    assert read is not None
    step = run_step(intent, read.command, full, interrupt="kill")
    program = applets / step.argv[0]
    assert program.exists(), f"busybox has no {step.argv[0]}"
    done = subprocess.run(
        [str(program), *step.argv[1:]],
        capture_output=True,
        env={"PATH": str(applets), "LC_ALL": "C.UTF-8"},
        cwd="/",
        check=False,
    )
    assert done.returncode in step.ok_exit_codes, done
    rows = parse_output(read.parser, done.stdout, read.columns, parser_options(intent, read, full))
    expected = read_for_real(name, **values)
    common = [column.name for column in read.columns if expected and column.name in expected[0]]
    assert common or not expected

    def told(rows: list[Row]) -> list[list[str]]:
        return [
            [_plain(row[column]) for column in common if column != "size" or row.get("kind", "file") == "file"]
            for row in rows
        ]

    mine, theirs = told(rows), told(expected)
    if name.startswith("file.") and name != "file.compare":
        mine, theirs = sorted(mine), sorted(theirs)
    assert mine == theirs


def _plain(value: Json) -> str:
    """Return a value as both write it: seconds without a fraction, which busybox's stat leaves out."""
    return str(int(value)) if isinstance(value, float) else str(value)


def test_busybox_knows_the_links_and_the_processes(applets: Path) -> None:
    """What it counts and names differs a little from GNU's; the interface and the process of the test are there."""

    def rows_of(name: str, **values: Json) -> list[Row]:
        intent = CATALOGUE[name]
        read = intent.operation_for(FACTS).read
        assert read is not None
        step = run_step(intent, read.command, values, interrupt="kill")
        program = str(applets / step.argv[0])
        output = subprocess.run([program, *step.argv[1:]], capture_output=True, check=True).stdout
        return parse_output(read.parser, output, read.columns, parser_options(intent, read, values))

    (loopback,) = [row for row in rows_of("network.interfaces") if row["interface"] == "lo"]
    assert (loopback["mtu"], loopback["mac"]) == (65536, "00:00:00:00:00:00")
    account = Path(f"/proc/{os.getpid()}").owner()
    assert os.getpid() in [row["pid"] for row in rows_of("process.list", user=account)]
    assert rows_of("process.list", user="nobody-is-called-so") == []
