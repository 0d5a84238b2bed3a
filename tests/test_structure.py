"""The structure: five packages on three floors, imports one way, files of one subject."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("shell", "executors", "history", "playbooks", "intents")
SOURCES = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
MAY_START_PROCESSES = {"executors/local.py"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_run_one_way() -> None:
    command = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([str(command), "--no-cache"], check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_every_file_keeps_the_house_rules(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    name = relative(path)
    assert len(text.splitlines()) <= 600, "is it one subject?"
    assert text.lstrip().startswith(('"""', 'r"""')), "a module says what it is for"
    if name not in MAY_START_PROCESSES:
        assert not re.search(r"^\s*(import subprocess|from subprocess)", text, re.MULTILINE), (
            "only the local transport starts processes"
        )
    assert "shell=True" not in text
    assert not re.search(r"\b(os\.system|os\.popen|pickle\.loads?|yaml\.load|eval|exec)\(", text)
    assert not re.search(r"(?<![\w.])print\(", text), "what people see goes through the consoles"


def test_every_pack_stays_readable() -> None:
    for path in (ROOT / "intents" / "packs").rglob("*.yml"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 600, relative(path)
