"""Hardening SSH locks nobody out: what would is refused, and the armed rollback knows the file."""

import pytest

from executors.guard_cuts import Cut
from executors.guard_rollback import new_guard_id, rollback_for_step
from shell.road import Options
from shell.session import Session
from tests.support.hosts import Host, requires_hosts
from tests.support.playbook_runs import dry_run

pytestmark = [pytest.mark.sshd, requires_hosts]

DROP_IN = "/etc/ssh/sshd_config.d/00-sayso-hardening.conf"


@pytest.mark.parametrize(
    ("account", "pairs"), [("ops", ["groups=adm"]), ("box", ["root=not at all"])], ids=["its groups", "root itself"]
)
def test_settings_that_would_lock_the_account_in_use_out_are_refused(
    account: str, pairs: list[str], session: Session
) -> None:
    response = session.run_intent("ssh.harden", pairs, Options(on=account, dry_run=True))
    assert response.fault is not None
    assert "couldn't log in any more" in response.fault.message


def test_the_armed_rollback_takes_the_settings_away_again(host: Host, session: Session) -> None:
    planned = dry_run(session, "ssh.harden", [], on="box")
    assert planned.guard is not None
    cut = Cut(("ssh",), planned.guard)
    rollback = rollback_for_step(planned, cut, host.target(), guard_id=new_guard_id())
    host.path(DROP_IN).write_text("MaxAuthTries 1\n")
    for vector in rollback.vectors:
        host.run_inside(*vector)
    assert not host.path(DROP_IN).exists()
    assert any("reload-or-restart" in vector for vector in rollback.vectors)
