"""Every playbook of the catalogue on a real host, by the same rows as all changes (`test_every_change.py`).

A file of its own, so that another process of the tests takes it.
"""

import pytest

from shell.session import Session
from tests.support.change_rows import CASES, Case, go_round, is_playbook
from tests.support.hosts import Host, requires_hosts
from tests.support.sessions import Approver

pytestmark = [pytest.mark.sshd, requires_hosts]


@pytest.mark.parametrize(
    "case", [one for one in CASES if is_playbook(one)], ids=lambda case: f"{case.intent}: {case.name}"
)
def test_a_playbook_goes_round(case: Case, row_host: Host, row_session: Session, row_person: Approver) -> None:
    go_round(case, row_host, row_session, row_person)
