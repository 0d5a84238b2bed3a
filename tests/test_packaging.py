"""The wheel: one folder, everything in it, and ours wins over foreign folders of the same names."""

import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"llama_cpp", "paramiko", "ansible_runner", "pydantic", "numpy", "sqlite_utils"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's own wheel, built from a copy so that parallel tests don't share a build folder."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    names = [
        "shell",
        "executors",
        "history",
        "playbooks",
        "intents",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "NOTICE",
    ]
    source.mkdir()
    for name in names:
        subprocess.run(["cp", "-r", "--", str(ROOT / name), str(source)], check=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "--version"], check=False, capture_output=True
    )  # the environment may be uv's, which has no pip: then uv builds
    builder = ["uv", "build", "--wheel", "--out-dir", str(folder), str(source)]
    if subprocess.run(["uv", "--version"], check=False, capture_output=True).returncode != 0:
        builder = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(folder), str(source)]
    done = subprocess.run(builder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def sayso(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in a clean environment that sees the dependencies of the one that runs the tests, but not our checkout."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=False)
    site = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)  # noqa: S202 - our own wheel
    dependencies = next(Path(entry) for entry in sys.path if entry.endswith("site-packages"))
    (site / "dependencies.pth").write_text(f"{dependencies}\n")
    command = folder / "bin" / "sayso"
    command.write_text(f"#!{folder}/bin/python\nimport sys\nfrom sayso.shell.launch import main\nsys.exit(main())\n")
    command.chmod(0o755)
    return command


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Path]:
    """A folder with packages of our names that must never be imported."""
    for name in ("intents", "shell", "executors", "history", "playbooks"):
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
        "intents/packs/SHA256SUMS",
        "intents/data/out_of_scope.txt",
    ):
        assert f"sayso/{needed}" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)


def test_the_list_of_packages_is_that_of_the_folders() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {
        "sayso." + str(path.parent.relative_to(ROOT)).replace("/", ".")
        for name in ("shell", "executors", "history", "playbooks", "intents")
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
