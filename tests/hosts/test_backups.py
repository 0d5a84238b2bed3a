"""The backup store on a real host: what an edit keeps there, and what cleaning takes away."""

import time
from pathlib import Path

import pytest

from executors.backups import list_backups, remove_backups, store_of, to_remove
from shell.exit_status import ExitStatus
from shell.road import Options
from tests.support.hosts import Host, requires_hosts
from tests.support.sessions import Approver, session_in

pytestmark = [pytest.mark.sshd, requires_hosts]


def test_an_edit_keeps_the_old_content_until_it_is_cleaned(host: Host, tmp_path: Path) -> None:
    host.run_inside("tee", "/home/ops/kept.conf", stdin="a\n", user="ops")
    config = tmp_path / "ssh_config"
    config.write_text(host.ssh_config("ops", "ops"))
    with session_in(tmp_path, ssh_configs=(config,), door="terminal", person=Approver()) as session:
        operation = ("file.append_line", ["path=/home/ops/kept.conf", "line=b"])
        done = session.run_intents([operation], Options(on="ops"))
        assert done.status is ExitStatus.DONE, done.fault
        target = host.target("ops")
        kept = list_backups(target)
        assert store_of(target) == "/home/ops/.local/state/sayso/backups"
        assert {one.size_bytes for one in kept} >= {2}
        remove_backups(target, to_remove(kept, now=time.time() + 10, older_than_s=1.0))
        assert list_backups(target) == ()
        undone = session.undo(done.record, Options())
        assert undone.status is ExitStatus.REFUSED
        assert undone.fault is not None
        assert "backup" in undone.fault.message
