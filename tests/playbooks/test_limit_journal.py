"""Our playbooks as they are: ansible-lint's strictest profile, and a dry run through the session. Nothing is changed."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from executors.local import LocalTransport
from intents.errors import StepError
from playbooks.library import PLAYBOOKS, find_playbook, playbook_names
from shell.consoles import open_console
from shell.contract import to_json
from shell.exit_status import ExitStatus
from shell.render_plan import render_plan
from shell.road import Options
from tests.support.sessions import session_in

SCHEMA = Path(__file__).resolve().parents[2] / "shell" / "schema" / "sayso-1.schema.json"


def _may_be_root() -> bool:
    if os.geteuid() == 0:
        return True
    try:
        return LocalTransport().run(["true"], as_user="root").exit_code == 0
    except StepError:
        return False


@pytest.mark.slow
def test_our_playbooks_pass_the_production_profile(tmp_path: Path) -> None:
    lint = Path(sys.executable).parent / "ansible-lint"
    paths = [str(find_playbook(name).path) for name in playbook_names()]
    command = [str(lint), "--offline", "--nocolor", "--profile", "production", "--project-dir", str(PLAYBOOKS), *paths]
    environment = {"PATH": f"{lint.parent}:/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not _may_be_root(), reason="the playbook acts as root, and sudo wants a password here")
def test_the_dry_run_tells_the_drop_in_and_changes_nothing(tmp_path: Path) -> None:
    drop_in = Path("/etc/systemd/journald.conf.d/90-sayso.conf")
    if drop_in.exists():
        pytest.skip("this machine's journal is already limited by sayso")
    with session_in(tmp_path) as session:
        response = session.run_intent("log.limit_journal", ["size=500 MB"], Options(dry_run=True))
        refused = session.run_intent("log.limit_journal", ["size=500"], Options(dry_run=True))
    assert response.status is ExitStatus.DONE, response.fault
    assert not drop_in.exists()
    document = to_json(response)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert response.plan is not None
    (planned,) = response.plan.stages[0].hosts["local"]
    assert planned.effect.value == "will change"
    assert f"--- /dev/null\n+++ {drop_in}\n" in planned.diff
    assert "+SystemMaxUse=500000000\n" in planned.diff
    plan = document["plan"]
    assert isinstance(plan, dict)
    step = plan["stages"][0]["hosts"]["local"][0]
    assert isinstance(step, dict)
    assert step["playbook"] == "limit_journal"
    assert step["variables"] == {"max_bytes": "500000000"}
    shown = io.StringIO()
    render_plan(response.plan, open_console(shown, {}, is_terminal=False, use_color=False, plain_width=200))
    assert "playbook limit_journal max_bytes=500000000  [as root]" in shown.getvalue()
    assert "Can't be undone: the limit from before isn't kept" in shown.getvalue()
    assert refused.fault is not None
    assert "the least is 16 MiB" in refused.fault.message
