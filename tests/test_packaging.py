"""The wheel: one folder, everything in it, and ours wins over foreign folders of the same names."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("shell", "executors", "history", "playbooks", "intents")
HEAVY = {"llama_cpp", "paramiko", "ansible_runner", "pydantic", "numpy", "sqlite_utils"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's own wheel, built from a copy so that parallel tests don't share a build folder."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source)
    builder = ["uv", "build", "--wheel", "--out-dir", str(folder), str(source)]
    if shutil.which("uv") is None:  # then pip made the environment, and is in it
        builder = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(folder), str(source)]
    done = subprocess.run(builder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def sayso(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in a clean environment that sees the dependencies of the one that runs the tests, but not our checkout."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    installer = ["uv", "pip", "install", "--offline", "--no-deps", "--python", str(python), str(wheel)]
    if shutil.which("uv") is None:
        pip = [sys.executable, "-m", "pip", "--python", str(python), "install"]
        installer = [*pip, "--no-index", "--no-deps", str(wheel)]
    done = subprocess.run(installer, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    dependencies = sysconfig.get_path("purelib")
    site = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    # A folder named in a .pth is a plain path: the editable install that lies in it stays out.
    (site / "dependencies.pth").write_text(f"{dependencies}\n")
    return folder / "bin" / "sayso"


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Path]:
    """A folder with packages of our names that must never be imported."""
    for name in PACKAGES:
        package = tmp_path / name
        package.mkdir()
        (package / "__init__.py").write_text("raise SystemExit('a foreign package was imported')\n")
    yield tmp_path
    assert not list(tmp_path.rglob("*.pyc"))


def run(sayso: Path, *words: str, cwd: Path, python_path: str = "") -> "subprocess.CompletedProcess[str]":
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SAYSO"))},
        "HOME": str(cwd),
        "XDG_CONFIG_HOME": str(cwd / "c"),
        "XDG_STATE_HOME": str(cwd / "s"),
        "XDG_CACHE_HOME": str(cwd / "k"),
    }
    if python_path:
        environment["PYTHONPATH"] = python_path
    return subprocess.run([str(sayso), *words], check=False, capture_output=True, text=True, cwd=cwd, env=environment)


def test_the_wheel_has_one_folder_and_everything_in_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"sayso"}
    for path in ROOT.joinpath("intents", "packs").rglob("*.yml"):
        assert f"sayso/{path.relative_to(ROOT)}" in names
    for needed in (
        "intents/model/encoder.gguf",
        "intents/model/manifest.json",
        "intents/model/head.npz",
        "intents/packs/SHA256SUMS",
        "intents/model/tagger.npz",
        "intents/model/everyday.txt",
        "shell/schema/sayso-1.schema.json",
        "shell/schema/sayso-commands-1.schema.json",
    ):
        assert f"sayso/{needed}" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)


def test_the_list_of_packages_is_that_of_the_folders() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {
        "sayso." + str(path.parent.relative_to(ROOT)).replace("/", ".")
        for name in PACKAGES
        for path in (ROOT / name).rglob("__init__.py")
    }
    assert listed == folders


def test_the_installed_command_works_beside_hostile_folders(sayso: Path, hostile: Path) -> None:
    version = run(sayso, "--version", cwd=hostile, python_path=str(hostile))
    assert version.stdout.startswith("sayso "), version.stderr
    read = run(sayso, "--json", "run", "host.os", cwd=hostile, python_path=str(hostile))
    assert read.returncode == 0, read.stderr
    assert '"kind": "match"' in read.stdout


@pytest.mark.model
def test_the_installed_command_understands_english(sayso: Path, tmp_path: Path) -> None:
    done = run(sayso, "--json", "how full are the disks", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"intent": "disk.usage"' in done.stdout


@pytest.mark.parametrize("words", [["--version"], ["history"], ["--help"]])
def test_light_commands_load_nothing_heavy(sayso: Path, tmp_path: Path, words: list[str]) -> None:
    assert run(sayso, "run", "host.os", cwd=tmp_path).returncode == 0, "so that there is a history"
    done = subprocess.run(
        [str(sayso.parent / "python"), "-X", "importtime", str(sayso), *words],
        check=True, capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "s"), "XDG_CONFIG_HOME": str(tmp_path / "c")},
    )  # fmt: skip
    loaded = {
        line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines() if "import time:" in line
    }
    assert loaded & HEAVY == set()
