"""How a plan goes over its hosts, as options and settings say it."""

import json
from pathlib import Path

import pytest

from tests.support.command import Sayso


@pytest.fixture
def sayso(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Sayso:
    return Sayso(tmp_path, cache=tmp_path_factory.getbasetemp() / "sayso-cache")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--batches", "ten"), "neither a number of hosts nor a percentage"),
        (("--max-failures", "101%"), "neither a number of hosts nor a percentage"),
        (("--host-timeout", "soon"), "is no duration"),
        (("--pause",), "there is nobody to ask"),
    ],
)
def test_what_can_not_be_used_is_one_sentence(sayso: Sayso, words: tuple[str, ...], says: str) -> None:
    done = sayso.run(*words, "run", "memory.usage")
    assert done.status == 2
    assert says in done.stderr
    assert "Traceback" not in done.everything


def test_a_saved_plan_goes_over_its_hosts_as_it_says(sayso: Sayso, tmp_path: Path) -> None:
    (tmp_path / "app.conf").write_text("a\n")
    plan = ("plan", "-o", "fix.plan", "--max-failures", "2", "run", "file.set_mode", "path=app.conf", "mode=600")
    assert sayso.run(*plan).status == 0
    refused = sayso.run("--yes", "--batches", "1", "apply", "fix.plan")
    assert refused.status == 2
    assert "as it says" in refused.stderr
    done = json.loads(sayso.run("--json", "--yes", "apply", "fix.plan").stdout)
    assert done["exit_status"] == 0
    assert done["plan"]["max_failures"] == "2"


def test_settings_hold_where_no_option_does(sayso: Sayso) -> None:
    shown = sayso.run("config", "--batches", "2,50%").stdout
    assert "batches = 2,50%  (argument)" in shown
    assert "hosts_at_once = 20  (default)" in shown
