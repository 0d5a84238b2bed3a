"""The package intents on a real apt: its own root, a repository of four tiny packages, and nothing of this machine.

apt reads its configuration from `APT_CONFIG` first, so the vectors run exactly as the catalogue makes them.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from executors.edits import apply_edit
from executors.state import run_step
from intents.catalogue import Catalogue
from intents.intent import Command, Intent
from intents.parsers import parse_output
from intents.values import Json, Row

CATALOGUE = Catalogue.load()
PROGRAMS = ("apt-get", "apt-cache", "dpkg", "dpkg-deb", "dpkg-scanpackages")
pytestmark = pytest.mark.skipif(
    not all(shutil.which(program) for program in PROGRAMS), reason=f"needs {', '.join(PROGRAMS)}"
)

PACKAGES = (
    ("apple", "1.0", "pear (>= 1.0)"),
    ("pear", "1.0", ""),
    ("plum", "1.0", ""),
    ("plum", "2.0", ""),
)


@dataclass(frozen=True)
class Apt:
    """A private apt."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "APT_CONFIG": str(self.folder / "apt.conf"),
            "DPKG_ADMINDIR": str(self.folder / "root/var/lib/dpkg"),
            "DEBIAN_FRONTEND": "noninteractive",
        }

    def run(self, intent: Intent, command: Command, values: Mapping[str, Json]) -> bytes:
        """Run a vector of an intent as the catalogue makes it."""
        step = run_step(intent, command, values, interrupt="kill")
        done = subprocess.run(step.argv, capture_output=True, env=self.environment, timeout=120, check=False)
        assert done.returncode in step.ok_exit_codes, (step.argv, done.stdout, done.stderr)
        return done.stdout

    def would(self, name: str, *packages: str) -> list[tuple[Json, ...]]:
        """Return what the simulation of an intent says."""
        intent = CATALOGUE[name]
        simulate = intent.operation.simulate
        assert simulate is not None
        output = self.run(intent, simulate.command, {"packages": list(packages)} if packages else {})
        return [tuple(row.values()) for row in parse_output(simulate.parser, output, simulate.columns)]

    def state(self, name: str, *packages: str) -> Row:
        """Return the state that an intent reads."""
        intent = CATALOGUE[name]
        state = intent.operation.state
        assert state is not None
        (row,) = parse_output(
            state.parser, self.run(intent, state.command, {"packages": list(packages)}), state.columns
        )
        return row

    def do(self, name: str, *packages: str) -> None:
        """Make the change of an intent."""
        intent = CATALOGUE[name]
        change = intent.operation.change
        assert change is not None
        self.run(intent, change, {"packages": list(packages)} if packages else {})

    def read(self, name: str, **values: Json) -> list[Row]:
        """Return the rows of a read."""
        intent = CATALOGUE[name]
        read = intent.operation.read
        assert read is not None
        return parse_output(read.parser, self.run(intent, read.command, values), read.columns)

    @property
    def installed(self) -> dict[Json, Json]:
        return {row["name"]: row["version"] for row in self.read("package.list")}


@pytest.fixture
def apt(tmp_path: Path) -> Apt:
    """An apt whose lists are still to be fetched."""
    repository, root = tmp_path / "repository", tmp_path / "root"
    repository.mkdir()
    for name, version, depends in PACKAGES:
        tree = tmp_path / f"{name}-{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "usr/share" / name).mkdir(parents=True)
        (tree / "usr/share" / name / "version").write_text(version)
        control = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: T <t@example.org>\n"
        control += f"Depends: {depends}\n" if depends else ""
        (tree / "DEBIAN/control").write_text(f"{control}Description: a fruit called {name}\n")
        built = repository / f"{name}_{version}_all.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "--build", tree, built], check=True, capture_output=True, timeout=60
        )
    listed = subprocess.run(
        ["dpkg-scanpackages", "--multiversion", "."], cwd=repository, check=True, capture_output=True, timeout=60
    )
    (repository / "Packages").write_bytes(listed.stdout)
    for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/apt/lists/partial", "var/log/apt",
                   "var/cache/apt/archives/partial", "etc/apt/apt.conf.d", "etc/apt/preferences.d"):  # fmt: skip
        (root / folder).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    (root / "etc/apt/sources.list").write_text(f"deb [trusted=yes] file:{repository} ./\n")
    (tmp_path / "apt.conf").write_text(
        f'Dir "{root}";\nDir::Bin::dpkg "{shutil.which("dpkg")}";\nDir::State::status "{root}/var/lib/dpkg/status";\n'
        f'APT::Sandbox::User "";\nDPkg::Options {{ "--root={root}"; "--force-not-root"; "--force-bad-path"; }};\n'
        'Dpkg::Use-Pty "false";\n'
    )
    return Apt(tmp_path)


@pytest.fixture
def ready(apt: Apt) -> Apt:
    """An apt that has fetched its lists."""
    apt.do("package.update_index")
    return apt


def test_packages_are_known_once_the_lists_are_fetched(apt: Apt) -> None:
    assert apt.read("package.search", text="fruit") == []
    apt.do("package.update_index")
    found = apt.read("package.search", text="fruit called p")
    assert sorted(str(row["name"]) for row in found) == ["pear", "plum"]


def test_an_unreachable_repository_is_no_success(apt: Apt) -> None:
    (apt.folder / "repository/Packages").unlink()
    with pytest.raises(AssertionError, match="index files failed"):
        apt.do("package.update_index")


def test_what_is_installed_is_what_the_simulation_said(ready: Apt) -> None:
    assert ready.would("package.install", "apple") == [
        ("install", "pear", None, "1.0"),
        ("install", "apple", None, "1.0"),
    ]
    assert ready.installed == {}
    ready.do("package.install", "apple")
    assert ready.installed == {"pear": "1.0", "apple": "1.0"}
    assert ready.would("package.install", "apple") == []
    assert ready.state("package.install", "apple")["changes"] == 0


def test_a_removal_takes_what_needs_it_and_the_state_before_names_all(ready: Apt) -> None:
    ready.do("package.install", "apple")
    before = ready.state("package.remove", "pear")
    assert ready.would("package.remove", "pear") == [("remove", "apple", "1.0", None), ("remove", "pear", "1.0", None)]
    ready.do("package.remove", "pear")
    assert ready.installed == {}
    gone = before["gone"]
    assert isinstance(gone, list)
    ready.do("package.install", *[str(name) for name in gone])
    assert ready.installed == {"pear": "1.0", "apple": "1.0"}


def test_an_install_names_for_its_inverse_only_what_came_new(ready: Apt) -> None:
    ready.do("package.install", "pear")
    assert ready.state("package.install", "apple", "pear")["new"] == ["apple"]


def test_an_install_leaves_an_older_version_alone_and_an_upgrade_does_not(ready: Apt) -> None:
    old = ready.folder / "repository/plum_1.0_all.deb"
    subprocess.run(
        ["apt-get", "-y", "-q", "install", old], env=ready.environment, check=True, capture_output=True, timeout=60
    )
    assert ready.would("package.install", "plum") == []
    expected: list[tuple[Json, ...]] = [("upgrade", "plum", "1.0", "2.0")]
    assert ready.would("package.upgrade", "plum") == expected
    assert ready.would("package.upgrade_all") == expected
    assert ready.read("package.info", packages=["plum"]) == [{"name": "plum", "installed": "1.0", "candidate": "2.0"}]
    ready.do("package.upgrade", "plum")
    assert ready.installed == {"plum": "2.0"}
    assert ready.would("package.upgrade_all") == []
    ready.do("package.upgrade_all")


def test_an_upgrade_never_installs(ready: Apt) -> None:
    assert ready.would("package.upgrade", "apple") == []
    ready.do("package.upgrade", "apple")
    assert ready.installed == {}


def test_an_unknown_package_is_an_error_not_an_empty_plan(ready: Apt) -> None:
    for name in ("package.install", "package.remove", "package.upgrade"):
        with pytest.raises(AssertionError, match="Unable to locate package nosuch"):
            ready.would(name, "nosuch")


def test_what_an_upgrade_would_download_is_known_before(ready: Apt) -> None:
    old = ready.folder / "repository/plum_1.0_all.deb"
    subprocess.run(
        ["apt-get", "-y", "-q", "install", old], env=ready.environment, check=True, capture_output=True, timeout=60
    )
    size = (ready.folder / "repository/plum_2.0_all.deb").stat().st_size
    (row,) = ready.read("package.download_size")
    assert (row["name"], row["size"]) == ("plum", size)
    assert str(row["url"]).endswith("/plum_2.0_all.deb")


def test_a_package_is_described_whether_it_is_installed_or_not(ready: Apt) -> None:
    (row,) = ready.read("package.describe", package="plum")
    assert (row["name"], row["summary"]) == ("plum", "a fruit called plum")


def test_only_what_was_asked_for_was_chosen(ready: Apt) -> None:
    ready.do("package.install", "apple")
    assert ready.read("package.chosen") == [{"name": "apple"}]


def test_a_purge_takes_the_package_and_is_done_once(ready: Apt) -> None:
    ready.do("package.install", "plum")
    assert ready.would("package.purge", "plum") == [("purge", "plum", "2.0", None)]
    ready.do("package.purge", "plum")
    assert ready.installed == {}
    assert ready.state("package.purge", "plum")["changes"] == 0


def test_a_half_installation_is_seen_and_finished_with_what_it_lacks(ready: Apt) -> None:
    package = ready.folder / "repository/apple_1.0_all.deb"
    root = ready.folder / "root"
    subprocess.run(
        ["dpkg", f"--root={root}", "--force-not-root", "--force-bad-path", "--unpack", package],
        env=ready.environment, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert ready.would("package.repair") == [
        ("install", "pear", None, "1.0"),
        ("configure", "apple", None, "1.0"),
    ]
    ready.do("package.repair")
    assert ready.installed == {"pear": "1.0", "apple": "1.0"}
    assert ready.would("package.repair") == []


def test_apt_reads_a_repository_that_was_added(apt: Apt) -> None:
    key = apt.folder / "key.asc"
    key.write_text("no key\n")
    source = {"url": "https://packages.example.org/debian", "suite": "bookworm", "components": "main", "key": str(key)}
    content = apply_edit("write_apt_source", b"", source)
    assert content is not None
    folder = apt.folder / "root/etc/apt/sources.list.d"
    folder.mkdir()
    (folder / "example.sources").write_bytes(content)
    argv = ["apt-get", "--print-uris", "update"]
    done = subprocess.run(argv, env=apt.environment, capture_output=True, text=True, timeout=60, check=True)
    assert "'https://packages.example.org/debian/dists/bookworm/InRelease'" in done.stdout
    assert done.stderr == ""
