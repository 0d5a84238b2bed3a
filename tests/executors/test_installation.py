"""sayso's own program can't be changed through sayso: code, console script, environment, interpreter, and what is above."""

import sys
import sysconfig
from pathlib import Path

import pytest

from executors.host_paths import HostPaths
from executors.installation import installation, programs_of
from executors.local import LocalTransport
from executors.protected import Protected, refuse_protected
from executors.state import Target
from executors.step_planning import implied_effects
from intents.catalogue import Catalogue
from intents.errors import PolicyError

CATALOGUE = Catalogue.load()
ENVIRONMENT = Path(sys.prefix)
PACKAGES = Path(sysconfig.get_path("purelib"))
ROOT = Path(__file__).resolve().parents[2]


def here() -> Target:
    transport = LocalTransport()
    return Target("local", transport, {}, transport.login())


def why_refused(intent: str, **values: str) -> str:
    with pytest.raises(PolicyError) as caught:
        refuse_protected(CATALOGUE[intent], values, here(), Protected(), cancel=None)
    return caught.value.rule


@pytest.mark.parametrize(
    "path",
    [
        ENVIRONMENT,
        ENVIRONMENT / "bin" / "sayso",
        ENVIRONMENT / "pyvenv.cfg",
        PACKAGES,
        PACKAGES / "sayso.pth",
        Path(sys.executable),
        Path(sys.executable).resolve(),
        Path(sys.base_prefix),
        ROOT / "shell" / "cli.py",
    ],
)
def test_no_part_of_the_program_is_changed_or_deleted(path: Path) -> None:
    assert why_refused("file.set_mode", path=str(path), mode="0777").startswith("protected: ")
    assert why_refused("file.append_line", path=str(path), line="x").startswith("protected: ")
    assert why_refused("file.delete", path=str(path)).startswith("protected: ")
    assert why_refused("file.move", source=str(path), target="/srv/elsewhere").startswith("protected: ")


@pytest.mark.parametrize(
    "folder", [ENVIRONMENT.parent, ENVIRONMENT.resolve().parent, ROOT, Path(sys.base_prefix).parent]
)
def test_no_folder_above_the_program_is_given_away_or_removed(folder: Path) -> None:
    assert "protected" in why_refused("file.set_owner", path=str(folder), owner="root")
    assert "protected" in why_refused("file.set_mode", path=str(folder), mode="0777")
    assert "protected" in why_refused("file.move", source=str(folder), target="/srv/elsewhere")


def test_a_link_to_the_environment_is_no_way_around(tmp_path: Path) -> None:
    (tmp_path / "tools").symlink_to(ENVIRONMENT)
    assert "protected" in why_refused("file.append_line", path=str(tmp_path / "tools" / "bin" / "sayso"), line="x")


def test_what_comes_to_lie_where_python_imports_from_makes_something_run_later(tmp_path: Path) -> None:
    host = here()
    for path in (ROOT / "json.py", ENVIRONMENT / "bin" / "sayso", PACKAGES / "zz.pth"):
        effects = implied_effects(
            CATALOGUE["file.append_line"], {"path": str(path), "line": "x"}, host, HostPaths(host.transport)
        )
        assert {"execution", "persistence"} <= set(effects)
    plain = {"path": str(tmp_path / "json.py"), "line": "x"}
    assert implied_effects(CATALOGUE["file.append_line"], plain, host, HostPaths(host.transport)) == ()


def test_a_script_that_is_started_by_a_link_is_protected_as_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "sayso"
    link.symlink_to(ENVIRONMENT / "bin" / "python")
    monkeypatch.setattr(sys, "argv", [str(link)])
    installation.cache_clear()
    try:
        assert str(link) in installation().trees
    finally:
        installation.cache_clear()


def test_another_host_has_no_program_of_ours() -> None:
    assert programs_of("web1") == ()
