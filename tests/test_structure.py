"""The structure: five packages on three floors, imports one way, every file tied and of one subject."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("shell", "executors", "history", "playbooks", "intents")
SOURCES = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))
LONGEST_FILE_LINES = 600

MAY_START_PROCESSES = {"executors/local.py", "executors/ssh_processes.py"}
FORBIDDEN_CALLS = {
    "eval", "exec", "compile", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load", "yaml.full_load",
    "pickle.load", "pickle.loads", "marshal.loads", "subprocess.getoutput", "subprocess.getstatusoutput",
}  # fmt: skip
"""Each of them turns text into something that runs."""


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_by(path: Path) -> Iterator[str]:
    """Every module name that a file may import, those inside functions too; `from a import b` may name a.b."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls_in(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call))


def test_imports_run_one_way() -> None:
    command = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([str(command), "--no-cache"], check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_every_file_is_tied_to_the_command_or_a_script() -> None:
    files = {module_of(path): path for path in SOURCES}
    tied = set[Path]()
    pending = [files["shell.launch"], *SCRIPTS]
    while pending:
        path = pending.pop()
        if path in tied:
            continue
        tied.add(path)
        for name in imported_by(path):
            parts = name.split(".")
            names = [".".join(parts[: count + 1]) for count in range(len(parts))]
            pending += [files[one] for one in names if one in files]
    packages = {ROOT / name / "__init__.py" for name in PACKAGES}  # Python imports these with any module below
    assert [relative(path) for path in SOURCES if path not in tied | packages] == []


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_file_has_one_subject_and_says_which(path: Path) -> None:
    assert ast.get_docstring(parsed(path)), "the first line of a file says what it is for"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE_LINES


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_only_the_local_transport_starts_processes(path: Path) -> None:
    if relative(path) in MAY_START_PROCESSES:
        return
    starters = {"subprocess", "pty", "multiprocessing", "os.system", "os.popen"}
    assert starters.isdisjoint(imported_by(path))


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_text_becomes_code_and_nothing_is_printed(path: Path) -> None:
    called = {ast.unparse(call.func) for call in calls_in(path)}
    assert not called & FORBIDDEN_CALLS
    assert "print" not in called, "what people see goes through the consoles"


@pytest.mark.parametrize("path", [*SOURCES, *SCRIPTS], ids=relative)
def test_no_process_gets_a_shell(path: Path) -> None:
    assert not [
        call
        for call in calls_in(path)
        for keyword in call.keywords
        if keyword.arg == "shell" and ast.unparse(keyword.value) != "False"
    ]


def test_every_pack_stays_readable() -> None:
    for path in (ROOT / "intents" / "packs").rglob("*.yml"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE_LINES, relative(path)
